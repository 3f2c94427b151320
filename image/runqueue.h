/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each CPU ran and had waiting: per_cpu(runqueues).
 *
 * Facts (kernel/sched/): fair entities lie in the tree cfs_rq.tasks_timeline, of groups as of tasks (v2.6.24 on; ordered by
 * vruntime, since v6.6 by deadline), but the one that runs is in cfs_rq.curr only; with v6.12 there are also those that sleep already and
 * have not left it (sched_delayed), which do not wait. Tasks of the real-time and deadline classes stay queued while they run.
 * A server of the deadline class (v6.8) has no task.
 */
#ifndef IMAGE_RUNQUEUE_H
#define IMAGE_RUNQUEUE_H

#include "image/kernel.h"

#define RUNQUEUE_MAX_WAITING 64 /* tasks that are listed; `waiting` counts them all */

struct runqueue {
	unsigned int cpu;
	bool known;       /* could it be read? */
	uint64_t current; /* struct task_struct */
	uint64_t idle;
	uint32_t running; /* nr_running */
	uint64_t
		clock_ns; /* rq.clock, as of its last update; counts from the boot, without times of suspend */
	/*
	 * When its timer tick is due next, of the monotonic clock; 0 not known. Well before the machine died: the CPU took no
	 * interrupts from then on. In the future, even INT64_MAX: it was idle, its tick stopped.
	 */
	uint64_t tick_due_ns;
	/* Those that wait for the CPU, of all classes, but not the one that runs. */
	uint64_t tasks[RUNQUEUE_MAX_WAITING];
	size_t waiting;
};

/* *ret has one for each possible CPU; malloc'ed, the caller frees it. ERR_NOT_FOUND: no symbol runqueues, or no struct rq. */
int runqueues_create(struct kernel *k, struct runqueue **ret, size_t *ret_n,
		     struct err *err) _must_check_;

#endif
