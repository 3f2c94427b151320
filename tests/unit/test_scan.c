// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/num.h"
#include "filter/keep.h"
#include "tests/unit/fake_machine.h"

struct scanned {
	struct ranges frames;
	struct bitmap keep;
	struct filter_stats stats;
};

/* All that is kept, as one bitmap. */
static void collect(const struct keep *keep, struct bitmap *ret)
{
	struct keep_reader reader;
	struct keep_walk walk = {.reader = &reader};
	struct keep_run run;
	uint64_t rank = 0, end = 0;

	assert_ok(keep_reader_init(&reader, keep, err));
	for (;;) {
		assert_ok(keep_walk_next(&walk, &run, err));
		if (!run.count)
			break;
		assert_true(!rank || run.pfn > end); /* runs are as long as they can be */
		bitmap_set_range(ret, run.pfn, run.pfn + run.count);
		rank += run.count;
		end = run.pfn + run.count;
	}
	assert_int_equal(rank, keep->n_kept);
	keep_reader_deinit(&reader);
}

static int scan_with(struct machine *m, const struct filter_options *options, struct scanned *s,
		     struct err *err)
{
	struct keep *keep;
	int r;

	*s = (struct scanned){0};
	if ((r = fake_try_open(&m->f, err)) ||
	    (r = image_page_frames(m->f.img, &m->f.src.present, &s->frames, err)) ||
	    (r = keep_create(m->f.img, options, &s->frames, &keep, &s->stats, err)))
		return r;
	r = bitmap_init(&s->keep, num_align_up(s->frames.v[s->frames.n - 1].end, 64), err);
	if (!r)
		collect(keep, &s->keep);
	keep_destroy(keep);
	return r;
}

static int scan(struct machine *m, unsigned int level, struct scanned *s, struct err *err)
{
	const struct filter_options options = {.level = level, .threads = 1 + level % 3};

	return scan_with(m, &options, s, err);
}

static void scanned_deinit(struct scanned *s)
{
	bitmap_deinit(&s->keep);
	ranges_deinit(&s->frames);
}

static bool kept(const struct scanned *s, uint64_t pfn)
{
	return s->keep.words[pfn / 64] >> (pfn % 64) & 1;
}

/* The bitmap is what the uses say, and the statistics are of the bitmap. */
static void assert_scan(struct machine *m, unsigned int level)
{
	uint64_t pages = 0, dropped = 0, in_class = 0, said = 0;
	struct scanned s;

	assert_ok(scan(m, level, &s, err));
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++) {
		if (kept(&s, pfn) != machine_keeps(m, pfn, level))
			fail_msg("level %u, pfn %" PRIu64 " of use %d: %s", level, pfn, m->use[pfn],
				 kept(&s, pfn) ? "kept" : "dropped");
		pages += m->use[pfn] != USE_NOTHING;
		dropped += m->use[pfn] != USE_NOTHING && !kept(&s, pfn);
	}
	for (size_t i = 0; i < PAGE_CLASSES; i++) {
		in_class += s.stats.class_pages[i];
		said += s.stats.dropped[i];
		assert_true(s.stats.dropped[i] == 0 ||
			    s.stats.dropped[i] == s.stats.class_pages[i]);
	}
	assert_int_equal(s.stats.pages, pages);
	assert_int_equal(in_class, pages);
	assert_int_equal(said, dropped);
	assert_int_equal(s.stats.doubtful, 0);
	assert_int_equal(s.stats.unknown, 0);
	scanned_deinit(&s);
}

/* Every kernel at every level, with windows so small that each struct page at an end is put together. */
TEST(all_levels)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		struct machine *m = machine_create(fake_layouts[i].kernel);

		m->seed = 100 + (uint32_t)i;
		machine_fill(m);
		for (unsigned int level = 0; level <= LEVEL_MAX; level++) {
			m->f.window = level % 3 == 0 ? 256 : level % 3 == 1 ? 4096 : 0;
			assert_scan(m, level);
		}
		machine_destroy(m);
	}
}

TEST(random_machines)
{
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct machine *m = machine_create(FAKE_6_12);

		m->seed = seed * 7919;
		machine_fill(m);
		assert_scan(m, seed % 32);
		assert_scan(m, 31);
		machine_destroy(m);
	}
}

