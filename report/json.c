// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utc.h"
#include "report/words.h"

#define LOG_LINES 500

static void put_text(struct json *j, const char *key, const char *text)
{
	json_put_string(j, key, text && *text ? text : NULL);
}

static void put_if(struct json *j, const char *key, bool known, uint64_t value)
{
	if (known)
		json_put_uint(j, key, value);
	else
		json_put_null(j, key);
}

static void put_time(struct json *j, const char *key, uint64_t seconds)
{
	char time[UTC_TEXT];

	json_put_string(j, key, seconds && utc_format(seconds, time) ? time : NULL);
}

/* ---- verdict */

static const char *agreement_word(enum report_agreement agreement)
{
	static const char *const words[] = {
		[REPORT_AGREE] = "agree",       [REPORT_DISAGREE] = "disagree",
		[REPORT_LOG_ONLY] = "log-only", [REPORT_STACK_ONLY] = "stack-only",
		[REPORT_NEITHER] = "neither",
	};

	return words[agreement];
}

static void put_verdict(struct json *j, const struct report *r)
{
	const struct report_verdict *v = &r->verdict;
	bool known = v->agreement != REPORT_NEITHER;

	json_begin_object(j, "verdict");
	json_put_string(j, "class", known ? crash_class_name(v->crash.cls) : NULL);
	put_text(j, "title", v->crash.title);
	put_text(j, "panic", v->crash.panic);
	json_put_string(j, "agreement", agreement_word(v->agreement));
	json_put_string(j, "log_class", crash_class_name(v->log_class));
	json_put_string(j, "stack_class", crash_class_name(v->stack_class));
	put_if(j, "cpu", v->crash.cpu >= 0, (uint64_t)v->crash.cpu);
	put_if(j, "pid", v->crash.pid >= 0, (uint64_t)v->crash.pid);
	put_text(j, "comm", v->crash.comm);
	if (v->crash.has_fault_address)
		json_put_hex(j, "fault_address", v->crash.fault_address);
	else
		json_put_null(j, "fault_address");
	json_put_uint(j, "earlier", v->crash.earlier);
	json_begin_array(j, "notes");
	for (size_t i = 0; i < v->n_notes; i++)
		json_put_string(j, NULL, v->notes[i]);
	json_end_array(j);
	json_begin_object(j, "signature");
	json_put_string(j, "alg", SIGNATURE_ALG);
	json_put_string(j, "exact", known ? v->signature.exact : NULL);
	json_put_string(j, "func", known ? v->signature.func : NULL);
	json_put_string(j, "class", known ? v->signature.cls : NULL);
	json_put_string(j, "title", known ? v->signature.title : NULL);
	json_end_object(j);
	json_end_object(j);
}

static void put_kernel(struct json *j, const struct report *r)
{
	const struct system_info *s = r->system;
	char taints[SYSTEM_MAX_TAINTS + 1];

	json_put_bool(j, "live", r->live);
	json_begin_object(j, "kernel");
	put_text(j, "release", r->uts[UTS_RELEASE]);
	put_text(j, "version", r->uts[UTS_VERSION]);
	put_text(j, "machine", r->uts[UTS_MACHINE]);
	put_text(j, "node", r->uts[UTS_NODENAME]);
	put_text(j, "build_id", r->build_id);
	json_put_string(j, "command_line", s ? s->command_line : NULL);
	json_put_string(j, "taints",
			s && s->taint_known ? system_taint_letters(s->taint_mask, taints) : NULL);
	json_end_object(j);
	put_time(j, "crash_time", r->crash_time);
	put_time(j, "boot_time", s ? s->boot_time : 0);
	json_put_known(j, "uptime_ns", s ? s->uptime_ns : 0);
}

/* ---- stacks */

