/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of page frames, one after the other, for one thread. */
#ifndef FILTER_FETCH_H
#define FILTER_FETCH_H

#include "image/image.h"

struct fetch {
	const struct image *img;
	struct view view;
	uint8_t *page; /* one page put together from pieces */
};

int fetch_init(struct fetch *f, const struct image *img, struct err *err) _must_check_;
void fetch_deinit(struct fetch *f); /* of zeros is fine */

/*
 * The bytes of a page frame, borrowed until the next call; NULL if they cannot be read. Where the input's
 * memory begins or ends inside of the page, what is not there is zero.
 */
const uint8_t *fetch_page(struct fetch *f, uint64_t pfn);

#endif
