// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cmd.h"
#include "cmd/job.h"

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *levels = "0";
	bool quiet = false;
	struct job job;
	int r;

	job_init(&job);
	const struct opt opts[] = {
		OPT_CHOICE('E', NULL, &job.format, FILTER_ELF, "write an ELF vmcore, uncompressed"),
		OPT_CHOICE('c', NULL, &job.codec, CODEC_ZLIB, "compress pages with zlib"),
		OPT_CHOICE('l', NULL, &job.codec, CODEC_LZO, "compress pages with lzo"),
		OPT_CHOICE('p', NULL, &job.codec, CODEC_SNAPPY, "compress pages with snappy"),
		OPT_CHOICE('z', NULL, &job.codec, CODEC_ZSTD, "compress pages with zstd"),
		OPT_STRING('d', "dump-level", "LEVEL[,LEVEL]", &levels,
			   "leave out: 1 zero, 2 cache, 4 all cache, 8 user, 16 free; a sum (0)"),
		OPT_FLAG('f', NULL, &job.force, "replace OUT if it exists"),
		OPT_NUMBER(0, "num-threads", "N", &job.threads, 1, FILTER_MAX_THREADS,
			   "workers that compress and write (online CPUs)"),
		OPT_FLAG('q', "quiet", &quiet, "print no statistics"),
	};

	r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 2, 2, err);
	if (r || (r = job_set_levels(&job, levels, err)))
		return r;
	job.in = argv[1];
	job.out = argv[2];
	job.stats = !quiet;
	return job_run(&job, err);
}

const struct cmd cmd_filter = {
	.name = "filter",
	.operands = "VMCORE OUT",
	.summary = "write a dump without the pages that nobody needs",
	.details =
		"Read VMCORE (an ELF vmcore, /proc/vmcore, or a kdump-compressed file) and write\n"
		"OUT in the kdump-compressed format or, with -E, as an ELF vmcore. "
		"Hardware-poisoned\n"
		"and offline pages are left out at every level. OUT appears under its name only "
		"when it is whole and durable.",
	.run = run,
};
