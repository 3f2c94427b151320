// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/page.h"
#include "tests/unit/fake_image.h"

#define ANON    0x1ULL
#define MOVABLE 0x2ULL
#define KSM     0x3ULL
#define MAPPED  0xffff888012345600ULL /* an aligned pointer to a struct address_space */

/* A struct page and the one behind it, as a test describes them. */
struct two_pages {
	uint64_t flags, mapping, private;
	uint32_t mapcount;
	bool tail, compound, hugetlb;
	unsigned int order; /* of the compound page */
};

static void init(struct fake *f, const struct fake_layout *l)
{
	fake_init(f, 4 * MIB, 4);
	fake_ram(f, 0, f->size);
	fake_page_keys(f, l);
}

static void layout_of(struct fake *f, struct page_layout *ret)
{
	fake_open(f);
	assert_ok(page_layout_init(f->img, ret, err));
}

static struct page_info decode(const struct page_layout *layout, const struct fake_layout *l,
			       const struct two_pages *t, uint64_t pfn)
{
	struct page_info info;
	/* exactly two on the heap: the sanitizer sees who looks at a third */
	uint8_t *pages = calloc(2, FAKE_PAGE_STRUCT);

	assert_non_null(pages);
	bytes_put_le64(pages + OFF_FLAGS, t->flags | (t->compound ? FLAG(PG_HEAD) : 0));
	bytes_put_le64(pages + OFF_MAPPING, t->mapping);
	bytes_put_le64(pages + OFF_PRIVATE, t->private);
	bytes_put_le32(pages + OFF_MAPCOUNT, t->mapcount);
	bytes_put_le64(pages + OFF_COMPOUND, t->tail ? 0xffffea0000001001 : 0xffffea0000001008);
	if (t->compound)
		fake_compound(pages, l, t->order, t->hugetlb);
	page_decode(layout, pages, pfn, &info);
	free(pages);
	return info;
}

#define NOT_A_TYPE 0xffffffff

struct expectation {
	const char *what;
	struct two_pages pages;
	enum page_class class;
	unsigned int order;
};

