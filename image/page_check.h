/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the layout of struct page read right? A kernel that moves a field and keeps the keys of VMCOREINFO
 * would have its memory misread, and what is needed dropped. What a scan has seen tells: compound heads
 * whose orders cannot be, free blocks that the page allocator has not counted.
 *
 * Pure and without errors. One object per thread of the scan, zero to begin with.
 *
 *   page_check_see() for each struct page that was acted on
 *   page_check_add() for each thread
 *   page_check_verdict() → page_check_restrict(); if that is true, scan once more from the beginning
 */
#ifndef IMAGE_PAGE_CHECK_H
#define IMAGE_PAGE_CHECK_H

#include "image/free_blocks.h"
#include "image/page.h"

struct page_check {
	uint64_t blocks[PAGE_ORDERS]; /* free blocks, by order */
	uint64_t doubtful_blocks;     /* of an order that cannot be */
	uint64_t heads;               /* of compound pages */
	uint64_t doubtful_heads;      /* of an order that cannot be, or without a tail */
};

/* `info` as page_decode() gave it. Not for the pages within a compound page or a free block. */
static inline void page_check_see(struct page_check *check, const struct page_info *info)
{
	if (info->head) {
		check->heads++;
		check->doubtful_heads += info->doubtful;
	} else if (info->class == PAGE_FREE) {
		check->blocks[info->order]++;
	} else {
		check->doubtful_blocks += info->doubtful;
	}
}

void page_check_add(struct page_check *total, const struct page_check *part);

#define PAGE_VERDICT_TEXT 320

struct page_verdict {
	bool distrust_free;     /* what looks like a free block may be something else */
	bool distrust_compound; /* orders of compound pages may be something else */
	uint64_t free_seen,
		free_counted; /* pages; the second is 0 if the kernel's count is not known */
	char text
		[PAGE_VERDICT_TEXT]; /* what is wrong and what comes of it, in one line; empty: nothing is */
};

/*
 * `counted` may be NULL: the kernel's own counters were not found. `complete` says that the struct pages
 * of all RAM were looked at; else fewer free blocks than the kernel has counted are no wonder.
 */
void page_check_verdict(const struct page_check *check, const struct free_blocks *counted,
			bool complete, struct page_verdict *ret);

/*
 * Switch the rules off that the verdict distrusts: by that layout such pages are PAGE_OTHER. False if
 * all is as before. A hardware-poisoned compound page is then one page: its order is not known.
 */
bool page_check_restrict(const struct page_verdict *verdict, struct page_layout *layout);

#endif