/* Per class: what the operator reads in the statistics. */
TEST(statistics)
{
	struct machine *m = machine_create(FAKE_6_12);
	struct scanned s;

	machine_block(m, 512, 3, USE_FREE);
	machine_block(m, 520, 0, USE_CACHE);
	machine_block(m, 524, 2, USE_CACHE_PRIVATE);
	machine_block(m, 1024, 9, USE_HUGETLB);
	machine_block(m, 528, 0, USE_KSM);
	machine_block(m, 529, 0, USE_HWPOISON);
	machine_block(m, 530, 1, USE_OFFLINE);
	assert_ok(scan(m, 2 | 8, &s, err));
	assert_int_equal(s.stats.class_pages[PAGE_FREE], 8);
	assert_int_equal(s.stats.class_pages[PAGE_CACHE], 1 + 1); /* the poisoned one is cache */
	assert_int_equal(s.stats.class_pages[PAGE_CACHE_PRIVATE], 4);
	assert_int_equal(s.stats.class_pages[PAGE_USER], 513);
	assert_int_equal(s.stats.class_pages[PAGE_OFFLINE], 2);
	assert_int_equal(s.stats.class_pages[PAGE_HWPOISON], 0);
	assert_int_equal(s.stats.dropped[PAGE_FREE], 0);
	assert_int_equal(s.stats.dropped[PAGE_USER], 513);
	assert_int_equal(s.stats.dropped[PAGE_CACHE], 2);
	assert_int_equal(s.stats.dropped[PAGE_CACHE_PRIVATE], 0);
	scanned_deinit(&s);
	assert_ok(scan(m, 0, &s, err)); /* poison is a reason of its own where no other is */
	assert_int_equal(s.stats.class_pages[PAGE_HWPOISON], 1);
	assert_int_equal(s.stats.dropped[PAGE_HWPOISON], 1);
	assert_int_equal(s.stats.class_pages[PAGE_CACHE], 1);
	scanned_deinit(&s);
	machine_destroy(m);
}

/* One block at every place and order: words of the bitmap, pages of struct pages, windows. */
TEST(blocks_across_words)
{
	struct machine *m = machine_create(FAKE_6_1);

	for (unsigned int order = 0; order <= 10; order++)
		for (uint64_t pfn = 0; pfn + (1ULL << order) <= 1024; pfn += 1ULL << order) {
			if (pfn / 64 % 4 && order < 6)
				continue;
			machine_block(m, pfn, order, USE_FREE);
			assert_scan(m, 16);
			machine_block(m, pfn, order, USE_KERNEL);
		}
	machine_destroy(m);
}

/*
 * A block speaks for its pages up to the next hole of the input. What lies behind the hole has no head
 * before it, and what is not known is kept.
 */
TEST(block_across_a_hole)
{
	struct machine *m = machine_create(FAKE_6_1);
	const uint64_t hole = 257 * MIB / FAKE_PAGE; /* 16 page frames */
	struct scanned s;

	machine_block(m, hole - 256, 10, USE_FREE);
	assert_ok(scan(m, 16, &s, err));
	for (uint64_t pfn = hole - 256; pfn < hole + 256; pfn++)
		assert_int_equal(kept(&s, pfn), pfn >= hole + 16);
	assert_int_equal(s.stats.dropped[PAGE_FREE], 256);
	assert_int_equal(s.stats.doubtful, 0);
	scanned_deinit(&s);
	machine_destroy(m);
}

/* The last block of a bank is larger than what is left of it. */
TEST(block_over_the_end)
{
	struct machine *m = machine_create(FAKE_6_1);
	const uint64_t end = 131 * MIB / FAKE_PAGE;
	struct scanned s;

	machine_block(m, end - 256, 8, USE_FREE);
	fake_put64(&m->f, fake_page(&m->f, end - 256) + OFF_PRIVATE, 10); /* 33536 % 1024 != 0 */
	assert_ok(scan(m, 16, &s, err));
	assert_int_equal(s.stats.doubtful, 1);
	scanned_deinit(&s);
	/* 386 MiB is no multiple of 4 MiB, so a block of order 10 fits the alignment, not the bank */
	machine_block(m, 384 * MIB / FAKE_PAGE, 9, USE_FREE);
	fake_put64(&m->f, fake_page(&m->f, 384 * MIB / FAKE_PAGE) + OFF_PRIVATE, 10);
	assert_ok(scan(m, 16, &s, err));
	assert_int_equal(s.stats.dropped[PAGE_FREE], 512);
	assert_int_equal(s.stats.doubtful, 1);
	for (uint64_t pfn = 384 * MIB / FAKE_PAGE; pfn < MACHINE_PAGES; pfn++)
		assert_false(kept(&s, pfn));
	scanned_deinit(&s);
	machine_destroy(m);
}

