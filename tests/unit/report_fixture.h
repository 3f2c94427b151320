/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports filled in by hand: what no renderer's test should need a dump for. An ordinary one; a hostile one, whose every text
 * tries to be markup, an escape sequence, the end of a JSON string, or endless; and one in which nothing is known.
 */
#ifndef TESTS_UNIT_REPORT_FIXTURE_H
#define TESTS_UNIT_REPORT_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define HOSTILE_MARK "pwned"

/* Each is in some context more than text: content, attribute, style, terminal, JSON, direction of writing. */
static const char *const fixture_hostile[] = {
	"<script>" HOSTILE_MARK "()</script>",
	"\"><img src=x onerror=" HOSTILE_MARK "()>",
	"</code></style><svg onload='" HOSTILE_MARK "()'>",
	"\033[2J\033]0;" HOSTILE_MARK "\007\r\n\b",
	"\",\"" HOSTILE_MARK "\":{\"a\\",
	"\xe2\x80\xae" HOSTILE_MARK "\xc2\x9b"
	"31m\xff\xfe",
	"]]>--><!--{{" HOSTILE_MARK "}}%s%n%99999d",
};

struct report_fixture {
	struct report r;
	const char *const *hostile; /* NULL: it is not */
	size_t n_hostile, next;
	struct report_frame frames[3][12];
	struct report_line lines[64];
	struct report_cpu cpus[4];
	struct report_task queue[3];
	struct report_group cpu_groups[3], groups[2];
	uint64_t members[16];
	struct report_task blocked[3];
	struct memory memory;
	struct slab slabs[3];
	struct module modules[3], *module_pointers[3];
	struct system_info system;
	struct iomem iomem[6];
	struct iomem_list iomem_list;
	struct report_fact absent[2];
	struct report_phase phases[3];
	struct report_capture capture;
	struct source_line source[2];
	struct gaps gaps;
	char long_text[4000];
	const char *names[18];
	struct arch_regs regs;
};

/* An ordinary text, or one of the hostile ones in its place. */
static inline const char *fixture_text(struct report_fixture *f, const char *plain)
{
	size_t n = f->n_hostile;

	if (!f->hostile)
		return plain;
	return f->next++ % (n + 1) == n ? f->long_text : f->hostile[f->next % n];
}

/* Into an array, cut: the arrays of a report are zeroed, so it has its end. */
#define FIXTURE_COPY(f, array, plain) fixture_copy(f, array, sizeof(array), plain)

static inline void fixture_copy(struct report_fixture *f, char *to, size_t size, const char *plain)
{
	const char *from = fixture_text(f, plain);

	memcpy(to, from, strnlen(from, size - 1));
}

static inline void fixture_frame(struct report_fixture *f, struct report_stack *s,
				 const char *function, const char *module, bool interrupted)
{
	s->v[s->n++] = (struct report_frame){
		.pc = 0xffffffff81000000 + 0x100 * s->n,
		.function = fixture_text(f, function),
		.module = module ? fixture_text(f, module) : NULL,
		.offset = 0x16,
		.size = 0x20,
		.reliable = strcmp(function, "guessed") != 0,
		.interrupted = interrupted,
		.regs = interrupted ? 1 : -1,
	};
}

