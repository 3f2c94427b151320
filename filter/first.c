// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/first.h"

#include "base/num.h"
#include "filter/kernel_map.h"
#include "image/printk.h"

#define PIECES_MAX 65536 /* of a buffer: bounds the walk */

static int add(const struct image *img, uint64_t phys, uint64_t len, struct ranges *ret,
	       struct err *err)
{
	uint64_t end;

	if (!num_add(phys, len, &end) || !num_add(end, img->page_size - 1, &end))
		return 0;
	return ranges_add(ret, phys >> img->page_shift, end >> img->page_shift, err);
}

/* As far as it is mapped. */
static int add_virtual(const struct image *img, uint64_t vaddr, uint64_t len, struct ranges *ret,
		       struct err *err)
{
	int r = 0;

	for (unsigned int i = 0; i < PIECES_MAX && len && !r; i++) {
		uint64_t phys, piece;
		struct err ignored;

		if (image_translate(img, vaddr, &phys, &piece, &ignored))
			break;
		piece = NUM_MIN(piece, len);
		r = add(img, phys, piece, ret, err);
		vaddr += piece;
		len -= piece;
	}
	return r;
}

int first_find(const struct image *img, struct ranges *ret, struct err *err)
{
	struct printk_buffer log[PRINTK_BUFFERS] = {{0}};
	struct kernel_map map;
	struct err ignored;
	int r;

	ranges_init(ret);
	kernel_map_find(img, &map);
	r = add(img, map.phys, map.length, ret, err);
	if (printk_buffers(img, log, &ignored))
		log[0].len = 0; /* no log */
	for (size_t i = 0; i < PRINTK_BUFFERS && !r; i++)
		r = add_virtual(img, log[i].vaddr, log[i].len, ret, err);
	if (r)
		ranges_deinit(ret);
	return r;
}
