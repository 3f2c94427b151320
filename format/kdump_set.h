/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dump that was split: several kdump files with the same headers and bitmaps, each with `split` set
 * and the descriptors and data of its own range of page frames (start_pfn to end_pfn in the sub header,
 * the end not included). A range may be empty.
 */
#ifndef FORMAT_KDUMP_SET_H
#define FORMAT_KDUMP_SET_H

#include "base/out.h"
#include "format/kdump.h"

/*
 * Open a set as one source; the order of the files does not matter, and each may be flattened.
 * ERR_CORRUPT: the files are not of one dump (system, time, block size, page frames, bitmaps), or two
 * have the same page frames. ERR_NOT_FOUND, naming the page frames: a file is missing; not if `partial`:
 * then `present` lacks what it had, and the source is incomplete. ERR_UNSUPPORTED: a file is no part of a
 * set.
 */
int kdump_set_open(const char *const *paths, size_t n, bool partial, struct source **ret,
		   struct err *err) _must_check_;

/*
 * Write the set as one ordinary dump; page data is copied as it is. The caller commits `out`. While it
 * is written the header says INCOMPLETE (or is not there, if out->write_once), and so it stays if the
 * set is incomplete. Pages of a file that is missing become lost ones. ERR_UNSUPPORTED if src is no
 * set, or if page data lies scattered over more than twice the room that it needs.
 */
int kdump_set_join(const struct source *src, struct out *out, uint64_t *ret_size,
		   struct err *err) _must_check_;

extern const struct source_ops kdump_set_source; /* of what kdump_set_open() returns */

/* What the files agree on; split is set, and start_pfn and end_pfn are 0. */
const struct kdump_header *kdump_set_header(const struct source *src);

#endif