static inline void fixture_stacks(struct report_fixture *f)
{
	struct report *r = &f->r;

	r->panic_cpu_known = true;
	r->panic_cpu = 1;
	r->panic_stack =
		(struct report_stack){.v = f->frames[0], .n_regs = 2, .whole = true, .user = true};
	fixture_frame(f, &r->panic_stack, "__crash_kexec", NULL, false);
	fixture_frame(f, &r->panic_stack, "panic", NULL, false);
	fixture_frame(f, &r->panic_stack, "oops_end", NULL, false);
	fixture_frame(f, &r->panic_stack, "page_fault_oops", NULL, false);
	fixture_frame(f, &r->panic_stack, "asm_exc_page_fault", NULL, false);
	fixture_frame(f, &r->panic_stack, "acme_read", "acme", true);
	fixture_frame(f, &r->panic_stack, "guessed", NULL, false);
	fixture_frame(f, &r->panic_stack, "vfs_read", NULL, false);
	fixture_frame(f, &r->panic_stack, "entry_SYSCALL_64_after_hwframe", NULL, false);
	f->source[0] = (struct source_line){.line = 42, .inlined = true};
	FIXTURE_COPY(f, f->source[0].function, "acme_get");
	FIXTURE_COPY(f, f->source[0].file, "drivers/acme/acme.h");
	f->source[1] = (struct source_line){.line = 117};
	FIXTURE_COPY(f, f->source[1].file, "drivers/acme/acme.c");
	f->frames[0][5].lines = f->source;
	f->frames[0][5].n_lines = 2;
	static const char *const names[] = {"RIP", "RSP", "RAX", "RBX", "RCX", "RDX",
					    "RSI", "RDI", "RBP", "R8",  "R9",  "R10",
					    "R11", "R12", "R13", "R14", "R15", "RFLAGS"};
	memcpy(f->names, names, sizeof(names));
	f->regs = (struct arch_regs){.names = f->names, .n = 18};
	r->regs = &f->regs;
	for (size_t set = 0; set < 2; set++)
		for (unsigned int i = 0; i < 18; i++) {
			r->panic_stack.regs[set].v[i] = i % 5 ? 0xffff888000000000 + i * 0x1111 : 0;
			r->panic_stack.regs[set].known |= 1ULL << i;
		}
}

static inline void fixture_log(struct report_fixture *f)
{
	static const char *const texts[] = {
		"acme 0000:00:05.0: link is up",
		"BUG: kernel NULL pointer dereference, address: 0000000000000008",
		"#PF: supervisor read access in kernel mode",
		"Oops: 0000 [#1] PREEMPT SMP NOPTI",
		"CPU: 1 PID: 4711 Comm: reader Tainted: G           OE      6.1.0 #1",
		"RIP: 0010:acme_read+0x16/0x20 [acme]",
		"Call Trace:",
		" vfs_read+0x9c/0x190",
		" entry_SYSCALL_64_after_hwframe+0x6e/0xd8",
		"Kernel panic - not syncing: Fatal exception",
	};
	struct report_log *log = &f->r.log;

	log->v = f->lines;
	for (size_t i = 0; i < 40; i++)
		f->lines[log->n++] = (struct report_line){
			.ts_ns = 12000000000 + i * 1000000,
			.level = (uint8_t)(i % 9 == 8 ? REPORT_NO_LEVEL : 7 - i % 8),
			.text = (char *)fixture_text(f, "audit: type=1400 apparmor=\"STATUS\""),
		};
	log->block = log->n + 1;
	for (size_t i = 0; i < 10; i++)
		f->lines[log->n++] =
			(struct report_line){.ts_ns = 4567123456789 + i * 1000,
					     .level = i == 1 || i == 9 ? 1 : 4,
					     .caller = 4711,
					     .text = (char *)fixture_text(f, texts[i])};
	log->block_end = log->n;
	log->lines = 1234;
	log->damaged = 2;
}

static inline void fixture_cpus(struct report_fixture *f)
{
	struct report *r = &f->r;

	r->cpus = f->cpus;
	r->n_cpus = 4;
	for (unsigned int i = 0; i < 4; i++) {
		f->cpus[i] = (struct report_cpu){
			.cpu = i,
			.online = i < 3,
			.panicked = i == 1,
			.has_regs = i < 3,
			.idle = i == 2,
			.task_known = i < 3,
			.queue_known = i < 3,
			.running = i < 2,
			.clock_ns = i < 3 ? 4567123000000 - i * 4000000 : 0,
			.group = i < 3 ? i : SIZE_MAX,
		};
		f->cpus[i].task = (struct report_task){.pid = i == 2 ? 0 : 4710 + i,
						       .cpu = (int)i,
						       .ns = 22ULL * 1000000000 / (i + 1),
						       .state = 'R'};
		FIXTURE_COPY(f, f->cpus[i].task.comm, i == 1 ? "reader" : i ? "swapper/2" : "hog");
	}
	for (unsigned int i = 0; i < 3; i++) {
		f->queue[i] =
			(struct report_task){.pid = 900 + i, .cpu = 0, .ns = 5000000, .state = 'R'};
		FIXTURE_COPY(f, f->queue[i].comm, "kworker/0:1");
	}
	f->cpus[0].queue = f->queue;
	f->cpus[0].n_queue = 3;
	f->cpus[0].waiting = 5;
	r->cpu_groups = f->cpu_groups;
	r->n_cpu_groups = 3;
	for (size_t i = 0; i < 3; i++) {
		f->members[i] = i;
		f->cpu_groups[i] = (struct report_group){
			.members = &f->members[i], .n = 1, .stack = r->panic_stack};
	}
	f->cpu_groups[2].stack = (struct report_stack){.v = f->frames[1], .whole = false};
	FIXTURE_COPY(f, f->cpu_groups[2].stack.end, "no ORC entry for 0xffffffff81c00000");
	fixture_frame(f, &f->cpu_groups[2].stack, "native_safe_halt", NULL, true);
	fixture_frame(f, &f->cpu_groups[2].stack, "do_idle", NULL, false);
}

