/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of a crash's block that say who and on what: CPU, task, taints, release, hardware, modules, fault address.
 *
 * Facts: lib/dump_stack.c dump_stack_print_info(), kernel/panic.c print_tainted(), kernel/module/main.c print_modules(),
 * kernel/sched/core.c sched_show_task(), kernel/hung_task.c, kernel/watchdog.c.
 */
#ifndef CRASH_DETAIL_H
#define CRASH_DETAIL_H

#include "crash/crash.h"

#define DETAIL_MODULES 4096

/* Of the whole machine: said in one block, true in all. */
struct detail {
	char release[128];
	char taints[64];
	bool taints_known;
	char hardware[256];
	char modules[DETAIL_MODULES];
	bool more_modules; /* the last line was of that list, and may go on */
};

/* Take a line. `c` is the block that it stands in; NULL: none. Returns whether it was such a line. */
bool detail_feed(struct detail *d, struct crash *c, const char *text);

/* What the line that names the crash says of it. */
void detail_title(struct crash *c, const char *text);

/* To where the block itself says nothing. */
void detail_fill(const struct detail *d, struct crash *c);

#endif
