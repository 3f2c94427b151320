// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: iomem_next() ends after at most one entry per line, reads nothing outside of the text,
 * and every entry's range is non-empty (or hidden) and its name lies within the text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "loader/iomem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iomem it = {.text = {data, size}};
	struct iomem_entry e;
	struct err err;
	bool found = true;

	for (size_t n = 0; !iomem_next(&it, &e, &found, &err) && found; n++) {
		if (n > size || it.line != n + 1)
			abort();
		if (e.hidden ? e.range.start != e.range.end : e.range.start >= e.range.end)
			abort();
		if (e.name.data < data || e.name.data + e.name.len > data + size)
			abort();
	}
	return 0;
}
