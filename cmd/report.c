// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cmd/opened.h"
#include "cmd/term.h"
#include "crash/record.h"
#include "report/report.h"
#include "service/crashfile.h"

struct wanted {
	bool text, json, record;
	const char *html, *record_to;
};

/* ---- crash.json beside the dump */

/* Is this dump what the record tells of? A copy of a dump in a folder of another crash is not. */
static bool tells_of(const struct crashfile *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	/* or of what it was before it was opened with a key */
	return c->dump_file && strncmp(c->dump_file, name, len) == 0 &&
	       (!c->dump_file[len] || strcmp(c->dump_file + len, ".age") == 0);
}

static struct crashfile *find_record(const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	struct crashfile *c = NULL;
	struct err ignored;
	char *slash;
	int dir;

	if (!folder)
		return NULL;
	slash = strrchr(folder, '/');
	if (slash)
		*(slash == folder ? slash + 1 : slash) = '\0';
	dir = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return NULL;
	if (crashfile_read(dir, &c, &ignored))
		c = NULL;
	close(dir);
	if (c && !tells_of(c, path)) {
		crashfile_destroy(c);
		c = NULL;
	}
	return c;
}

/* What the report tells of it; `phases` is the caller's to free. */
static struct report_capture capture_of(const struct crashfile *c, struct report_phase **phases)
{
	struct report_capture ret = {
		.result = c->result,
		.device = c->device,
		.release = c->capture_release,
		.watchdog = c->watchdog,
		.cut = c->cut,
		.warning = c->warning,
		.unfiltered = c->unfiltered,
		.level_wanted = c->level_wanted,
		.pages_lost = c->pages_known ? c->pages_lost : 0,
		.pages_cut_off = c->pages_known ? c->pages_cut_off : 0,
		.memory_total = c->memory_total,
		.memory_lowest = c->memory_lowest,
	};

	*phases = calloc(c->n_phases ? c->n_phases : 1, sizeof(**phases));
	for (size_t i = 0; *phases && i < c->n_phases; i++) {
		const struct crashfile_phase *p = &c->phases[i];

		(*phases)[ret.n_phases++] = (struct report_phase){
			.name = p->name,
			.result = p->result,
			.error = p->error,
			.target = p->target,
			.start_ms = p->start_ms,
			.took_ms = p->took_ms,
		};
	}
	ret.phases = *phases;
	return ret;
}

/* ---- outputs */

static int write_html(const struct report *r, const char *path, struct err *err)
{
	_cleanup_free_ char *page = NULL;
	size_t len = 0;
	bool bad;
	FILE *to;

	if (strcmp(path, "-") == 0) {
		report_write_html(r, stdout);
		return 0;
	}
	to = open_memstream(&page, &len);
	if (!to)
		return err_nomem(err, 4096, "the page");
	report_write_html(r, to);
	bad = ferror(to);
	if (fclose(to) || bad)
		return err_nomem(err, len, "the page");
	return io_write_file(path, page, len, err);
}

static int format_record(const struct report *r, const struct opened *o,
			 char uuid[CRASH_RECORD_UUID], char **ret, size_t *ret_len, struct err *err)
{
	crash_record_uuid(o->img->info_text, r->uts[UTS_NODENAME], uuid);
	return report_format_record(r, uuid, ret, ret_len, err);
}

static int write_record(const struct report *r, const struct opened *o, const char *folder,
			struct err *err)
{
	char uuid[CRASH_RECORD_UUID], object[CRASH_RECORD_PATH];
	_cleanup_free_ char *line = NULL, *path = NULL;
	char *slash;
	size_t len;

	if (format_record(r, o, uuid, &line, &len, err))
		return err->code;
	if (!crash_record_path(r->crash_time, r->uts[UTS_NODENAME], uuid, object))
		return err_set(
			err, ERR_UNSUPPORTED,
			"--record-to: this dump has no VMCOREINFO, of which a record's id is "
			"made; --record prints one without an id");
	if (asprintf(&path, "%s/%s", folder, object) < 0) {
		path = NULL;
		return err_nomem(err, strlen(folder), "a path");
	}
	slash = strrchr(path, '/');
	*slash = '\0';
	if (io_make_folder(path, err))
		return err->code;
	*slash = '/';
	return io_write_file(path, line, len, err);
}

