// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An input that does not say the same twice: a disk that begins to fail, no memory for a buffer, a file that
 * somebody writes to. Of a large machine struct pages are read several times, and what is written
 * relies on what was counted.
 */
#include "filter/filter.h"
#include "tests/unit/fake_image.h"
#include "tests/unit/fake_out.h"

#define CHUNK   (128 * MIB)
#define CHUNKS  1100 /* more than are kept in memory */
#define SECTION (CHUNKS - 1)

/*
 * A machine whose last chunk has struct pages; of the others nothing is known. They are all free but for one
 * page that is the kernel's.
 */
static void make(struct fake *f)
{
	const struct fake_layout *l = &fake_layouts[FAKE_6_12];
	const uint64_t first = SECTION * CHUNK / FAKE_PAGE;

	fake_init(f, CHUNKS * CHUNK, 4);
	fake_ram(f, 0, 8 * MIB);
	for (uint64_t i = 1; i < SECTION; i++)
		fake_ram(f, i * CHUNK, i * CHUNK + FAKE_PAGE);
	fake_ram(f, SECTION * CHUNK, SECTION * CHUNK + 64 * MIB);
	fake_sections(f, 27, 40, true);
	fake_page_keys(f, l);
	fake_section(f, SECTION, 7);
	for (uint64_t i = 1; i < 64 * MIB / FAKE_PAGE; i++)
		fake_put32(f, fake_page(f, first + i) + OFF_MAPCOUNT, l->buddy);
	fake_open(f);
}

/* Once all has been looked at, the struct pages cannot be read any more: unknown, so all would be kept. */
static void fail_later(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct fake *f = ctx;
	uint64_t pages = fake_page(f, SECTION * CHUNK / FAKE_PAGE);

	if (phase == FILTER_SCAN && done == total)
		fake_bad(f, pages, pages + 2 * MIB);
}

/* The other way round: a page is free now that was counted as kept. */
static void free_later(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct fake *f = ctx;
	uint64_t page = fake_page(f, SECTION * CHUNK / FAKE_PAGE);

	if (phase == FILTER_SCAN && done == total)
		fake_put32(f, page + OFF_MAPCOUNT, fake_layouts[FAKE_6_12].buddy);
}

/* As many pages, but others. */
static void swap_later(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct fake *f = ctx;
	uint64_t page = fake_page(f, SECTION * CHUNK / FAKE_PAGE);

	free_later(ctx, phase, done, total);
	if (phase == FILTER_SCAN && done == total)
		fake_put32(f, page + FAKE_PAGE_STRUCT + OFF_MAPCOUNT, UINT32_MAX);
}

typedef void (*progress_fn)(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total);

static void check(enum filter_format format, size_t n, progress_fn later)
{
	struct fake f;
	struct fake_out *o[2] = {fake_out_create(0), fake_out_create(0)};
	struct out *outs[2] = {&o[0]->out, &o[1]->out};
	struct filter_options options = {
		.format = format, .level = 16, .threads = 1, .progress = later, .progress_ctx = &f};
	struct filter_stats stats;

	make(&f);
	assert_fails(filter_run_split(f.img, &options, outs, n, &stats, err), ERR_CORRUPT,
		     "changed");
	fake_out_destroy(o[0]);
	fake_out_destroy(o[1]);
	fake_deinit(&f);
}

TEST(kdump)
{
	check(FILTER_KDUMP, 1, fail_later);
	check(FILTER_KDUMP, 1, free_later);
	check(FILTER_KDUMP, 1, swap_later);
}

TEST(split)
{
	check(FILTER_KDUMP, 2, fail_later);
	check(FILTER_KDUMP, 2, free_later);
	check(FILTER_KDUMP, 2, swap_later);
}

TEST(elf)
{
	check(FILTER_ELF, 1, fail_later);
	check(FILTER_ELF, 1, free_later);
	check(FILTER_ELF, 1, swap_later);
}

/* The page tables cannot be read any more when it is found out which struct pages are needed. */
static void lose_tables(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct fake *f = ctx;
	uint64_t table = fake_get64(f, fake_entry(f, FAKE_VMEMMAP + SECTION * 2 * MIB, 2)) &
			 0x000ffffffffff000;

	if (phase == FILTER_SCAN && done == total)
		fake_bad(f, table, table + FAKE_PAGE);
}

/* Struct pages of kept pages stay, because it is not known which are. */
TEST(struct_pages_needed)
{
	struct fake f;
	struct fake_out *o = fake_out_create(0);
	struct filter_options options = {.level = 16,
					 .threads = 1,
					 .exclude_vmemmap = true,
					 .progress = lose_tables,
					 .progress_ctx = &f};
	struct filter_stats stats;

	make(&f);
	/* few chunks: all bits stay in memory, so that nothing else notices */
	fake_absent(&f, CHUNK, 1000 * CHUNK);
	assert_ok(filter_run(f.img, &options, &o->out, &stats, err));
	assert_int_equal(stats.vmemmap, 0);
	options.progress = NULL;
	ranges_deinit(&f.bad);
	assert_ok(filter_run(f.img, &options, &o->out, &stats, err));
	assert_int_equal(stats.vmemmap, 64 * MIB / FAKE_PAGE / 64 - 1);
	fake_out_destroy(o);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kdump),
		cmocka_unit_test(split),
		cmocka_unit_test(elf),
		cmocka_unit_test(struct_pages_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
