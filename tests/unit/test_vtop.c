// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/arch.h"
#include "tests/unit/fake_image.h"

/* Where `vaddr` is, and how far its page reaches from there. */
static void assert_maps(const struct fake *f, uint64_t vaddr, uint64_t phys, uint64_t len)
{
	uint64_t at = 0, run = 0;

	assert_ok(image_translate(f->img, vaddr, &at, &run, err));
	assert_int_equal(at, phys);
	assert_int_equal(run, len);
}

#define assert_unmapped(f, vaddr, code, part)                                                     \
	do {                                                                                      \
		uint64_t at_ = 11, run_ = 22;                                                     \
                                                                                                  \
		assert_fails(image_translate((f)->img, (vaddr), &at_, &run_, err), (code), part); \
		assert_int_equal(at_, 11);                                                        \
		assert_int_equal(run_, 22);                                                       \
	} while (0)

static void check_page_sizes(unsigned int levels)
{
	struct fake f;

	fake_init(&f, 8 * MIB, levels);
	fake_ram(&f, 0, f.size);
	fake_map(&f, 0xffff888000005000, 0x7000, 1);
	fake_map(&f, 0xffffea0000200000, 0x40000000, 2); /* the page itself need not be there */
	fake_map(&f, 0xffffc90040000000, 0x80000000, 3);
	fake_open(&f);
	assert_maps(&f, 0xffff888000005000, 0x7000, FAKE_PAGE);
	assert_maps(&f, 0xffff888000005fff, 0x7fff, 1);
	assert_maps(&f, 0xffffea0000200000, 0x40000000, 2 * MIB);
	assert_maps(&f, 0xffffea0000323456, 0x40123456, 2 * MIB - 0x123456);
	assert_maps(&f, 0xffffc90040000000, 0x80000000, GIB);
	assert_maps(&f, 0xffffc9007fffffff, 0xbfffffff, 1);
	/* the neighbours of each are not mapped */
	assert_unmapped(&f, 0xffff888000004fff, ERR_NOT_FOUND, "level 1 entry");
	assert_unmapped(&f, 0xffffea0000400000, ERR_NOT_FOUND, "level 2 entry");
	assert_unmapped(&f, 0xffffc90080000000, ERR_NOT_FOUND, "level 3 entry");
	assert_unmapped(&f, 0xffffff0000000000, ERR_NOT_FOUND, "level 4 entry");
	fake_deinit(&f);
}

TEST(four_levels)
{
	check_page_sizes(4);
}

TEST(five_levels)
{
	struct fake f;

	check_page_sizes(5);
	fake_init(&f, 8 * MIB, 5);
	fake_ram(&f, 0, f.size);
	fake_map(&f, 0xff11000000005000, 0x7000, 1); /* canonical with 57 bits only */
	fake_open(&f);
	assert_maps(&f, 0xff11000000005123, 0x7123, FAKE_PAGE - 0x123);
	assert_unmapped(&f, 0xff80000000000000, ERR_NOT_FOUND, "level 5 entry");
	assert_unmapped(&f, 0x0100000000000000, ERR_NOT_FOUND, "canonical 57-bit");
	fake_deinit(&f);
}

/* Pages in one piece are told of at once; a gap, another place or the end of the table ends it. */
TEST(a_piece_goes_on_in_its_table)
{
	const uint64_t end = 0xffff888000200000;
	struct fake f;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, f.size);
	for (uint64_t i = 0; i < 3; i++)
		fake_map(&f, 0xffff888000005000 + i * FAKE_PAGE, 0x7000 + i * FAKE_PAGE, 1);
	fake_map(&f, 0xffff888000008000, 0xb000, 1); /* elsewhere */
	fake_map(&f, end - FAKE_PAGE, 0x20000, 1);
	fake_map(&f, end, 0x21000, 1); /* in the next table */
	fake_map(&f, 0xffffea0000200000, 0x40000000, 2);
	fake_map(&f, 0xffffea0000400000, 0x40200000, 2);
	fake_map(&f, 0xffffea0000600000, 0x40400000, 1); /* not a large page, but a table */
	fake_open(&f);
	assert_maps(&f, 0xffff888000005010, 0x7010, 3 * FAKE_PAGE - 0x10);
	assert_maps(&f, 0xffff888000007000, 0x9000, FAKE_PAGE);
	assert_maps(&f, end - FAKE_PAGE, 0x20000, FAKE_PAGE);
	assert_maps(&f, 0xffffea0000200123, 0x40000123, 4 * MIB - 0x123);
	fake_deinit(&f);
}

