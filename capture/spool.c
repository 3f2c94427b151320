// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "capture/retain.h"
#include "capture/target.h"

#define MAX_FILES  1000000
#define MAX_RECORD 131072 /* ours has half of it, and what sending adds */

bool spool_is_waiting(int dir)
{
	static const char field[] = "\"spool\":true";
	_cleanup_close_ int fd = openat(dir, crash_file_name(CRASH_RECORD),
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = malloc(MAX_RECORD);
	struct stat st;
	ssize_t len;

	if (fd < 0 || !text || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	len = pread(fd, text, MAX_RECORD, 0);
	return len > 0 && memmem(text, (size_t)len, field, strlen(field));
}

/* ---- how much there is */

struct count {
	uid_t owner;
	uint64_t files, bytes;
};

static void add(struct count *c, const struct stat *st)
{
	uint64_t bytes;

	if (!num_mul((uint64_t)st->st_blocks, 512, &bytes) ||
	    !num_add(c->bytes, bytes, &c->bytes) || ++c->files > MAX_FILES)
		c->bytes = UINT64_MAX;
}

static DIR *open_dir(int base, const char *name)
{
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* One crash: its files, which lie in its folder itself. */
static void count_crash(struct count *c, int base, const char *name)
{
	DIR *d = open_dir(base, name);
	const struct dirent *e;
	struct stat st;

	if (!d)
		return;
	if (!fstat(dirfd(d), &st) && st.st_uid == c->owner)
		while (c->bytes != UINT64_MAX && (e = readdir(d)))
			if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
			    S_ISREG(st.st_mode))
				add(c, &st);
	closedir(d);
}

int spool_used(const char *folder, const char *mine, uint64_t *ret, struct err *err)
{
	DIR *d = open_dir(AT_FDCWD, folder);
	struct count c = {0};
	const struct dirent *e;
	uint64_t time, number;
	struct stat st;

	if (!d)
		return err_sys(err, errno, "%s: open", folder);
	if (stat(mine, &st)) {
		err_sys(err, errno, "%s", mine);
		closedir(d);
		return err->code;
	}
	c.owner = st.st_uid;
	for (uint64_t n = 0; c.bytes != UINT64_MAX && (e = readdir(d)); n++) {
		if (n > MAX_FILES)
			c.bytes = UINT64_MAX;
		else if (retain_parse_name(e->d_name, &time, &number))
			count_crash(&c, dirfd(d), e->d_name);
	}
	closedir(d);
	*ret = c.bytes;
	return 0;
}
