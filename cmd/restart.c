// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Not stop and then start: a machine that is armed would be unarmed while the image is built, and would stay so if that, or the
 * load, failed. What a restart is asked for is that nothing stale is left: the image is built if it is stale, and is then loaded
 * in the place of the one before in a single system call, even if it is the same.
 */
#include "cmd/outcome.h"

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	return outcome_start(cmd, argc, argv, true, err);
}

const struct cmd cmd_restart = {
	.name = "restart",
	.operands = "",
	.summary = "build and load again, without being unarmed meanwhile",
	.details =
		"Builds the image if it is stale, and loads it in any case, in the place of what "
		"is\nloaded: there is no panic kernel for as long as that one system call takes. "
		"A failure\nleaves armed what was. The same as `lifeboat start --force`.",
	.run = run,
};
