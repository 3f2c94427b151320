// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel log of a dump with all that is known of each record; `dmesg` prints the text alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utc.h"
#include "cmd/opened.h"
#include "cmd/term.h"
#include "image/printk.h"
#include "image/system.h"

#define LEVELS "emerg alert crit err warn notice info debug"

struct log {
	const struct opened *o;
	struct json *j; /* NULL: text */
	struct term term;
	bool wall;        /* time of day instead of time since the start */
	uint64_t boot_ns; /* since 1970: of time stamp 0; 0 not known */
	bool prefixes;    /* facility and level in front of each line */
	bool callers;
	unsigned int level; /* this one and worse */
};

static const char *const level_names[] = {"emerg", "alert",  "crit", "err",
					  "warn",  "notice", "info", "debug"};

static const char *level_name(const struct printk_record *rec)
{
	return rec->has_level && rec->level < ARRAY_SIZE(level_names) ? level_names[rec->level]
								      : NULL;
}

static const char *facility_name(const struct printk_record *rec)
{
	static const char *const names[] = {"kern", "user", "mail", "daemon", "auth",     "syslog",
					    "lpr",  "news", "uucp", "cron",   "authpriv", "ftp"};

	return rec->has_level && rec->facility < ARRAY_SIZE(names) ? names[rec->facility] : NULL;
}

/* "T123" a thread, "C1" a CPU in an interrupt: as CONFIG_PRINTK_CALLER has them */
static const char *caller_text(const struct printk_record *rec, char buf[16])
{
	bool cpu = rec->caller & PRINTK_CALLER_CPU;

	if (!rec->has_caller)
		return NULL;
	snprintf(buf, 16, "%c%" PRIu32, cpu ? 'C' : 'T', rec->caller & ~PRINTK_CALLER_CPU);
	return buf;
}

/* ---- JSON */

static void put(struct log *log, const struct printk_record *rec, const char *text)
{
	char caller[16], time[UTC_TEXT];
	uint64_t at = 0;
	struct json *j = log->j;

	json_begin_object(j, NULL);
	json_put_uint(j, "ns", rec->ts_nsec);
	if (log->wall) {
		if (log->boot_ns)
			at = (log->boot_ns + rec->ts_nsec) / 1000000000;
		json_put_string(j, "time", at && utc_format(at, time) ? time : NULL);
	}
	json_put_string(j, "level", level_name(rec));
	json_put_string(j, "facility", facility_name(rec));
	json_put_string(j, "caller", caller_text(rec, caller));
	json_put_string(j, "text", text);
	json_end_object(j);
}

/* ---- text */

static enum term_style style_of(const struct printk_record *rec)
{
	if (!rec->has_level || rec->level > 4)
		return TERM_PLAIN;
	return rec->level == 4 ? TERM_WARNING : TERM_BAD;
}

/* Returns the columns: further lines of a record begin below the first. */
static int print_head(const struct log *log, const struct printk_record *rec)
{
	char caller[16], time[UTC_TEXT];
	uint64_t ns = rec->ts_nsec;
	int n = 0;

	if (log->prefixes && level_name(rec))
		n += printf("%-6s:%-6s: ", facility_name(rec) ? facility_name(rec) : "?",
			    level_name(rec));
	if (log->wall && log->boot_ns && utc_format((log->boot_ns + ns) / 1000000000, time))
		n += printf("[%s] ", time);
	else
		n += printf("[%5" PRIu64 ".%06" PRIu64 "] ", ns / 1000000000, ns / 1000 % 1000000);
	if (log->callers && caller_text(rec, caller))
		n += printf("[%6s] ", caller);
	return n;
}

static void print(struct log *log, const struct printk_record *rec, char *text)
{
	size_t size = 4 * strlen(text) + 1;
	_cleanup_free_ char *plain = malloc(size);
	int indent = print_head(log, rec);
	char *rest = text, *line;
	bool first = true;

	while (plain && (line = strsep(&rest, "\n"))) {
		if (!first && rest == NULL && !*line)
			break; /* the text ended with a line's end */
		printf("%*s", first ? 0 : indent, "");
		printf("%s%s%s\n", term_on(&log->term, style_of(rec)),
		       text_plain(line, plain, size), term_off(&log->term, style_of(rec)));
		first = false;
	}
}

/* ---- records */

static int take(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct log *log = ctx;
	_cleanup_free_ char *text = NULL;

	if (rec->has_level && rec->level > log->level)
		return 0;
	text = malloc(rec->len + 1);
	if (!text)
		return err_nomem(err, rec->len + 1, "a record");
	memcpy(text, rec->text, rec->len);
	text[rec->len] = '\0';
	/* bytes of 0 end no text that is shown */
	for (size_t i = 0; i < rec->len; i++)
		if (!text[i])
			text[i] = '\x01';
	if (log->j)
		put(log, rec, text);
	else
		print(log, rec, text);
	return 0;
}

static int find_boot(struct log *log, struct err *err)
{
	struct system_info *info;

	if (!log->wall)
		return 0;
	if (system_info_create(log->o->k, &info, err))
		return err->code;
	if (info->boot_time && info->boot_time < UINT64_MAX / 1000000000 / 2)
		log->boot_ns = info->boot_time * 1000000000;
	system_info_destroy(info);
	return 0;
}

static int show(const struct cmd *cmd, struct log *log, struct err *err)
{
	struct printk_stats stats = {0};
	struct json *j = log->j;
	int r = find_boot(log, err);

	if (r)
		return r;
	if (log->wall && !log->boot_ns && !j)
		fprintf(stderr,
			"lifeboat %s: note: when the machine was started is not known; times are "
			"since then\n",
			cmd->name);
	if (j) {
		cmd_begin_json(j, stdout, "lifeboat-log-1");
		opened_put(j, log->o);
		json_begin_array(j, "records");
	}
	r = printk_walk_kernel(log->o->k, take, log, &stats, err);
	if (r && r != ERR_SYSTEM)
		r = opened_fail(log->o, err);
	if (j) {
		json_end_array(j);
		json_put_uint(j, "damaged", stats.damaged);
		cmd_end_json(j);
	}
	if (!r && stats.damaged && !j)
		fprintf(stderr, "lifeboat %s: note: %" PRIu64 " damaged records were left out\n",
			cmd->name, stats.damaged);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	const char *level = NULL;
	bool as_json = false;
	struct json json;
	struct log log = {.level = 7};
	const struct opt opts[] = {
		OPT_FLAG('T', "time", &log.wall, "the time of day (UTC) of each record"),
		OPT_FLAG('x', "decode", &log.prefixes, "facility and level of each record"),
		OPT_FLAG('c', "callers", &log.callers,
			 "who wrote it: a thread (T123), or a CPU in an interrupt (C1)"),
		OPT_WORD(0, "level", "LEVEL", &level, LEVELS,
			 "only records of this level and worse"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, NULL, err);
	if (r)
		return r;
	for (unsigned int i = 0; level && i < ARRAY_SIZE(level_names); i++)
		if (strcmp(level, level_names[i]) == 0)
			log.level = i;
	log.o = &o;
	log.j = as_json ? &json : NULL;
	term_init(&log.term, stdout);
	return show(cmd, &log, err);
}

const struct cmd cmd_log = {
	.name = "log",
	.operands = "DUMP",
	.summary = "the kernel log of a dump with levels, times of day and callers",
	.details = "Records whose level is not known are always shown. On a terminal warnings and "
		   "what is worse\nare coloured. `lifeboat dmesg` prints the text "
		   "alone.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
