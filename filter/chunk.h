/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chunk: 32768 page frames, aligned; 128 MiB of 4 KiB pages. It is what a thread takes at a time, and
 * it holds every block of the page allocator whole, so that chunks can be scanned in any order.
 */
#ifndef FILTER_CHUNK_H
#define FILTER_CHUNK_H

#include "filter/bitmap.h"

#define CHUNK_ORDER 15
#define CHUNK_PAGES (1ULL << CHUNK_ORDER)
#define CHUNK_WORDS (CHUNK_PAGES / BITMAP_WORD_BITS)

/* What becomes of the page frames of a chunk, a bit each. */
struct chunk_bits {
	uint64_t keep[CHUNK_WORDS];
	uint64_t early
		[CHUNK_WORDS]; /* of the kept ones those that are the kernel's: written first */
};

#endif
