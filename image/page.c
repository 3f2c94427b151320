// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/page.h"

#include <inttypes.h>

#include "base/num.h"

/*
 * include/linux/page-flags.h: PAGE_MAPPING_FLAGS, the low bits of page.mapping. ANON alone or with
 * MOVABLE (then it is KSM) is a user's page; MOVABLE alone belongs to a driver (until 6.16).
 */
#define MAPPING_ANON  0x1ULL
#define MAPPING_FLAGS 0x3ULL
#define TAIL_BIT      0x1ULL /* page.compound_head, since 7.1 compound_info: bit 0 marks a tail */
/* Nobody has initialised the struct page: PAGE_POISON_PATTERN of kernels with CONFIG_DEBUG_VM. */
#define FLAGS_POISONED UINT64_MAX
_Static_assert(!(MAPPING_FLAGS & ~PAGE_MAPPING_BITS) && !(TAIL_BIT & ~PAGE_COMPOUND_BITS),
	       "page_same() looks at less than page_decode()");
/* _mapcount may be a little below -1 by mistake: PAGE_MAPCOUNT_RESERVE until 6.11. */
#define MAPCOUNT_RESERVE 127
/*
 * No compound page is larger than 16 GiB (MAX_FOLIO_ORDER of include/linux/mm.h, v6.18): one damaged
 * head must not take the rest of the memory with it.
 */
#define COMPOUND_BITS_MAX 34

const char *page_class_name(enum page_class class)
{
	static const char *const names[PAGE_CLASSES] = {
		[PAGE_OTHER] = "kernel and other",
		[PAGE_FREE] = "free",
		[PAGE_CACHE] = "page cache",
		[PAGE_CACHE_PRIVATE] = "page cache, private data",
		[PAGE_USER] = "user",
		[PAGE_HWPOISON] = "hardware poison",
		[PAGE_OFFLINE] = "offline",
		[PAGE_UNACCEPTED] = "unaccepted",
	};

	return names[class];
}

/* ---- layout */

/* OFFSET(key) of a field of `len` bytes inside struct page. */
static int member(const struct image *img, const char *key, size_t len, size_t page_size,
		  size_t *ret, struct err *err)
{
	uint64_t off;
	int r = image_need_offset(img, key, &off, err);

	if (r)
		return r;
	if (off > page_size - len)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO OFFSET(%s)=%" PRIu64
			       " is outside struct page (%zu bytes)",
			       key, off, page_size);
	*ret = (size_t)off;
	return 0;
}

static int need_members(const struct image *img, struct page_layout *l, struct err *err)
{
	bool found = false;
	uint64_t off;
	int r;

	if ((r = member(img, "page.flags", 8, l->size, &l->off_flags, err)) ||
	    (r = member(img, "page.mapping", 8, l->size, &l->off_mapping, err)) ||
	    (r = member(img, "page._mapcount", 4, l->size, &l->off_mapcount, err)) ||
	    (r = member(img, "page.private", 8, l->size, &l->off_private, err)))
		return r;
	/* renamed in 7.1; bit 0 means the same */
	r = vmcoreinfo_offset(img->info, "page.compound_info", &off, &found, err);
	if (r)
		return r;
	return member(img, found ? "page.compound_info" : "page.compound_head", 8, l->size,
		      &l->off_compound_head, err);
}

static int flag_bit(const struct image *img, const char *name, uint64_t *ret, struct err *err)
{
	bool found = false;
	int64_t bit = 0;
	int r = vmcoreinfo_number(img->info, name, &bit, &found, err);

	if (r)
		return r;
	if (found && (bit < 0 || bit > 63))
		return err_set(err, ERR_CORRUPT, "VMCOREINFO NUMBER(%s)=%" PRId64 " is no flag bit",
			       name, bit);
	*ret = found ? 1ULL << bit : PAGE_BIT_NONE;
	return 0;
}

