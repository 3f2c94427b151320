// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/memmap.h"
#include "tests/unit/fake_image.h"

#define PRESENT     1ULL
#define HAS_MEM_MAP 2ULL
#define ONLINE      4ULL
#define BOTH        (PRESENT | HAS_MEM_MAP | ONLINE)
#define PPS         4096ULL /* page frames of a 16 MiB section */

static void init(struct fake *f, bool extreme)
{
	fake_init(f, 16 * MIB, 4);
	fake_ram(f, 0, f->size);
	fake_sections(f, 24, 36, extreme); /* 4096 sections in 16 roots */
}

/* memmap_create() for the page frames [start, end). */
static int create(struct fake *f, uint64_t start, uint64_t end, struct memmap **ret,
		  struct err *err)
{
	struct range range = {start, end};
	struct ranges frames = {&range, 1, 1};
	int r = fake_try_open(f, err);

	return r ? r : memmap_create(f->img, &frames, ret, err);
}

static void assert_run(const struct memmap *m, size_t i, uint64_t pfn, uint64_t count,
		       uint64_t vaddr)
{
	assert_true(i < m->n);
	assert_int_equal(m->runs[i].pfn, pfn);
	assert_int_equal(m->runs[i].count, count);
	assert_int_equal(m->runs[i].vaddr, vaddr);
}

static uint64_t vmemmap(uint64_t pfn)
{
	return FAKE_VMEMMAP + pfn * FAKE_PAGE_STRUCT;
}

static void put(struct fake *f, uint64_t nr, uint64_t vaddr, uint64_t flags)
{
	fake_put64(f, fake_section_entry(f, nr), fake_coded(f, nr, vaddr, flags));
}

/* Both tables: a hole, a section without mem_map, one in a root of its own. */
static void check_table(bool extreme)
{
	struct memmap *m = NULL;
	struct fake f;

	init(&f, extreme);
	put(&f, 0, vmemmap(0), BOTH);
	put(&f, 1, vmemmap(PPS), BOTH); /* follows: one run */
	put(&f, 3, vmemmap(3 * PPS), BOTH);
	put(&f, 4, vmemmap(4 * PPS), PRESENT);     /* without struct pages */
	put(&f, 5, vmemmap(5 * PPS), HAS_MEM_MAP); /* gone */
	put(&f, 6, vmemmap(6 * PPS), BOTH);
	put(&f, 7, vmemmap(7 * PPS), PRESENT | HAS_MEM_MAP); /* not online */
	put(&f, 1000, vmemmap(1000 * PPS), BOTH);
	assert_ok(create(&f, 0, 4096 * PPS, &m, err));
	assert_int_equal(m->n, 4);
	assert_run(m, 0, 0, 2 * PPS, vmemmap(0));
	assert_run(m, 1, 3 * PPS, PPS, vmemmap(3 * PPS));
	assert_run(m, 2, 6 * PPS, PPS, vmemmap(6 * PPS));
	assert_run(m, 3, 1000 * PPS, PPS, vmemmap(1000 * PPS));
	assert_int_equal(m->page_struct_size, FAKE_PAGE_STRUCT);
	assert_int_equal(m->sections_skipped, 0);
	assert_int_equal(m->sections_offline, 1);
	memmap_destroy(m);
	fake_deinit(&f);
}

TEST(extreme)
{
	check_table(true);
}

TEST(flat)
{
	check_table(false);
}

/* Without LENGTH(mem_section) the table can only be one of roots. */
TEST(no_length_means_extreme)
{
	struct memmap *m = NULL;
	struct fake f;

	init(&f, true);
	put(&f, 300, vmemmap(300 * PPS), BOTH);
	fake_unset(&f, "LENGTH(mem_section)");
	assert_ok(create(&f, 0, 4096 * PPS, &m, err));
	assert_int_equal(m->n, 1);
	assert_run(m, 0, 300 * PPS, PPS, vmemmap(300 * PPS));
	memmap_destroy(m);
	fake_deinit(&f);
}

