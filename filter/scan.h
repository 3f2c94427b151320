/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From struct pages to the bitmap of page frames that are kept. */
#ifndef FILTER_SCAN_H
#define FILTER_SCAN_H

#include "filter/bitmap.h"
#include "filter/filter.h"

/* The classes that a dump level leaves out, as a mask of 1 << enum page_class. */
unsigned int scan_dropped_classes(unsigned int level);

/*
 * `pages` are the page frames of the input. `keep` comes in with a one for each of them and leaves with
 * the dropped ones cleared. Fills in the class counts, unknown and doubtful of `stats`.
 * A struct page that cannot be read keeps its page; only a mem_map that cannot be found at all is an
 * error.
 */
int scan_run(const struct image *img, const struct filter_options *options,
	     const struct ranges *pages, struct bitmap *keep, struct filter_stats *stats,
	     struct err *err) _must_check_;

#endif
