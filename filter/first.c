// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/first.h"

#include "base/num.h"
#include "filter/kernel_map.h"
#include "image/printk.h"

#define PIECES_MAX 65536         /* of a buffer: bounds the walk */
#define DATA_MAX   (64ULL << 20) /* of static data */
#define DATA_ALIGN (2ULL << 20)  /* sections of the kernel's image are this far apart */

/* A source that keeps a list of what is read from another one: the page tables that lead somewhere. */
struct recorder {
	struct source src; /* first: the source's functions get the recorder back from it */
	const struct image *img;
	struct ranges *frames;
	struct err err; /* of the list */
};

static int add(const struct image *img, uint64_t phys, uint64_t len, struct ranges *ret,
	       struct err *err)
{
	uint64_t end;

	if (!num_add(phys, len, &end) || !num_add(end, img->page_size - 1, &end))
		return 0;
	return ranges_add(ret, phys >> img->page_shift, end >> img->page_shift, err);
}

static int recorder_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			 struct err *err)
{
	struct recorder *r = (struct recorder *)(uintptr_t)src;

	if (!r->err.code)
		add(r->img, phys, len, r->frames, &r->err);
	return source_read(r->img->src, phys, buf, len, err);
}

static const struct source_ops recorder_ops = {.name = "page tables", .read = recorder_read};

/* Virtual memory as far as it is mapped, and the tables that map it. */
static int add_virtual(struct recorder *rec, uint64_t vaddr, uint64_t len)
{
	const struct image *img = rec->img;

	for (unsigned int i = 0; i < PIECES_MAX && len && !rec->err.code; i++) {
		uint64_t phys, piece;
		struct err ignored;

		if (img->arch->vtop->translate(&img->vtop, &rec->src, vaddr, &phys, &piece,
					       &ignored))
			break;
		piece = NUM_MIN(piece, len);
		add(img, phys, piece, rec->frames, &rec->err);
		vaddr += piece;
		len -= piece;
	}
	return rec->err.code;
}

/*
 * Static data lies behind text in the kernel's image, and some of what VMCOREINFO names lies in it. Where it
 * begins is not said: what is less than an alignment before the first of these symbols goes along.
 */
static void add_data(struct recorder *rec, const struct kernel_map *map)
{
	static const char *const symbols[] = {"swapper_pg_dir", "init_uts_ns", "node_online_map",
					      "prb"};
	uint64_t end = map->vaddr + map->length, begin = end;

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		struct err ignored;
		uint64_t at;

		if (!image_need_symbol(rec->img, symbols[i], &at, &ignored) && at >= map->vaddr &&
		    at < begin)
			begin = at;
	}
	begin = num_align_down(begin, DATA_ALIGN);
	if (begin < end)
		add_virtual(rec, begin, NUM_MIN(end - begin, DATA_MAX));
}

void first_deinit(struct firsts *f)
{
	for (size_t i = 0; i < FIRST_KINDS; i++)
		ranges_deinit(&f->of[i]);
}

int first_find(const struct image *img, struct firsts *ret, struct err *err)
{
	struct firsts f = {0};
	struct recorder rec = {
		.src = {.ops = &recorder_ops}, .img = img, .frames = &f.of[FIRST_DATA]};
	struct printk_buffer log[PRINTK_BUFFERS];
	struct kernel_map map;
	struct err ignored;
	uint64_t table;

	kernel_map_find(img, &map);
	add_data(&rec, &map);
	if (!printk_buffers(img, log, &ignored))
		for (size_t i = 0; i < PRINTK_BUFFERS; i++)
			add_virtual(&rec, log[i].vaddr, log[i].len);
	if (!image_need_symbol(img, "mem_section", &table, &ignored))
		add_virtual(&rec, table, img->page_size);
	if (!rec.err.code)
		add(img, map.phys, map.length, &f.of[FIRST_IMAGE], &rec.err);
	if (rec.err.code) {
		first_deinit(&f);
		*err = rec.err;
		return err->code;
	}
	*ret = f;
	return 0;
}
