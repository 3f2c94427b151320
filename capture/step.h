/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step of the capture: work that may block for ever (a probing driver, a mount, a write to a dying
 * disk), done by a child process that PID 1 can give up on.
 */
#ifndef CAPTURE_STEP_H
#define CAPTURE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The work. It runs in a child: what it wants to tell beyond its error must be in shared memory
 * (step_shared_alloc). *err is there while it runs: what it has set when its time is up becomes part of
 * the timeout's message, so work that waits says beforehand what for.
 */
typedef int (*step_fn)(void *ctx, struct err *err);

struct step_outcome {
	uint64_t start_ms; /* since the kernel started (CLOCK_BOOTTIME) */
	uint64_t took_ms;
	bool timed_out;
	bool abandoned; /* timed out and could not even be killed: it is stuck in the kernel */
	struct err err; /* err.code 0: the step succeeded */
};

/* Run `fn` for at most `limit_ms`. Never blocks longer than limit_ms and half a second. */
void step_run(step_fn fn, void *ctx, uint64_t limit_ms, struct step_outcome *ret);

/* Zeroed memory that children and parent share; NULL if there is none. step_shared_free unmaps it. */
void *step_shared_alloc(size_t size);
void step_shared_free(void *p, size_t size);

/* Milliseconds since the kernel started. */
uint64_t step_now_ms(void);

#endif
