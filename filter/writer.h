/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that writes one batch to the sink while its worker fills the next one. */
#ifndef FILTER_WRITER_H
#define FILTER_WRITER_H

#include <pthread.h>

#include "filter/sink.h"

struct writer {
	struct sink *sink;
	pthread_t thread;
	bool has_thread; /* else the worker writes itself */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* with the lock held */
	struct sink_batch batch;
	bool busy, quit;
	int result; /* of the last batch */
	struct err err;
};

void writer_init(struct writer *w, struct sink *sink);
void writer_deinit(struct writer *w); /* of zeros is fine; waits */

/* Wait until the batch before is written; its result. */
int writer_wait(struct writer *w, struct err *err) _must_check_;

/* Begin to write a batch, behind a writer_wait(). It is borrowed until the next one returns. */
void writer_put(struct writer *w, const struct sink_batch *batch);

#endif
