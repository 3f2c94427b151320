// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/share.h"

#include <string.h>

bool share_is_uniform(const uint8_t *page, size_t size, uint64_t *ret_word)
{
	uint64_t word;

	memcpy(&word, page, sizeof(word));
	/* 64 bytes at a time let the compiler use vectors and still stop early */
	for (size_t i = 0; i < size; i += 64) {
		uint64_t v[8], any = 0;

		memcpy(v, page + i, sizeof(v));
		for (size_t k = 0; k < 8; k++)
			any |= v[k] ^ word;
		if (any)
			return false;
	}
	*ret_word = word;
	return true;
}

void share_init(struct share *s)
{
	pthread_mutex_init(&s->lock, NULL);
	s->n = 0;
}

void share_deinit(struct share *s)
{
	pthread_mutex_destroy(&s->lock);
}

/* With the lock held. */
static bool find(const struct share *s, uint64_t word, struct sink_page *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct share_entry *e = &s->entries[i];

		if (e->word == word) {
			*ret = (struct sink_page){.kind = SINK_SHARED,
						  .codec = e->codec,
						  .size = e->size,
						  .at = e->at};
			return true;
		}
	}
	return false;
}

bool share_find(struct share *s, uint64_t word, struct sink_page *ret)
{
	bool found;

	pthread_mutex_lock(&s->lock);
	found = find(s, word, ret);
	pthread_mutex_unlock(&s->lock);
	return found;
}

int share_add(struct share *s, struct sink *sink, uint64_t word, const void *data,
	      struct sink_page *page, struct err *err)
{
	struct share_entry *e;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (!find(s, word, page) && s->n < SHARE_MAX) {
		e = &s->entries[s->n];
		*e = (struct share_entry){.word = word, .size = page->size, .codec = page->codec};
		r = sink_place(sink, data, e->size, &e->at, err);
		s->n += !r;
		find(s, word, page);
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}