/*
 * makedumpfile and crash leave bit 5 (v6.15) in, which moves the mem_map by 32 bytes. Bits to come are
 * masked as well: once the seventh was part of the address.
 */
TEST(all_flag_bits_are_masked)
{
	struct memmap *m = NULL;
	struct fake f;

	init(&f, true);
	for (uint64_t bit = 2; bit < 12; bit++)
		put(&f, 2 * bit, vmemmap(2 * bit * PPS), BOTH | 1ULL << bit);
	put(&f, 30, vmemmap(30 * PPS), 0xfff);
	put(&f, 32, vmemmap(32 * PPS) + 0x1000, BOTH);
	assert_ok(create(&f, 0, 4096 * PPS, &m, err));
	assert_int_equal(m->n, 12);
	for (uint64_t bit = 2; bit < 12; bit++)
		assert_run(m, bit - 2, 2 * bit * PPS, PPS, vmemmap(2 * bit * PPS));
	assert_run(m, 10, 30 * PPS, PPS, vmemmap(30 * PPS));
	assert_run(m, 11, 32 * PPS, PPS, vmemmap(32 * PPS) + 0x1000);
	memmap_destroy(m);
	fake_deinit(&f);
}

/* Runs merge only where page frames and struct pages both go on. */
TEST(merging)
{
	struct memmap *m = NULL;
	struct fake f;

	init(&f, true);
	put(&f, 0, vmemmap(0), BOTH);
	put(&f, 1, vmemmap(PPS), BOTH | 4);
	put(&f, 2, vmemmap(2 * PPS) + 4096, BOTH); /* its struct pages lie elsewhere */
	put(&f, 3, vmemmap(3 * PPS) + 4096, BOTH);
	put(&f, 5, vmemmap(4 * PPS) + 4096, BOTH); /* struct pages go on, page frames do not */
	/* across the boundary of two roots */
	put(&f, 255, vmemmap(255 * PPS), BOTH);
	put(&f, 256, vmemmap(256 * PPS), BOTH);
	assert_ok(create(&f, 0, 4096 * PPS, &m, err));
	assert_int_equal(m->n, 4);
	assert_run(m, 0, 0, 2 * PPS, vmemmap(0));
	assert_run(m, 1, 2 * PPS, 2 * PPS, vmemmap(2 * PPS) + 4096);
	assert_run(m, 2, 5 * PPS, PPS, vmemmap(4 * PPS) + 4096);
	assert_run(m, 3, 255 * PPS, 2 * PPS, vmemmap(255 * PPS));
	memmap_destroy(m);
	fake_deinit(&f);
}

TEST(an_entry_that_makes_no_sense_is_skipped)
{
	struct memmap *m = NULL;
	struct fake f;

	init(&f, true);
	put(&f, 0, vmemmap(0), BOTH);
	put(&f, 1, 0x1000, BOTH); /* a user address */
	put(&f, 2, vmemmap(2 * PPS), BOTH);
	assert_ok(create(&f, 0, 4096 * PPS, &m, err));
	assert_int_equal(m->n, 2);
	assert_int_equal(m->sections_skipped, 1);
	memmap_destroy(m);
	fake_deinit(&f);
}

TEST(corrupt_root_names_value_and_place)
{
	struct memmap *m = NULL;
	char place[64];
	struct fake f;

	init(&f, true);
	put(&f, 0, vmemmap(0), BOTH);
	put(&f, 300, vmemmap(300 * PPS), BOTH);
	fake_put64(&f, f.roots + 8, 0xdead0000beef0000);
	assert_fails(create(&f, 0, 4096 * PPS, &m, err), ERR_CORRUPT,
		     "mem_section root 1 is 0xdead0000beef0000");
	/* a canonical address that is not mapped */
	fake_put64(&f, f.roots + 8, 0xffff8880fff00000);
	assert_fails(create(&f, 0, 4096 * PPS, &m, err), ERR_CORRUPT,
		     "mem_section root 1 is 0xffff8880fff00000");
	/* the table of roots itself: once ERR_NOT_FOUND, the contract says ERR_CORRUPT */
	fake_set(&f, "SYMBOL(mem_section)", "ffff8880ffe00000");
	snprintf(place, sizeof(place), "mem_section root 0 at 0xffff8880ffe00000");
	assert_fails(create(&f, 0, 4096 * PPS, &m, err), ERR_CORRUPT, place);
	assert_null(m);
	fake_deinit(&f);

	init(&f, false);
	fake_set(&f, "SYMBOL(mem_section)", "ffff8880ffe00000");
	assert_fails(create(&f, 0, 4096 * PPS, &m, err), ERR_CORRUPT, "0xffff8880ffe00000");
	fake_deinit(&f);
}

