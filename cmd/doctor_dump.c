// SPDX-License-Identifier: GPL-2.0-or-later
/* How large a dump of this machine would be now, and how long it would take; and what should be changed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/doctor.h"
#include "cmd/mem_usage.h"

#define LEANEST 31

/* ---- how large */

/* A sample of the pages that would be kept, packed here: by one thread, as /proc/kcore has to be read by one. */
static int count_pages(struct doctor *d, struct err *err)
{
	const struct filter_options options = {
		.level = d->dump.level,
		.codec = CODEC_AUTO,
		.threads = 1,
	};
	struct doctor_dump *dump = &d->dump;
	uint64_t reserved;
	const char *unknown;

	if (d->live.src->live &&
	    mem_usage_exclude(d->live.src, &d->st->facts, &reserved, &unknown, err))
		return err->code;
	if (filter_estimate(d->live.img, &options, 1, &dump->stats, err))
		return err->code;
	dump->counted = true;
	dump->page_size = d->live.img->page_size;
	dump->file_bytes = dump->stats.file_bytes;
	dump->pack_ms = dump->stats.write_ns / 1000000;
	return 0;
}

/* ---- how long */

static uint64_t dump_ms(const struct crashfile *record)
{
	for (size_t i = 0; i < record->n_phases; i++)
		if (record->phases[i].name && strcmp(record->phases[i].name, "dump") == 0 &&
		    record->phases[i].result && strcmp(record->phases[i].result, "ok") == 0)
			return record->phases[i].took_ms;
	return 0;
}

static bool take_rate(struct doctor *d, const struct dumps_entry *e)
{
	struct crashfile *record;
	struct err ignored;
	uint64_t ms;
	bool good;

	if (e->foreign || !e->record_read || dumps_record(d->service, e, &record, &ignored))
		return false;
	ms = dump_ms(record);
	good = ms && record->dump_bytes && record->dump_bytes < UINT64_MAX / 1000;
	if (good) {
		d->dump.rate = record->dump_bytes * 1000 / ms;
		snprintf(d->dump.rate_of, sizeof(d->dump.rate_of), "%s", e->name);
	}
	crashfile_destroy(record);
	return good && d->dump.rate;
}

/* The newest capture whose dump was whole has packed, read and written as the next one will. */
static int find_rate(struct doctor *d, struct err *err)
{
	struct config *config = NULL;
	struct dumps_entry *v = NULL;
	struct err ignored;
	size_t n = 0;

	if (service_config(d->service, &config, NULL, &ignored))
		return 0; /* status tells of that */
	if (dumps_read(d->service, config, NULL, &v, &n, err)) {
		config_destroy(config);
		return err->code == ERR_NO_MEMORY ? err->code : 0;
	}
	for (size_t i = 0; i < n; i++)
		if (take_rate(d, &v[i]))
			break;
	free(v);
	config_destroy(config);
	return 0;
}

int doctor_measure(struct doctor *d, struct err *err)
{
	struct doctor_dump *dump = &d->dump;
	struct err why = {0};
	uint64_t bytes;

	dump->level = d->st->n_targets ? d->st->level : LEANEST;
	dump->most_known = d->st->need_known;
	dump->most_bytes = d->st->need;
	if (!d->live.k)
		snprintf(dump->why, sizeof(dump->why), "%s", d->live_err.msg);
	else if (count_pages(d, &why))
		snprintf(dump->why, sizeof(dump->why), "%s", why.msg);
	if (why.code == ERR_NO_MEMORY)
		return *err = why, err->code;
	if (find_rate(d, err))
		return err->code;
	bytes = dump->file_bytes;
	if (dump->rate && bytes && bytes < UINT64_MAX / 1000)
		dump->capture_ms = bytes * 1000 / dump->rate;
	return 0;
}

/* ---- what should be changed */

