// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"

#define LIST_MAX (1U << 20)

static int load_one(const char *path, const struct sys *sys, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "module %s: open", path);
	if (sys->finit_module(fd, "", 0) && errno != EEXIST)
		return err_sys(err, errno, "module %s: load", path);
	return 0;
}

int modules_load(const char *list, const struct sys *sys, const struct log *log, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	size_t len;
	int first = io_read_file(list, LIST_MAX, &text, &len, err);

	if (first)
		return err->sys == ENOENT ? 0 : first;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		struct err one = {0};

		if (!*line || !load_one(line, sys, &one))
			continue;
		log_warn(log, "%s", one.msg);
		if (!first) {
			*err = one;
			first = one.code;
		}
	}
	return first;
}
