// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program called by the name makedumpfile: its command lines, our filter. An option that we do not
 * have is refused by name: a dump that is not what the configuration asked for would be a bad surprise
 * on the day it is needed. makedumpfile(8) of version 1.7.2 is the reference.
 */
#include <errno.h>
#include <stdio.h>

#include "base/io.h"
#include "cmd/cmd.h"
#include "cmd/job.h"
#include "cmd/mem_usage.h"

/* --message-level: bits of what is printed */
#define MESSAGE_PROGRESS 1
#define MESSAGE_COMMON   2
#define MESSAGE_REPORT   16
#define MESSAGE_MAX      31
#define MESSAGE_DEFAULT  7

struct args {
	struct job job;
	uint64_t message_level;
	bool dump_dmesg, show_stats, check_params, mem_usage, version;
};

static int dump_dmesg(struct args *args, char **operands, struct err *err)
{
	struct job *job = &args->job;
	const char *out;
	FILE *to;
	int r;

	if (job->kind != JOB_FILTER || job->flatten || job->dry_run)
		return err_set(err, ERR_USAGE,
			       "--dump-dmesg writes a text: no -F, -R, --split, --reassemble or "
			       "--dry-run");
	r = job_prepare(job, operands, err);
	if (r || args->check_params)
		return r;
	out = job->outs[0];
	r = io_check_replaceable(out, err);
	if (r)
		return r;
	if (!job->force && access(out, F_OK) == 0)
		return err_set(err, ERR_USAGE, "%s exists; give -f to replace it", out);
	to = fopen(out, "we");
	if (!to)
		return err_sys(err, errno, "%s: create", out);
	r = job_dmesg(job->in, job->n_in, &job->input, to, out, err);
	if (!r && (fflush(to) || fsync(fileno(to))))
		r = err_sys(err, errno, "%s", out);
	if (fclose(to) && !r)
		r = err_sys(err, errno, "%s: close", out);
	return r;
}

static int dump(struct args *args, char **operands, struct err *err)
{
	struct job *job = &args->job;
	int r = job_prepare(job, operands, err);

	if (r || args->check_params)
		return r;
	job->progress = args->message_level & MESSAGE_PROGRESS;
	job->stats = args->show_stats || args->message_level & MESSAGE_REPORT || job->dry_run;
	r = job_run(job, err);
	if (r || job->dry_run || !(args->message_level & MESSAGE_COMMON))
		return r;
	if (!job->n_outs)
		fprintf(job->messages, "The dumpfile is saved to STDOUT.\n");
	for (size_t i = 0; i < job->n_outs; i++)
		fprintf(job->messages, "The dumpfile is saved to %s.\n", job->outs[i]);
	return r;
}

static int parse(const struct cmd *cmd, struct args *a, int argc, char **argv, struct err *err)
{
	const struct opt opts[] = {
		JOB_OPTIONS(&a->job),
		OPT_FLAG('v', NULL, &a->version, "print the version"),
		OPT_NUMBER(0, "message-level", "BITS", &a->message_level, 0, MESSAGE_MAX,
			   "what to print: 1 progress, 2 common, 4 errors, 8 debug, 16 report (7)"),
		OPT_FLAG(0, "non-mmap", &a->job.input.no_mmap, "read /proc/vmcore, do not map it"),
		OPT_FLAG(0, "dump-dmesg", &a->dump_dmesg, "write the kernel log, not a dump"),
		OPT_FLAG(0, "mem-usage", &a->mem_usage, "count the pages of /proc/kcore by use"),
		OPT_FLAG(0, "show-stats", &a->show_stats, "print statistics"),
		OPT_FLAG(0, "check-params", &a->check_params, "check the options and do nothing"),
		OPT_REFUSED('b', NULL, "buffers need no tuning"),
		OPT_REFUSED('D', NULL, ""),
		OPT_REFUSED('g', NULL, "VMCOREINFO is taken from the dump"),
		OPT_REFUSED('i', NULL, "VMCOREINFO is taken from the dump"),
		OPT_REFUSED('X', NULL, "Xen is not known here"),
		OPT_REFUSED('x', NULL, "debug information is not needed"),
		OPT_REFUSED(0, "config", ""),
		OPT_REFUSED(0, "cyclic-buffer", "buffers need no tuning"),
		OPT_REFUSED(0, "diskset", ""),
		OPT_REFUSED(0, "eppic", ""),
		OPT_REFUSED(0, "extension", ""),
		OPT_REFUSED(0, "non-cyclic", "buffers need no tuning"),
		OPT_REFUSED(0, "partial-dmesg", ""),
		OPT_REFUSED(0, "splitblock-size", ""),
		OPT_REFUSED(0, "vtop", ""),
		OPT_REFUSED(0, "work-dir", "no temporary files are made"),
		OPT_REFUSED(0, "xen-syms", "Xen is not known here"),
		OPT_REFUSED(0, "xen-vmcoreinfo", "Xen is not known here"),
		OPT_REFUSED(0, "xen_phys_start", "Xen is not known here"),
	};

	return cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct args args = {.message_level = MESSAGE_DEFAULT};
	int r;

	job_init(&args.job);
	r = parse(cmd, &args, argc, argv, err);
	if (r)
		return r;
	if (args.version) {
		printf("makedumpfile: lifeboat %s\n", LIFEBOAT_VERSION);
		return 0;
	}
	if (args.mem_usage) {
		if (!argv[1] || argv[2])
			return err_set(err, ERR_USAGE, "--mem-usage takes one file: /proc/kcore");
		return mem_usage_print(argv + 1, 1, &args.job.input, NULL, false, err);
	}
	if (args.dump_dmesg)
		return dump_dmesg(&args, argv + 1, err);
	return dump(&args, argv + 1, err);
}

const struct cmd cmd_makedumpfile = {
	.name = "makedumpfile",
	.operands = JOB_OPERANDS,
	.summary = "lifeboat filter with makedumpfile's options",
	.details =
		"Takes makedumpfile's command lines; also runs when the program is called by that\n"
		"name. An option that lifeboat does not have is refused, never ignored.",
	.run = run,
	.group = CMD_OTHER,
};