static void put_frame(struct json *j, const struct report_frame *f)
{
	json_begin_object(j, NULL);
	json_put_hex(j, "pc", f->pc);
	json_put_string(j, "function", f->function);
	json_put_string(j, "module", f->module);
	put_if(j, "offset", f->function, f->offset);
	put_if(j, "size", f->function, f->size);
	json_put_bool(j, "reliable", f->reliable);
	json_put_bool(j, "interrupted", f->interrupted);
	json_begin_array(j, "lines");
	for (size_t i = 0; i < f->n_lines; i++) {
		json_begin_object(j, NULL);
		put_text(j, "function", f->lines[i].function);
		put_text(j, "file", f->lines[i].file);
		json_put_uint(j, "line", f->lines[i].line);
		json_put_bool(j, "inlined", f->lines[i].inlined);
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

static void put_stack(struct json *j, const char *key, const struct report_stack *s)
{
	json_begin_object(j, key);
	json_put_bool(j, "whole", s->whole);
	put_text(j, "end", s->end);
	json_begin_array(j, "frames");
	for (size_t i = 0; i < s->n; i++)
		put_frame(j, &s->v[i]);
	json_end_array(j);
	json_end_object(j);
}

static void put_registers(struct json *j, const struct report *r)
{
	const struct report_stack *s = &r->panic_stack;
	const struct arch_regs *names = r->regs;

	json_begin_array(j, "registers");
	for (size_t set = 0; names && set < s->n_regs; set++) {
		json_begin_array(j, NULL);
		for (unsigned int i = 0; i < names->n && i < REGS_MAX; i++) {
			if (!(s->regs[set].known & (uint64_t)1 << i))
				continue;
			json_begin_object(j, NULL);
			json_put_string(j, "name", names->names[i]);
			json_put_hex(j, "value", s->regs[set].v[i]);
			json_end_object(j);
		}
		json_end_array(j);
	}
	json_end_array(j);
}

static void put_panic(struct json *j, const struct report *r)
{
	put_if(j, "panic_cpu", r->panic_cpu_known, r->panic_cpu);
	if (r->panic_stack_missing)
		json_put_null(j, "panic_stack");
	else
		put_stack(j, "panic_stack", &r->panic_stack);
	json_put_string(j, "panic_stack_missing", r->panic_stack_missing);
	put_registers(j, r);
}

/* ---- CPUs, tasks */

static void put_task(struct json *j, const char *key, const struct report_task *t)
{
	const char state[2] = {t->state, '\0'};

	json_begin_object(j, key);
	json_put_uint(j, "pid", t->pid);
	json_put_string(j, "comm", t->comm);
	json_put_string(j, "state", t->state ? state : NULL);
	put_if(j, "cpu", t->cpu >= 0, (uint64_t)t->cpu);
	json_put_known(j, "ns", t->ns);
	json_end_object(j);
}

static void put_cpus(struct json *j, const struct report *r)
{
	json_begin_array(j, "cpus");
	for (size_t i = 0; i < r->n_cpus; i++) {
		const struct report_cpu *c = &r->cpus[i];

		json_begin_object(j, NULL);
		json_put_uint(j, "cpu", c->cpu);
		json_put_bool(j, "online", c->online);
		json_put_bool(j, "panicked", c->panicked);
		json_put_bool(j, "registers", c->has_regs);
		json_put_bool(j, "idle", c->idle);
		if (c->task_known)
			put_task(j, "task", &c->task);
		else
			json_put_null(j, "task");
		put_if(j, "running", c->queue_known, c->running);
		put_if(j, "waiting", c->queue_known, c->waiting);
		json_put_known(j, "clock_ns", c->clock_ns);
		json_begin_array(j, "queue");
		for (size_t k = 0; k < c->n_queue; k++)
			put_task(j, NULL, &c->queue[k]);
		json_end_array(j);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_string(j, "cpus_missing", r->cpus_missing);
	json_put_string(j, "queues_missing", r->queues_missing);
	json_begin_array(j, "cpu_stacks");
	for (size_t i = 0; i < r->n_cpu_groups; i++) {
		const struct report_group *g = &r->cpu_groups[i];

		json_begin_object(j, NULL);
		json_begin_array(j, "cpus");
		for (size_t k = 0; k < g->n; k++)
			json_put_uint(j, NULL, r->cpus[g->members[k]].cpu);
		json_end_array(j);
		put_stack(j, "stack", &g->stack);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_list(struct json *j, const char *key, const struct report_task *v, size_t n)
{
	json_begin_array(j, key);
	for (size_t i = 0; i < n; i++)
		put_task(j, NULL, &v[i]);
	json_end_array(j);
}

static void put_tasks(struct json *j, const struct report *r)
{
	json_put_string(j, "tasks_missing", r->tasks_missing);
	json_begin_object(j, "tasks");
	put_if(j, "threads", !r->tasks_missing, r->n_tasks);
	put_if(j, "kernel_threads", !r->tasks_missing, r->n_kernel_threads);
	json_put_bool(j, "cut", r->tasks_cut);
	json_begin_array(j, "states");
	for (const char *s = words_states; *s; s++) {
		const char name[2] = {*s, '\0'};

		if (!r->states[(unsigned char)*s])
			continue;
		json_begin_object(j, NULL);
		json_put_string(j, "state", name);
		json_put_uint(j, "threads", r->states[(unsigned char)*s]);
		json_end_object(j);
	}
	json_end_array(j);
	put_list(j, "running_longest", r->running, r->n_running);
	put_list(j, "waiting_longest", r->waiting, r->n_waiting);
	json_end_object(j);
	json_begin_array(j, "blocked");
	for (size_t i = 0; i < r->n_groups; i++) {
		const struct report_group *g = &r->groups[i];

		json_begin_object(j, NULL);
		json_put_uint(j, "count", g->n);
		json_begin_array(j, "tasks");
		for (size_t k = 0; k < g->n; k++)
			put_task(j, NULL, &r->blocked[g->members[k]]);
		json_end_array(j);
		put_stack(j, "stack", &g->stack);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_uint(j, "blocked_without_stack", r->unstacked);
}

/* ---- memory, modules, machine */

static void put_memory(struct json *j, const struct report *r)
{
	const struct memory *m = r->memory;

	json_put_string(j, "memory_missing", r->memory_missing);
	json_begin_array(j, "memory");
	for (size_t i = 0; m && i < m->n_counters; i++) {
		json_begin_object(j, NULL);
		json_put_string(j, "name", m->counters[i].name);
		json_put_uint(j, "bytes", m->counters[i].bytes);
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "slabs");
	for (size_t i = 0; m && i < m->n_slabs; i++) {
		const struct slab *s = &m->slabs[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", s->name);
		json_put_uint(j, "bytes", s->bytes);
		json_put_uint(j, "place_bytes", s->size);
		json_put_uint(j, "objects", s->objects);
		put_if(j, "active", s->active != UINT64_MAX, s->active);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_modules(struct json *j, const struct report *r)
{
	char taints[SYSTEM_MAX_TAINTS + 1], id[2 * MODULE_BUILD_ID + 1];

	json_put_string(j, "modules_missing", r->modules_missing);
	json_put_bool(j, "modules_cut", r->modules_cut);
	json_begin_array(j, "modules");
	for (size_t i = 0; i < r->n_modules; i++) {
		const struct module *m = r->modules[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", m->name);
		json_put_string(j, "taints", system_taint_letters(m->taints, taints));
		json_put_uint(j, "bytes", m->size);
		json_put_uint(j, "users", m->refcount);
		put_text(j, "version", m->version);
		put_text(j, "srcversion", m->srcversion);
		put_text(j, "build_id", num_hex(m->build_id, m->build_id_len, id, sizeof(id)));
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_machine(struct json *j, const struct report *r)
{
	const struct system_info *s = r->system;

	json_begin_object(j, "machine");
	json_put_known(j, "cpus_possible", s ? s->cpus_possible : 0);
	json_put_known(j, "cpus_online", s ? s->cpus_online : 0);
	put_text(j, "cpu_model", s ? s->cpu_model : NULL);
	put_text(j, "hypervisor", s ? s->hypervisor : NULL);
	json_begin_array(j, "dmi");
	for (size_t i = 0; s && i < s->n_dmi; i++) {
		json_begin_object(j, NULL);
		json_put_string(j, "name", s->dmi[i].name);
		json_put_string(j, "value", s->dmi[i].value);
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "iomem");
	for (size_t i = 0; r->iomem && i < r->iomem->n; i++) {
		const struct iomem *m = &r->iomem->v[i];

		json_begin_object(j, NULL);
		json_put_hex(j, "start", m->start);
		json_put_hex(j, "end", m->end);
		json_put_uint(j, "depth", m->depth);
		json_put_string(j, "name", m->name);
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
	json_put_string(j, "machine_missing", r->system_missing);
	json_put_string(j, "iomem_missing", r->iomem_missing);
}

static void put_log(struct json *j, const struct report *r)
{
	const struct report_log *log = &r->log;
	size_t first = log->n - NUM_MIN(log->n, (size_t)LOG_LINES);

	json_put_string(j, "log_missing", r->log_missing);
	json_begin_array(j, "log");
	for (size_t i = NUM_MIN(first, log->block < log->block_end ? log->block : first);
	     i < log->n; i++) {
		const struct report_line *l = &log->v[i];

		json_begin_object(j, NULL);
		json_put_uint(j, "ts_ns", l->ts_ns);
		put_if(j, "level", l->level != REPORT_NO_LEVEL, l->level);
		json_put_bool(j, "crash", i >= log->block && i < log->block_end);
		json_put_string(j, "text", l->text);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_uint(j, "log_lines", log->lines);
	json_put_uint(j, "log_damaged", log->damaged);
}

/* ---- the dump and how it was looked at */

static void put_dump(struct json *j, const struct report *r)
{
	const struct report_dump *d = &r->dump;

	json_begin_object(j, "dump");
	json_put_string(j, "file", d->path);
	json_put_string(j, "format", d->format);
	json_put_uint(j, "file_bytes", d->file_bytes);
	json_put_bool(j, "incomplete", d->incomplete);
	put_if(j, "level", d->has_level, d->level);
	put_text(j, "codec", d->codec);
	json_put_uint(j, "memory_bytes", d->ram);
	json_put_uint(j, "present_bytes", d->present);
	put_if(j, "zero_bytes", d->zero_known, d->zero);
	json_put_uint(j, "lost_bytes", d->lost);
	json_begin_array(j, "absent");
	for (size_t i = 0; i < d->n_absent; i++) {
		json_begin_object(j, NULL);
		json_put_string(j, "what", d->absent[i].text);
		json_put_known(j, "bytes", d->absent[i].bytes);
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "map");
	for (size_t i = 0; i < d->n_cells; i++) {
		const struct report_cell *c = &d->cells[i];

		json_begin_object(j, NULL);
		json_put_hex(j, "start", c->start);
		json_put_hex(j, "end", c->end ? c->end - 1 : 0);
		json_put_uint(j, "memory_bytes", c->ram);
		json_put_uint(j, "present_bytes", c->present);
		put_if(j, "zero_bytes", d->zero_known, c->zero);
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

static void put_capture(struct json *j, const struct report *r)
{
	const struct report_capture *c = r->capture;

	if (!c) {
		json_put_null(j, "capture");
		return;
	}
	json_begin_object(j, "capture");
	json_put_string(j, "result", c->result);
	json_put_string(j, "device", c->device);
	json_put_string(j, "kernel", c->release);
	json_put_string(j, "cut", c->cut);
	json_put_string(j, "warning", c->warning);
	json_put_string(j, "unfiltered", c->unfiltered);
	json_begin_array(j, "phases");
	for (size_t i = 0; i < c->n_phases; i++) {
		const struct report_phase *p = &c->phases[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", p->name);
		json_put_string(j, "result", p->result);
		json_put_string(j, "error", p->error);
		json_put_known(j, "target", p->target);
		json_put_uint(j, "start_ms", p->start_ms);
		json_put_uint(j, "took_ms", p->took_ms);
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

static void put_analysis(struct json *j, const struct report *r)
{
	json_begin_object(j, "analysis");
	put_text(j, "level", r->level);
	put_text(j, "vmlinux", r->vmlinux);
	json_put_string(j, "vmlinux_missing", r->vmlinux_missing);
	json_put_uint(j, "took_ns", r->took_ns);
	json_begin_array(j, "gaps");
	for (size_t i = 0; r->gaps && i < r->gaps->n; i++)
		json_put_string(j, NULL, r->gaps->v[i]);
	json_end_array(j);
	json_put_uint(j, "gaps_left_out", r->gaps ? r->gaps->more : 0);
	json_end_object(j);
}

void report_put_json(const struct report *r, struct json *j)
{
	put_verdict(j, r);
	put_kernel(j, r);
	put_panic(j, r);
	put_cpus(j, r);
	put_tasks(j, r);
	put_memory(j, r);
	put_modules(j, r);
	put_log(j, r);
	put_machine(j, r);
	put_dump(j, r);
	put_capture(j, r);
	put_analysis(j, r);
}