static int need_flags(const struct image *img, struct page_layout *l, struct err *err)
{
	bool found = false;
	int64_t head = 0;
	int r;

	if ((r = flag_bit(img, "PG_lru", &l->lru, err)) ||
	    (r = flag_bit(img, "PG_private", &l->private, err)) ||
	    (r = flag_bit(img, "PG_swapcache", &l->swapcache, err)) ||
	    (r = flag_bit(img, "PG_swapbacked", &l->swapbacked, err)) ||
	    (r = flag_bit(img, "PG_hwpoison", &l->hwpoison, err)) ||
	    (r = flag_bit(img, "PG_slab", &l->slab, err)) ||
	    (r = flag_bit(img, "PG_hugetlb", &l->hugetlb, err)) ||
	    (r = vmcoreinfo_number(img->info, "PG_head_mask", &head, &found, err)))
		return r;
	l->head = (uint64_t)head;
	return 0;
}

static int page_type(const struct image *img, const char *name, bool *ret_has, uint32_t *ret,
		     struct err *err)
{
	int64_t v = 0;
	int r = vmcoreinfo_number(img->info, name, &v, ret_has, err);

	if (r || !*ret_has)
		return r;
	/* all page types are negative as an int, so that no _mapcount of a used page can be one */
	if (v < INT32_MIN || v > UINT32_MAX || !((uint64_t)v & 1ULL << 31))
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO NUMBER(%s)=%" PRId64 " is no page type", name, v);
	*ret = (uint32_t)v;
	return 0;
}

static int need_types(const struct image *img, struct page_layout *l, struct err *err)
{
	int r;

	if ((r = page_type(img, "PAGE_BUDDY_MAPCOUNT_VALUE", &l->has_buddy, &l->buddy, err)) ||
	    (r = page_type(img, "PAGE_OFFLINE_MAPCOUNT_VALUE", &l->has_offline, &l->offline,
			   err)) ||
	    (r = page_type(img, "PAGE_SLAB_MAPCOUNT_VALUE", &l->has_slab_type, &l->slab_type,
			   err)) ||
	    (r = page_type(img, "PAGE_HUGETLB_MAPCOUNT_VALUE", &l->has_hugetlb_type,
			   &l->hugetlb_type, err)) ||
	    (r = page_type(img, "PAGE_UNACCEPTED_MAPCOUNT_VALUE", &l->has_unaccepted,
			   &l->unaccepted, err)))
		return r;
	return 0;
}

/* The order and dtor bytes of page[1] of the 4.16–6.5 kernels, under either name. */
static int compound_bytes(const struct image *img, struct page_layout *l, struct err *err)
{
	bool has_order = false, has_dtor = false, has_value = false;
	uint64_t order = 0, dtor = 0, base = 0;
	int64_t value = 0;
	int r;

	if ((r = vmcoreinfo_offset(img->info, "folio._folio_order", &order, &has_order, err)) ||
	    (r = vmcoreinfo_offset(img->info, "folio._folio_dtor", &dtor, &has_dtor, err)))
		return r;
	if (has_order && has_dtor) {
		base = l->size; /* a folio's second struct page begins here */
	} else if ((r = vmcoreinfo_offset(img->info, "page.compound_order", &order, &has_order,
					  err)) ||
		   (r = vmcoreinfo_offset(img->info, "page.compound_dtor", &dtor, &has_dtor,
					  err))) {
		return r;
	}
	if (!has_order || !has_dtor)
		return 0;
	if (order < base || order - base >= l->size || dtor < base || dtor - base >= l->size)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO puts the compound order at %" PRIu64
			       " and its destructor at %" PRIu64 ", outside the second struct page",
			       order, dtor);
	r = vmcoreinfo_number(img->info, "HUGETLB_PAGE_DTOR", &value, &has_value, err);
	if (r)
		return r;
	l->compound = COMPOUND_BYTES;
	l->off_order = (size_t)(order - base);
	l->off_dtor = (size_t)(dtor - base);
	l->hugetlb_dtor = has_value ? (uint64_t)value : UINT64_MAX;
	return 0;
}

