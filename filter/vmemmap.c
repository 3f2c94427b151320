// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/vmemmap.h"

#include "base/num.h"

#define BLOCKS_MAX (1U << 19) /* 64 TiB of memory */
/* Translations: x86_64 maps struct pages by 2 MiB, other kernels by 4 KiB. Bounds the work. */
#define STEPS_MAX (1U << 22)

struct piece {
	uint64_t phys;
	uint64_t len;   /* bytes, in one piece both ways */
	uint64_t vaddr; /* a page's */
	const struct memmap_run *run;
};

typedef int (*piece_fn)(void *ctx, const struct piece *piece, struct err *err);

/* Call `fn` for whatever holds struct pages, in whole pages. *ret_all: there was no limit in the way. */
static int walk(const struct image *img, const struct memmap *map, piece_fn fn, void *ctx,
		bool *ret_all, struct err *err)
{
	unsigned int steps = 0;
	int r = 0;

	for (size_t i = 0; i < map->n && !r; i++) {
		const struct memmap_run *run = &map->runs[i];
		uint64_t at = num_align_down(run->vaddr, img->page_size);
		uint64_t end = run->vaddr + run->count * map->page_struct_size;

		while (at < end && !r) {
			struct piece p = {.vaddr = at, .run = run};
			struct err ignored;

			if (steps++ == STEPS_MAX) {
				*ret_all = false;
				return 0;
			}
			if (image_translate(img, at, &p.phys, &p.len, &ignored)) {
				at += img->page_size;
				continue;
			}
			p.len = NUM_MIN(p.len, num_align_up(end - at, img->page_size));
			r = fn(ctx, &p, err);
			at += p.len;
		}
	}
	*ret_all = true;
	return r;
}

/* ---- which pages */

static int add_block(struct vmemmap *v, uint64_t pfn, struct vmemmap_block **ret, struct err *err)
{
	if (v->n == v->cap) {
		size_t want = v->cap ? v->cap * 2 : 64;
		struct vmemmap_block *blocks = reallocarray(v->blocks, want, sizeof(*blocks));

		if (!blocks)
			return err_nomem(err, want * sizeof(*blocks), "where struct pages lie");
		v->blocks = blocks;
		v->cap = want;
	}
	*ret = &v->blocks[v->n++];
	**ret = (struct vmemmap_block){.pfn = pfn};
	return 0;
}

struct collector {
	struct vmemmap *v;
	unsigned int page_shift;
};

static int collect(void *ctx, const struct piece *p, struct err *err)
{
	const struct collector *c = ctx;
	struct vmemmap *v = c->v;
	uint64_t pfn = p->phys >> c->page_shift, end = pfn + (p->len >> c->page_shift);

	v->pages += end - pfn;
	while (pfn < end && v->n <= BLOCKS_MAX) {
		uint64_t first = num_align_down(pfn, VMEMMAP_BLOCK_PAGES);
		uint64_t stop = NUM_MIN(first + VMEMMAP_BLOCK_PAGES, end);
		struct vmemmap_block *block = v->n ? &v->blocks[v->n - 1] : NULL;
		struct bitmap bits;

		if ((!block || block->pfn != first) && add_block(v, first, &block, err))
			return err->code;
		bits = (struct bitmap){block->all, VMEMMAP_BLOCK_PAGES, VMEMMAP_BLOCK_WORDS};
		bitmap_set_range(&bits, pfn - first, stop - first);
		pfn = stop;
	}
	return 0;
}

static int compare_blocks(const void *a, const void *b)
{
	const struct vmemmap_block *x = a, *y = b;

	return x->pfn < y->pfn ? -1 : x->pfn > y->pfn;
}

static void need_all(struct vmemmap *v)
{
	for (size_t i = 0; i < v->n; i++)
		memcpy(v->blocks[i].needed, v->blocks[i].all, sizeof(v->blocks[i].all));
}

static void sort_blocks(struct vmemmap *v)
{
	size_t n = 0;

	if (v->n)
		qsort(v->blocks, v->n, sizeof(*v->blocks), compare_blocks);
	for (size_t i = 0; i < v->n; i++) {
		struct vmemmap_block *block = &v->blocks[i];

		if (n && v->blocks[n - 1].pfn == block->pfn) {
			for (size_t k = 0; k < VMEMMAP_BLOCK_WORDS; k++)
				v->blocks[n - 1].all[k] |= block->all[k];
		} else {
			v->blocks[n++] = *block;
		}
	}
	v->n = n;
	need_all(v);
}