/* Struct pages that cannot be read keep their page frames, and only those. */
TEST(unreadable_struct_pages)
{
	for (int absent = 0; absent < 2; absent++) {
		struct machine *m = machine_create(FAKE_6_1);
		uint64_t struct_pages;
		struct scanned s;

		for (uint64_t pfn = 0; pfn < 512; pfn++)
			machine_block(m, pfn, 0, USE_FREE);
		/* the 64 struct pages of page frames 128 to 191 */
		struct_pages = fake_page(&m->f, 128);
		if (absent)
			fake_absent(&m->f, struct_pages, struct_pages + FAKE_PAGE);
		else
			fake_bad(&m->f, struct_pages, struct_pages + FAKE_PAGE);
		assert_ok(scan(m, 16, &s, err));
		for (uint64_t pfn = 0; pfn < 512; pfn++)
			assert_int_equal(kept(&s, pfn), pfn >= 128 && pfn < 192);
		assert_int_equal(s.stats.unknown, 64);
		assert_int_equal(s.stats.dropped[PAGE_FREE], 512 - 64);
		scanned_deinit(&s);
		/* a section whose struct pages are not mapped at all */
		fake_put64(&m->f, fake_entry(&m->f, FAKE_VMEMMAP, 3), 0);
		assert_ok(scan(m, 31, &s, err));
		assert_int_equal(s.stats.unknown, s.stats.pages);
		assert_int_equal(s.stats.class_pages[PAGE_OTHER], s.stats.pages);
		scanned_deinit(&s);
		machine_destroy(m);
	}
}

/* The order is in the second struct page; where that one is gone the head speaks for itself only. */
TEST(unreadable_second_struct_page)
{
	struct machine *m = machine_create(FAKE_6_1);
	struct scanned s;

	machine_block(m, 512, 9, USE_ANON);
	/* the head at the end of a page of struct pages: 63 is no head of order 9, but of order 0 */
	machine_block(m, 63, 0, USE_ANON);
	fake_bad(&m->f, fake_page(&m->f, 64), fake_page(&m->f, 128));
	assert_ok(scan(m, 8, &s, err));
	assert_false(kept(&s, 63));
	assert_int_equal(s.stats.unknown, 64);
	assert_int_equal(s.stats.dropped[PAGE_USER], 513);
	scanned_deinit(&s);
	machine_destroy(m);
}

/* A head whose second struct page is gone is kept: neither an order nor a tail is known. */
TEST(head_without_second_struct_page)
{
	struct machine *m = machine_create(FAKE_6_1);
	struct scanned s;

	m->f.window = FAKE_PAGE; /* page frames 63 and 127 are looked at with the next one */
	bytes_put_le64(m->f.ram + fake_page(&m->f, 64) + OFF_COMPOUND, FAKE_VMEMMAP | 1);
	m->f.ram[fake_page(&m->f, 64) + 17] = 5; /* compound_order */
	machine_block(m, 127, 0, USE_ANON);
	fake_put64(&m->f, fake_page(&m->f, 127), FLAG(PG_HEAD));
	fake_bad(&m->f, fake_page(&m->f, 128), fake_page(&m->f, 192));
	assert_ok(scan(m, 8, &s, err));
	assert_int_equal(s.stats.doubtful, 1);
	assert_int_equal(s.stats.dropped[PAGE_USER], 0);
	scanned_deinit(&s);
	machine_destroy(m);
}

