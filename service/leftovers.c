// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"

#define MAX_DEPTH     3 /* systemd-pstore: a folder for each crash, one in it for each part */
#define MAX_NAMES     4096
#define SEEN_MAX_SIZE ((size_t)SHA256_TEXT * LEFTOVERS_FILES * 2)

static const char *const folders[] = {"/sys/fs/pstore", "/var/lib/systemd/pstore"};

struct search {
	struct leftovers *found;
	uint64_t since;
	char *seen; /* lines of digests, as of the last time */
	char *now;  /* likewise, of this time */
	size_t now_len;
	size_t files, names;
};

/*
 * What a record of a panic has: the kernel's first line, "Panic#1 Part1" (fs/pstore/platform.c, pstore_dump()), or the panic's
 * own, also in what the capture kernel left of the log. Of an oops that was survived there is neither.
 */
static bool is_panic(const char *text, size_t len, char ret[256])
{
	static const char first[] = "Panic#", line[] = "Kernel panic - not syncing";
	const char *at = memmem(text, len, line, strlen(line));

	*ret = '\0';
	if (at) {
		size_t n = (size_t)(text + len - at);
		const char *end = memchr(at, '\n', n);

		n = end ? (size_t)(end - at) : n;
		n = NUM_MIN(strnlen(at, n), (size_t)255);
		memcpy(ret, at, n);
		ret[n] = '\0';
		return true;
	}
	return len >= strlen(first) && memcmp(text, first, strlen(first)) == 0;
}

static ssize_t read_some(int fd, char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	do {
		n = read(fd, buf + done, size - done);
		if (n > 0)
			done += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 && !done ? -1 : (ssize_t)done;
}

/* A name of a record: "dmesg-efi_pstore-1700000000", "pmsg-ramoops-0". */
static bool is_record(const char *name)
{
	return strncmp(name, "dmesg-", 6) == 0 || strncmp(name, "pmsg-", 5) == 0;
}

static void look_at_file(struct search *f, int dir, const char *folder, const char *name, char *buf)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char panic[256], text[SHA256_TEXT + 1];
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	len = read_some(fd, buf, LEFTOVERS_SIZE);
	if (len <= 0 || !is_panic(buf, (size_t)len, panic))
		return;
	sha256_init(&sha);
	sha256_update(&sha, buf, (size_t)len);
	sha256_final(&sha, digest);
	sha256_text(digest, text);
	strcat(text, "\n");
	memcpy(f->now + f->now_len, text, SHA256_TEXT);
	f->now_len += SHA256_TEXT;
	f->files++;
	if (strstr(f->seen, text) || (st.st_mtime > 0 && (uint64_t)st.st_mtime < f->since) ||
	    (f->found->found && (*f->found->panic || !*panic)))
		return;
	f->found->found = true;
	f->found->time = st.st_mtime > 0 ? (uint64_t)st.st_mtime : 0;
	snprintf(f->found->where, sizeof(f->found->where), "%s/%s", folder, name);
	memcpy(f->found->panic, panic, sizeof(panic));
	memcpy(f->found->digest, digest, sizeof(digest));
}

static void look_at_folder(struct search *f, int fd, const char *folder, int depth, char *buf)
{
	DIR *d = fdopendir(fd);
	const struct dirent *e;

	if (!d) {
		close(fd);
		return;
	}
	while (f->files < LEFTOVERS_FILES && f->names++ < MAX_NAMES && (e = readdir(d))) {
		_cleanup_free_ char *below = NULL;
		int sub;

		if (e->d_name[0] == '.')
			continue;
		if (is_record(e->d_name)) {
			look_at_file(f, dirfd(d), folder, e->d_name, buf);
			continue;
		}
		sub = depth < MAX_DEPTH ? openat(dirfd(d), e->d_name,
						 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
					: -1;
		if (sub < 0)
			continue;
		if (asprintf(&below, "%s/%s", folder, e->d_name) < 0) {
			below = NULL;
			close(sub);
			break;
		}
		look_at_folder(f, sub, below, depth + 1, buf);
	}
	closedir(d);
}

/* A file that is not there, or makes no sense: nothing was seen. */
static char *read_seen(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct err ignored;
	char *text;
	size_t len;

	if (fd < 0 || io_read_all(fd, SEEN_MAX_SIZE, path, &text, &len, &ignored))
		return strdup("");
	return text;
}

/* Only if it has changed: at most boots there is nothing. */
static int write_seen(const struct service *s, const struct search *f, const char *path,
		      struct err *err)
{
	if (strlen(f->seen) == f->now_len && memcmp(f->seen, f->now, f->now_len) == 0)
		return 0;
	if (io_make_folder(s->lib, err))
		return err->code;
	return io_write_file(path, f->now, f->now_len, err);
}

int leftovers_find(const struct service *s, uint64_t since, struct leftovers *ret, struct err *err)
{
	_cleanup_free_ char *buf = malloc(LEFTOVERS_SIZE);
	_cleanup_free_ char *now = malloc(SHA256_TEXT * LEFTOVERS_FILES);
	_cleanup_free_ char *seen = NULL;
	_cleanup_free_ struct leftovers *found = calloc(1, sizeof(*found));
	struct search f = {.found = found, .since = since, .now = now};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" LEFTOVERS_SEEN, s->lib);
	seen = read_seen(path);
	if (!buf || !now || !seen || !found)
		return err_nomem(err, LEFTOVERS_SIZE, "what pstore has");
	f.seen = seen;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int fd = root_open(s->root, folders[i], O_RDONLY | O_DIRECTORY);

		if (fd >= 0)
			look_at_folder(&f, fd, folders[i], 1, buf);
	}
	*ret = *found;
	return write_seen(s, &f, path, err);
}
