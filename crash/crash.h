/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a crash was, in the words that a fleet counts by: class, title, frames. It is the same whether it comes from the log
 * of a vmcore, from a text that dmesg(1), netconsole or pstore kept, or from the stacks of a dump (report/). Pure: text
 * in, a struct out.
 *
 * Facts: what kernels print when they die is in arch/x86/kernel/{dumpstack,traps}.c, arch/x86/mm/fault.c,
 * arch/arm64/kernel/traps.c, kernel/{panic,watchdog,hung_task}.c, kernel/rcu/tree_stall.h, mm/{oom_kill,kasan}.c, lib/bug.c.
 */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* Append, never renumber or rename: names are in records. */
enum crash_class {
	CRASH_UNKNOWN,
	CRASH_NULL_DEREF,
	CRASH_BAD_PAGE_FAULT, /* "bad-page-fault" */
	CRASH_GPF,
	CRASH_BUG, /* BUG(), and an undefined operation */
	CRASH_DIVIDE,
	CRASH_DOUBLE_FAULT,
	CRASH_STACK_OVERFLOW,
	CRASH_KASAN, /* KASAN, KFENCE, KMSAN, KCSAN */
	CRASH_UBSAN,
	CRASH_SOFT_LOCKUP,
	CRASH_HARD_LOCKUP,
	CRASH_RCU_STALL,
	CRASH_HUNG_TASK,
	CRASH_OOM,
	CRASH_MCE, /* machine checks, SError, GHES */
	CRASH_NMI,
	CRASH_SYSRQ,
	CRASH_PANIC,   /* panic() with a text that is none of these */
	CRASH_INIT,    /* init was killed */
	CRASH_NO_ROOT, /* no root file system, no init */
	CRASH_WARN,    /* panic_on_warn */
	CRASH_LIST, /* list_add/list_del corruption, refcount, usercopy and the like that detect damage */
	CRASH_CLASSES,
};
const char *crash_class_name(enum crash_class cls);  /* "null-deref" */
enum crash_class crash_class_find(const char *name); /* CRASH_UNKNOWN for any other */

#define CRASH_MAX_FRAMES 64
#define CRASH_FUNCTION   128
#define CRASH_MODULE     64

struct crash_frame {
	char function
		[CRASH_FUNCTION]; /* as the kernel has it, with .constprop.0 and the like; "" not known */
	char module[CRASH_MODULE]; /* "": the kernel itself */
	uint64_t offset, size;     /* of "+0x1f/0x80" */
	bool reliable;             /* not marked by '?' */
	bool interrupted;          /* an exception stopped it here: RIP, pc */
};

struct crash {
	enum crash_class cls;
	char title
		[256]; /* what went wrong, without the time stamp, addresses as printed: "BUG: kernel NULL pointer dereference, address: 0000000000000008" */
	char panic[256]; /* behind "Kernel panic - not syncing: "; "" if there is no such line */
	int cpu;         /* -1: not known */
	int64_t pid;     /* -1: not known */
	char comm[64];   /* "": not known */
	char release[128];
	char taints[64]; /* as printed: "G        W  O"; "" none, or not known */
	bool taints_known;
	char hardware[256];
	bool has_fault_address;
	uint64_t fault_address;
	uint64_t log_ns;                             /* time stamp of the title's line; 0: none */
	struct crash_frame frames[CRASH_MAX_FRAMES]; /* the innermost first */
	size_t n_frames;
	size_t earlier; /* oopses and the like before this one, which did not end it; 0: it is the first */
};

/*
 * Fed with a log, line by line from its beginning; the time stamp, "<4>", "[ 12.3] " and "[  T123]" in front of a line are found and taken off, so a
 * file of dmesg is as good as the records of a ring. Keeps the block of the last crash, and of that the one that is its cause: an
 * oops that a panic follows, not "Fatal exception" and not the secondary ones. Bounded memory whatever comes.
 */
struct crash_log;

int crash_log_create(struct crash_log **ret, struct err *err) _must_check_;
void crash_log_feed(struct crash_log *log, const char *line, size_t len);
/* The same for a record of a ring, which may have several lines. `caller` as in printk_info.caller_id; 0: not known. */
void crash_log_feed_record(struct crash_log *log, uint64_t ts_ns, uint32_t caller, const char *text,
			   size_t len);
/* A whole text; pieces that pstore kept of it ("Panic#1 Part2") are put into order. */
int crash_log_feed_text(struct crash_log *log, struct bytes text, struct err *err) _must_check_;
/* True: there was a crash. Else *ret says nothing but CRASH_UNKNOWN. */
bool crash_log_finish(struct crash_log *log, struct crash *ret);
/* "ext4 nf_tables(OE)", as listed in the crash's block (crash_record_modules() takes it apart); "": not known. Until it is destroyed. */
const char *crash_log_modules(const struct crash_log *log);
void crash_log_destroy(struct crash_log *log); /* NULL is fine */

/* All of that for a whole text. */
int crash_from_text(struct bytes text, struct crash *ret, bool *ret_found,
		    struct err *err) _must_check_;

#endif