static inline void fixture_tasks(struct report_fixture *f)
{
	struct report *r = &f->r;

	r->n_tasks = 214;
	r->n_kernel_threads = 140;
	r->states['R'] = 5;
	r->states['S'] = 120;
	r->states['D'] = 3;
	r->states['I'] = 80;
	r->states['Z'] = 4;
	r->states['?'] = 2;
	r->blocked = f->blocked;
	r->n_blocked = 3;
	for (unsigned int i = 0; i < 3; i++) {
		f->blocked[i] = (struct report_task){.pid = 300 + i,
						     .cpu = (int)i,
						     .state = 'D',
						     .ns = (130ULL + i) * 1000000000};
		FIXTURE_COPY(f, f->blocked[i].comm, i ? "tar" : "jbd2/vda1-8");
		f->members[8 + i] = i;
	}
	r->groups = f->groups;
	r->n_groups = 2;
	f->groups[0] = (struct report_group){.members = &f->members[9], .n = 2};
	f->groups[0].stack = (struct report_stack){.v = f->frames[2], .whole = true};
	fixture_frame(f, &f->groups[0].stack, "__schedule", NULL, false);
	fixture_frame(f, &f->groups[0].stack, "schedule", NULL, false);
	fixture_frame(f, &f->groups[0].stack, "wait_on_page_bit_common", NULL, false);
	fixture_frame(f, &f->groups[0].stack, "ext4_file_write_iter", "ext4", false);
	f->groups[1] = (struct report_group){
		.members = &f->members[8], .n = 1, .stack = f->groups[0].stack};
	r->unstacked = 1;
	r->running[0] = f->cpus[0].task;
	r->n_running = 1;
	r->waiting[0] = f->queue[0];
	r->n_waiting = 1;
}