/* What holds for every kernel; pages frames are 1024-aligned. */
static const struct expectation common[] = {
	{"kernel", {.mapcount = NOT_A_TYPE}, PAGE_OTHER, 0},
	{"reserved, mapped twice", {.flags = FLAG(14), .mapcount = 1}, PAGE_OTHER, 0},
	{"cache",
	 {.flags = FLAG(PG_LRU), .mapping = MAPPED, .mapcount = NOT_A_TYPE},
	 PAGE_CACHE,
	 0},
	{"mapped cache", {.flags = FLAG(PG_LRU), .mapping = MAPPED, .mapcount = 5}, PAGE_CACHE, 0},
	{"cache with buffers",
	 {.flags = FLAG(PG_LRU) | FLAG(PG_PRIVATE), .mapping = MAPPED, .mapcount = NOT_A_TYPE},
	 PAGE_CACHE_PRIVATE,
	 0},
	{"private but no cache",
	 {.flags = FLAG(PG_PRIVATE), .mapcount = NOT_A_TYPE},
	 PAGE_OTHER,
	 0},
	{"swap cache",
	 {.flags = FLAG(PG_SWAPBACKED) | FLAG(PG_SWAPCACHE), .mapping = MAPPED},
	 PAGE_CACHE,
	 0},
	{"swap cache with private",
	 {.flags = FLAG(PG_SWAPBACKED) | FLAG(PG_SWAPCACHE) | FLAG(PG_PRIVATE), .mapping = MAPPED},
	 PAGE_CACHE_PRIVATE,
	 0},
	{"PG_owner_priv_1 alone is no swap cache",
	 {.flags = FLAG(PG_SWAPCACHE), .mapping = MAPPED},
	 PAGE_OTHER,
	 0},
	{"tmpfs on no list", {.flags = FLAG(PG_SWAPBACKED), .mapping = MAPPED}, PAGE_OTHER, 0},
	{"anonymous",
	 {.flags = FLAG(PG_LRU), .mapping = MAPPED | ANON, .mapcount = 0},
	 PAGE_USER,
	 0},
	{"anonymous in the swap cache",
	 {.flags = FLAG(PG_SWAPBACKED) | FLAG(PG_SWAPCACHE), .mapping = MAPPED | ANON},
	 PAGE_USER,
	 0},
	{"anonymous with waiters: bit 7 is not slab",
	 {.flags = FLAG(PG_WAITERS), .mapping = MAPPED | ANON},
	 PAGE_USER,
	 0},
	{"KSM", {.mapping = MAPPED | KSM, .mapcount = 3}, PAGE_USER, 0},
	{"movable (balloon, zsmalloc)",
	 {.mapping = MAPPED | MOVABLE, .mapcount = NOT_A_TYPE},
	 PAGE_OTHER,
	 0},
	/* once dropped as anonymous: 6.0 to 6.14, PAGE_MAPPING_DAX_SHARED */
	{"DAX page that files share", {.mapping = ANON, .mapcount = 0}, PAGE_OTHER, 0},
	{"KSM without its node", {.mapping = KSM, .mapcount = 0}, PAGE_OTHER, 0},
	{"DAX page of one file", {.flags = FLAG(10), .mapping = MAPPED}, PAGE_OTHER, 0},
	/* ZONE_DEVICE private: a user's page, in whose place it stands (struct page, "ZONE_DEVICE pages") */
	{"device's copy of anonymous memory", {.mapping = MAPPED | ANON}, PAGE_USER, 0},
	/* dma_addr and pp_ref_count lie over index and private (c07aea3ef4d4, 5.14) */
	{"page pool", {.private = 1, .mapcount = NOT_A_TYPE}, PAGE_OTHER, 0},
	{"tail", {.mapping = MAPPED | ANON, .tail = true}, PAGE_OTHER, 0},
	{"THP",
	 {.mapping = MAPPED | ANON, .compound = true, .order = 9, .mapcount = NOT_A_TYPE},
	 PAGE_USER,
	 9},
	{"large folio",
	 {.flags = FLAG(PG_LRU), .mapping = MAPPED, .compound = true, .order = 4, .mapcount = 7},
	 PAGE_CACHE,
	 4},
	{"compound kernel page",
	 {.compound = true, .order = 3, .mapcount = NOT_A_TYPE},
	 PAGE_OTHER,
	 3},
	{"hugetlb",
	 {.compound = true, .order = 9, .hugetlb = true, .mapcount = NOT_A_TYPE},
	 PAGE_USER,
	 9},
	{"hugetlb with a mapping",
	 {.mapping = MAPPED, .compound = true, .order = 9, .hugetlb = true, .mapcount = NOT_A_TYPE},
	 PAGE_USER,
	 9},
};

TEST(every_kernel)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		const struct fake_layout *l = &fake_layouts[i];
		struct page_layout layout;
		struct fake f;

		init(&f, l);
		layout_of(&f, &layout);
		for (size_t k = 0; k < ARRAY_SIZE(common); k++) {
			const struct expectation *e = &common[k];
			struct page_info info = decode(&layout, l, &e->pages, 1024);

			if (info.class != e->class || info.order != e->order)
				fail_msg("layout %zu, %s: %s of order %u", i, e->what,
					 page_class_name(info.class), info.order);
			assert_false(info.hwpoison || info.offline || info.doubtful);
			assert_int_equal(info.tail, e->pages.tail);
			assert_int_equal(info.head, e->pages.compound);
			assert_int_equal(info.compound_order,
					 e->pages.compound ? e->pages.order : 0);
		}
		fake_deinit(&f);
	}
}

