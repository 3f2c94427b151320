// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cmd.h"
#include "cmd/job.h"

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct dump_options input = {.verb = cmd->name};
	const struct opt opts[] = {DUMP_OPT_PARTIAL(&input)};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	return r ? r
		 : job_dmesg(argv + 1, cmd_count(argv + 1), &input, stdout, "standard output", err);
}

const struct cmd cmd_dmesg = {
	.name = "dmesg",
	.operands = "VMCORE...",
	.summary = "print the kernel log of a dump",
	.details =
		"Print the kernel log that was in memory when VMCORE was taken, in the form of\n"
		"dmesg(1). VMCORE is an ELF vmcore or a kdump-compressed file, or all files of a\n"
		"split dump.",
	.run = run,
	.group = CMD_DUMPS,
};
