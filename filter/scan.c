// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/scan.h"

#include "base/num.h"
#include "image/memmap.h"

#define MAX_PAGE_STRUCT 512 /* memmap_create refuses larger ones */

struct scanner {
	const struct image *img;
	const struct filter_options *options;
	struct page_layout layout;
	unsigned int dropped_classes;
	struct bitmap *keep;
	struct filter_stats *stats;
	struct view view;
	uint8_t bounce[2 * MAX_PAGE_STRUCT]; /* two struct pages that are not contiguous */
	uint64_t judged;                     /* page frames whose struct page was read */
	uint64_t compound_end;               /* behind the compound page being walked through */
	enum page_class compound_class;      /* of that page */
};

/* A stretch of struct pages that is readable where it lies. */
struct stretch {
	const uint8_t *pages;
	uint64_t count; /* behind each of them one more struct page can be read */
};

unsigned int scan_dropped_classes(unsigned int level)
{
	unsigned int mask = 1U << PAGE_HWPOISON | 1U << PAGE_OFFLINE;

	if (level & LEVEL_CACHE)
		mask |= 1U << PAGE_CACHE;
	if (level & LEVEL_CACHE_PRIVATE)
		mask |= 1U << PAGE_CACHE | 1U << PAGE_CACHE_PRIVATE;
	if (level & LEVEL_USER)
		mask |= 1U << PAGE_USER;
	if (level & LEVEL_FREE)
		mask |= 1U << PAGE_FREE | 1U << PAGE_UNACCEPTED;
	return mask;
}

/*
 * Two struct pages at the end of a mapping: page[1] of a compound head may lie in the next one.
 * Where there is no next one, zeros stand for it.
 */
static bool fetch_bounced(struct scanner *s, uint64_t vaddr, struct stretch *ret)
{
	size_t size = s->layout.size;
	struct err ignored;

	if (image_read(s->img, vaddr, s->bounce, 2 * size, &ignored)) {
		memset(s->bounce, 0, 2 * size);
		if (image_read(s->img, vaddr, s->bounce, size, &ignored))
			return false;
	}
	*ret = (struct stretch){s->bounce, 1};
	return true;
}

/* Borrow the struct pages at `vaddr`; false if not even the first can be read. */
static bool fetch(struct scanner *s, uint64_t vaddr, struct stretch *ret)
{
	const uint8_t *data;
	uint64_t phys, run;
	struct err ignored;
	size_t len;

	if (image_translate(s->img, vaddr, &phys, &run, &ignored) ||
	    source_map(s->img->src, &s->view, phys, &data, &len, &ignored))
		return fetch_bounced(s, vaddr, ret);
	len = (size_t)NUM_MIN((uint64_t)len, run);
	if (len < 2 * s->layout.size)
		return fetch_bounced(s, vaddr, ret);
	*ret = (struct stretch){data, len / s->layout.size - 1};
	return true;
}

/*
 * What one struct page says, in the context of its compound page. The pages behind a head that is kept
 * are looked at singly, because a poisoned one among them must not be read; whatever else they show (up
 * to 7.0 some of a hugetlb page's look like heads again), they are what their head is.
 */
static void look_at(struct scanner *s, const uint8_t *pages, uint64_t pfn, struct page_info *ret)
{
	page_decode(&s->layout, pages, pfn, ret);
	if (pfn < s->compound_end)
		*ret = (struct page_info){.class = s->compound_class, .hwpoison = ret->hwpoison};
}

/* Take account of one struct page; returns the page frames that it speaks for, at most `left`. */
static uint64_t judge(struct scanner *s, const uint8_t *pages, uint64_t pfn, uint64_t left)
{
	struct filter_stats *stats = s->stats;
	struct page_info info;
	enum page_class reason;
	uint64_t count;

	look_at(s, pages, pfn, &info);
	stats->doubtful += info.doubtful;
	reason = info.class;
	count = NUM_MIN(1ULL << info.order, left);
	if (!(s->dropped_classes & 1U << reason) && (info.hwpoison || info.offline)) {
		reason = info.hwpoison ? PAGE_HWPOISON : PAGE_OFFLINE;
		count = NUM_MIN(1ULL << info.compound_order, left);
	}
	if (s->dropped_classes & 1U << reason) {
		stats->dropped[reason] += count;
		bitmap_clear_range(s->keep, pfn, pfn + count);
	} else if (info.compound_order && s->layout.hwpoison) {
		s->compound_end = pfn + count;
		s->compound_class = reason;
		count = 1;
	}
	stats->class_pages[reason] += count;
	return count;
}

/* Page frames [pfn, end) are in the input and their struct pages in `run`. */
static void scan_range(struct scanner *s, const struct memmap_run *run, uint64_t pfn, uint64_t end)
{
	while (pfn < end) {
		const uint64_t first = pfn;
		uint64_t vaddr = run->vaddr + (pfn - run->pfn) * s->layout.size;
		struct stretch stretch;
		uint64_t stop;

		if (!fetch(s, vaddr, &stretch)) {
			/* go on where the next page of struct pages begins */
			uint64_t next = num_align_up(vaddr + 1, s->img->page_size);
			uint64_t skip = num_div_up(next - vaddr, s->layout.size);

			pfn += NUM_MIN(skip, end - pfn);
			continue;
		}
		stop = pfn + NUM_MIN(stretch.count, end - pfn);
		while (pfn < stop)
			pfn += judge(s, stretch.pages + (pfn - first) * s->layout.size, pfn,
				     end - pfn);
		s->judged += pfn - first;
		if (s->options->progress)
			s->options->progress(s->options->progress_ctx, FILTER_SCAN, s->judged,
					     s->stats->pages);
	}
}

static void scan_all(struct scanner *s, const struct memmap *map, const struct ranges *pages)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct memmap_run *run = &map->runs[i];
		uint64_t run_end = run->pfn + run->count;
		const struct range *r = ranges_from(pages, run->pfn);

		for (; r && r < pages->v + pages->n && r->start < run_end; r++)
			scan_range(s, run, NUM_MAX(r->start, run->pfn), NUM_MIN(r->end, run_end));
	}
	/* without a readable struct page nothing is known, and what is not known is kept */
	s->stats->unknown = s->stats->pages - s->judged;
	s->stats->class_pages[PAGE_OTHER] += s->stats->unknown;
}

int scan_run(const struct image *img, const struct filter_options *options,
	     const struct ranges *pages, struct bitmap *keep, struct filter_stats *stats,
	     struct err *err)
{
	struct scanner s = {
		.img = img,
		.options = options,
		.dropped_classes = scan_dropped_classes(options->level),
		.keep = keep,
		.stats = stats,
	};
	struct memmap *map;
	int r;

	if ((r = page_layout_init(img, &s.layout, err)) ||
	    (r = memmap_create(img, pages, &map, err)))
		return r;
	view_init(&s.view);
	scan_all(&s, map, pages);
	view_deinit(img->src, &s.view);
	memmap_destroy(map);
	return 0;
}