/* Buddy, offline, slab and unaccepted: told by _mapcount, whose values the layouts give. */
TEST(page_types_of_every_kernel)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		const struct fake_layout *l = &fake_layouts[i];
		struct two_pages slab = {.mapping = MAPPED | ANON, .mapcount = l->slab};
		struct page_layout layout;
		struct page_info info;
		struct fake f;

		init(&f, l);
		layout_of(&f, &layout);
		for (unsigned int order = 0; order < 11; order++) {
			struct two_pages buddy = {.private = order, .mapcount = l->buddy};

			info = decode(&layout, l, &buddy, 5 << order);
			assert_int_equal(info.class, PAGE_FREE);
			assert_int_equal(info.order, order);
			assert_false(info.doubtful);
		}
		info = decode(&layout, l, &(struct two_pages){.mapcount = l->offline}, 1);
		assert_true(info.offline);
		assert_int_equal(info.class, PAGE_OTHER);
		if (!l->slab)
			slab.flags = FLAG(PG_SLAB);
		/* struct slab lies over mapping: what looks anonymous is not (makedumpfile 5f17bdd) */
		info = decode(&layout, l, &slab, 1);
		assert_int_equal(info.class, PAGE_OTHER);
		slab = (struct two_pages){.flags = slab.flags | FLAG(PG_LRU) | FLAG(PG_HWPOISON),
					  .mapcount = slab.mapcount};
		info = decode(&layout, l, &slab, 1);
		assert_int_equal(info.class, PAGE_OTHER);
		assert_true(info.hwpoison);
		if (l->unaccepted) {
			info = decode(&layout, l, &(struct two_pages){.mapcount = l->unaccepted},
				      3 << 10);
			assert_int_equal(info.class, PAGE_UNACCEPTED);
			assert_int_equal(info.order, 10);
			/* once a block of 2^10 wherever it began */
			info = decode(&layout, l, &(struct two_pages){.mapcount = l->unaccepted},
				      (3 << 10) + 1);
			assert_int_equal(info.class, PAGE_OTHER);
			assert_true(info.doubtful);
		}
		fake_deinit(&f);
	}
}

/* Since 6.12 the type is the top byte and the rest belongs to it; before, the whole word. */
TEST(type_in_the_top_byte)
{
	const struct fake_layout *l = &fake_layouts[FAKE_6_12];
	struct page_layout layout;
	struct page_info info;
	struct fake f;

	init(&f, l);
	layout_of(&f, &layout);
	info = decode(&layout, l, &(struct two_pages){.mapcount = 0xf0123456, .private = 2}, 4);
	assert_int_equal(info.class, PAGE_FREE);
	info = decode(&layout, l, &(struct two_pages){.mapcount = 0xf1000001}, 4);
	assert_true(info.offline);
	/*
	 * The other types: page table, guard, zsmalloc, large_kmalloc (6.15), netpp (7.1), those to come.
	 * A hugetlb type without a head is nobody's.
	 */
	for (uint32_t type = 0xf2; type <= 0xff; type++) {
		if (type == l->unaccepted >> 24)
			continue;
		info = decode(&layout, l, &(struct two_pages){.mapcount = type << 24}, 4);
		assert_int_equal(info.class, PAGE_OTHER);
		/* what a type that is not known here has in its mapping: once taken for anonymous */
		info = decode(&layout, l,
			      &(struct two_pages){.flags = FLAG(PG_LRU),
						  .mapping = MAPPED | ANON,
						  .mapcount = type << 24 | 0xabcdef},
			      4);
		assert_int_equal(info.class, PAGE_OTHER);
		assert_false(info.offline);
	}
	fake_deinit(&f);

	l = &fake_layouts[FAKE_6_1];
	init(&f, l);
	layout_of(&f, &layout);
	for (uint32_t v = 0xffffff70; v; v++) {
		info = decode(&layout, l, &(struct two_pages){.mapcount = v}, 4);
		assert_int_equal(info.class, v == 0xffffff7f ? PAGE_FREE : PAGE_OTHER);
	}
	/* -128 and above are numbers of mappings (PAGE_MAPCOUNT_RESERVE), the guard type is below */
	for (uint32_t v = 0xfffffb00; v; v++) {
		info = decode(&layout, l,
			      &(struct two_pages){.mapping = MAPPED | ANON, .mapcount = v}, 4);
		assert_int_equal(info.class, v == 0xffffff7f  ? PAGE_FREE
					     : v < 0xffffff80 ? PAGE_OTHER
							      : PAGE_USER);
	}
	fake_deinit(&f);
}