/* A bank over two sections whose struct pages lie apart: two runs, each asked for its part only. */
TEST(bank_over_two_runs)
{
	struct machine *m = machine_create(FAKE_6_1);
	const uint64_t va = 0xffffea8000000000, len = 4096 * FAKE_PAGE_STRUCT;

	machine_fill(m);
	fake_map_range(&m->f, va, fake_page(&m->f, 8 * 4096), len);
	fake_put64(&m->f, fake_section_entry(&m->f, 8), fake_coded(&m->f, 8, va, 7));
	/* what the struct pages before each run would say is wrong */
	fake_map_range(&m->f, va - len, fake_page(&m->f, 0), len);
	assert_scan(m, 31);
	assert_scan(m, 0);
	machine_destroy(m);
}

/*
 * Reading a poisoned page may raise a machine check, which ends the capture. Once one in the middle of a
 * compound page that is kept was kept with it.
 */
TEST(poisoned_tail_of_a_kept_page)
{
	static const enum use uses[] = {USE_ANON, USE_CACHE, USE_SLAB, USE_HUGETLB};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		struct machine *m = machine_create(FAKE_6_1);
		struct scanned s;

		machine_block(m, 512, 9, uses[i]);
		fake_put64(&m->f, fake_page(&m->f, 700), FLAG(PG_HWPOISON));
		m->use[700] = USE_HWPOISON;
		assert_scan(m, 0);
		assert_ok(scan(m, 0, &s, err));
		assert_int_equal(s.stats.class_pages[PAGE_HWPOISON], 1);
		assert_int_equal(s.stats.class_pages[PAGE_USER],
				 uses[i] == USE_ANON || uses[i] == USE_HUGETLB ? 511 : 0);
		scanned_deinit(&s);
		machine_destroy(m);
	}
}

/* memory_failure() marks a free page before it takes it out of its block: once it was read. */
TEST(poisoned_page_of_a_free_block)
{
	struct machine *m = machine_create(FAKE_6_12);

	machine_block(m, 512, 9, USE_FREE);
	fake_put64(&m->f, fake_page(&m->f, 700), FLAG(PG_HWPOISON));
	m->use[700] = USE_HWPOISON;
	assert_scan(m, 0);
	assert_scan(m, 8);
	machine_destroy(m);
}

/*
 * Up to 7.0 the struct pages of a hugetlb page are mostly one page mapped again and again, which begins
 * with something like a head (page_fixed_fake_head). They are no blocks of their own.
 */
TEST(fake_heads_of_hugetlb)
{
	struct machine *m = machine_create(FAKE_6_6);
	const uint64_t head = 1536;
	struct scanned s;

	machine_block(m, head, 9, USE_HUGETLB);
	for (uint64_t pfn = head + 64; pfn < head + 512; pfn += 64)
		memcpy(m->f.ram + fake_page(&m->f, pfn), m->f.ram + fake_page(&m->f, head),
		       FAKE_PAGE);
	assert_scan(m, 0);
	assert_scan(m, 31);
	assert_ok(scan(m, 0, &s, err));
	assert_int_equal(s.stats.class_pages[PAGE_USER], 512);
	scanned_deinit(&s);
	/* if only the head's own page is not in the input, its struct page speaks for the rest */
	fake_absent(&m->f, head * FAKE_PAGE, (head + 1) * FAKE_PAGE);
	assert_ok(scan(m, 31, &s, err));
	assert_int_equal(s.stats.doubtful, 0);
	assert_int_equal(s.stats.dropped[PAGE_USER], 511);
	assert_int_equal(bitmap_count_words(&s.keep, head / 64, head / 64 + 8), 0);
	scanned_deinit(&s);
	machine_destroy(m);
}

/*
 * A hugetlb page of 256 MiB, which begins in one chunk and ends in another: each chunk has to find the
 * head of what it begins in, which is not where the next multiple of its own size lies.
 */
static void make_giant(struct machine *m, enum use use, unsigned int order)
{
	for (uint64_t pfn = 0; pfn < 1ULL << order; pfn++) {
		if (m->use[pfn] == USE_NOTHING)
			continue;
		m->use[pfn] = (uint8_t)use;
		if (pfn)
			fake_put64(&m->f, fake_page(&m->f, pfn) + OFF_COMPOUND, FAKE_VMEMMAP | 1);
	}
	machine_head(m, m->f.ram + fake_page(&m->f, 0), use, 0);
	fake_put64(&m->f, fake_page(&m->f, 0),
		   fake_get64(&m->f, fake_page(&m->f, 0)) | FLAG(PG_HEAD));
	fake_compound(m->f.ram + fake_page(&m->f, 0), m->l, order, use == USE_HUGETLB);
}

