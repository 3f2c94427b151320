// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crash/record.h"
#include "format/codec.h"
#include "report/words.h"

struct modules {
	struct crash_record_module v[CRASH_RECORD_MODULES];
	char taints[CRASH_RECORD_MODULES][SYSTEM_MAX_TAINTS + 1];
	char build_ids[CRASH_RECORD_MODULES][2 * MODULE_BUILD_ID + 1];
};

struct writer {
	const struct report *r;
	struct crash_record rec;
	struct modules *modules;
};

static void fill_modules(struct writer *w)
{
	const struct report *r = w->r;
	struct modules *m = w->modules;
	size_t n = NUM_MIN(r->n_modules, (size_t)CRASH_RECORD_MODULES);

	if (r->modules_missing || (r->modules_cut && !r->n_modules))
		return; /* not known, which is not none */
	for (size_t i = 0; i < n; i++) {
		const struct module *from = r->modules[i];

		num_hex(from->build_id, from->build_id_len, m->build_ids[i],
			sizeof(m->build_ids[i]));
		m->v[i] = (struct crash_record_module){
			.name = from->name,
			.taints = system_taint_letters(from->taints, m->taints[i]),
			.build_id = *m->build_ids[i] ? m->build_ids[i] : NULL,
		};
	}
	w->rec.modules = m->v;
	w->rec.n_modules = n;
}

static const char *dmi(const struct system_info *s, const char *name)
{
	for (size_t i = 0; s && i < s->n_dmi; i++)
		if (strcmp(s->dmi[i].name, name) == 0)
			return s->dmi[i].value;
	return NULL;
}

static void fill(struct writer *w, const char *uuid)
{
	const struct report *r = w->r;
	const struct system_info *s = r->system;
	bool known = r->verdict.agreement != REPORT_NEITHER;

	w->rec = (struct crash_record){
		.tool = r->tool,
		.uuid = uuid,
		.release = r->uts[UTS_RELEASE],
		.version = r->uts[UTS_VERSION],
		.machine = r->uts[UTS_MACHINE],
		.node = r->uts[UTS_NODENAME],
		.build_id = r->build_id,
		.command_line = s ? s->command_line : NULL,
		.time = r->crash_time,
		.uptime_ns = s ? s->uptime_ns : 0,
		.panic = r->headline,
		.memory_known = r->dump.ram,
		.memory_bytes = r->dump.ram,
		.crash = known ? &r->verdict.crash : NULL,
		.signature = known ? &r->verdict.signature : NULL,
		.vendor = dmi(s, "sys_vendor"),
		.product = dmi(s, "product_name"),
		.bios = dmi(s, "bios_version"),
		.cpu_model = s && *s->cpu_model ? s->cpu_model : NULL,
		.cpus = s ? s->cpus_online : 0,
		.level = r->level,
		.gaps = r->gaps ? (const char *const *)r->gaps->v : NULL,
		.n_gaps = r->gaps ? r->gaps->n : 0,
	};
	fill_modules(w);
}

static void put(void *ctx, struct json *j, const struct crash_record_limits *limits)
{
	const struct writer *w = ctx;
	const struct report_dump *d = &w->r->dump;
	const char *slash = d->path ? strrchr(d->path, '/') : NULL;

	crash_record_put(j, &w->rec, limits);
	json_begin_object(j, "log");
	json_put_null(j, "file");
	json_end_object(j);
	json_begin_object(j, "dump");
	crash_record_put_text(j, "file", slash ? slash + 1 : d->path, limits);
	json_put_string(j, "format", d->has_level ? "kdump-compressed" : "elf");
	json_put_string(j, "codec", *d->codec ? d->codec : NULL);
	if (d->has_level)
		json_put_uint(j, "level", d->level);
	if (d->file_bytes)
		json_put_uint(j, "bytes", d->file_bytes);
	json_put_string(j, "cut", w->r->capture ? w->r->capture->cut : NULL);
	json_end_object(j);
}

int report_format_record(const struct report *r, const char *uuid, char **ret, size_t *ret_len,
			 struct err *err)
{
	struct writer w = {.r = r, .modules = calloc(1, sizeof(*w.modules))};
	int code;

	if (!w.modules)
		return err_nomem(err, sizeof(*w.modules), "a crash record");
	fill(&w, uuid);
	code = crash_record_format(put, &w, ret, ret_len, err);
	free(w.modules);
	return code;
}