TEST(hwpoison_and_offline_have_the_order_of_their_compound_page)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		const struct fake_layout *l = &fake_layouts[i];
		struct two_pages t = {.flags = FLAG(PG_HWPOISON),
				      .mapping = MAPPED,
				      .compound = true,
				      .order = 5,
				      .mapcount = l->offline};
		struct page_layout layout;
		struct page_info info;
		struct fake f;

		init(&f, l);
		layout_of(&f, &layout);
		info = decode(&layout, l, &t, 32);
		assert_true(info.hwpoison);
		assert_true(info.offline);
		assert_int_equal(info.compound_order, 5);
		t = (struct two_pages){.flags = FLAG(PG_HWPOISON) | FLAG(PG_LRU),
				       .mapping = MAPPED};
		info = decode(&layout, l, &t, 33);
		assert_true(info.hwpoison);
		assert_int_equal(info.class, PAGE_CACHE); /* hwpoison is told apart */
		/* a poisoned tail: reading it may raise a machine check, whatever its head is */
		t.tail = true;
		info = decode(&layout, l, &t, 33);
		assert_true(info.tail);
		assert_true(info.hwpoison);
		fake_deinit(&f);
	}
}

/* What cannot be is kept, one page at a time (page.h: PAGE_OTHER and doubtful). */
static void assert_doubtful(const struct page_layout *layout, const struct fake_layout *l,
			    const struct two_pages *t, uint64_t pfn)
{
	struct page_info info = decode(layout, l, t, pfn);

	assert_true(info.doubtful);
	assert_int_equal(info.class, PAGE_OTHER);
	assert_int_equal(info.order, 0);
	assert_int_equal(info.compound_order, 0);
}

TEST(impossible_orders)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		const struct fake_layout *l = &fake_layouts[i];
		struct page_layout layout;
		struct fake f;

		init(&f, l);
		layout_of(&f, &layout);
		for (unsigned int order = 1; order < 256; order++) {
			/* once PAGE_USER of order 0, and so dropped by level 8 */
			struct two_pages thp = {
				.mapping = MAPPED | ANON, .compound = true, .order = order};
			struct page_info info;

			assert_doubtful(&layout, l, &thp, 1); /* misaligned */
			thp.hugetlb = true;
			/* pfn 0 suits every order: 16 GiB is the largest that there is */
			info = decode(&layout, l, &thp, 0);
			assert_int_equal(info.order, order <= 22 ? order : 0);
			assert_int_equal(info.doubtful, order > 22);
			assert_int_equal(info.class, order > 22 ? PAGE_OTHER : PAGE_USER);
		}
		for (unsigned int shift = 0; shift < 64; shift++) {
			struct two_pages buddy = {.mapcount = l->buddy, .private = 1ULL << shift};

			if (1ULL << shift >= 11)
				assert_doubtful(&layout, l, &buddy, 0);
		}
		assert_doubtful(&layout, l,
				&(struct two_pages){.mapcount = l->buddy, .private = 11}, 0);
		assert_doubtful(&layout, l, &(struct two_pages){.mapcount = l->buddy, .private = 3},
				4);
		/* a head that says it is a free block, of no order: it once kept the head's */
		assert_doubtful(
			&layout, l,
			&(struct two_pages){
				.mapcount = l->buddy, .private = 99, .compound = true, .order = 3},
			8);
		fake_deinit(&f);
	}
}

/*
 * From 5.18 (e7d324850bfc) to 7.0 copies of the head stand at each 64th struct page of a hugetlb page
 * whose struct pages were optimised away. Once they were doubtful, which tells of damage.
 */
