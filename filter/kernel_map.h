/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the kernel's own page tables map physical memory, as far as p_vaddr of an ELF vmcore asks. */
#ifndef FILTER_KERNEL_MAP_H
#define FILTER_KERNEL_MAP_H

#include "image/image.h"

struct kernel_map {
	bool has_all;    /* `all` was found */
	uint64_t all;    /* virtual minus physical address in the map of all memory, modulo 2^64 */
	uint64_t vaddr;  /* of the kernel's image */
	uint64_t phys;   /* the same */
	uint64_t length; /* of the part that lies in one piece; 0: not found */
};

/* Look. Never fails: what is not found is not there. Lengths and addresses are multiples of pages. */
void kernel_map_find(const struct image *img, struct kernel_map *ret);

#endif
