// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

#define MAX_TIME 253402300799ULL /* 9999-12-31T23:59:59Z */

const char *record_result(const struct record *rec)
{
	if (!rec->finished)
		return "in-progress";
	if (rec->dump_written)
		return rec->log_written && !rec->stats.lost ? "complete" : "partial";
	return rec->log_written ? "log-only" : "failed";
}

/* RFC 3339 in UTC, for a file name with '-' instead of ':'. False if the year has not four digits. */
static bool format_time(uint64_t seconds, bool file_name, char ret[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	return seconds <= MAX_TIME && gmtime_r(&t, &tm) &&
	       strftime(ret, 32, file_name ? "%Y-%m-%dT%H-%M-%SZ" : "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void record_folder_name(uint64_t seconds, char ret[32])
{
	if (!format_time(seconds, true, ret))
		strcpy(ret, "unknown-time");
}

static void put_kernel(struct json *j, const struct record *rec)
{
	json_object(j, "kernel");
	json_string(j, "release", rec->examined ? rec->uts[UTS_RELEASE] : NULL);
	json_string(j, "version", rec->examined ? rec->uts[UTS_VERSION] : NULL);
	json_string(j, "machine", rec->examined ? rec->uts[UTS_MACHINE] : NULL);
	json_string(j, "node", rec->examined ? rec->uts[UTS_NODENAME] : NULL);
	json_end_object(j);
}

static void put_crash(struct json *j, const struct record *rec)
{
	const char *headline = printk_headline_get(&rec->headline);
	char time[32];

	json_object(j, "crash");
	json_string(j, "time",
		    rec->crash_time && format_time(rec->crash_time, false, time) ? time : NULL);
	json_string(j, "panic", *headline ? headline : NULL);
	if (rec->examined)
		json_uint(j, "memory_bytes", rec->memory_bytes);
	json_end_object(j);
}

static void put_dump(struct json *j, const struct record *rec, const struct recipe *recipe)
{
	const struct filter_stats *s = &rec->stats;
	uint64_t left_out = 0;

	for (int c = 0; c < PAGE_CLASSES; c++)
		left_out += s->dropped[c];
	json_object(j, "dump");
	json_string(j, "file", rec->dump_written ? "vmcore" : NULL);
	json_string(j, "format", "kdump-compressed");
	json_string(j, "codec", codec_name(recipe->codec));
	json_uint(j, "level", recipe->level);
	json_string(j, "unfiltered", *rec->unfiltered ? rec->unfiltered : NULL);
	if (rec->dump_written) {
		json_uint(j, "bytes", s->file_bytes);
		json_uint(j, "pages", s->pages);
		json_uint(j, "pages_written", s->written);
		json_uint(j, "pages_zero", s->zero);
		json_uint(j, "pages_left_out", left_out);
		json_uint(j, "pages_lost", s->lost);
		json_uint(j, "scan_ms", s->scan_ns / 1000000);
		json_uint(j, "write_ms", s->write_ns / 1000000);
	}
	json_end_object(j);
}

static void put_phase(struct json *j, const struct record_phase *p)
{
	const struct step_outcome *o = &p->outcome;

	json_object(j, NULL);
	json_string(j, "name", p->name);
	json_uint(j, "start_ms", o->start_ms);
	json_uint(j, "took_ms", o->took_ms);
	json_string(j, "result", o->timed_out ? "timeout" : o->err.code ? "failed" : "ok");
	if (o->err.code)
		json_string(j, "error", o->err.msg);
	json_end_object(j);
}

static void put_capture(struct json *j, const struct record *rec)
{
	json_object(j, "capture");
	json_string(j, "result", record_result(rec));
	json_string(j, "device", *rec->device ? rec->device : NULL);
	json_array(j, "phases");
	for (size_t i = 0; i < rec->n_phases; i++)
		put_phase(j, &rec->phases[i]);
	json_end_array(j);
	json_end_object(j);
}

int record_format(const struct record *rec, const struct recipe *recipe, char **ret,
		  size_t *ret_len, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	struct json j;

	if (!to)
		return err_sys(err, errno, "a buffer for %s", RECORD_FILE);
	json_init(&j, to);
	json_object(&j, NULL);
	json_string(&j, "schema", RECORD_SCHEMA);
	json_string(&j, "tool", "lifeboat " LIFEBOAT_VERSION);
	put_kernel(&j, rec);
	put_crash(&j, rec);
	json_object(&j, "log");
	json_string(&j, "file", rec->log_written ? "dmesg.txt" : NULL);
	json_uint(&j, "bytes", rec->log_bytes);
	json_end_object(&j);
	put_dump(&j, rec, recipe);
	put_capture(&j, rec);
	json_end_object(&j);
	fputc('\n', to);
	if (fclose(to)) { /* a full buffer shows at the latest here */
		free(text);
		return err_sys(err, errno, "a buffer for %s", RECORD_FILE);
	}
	*ret = text;
	*ret_len = len;
	return 0;
}
