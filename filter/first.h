/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written before everything else: without it a dump cannot be read, or says nothing. */
#ifndef FILTER_FIRST_H
#define FILTER_FIRST_H

#include "image/image.h"

enum first {
	FIRST_DATA,  /* the kernel's log, its static data, and the page tables that lead to both */
	FIRST_IMAGE, /* the rest of its image: vmlinux has most of it, too */
	FIRST_KINDS
};

/* Page frames; may overlap: then the earlier one counts. */
struct firsts {
	struct ranges of[FIRST_KINDS];
};

/* As far as they are found. */
int first_find(const struct image *img, struct firsts *ret, struct err *err) _must_check_;
void first_deinit(struct firsts *f); /* of zeros is fine */

#endif