TEST(compound_pages_across_chunks)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_layouts); i++) {
		struct machine *m = machine_create(fake_layouts[i].kernel);

		make_giant(m, USE_HUGETLB, 16);
		assert_scan(m, 0);
		assert_scan(m, 8);
		assert_scan(m, 31);
		machine_destroy(m);
	}
}

/* The same, kept, with a poisoned page in the second chunk: that one alone must not be read. */
TEST(poisoned_tail_in_another_chunk)
{
	struct machine *m = machine_create(FAKE_6_1);
	const uint64_t bad = 130 * MIB / FAKE_PAGE;
	struct scanned s;

	make_giant(m, USE_HUGETLB, 16);
	fake_put64(&m->f, fake_page(&m->f, bad), FLAG(PG_HWPOISON));
	m->use[bad] = USE_HWPOISON;
	assert_scan(m, 0);
	assert_ok(scan(m, 0, &s, err));
	assert_int_equal(s.stats.class_pages[PAGE_HWPOISON], 1);
	assert_int_equal(s.stats.class_pages[PAGE_USER], 9 * 256 + 5 * 256 - 3 - 1);
	scanned_deinit(&s);
	machine_destroy(m);
}

/* ---- struct pages of excluded pages */

static bool holds_needed(struct machine *m, uint64_t page, unsigned int level)
{
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++)
		if (m->use[pfn] != USE_NOTHING &&
		    fake_page(&m->f, pfn) / FAKE_PAGE * FAKE_PAGE == page &&
		    machine_keeps(m, pfn, level))
			return true;
	return false;
}

/* Of the pages that hold struct pages, those go that describe nothing kept and nothing unknown. */
TEST(struct_pages_of_excluded_pages)
{
	struct machine *m = machine_create(FAKE_6_12);
	const struct filter_options options = {.level = 31, .threads = 2, .exclude_vmemmap = true};
	uint64_t dropped = 0;
	struct scanned s;

	machine_block(m, 1024, 10, USE_FREE);       /* 16 pages of struct pages */
	machine_block(m, 32768 + 64, 6, USE_ANON);  /* one page, in the second chunk */
	machine_block(m, 32768 + 128, 5, USE_ANON); /* half a page */
	assert_ok(scan_with(m, &options, &s, err));
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn += 64) {
		uint64_t page;

		if (m->use[pfn] == USE_NOTHING)
			continue;
		page = fake_page(&m->f, pfn);
		assert_int_equal(page % FAKE_PAGE, 0);
		if (m->use[page / FAKE_PAGE] == USE_NOTHING)
			continue;
		if (!kept(&s, page / FAKE_PAGE)) {
			assert_false(holds_needed(m, page, 31));
			dropped++;
		}
	}
	assert_int_equal(dropped, 17);
	assert_int_equal(s.stats.vmemmap, 17);
	scanned_deinit(&s);
	machine_destroy(m);
}

/*
 * A damaged head at a page frame that suits every order: once it took all the memory behind it away.
 */
TEST(one_damaged_head_costs_little)
{
	struct machine *m = machine_create(FAKE_6_1);
	uint8_t *head = m->f.ram + fake_page(&m->f, 0);
	struct scanned s;

	machine_block(m, 0, 1, USE_ANON);
	head[FAKE_PAGE_STRUCT + 17] = 40; /* compound_order */
	assert_ok(scan(m, 31, &s, err));
	assert_int_equal(s.stats.doubtful, 1);
	assert_int_equal(bitmap_count_words(&s.keep, 0, s.keep.n_words), s.stats.pages);
	scanned_deinit(&s);
	machine_destroy(m);
}

/*
 * Struct pages of 96 bytes (debugging options), whose pages lie in memory in the opposite order: every
 * one that crosses a page border has to be put together from two places.
 */
