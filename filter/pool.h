/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbered tasks, done by several threads in any order. */
#ifndef FILTER_POOL_H
#define FILTER_POOL_H

#include <stdint.h>

#include "filter/filter.h"

struct pool {
	uint64_t n_tasks;
	unsigned int threads; /* 1…FILTER_MAX_THREADS, this one included */
	void *ctx;            /* for begin */
	/*
	 * What one thread works with. If it fails, *ret may hold an unfinished one: end() gets it, or
	 * NULL.
	 */
	int (*begin)(void *ctx, void **ret_worker, struct err *err);
	/* Tasks are handed out in ascending order. */
	int (*task)(void *worker, uint64_t i, struct err *err);
	int (*finish)(void *worker,
		      struct err *err); /* no more tasks, and no error so far; may be NULL */
	void (*end)(void *worker);      /* one at a time */
};

/*
 * Returns when all threads have ended. The first error of any of them keeps the others from taking
 * further tasks and is returned. Threads that cannot be started are done without.
 */
int pool_run(const struct pool *pool, struct err *err) _must_check_;

#endif