/* What lies where no page frame is asked for is not looked at: neither slow nor in the way. */
TEST(only_where_there_is_memory)
{
	struct range some[] = {{10, 20}, {2 * PPS - 1, 2 * PPS + 1}, {1000 * PPS, 1000 * PPS + 1}};
	struct ranges frames = {some, 3, 3};
	struct memmap *m = NULL;
	struct fake f;

	init(&f, true);
	for (uint64_t nr = 0; nr < 6; nr++)
		put(&f, nr, vmemmap(nr * PPS), BOTH);
	put(&f, 1000, vmemmap(1000 * PPS), BOTH);
	put(&f, 1001, vmemmap(1001 * PPS), BOTH);
	fake_put64(&f, f.roots + 8, 0xdead0000beef0000); /* sections 256 to 511 */
	fake_open(&f);
	assert_ok(memmap_create(f.img, &frames, &m, err));
	assert_int_equal(m->n, 2);
	assert_run(m, 0, 0, 3 * PPS, vmemmap(0));
	assert_run(m, 1, 1000 * PPS, PPS, vmemmap(1000 * PPS));
	memmap_destroy(m);

	/* the end of the input is the end of the search */
	m = NULL;
	assert_ok(create(&f, 0, 256 * PPS, &m, err));
	assert_int_equal(m->n, 1);
	memmap_destroy(m);
	m = NULL;
	assert_fails(create(&f, 0, 256 * PPS + 1, &m, err), ERR_CORRUPT, "root 1");
	/* frames behind the table: nothing is known of them */
	assert_ok(create(&f, 4096 * PPS, 1ULL << 40, &m, err));
	assert_int_equal(m->n, 0);
	memmap_destroy(m);
	fake_deinit(&f);
}

/*
 * A table of 2^28 sections whose roots are all the same page, by way of the page tables: once as many
 * runs as sections, so 6 GiB and a minute for a file of some KiB. A hang is what fails here.
 */
TEST(absurd_table_costs_nothing)
{
	struct memmap *m = NULL;
	struct fake f;
	uint64_t slots, root;

	init(&f, true);
	slots = fake_alloc(&f, FAKE_PAGE);
	root = fake_alloc(&f, FAKE_PAGE);
	for (uint64_t i = 0; i < 512; i++)
		fake_put64(&f, slots + i * 8, fake_va(&f, root, FAKE_PAGE));
	for (uint64_t i = 0; i < 256; i++)
		fake_put64(&f, root + i * 16, 0xffffea0000000000 | i * 0x100000 | BOTH);
	/* every 4 KiB of [0xffffc00000000000, + 512 GiB) is the page of slots */
	fake_map(&f, 0xffffc00000000000, slots, 1);
	for (unsigned int level = 1; level <= 3; level++) {
		uint64_t table = fake_entry(&f, 0xffffc00000000000, level) & ~(FAKE_PAGE - 1);

		for (uint64_t i = 1; i < 512; i++)
			fake_put64(&f, table + i * 8, fake_get64(&f, table));
	}
	fake_set(&f, "SYMBOL(mem_section)", "ffffc00000000000");
	fake_set(&f, "NUMBER(SECTION_SIZE_BITS)", "12");
	fake_set(&f, "NUMBER(MAX_PHYSMEM_BITS)", "52");
	fake_unset(&f, "LENGTH(mem_section)");
	assert_ok(create(&f, 0, 4096, &m, err));
	assert_true(m->n <= 4096);
	memmap_destroy(m);
	fake_deinit(&f);
}

