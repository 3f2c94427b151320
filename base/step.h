/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step of the capture: work that may block for ever (a probing driver, a mount, a write to a dying
 * disk), done by a child process that PID 1 can give up on.
 */
#ifndef BASE_STEP_H
#define BASE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The work. It runs in a child: what it wants to tell beyond its error must be in shared memory
 * (step_shared_alloc). *err is there while it runs: what it has set when its time is up becomes part of
 * the timeout's message, so work that waits says beforehand what for.
 */
typedef int (*step_fn)(void *ctx, struct err *err);

struct step_limits {
	uint64_t ms; /* for all of it */
	/* If not NULL: a counter in shared memory that must not stand still for longer than stall_ms. */
	const uint64_t *progress;
	uint64_t stall_ms;
	/* If not NULL: called in the parent every look_ms while the child works; must not block. */
	void (*look)(void *ctx);
	void *look_ctx;
	uint64_t look_ms;
};

struct step_outcome {
	uint64_t start_ms; /* since the kernel started (CLOCK_BOOTTIME) */
	uint64_t took_ms;
	bool timed_out; /* or stood still */
	bool stalled;   /* it stood still: also timed_out */
	bool killed;    /* by somebody else: the kernel, when memory has run out */
	bool crashed;   /* by a signal of its own making: SIGSEGV, SIGBUS, … */
	bool abandoned; /* timed out and could not even be killed: it is stuck in the kernel */
	struct err err; /* err.code 0: the step succeeded */
};

/*
 * Run `fn` for at most limits->ms. Never blocks longer than that and three seconds. What the child has started goes
 * with it, however it ends, as far as it stayed in its process group.
 */
void step_run(step_fn fn, void *ctx, const struct step_limits *limits, struct step_outcome *ret);

/* A step_fn's body for a program: it becomes this process. `argv` is NULL-terminated; returns only if it fails. */
int step_exec(char *const argv[], struct err *err);

/* Zeroed memory that children and parent share; NULL if there is none. step_shared_free unmaps it. */
void *step_shared_alloc(size_t size);
void step_shared_free(void *p, size_t size);

/* Milliseconds since the kernel started. */
uint64_t step_now_ms(void);

#endif
