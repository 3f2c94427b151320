// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/kernel_map.h"

#include "base/num.h"

#define IMAGE_MAX (1ULL << 30) /* no kernel's image is larger; bounds the walk */

static bool maps(const struct image *img, uint64_t vaddr, uint64_t phys)
{
	uint64_t got, len;
	struct err ignored;

	return !image_translate(img, vaddr, &got, &len, &ignored) && got == phys;
}

/* The longest stretch of memory, which is no special place that only one mapping has. */
static const struct range *longest(const struct ranges *ranges)
{
	const struct range *best = NULL;

	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];

		if (!best || r->end - r->start > best->end - best->start)
			best = r;
	}
	return best;
}

/*
 * SYMBOL(mem_section) is the address of an array that memblock gave, so it lies in the map of all memory
 * (mm/sparse.c, SPARSEMEM_EXTREME since 4.14). A static array lies in the kernel's image, whose map ends
 * soon: that shows at both ends of the longest stretch of memory.
 */
static void find_all(const struct image *img, struct kernel_map *ret)
{
	const struct range *r = longest(&img->src->ram);
	uint64_t vaddr, phys, len;
	struct err ignored;

	if (!r || image_need_symbol(img, "mem_section", &vaddr, &ignored) ||
	    image_translate(img, vaddr, &phys, &len, &ignored))
		return;
	ret->all = vaddr - phys;
	ret->has_all = (phys | vaddr) % 8 == 0 && maps(img, r->start + ret->all, r->start) &&
		       maps(img, r->end - 1 + ret->all, r->end - 1);
}

static void find_image(const struct image *img, struct kernel_map *ret)
{
	uint64_t vaddr, phys, got, len, sum = 0;
	struct err ignored;

	if (image_need_symbol(img, "_stext", &vaddr, &ignored))
		return;
	vaddr = num_align_down(vaddr, img->page_size);
	if (image_translate(img, vaddr, &phys, &len, &ignored) || phys % img->page_size)
		return;
	while (sum < IMAGE_MAX && !image_translate(img, vaddr + sum, &got, &len, &ignored) &&
	       got == phys + sum)
		sum += NUM_MIN(len, IMAGE_MAX - sum);
	*ret = (struct kernel_map){.vaddr = vaddr, .phys = phys, .length = sum};
}

void kernel_map_find(const struct image *img, struct kernel_map *ret)
{
	*ret = (struct kernel_map){0};
	find_image(img, ret);
	find_all(img, ret);
	/* an image inside of the map of all memory needs no program headers of its own */
	if (ret->has_all && ret->vaddr - ret->phys == ret->all)
		ret->length = 0;
}
