// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/verify.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "cmd/manifest.h"
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
		json_put_string(report->json, NULL, text);
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
	json_put_uint(j, "problems", s->problems);
	json_put_string(j, "format", src->ops->name);
	json_put_bool(j, "incomplete", src->incomplete);
	json_put_uint(j, "pages", s->pages);
	json_put_uint(j, "good", s->good);
	json_put_uint(j, "lost", s->lost);
	json_put_uint(j, "notes", s->notes);
	json_put_uint(j, "cpus", s->cpus);
	json_put_string(j, "release", *s->release ? s->release : NULL);
	json_put_uint(j, "log_records", s->records);
	json_put_uint(j, "log_damaged", s->damaged);
	if (s->data_seen)
		json_put_uint(j, "unused_bytes", s->unused);
	else
		json_put_null(j, "unused_bytes");
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
		json_put_string(j, "file", src->path);
		json_begin_array(j, "first_problems");
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
	return r;
}

static int verify_dump(char **operands, const struct dump_options *input, struct report *report,
		       struct err *err)
{
	struct verify_stats stats;
	struct source *src;
	int r = dump_open(operands, cmd_count(operands), input, &src, err);

	if (r)
		return r;
	r = verify(src, report, &stats, err);
	if (!r && stats.problems)
		r = err_set(err, ERR_CORRUPT, "%s: %" PRIu64 " problem%s", src->path,
			    stats.problems, stats.problems == 1 ? "" : "s");
	source_destroy(src);
	return r;
}

/* All files of a crash by their digests, and then the dump itself. A folder without a dump is not whole. */
static int verify_folder(const char *folder, const struct dump_options *input,
			 struct report *report, struct err *err)
{
	char dump[PATH_MAX];
	char *operands[] = {dump, NULL};
	struct err inner = {0};
	struct stat st;
	bool there;
	int r = manifest_report(folder, report->json, err), of_dump;

	if (snprintf(dump, sizeof(dump), "%s/vmcore", folder) >= (int)sizeof(dump))
		return err_set(err, ERR_USAGE, "%.200s…: the path is too long", folder);
	/* what else bears that name may be waited for, or lead elsewhere; the manifest has been told of it */
	there = lstat(dump, &st) == 0 && S_ISREG(st.st_mode);
	if (!there && !r)
		return err_set(err, ERR_PARTIAL, "%s: there is no whole dump", folder);
	of_dump = there ? verify_dump(operands, input, report, &inner) : 0;
	if (!of_dump || r)
		return r;
	*err = inner;
	return of_dump;
}

static int verify_operands(char **operands, const struct dump_options *input, struct report *report,
			   struct err *err)
{
	struct err inner = {0};
	int r = 0, of_dump;

	if (cmd_count(operands) == 1 && manifest_is_folder(*operands))
		return verify_folder(*operands, input, report, err);
	if (cmd_count(operands) == 1 && strcmp(*operands, "-") != 0)
		r = manifest_report_file(*operands, report->json, err);
	of_dump = verify_dump(operands, input, report, &inner);
	if (!of_dump || r)
		return r;
	*err = inner;
	return of_dump;
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
	struct json json;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	if (r)
		return r;
	if (as_json) {
		report.json = &json;
		cmd_begin_json(&json, stdout, "lifeboat-verify-1");
	}
	r = verify_operands(argv + 1, &input, &report, err);
	if (as_json)
		cmd_end_json(&json);
	return r;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.operands = "DUMP... | FOLDER",
	.summary = "read all of a dump and say what is wrong with it",
	.details =
		"Check headers and notes, read and unpack every page, and look whether kernel and\n"
		"log can be found in DUMP; and compare it with its digest, if it lies in a "
		"crash's\n"
		"folder. Of a FOLDER, all files are compared. Exit status 0: nothing is wrong and\n"
		"the dump is whole.",
	.run = run,
	.group = CMD_DUMPS,
};