TEST(fake_heads_are_tails)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		const struct fake_layout *l = &fake_layouts[i];
		struct two_pages t = {.flags = FLAG(PG_HWPOISON),
				      .mapping = MAPPED | ANON,
				      .mapcount = NOT_A_TYPE,
				      .compound = true,
				      .hugetlb = true,
				      .order = 18};
		struct page_layout layout;
		struct fake f;

		init(&f, l);
		layout_of(&f, &layout);
		for (uint64_t pfn = 1 << 18; pfn <= 2 << 18; pfn += 64) {
			struct page_info info = decode(&layout, l, &t, pfn);
			bool head = !(pfn % (1 << 18));

			assert_false(info.doubtful);
			assert_int_equal(info.tail, !head);
			assert_int_equal(info.class, head ? PAGE_USER : PAGE_OTHER);
			assert_int_equal(info.order, head ? 18 : 0);
			/* of the whole page: the kernel marks the head (hugetlb_set_page_hwpoison) */
			assert_true(info.hwpoison);
		}
		t.hugetlb = false;
		assert_true(decode(&layout, l, &t, 64).doubtful);
		fake_deinit(&f);
	}
}

/*
 * Kernels with CONFIG_DEBUG_VM fill the struct pages of memory that is not online with ones
 * (page_init_poison, f682a97a0059). Once all of it was taken for poisoned hardware and left out.
 */
TEST(struct_pages_that_nobody_initialised)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		uint8_t pages[2 * FAKE_PAGE_STRUCT];
		struct page_layout layout;
		struct page_info info;
		struct fake f;

		init(&f, &fake_layouts[i]);
		layout_of(&f, &layout);
		memset(pages, 0xff, sizeof(pages));
		page_decode(&layout, pages, 64, &info);
		assert_int_equal(info.class, PAGE_OTHER);
		assert_int_equal(info.order, 0);
		assert_false(info.hwpoison || info.offline || info.tail || info.doubtful);
		fake_deinit(&f);
	}
}

/* A compound page has two pages at least: once a head without an order was believed to be one page. */
TEST(head_without_order)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		const struct fake_layout *l = &fake_layouts[i];
		struct page_layout layout;
		struct fake f;

		init(&f, l);
		layout_of(&f, &layout);
		assert_doubtful(&layout, l,
				&(struct two_pages){.mapping = MAPPED | ANON, .compound = true},
				512);
		fake_deinit(&f);
	}
}

/* A head with nothing like a tail behind it: once its order was believed. */
TEST(head_without_tail)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		uint8_t pages[2 * FAKE_PAGE_STRUCT] = {0};
		struct page_layout layout;
		struct page_info info;
		struct fake f;

		init(&f, &fake_layouts[i]);
		layout_of(&f, &layout);
		bytes_put_le64(pages + OFF_FLAGS, FLAG(PG_HEAD));
		bytes_put_le64(pages + OFF_MAPPING, MAPPED | ANON);
		fake_compound(pages, &fake_layouts[i], 9, false);
		bytes_put_le64(pages + FAKE_PAGE_STRUCT + OFF_COMPOUND, 0);
		page_decode(&layout, pages, 512, &info);
		assert_true(info.doubtful);
		assert_int_equal(info.class, PAGE_OTHER);
		fake_deinit(&f);
	}
}

/* Decode `t` by a layout that lacks `key`: such pages are kept. */
static void check_without(enum fake_kernel kernel, const char *key, const struct two_pages *t,
			  uint64_t pfn, enum page_class with, enum page_class without)
{
	const struct fake_layout *l = &fake_layouts[kernel];
	struct page_layout layout;
	struct fake f;

	init(&f, l);
	layout_of(&f, &layout);
	assert_int_equal(decode(&layout, l, t, pfn).class, with);
	fake_unset(&f, key);
	layout_of(&f, &layout);
	assert_int_equal(decode(&layout, l, t, pfn).class, without);
	fake_deinit(&f);
}

