// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/record.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"

enum record_result record_result(const struct record_target *t)
{
	if (!t->tried)
		return RECORD_NOT_TRIED;
	if (!t->closing)
		return RECORD_IN_PROGRESS;
	if (t->dump_written)
		return t->log_written && !t->stats.lost && !t->unreadable ? RECORD_COMPLETE
									  : RECORD_PARTIAL;
	if (t->dump_cut)
		return RECORD_PARTIAL;
	return t->log_written ? RECORD_LOG_ONLY : RECORD_FAILED;
}

const char *record_result_name(enum record_result result)
{
	static const char *const names[] = {
		[RECORD_NOT_TRIED] = "not-tried", [RECORD_IN_PROGRESS] = "in-progress",
		[RECORD_FAILED] = "failed",       [RECORD_LOG_ONLY] = "log-only",
		[RECORD_PARTIAL] = "partial",     [RECORD_COMPLETE] = "complete",
	};

	return names[result];
}

enum record_result record_best(const struct record *rec)
{
	enum record_result best = RECORD_NOT_TRIED;

	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++)
		best = NUM_MAX(best, record_result(&rec->targets[i]));
	return best;
}

/*
 * One of a target is always taken: there are at most 14 of each target (capture/capture.h). Of hooks there may be
 * hundreds, and they must not keep the dump's out.
 */
void record_add_phase(struct record *rec, const char *name, int i,
		      const struct step_outcome *outcome)
{
	size_t none = 0;

	for (size_t k = 0; k < rec->n_phases; k++)
		none += rec->phases[k].target < 0;
	if (rec->n_phases == RECORD_MAX_PHASES || (i < 0 && none == RECORD_OF_NONE))
		rec->phases_left_out++;
	else
		rec->phases[rec->n_phases++] = (struct record_phase){name, i, *outcome};
}

/* What a record is made of. */
struct writer {
	struct json *json;
	const struct crash_record_limits *limits;
	const struct record *rec;
	const struct recipe *recipe;
	const struct record_target *t;
};

static void put_text(struct writer *w, const char *key, const char *text)
{
	crash_record_put_text(w->json, key, text, w->limits);
}

/* What every record says, as far as the log and VMCOREINFO tell it. */
static void put_shared(struct writer *w)
{
	const struct record *rec = w->rec;
	const char *gap = rec->log_gap;
	char modules[RECORD_MODULES];
	struct crash_record_module list[CRASH_RECORD_MODULES];
	struct crash_record shared = {
		.tool = "lifeboat " LIFEBOAT_VERSION,
		.panic = printk_headline_get(&rec->headline),
		.crash = rec->crash_known ? &rec->crash : NULL,
		.signature = rec->crash_known ? &rec->signature : NULL,
		.level = rec->log_read || rec->crash_known ? "log" : NULL,
		.gaps = &gap,
		.n_gaps = *gap != '\0',
	};

	if (rec->examined) {
		shared.uuid = rec->uuid;
		shared.release = rec->uts[UTS_RELEASE];
		shared.version = rec->uts[UTS_VERSION];
		shared.machine = rec->uts[UTS_MACHINE];
		shared.node = rec->uts[UTS_NODENAME];
		shared.build_id = rec->build_id;
		shared.time = rec->crash_time;
		shared.memory_known = true;
		shared.memory_bytes = rec->memory_bytes;
	}
	memcpy(modules, rec->modules, sizeof(modules));
	if (*modules) {
		shared.modules = list;
		shared.n_modules = crash_record_modules(modules, list, ARRAY_SIZE(list));
	}
	crash_record_put(w->json, &shared, w->limits);
}

static void put_log(struct writer *w)
{
	json_begin_object(w->json, "log");
	json_put_string(w->json, "file", w->t->log_written ? w->t->place.files[CRASH_LOG] : NULL);
	json_put_uint(w->json, "bytes", w->t->log_bytes);
	json_end_object(w->json);
}

static void put_stats(struct json *j, const struct filter_stats *s)
{
	uint64_t left_out = 0;

	for (int c = 0; c < PAGE_CLASSES; c++)
		left_out += s->dropped[c];
	json_put_string(j, "warning", *s->warning ? s->warning : NULL);
	if (s->file_bytes)
		json_put_uint(j, "bytes", s->file_bytes);
	json_put_uint(j, "pages", s->pages);
	json_put_uint(j, "pages_written", s->written);
	json_put_uint(j, "pages_zero", s->zero);
	json_put_uint(j, "pages_left_out", left_out);
	json_put_uint(j, "pages_lost", s->lost);
	json_put_uint(j, "pages_cut_off", s->cut_off);
	json_put_uint(j, "scan_ms", s->scan_ns / 1000000);
	json_put_uint(j, "write_ms", s->write_ns / 1000000);
}

static const char *cut_of(const struct record_target *t)
{
	if (!t->dump_cut)
		return NULL;
	return t->dump_failed ? "a failure" : filter_cut_name(t->stats.cut);
}

