/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kdump-compressed file as it is being written. Page data may come in any order and from several
 * threads: each worker reserves room for a batch with one atomic add and writes its data and its
 * slice of the descriptor table itself.
 */
#ifndef FILTER_SINK_H
#define FILTER_SINK_H

#include "base/out.h"
#include "base/range.h"
#include "filter/bitmap.h"
#include "filter/filter.h"
#include "format/kdump.h"

struct sink;

/*
 * Write headers (status INCOMPLETE), notes and both bitmaps. `ram` are the page frames of the 1st
 * bitmap, `keep` is the 2nd; all three are borrowed for the call, `out` for the sink's life.
 */
int sink_create(const struct image *img, const struct filter_options *options,
		const struct ranges *ram, const struct bitmap *keep, struct out *out,
		struct sink **ret, struct err *err) _must_check_;
void sink_destroy(struct sink *sink); /* NULL is fine; does not touch `out` */

/* File offset of the shared page of zeros; 0 if the level does not ask for one. */
uint64_t sink_zero_page(const struct sink *sink);

/*
 * Write `len` bytes of page data somewhere and `n` descriptors whose offsets count from the start of
 * that data to the slots from `slot` on (the rank of the first page in the 2nd bitmap). Descriptors
 * with absolute[i] set keep their offset. Thread-safe.
 */
int sink_write(struct sink *sink, const void *data, size_t len, uint64_t slot,
	       struct kdump_desc *descs, const bool *absolute, size_t n,
	       struct err *err) _must_check_;

/*
 * Sync, clear INCOMPLETE unless `keep_incomplete`, sync. If that fails, the mark is put back as far as
 * the output lets us. *ret_size is the file's size.
 */
int sink_finish(struct sink *sink, bool keep_incomplete, uint64_t *ret_size,
		struct err *err) _must_check_;

#endif
