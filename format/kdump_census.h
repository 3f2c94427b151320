/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kdump file tells of its pages without their data being read: its descriptors. Pages of zeros share the data of one
 * (makedumpfile's pd_zero, write_kdump_pages_cyclic(); our filter/sink), lost ones have no offset.
 */
#ifndef FORMAT_KDUMP_CENSUS_H
#define FORMAT_KDUMP_CENSUS_H

#include "format/kdump.h"

enum kdump_census_kind {
	KDUMP_CENSUS_ZERO, /* zeros */
	KDUMP_CENSUS_LOST, /* to be there, but the dump was cut off before */
};

/* Called for stretches of memory, ascending; what is not told of has data of its own. */
typedef void (*kdump_census_fn)(void *ctx, enum kdump_census_kind kind, uint64_t start,
				uint64_t end);

/*
 * Go over the descriptors, at most `limit` of them: they are 24 bytes for each page, 6 GB of a TB. ERR_UNSUPPORTED: src is no kdump file,
 * or has more; nothing was told then.
 */
int kdump_census(const struct source *src, uint64_t limit, kdump_census_fn tell, void *ctx,
		 struct err *err) _must_check_;

#endif
