/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct page as one kernel lays it out, and what one of them says.
 *
 * The layout is decided by the keys that VMCOREINFO has, never by a version. A key that is absent
 * switches the rules off that need it: such pages count as PAGE_OTHER and are kept.
 */
#ifndef IMAGE_PAGE_H
#define IMAGE_PAGE_H

#include "image/image.h"

/* What a page frame is used for, as far as its struct page tells. Order: statistics print it. */
enum page_class {
	PAGE_OTHER,         /* kernel, slab, page tables, reserved … and everything unknown */
	PAGE_FREE,          /* in the buddy allocator */
	PAGE_CACHE,         /* page cache without private data */
	PAGE_CACHE_PRIVATE, /* page cache with private data (buffer heads) */
	PAGE_USER,          /* anonymous memory and hugetlbfs */
	PAGE_HWPOISON,      /* must not be read: doing so may raise a machine check */
	PAGE_OFFLINE,       /* logically offline (balloon, virtio-mem): the hypervisor may own it */
	PAGE_UNACCEPTED,    /* not accepted from the hypervisor yet (TDX, SEV-SNP) */
	PAGE_CLASSES
};

const char *page_class_name(enum page_class class);

/* How the order and kind of a compound page are found; by the keys that are there. */
enum compound_form {
	COMPOUND_UNKNOWN,          /* every head is a page of its own, PAGE_OTHER */
	COMPOUND_BYTES,            /* bytes in page[1]: compound_order, compound_dtor (4.16–6.2),
			     folio._folio_order, _folio_dtor (6.3–6.5) */
	COMPOUND_FLAGS_PG_HUGETLB, /* page[1].flags low byte, hugetlb = a flag of page[1] (6.6–6.8) */
	COMPOUND_FLAGS_TYPE, /* page[1].flags low byte, hugetlb = page type of the head (6.9+) */
};

#define PAGE_ORDERS   48 /* no allocator hands out 2^48 pages; a bound for shifts */
#define PAGE_BIT_NONE 0  /* a mask of no bits: the kernel did not name this flag */

struct page_layout {
	size_t size; /* of struct page, bytes */
	size_t off_flags, off_mapping, off_mapcount, off_private, off_compound_head;
	/* page flags as masks; PAGE_BIT_NONE if unknown */
	uint64_t lru, private, swapcache, swapbacked, hwpoison, slab, head, hugetlb;
	/* values of _mapcount that are page types; `has_` says whether the kernel names them */
	bool has_buddy, has_offline, has_slab_type, has_hugetlb_type, has_unaccepted;
	uint32_t buddy, offline, slab_type, hugetlb_type, unaccepted;
	enum compound_form compound;
	size_t off_order, off_dtor; /* in page[1], form COMPOUND_BYTES */
	uint64_t hugetlb_dtor;
	unsigned int max_order;    /* LENGTH(zone.free_area): free blocks have orders below this */
	unsigned int max_compound; /* no compound page has a higher order than this */
	uint64_t judged_flags;     /* all flags that page_decode() looks at */
};

/* Read the layout; ERR_NOT_FOUND or ERR_CORRUPT name the key that is missing or makes no sense. */
int page_layout_init(const struct image *img, struct page_layout *ret,
		     struct err *err) _must_check_;

/* What one struct page says about the page frames from its own on. */
struct page_info {
	enum page_class class; /* what it is used for: never HWPOISON or OFFLINE */
	unsigned int order;    /* 2^order page frames share the class */
	bool hwpoison;
	bool offline;
	unsigned int compound_order; /* for hwpoison and offline; 0 for a single page */
	bool head;                   /* of a compound page; if doubtful, it has the mark of one */
	bool tail; /* of a compound page: its head has spoken for it, but for its own hwpoison */
	bool doubtful; /* an order that cannot be, a head without tail: taken for a single page */
	bool plain;    /* one that is page_same() to it says the same of itself */
};

/*
 * Read struct page `pages[0]` of page frame `pfn`. `pages` holds 2 * layout->size bytes: the order of
 * a compound page is in the second one. Pure, no errors: what cannot be is PAGE_OTHER and doubtful.
 */
void page_decode(const struct page_layout *layout, const uint8_t *pages, uint64_t pfn,
		 struct page_info *ret);

/* ---- many pages alike: the hot loop of the scan */

#define PAGE_MAPPING_BITS  0x3ULL /* of page.mapping; the others only matter as being there or not */
#define PAGE_COMPOUND_BITS 0x1ULL /* of page.compound_head */

/* Two little-endian fields of struct pages, as far as `mask` goes: 0 if they are equal. */
static inline uint64_t page_differ(const uint8_t *a, const uint8_t *b, size_t off, uint64_t mask)
{
	uint64_t x, y;

	memcpy(&x, a + off, sizeof(x));
	memcpy(&y, b + off, sizeof(y));
	return (x ^ y) & htole64(mask);
}

/* Do two struct pages agree in all that page_decode() looks at in a plain one? */
static inline bool page_same(const struct page_layout *l, const uint8_t *a, const uint8_t *b)
{
	uint64_t m, n;
	uint32_t x, y;

	memcpy(&x, a + l->off_mapcount, sizeof(x));
	memcpy(&y, b + l->off_mapcount, sizeof(y));
	memcpy(&m, a + l->off_mapping, sizeof(m));
	memcpy(&n, b + l->off_mapping, sizeof(n));
	m = le64toh(m);
	n = le64toh(n);
	return !(page_differ(a, b, l->off_flags, l->judged_flags) | (x ^ y) |
		 ((m ^ n) & PAGE_MAPPING_BITS) |
		 ((m > PAGE_MAPPING_BITS) ^ (n > PAGE_MAPPING_BITS)) |
		 page_differ(a, b, l->off_compound_head, PAGE_COMPOUND_BITS));
}

#endif
