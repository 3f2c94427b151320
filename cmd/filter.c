// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cmd.h"
#include "cmd/job.h"

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(opt_list_deinit) struct opt_list recipients = {0};
	bool quiet = false;
	struct job job;
	int r;

	job_init(&job);
	const struct opt opts[] = {
		JOB_OPTIONS(&job),
		OPT_FLAG(0, "no-mmap", &job.input.no_mmap, "read /proc/vmcore, do not map it"),
		OPT_FLAG(0, "json", &job.json, "print the statistics as a JSON object"),
		OPT_LIST(0, "encrypt-to", "RECIPIENT", &recipients,
			 "write it flattened and encrypted to age1… or \"ssh-ed25519 AAAA…\""),
		OPT_FLAG('q', "quiet", &quiet, "print no statistics"),
	};

	r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);
	if (r || (r = job_encrypt_to(&job, &recipients, err)) ||
	    (r = job_prepare(&job, argv + 1, err)))
		return r;
	job.stats = !quiet;
	return job_run(&job, err);
}

const struct cmd cmd_filter = {
	.name = "filter",
	.operands = JOB_OPERANDS,
	.summary = "write a dump without the pages that nobody needs",
	.details =
		"Read VMCORE (an ELF vmcore, /proc/vmcore, a kdump-compressed file or all files\n"
		"of a split one, also in the flattened format, or - for one on standard input)\n"
		"and write OUT in the kdump-compressed format or, with -E, as an ELF vmcore.\n"
		"Hardware-poisoned and offline pages are left out at every level. OUT appears\n"
		"under its name only when it is whole and durable.",
	.run = run,
	.group = CMD_DUMPS,
};
