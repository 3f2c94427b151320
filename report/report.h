/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be told of a dump, gathered once and then written as text, JSON or a page. Nothing here decides what the
 * report looks like, and no renderer looks into the dump.
 *
 * Each part has its data, or a text that says why it is not there (`…_missing`, NULL if it is). All texts that come from the
 * dump or from crash.json are as they lie there: any bytes. Whoever writes them escapes them.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdio.h>

#include "arch/regs.h"
#include "base/json.h"
#include "crash/crash.h"
#include "crash/signature.h"
#include "debuginfo/debuginfo.h"
#include "image/kernel.h"
#include "image/memory.h"
#include "image/module.h"
#include "image/runqueue.h"
#include "image/stack.h"
#include "image/system.h"
#include "image/task.h"

#define REPORT_LOG_LINES   2000 /* of the log's end that are kept */
#define REPORT_BLOCK_LINES 160  /* of the crash's block in it */
#define REPORT_MAP_CELLS   120  /* pieces that memory is counted in */
#define REPORT_MAX_GROUPS  256  /* of equal stacks */
#define REPORT_MAX_LONG    16   /* tasks that run, or wait, longest */
#define REPORT_MAX_NOTES   16   /* of the verdict */
#define REPORT_MAX_LINES   8    /* of the source for a frame: inlined functions */

/* ---- stacks */

struct report_frame {
	uint64_t pc;
	const char *function; /* borrowed; NULL: no symbol covers it */
	const char *module;   /* borrowed; NULL: of the kernel itself */
	uint64_t offset, size;
	bool reliable;
	bool interrupted;
	int regs; /* index into the stack's; -1: none */
	struct source_line
		*lines; /* the innermost first; NULL: nobody has the debugging information */
	size_t n_lines;
};

struct report_stack {
	struct report_frame *v;
	size_t n;
	struct regs regs[STACK_MAX_REGS];
	size_t n_regs;
	bool whole, user;
	char end[192]; /* why it is not whole */
	uint64_t hash;
};

/* ---- the log */

struct report_line {
	uint64_t ts_ns;
	uint8_t level; /* 0 to 7; REPORT_NO_LEVEL: not known */
	uint32_t
		caller; /* 0: not known; with bit 31 the number of a CPU, else of a task (printk_info.caller_id) */
	char *text; /* malloc'ed; one line, without its end */
	size_t len; /* a NUL in it is no end */
};
#define REPORT_NO_LEVEL 0xff

struct report_log {
	struct report_line *v; /* its end, the oldest first */
	size_t n;
	uint64_t lines, damaged; /* of all of it; records that could not be read */
	size_t block, block_end; /* the crash's lines among `v`; equal: not there */
};

/* ---- CPUs */

struct report_task {
	uint32_t pid;
	char comm[TASK_COMM_SIZE];
	uint64_t ns; /* how long, where that is what it stands for; 0 not known */
	int cpu;     /* -1: not known */
	bool kernel_thread;
	char state; /* enum task_state */
};

struct report_cpu {
	unsigned int cpu;
	bool online, panicked, has_regs;
	bool idle; /* it ran its idle task */
	bool task_known;
	struct report_task task; /* ns: how long it had the CPU */
	bool queue_known;
	uint32_t running; /* runnable tasks, with the one that runs */
	size_t waiting;
	uint64_t clock_ns;
	struct report_task *queue; /* the first of those that wait; ns: since when they last ran */
	size_t n_queue;
	size_t group; /* of cpu_groups; SIZE_MAX: its stack is not known */
};

/* Tasks or CPUs that were at the same place. */
struct report_group {
	struct report_stack stack;
	uint64_t *members; /* indexes: into `cpus`, or into `blocked` */
	size_t n;
};

/* ---- what the dump has */

struct report_cell { /* a stretch of the machine's memory; its holes are not counted */
	uint64_t start, end;
	uint64_t ram, present, zero, lost; /* bytes; zero and lost are among neither `present` */
};

struct report_fact {
	char *text;     /* what is not there and why */
	uint64_t bytes; /* 0: not a matter of bytes, or not known */
};

struct report_dump {
	const char *path, *format; /* borrowed */
	uint64_t file_bytes;
	bool incomplete, live;
	bool has_level; /* the format says it */
	uint32_t level;
	char codec[16];                    /* "": does not apply */
	uint64_t ram, present, zero, lost; /* bytes */
	bool zero_known;                   /* the format tells pages of zeros from others */
	bool excluded_vmemmap;             /* struct pages of excluded pages, too */
	struct report_cell cells[REPORT_MAP_CELLS];
	size_t n_cells;
	struct report_fact *absent;
	size_t n_absent;
};

/* ---- the capture, from crash.json beside the dump; texts are borrowed */