static inline void fixture_machine(struct report_fixture *f)
{
	static const struct memory_counter counters[] = {
		{"MemTotal", 1000 << 20},   {"MemFree", 200 << 20},    {"Cached", 150 << 20},
		{"Buffers", 10 << 20},      {"Shmem", 5 << 20},        {"AnonPages", 300 << 20},
		{"SReclaimable", 60 << 20}, {"SUnreclaim", 90 << 20},  {"KernelStack", 3 << 20},
		{"PageTables", 8 << 20},    {"VmallocUsed", 30 << 20}, {"Percpu", 2 << 20},
	};
	struct report *r = &f->r;

	memcpy(f->memory.counters, counters, sizeof(counters));
	f->memory.n_counters = ARRAY_SIZE(counters);
	f->memory.slabs = f->slabs;
	f->memory.n_slabs = 3;
	for (size_t i = 0; i < 3; i++) {
		f->slabs[i] = (struct slab){.size = 1096,
					    .object_size = 1088,
					    .objects = 40000 >> i,
					    .active = i ? UINT64_MAX : 39000,
					    .bytes = 44000000 >> i};
		FIXTURE_COPY(f, f->slabs[i].name, "ext4_inode_cache");
		f->modules[i] = (struct module){
			.taints = i ? 0 : 1 << 12 | 1 << 13, .size = 120000 << i, .refcount = i};
		FIXTURE_COPY(f, f->modules[i].name, i ? "ext4" : "acme");
		FIXTURE_COPY(f, f->modules[i].version, i ? "" : "1.2.3");
		f->module_pointers[i] = &f->modules[i];
	}
	r->memory = &f->memory;
	r->modules = f->module_pointers;
	r->n_modules = 3;
	f->system = (struct system_info){.uptime_ns = 4567123456789,
					 .taint_mask = 1 << 12 | 1 << 13,
					 .taint_known = true,
					 .n_dmi = 2,
					 .cpus_possible = 4,
					 .cpus_online = 3};
	f->system.command_line = (char *)fixture_text(
		f, "BOOT_IMAGE=/boot/vmlinuz-6.1.0 root=/dev/vda1 ro crashkernel=256M quiet");
	FIXTURE_COPY(f, f->system.dmi[0].name, "sys_vendor");
	FIXTURE_COPY(f, f->system.dmi[1].name, "product_name");
	FIXTURE_COPY(f, f->system.dmi[0].value, "Acme Computers");
	FIXTURE_COPY(f, f->system.dmi[1].value, "Model <7> & Sons");
	FIXTURE_COPY(f, f->system.cpu_model, "Acme CPU @ 3 GHz");
	FIXTURE_COPY(f, f->system.hypervisor, "KVM");
	r->system = &f->system;
	static const struct iomem areas[] = {
		{0x1000, 0x9fbff, 0, "System RAM"},
		{0x100000, 0x3fffffff, 0, "System RAM"},
		{0x1000000, 0x1ffffff, 1, "Kernel code"},
		{0x2000000, 0x25fffff, 1, "Kernel data"},
		{0x30000000, 0x3effffff, 1, "Crash kernel"},
		{0xfec00000, 0xfec003ff, 0, "IOAPIC 0"},
	};
	memcpy(f->iomem, areas, sizeof(areas));
	FIXTURE_COPY(f, f->iomem[5].name, "IOAPIC 0");
	f->iomem_list = (struct iomem_list){.v = f->iomem, .n = ARRAY_SIZE(areas)};
	r->iomem = &f->iomem_list;
}

static inline void fixture_dump(struct report_fixture *f)
{
	struct report_dump *d = &f->r.dump;

	d->path = fixture_text(f, "/var/crash/2026-11-22/vmcore");
	d->format = "kdump-compressed v6";
	snprintf(d->codec, sizeof(d->codec), "zstd");
	d->file_bytes = 62000000;
	d->has_level = true;
	d->level = 31;
	d->zero_known = true;
	d->n_cells = REPORT_MAP_CELLS;
	for (size_t i = 0; i < d->n_cells; i++) {
		struct report_cell *c = &d->cells[i];

		c->start = i * (8 << 20);
		c->end = c->start + (8 << 20);
		c->ram = 8 << 20;
		c->present = (i * 37 % 11) * (8 << 20) / 16;
		c->zero = (i * 13 % 7) * (8 << 20) / 32;
		d->ram += c->ram;
		d->present += c->present;
		d->zero += c->zero;
	}
	d->absent = f->absent;
	d->n_absent = 2;
	f->absent[0] =
		(struct report_fact){.text = (char *)fixture_text(f, "free pages (level 16)")};
	f->absent[1] = (struct report_fact){.text = (char *)fixture_text(f, "pages that were lost"),
					    .bytes = 8192};
	for (size_t i = 0; i < 3; i++)
		f->phases[i] = (struct report_phase){
			.name = fixture_text(f, i ? "dump" : "log"),
			.result = fixture_text(f, i == 2 ? "failed" : "ok"),
			.error = i == 2 ? fixture_text(f, "no such device") : NULL,
			.start_ms = 300 + i * 400,
			.took_ms = 350 * i + 20};
	f->capture = (struct report_capture){.result = fixture_text(f, "complete"),
					     .device = fixture_text(f, "/dev/vda1"),
					     .release = fixture_text(f, "6.1.0"),
					     .phases = f->phases,
					     .n_phases = 3,
					     .memory_total = 200 << 20,
					     .memory_lowest = 50 << 20};
	f->r.capture = &f->capture;
}

