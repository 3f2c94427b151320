// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/writer.h"

static void write_batch(struct writer *w)
{
	struct err err = {0};
	int r = sink_write(w->sink, &w->batch, &err);

	pthread_mutex_lock(&w->lock);
	w->result = r;
	w->err = err;
	w->busy = false;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* False: it is over. */
static bool next_batch(struct writer *w)
{
	bool more;

	pthread_mutex_lock(&w->lock);
	while (!w->busy && !w->quit)
		pthread_cond_wait(&w->changed, &w->lock);
	more = w->busy;
	pthread_mutex_unlock(&w->lock);
	return more;
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;

	while (next_batch(w))
		write_batch(w);
	return NULL;
}

void writer_init(struct writer *w, struct sink *sink)
{
	*w = (struct writer){.sink = sink};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->has_thread = !pthread_create(&w->thread, NULL, writer_main, w);
}

void writer_deinit(struct writer *w)
{
	if (!w->sink)
		return;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (w->has_thread)
		pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
}

int writer_wait(struct writer *w, struct err *err)
{
	int r;

	pthread_mutex_lock(&w->lock);
	while (w->busy)
		pthread_cond_wait(&w->changed, &w->lock);
	r = w->result;
	if (r)
		*err = w->err;
	w->result = 0;
	pthread_mutex_unlock(&w->lock);
	return r;
}

void writer_put(struct writer *w, const struct sink_batch *batch)
{
	pthread_mutex_lock(&w->lock);
	w->batch = *batch;
	w->busy = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (!w->has_thread)
		write_batch(w);
}
