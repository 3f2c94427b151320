/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From struct pages to what is kept. */
#ifndef FILTER_SCAN_H
#define FILTER_SCAN_H

#include "filter/chunk.h"
#include "filter/filter.h"
#include "image/memmap.h"
#include "image/page_check.h"

/* The classes that a dump level leaves out, as a mask of 1 << enum page_class. */
unsigned int scan_dropped_classes(unsigned int level);

/* What all threads share, and none changes. */
struct scan {
	const struct image *img;
	const struct ranges *pages; /* page frames of the input, borrowed */
	struct page_layout layout;
	struct memmap *map;
	unsigned int dropped_classes;
};

/* Only a mem_map or a layout that cannot be found at all is an error. */
int scan_init(struct scan *scan, const struct image *img, const struct ranges *pages,
	      unsigned int level, struct err *err) _must_check_;
void scan_deinit(struct scan *scan); /* of zeros is fine */

/* A thread's own part. */
struct scanner {
	const struct scan *scan;
	struct view view;
	uint64_t mapped_vaddr, mapped_phys, mapped_len; /* the last translation; length 0: none */
	uint8_t *bounce;                /* two struct pages that are not contiguous */
	uint64_t compound_end;          /* behind the compound page being walked through */
	enum page_class compound_class; /* of that page */
	struct bitmap keep, early;      /* of the chunk at hand; the words are the caller's */
	uint64_t base;                  /* its first page frame */
	struct filter_stats stats;      /* of all chunks so far: classes, unknown, doubtful */
	struct page_check check;        /* of all chunks so far */
};

int scan_begin(struct scanner *s, const struct scan *scan, struct err *err) _must_check_;
void scan_end(struct scanner *s); /* of zeros is fine */

/*
 * Look at the struct pages of the chunk that begins with page frame `first`. bits->keep comes in with a
 * one for each page frame of the input and leaves with the dropped ones cleared; bits->early comes in
 * empty. A struct page that cannot be read keeps its page.
 */
void scan_chunk(struct scanner *s, uint64_t first, struct chunk_bits *bits);

#endif