TEST(not_canonical)
{
	struct fake f;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, f.size);
	fake_map(&f, 0x00007ffffffff000, 0x3000, 1);
	fake_open(&f);
	assert_maps(&f, 0x00007ffffffff000, 0x3000, FAKE_PAGE);
	assert_unmapped(&f, 0x0000800000000000, ERR_NOT_FOUND, "canonical 48-bit");
	assert_unmapped(&f, 0xff11000000005000, ERR_NOT_FOUND, "0xff11000000005000");
	assert_unmapped(&f, 0xffff7fffffffffff, ERR_NOT_FOUND, "canonical");
	fake_deinit(&f);
}

/* An entry is taken away at each level in turn; the message has level, place and value. */
TEST(not_present_at_each_level)
{
	for (unsigned int levels = 4; levels <= 5; levels++)
		for (unsigned int level = 1; level <= levels; level++) {
			const uint64_t vaddr = 0xffff888000005000;
			char level_text[32], value_text[32];
			struct fake f;

			fake_init(&f, 8 * MIB, levels);
			fake_ram(&f, 0, f.size);
			fake_map(&f, vaddr, 0x7000, 1);
			/* all but the present bit: swap entries and PROT_NONE look like this */
			fake_put64(&f, fake_entry(&f, vaddr, level), 0x123000 | 0x80 | 0x62);
			fake_open(&f);
			snprintf(level_text, sizeof(level_text), "level %u entry", level);
			snprintf(value_text, sizeof(value_text), "is 0x1230e2");
			assert_unmapped(&f, vaddr, ERR_NOT_FOUND, level_text);
			assert_unmapped(&f, vaddr, ERR_NOT_FOUND, value_text);
			assert_unmapped(&f, vaddr, ERR_NOT_FOUND, "0xffff888000005000");
			fake_deinit(&f);
		}
}

TEST(table_not_in_the_dump)
{
	struct fake f;
	uint64_t pte;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, f.size);
	fake_map(&f, 0xffff888000005000, 0x7000, 1);
	pte = fake_entry(&f, 0xffff888000005000, 1) & ~(FAKE_PAGE - 1);
	fake_open(&f);
	fake_bad(&f, pte, pte + FAKE_PAGE);
	assert_unmapped(&f, 0xffff888000005000, ERR_SYSTEM, "level 1 page table");
	fake_absent(&f, pte, pte + FAKE_PAGE);
	assert_unmapped(&f, 0xffff888000005000, ERR_NOT_FOUND, "level 1 page table");
	fake_absent(&f, f.root, f.root + FAKE_PAGE);
	assert_unmapped(&f, 0xffff888000005000, ERR_NOT_FOUND, "level 4 page table");
	fake_deinit(&f);
}

/* With SME the C bit is set in every entry; it is no part of the address. */
TEST(sme_mask)
{
	const uint64_t c_bit = 1ULL << 51, vaddr = 0xffff888000005000;
	struct fake f;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, f.size);
	fake_map(&f, vaddr, 0x7000, 1);
	fake_put64(&f, fake_entry(&f, vaddr, 1), 0x7000 | 0x63 | c_bit);
	fake_open(&f);
	assert_maps(&f, vaddr, 0x7000 | c_bit, FAKE_PAGE);
	fake_set(&f, "NUMBER(sme_mask)", "%" PRIu64, c_bit);
	fake_open(&f);
	assert_maps(&f, vaddr, 0x7000, FAKE_PAGE);
	/* the top one too */
	fake_put64(&f, f.root + (vaddr >> 39 & 511) * 8,
		   fake_get64(&f, f.root + (vaddr >> 39 & 511) * 8) | c_bit);
	assert_maps(&f, vaddr, 0x7000, FAKE_PAGE);
	fake_deinit(&f);
}

/* NX and other high bits, the PAT bit of a large page (bit 12): no part of the address either. */
TEST(attribute_bits)
{
	struct fake f;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, f.size);
	fake_map(&f, 0xffff888000005000, 0x7000 | 0xfff0000000000000, 1);
	fake_map(&f, 0xffff888000200000, 0x40000000 | 0x1000 | 0x8000000000000000, 2);
	fake_open(&f);
	assert_maps(&f, 0xffff888000005000, 0x7000, FAKE_PAGE);
	assert_maps(&f, 0xffff888000200000, 0x40000000, 2 * MIB);
	fake_deinit(&f);
}

