/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one reader of /proc/iomem. Format: r_show() of kernel/resource.c, two spaces of indentation
 * per level, "start-end : name" in hexadecimal, end inclusive. Readers without CAP_SYS_ADMIN see
 * zeros in place of all addresses.
 */
#ifndef LOADER_IOMEM_H
#define LOADER_IOMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/range.h"

/* A cursor over the text, which is borrowed: start with {.text = ...}. */
struct iomem {
	struct bytes text;
	size_t pos;
	unsigned int line; /* of the entry returned last, from 1 */
};

struct iomem_entry {
	struct range range; /* end exclusive; 0-0 if `hidden` */
	unsigned int depth; /* 0 for a top-level resource */
	struct bytes name;  /* borrowed from the text; no NUL */
	bool hidden;        /* "00000000-00000000": the addresses were kept from us */
};

/*
 * The next entry. *ret_found is false behind the last one, then *ret is untouched. A line of
 * another shape, or one that ends before it starts, is ERR_CORRUPT naming the line.
 */
int iomem_next(struct iomem *it, struct iomem_entry *ret, bool *ret_found,
	       struct err *err) _must_check_;

bool iomem_is(const struct iomem_entry *entry, const char *name);

#endif
