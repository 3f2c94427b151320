/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mem_map: where the struct page of each page frame lies, from the SPARSEMEM section table.
 *
 * Facts (include/linux/mmzone.h, mm/sparse.c, v5.4 to v6.12): mem_section is an array of roots, each
 * a page of struct mem_section (SPARSEMEM_EXTREME), or one static array; section_mem_map holds
 * "address of the section's struct pages minus first pfn * sizeof(struct page)" with flags in the low
 * bits: 0 PRESENT, 1 HAS_MEM_MAP, 2 ONLINE (since v4.13, commit 2d070eab2e82). VMCOREINFO's SYMBOL(mem_section) is the address of that array.
 */
#ifndef IMAGE_MEMMAP_H
#define IMAGE_MEMMAP_H

#include "image/image.h"

struct memmap_run {
	uint64_t pfn;   /* first page frame */
	uint64_t count; /* page frames */
	uint64_t vaddr; /* of the struct page of pfn; the others follow without a gap */
};

struct memmap {
	struct memmap_run *runs; /* ascending, disjoint */
	size_t n;
	size_t page_struct_size;   /* bytes */
	uint64_t sections_skipped; /* present, but their entry made no sense: no run */
	uint64_t sections_offline; /* hot-added and not online, or a device's: no run */
};

/*
 * Read the section table where it covers the page frames `frames`; a run is not clipped to them, it is
 * whole sections. So the work and the memory it takes follow from the memory that is there, not from
 * what the table claims. A root or table that cannot be read, sizes that contradict each other:
 * ERR_CORRUPT naming value and address. Memory models other than SPARSEMEM are ERR_UNSUPPORTED.
 */
int memmap_create(const struct image *img, const struct ranges *frames, struct memmap **ret,
		  struct err *err) _must_check_;
void memmap_destroy(struct memmap *m); /* NULL is fine */

#endif
