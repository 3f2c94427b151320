// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/scan.h"

#include "base/num.h"

/* A stretch of struct pages that is readable where it lies. */
struct stretch {
	const uint8_t *pages;
	uint64_t count; /* behind each of them one more struct page can be read */
};

/* What some page frames in a row have come to. */
struct verdict {
	enum page_class class; /* HWPOISON and OFFLINE where that is the reason to drop them */
	bool dropped;
	uint64_t count;
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

int scan_init(struct scan *scan, const struct image *img, const struct ranges *pages,
	      unsigned int level, struct err *err)
{
	struct scan s = {
		.img = img, .pages = pages, .dropped_classes = scan_dropped_classes(level)};
	int r;

	if ((r = page_layout_init(img, &s.layout, err)) ||
	    (r = memmap_create(img, pages, &s.map, err)))
		return r;
	/* chunks are scanned one by one: a block of the page allocator must lie in one of them */
	s.layout.max_order = NUM_MIN(s.layout.max_order, CHUNK_ORDER + 1);
	*scan = s;
	return 0;
}

void scan_deinit(struct scan *scan)
{
	memmap_destroy(scan->map);
}

int scan_begin(struct scanner *s, const struct scan *scan, struct err *err)
{
	*s = (struct scanner){.scan = scan};
	view_init(&s->view);
	s->bounce = malloc(2 * scan->layout.size);
	return s->bounce ? 0 : err_nomem(err, 2 * scan->layout.size, "two struct pages");
}

void scan_end(struct scanner *s)
{
	if (s->scan)
		view_deinit(s->scan->img->src, &s->view);
	free(s->bounce);
}

/* ---- where struct pages are */

/*
 * Two struct pages at the end of a mapping: page[1] of a compound head may lie in the next one.
 * Where there is no next one, zeros stand for it.
 */
static bool fetch_bounced(struct scanner *s, uint64_t vaddr, struct stretch *ret)
{
	const struct image *img = s->scan->img;
	size_t size = s->scan->layout.size;
	struct err ignored;

	if (image_read(img, vaddr, s->bounce, 2 * size, &ignored)) {
		memset(s->bounce, 0, 2 * size);
		if (image_read(img, vaddr, s->bounce, size, &ignored))
			return false;
	}
	*ret = (struct stretch){s->bounce, 1};
	return true;
}

/*
 * A page of page tables maps the struct pages of 32768 page frames or more, and free memory needs one look at
 * every 1024 of them: the last translation is worth keeping.
 */
static bool translate(struct scanner *s, uint64_t vaddr, uint64_t *ret_phys, uint64_t *ret_len)
{
	struct err ignored;

	if (vaddr < s->mapped_vaddr || vaddr - s->mapped_vaddr >= s->mapped_len) {
		s->mapped_len = 0;
		if (image_translate(s->scan->img, vaddr, &s->mapped_phys, &s->mapped_len, &ignored))
			return false;
		s->mapped_vaddr = vaddr;
	}
	*ret_phys = s->mapped_phys + (vaddr - s->mapped_vaddr);
	*ret_len = s->mapped_len - (vaddr - s->mapped_vaddr);
	return true;
}

/* Borrow the struct pages at `vaddr`; false if not even the first can be read. */
static bool fetch(struct scanner *s, uint64_t vaddr, struct stretch *ret)
{
	const struct image *img = s->scan->img;
	size_t size = s->scan->layout.size, len;
	const uint8_t *data;
	uint64_t phys, run;
	struct err ignored;

	if (!translate(s, vaddr, &phys, &run) ||
	    source_map(img->src, &s->view, phys, &data, &len, &ignored))
		return fetch_bounced(s, vaddr, ret);
	len = (size_t)NUM_MIN((uint64_t)len, run);
	if (len < 2 * size)
		return fetch_bounced(s, vaddr, ret);
	*ret = (struct stretch){data, len / size - 1};
	return true;
}

static uint64_t struct_page_at(const struct scanner *s, const struct memmap_run *run, uint64_t pfn)
{
	return run->vaddr + (pfn - run->pfn) * s->scan->layout.size;
}

/* The first run that ends behind `pfn`, or NULL. */
static const struct memmap_run *run_from(const struct memmap *map, uint64_t pfn)
{
	size_t lo = 0, hi = map->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->runs[mid].pfn + map->runs[mid].count > pfn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < map->n ? &map->runs[lo] : NULL;
}

/* ---- what they say */

/*
 * What one struct page says, in the context of its compound page. The pages behind a head that is kept
 * are looked at singly, because a poisoned one among them must not be read; whatever else they show (up
 * to 7.0 some of a hugetlb page's look like heads again), they are what their head is.
 */
static void look_at(struct scanner *s, const uint8_t *pages, uint64_t pfn, struct page_info *ret)
{
	page_decode(&s->scan->layout, pages, pfn, ret);
	if (pfn < s->compound_end)
		*ret = (struct page_info){
			.class = s->compound_class, .hwpoison = ret->hwpoison, .plain = ret->plain};
}

/* How many struct pages from the first on are the same in all that counts; at most `max`. */
static uint64_t count_same(const struct page_layout *l, const uint8_t *pages, uint64_t max)
{
	const size_t size = l->size;
	uint64_t n = 1;

	/* by fours: a branch for each costs as much as the look */
	for (const uint8_t *at = pages + size; n + 4 <= max; n += 4, at += 4 * size)
		if (!((unsigned int)page_same(l, pages, at) & page_same(l, pages, at + size) &
		      page_same(l, pages, at + 2 * size) & page_same(l, pages, at + 3 * size)))
			break;
	while (n < max && page_same(l, pages, pages + n * l->size))
		n++;
	return n;
}

/*
 * Judge the struct page of `pfn` and those that it speaks for. `readable` struct pages are there (and one
 * more), `left` page frames are of interest.
 */
static struct verdict judge(struct scanner *s, const uint8_t *pages, uint64_t pfn,
			    uint64_t readable, uint64_t left)
{
	const struct scan *scan = s->scan;
	struct page_info info;
	struct verdict v;

	look_at(s, pages, pfn, &info);
	s->stats.doubtful += info.doubtful;
	if (pfn >= s->compound_end)
		page_check_see(&s->check, &info);
	v = (struct verdict){.class = info.class, .count = 1ULL << info.order};
	v.dropped = scan->dropped_classes & 1U << info.class;
	if (!v.dropped && (info.hwpoison || info.offline)) {
		v.class = info.hwpoison ? PAGE_HWPOISON : PAGE_OFFLINE;
		v.count = 1ULL << info.compound_order;
		v.dropped = true;
	} else if (!v.dropped && info.order && scan->layout.hwpoison) {
		s->compound_end = pfn + v.count;
		s->compound_class = v.class;
		v.count = 1;
	}
	if (info.plain) {
		if (pfn < s->compound_end)
			readable = NUM_MIN(readable, s->compound_end - pfn);
		v.count = count_same(&scan->layout, pages, readable);
	}
	v.count = NUM_MIN(v.count, left);
	return v;
}

static void apply(struct scanner *s, uint64_t pfn, const struct verdict *v)
{
	uint64_t start = pfn - s->base, end = start + v->count;

	s->stats.class_pages[v->class] += v->count;
	if (v->dropped) {
		s->stats.dropped[v->class] += v->count;
		bitmap_clear_range(&s->keep, start, end);
	} else if (v->class == PAGE_OTHER) {
		bitmap_set_range(&s->early, start, end);
	}
}

/* Borrow the struct page of `pfn` and read it. */
static bool fetch_info(struct scanner *s, uint64_t pfn, struct stretch *st, struct page_info *ret)
{
	const struct memmap *map = s->scan->map;
	const struct memmap_run *run = run_from(map, pfn);

	if (!run || run->pfn > pfn || !fetch(s, struct_page_at(s, run, pfn), st))
		return false;
	page_decode(&s->scan->layout, st->pages, pfn, ret);
	return true;
}

/*
 * If page frame `pfn` is the tail of a compound page, its head lies before what is being scanned. It is
 * naturally aligned, so there are few places for it. Returns the page frames that it speaks for, at most
 * `left`; 0 if there is none, or if they are to be walked through.
 */
static uint64_t resume(struct scanner *s, uint64_t pfn, uint64_t left)
{
	struct page_info info;
	struct stretch st;
	struct verdict v;

	if (!fetch_info(s, pfn, &st, &info) || !info.tail)
		return 0;
	for (unsigned int order = 1; order <= s->scan->layout.max_compound; order++) {
		uint64_t head = pfn & ~((1ULL << order) - 1);

		if (head == pfn || !fetch_info(s, head, &st, &info) || info.tail ||
		    head + (1ULL << info.compound_order) <= pfn)
			continue;
		v = judge(s, st.pages, head, 1, UINT64_MAX);
		if (pfn < s->compound_end)
			return 0; /* kept, and walked through */
		v.count = NUM_MIN(head + v.count - pfn, left);
		apply(s, pfn, &v);
		return v.count;
	}
	return 0;
}

/* Page frames [pfn, end) are in the input and their struct pages in `run`. Returns those looked at. */
static uint64_t scan_range(struct scanner *s, const struct memmap_run *run, uint64_t pfn,
			   uint64_t end)
{
	size_t size = s->scan->layout.size;
	uint64_t judged;

	s->compound_end = 0;
	judged = resume(s, pfn, end - pfn);
	pfn += judged;
	while (pfn < end) {
		const uint64_t first = pfn, vaddr = struct_page_at(s, run, pfn);
		struct stretch st;
		uint64_t stop;

		if (!fetch(s, vaddr, &st)) {
			/* go on where the next page of struct pages begins */
			uint64_t next = num_align_up(vaddr + 1, s->scan->img->page_size);

			pfn += NUM_MIN(num_div_up(next - vaddr, size), end - pfn);
			continue;
		}
		stop = pfn + NUM_MIN(st.count, end - pfn);
		while (pfn < stop) {
			struct verdict v = judge(s, st.pages + (pfn - first) * size, pfn,
						 stop - pfn, end - pfn);

			apply(s, pfn, &v);
			pfn += v.count;
		}
		judged += pfn - first;
	}
	return judged;
}

void scan_chunk(struct scanner *s, uint64_t first, struct chunk_bits *bits)
{
	const struct memmap *map = s->scan->map;
	const struct ranges *pages = s->scan->pages;
	const struct range *r = ranges_from(pages, first);
	uint64_t chunk_end = first + CHUNK_PAGES, judged = 0, in_input = 0;

	s->base = first;
	s->keep = (struct bitmap){bits->keep, CHUNK_PAGES, CHUNK_WORDS};
	s->early = (struct bitmap){bits->early, CHUNK_PAGES, CHUNK_WORDS};
	for (; r && r < pages->v + pages->n && r->start < chunk_end; r++) {
		uint64_t start = NUM_MAX(r->start, first), end = NUM_MIN(r->end, chunk_end);
		const struct memmap_run *run = run_from(map, start);

		in_input += end - start;
		for (; run && run < map->runs + map->n && run->pfn < end; run++)
			judged += scan_range(s, run, NUM_MAX(start, run->pfn),
					     NUM_MIN(end, run->pfn + run->count));
	}
	/* without a readable struct page nothing is known, and what is not known is kept */
	s->stats.unknown += in_input - judged;
	s->stats.class_pages[PAGE_OTHER] += in_input - judged;
}
