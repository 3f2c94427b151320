/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which page frames are kept, and the rank of each among them. The bits of a machine with little memory
 * stay in memory. Of a large one only counts do: its bits are found again when they are asked for, because
 * the struct pages of a dead machine do not change. Ranks rely on that, so it is checked.
 */
#ifndef FILTER_KEEP_H
#define FILTER_KEEP_H

#include "filter/chunk.h"
#include "filter/filter.h"
#include "filter/scan.h"

#define KEEP_CACHED_CHUNKS 1024 /* bits in memory: 8 MiB, for 128 GiB of 4 KiB pages */

struct chunk {
	uint64_t pfn;   /* first page frame, a multiple of CHUNK_PAGES */
	uint64_t rank;  /* of its first kept page among all kept pages */
	uint32_t kept;  /* pages */
	uint32_t early; /* of these */
	uint64_t print; /* a fingerprint of its bits */
};

struct vmemmap;

/* Read only once it is made. */
struct keep {
	const struct filter_options *options;
	const char *path;           /* of the input, borrowed */
	const struct ranges *pages; /* page frames of the input, borrowed */
	struct scan scan;           /* not used with options->keep_all */
	struct chunk *chunks;       /* ascending; those with page frames of the input */
	uint64_t n_chunks;
	uint64_t n_kept;
	struct chunk_bits *cache; /* of the first n_cached chunks */
	uint64_t n_cached;
	struct vmemmap *vmemmap; /* NULL if not known */
};

/*
 * Look at all struct pages, with options->threads threads. `pages` is borrowed. Fills in pages, classes,
 * dropped, unknown and doubtful of `stats`. A struct page that cannot be read keeps its page; only a mem_map
 * that cannot be found at all is an error, unless options->keep_all.
 */
int keep_create(const struct image *img, const struct filter_options *options,
		const struct ranges *pages, struct keep **ret, struct filter_stats *stats,
		struct err *err) _must_check_;
void keep_destroy(struct keep *keep); /* NULL is fine */

/* A thread's way to the bits. */
struct keep_reader {
	const struct keep *keep;
	struct scanner scanner;
	struct chunk_bits *bits; /* of a chunk that is not in the cache */
};

int keep_reader_init(struct keep_reader *r, const struct keep *keep, struct err *err) _must_check_;
void keep_reader_deinit(struct keep_reader *r); /* of zeros is fine */

/*
 * The bits of chunk `i`; valid until the next call. NULL, with ERR_CORRUPT in `err`, if they are not what they
 * were when they were counted: a failing disk, or somebody writes to the input.
 */
const struct chunk_bits *keep_read(struct keep_reader *r, uint64_t i, struct err *err);

/* Kept page frames without a gap. */
struct keep_run {
	uint64_t pfn;
	uint64_t count;
};

/* A walk over all of them in ascending order. Begin with {.reader = …}. */
struct keep_walk {
	struct keep_reader *reader;
	uint64_t chunk, bit;           /* where it goes on */
	const struct chunk_bits *bits; /* of chunk `at` */
	uint64_t at;
};

/* The next run, as long as it can be; empty behind the last one. */
int keep_walk_next(struct keep_walk *w, struct keep_run *ret, struct err *err) _must_check_;

#endif
