/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter: memory image in, dump out, without the pages that the dump level excludes.
 *
 *   scan      struct pages of a chunk of memory → bits of the page frames to keep, and statistics
 *   keep      all chunks: which pages are kept, and their ranks
 *   pipeline  workers: kept pages → compressed, into their own buffers, the most useful ones first
 *   sink      a file of some format, over a struct out
 *   estimate  a sample of the kept pages → size and time of what pipeline and sink would write
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include <stdatomic.h>

#include "base/out.h"
#include "format/codec.h"
#include "image/image.h"
#include "image/page_check.h"

/* Bits of the dump level, as in makedumpfile(8) -d. */
#define LEVEL_ZERO          1  /* pages of zeros share one copy; in ELF they are a hole */
#define LEVEL_CACHE         2  /* drop page cache without private data */
#define LEVEL_CACHE_PRIVATE 4  /* drop all page cache */
#define LEVEL_USER          8  /* drop user pages */
#define LEVEL_FREE          16 /* drop free (and unaccepted) pages */
#define LEVEL_MAX           31

#define FILTER_MAX_THREADS 256

enum filter_phase { FILTER_SCAN, FILTER_WRITE };

enum filter_format {
	FILTER_KDUMP, /* kdump-compressed */
	FILTER_ELF,   /* ELF vmcore; pages are not compressed */
};

struct filter_options {
	enum filter_format format;
	unsigned int level;   /* 0…LEVEL_MAX */
	enum codec codec;     /* CODEC_RAW with FILTER_ELF */
	unsigned int threads; /* 1…FILTER_MAX_THREADS */
	/*
	 * Do not look at the struct pages and keep every page: for a vmcore whose mem_map cannot be found,
	 * where the alternative is no dump. Hardware-poisoned pages are read then.
	 */
	bool keep_all;
	/* Leave out the struct pages, too, of pages that are left out (makedumpfile's -e). */
	bool exclude_vmemmap;
	/*
	 * When to stop early; 0, NULL: never. What is written by then is a dump that opens, marked
	 * incomplete, and filter_run() succeeds. Pages are written in the order of their use: the log, static
	 * data and page tables (these in any case), the kernel's image, the rest of its memory, all others.
	 */
	uint64_t limit;          /* bytes that may be written */
	uint64_t deadline_ns;    /* of CLOCK_MONOTONIC */
	const atomic_bool *stop; /* becomes true: a signal came */
	bool keep_cut;           /* the same if there is no more room; else that is ERR_NO_SPACE */
	/*
	 * With a limit: if the pages, uncompressed, would pass it, estimate first what they come to, and write nothing
	 * if that is too much, but return ERR_NO_SPACE. What is only a little too large is tried: the estimate may be
	 * wrong.
	 */
	bool weigh;
	/*
	 * If not NULL: becomes true when stats->image_written would, had the filter ended there. In shared memory it
	 * tells what a file is worth whose writer was killed.
	 */
	atomic_bool *image_written;
	/*
	 * Called now and then with what is done of the phase, in page frames. May be NULL. Calls come
	 * from one thread at a time.
	 */
	void (*progress)(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total);
	void *progress_ctx;
};

/* Why a dump was cut off. */
enum filter_cut {
	FILTER_WHOLE,
	FILTER_CUT_SPACE,
	FILTER_CUT_LIMIT,
	FILTER_CUT_TIME,
	FILTER_CUT_STOP
};

const char *filter_cut_name(enum filter_cut cut);

struct filter_stats {
	uint64_t pages;                     /* page frames in the input */
	uint64_t class_pages[PAGE_CLASSES]; /* of these, by use */
	uint64_t dropped[PAGE_CLASSES];     /* left out, by the class that was the reason */
	uint64_t vmemmap;                   /* struct pages left out, in page frames */
	uint64_t zero;                      /* kept without data of their own: all zero */
	uint64_t shared;                    /* kept with the data of an equal page */
	uint64_t written;                   /* kept with data of their own */
	uint64_t lost;                      /* could not be read */
	uint64_t cut_off;                   /* not written, because of `cut` */
	enum filter_cut cut;
	/* The log, static data, page tables and the rest of the kernel's image are in it: a reader can begin. */
	bool image_written;
	uint64_t unknown;    /* no struct page could be read: kept */
	uint64_t doubtful;   /* a struct page with an order that cannot be: kept singly */
	uint64_t file_bytes; /* size of the dump */
	char warning[PAGE_VERDICT_TEXT]; /* struct page seems to be misread; mostly empty */
	uint64_t scan_ns, write_ns;
};

/*
 * Write the dump to `out`, which the caller commits on success or aborts on failure. Hardware-poisoned
 * and offline pages are left out at every level. While it runs, and if it fails, the header on disk
 * says INCOMPLETE; it also stays INCOMPLETE if stats->lost or stats->cut is not 0, or if the input is. All
 * data has been synced when the function returns 0.
 */
int filter_run(const struct image *img, const struct filter_options *options, struct out *out,
	       struct filter_stats *ret, struct err *err) _must_check_;

/*
 * The same in `n` files, each with an equal share of the kept pages: a split dump, which is a kdump-
 * compressed one (format/kdump_set.h), if n is not 1. The limit of bytes is for all of them together.
 */
int filter_run_split(const struct image *img, const struct filter_options *options,
		     struct out *const *outs, size_t n, struct filter_stats *ret,
		     struct err *err) _must_check_;

/*
 * Only count: what pages there are, of which classes, and what `level` would leave out. Fills in all of *ret that
 * the scan does, and its time. The memory may change meanwhile (/proc/kcore); then the counts are as right as
 * what was read. Of the options only level, threads, keep_all, exclude_vmemmap and progress matter.
 */
int filter_count(const struct image *img, const struct filter_options *options,
		 struct filter_stats *ret, struct err *err) _must_check_;

/*
 * What filter_run_split() with `n` outs would say, without an output: counts as filter_count() does, and
 * estimates zero, shared, written, file_bytes and write_ns from a sample of the kept pages (filter/estimate.h
 * says which). The time is the workers' alone: reading and writing cost none. A dump with a limit or a
 * deadline is ERR_USAGE; `stop` is not heeded.
 */
int filter_estimate(const struct image *img, const struct filter_options *options, size_t n,
		    struct filter_stats *ret, struct err *err) _must_check_;

#endif