TEST(struct_pages_that_cross_pages)
{
	struct machine *m = machine_create(FAKE_6_1);
	const uint64_t size = 96, len = 4096 * size, va = 0xffffea8000000000;
	uint64_t mem = fake_alloc(&m->f, len);
	struct scanned s;

	for (uint64_t off = 0; off < len; off += FAKE_PAGE)
		fake_map(&m->f, va + off, mem + len - FAKE_PAGE - off, 1);
	fake_put64(&m->f, fake_section_entry(&m->f, 0), va | 7);
	fake_set(&m->f, "SIZE(page)", "%" PRIu64, size);
	for (uint64_t pfn = 0; pfn < 4096; pfn++)
		for (uint64_t i = 0; i < size; i++) {
			uint64_t off = pfn * size + i;
			uint64_t at = mem + len - FAKE_PAGE - off / FAKE_PAGE * FAKE_PAGE +
				      off % FAKE_PAGE;

			/* a free page for every third page frame, written byte by byte */
			m->f.ram[at] = i >= OFF_MAPCOUNT && i < OFF_MAPCOUNT + 4 ? 0xff : 0;
			if (i == OFF_MAPCOUNT && pfn % 3 == 0)
				m->f.ram[at] = 0x7f; /* -129 */
		}
	assert_ok(scan(m, 16, &s, err));
	for (uint64_t pfn = 0; pfn < 9 * MIB / FAKE_PAGE; pfn++)
		assert_int_equal(kept(&s, pfn), pfn % 3 != 0);
	scanned_deinit(&s);
	machine_destroy(m);
}

TEST(no_mem_map_at_all)
{
	struct machine *m = machine_create(FAKE_6_1);
	struct scanned s;

	fake_set(&m->f, "SYMBOL(mem_section)", "ffff8880fff00000");
	assert_fails(scan(m, 31, &s, err), ERR_CORRUPT, "mem_section root 0");
	scanned_deinit(&s);
	machine_destroy(m);
}

TEST(dropped_classes)
{
	assert_int_equal(scan_dropped_classes(0) & (1U << PAGE_OTHER), 0);
	for (unsigned int level = 0; level <= LEVEL_MAX; level++) {
		unsigned int mask = scan_dropped_classes(level);

		assert_false(mask & 1U << PAGE_OTHER);
		assert_true(mask & 1U << PAGE_HWPOISON);
		assert_true(mask & 1U << PAGE_OFFLINE);
		assert_int_equal(!!(mask & 1U << PAGE_FREE), level >= 16);
	}
}

static void see_progress(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	uint64_t *last = ctx;

	assert_int_equal(phase, FILTER_SCAN);
	assert_true(done > *last && done <= total);
	*last = done;
}

TEST(progress)
{
	struct machine *m = machine_create(FAKE_6_1);
	uint64_t last = 0;
	const struct filter_options options = {
		.level = 31, .threads = 1, .progress = see_progress, .progress_ctx = &last};
	struct scanned s;

	assert_ok(scan_with(m, &options, &s, err));
	assert_int_equal(last, s.stats.pages);
	scanned_deinit(&s);
	machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_levels),
		cmocka_unit_test(random_machines),
		cmocka_unit_test(statistics),
		cmocka_unit_test(blocks_across_words),
		cmocka_unit_test(block_across_a_hole),
		cmocka_unit_test(block_over_the_end),
		cmocka_unit_test(unreadable_struct_pages),
		cmocka_unit_test(unreadable_second_struct_page),
		cmocka_unit_test(head_without_second_struct_page),
		cmocka_unit_test(bank_over_two_runs),
		cmocka_unit_test(poisoned_tail_of_a_kept_page),
		cmocka_unit_test(poisoned_page_of_a_free_block),
		cmocka_unit_test(fake_heads_of_hugetlb),
		cmocka_unit_test(compound_pages_across_chunks),
		cmocka_unit_test(poisoned_tail_in_another_chunk),
		cmocka_unit_test(struct_pages_of_excluded_pages),
		cmocka_unit_test(one_damaged_head_costs_little),
		cmocka_unit_test(struct_pages_that_cross_pages),
		cmocka_unit_test(no_mem_map_at_all),
		cmocka_unit_test(dropped_classes),
		cmocka_unit_test(progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
