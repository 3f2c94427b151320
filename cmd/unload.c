// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/service.h"
#include "loader/load.h"

static int unload_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool panic = false, was_loaded;
	const struct opt opts[] = {
		OPT_FLAG('p', "panic", &panic, "the panic kernel, not an ordinary one"),
	};
	struct state_dirs dirs;
	const char *what;
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	r = service_words_init(&w, cmd, NULL, NULL, err);
	if (r)
		return r;
	dirs = service_dirs(&w.service);
	r = load_unload(panic, &dirs, &w.root, w.service.sys, &was_loaded, err);
	service_words_deinit(&w);
	what = panic ? "panic kernel" : "ordinary image";
	if (!r && was_loaded)
		printf("the %s is unloaded\n", what);
	else if (!r)
		printf("no %s was loaded: nothing to do\n", what);
	return r;
}

const struct cmd cmd_unload = {
	.name = "unload",
	.operands = "",
	.summary = "take the panic kernel, or an ordinary image, out",
	.details = "Takes the image loaded for `lifeboat exec` out, or with -p the staged panic\n"
		   "kernel: a crash from then on is not captured. It is no error if there is none.",
	.run = unload_run,
	.group = CMD_IMAGES,
};
