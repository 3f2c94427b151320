// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/verify.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "capture/target.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "cmd/encrypted.h"
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

/* A dump as it is, or what can be told of an encrypted file. */
static int verify_file(char **operands, const struct dump_options *input, struct report *report,
		       struct err *err)
{
	if (cmd_count(operands) == 1 && encrypted_is(*operands))
		return encrypted_verify(*operands, report->json, err);
	return verify_dump(operands, input, report, err);
}

/*
 * The file of a crash in any of the forms that it may have. What else bears such a name may be waited for, or lead elsewhere; the
 * manifest has been told of it.
 */
static bool find_form(const char *folder, enum crash_file file, const char *end, char *ret,
		      size_t size)
{
	struct stat st;
	const char *form;

	for (size_t i = 0; (form = crash_file_any_name(file, i)); i++)
		if (snprintf(ret, size, "%s/%s%s", folder, form, end) < (int)size &&
		    lstat(ret, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	return false;
}

static int no_dump(const char *folder, struct err *err)
{
	char part[PATH_MAX];

	if (!find_form(folder, CRASH_DUMP, CRASH_FILE_PART "00001", part, sizeof(part)))
		return err_set(err, ERR_PARTIAL, "%s: there is no whole dump", folder);
	*strstr(strrchr(part, '/'), CRASH_FILE_PART) = '\0';
	return err_set(err, ERR_PARTIAL,
		       "%s: the dump is in parts; `cat %s" CRASH_FILE_PART
		       "* >%s` makes one file of them",
		       folder, part, part);
}

/* All files of a crash by their digests, then the dump itself, and a log that is encrypted. A folder without a dump is not whole. */
static int verify_folder(const char *folder, const struct dump_options *input,
			 struct report *report, struct err *err)
{
	char path[PATH_MAX], *operands[] = {path, NULL};
	struct err inner = {0};
	int r = manifest_report(folder, report->json, err), inside = 0;

	/* of several objects with a dump there is one report, so of the log only what is wrong is put there */
	if (find_form(folder, CRASH_LOG, "", path, sizeof(path)) && encrypted_is(path))
		inside = report->json ? encrypted_check(path, &inner)
				      : encrypted_verify(path, NULL, &inner);
	if (!inside && find_form(folder, CRASH_DUMP, "", path, sizeof(path)))
		inside = verify_file(operands, input, report, &inner);
	else if (!inside && !r)
		return no_dump(folder, err);
	if (!inside || r)
		return r;
	*err = inner;
	return inside;
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
	of_dump = verify_file(operands, input, report, &inner);
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
		"folder. Of a FOLDER, all files are compared. Of what is encrypted (age), it is\n"
		"checked what can be told without the key. Exit status 0: nothing is wrong and\n"
		"the dump is whole.",
	.run = run,
	.group = CMD_DUMPS,
};