static int print_record(const struct report *r, const struct opened *o, struct err *err)
{
	char uuid[CRASH_RECORD_UUID];
	_cleanup_free_ char *line = NULL;
	size_t len;

	if (format_record(r, o, uuid, &line, &len, err))
		return err->code;
	fwrite(line, 1, len, stdout);
	return 0;
}

static void print_json(const struct report *r)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-report-1");
	report_put_json(r, &j);
	cmd_end_json(&j);
}

static void print_text(const struct report *r)
{
	struct report_text_options options = {0};
	struct term term;

	term_init(&term, stdout);
	options.colour = term.colour;
	report_write_text(r, &options, stdout);
}

static int write_all(const struct report *r, const struct opened *o, const struct wanted *w,
		     struct err *err)
{
	int ret = 0;

	if (w->html)
		ret = write_html(r, w->html, err);
	if (!ret && w->record_to)
		ret = write_record(r, o, w->record_to, err);
	if (!ret && w->record)
		ret = print_record(r, o, err);
	if (!ret && w->json)
		print_json(r);
	if (!ret && w->text)
		print_text(r);
	return ret ? ret : cmd_flush_stdout(err);
}

/* ---- the command */

static int check(struct wanted *w, struct err *err)
{
	bool page = w->html && strcmp(w->html, "-") == 0;

	if (w->text + w->json + w->record + page > 1)
		return err_set(err, ERR_USAGE,
			       "--text, --json, --record and --html - all want standard output");
	if (!w->json && !w->record && !w->html && !w->record_to)
		w->text = true;
	return 0;
}

static int make(const struct cmd *cmd, const struct opened *o, const struct opened_debug *debug,
		const struct wanted *w, struct err *err)
{
	const struct debuginfo_options debuginfo = opened_debug_options(debug);
	struct crashfile *record = o->src->live ? NULL : find_record(o->src->path);
	struct report_phase *phases = NULL;
	struct report_capture capture;
	struct report_options options = {.debuginfo = debug->lines ? &debuginfo : NULL};
	struct report *r;
	int ret;

	if (record) {
		capture = capture_of(record, &phases);
		options.capture = &capture;
	}
	ret = report_create(o->k, &options, &r, err);
	if (!ret) {
		if (o->bare.code)
			opened_tell_gaps(cmd, o, 0);
		if (debug->vmlinux && debug->lines && r->vmlinux_missing)
			fprintf(stderr, "lifeboat %s: note: %s\n", cmd->name, r->vmlinux_missing);
		ret = write_all(r, o, w, err);
		report_destroy(r);
	}
	free(phases);
	crashfile_destroy(record);
	return ret;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(opened_debug_deinit) struct opened_debug debug = {0};
	_cleanup_(opened_deinit) struct opened o = {0};
	struct opened_options input = {.split = true};
	struct wanted w = {0};
	bool no_lines = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "text", &w.text, "print it as text of 80 columns (default)"),
		OPT_FLAG(0, "json", &w.json, "print a JSON object"),
		OPT_FLAG(0, "record", &w.record, "print the crash record, a line of JSON"),
		OPT_STRING(0, "html", "FILE", &w.html,
			   "write a page that a browser shows; - is standard output"),
		OPT_STRING(0, "record-to", "DIR", &w.record_to,
			   "put the crash record below DIR, by day and host"),
		OPT_FLAG(0, "no-lines", &no_lines,
			 "do not look for a vmlinux, which files and lines of the source are from"),
		OPENED_DEBUG_OPTS(&debug),
		OPENED_OPTS(&input),
		DUMP_OPT_PARTIAL(&input.dump),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (r)
		return r;
	debug.lines = !no_lines;
	r = check(&w, err);
	if (!r)
		r = opened_init(&o, cmd, &input, argv + 1, NULL, err);
	return r ? r : make(cmd, &o, &debug, &w, err);
}

const struct cmd cmd_report = {
	.name = "report",
	.operands = "[DUMP...]",
	.summary = "what a machine died of: stacks, tasks, memory, log on one page",
	.details =
		"Looks at a dump once, without debugging information, and tells what died, where "
		"and why.\nSeveral outputs may be asked for at once. Several operands are the "
		"files of a split dump.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
