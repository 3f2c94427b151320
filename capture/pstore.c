// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/pstore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define BACKEND   "/module/pstore/parameters/backend"
#define KEEP_LOG  "/module/printk/parameters/always_kmsg_dump"
#define VALUE_MAX 4096

/* There may be no driver behind a node. */
static bool is_absent(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO;
}

static int path_make(const char *folder, const char *rest, char ret[PATH_MAX], struct err *err)
{
	if (snprintf(ret, PATH_MAX, "%s%s", folder, rest) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.100s…%s", folder, rest);
	return 0;
}

bool pstore_takes_messages(const char *dev)
{
	char path[PATH_MAX];
	struct err ignored;

	return !path_make(dev, "/pmsg0", path, &ignored) && access(path, F_OK) == 0;
}

/* The whole text in one write: a backend keeps a record of each, and the end of one that is too long. */
int pstore_write(const char *dev, const char *text, size_t len, struct err *err)
{
	char path[PATH_MAX];

	if (path_make(dev, "/pmsg0", path, err))
		return err->code;

	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && is_absent(errno))
		return err_set(err, ERR_NOT_FOUND,
			       "%s: no persistent storage that takes messages (CONFIG_PSTORE_PMSG "
			       "and a backend like ramoops)",
			       path);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	return io_write_full(fd, text, len, path, err);
}

static int check_backend(const char *sys, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	char path[PATH_MAX];
	size_t len;

	if (path_make(sys, BACKEND, path, err))
		return err->code;
	if (io_read_file(path, VALUE_MAX, &name, &len, err)) {
		if (err->sys == ENOENT)
			return err_set(err, ERR_NOT_FOUND, "%s: the kernel has no pstore", path);
		return err->code;
	}
	name[strcspn(name, "\n")] = '\0';
	/* how the kernel prints a string parameter that was never set */
	if (!*name || strcmp(name, "(null)") == 0)
		return err_set(err, ERR_NOT_FOUND, "pstore has no backend");
	return 0;
}

int pstore_keep_kernel_log(const char *sys, struct err *err)
{
	char path[PATH_MAX];

	if (check_backend(sys, err) || path_make(sys, KEEP_LOG, path, err))
		return err->code;

	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s: the kernel has no such switch", path);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	return io_write_full(fd, "Y", 1, path, err);
}