int vmemmap_create(const struct image *img, const struct memmap *map, struct vmemmap **ret,
		   struct err *err)
{
	struct vmemmap *v = calloc(1, sizeof(*v));
	struct collector c = {v, img->page_shift};
	bool all = true;
	int r;

	if (!v)
		return err_nomem(err, sizeof(*v), "where struct pages lie");
	r = walk(img, map, collect, &c, &all, err);
	if (r) {
		vmemmap_destroy(v);
		return r;
	}
	if (!all || v->n > BLOCKS_MAX)
		v->n = 0;
	sort_blocks(v);
	*ret = v;
	return 0;
}

void vmemmap_destroy(struct vmemmap *v)
{
	if (!v)
		return;
	free(v->blocks);
	free(v);
}

/* The first block that ends behind `pfn`, or NULL. */
static struct vmemmap_block *block_from(const struct vmemmap *v, uint64_t pfn)
{
	size_t lo = 0, hi = v->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v->blocks[mid].pfn + VMEMMAP_BLOCK_PAGES > pfn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < v->n ? &v->blocks[lo] : NULL;
}

/* ---- which of them are needed */

struct seeker {
	struct vmemmap *v;
	const struct image *img;
	size_t struct_size;
	vmemmap_kept_fn kept;
	void *ctx;
	uint64_t pages; /* looked at */
};

static int seek(void *ctx, const struct piece *p, struct err *err)
{
	struct seeker *s = ctx;
	const struct memmap_run *run = p->run;
	uint64_t page = s->img->page_size;

	s->pages += p->len / page;
	for (uint64_t done = 0; done < p->len; done += page) {
		uint64_t pfn = (p->phys + done) >> s->img->page_shift, from = p->vaddr + done;
		uint64_t first = from > run->vaddr ? (from - run->vaddr) / s->struct_size : 0;
		uint64_t end = num_div_up(from + page - run->vaddr, s->struct_size);
		struct vmemmap_block *block = block_from(s->v, pfn);
		uint64_t bit = pfn % VMEMMAP_BLOCK_PAGES;
		bool kept = true;

		end = NUM_MIN(end, run->count);
		if (s->kept(s->ctx, run->pfn + first, run->pfn + end, &kept, err))
			return err->code;
		if (kept && block && block->pfn <= pfn)
			block->needed[bit / BITMAP_WORD_BITS] |= 1ULL << bit % BITMAP_WORD_BITS;
	}
	return 0;
}

int vmemmap_find_needed(struct vmemmap *v, const struct image *img, const struct memmap *map,
			vmemmap_kept_fn kept, void *ctx, struct err *err)
{
	struct seeker s = {v, img, map->page_struct_size, kept, ctx, 0};
	bool all;
	int r;

	for (size_t i = 0; i < v->n; i++)
		memset(v->blocks[i].needed, 0, sizeof(v->blocks[i].needed));
	r = v->n ? walk(img, map, seek, &s, &all, err) : 0;
	if (v->n && s.pages != v->pages)
		need_all(v);
	return r;
}

bool vmemmap_has(const struct vmemmap *v, uint64_t first)
{
	const struct vmemmap_block *block = block_from(v, first);

	return block && block->pfn < first + CHUNK_PAGES;
}

void vmemmap_apply(const struct vmemmap *v, uint64_t first, struct chunk_bits *bits)
{
	const struct vmemmap_block *block = block_from(v, first);

	_Static_assert(CHUNK_PAGES % VMEMMAP_BLOCK_PAGES == 0, "a chunk is made of whole blocks");
	for (; block && block < v->blocks + v->n && block->pfn < first + CHUNK_PAGES; block++) {
		uint64_t word = (block->pfn - first) / BITMAP_WORD_BITS;

		for (size_t k = 0; k < VMEMMAP_BLOCK_WORDS; k++) {
			bits->early[word + k] &= ~block->all[k];
			if (v->drop)
				bits->keep[word + k] &= ~(block->all[k] & ~block->needed[k]);
		}
	}
}
