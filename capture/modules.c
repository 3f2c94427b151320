// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/step.h"

#define LIST_MAX (1U << 20)

struct one {
	const char *path, *parameters;
	const struct sys *sys;
};

static int step_load(void *ctx, struct err *err)
{
	const struct one *m = ctx;
	_cleanup_close_ int fd = open(m->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "module %s: open", m->path);
	if (m->sys->finit_module(fd, m->parameters, 0) && errno != EEXIST)
		return err_sys(err, errno, "module %s: load", m->path);
	return 0;
}

static int load_line(char *line, const struct sys *sys, uint64_t limit_ms, struct err *err)
{
	struct one m = {.path = line, .parameters = "", .sys = sys};
	const struct step_limits limits = {.ms = limit_ms};
	char *blank = strpbrk(line, " \t");
	struct step_outcome o;

	if (blank) {
		*blank = '\0';
		m.parameters = blank + 1 + strspn(blank + 1, " \t");
	}
	step_run(step_load, &m, &limits, &o);
	*err = o.err;
	if (o.timed_out)
		err_wrap(err, "module %s", m.path);
	return err->code;
}

int modules_load(const char *list, const struct sys *sys, uint64_t limit_ms, const struct log *log,
		 struct err *err)
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

		if (!*line || !load_line(line, sys, limit_ms, &one))
			continue;
		log_warn(log, "%s", one.msg);
		if (!first) {
			*err = one;
			first = one.code;
		}
	}
	return first;
}
