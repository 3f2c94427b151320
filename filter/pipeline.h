/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kept pages → batches of compressed data for the sink, by one or several workers. */
#ifndef FILTER_PIPELINE_H
#define FILTER_PIPELINE_H

#include "filter/first.h"
#include "filter/keep.h"
#include "filter/sink.h"

/*
 * Write every page of `keep`: those of `first` before the others, each kind in turn, then those that are
 * early. Fills in zero, shared, written, lost, cut and cut_off of `stats`. The first error of any worker
 * stops all of them and is returned.
 */
int pipeline_run(const struct image *img, const struct keep *keep, const struct firsts *first,
		 struct sink *sink, struct filter_stats *stats, struct err *err) _must_check_;

#endif
