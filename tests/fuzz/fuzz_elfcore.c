// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: any file either does not open, with a message that names it, or every byte that it says is
 * present can be mapped and read, both ways the same, and those around are ERR_NOT_FOUND.
 */
#include "tests/fuzz/source_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void absent(const struct source *src, uint64_t phys)
{
	struct err err = {0};
	uint8_t byte;

	if (!ranges_find(&src->present, phys) &&
	    source_read(src, phys, &byte, 1, &err) != ERR_NOT_FOUND)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source *src = fuzz_open(data, size);
	struct view view;

	if (!src)
		return 0;
	fuzz_check_ranges(src);
	fuzz_walk_notes(src);
	view_init(&view);
	for (size_t i = 0; i < src->present.n && i < 64; i++) {
		const struct range *r = &src->present.v[i];
		size_t n;

		/* the file is mapped more than once where PT_LOADs share it: bounded by their number */
		for (uint64_t at = r->start; at < r->end; at += n) {
			n = fuzz_compare(src, &view, at);
			if (!n)
				abort();
		}
		absent(src, r->start - 1);
		absent(src, r->end);
	}
	for (size_t i = 0; i < src->ram.n && i < 64; i++)
		if (!ranges_find(&src->ram, src->ram.v[i].start))
			abort();
	view_deinit(src, &view);
	source_destroy(src);
	return 0;
}