TEST(absent_keys_keep)
{
	const struct two_pages buddy = {.mapcount = -129};
	const struct two_pages unaccepted = {.mapcount = 0xf7000000};
	const struct two_pages cache = {.flags = FLAG(PG_LRU), .mapping = MAPPED};
	const struct two_pages swap = {.flags = FLAG(PG_SWAPBACKED) | FLAG(PG_SWAPCACHE)};
	const struct two_pages anon = {.mapping = MAPPED | ANON};
	const struct two_pages thp = {.mapping = MAPPED | ANON, .compound = true, .order = 9};
	const struct two_pages huge = {.compound = true, .order = 9, .hugetlb = true};

	check_without(FAKE_6_1, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", &buddy, 0, PAGE_FREE,
		      PAGE_OTHER);
	check_without(FAKE_6_1, "LENGTH(zone.free_area)", &buddy, 0, PAGE_FREE, PAGE_OTHER);
	check_without(FAKE_6_12, "LENGTH(zone.free_area)", &unaccepted, 0, PAGE_UNACCEPTED,
		      PAGE_OTHER);
	check_without(FAKE_6_12, "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)", &unaccepted, 0,
		      PAGE_UNACCEPTED, PAGE_OTHER);
	check_without(FAKE_6_1, "NUMBER(PG_lru)", &cache, 0, PAGE_CACHE, PAGE_OTHER);
	/* whether it has private data is not known: only the stronger bit drops it */
	check_without(FAKE_6_1, "NUMBER(PG_private)", &cache, 0, PAGE_CACHE, PAGE_CACHE_PRIVATE);
	check_without(FAKE_6_1, "NUMBER(PG_swapcache)", &swap, 0, PAGE_CACHE, PAGE_OTHER);
	check_without(FAKE_6_1, "NUMBER(PG_swapbacked)", &swap, 0, PAGE_CACHE, PAGE_OTHER);
	/* without a way to tell slab, what looks anonymous may be slab */
	check_without(FAKE_6_1, "NUMBER(PG_slab)", &anon, 0, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_12, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)", &anon, 0, PAGE_USER,
		      PAGE_OTHER);
	check_without(FAKE_6_1, "NUMBER(HUGETLB_PAGE_DTOR)", &huge, 512, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_1, "OFFSET(page.compound_dtor)", &huge, 512, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_4, "OFFSET(folio._folio_order)", &huge, 512, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_6, "NUMBER(PG_hugetlb)", &huge, 512, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_9, "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)", &huge, 512, PAGE_USER,
		      PAGE_OTHER);
	check_without(FAKE_6_1, "NUMBER(PG_head_mask)", &huge, 512, PAGE_USER, PAGE_OTHER);
	/* a head of unknown size: once it was a page of its own, by its own mapping */
	check_without(FAKE_6_1, "OFFSET(page.compound_order)", &thp, 512, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_4, "OFFSET(folio._folio_order)", &thp, 512, PAGE_USER, PAGE_OTHER);
	check_without(FAKE_6_6, "NUMBER(PG_hugetlb)", &thp, 512, PAGE_USER, PAGE_OTHER);
}

TEST(absent_hwpoison_and_offline)
{
	const struct fake_layout *l = &fake_layouts[FAKE_6_1];
	const struct two_pages t = {.flags = FLAG(PG_HWPOISON), .mapcount = -257};
	struct page_layout layout;
	struct page_info info;
	struct fake f;

	init(&f, l);
	fake_unset(&f, "NUMBER(PG_hwpoison)");
	fake_unset(&f, "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)");
	layout_of(&f, &layout);
	info = decode(&layout, l, &t, 1);
	assert_false(info.hwpoison || info.offline);
	fake_deinit(&f);
}

static void check_key(const char *key, const char *value, int code, const char *part)
{
	struct page_layout layout;
	struct fake f;

	init(&f, &fake_layouts[FAKE_6_1]);
	fake_unset(&f, key);
	if (value)
		fake_set(&f, key, "%s", value);
	fake_open(&f);
	assert_fails(page_layout_init(f.img, &layout, err), code, part);
	fake_deinit(&f);
}

