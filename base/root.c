// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/io.h"
#include "base/num.h"

#define TRIES 10000 /* each a few microseconds, and each can meet a rename */

int root_init(struct root *root, const char *path, struct err *err)
{
	int fd;

	if (!path || !*path || strcmp(path, "/") == 0) {
		*root = (struct root){.fd = -1, .path = ""};
		return 0;
	}
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s: open the root folder", path);
	*root = (struct root){.fd = fd, .path = path};
	return 0;
}

void root_deinit(struct root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
}

int root_open(const struct root *root, const char *path, int flags)
{
	/* a recorded machine may have a FIFO where files should be, and nobody writes into it */
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC |
						  (flags & O_PATH ? 0 : O_NONBLOCK)),
		.resolve = RESOLVE_IN_ROOT,
	};

	if (root->fd < 0)
		return open(path, flags | O_CLOEXEC);
	/*
	 * EAGAIN: something, anywhere, was renamed or mounted while a ".." was gone through, so that the kernel cannot vouch for
	 * where it led (openat2(2)). A file has no other reason for it: O_NONBLOCK is for FIFOs, which open at once to be read.
	 */
	for (int i = 0; i < TRIES; i++) {
		int fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));

		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return -1;
}

bool root_exists(const struct root *root, const char *path)
{
	_cleanup_close_ int fd = root_open(root, path, O_PATH);

	return fd >= 0;
}

int root_read(const struct root *root, const char *path, size_t max, char **ret, size_t *ret_len,
	      struct err *err)
{
	_cleanup_close_ int fd = root_open(root, path, O_RDONLY);

	if (fd < 0)
		return err_sys(err, errno, "%s%s: open", root->path, path);
	if (io_read_all(fd, max, path, ret, ret_len, err))
		return *root->path ? err_wrap(err, "%s", root->path) : err->code;
	return 0;
}

bool root_has_line(const struct root *root, const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t len;

	if (root_read(root, path, 4096, &text, &len, &ignored))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, want) == 0;
}

int root_read_u64(const struct root *root, const char *path, uint64_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = root_read(root, path, 4096, &text, &len, err);

	if (r)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (num_parse_u64(text, ret, err))
		return err_wrap(err, "%s%s", root->path, path);
	return 0;
}
