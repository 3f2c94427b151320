/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the struct pages themselves lie in physical memory. They are most of what a filtered dump of a
 * large machine holds, and the least interesting part: they are not early (filter/chunk.h), and with
 * options->exclude_vmemmap those of excluded pages are left out.
 */
#ifndef FILTER_VMEMMAP_H
#define FILTER_VMEMMAP_H

#include "filter/chunk.h"
#include "image/memmap.h"

/* 512 page frames, aligned, some of which hold struct pages. */
#define VMEMMAP_BLOCK_PAGES 512
#define VMEMMAP_BLOCK_WORDS (VMEMMAP_BLOCK_PAGES / BITMAP_WORD_BITS)

struct vmemmap_block {
	uint64_t pfn;
	uint64_t all[VMEMMAP_BLOCK_WORDS]; /* these hold struct pages */
	uint64_t needed
		[VMEMMAP_BLOCK_WORDS]; /* one at least of a page frame that is kept, or unknown */
};

/* 24 TiB of memory: 196608 blocks, 27 MB. */
struct vmemmap {
	struct vmemmap_block *blocks; /* ascending */
	size_t n, cap;
	uint64_t pages; /* that were found; some maybe twice */
	bool drop;      /* leave out what is not needed */
};

/*
 * Find them: translate the struct pages of all runs of `map`. All count as needed. Struct pages that
 * are not mapped are not in it; if there are too many pieces, none are. *ret may be empty.
 */
int vmemmap_create(const struct image *img, const struct memmap *map, struct vmemmap **ret,
		   struct err *err) _must_check_;
void vmemmap_destroy(struct vmemmap *v); /* NULL is fine */

/*
 * Is any of page frames [first, end) kept, or is it not known? An error ends vmemmap_find_needed().
 */
typedef int (*vmemmap_kept_fn)(void *ctx, uint64_t first, uint64_t end, bool *ret, struct err *err);

/*
 * Find out which are needed: those that hold a struct page of a page frame that `kept` says yes to. All are if
 * page tables do not lead to as many as before.
 */
int vmemmap_find_needed(struct vmemmap *v, const struct image *img, const struct memmap *map,
			vmemmap_kept_fn kept, void *ctx, struct err *err) _must_check_;

/* Does the chunk that begins with page frame `first` hold any of them? */
bool vmemmap_has(const struct vmemmap *v, uint64_t first);

/* Struct pages are not early, and if v->drop what is not needed is not kept. */
void vmemmap_apply(const struct vmemmap *v, uint64_t first, struct chunk_bits *bits);

#endif