static void put_dump(struct writer *w)
{
	const struct record_target *t = w->t;
	struct json *j = w->json;

	char cut[sizeof(t->place.files[0]) + sizeof(".incomplete")];

	snprintf(cut, sizeof(cut), "%s.incomplete", t->place.files[CRASH_DUMP]);
	json_begin_object(j, "dump");
	json_put_string(j, "file",
			t->dump_written ? t->place.files[CRASH_DUMP]
			: t->dump_cut   ? cut
					: NULL);
	json_put_string(j, "format", w->recipe->elf ? "elf" : "kdump-compressed");
	json_put_string(j, "codec", codec_name(t->codec));
	json_put_uint(j, "level", t->level);
	json_put_uint(j, "level_wanted", w->recipe->levels[0]);
	put_text(w, "unfiltered", *t->unfiltered ? t->unfiltered : NULL);
	json_put_string(j, "cut", cut_of(t));
	if (t->dump_written || (t->dump_cut && !t->dump_failed))
		put_stats(j, &t->stats);
	json_end_object(j);
}

static void put_phase(struct writer *w, const struct record_phase *p)
{
	const struct step_outcome *o = &p->outcome;
	struct json *j = w->json;

	json_begin_object(j, NULL);
	json_put_string(j, "name", p->name);
	if (p->target >= 0)
		json_put_uint(j, "target", (uint64_t)p->target + 1);
	json_put_uint(j, "start_ms", o->start_ms);
	json_put_uint(j, "took_ms", o->took_ms);
	json_put_string(j, "result", o->timed_out ? "timeout" : o->err.code ? "failed" : "ok");
	if (o->err.code)
		put_text(w, "error", o->err.msg);
	json_end_object(j);
}

static void put_target(struct writer *w, const struct record_target *t,
		       const struct recipe_target *recipe)
{
	struct json *j = w->json;
	char what[512];

	target_describe(recipe, what, sizeof(what));
	json_begin_object(j, NULL);
	put_text(w, "target", what);
	json_put_string(j, "result", record_result_name(record_result(t)));
	put_text(w, "device", *t->place.device ? t->place.device : NULL);
	put_text(w, "name", *t->place.name ? t->place.name : NULL);
	put_text(w, "error", *t->failure ? t->failure : NULL);
	json_end_object(j);
}

/*
 * It is to be sent on, to the first remote target that takes dumps. False: it is no spool, there is no such target, or a
 * remote one has it whole.
 */
static bool waits_for(const struct writer *w, const struct recipe_target **ret)
{
	const struct recipe *recipe = w->recipe;
	const struct recipe_target *to = NULL;

	if (!recipe->targets[w->t - w->rec->targets].spool)
		return false;
	for (size_t i = 0; i < recipe->n_targets; i++) {
		const struct recipe_target *t = &recipe->targets[i];

		if (!recipe_is_remote(t->kind) || t->log_only)
			continue;
		if (record_result(&w->rec->targets[i]) == RECORD_COMPLETE)
			return false;
		if (!to)
			to = t;
	}
	*ret = to;
	return to != NULL;
}

static void put_spool(struct writer *w)
{
	const struct recipe_target *to = NULL;
	bool waits = waits_for(w, &to);
	char what[512];

	json_put_bool(w->json, "spool", waits);
	if (waits)
		target_describe(to, what, sizeof(what));
	put_text(w, "send_to", waits ? what : NULL);
}

static void put_capture(struct writer *w)
{
	const struct record *rec = w->rec;
	struct json *j = w->json;

	json_begin_object(j, "capture");
	json_put_string(j, "result", record_result_name(record_result(w->t)));
	put_text(w, "device", *w->t->place.device ? w->t->place.device : NULL);
	json_put_uint(j, "target", (uint64_t)(w->t - rec->targets) + 1);
	put_spool(w);
	json_begin_array(j, "targets");
	for (size_t i = 0; i < w->recipe->n_targets; i++)
		put_target(w, &rec->targets[i], &w->recipe->targets[i]);
	json_end_array(j);
	put_text(w, "kernel", *rec->kernel ? rec->kernel : NULL);
	put_text(w, "watchdog", *rec->watchdog ? rec->watchdog : NULL);
	json_put_bool(j, "pstore", rec->pstore);
	json_put_uint(j, "memory_available", rec->available);
	json_put_uint(j, "threads", rec->threads);
	json_put_uint(j, "memory_ram", rec->meter.ram);
	json_put_uint(j, "memory_total", rec->meter.total);
	json_put_uint(j, "memory_lowest", rec->meter.lowest);
	json_begin_array(j, "phases");
	for (size_t i = 0; i < rec->n_phases; i++)
		put_phase(w, &rec->phases[i]);
	json_end_array(j);
	json_put_uint(j, "phases_left_out", rec->phases_left_out);
	json_end_object(j);
}

static void put_record(void *ctx, struct json *j, const struct crash_record_limits *limits)
{
	struct writer *w = ctx;

	w->json = j;
	w->limits = limits;
	put_shared(w);
	put_log(w);
	put_dump(w);
	put_capture(w);
}

int record_format(const struct record *rec, const struct recipe *recipe, size_t i, char **ret,
		  size_t *ret_len, struct err *err)
{
	struct writer w = {.rec = rec, .recipe = recipe, .t = &rec->targets[i]};

	return crash_record_format(put_record, &w, ret, ret_len, err);
}
