// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/cmd.h"
#include "loader/load.h"

static int unload_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool panic = false, was_loaded;
	const struct opt opts[] = {
		OPT_FLAG('p', "panic", &panic, "the panic kernel"),
	};
	struct root root;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	if (!panic)
		return err_set(err, ERR_USAGE,
			       "-p is missing: this version unloads panic kernels only");
	r = root_init(&root, NULL, err);
	if (r)
		return r;
	r = load_unload(&root, &sys_kernel, &was_loaded, err);
	root_deinit(&root);
	if (!r)
		printf("%s\n", was_loaded ? "the panic kernel is unloaded"
					  : "no panic kernel was loaded: nothing to do");
	return r;
}

const struct cmd cmd_unload = {
	.name = "unload",
	.operands = "",
	.summary = "take the staged panic kernel out",
	.details = "Takes the staged panic kernel out: a crash from then on is not captured.\n"
		   "It is no error if there is none.",
	.run = unload_run,
};
