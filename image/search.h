/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Searching the kernel's image in memory for what no symbol leads to. Where it begins and ends is known from VMCOREINFO:
 * _stext is at its beginning, and init_uts_ns, the page tables and the log's ring are in the data, behind all that is
 * read-only.
 */
#ifndef IMAGE_SEARCH_H
#define IMAGE_SEARCH_H

#include "base/bytes.h"
#include "image/reader.h"

#define SEARCH_MAX \
	(1ULL << 30) /* bytes from _stext on that are looked at; x86_64's KERNEL_IMAGE_SIZE */

/* From _stext to the last symbol of VMCOREINFO. ERR_NOT_FOUND: there is no _stext. */
int search_span(const struct image *img, struct range *ret, struct err *err) _must_check_;

/*
 * Called for each place that has the pattern, with its address and the bytes that lie there as far as they were read
 * together (at least the pattern). True ends the search.
 */
typedef bool (*search_fn)(void *ctx, uint64_t vaddr, struct bytes there);

/* Look for the pattern in [span.start, span.end); what cannot be read is left out. True: `fn` has ended it. */
bool search_bytes(const struct image *img, struct range span, struct bytes pattern, search_fn fn,
		  void *ctx, struct err *err) _must_check_;

#endif
