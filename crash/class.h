/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which lines of a log say that something went wrong, and what.
 *
 * Facts, by the texts of the kernel's source from 4.4 to 7.0: arch/x86/mm/fault.c show_fault_oops(), arch/x86/kernel/{dumpstack,traps,nmi}.c,
 * arch/x86/kernel/cpu/mce/core.c, arch/arm64/kernel/traps.c, arch/arm64/mm/fault.c, lib/{bug,list_debug,refcount,ubsan}.c,
 * lib/string_helpers.c, mm/{usercopy,oom_kill}.c, mm/{kasan,kfence}/report.c, kernel/{panic,exit,watchdog,hung_task}.c,
 * kernel/rcu/tree_stall.h, kernel/cfi.c, drivers/tty/sysrq.c, init/{main,do_mounts}.c.
 */
#ifndef CRASH_CLASS_H
#define CRASH_CLASS_H

#include "crash/crash.h"

enum class_kind {
	CLASS_NONE,   /* a line like any other */
	CLASS_BEFORE, /* tells what a BUG or a warning right behind it is about */
	CLASS_DIE,    /* what ran there was ended: an oops, or the line that begins one */
	CLASS_WARN,   /* a warning: no crash but with panic_on_warn */
	CLASS_REPORT, /* something was found wrong, and the kernel went on: a lockup, KASAN */
	CLASS_ASIDE,  /* the same, but so usual that it does not count: memory ran out */
	CLASS_PANIC,
};

struct class_line {
	enum class_kind kind;
	enum crash_class cls;
	const char *panic; /* CLASS_PANIC: the text behind "Kernel panic - not syncing: " */
	bool counted;      /* it has the "[#1]" of an oops */
};

/* `text` without prefixes. */
struct class_line class_of_line(const char *text);

/* What a panic's text tells. */
struct class_panic {
	enum crash_class cls; /* if nothing went before */
	uint32_t cause;       /* 1 << class of what may have led to it; 0: it is a cause itself */
	bool die;             /* an oops led to it */
	bool maybe_die;       /* it may have: if it is an oops of the same task */
	bool report;          /* the last warning or report did */
};
struct class_panic class_of_panic(const char *text);

/* The place where it happened tells nothing of its cause: whoever asked, pressed a key, or ran when the hardware failed. */
bool class_is_placeless(enum crash_class cls);

/* A panic's text, not the title, tells apart what is of this class. */
bool class_is_by_panic(enum crash_class cls);

#endif