static void check_key(const char *key, const char *value, int code, const char *part)
{
	struct memmap *m = NULL;
	struct fake f;

	init(&f, true);
	fake_unset(&f, key);
	if (value)
		fake_set(&f, key, "%s", value);
	assert_fails(create(&f, 0, 4096 * PPS, &m, err), code, part);
	assert_null(m);
	fake_deinit(&f);
}

TEST(bad_keys_are_named)
{
	check_key("SYMBOL(mem_section)", NULL, ERR_UNSUPPORTED, "SYMBOL(mem_section)");
	check_key("SIZE(mem_section)", NULL, ERR_NOT_FOUND, "SIZE(mem_section)");
	check_key("OFFSET(mem_section.section_mem_map)", NULL, ERR_NOT_FOUND, "section_mem_map");
	check_key("SIZE(page)", NULL, ERR_NOT_FOUND, "SIZE(page)");
	check_key("NUMBER(SECTION_SIZE_BITS)", NULL, ERR_NOT_FOUND, "NUMBER(SECTION_SIZE_BITS)");
	check_key("NUMBER(MAX_PHYSMEM_BITS)", NULL, ERR_NOT_FOUND, "NUMBER(MAX_PHYSMEM_BITS)");

	check_key("SIZE(mem_section)", "0", ERR_CORRUPT, "SIZE(mem_section)=0");
	check_key("SIZE(mem_section)", "4097", ERR_CORRUPT, "SIZE(mem_section)=4097");
	check_key("SIZE(mem_section)", "18446744073709551615", ERR_CORRUPT, "SIZE(mem_section)=");
	check_key("OFFSET(mem_section.section_mem_map)", "9", ERR_CORRUPT, "section_mem_map at 9");
	check_key("OFFSET(mem_section.section_mem_map)", "18446744073709551608", ERR_CORRUPT,
		  "section_mem_map at 18446744073709551608");
	check_key("SIZE(page)", "0", ERR_CORRUPT, "SIZE(page)=0");
	check_key("SIZE(page)", "31", ERR_CORRUPT, "SIZE(page)=31");
	check_key("SIZE(page)", "513", ERR_CORRUPT, "SIZE(page)=513");
	check_key("NUMBER(SECTION_SIZE_BITS)", "11", ERR_CORRUPT, "SECTION_SIZE_BITS)=11");
	check_key("NUMBER(SECTION_SIZE_BITS)", "41", ERR_CORRUPT, "SECTION_SIZE_BITS)=41");
	check_key("NUMBER(SECTION_SIZE_BITS)", "-1", ERR_CORRUPT, "SECTION_SIZE_BITS)=-1");
	check_key("NUMBER(MAX_PHYSMEM_BITS)", "23", ERR_CORRUPT, "MAX_PHYSMEM_BITS)=23");
	check_key("NUMBER(MAX_PHYSMEM_BITS)", "61", ERR_CORRUPT, "MAX_PHYSMEM_BITS)=61");
	/* neither 4096 sections nor their 16 roots: once an empty mem_map without an error */
	check_key("LENGTH(mem_section)", "0", ERR_CORRUPT, "LENGTH(mem_section)=0");
	check_key("LENGTH(mem_section)", "17", ERR_CORRUPT, "LENGTH(mem_section)=17");
	check_key("LENGTH(mem_section)", "18446744073709551615", ERR_CORRUPT,
		  "LENGTH(mem_section)=18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extreme),
		cmocka_unit_test(flat),
		cmocka_unit_test(no_length_means_extreme),
		cmocka_unit_test(all_flag_bits_are_masked),
		cmocka_unit_test(merging),
		cmocka_unit_test(an_entry_that_makes_no_sense_is_skipped),
		cmocka_unit_test(corrupt_root_names_value_and_place),
		cmocka_unit_test(only_where_there_is_memory),
		cmocka_unit_test(absurd_table_costs_nothing),
		cmocka_unit_test(bad_keys_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
