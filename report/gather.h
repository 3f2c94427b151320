/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a report, each gathered by itself: what cannot be read of one is its `…_missing`, and the others still come.
 * All fail for want of memory only. Private to the room.
 */
#ifndef REPORT_GATHER_H
#define REPORT_GATHER_H

#include "report/report.h"

/* Make *ret the message of `err` and return 0; but ERR_NO_MEMORY is returned as it is. */
int gather_missing(char **ret, struct err *err) _must_check_;

/* The log; all of its lines are fed to `crash` as well. */
int gather_log(struct report *r, struct kernel *k, struct crash_log *crash,
	       struct err *err) _must_check_;
/* Which of the kept lines are of the crash that the log tells of. */
void gather_block(struct report_log *log, const struct crash *crash);

/* CPUs, run queues, and what each CPU did. */
int gather_cpus(struct report *r, struct kernel *k, struct err *err) _must_check_;
int gather_tasks(struct report *r, struct kernel *k, struct err *err) _must_check_;
int gather_modules(struct report *r, struct kernel *k, struct err *err) _must_check_;
int gather_dump(struct report *r, const struct source *src, struct err *err) _must_check_;

/* A task; `latest`: the clock of its machine, for how long ago it got a CPU. */
struct report_task gather_task(const struct task *task, uint64_t latest);

/* A stack in the report's form. */
int gather_stack(const struct stack *stack, struct report_stack *ret, struct err *err) _must_check_;
void gather_stack_deinit(struct report_stack *stack);

/* Among `groups` of stacks put member `index`. *ret_group: which one, SIZE_MAX: there are too many. */
int gather_group(struct report_group **groups, size_t *n_groups, const struct stack *stack,
		 size_t index, size_t *ret_group, struct err *err) _must_check_;

#endif