static inline void fixture_verdict(struct report_fixture *f)
{
	struct report_verdict *v = &f->r.verdict;

	*v = (struct report_verdict){.agreement = REPORT_AGREE,
				     .log_class = CRASH_NULL_DEREF,
				     .stack_class = CRASH_BAD_PAGE_FAULT};
	v->crash = (struct crash){.cls = CRASH_NULL_DEREF,
				  .cpu = 1,
				  .pid = 4711,
				  .has_fault_address = true,
				  .fault_address = 8};
	FIXTURE_COPY(f, v->crash.comm, "reader");
	FIXTURE_COPY(f, v->crash.title,
		     "BUG: kernel NULL pointer dereference, address: 0000000000000008");
	FIXTURE_COPY(f, v->crash.panic, "Fatal exception");
	FIXTURE_COPY(f, v->signature.title, "null-deref in acme:acme_read");
	memset(v->signature.func, 'a', 64);
	memset(v->signature.exact, 'b', 64);
	memset(v->signature.cls, 'c', 64);
	if (f->hostile) {
		v->agreement = REPORT_DISAGREE;
		for (size_t i = 0; i < 8; i++) /* one of each */
			v->notes[v->n_notes++] = (char *)fixture_text(f, "");
	}
}

/* `hostile` NULL: an ordinary one. Nothing in it is owned: report_destroy() is not for it. */
static inline void report_fixture_init(struct report_fixture *f, const char *const *hostile,
				       size_t n_hostile)
{
	*f = (struct report_fixture){.hostile = hostile, .n_hostile = n_hostile};
	memset(f->long_text, 'W', sizeof(f->long_text) - 1);
	memset(f->r.build_id, '7', 40);
	snprintf(f->r.tool, sizeof(f->r.tool), "lifeboat test");
	f->r.crash_time = 1795359600;
	FIXTURE_COPY(f, f->r.uts[UTS_NODENAME], "db17");
	FIXTURE_COPY(f, f->r.uts[UTS_RELEASE], "6.1.0-56-cloud-amd64");
	FIXTURE_COPY(f, f->r.uts[UTS_VERSION], "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2");
	FIXTURE_COPY(f, f->r.uts[UTS_MACHINE], "x86_64");
	fixture_verdict(f);
	fixture_stacks(f);
	fixture_log(f);
	fixture_cpus(f);
	fixture_tasks(f);
	fixture_machine(f);
	fixture_dump(f);
	FIXTURE_COPY(f, f->r.level, "log, symbols, types, modules");
	f->r.vmlinux_missing = (char *)fixture_text(f, "no vmlinux of build id 7777");
	f->gaps.v[0] = (char *)fixture_text(f, "struct rq has no member clock_task");
	f->gaps.n = 1;
	f->r.gaps = &f->gaps;
	f->r.took_ns = 123456789;
}

static char fixture_why[] = "<b>the dump</b> has no VMCOREINFO & no types";

static inline void report_fixture_empty(struct report_fixture *f)
{
	*f = (struct report_fixture){0};
	f->r = (struct report){
		.verdict = {.agreement = REPORT_NEITHER, .crash = {.cpu = -1, .pid = -1}},
		.log_missing = fixture_why,
		.panic_stack_missing = fixture_why,
		.cpus_missing = fixture_why,
		.queues_missing = fixture_why,
		.tasks_missing = fixture_why,
		.memory_missing = fixture_why,
		.modules_missing = fixture_why,
		.system_missing = fixture_why,
		.iomem_missing = fixture_why,
	};
}

/* What a renderer writes: 't'ext, 'c'oloured, 'j' for JSON, 'h' for the page. The caller frees it. */
static inline char *report_fixture_render(const struct report *r, char as)
{
	const struct report_text_options colours = {.colour = true};
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	struct json j;

	if (!to)
		abort();
	if (as == 'h') {
		report_write_html(r, to);
	} else if (as == 'j') {
		json_init(&j, to);
		json_begin_object(&j, NULL);
		report_put_json(r, &j);
		json_end_object(&j);
	} else {
		report_write_text(r, as == 'c' ? &colours : NULL, to);
	}
	if (fclose(to))
		abort();
	return text;
}

#endif
