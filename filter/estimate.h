/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How large a dump becomes and how long it takes to write, from a sample of its pages: one of each of up
 * to ESTIMATE_SAMPLE equal stretches of the kept pages. Not by chance alone, so that two runs agree.
 */
#ifndef FILTER_ESTIMATE_H
#define FILTER_ESTIMATE_H

#include "filter/keep.h"
#include "filter/sink.h"

#define ESTIMATE_SAMPLE 16384
#define ESTIMATE_BLOCK  4096 /* data that pages share begins at one, where a file is written */

/* An output that takes everything and keeps nothing; what a sink is made with to learn its base. */
void estimate_out_init(struct out *out);

/*
 * Fills in zero, shared and written of `stats`, which add up to keep->n_kept, and file_bytes, write_ns.
 * Pages that cannot be read are taken to be like the others. The sink is one over estimate_out_init()'s.
 */
int estimate_run(const struct image *img, const struct keep *keep, struct sink *sink,
		 struct filter_stats *stats, struct err *err) _must_check_;

#endif
