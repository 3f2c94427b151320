// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: any file either does not open, with a message that names it, or each page that it says is
 * present gives a whole block, the same by map and by read, or an error; no read leaves the file's
 * descriptors or the page's buffers.
 */
#include "format/kdump.h"
#include "tests/fuzz/source_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source *src = fuzz_open(data, size);
	const struct kdump_header *h;
	struct view view;
	struct err err;
	uint8_t byte;
	size_t pages = 0;

	if (!src)
		return 0;
	h = kdump_source_header(src);
	fuzz_check_ranges(src);
	fuzz_walk_notes(src);
	view_init(&view);
	for (size_t i = 0; i < src->present.n && pages < 64; i++) {
		const struct range *r = &src->present.v[i];

		for (uint64_t at = r->start; h && at < r->end && pages < 64;
		     at += h->block_size, pages++) {
			size_t n = fuzz_compare(src, &view, at);

			if (n && n != h->block_size)
				abort();
		}
	}
	/* the last page frames, whose rank is the largest */
	for (uint64_t back = 1; h && back < 16 && back <= h->max_mapnr; back++)
		fuzz_compare(src, &view, (h->max_mapnr - back) * h->block_size);
	if (h && source_read(src, h->max_mapnr * h->block_size, &byte, 1, &err) != ERR_NOT_FOUND)
		abort();
	view_deinit(src, &view);
	source_destroy(src);
	return 0;
}
