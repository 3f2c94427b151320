/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bitmap over page frames, worked on in 64-bit words. Bits outside [0, bits) are always 0. */
#ifndef FILTER_BITMAP_H
#define FILTER_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define BITMAP_WORD_BITS 64

struct bitmap {
	uint64_t *words;
	uint64_t bits;
	uint64_t n_words;
};

/* All zero. Untouched parts cost no memory. */
int bitmap_init(struct bitmap *b, uint64_t bits, struct err *err) _must_check_;
void bitmap_deinit(struct bitmap *b);

/* [start, end) must lie in [0, bits]. */
void bitmap_set_range(struct bitmap *b, uint64_t start, uint64_t end);
void bitmap_clear_range(struct bitmap *b, uint64_t start, uint64_t end);

/* The first bit of [from, end) that is `value`; else `end`. `end` must lie in [0, bits]. */
uint64_t bitmap_next(const struct bitmap *b, uint64_t from, uint64_t end, bool value);

/* Number of ones in the words [first, last). */
uint64_t bitmap_count_words(const struct bitmap *b, uint64_t first, uint64_t last);

#endif
