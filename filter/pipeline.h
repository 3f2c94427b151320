/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kept pages → batches of compressed data for the sink, by one or several workers. */
#ifndef FILTER_PIPELINE_H
#define FILTER_PIPELINE_H

#include "filter/bitmap.h"
#include "filter/filter.h"
#include "filter/sink.h"

/*
 * Write every page that `keep` names; `pages`, the page frames of the input, says where to look for
 * them. Fills in zero, written and lost of `stats`. The first error of any worker stops all of them and
 * is returned.
 */
int pipeline_run(const struct image *img, const struct filter_options *options,
		 const struct ranges *pages, const struct bitmap *keep, struct sink *sink,
		 struct filter_stats *stats, struct err *err) _must_check_;

#endif