TEST(bad_keys_are_named)
{
	check_key("SIZE(page)", NULL, ERR_NOT_FOUND, "SIZE(page)");
	check_key("SIZE(page)", "0", ERR_CORRUPT, "SIZE(page)=0");
	check_key("SIZE(page)", "1024", ERR_CORRUPT, "SIZE(page)=1024");
	check_key("OFFSET(page.flags)", NULL, ERR_NOT_FOUND, "OFFSET(page.flags)");
	check_key("OFFSET(page.flags)", "57", ERR_CORRUPT, "OFFSET(page.flags)=57");
	check_key("OFFSET(page.mapping)", "18446744073709551612", ERR_CORRUPT,
		  "page.mapping)=1844");
	check_key("OFFSET(page._mapcount)", "61", ERR_CORRUPT, "OFFSET(page._mapcount)=61");
	check_key("OFFSET(page.private)", NULL, ERR_NOT_FOUND, "OFFSET(page.private)");
	check_key("OFFSET(page.compound_head)", NULL, ERR_NOT_FOUND, "OFFSET(page.compound_head)");
	check_key("NUMBER(PG_lru)", "64", ERR_CORRUPT, "NUMBER(PG_lru)=64");
	check_key("NUMBER(PG_slab)", "-1", ERR_CORRUPT, "NUMBER(PG_slab)=-1");
	check_key("OFFSET(page.compound_order)", "64", ERR_CORRUPT, "compound order at 64");
	check_key("OFFSET(page.compound_dtor)", "64", ERR_CORRUPT, "destructor at 64");
	/* once taken: with a type of 0 every mapped page of 6.12 was a free one */
	check_key("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", "0", ERR_CORRUPT, "BUDDY_MAPCOUNT_VALUE)=0");
	check_key("NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)", "2147483647", ERR_CORRUPT, "=2147483647");
	check_key("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", "4294967296", ERR_CORRUPT, "=4294967296");
	check_key("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", "-2147483649", ERR_CORRUPT, "=-2147483649");
}

/* A folio's fields lie in its second struct page, so offsets below it cannot be. */
TEST(folio_offsets)
{
	struct page_layout layout;
	struct fake f;

	for (unsigned int off = 0; off < 256; off++) {
		init(&f, &fake_layouts[FAKE_6_4]);
		fake_set(&f, "OFFSET(folio._folio_order)", "%u", off);
		fake_open(&f);
		if (off >= 64 && off < 128)
			layout_of(&f, &layout);
		else
			assert_fails(page_layout_init(f.img, &layout, err), ERR_CORRUPT,
				     "outside the second struct page");
		fake_deinit(&f);
	}
}

/*
 * With LENGTH(zone.free_area)=0 the order of an unaccepted block was -1: a shift by 2^32 - 1, and all
 * memory behind the page was dropped.
 */
TEST(no_orders_at_all)
{
	const struct fake_layout *l = &fake_layouts[FAKE_6_12];
	static const char *const lengths[] = {"0", "49", "18446744073709551615"};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct page_layout layout;
		struct page_info info;
		struct fake f;

		init(&f, l);
		fake_set(&f, "LENGTH(zone.free_area)", "%s", lengths[i]);
		layout_of(&f, &layout);
		info = decode(&layout, l, &(struct two_pages){.mapcount = l->unaccepted}, 0);
		assert_int_equal(info.class, PAGE_OTHER);
		assert_int_equal(info.order, 0);
		assert_false(info.doubtful);
		info = decode(&layout, l, &(struct two_pages){.mapcount = l->buddy}, 0);
		assert_int_equal(info.class, PAGE_OTHER);
		fake_deinit(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kernel),
		cmocka_unit_test(page_types_of_every_kernel),
		cmocka_unit_test(type_in_the_top_byte),
		cmocka_unit_test(hwpoison_and_offline_have_the_order_of_their_compound_page),
		cmocka_unit_test(impossible_orders),
		cmocka_unit_test(fake_heads_are_tails),
		cmocka_unit_test(struct_pages_that_nobody_initialised),
		cmocka_unit_test(head_without_order),
		cmocka_unit_test(head_without_tail),
		cmocka_unit_test(absent_keys_keep),
		cmocka_unit_test(absent_hwpoison_and_offline),
		cmocka_unit_test(bad_keys_are_named),
		cmocka_unit_test(folio_offsets),
		cmocka_unit_test(no_orders_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