/* Bit 7 of a level 4 or 5 entry is reserved, of a level 1 entry PAT: neither makes a large page. */
TEST(bit_7_means_a_page_at_levels_2_and_3_only)
{
	const uint64_t vaddr = 0xffff888000005000;
	struct fake f;

	fake_init(&f, 8 * MIB, 5);
	fake_ram(&f, 0, f.size);
	fake_map(&f, vaddr, 0x7080, 1);
	for (unsigned int level = 4; level <= 5; level++)
		fake_put64(&f, fake_entry(&f, vaddr, level),
			   fake_get64(&f, fake_entry(&f, vaddr, level)) | 0x80);
	fake_open(&f);
	assert_maps(&f, vaddr, 0x7000, FAKE_PAGE);
	fake_deinit(&f);
}

TEST(self_reference_terminates)
{
	struct fake f;

	for (unsigned int levels = 4; levels <= 5; levels++) {
		fake_init(&f, 8 * MIB, levels);
		fake_ram(&f, 0, f.size);
		for (unsigned int i = 0; i < 512; i++)
			fake_put64(&f, f.root + i * 8, f.root | 0x63);
		fake_open(&f);
		assert_maps(&f, 0xffff888000005123, f.root + 0x123, FAKE_PAGE - 0x123);
		fake_deinit(&f);
	}
}

/* `key` with `value` (NULL: without it) is refused, and the message has `part` in it. */
static void check_key(const char *key, const char *value, int code, const char *part)
{
	struct fake f;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, f.size);
	fake_unset(&f, key);
	if (value)
		fake_set(&f, key, "%s", value);
	assert_fails(fake_try_open(&f, err), code, part);
	fake_deinit(&f);
}

TEST(bad_keys_are_named)
{
	check_key("SYMBOL(init_top_pgt)", NULL, ERR_NOT_FOUND, "SYMBOL(init_top_pgt)");
	check_key("NUMBER(phys_base)", NULL, ERR_NOT_FOUND, "NUMBER(phys_base)");
	check_key("SYMBOL(init_top_pgt)", "zzz", ERR_CORRUPT, "SYMBOL(init_top_pgt)=zzz");
	check_key("SYMBOL(init_top_pgt)", "1000", ERR_CORRUPT, "SYMBOL(init_top_pgt)=1000");
	check_key("SYMBOL(init_top_pgt)", "ffffffff80001008", ERR_CORRUPT, "page tables at");
	check_key("NUMBER(phys_base)", "4096x", ERR_CORRUPT, "NUMBER(phys_base)=4096x");
	check_key("NUMBER(phys_base)", "-9223372036854775808", ERR_CORRUPT, "NUMBER(phys_base)=-9");
	check_key("NUMBER(phys_base)", "9223372036854775807", ERR_CORRUPT, "NUMBER(phys_base)=9");
	check_key("NUMBER(phys_base)", "4503599627370496", ERR_CORRUPT, "0x10000000001000");
	check_key("NUMBER(pgtable_l5_enabled)", "yes", ERR_CORRUPT, "NUMBER(pgtable_l5_enabled)");
	/* once taken as it was: -1 made every table's address 0 */
	check_key("NUMBER(sme_mask)", "-1", ERR_CORRUPT, "NUMBER(sme_mask)=0xffffffffffffffff");
	check_key("NUMBER(sme_mask)", "3", ERR_CORRUPT, "NUMBER(sme_mask)=0x3");
}

TEST(registry)
{
	assert_ptr_equal(arch_by_elf_machine(EM_X86_64), &arch_x86_64);
	assert_null(arch_by_elf_machine(EM_386));
	assert_null(arch_by_elf_machine(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_levels),
		cmocka_unit_test(five_levels),
		cmocka_unit_test(a_piece_goes_on_in_its_table),
		cmocka_unit_test(not_canonical),
		cmocka_unit_test(not_present_at_each_level),
		cmocka_unit_test(table_not_in_the_dump),
		cmocka_unit_test(sme_mask),
		cmocka_unit_test(attribute_bits),
		cmocka_unit_test(bit_7_means_a_page_at_levels_2_and_3_only),
		cmocka_unit_test(self_reference_terminates),
		cmocka_unit_test(bad_keys_are_named),
		cmocka_unit_test(registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