int page_layout_init(const struct image *img, struct page_layout *ret, struct err *err)
{
	struct page_layout l = {0};
	uint64_t size, max_order = 0;
	bool found = false;
	int r;

	if ((r = image_need_size(img, "page", &size, err)))
		return r;
	if (size < 32 || size > 512)
		return err_set(err, ERR_CORRUPT, "VMCOREINFO SIZE(page)=%" PRIu64, size);
	l.size = (size_t)size;
	if ((r = need_members(img, &l, err)) || (r = need_flags(img, &l, err)) ||
	    (r = need_types(img, &l, err)) ||
	    (r = vmcoreinfo_length(img->info, "zone.free_area", &max_order, &found, err)))
		return r;
	/* without the number of orders a free block's size cannot be checked: keep free pages */
	if (!found || !max_order || max_order > PAGE_ORDERS)
		l.has_buddy = l.has_unaccepted = false;
	l.max_order = (unsigned int)max_order;
	l.max_compound = COMPOUND_BITS_MAX - img->page_shift;

	if (l.has_hugetlb_type)
		l.compound = COMPOUND_FLAGS_TYPE;
	else if (l.hugetlb)
		l.compound = COMPOUND_FLAGS_PG_HUGETLB;
	else if ((r = compound_bytes(img, &l, err)))
		return r;
	l.judged_flags = l.lru | l.private | l.swapcache | l.swapbacked | l.hwpoison | l.slab |
			 l.head | l.hugetlb;
	*ret = l;
	return 0;
}

/* ---- one page */

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/*
 * Until 6.11 a page type is a whole value of _mapcount. Since 6.12 (commit 4ffca5a96678) it is the top
 * byte and the low 24 bits are the type's own; VMCOREINFO then gives a value whose low bits are 0.
 */
static bool is_type(uint32_t mapcount, bool has, uint32_t type)
{
	if (!has)
		return false;
	return type & 0xffffff ? mapcount == type : mapcount >> 24 == type >> 24;
}

/*
 * Does the page have a type at all, known or not? Types lie far below any number of mappings (page_has_type()
 * of include/linux/page-flags.h), and a page with one is the kernel's, or hugetlbfs's.
 */
static bool has_type(uint32_t mapcount)
{
	return mapcount >= 1U << 31 && mapcount < UINT32_MAX - MAPCOUNT_RESERVE;
}

static bool is_aligned(uint64_t pfn, unsigned int order)
{
	return !(pfn & ((1ULL << order) - 1));
}

/* Order of the compound page whose head this may be, as its second struct page has it. */
static unsigned int compound_order(const struct page_layout *l, const uint8_t *second)
{
	switch (l->compound) {
	case COMPOUND_BYTES:
		return second[l->off_order];
	case COMPOUND_FLAGS_PG_HUGETLB:
	case COMPOUND_FLAGS_TYPE:
		return get64(second + l->off_flags) & 0xff;
	case COMPOUND_UNKNOWN:
	default:
		return 0;
	}
}

static bool is_hugetlb(const struct page_layout *l, const uint8_t *second, uint32_t mapcount)
{
	switch (l->compound) {
	case COMPOUND_BYTES:
		return second[l->off_dtor] == l->hugetlb_dtor;
	case COMPOUND_FLAGS_PG_HUGETLB:
		return get64(second + l->off_flags) & l->hugetlb;
	case COMPOUND_FLAGS_TYPE:
		return is_type(mapcount, l->has_hugetlb_type, l->hugetlb_type);
	case COMPOUND_UNKNOWN:
	default:
		return false;
	}
}

/*
 * A head: its order and whether it is hugetlbfs's. What cannot be a head is doubtful.
 *
 * From 5.18 (commit e7d324850bfc) to 7.0 the struct pages of a hugetlb page may be one page that is mapped
 * again and again, so that each page of struct pages begins with a copy of the head. Such a fake head
 * (page_fixed_fake_head() of include/linux/page-flags.h) is a tail. It is the one head that can rightly
 * stand where its order does not fit.
 */
