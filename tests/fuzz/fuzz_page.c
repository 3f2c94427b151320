// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMCOREINFO up to a NUL, eight bytes of page frame number, then struct pages. Property: whatever the layout
 * and the bytes, page_decode() looks at two struct pages only, and what it says of a page can be: a
 * known class, an order that suits the page frame, and nothing but "other" where it doubts.
 */
#include <stdlib.h>

#include "base/num.h"
#include "image/page.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct page_layout *l, uint64_t pfn, struct bytes rest)
{
	uint8_t *pages = calloc(2, l->size); /* exactly two, for the sanitizer */
	struct page_info i;

	REQUIRE(pages);
	memcpy(pages, rest.data, NUM_MIN(rest.len, 2 * l->size));
	page_decode(l, pages, pfn, &i);
	REQUIRE(i.class < PAGE_CLASSES && page_class_name(i.class));
	REQUIRE(i.class != PAGE_HWPOISON && i.class != PAGE_OFFLINE);
	REQUIRE(i.order < 48 && !(pfn & ((1ULL << i.order) - 1)));
	REQUIRE(i.compound_order < 48 && !(pfn & ((1ULL << i.compound_order) - 1)));
	REQUIRE(!i.doubtful || (i.class == PAGE_OTHER && !i.order && !i.compound_order));
	REQUIRE(!i.tail || (i.class == PAGE_OTHER && !i.order && !i.offline));
	free(pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image img = {.page_shift = 12, .page_size = 4096};
	size_t text = strnlen((const char *)data, size);
	struct page_layout layout;
	struct err err = {0};
	uint64_t pfn;

	if (size - text < 9)
		return 0;
	REQUIRE(!vmcoreinfo_create((struct bytes){data, text}, &img.info, &err));
	memcpy(&pfn, data + text + 1, sizeof(pfn));
	if (page_layout_init(&img, &layout, &err)) {
		REQUIRE(err.code && err.msg[0]);
	} else {
		struct bytes rest = {data + text + 9, size - text - 9};

		for (size_t at = 0; at == 0 || at + layout.size <= rest.len; at += layout.size)
			decode(&layout, pfn + at / layout.size,
			       (struct bytes){rest.data + at, rest.len - at});
	}
	vmcoreinfo_destroy(img.info);
	return 0;
}
