/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages that are one 64-bit word over and over: poisoned, filled with a pattern, or zero at a level that
 * does not treat zeros apart. The word says all there is in such a page, so equal words are equal pages;
 * their data is in the file once.
 */
#ifndef FILTER_SHARE_H
#define FILTER_SHARE_H

#include <pthread.h>

#include "filter/sink.h"

#define SHARE_MAX 256 /* different words; further ones are pages like all others */

struct share_entry {
	uint64_t word;
	uint64_t at;
	uint32_t size;
	enum codec codec;
};

struct share {
	pthread_mutex_t lock;
	size_t n;
	struct share_entry entries[SHARE_MAX];
};

/* Is the page one word over and over? `size` is a multiple of 64. */
bool share_is_uniform(const uint8_t *page, size_t size, uint64_t *ret_word);

void share_init(struct share *s);
void share_deinit(struct share *s);

/* What a page of `word` becomes; false if its data is not in the file yet. Thread-safe. */
bool share_find(struct share *s, uint64_t word, struct sink_page *ret);

/*
 * Make page->kind SINK_SHARED: its data is written to the sink, unless another thread was faster. If there
 * are too many different words the page stays what it is. Thread-safe.
 */
int share_add(struct share *s, struct sink *sink, uint64_t word, const void *data,
	      struct sink_page *page, struct err *err) _must_check_;

#endif