struct report_phase {
	const char *name, *result, *error; /* NULL: not said */
	uint64_t target, start_ms, took_ms;
};

struct report_capture {
	const char *result, *device, *release, *watchdog, *cut, *warning, *unfiltered;
	uint64_t level_wanted;
	uint64_t pages_lost, pages_cut_off;
	uint64_t memory_total, memory_lowest;
	struct report_phase *phases;
	size_t n_phases;
};

/* ---- the verdict (report/classify.h) */

enum report_agreement {
	REPORT_AGREE,      /* log and stack say the same */
	REPORT_DISAGREE,   /* they do not; notes say in what */
	REPORT_LOG_ONLY,   /* there is no stack that says anything */
	REPORT_STACK_ONLY, /* the log has no crash */
	REPORT_NEITHER,
};

struct report_verdict {
	struct crash crash; /* the log's, where it has one; else made of the stack */
	enum crash_class log_class, stack_class;
	enum report_agreement agreement;
	struct signature signature;
	char *notes[REPORT_MAX_NOTES]; /* malloc'ed */
	size_t n_notes;
};

/* ---- all of it */

struct report {
	char tool[64];
	char build_id[65];            /* of the kernel; "" not known */
	const struct arch_regs *regs; /* names of registers; NULL not known */
	bool live;                    /* a running machine: nothing crashed */
	uint64_t crash_time;          /* seconds since 1970; 0 not known */
	char uts[6][IMAGE_UTS_FIELD]; /* enum image_uts */

	struct report_verdict verdict;

	struct report_log log;
	char *log_missing;
	char headline[300]; /* printk_headline_get(): crash.panic of the record */

	bool panic_cpu_known;
	unsigned int panic_cpu;
	struct report_stack panic_stack;
	char *panic_stack_missing;

	struct report_cpu *cpus;
	size_t n_cpus;
	char *cpus_missing;
	struct report_group *cpu_groups;
	size_t n_cpu_groups;
	char *queues_missing;

	size_t n_tasks, n_kernel_threads;
	size_t states[128]; /* by enum task_state */
	bool tasks_cut;
	char *tasks_missing;
	struct report_task *blocked; /* ns: since they last ran */
	size_t n_blocked;
	struct report_group *groups; /* of blocked tasks; the most members first */
	size_t n_groups;
	size_t unstacked; /* blocked tasks in no group: their stack is not known, or there were too many groups */
	struct report_task running[REPORT_MAX_LONG],
		waiting[REPORT_MAX_LONG]; /* the longest first */
	size_t n_running, n_waiting;

	struct memory *memory; /* owned */
	char *memory_missing;

	struct module **modules; /* borrowed; the tainting first, then out-of-tree, then by size */
	size_t n_modules;
	bool modules_cut;
	char *modules_missing;

	struct system_info *system; /* owned */
	char *system_missing;
	struct iomem_list *iomem; /* owned */
	char *iomem_missing;

	struct report_dump dump;
	const struct report_capture *capture; /* borrowed; NULL: there is no crash.json */

	char level[128];        /* of the analysis */
	char vmlinux[PATH_MAX]; /* whose lines were added; "" none */
	char *vmlinux_missing;
	const struct gaps *gaps; /* borrowed from the kernel */
	uint64_t took_ns;        /* for making it */
};

struct report_options {
	const struct report_capture *capture;
	const struct debuginfo_options *debuginfo; /* NULL: nobody looks for a vmlinux */
};

/*
 * Look at all of it, once. Fails for want of memory only. `k` and what `options` names are borrowed, and outlive the report: names
 * of functions and modules are the kernel's.
 */
int report_create(struct kernel *k, const struct report_options *options, struct report **ret,
		  struct err *err) _must_check_;
void report_destroy(struct report *r); /* NULL is fine */

/* ---- renderers: into a stream; look at ferror() at the end */

struct report_text_options {
	bool colour;      /* escape sequences of our own; foreign ones never */
	size_t log_lines; /* of the log's end; 0: 40 */
};

/* At most 80 columns wide. */
void report_write_text(const struct report *r, const struct report_text_options *options, FILE *to);

/* The members of lifeboat-report-1 (docs/json.md) behind `schema` and `tool`: inside of an object that the caller opened. */
void report_put_json(const struct report *r, struct json *j);

/*
 * The crash record (docs/crash-record.md) as one line with its end: what crash/record.h says, and of the dump what it is. *ret is malloc'ed, the
 * caller frees it. `uuid` is crash_record_uuid()'s.
 */
int report_format_record(const struct report *r, const char *uuid, char **ret, size_t *ret_len,
			 struct err *err) _must_check_;

/* A whole page: no script, nothing that is fetched. */
void report_write_html(const struct report *r, FILE *to);

#endif
