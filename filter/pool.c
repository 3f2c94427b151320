// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/num.h"

struct run {
	const struct pool *pool;
	_Atomic uint64_t next;
	_Atomic bool failed;
	pthread_mutex_t lock; /* of err, and of ends */
	struct err *err;
};

static void *thread_main(void *arg)
{
	struct run *run = arg;
	const struct pool *pool = run->pool;
	void *worker = NULL;
	struct err err = {0};
	int r = pool->begin(pool->ctx, &worker, &err);

	while (!r && !atomic_load(&run->failed)) {
		uint64_t i = atomic_fetch_add(&run->next, 1);

		if (i >= pool->n_tasks)
			break;
		r = pool->task(worker, i, &err);
	}
	if (!r && pool->finish && !atomic_load(&run->failed))
		r = pool->finish(worker, &err);
	pthread_mutex_lock(&run->lock);
	if (r && !atomic_exchange(&run->failed, true))
		*run->err = err;
	pool->end(worker);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

int pool_run(const struct pool *pool, struct err *err)
{
	struct run run = {.pool = pool, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err};
	unsigned int extra = NUM_MIN(pool->threads, FILTER_MAX_THREADS) - 1, started = 0;
	pthread_t threads[FILTER_MAX_THREADS];

	while (started < extra && started + 1 < pool->n_tasks &&
	       pthread_create(&threads[started], NULL, thread_main, &run) == 0)
		started++;
	thread_main(&run);
	while (started)
		pthread_join(threads[--started], NULL);
	return atomic_load(&run.failed) ? err->code : 0;
}
