// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "cmd/progress.h"

#define PROBLEMS_SHOWN 20

struct report {
	struct progress progress;
	uint64_t problems;
};

static void print_problem(void *ctx, const char *text)
{
	struct report *report = ctx;

	if (report->problems++ >= PROBLEMS_SHOWN)
		return;
	progress_end(&report->progress);
	printf("PROBLEM %s\n", text);
}

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
	progress_update(&((struct report *)ctx)->progress, FILTER_SCAN, done, total);
}

static void print_summary(const struct source *src, const struct verify_stats *s)
{
	char human[16];

	if (s->problems > PROBLEMS_SHOWN)
		printf("PROBLEM and %" PRIu64 " more\n", s->problems - PROBLEMS_SHOWN);
	printf("%-16s %s\n", "format", src->ops->name);
	printf("%-16s %" PRIu64 " of %" PRIu64 " can be read", "pages", s->good, s->pages);
	if (s->lost)
		printf(", %" PRIu64 " are lost", s->lost);
	printf("\n%-16s %" PRIu64 ", %" PRIu64 " of them a CPU's registers\n", "notes", s->notes,
	       s->cpus);
	printf("%-16s %s\n", "kernel", *s->release ? s->release : "unknown");
	printf("%-16s %" PRIu64 " records", "log", s->records);
	if (s->damaged)
		printf(", %" PRIu64 " more are damaged", s->damaged);
	putchar('\n');
	if (s->data_seen)
		printf("%-16s %" PRIu64 " bytes (%s)%s\n", "in no page", s->unused,
		       num_human(s->unused, human),
		       s->unused ? ": page data that nothing refers to?" : "");
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct report report = {0};
	const struct verify_options options = {
		.problem = print_problem,
		.progress = show_progress,
		.ctx = &report,
	};
	struct dump_options input = {0};
	const struct opt opts[] = {DUMP_OPT_PARTIAL(&input)};
	struct verify_stats stats;
	struct source *src;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	if (r || (r = dump_open(argv + 1, cmd_count(argv + 1), &input, &src, err)))
		return r;
	progress_init(&report.progress);
	r = verify_run(src, &options, &stats, err);
	progress_end(&report.progress);
	if (!r) {
		print_summary(src, &stats);
		if (stats.problems)
			r = err_set(err, ERR_CORRUPT, "%s: %" PRIu64 " problem%s", src->path,
				    stats.problems, stats.problems == 1 ? "" : "s");
	}
	source_destroy(src);
	return r;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.operands = "DUMP...",
	.summary = "read all of a dump and say what is wrong with it",
	.details =
		"Check headers and notes, read and unpack every page, and look whether kernel and\n"
		"log can be found in DUMP. Exit status 0: nothing is wrong and the dump is whole.",
	.run = run,
};