static bool decode_head(const struct page_layout *l, const uint8_t *second, uint64_t pfn,
			uint32_t mapcount, struct page_info *ret)
{
	unsigned int order = compound_order(l, second);
	bool has_tail = get64(second + l->off_compound_head) & TAIL_BIT;
	bool hugetlb = is_hugetlb(l, second, mapcount);

	ret->head = true;
	if (l->compound == COMPOUND_UNKNOWN)
		return false;
	/* the page behind a head is a tail, and a compound page has two pages at least */
	if (!order || order > l->max_compound || !has_tail) {
		ret->doubtful = true;
	} else if (is_aligned(pfn, order)) {
		ret->compound_order = order;
	} else {
		ret->tail = hugetlb;
		ret->head = !hugetlb;
		ret->doubtful = !hugetlb;
	}
	return hugetlb;
}

/* Does the mapping say that a user's anonymous memory, shared by KSM or not, is in the page? */
static bool is_anon(uint64_t mapping)
{
	/*
	 * A bit without a pointer is none: 6.0 to 6.14 mark DAX pages that files share with the value 1
	 * (PAGE_MAPPING_DAX_SHARED, gone with commit 38fcbc9b0226).
	 */
	return mapping & MAPPING_ANON && mapping & ~MAPPING_FLAGS;
}

/*
 * Class of a page that belongs to neither the buddy allocator nor slab, from flags and mapping. Where
 * the kernel does not say how to tell slab pages, their overlaid mapping (struct slab, since 6.2 commit
 * 130d4df57390) could pass for an anonymous one: then no page is taken for a user's.
 */
static enum page_class used_class(const struct page_layout *l, uint64_t flags, bool anon,
				  bool hugetlb)
{
	bool swap = (flags & l->swapbacked) && (flags & l->swapcache);

	if (anon)
		return l->slab || l->has_slab_type ? PAGE_USER : PAGE_OTHER;
	if ((flags & l->lru) || swap)
		return flags & l->private || !l->private ? PAGE_CACHE_PRIVATE : PAGE_CACHE;
	return hugetlb ? PAGE_USER : PAGE_OTHER;
}

/* A block of the page allocator, if it can be one. */
static void set_block(const struct page_layout *l, enum page_class class, uint64_t order,
		      uint64_t pfn, struct page_info *ret)
{
	if (order >= l->max_order || !is_aligned(pfn, (unsigned int)order)) {
		/* a compound head, too? Then nothing that it says of other pages counts */
		ret->doubtful = true;
		ret->order = ret->compound_order = 0;
		return;
	}
	ret->class = class;
	ret->order = (unsigned int)order;
}

void page_decode(const struct page_layout *l, const uint8_t *pages, uint64_t pfn,
		 struct page_info *ret)
{
	uint64_t flags = get64(pages + l->off_flags);
	uint32_t mapcount = get32(pages + l->off_mapcount);
	uint64_t private = get64(pages + l->off_private);
	const uint8_t *second = pages + l->size;
	bool hugetlb = false, slab;

	*ret = (struct page_info){.class = PAGE_OTHER};
	if (flags == FLAGS_POISONED)
		return;
	ret->hwpoison = flags & l->hwpoison;
	if (get64(pages + l->off_compound_head) & TAIL_BIT) {
		ret->tail = ret->plain = true;
		return;
	}
	ret->plain = !(flags & l->head);
	if (flags & l->head)
		hugetlb = decode_head(l, second, pfn, mapcount, ret);
	slab = (flags & l->slab) || is_type(mapcount, l->has_slab_type, l->slab_type);
	ret->order = ret->compound_order;
	ret->offline = !slab && !ret->tail && is_type(mapcount, l->has_offline, l->offline);
	if (ret->head && l->compound == COMPOUND_UNKNOWN)
		return; /* of a size that is not known */
	if (slab || ret->doubtful || ret->tail)
		return; /* a slab's mapping and _mapcount are slab's own (struct slab overlays them) */

	if (is_type(mapcount, l->has_buddy, l->buddy)) {
		ret->plain = false;
		set_block(l, PAGE_FREE, private, pfn, ret);
	} else if (is_type(mapcount, l->has_unaccepted, l->unaccepted)) {
		ret->plain = false;
		set_block(l, PAGE_UNACCEPTED, l->max_order - 1, pfn, ret);
	} else if (hugetlb || !has_type(mapcount)) {
		bool anon = is_anon(get64(pages + l->off_mapping));

		ret->class = used_class(l, flags, anon, hugetlb);
	}
}
