/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the machine died of, by two witnesses: the log, which may have been overwritten or tell of an older fault, and the stack
 * of the CPU that panicked. They agree, or it is said in what they do not: nothing is chosen silently.
 */
#ifndef REPORT_CLASSIFY_H
#define REPORT_CLASSIFY_H

#include "report/report.h"

/*
 * What a stack tells: which handler of a fault or of a watchdog is on it. CRASH_UNKNOWN: none that is known. Handlers are looked for from the
 * innermost frame up to the first that an exception interrupted: what lies behind it is what failed, not how that was noticed.
 */
/* *ret_by (may be NULL): the function that tells; borrowed from the stack. */
enum crash_class classify_stack(const struct report_stack *stack, const char **ret_by);

/* A stack in the form that a signature is made of. */
void classify_frames(const struct report_stack *stack, struct crash *ret);

/* `log` NULL: it has no crash. `stack` NULL: it is not known. Fills in all of the verdict; notes that have no memory are left out. */
struct classify_sources {
	const struct crash *log;
	const struct report_stack *stack;
	int cpu;                        /* that panicked; -1: not known */
	const struct report_task *task; /* that it ran; NULL: not known */
	const char *release;
	bool live;
};
void classify_verdict(const struct classify_sources *sources, struct report_verdict *ret);

#endif
