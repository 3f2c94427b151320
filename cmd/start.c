// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/outcome.h"

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	return outcome_start(cmd, argc, argv, false, err);
}

const struct cmd cmd_start = {
	.name = "start",
	.operands = "",
	.summary = "arm the machine: build the image if it is stale, load the panic kernel",
	.details =
		"Builds the image of the capture kernel if it is stale or missing, loads both into "
		"the\nreserved memory, and sets the sysctls of the configuration. What is loaded "
		"already is\nnot loaded again. If the image cannot be built, an older one is "
		"loaded, with a\nwarning. Exit status: 0 the machine is armed.",
	.run = run,
};
