/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks as a log has them.
 *
 * Facts: arch/x86/kernel/dumpstack.c show_trace_log_lvl(), show_ip(), printk_stack_address() (4.4: "[<addr>] ? f+0x1/0x2 [mod]"; since 4.10 without
 * the address), arch/x86/kernel/process_64.c __show_regs() ("RIP: 0010:f+0x1/0x2"), arch/arm64/kernel/{process,stacktrace}.c ("pc : ", "PC is
 * at ", "Call trace:"; since 6.13 with "(P)" and other letters behind a frame), lib/vsprintf.c symbol_string() ("[mod buildid]").
 */
#ifndef CRASH_TRACE_H
#define CRASH_TRACE_H

#include "crash/crash.h"

/* One stack being gathered. */
struct trace {
	struct crash_frame frames[CRASH_MAX_FRAMES];
	size_t n;
	bool open;        /* behind "Call Trace:" */
	bool done;        /* there was one; what follows is another */
	unsigned int odd; /* lines in it that are none of its */
};

/* Take a line: true if it belongs to a stack or to its registers. */
bool trace_feed(struct trace *t, const char *text);

/*
 * A symbol with its offset, "f.cold+0x1f/0x80 [mod]", at `text`. Returns what follows, or NULL: there is none.
 */
const char *trace_symbol(const char *text, struct crash_frame *ret);

#endif
