/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file of a split set: what the reader of files (kdump_read.c) has for the reader of sets
 * (kdump_set.c, kdump_join.c). Private to them.
 */
#ifndef FORMAT_KDUMP_PART_H
#define FORMAT_KDUMP_PART_H

#include "format/kdump.h"

struct input;

/* An open set. */
struct kdump_set {
	struct source src;
	struct kdump_header header;
	struct ranges kept;    /* the 2nd bitmap, as physical addresses */
	struct source **parts; /* by start_pfn; those with no page frames at all are the last */
	size_t n, n_full;      /* n_full: those with some */
};

/*
 * Opens what kdump_source refuses, and nothing else: ERR_UNSUPPORTED for a dump that is not split.
 * `present` is what the file itself has. The functions below take sources of this kind only.
 */
extern const struct source_ops kdump_part_source;

const struct kdump_header *kdump_part_header(const struct source *src);
const struct kdump_layout *kdump_part_layout(const struct source *src);

/* What the set as a whole should have: the 2nd bitmap. The caller may take it away. */
struct ranges *kdump_part_kept(struct source *src);

const struct input *kdump_part_input(const struct source *src);

/*
 * Descriptor number `index` of the file, which the caller knows to be that of page frame `pfn`. It is
 * checked; ERR_NOT_FOUND if the page is lost, in a dump that says that it is incomplete.
 */
int kdump_part_desc(const struct source *src, uint64_t pfn, uint64_t index, struct kdump_desc *ret,
		    struct err *err) _must_check_;

#endif