static _printf_(4, 5) void add(struct doctor *d, enum doctor_weight weight, const char *what,
			       const char *format, ...)
{
	struct doctor_finding *f = &d->findings[d->n_findings];
	va_list ap;

	if (d->n_findings == DOCTOR_MAX_FINDINGS) {
		d->findings_left_out++;
		return;
	}
	d->n_findings++;
	*f = (struct doctor_finding){.weight = weight};
	snprintf(f->what, sizeof(f->what), "%s", what);
	va_start(ap, format);
	vsnprintf(f->reason, sizeof(f->reason), format, ap);
	va_end(ap);
}

static void add_remedy(struct doctor *d, const char *remedy)
{
	struct doctor_finding *f = &d->findings[d->n_findings - 1];

	if (remedy && !d->findings_left_out)
		snprintf(f->remedy, sizeof(f->remedy), "%s", remedy);
}

static void judge_kernel(struct doctor *d)
{
	for (size_t i = 0; i < d->kconfig.n; i++) {
		const struct kconfig_finding *f = &d->kconfig.v[i];

		if (f->good || f->value == KCONFIG_UNKNOWN || f->weight == KCONFIG_INFO)
			continue;
		add(d, f->weight == KCONFIG_FATAL ? DOCTOR_FATAL : DOCTOR_WARNING, f->option, "%s",
		    f->effect);
		add_remedy(d, f->remedy);
	}
}

static void judge_rungs(struct doctor *d)
{
	for (size_t i = 0; i < d->n_rungs; i++) {
		const struct doctor_rung *r = &d->rungs[i];

		if (r->answer != DOCTOR_NO)
			continue;
		add(d, r->matters ? DOCTOR_WARNING : DOCTOR_NOTE, r->name,
		    "a dump of this kernel lacks %s%s%s", r->gives, *r->detail ? ": " : "",
		    r->detail);
		add_remedy(d, r->remedy);
	}
}

static void judge_size(struct doctor *d)
{
	const struct doctor_dump *dump = &d->dump;
	char size[16], room[16];

	for (size_t i = 0; i < d->st->n_targets && dump->file_bytes; i++) {
		const struct status_target *t = &d->st->targets[i];

		if (t->log_only || !t->free_known || t->free >= dump->file_bytes)
			continue;
		add(d, DOCTOR_WARNING, "room", "%s has %s free, a dump would take about %s",
		    t->text, num_human(t->free, room), num_human(dump->file_bytes, size));
		add_remedy(
			d,
			"`lifeboat prune` removes old dumps; a higher dump_level leaves more out");
	}
	if (d->room_err.code) {
		add(d, DOCTOR_NOTE, "crashkernel",
		    "how much the capture kernel needs is not known: %s", d->room_err.msg);
	} else if (d->room.reserved && !d->room.enough) {
		add(d, DOCTOR_WARNING, "crashkernel",
		    "%s are reserved for the capture kernel, it may need %s",
		    num_human(d->room.reserved, room), num_human(d->room.suggested, size));
		add_remedy(
			d,
			"`lifeboat reset-crashkernel` changes that; `lifeboat estimate` says why");
	}
}

/* The worst first, else in the order in which they came. */
static void sort(struct doctor *d)
{
	for (size_t i = 1; i < d->n_findings; i++)
		for (size_t k = i; k && d->findings[k - 1].weight > d->findings[k].weight; k--) {
			struct doctor_finding f = d->findings[k];

			d->findings[k] = d->findings[k - 1];
			d->findings[k - 1] = f;
		}
}

void doctor_judge(struct doctor *d)
{
	bool armed = !status_code(d->st);

	d->n_findings = 0;
	for (size_t i = 0; i < d->st->n_problems; i++)
		add(d, armed || i ? DOCTOR_WARNING : DOCTOR_FATAL, armed ? "armed" : "not armed",
		    "%s", d->st->problems[i]);
	judge_kernel(d);
	judge_size(d);
	judge_rungs(d);
	if (d->kconfig_err.code)
		add(d, DOCTOR_NOTE, "configuration", "that of the kernel cannot be read: %s",
		    d->kconfig_err.msg);
	if (!d->live.k)
		add(d, DOCTOR_NOTE, "memory",
		    "what a dump could tell was not tried, as the running machine's memory cannot "
		    "be read: %s",
		    d->live_err.msg);
	sort(d);
}
