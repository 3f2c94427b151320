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
	struct json *json; /* NULL: print text */
	uint64_t problems;
};

static void print_problem(void *ctx, const char *text)
{
	struct report *report = ctx;

	if (report->problems++ >= PROBLEMS_SHOWN)
		return;
	progress_end(&report->progress);
	if (report->json)
		json_string(report->json, NULL, text);
	else
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

static void put_summary(struct json *j, const struct source *src, const struct verify_stats *s)
{
	json_uint(j, "problems", s->problems);
	json_string(j, "format", src->ops->name);
	json_bool(j, "incomplete", src->incomplete);
	json_uint(j, "pages", s->pages);
	json_uint(j, "good", s->good);
	json_uint(j, "lost", s->lost);
	json_uint(j, "notes", s->notes);
	json_uint(j, "cpus", s->cpus);
	json_string(j, "release", *s->release ? s->release : NULL);
	json_uint(j, "log_records", s->records);
	json_uint(j, "log_damaged", s->damaged);
	if (s->data_seen)
		json_uint(j, "unused_bytes", s->unused);
	else
		json_null(j, "unused_bytes");
}

/* Look at the dump and print what comes of it. */
static int verify(const struct source *src, struct report *report, struct verify_stats *ret,
		  struct err *err)
{
	const struct verify_options options = {
		.problem = print_problem,
		.progress = show_progress,
		.ctx = report,
	};
	struct json *j = report->json;
	int r;

	if (j) {
		cmd_begin_json(j, stdout, "lifeboat-verify-1");
		json_string(j, "file", src->path);
		json_array(j, "first_problems");
	}
	progress_init(&report->progress);
	r = verify_run(src, &options, ret, err);
	progress_end(&report->progress);
	if (j)
		json_end_array(j);
	if (j && !r)
		put_summary(j, src, ret);
	else if (!r)
		print_summary(src, ret);
	if (j)
		cmd_end_json(j);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct report report = {0};
	struct dump_options input = {0};
	bool as_json = false;
	const struct opt opts[] = {
		DUMP_OPT_PARTIAL(&input),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
	};
	struct verify_stats stats;
	struct source *src;
	struct json json;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	if (r || (r = dump_open(argv + 1, cmd_count(argv + 1), &input, &src, err)))
		return r;
	report.json = as_json ? &json : NULL;
	r = verify(src, &report, &stats, err);
	if (!r && stats.problems)
		r = err_set(err, ERR_CORRUPT, "%s: %" PRIu64 " problem%s", src->path,
			    stats.problems, stats.problems == 1 ? "" : "s");
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
