// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/num.h"
#include "format/kdump_census.h"

enum { BS = 4096, PAGES = 40, MAX = 512 * 1024 };

/* A dump as the writer's functions lay it out: page frames 0 to PAGES - 1, of which `what` says what each is. */
static struct {
	uint8_t data[MAX];
	size_t len;
	struct kdump_header h;
	struct kdump_layout l;
	uint64_t n_descs;
} dump;

static void begin(bool incomplete)
{
	memset(&dump, 0, sizeof(dump));
	strcpy(dump.h.uts[0], "Linux");
	strcpy(dump.h.uts[4], "x86_64");
	dump.h.block_size = BS;
	dump.h.max_mapnr = PAGES;
	dump.h.status = CODEC_ZLIB | (incomplete ? KDUMP_STATUS_INCOMPLETE : 0);
	assert_ok(kdump_plan(&dump.h, &dump.l, err));
	kdump_encode_header(&dump.h, dump.data);
	kdump_encode_sub_header(&dump.h, dump.data + BS);
	dump.len = dump.l.desc_off + PAGES * KDUMP_DESC_SIZE;
}

static void set_bit(uint64_t bitmap, uint64_t pfn)
{
	dump.data[bitmap + pfn / 8] |= (uint8_t)(1 << pfn % 8);
}

/* Data of its own, packed or not; returns where it is. */
static struct kdump_desc put_data(uint8_t byte, bool packed)
{
	struct kdump_desc d = {.offset = dump.len, .size = BS};
	struct compressor *c = NULL;
	static uint8_t page[BS];

	memset(page, byte, BS);
	if (packed) {
		assert_ok(compressor_create(CODEC_ZLIB, 0, &c, err));
		d.size = (uint32_t)compressor_run(c, page, BS, dump.data + dump.len);
		d.flags = CODEC_ZLIB;
		compressor_destroy(c);
	} else {
		memcpy(dump.data + dump.len, page, BS);
	}
	dump.len += d.size;
	assert_true(d.size && dump.len <= MAX);
	return d;
}

static void put_page(uint64_t pfn, const struct kdump_desc *d)
{
	set_bit(dump.l.bitmap1_off, pfn);
	set_bit(dump.l.bitmap2_off, pfn);
	kdump_encode_desc(d, dump.data + dump.l.desc_off + dump.n_descs++ * KDUMP_DESC_SIZE);
}

static struct source *open_dump(size_t len)
{
	struct source *src = NULL;
	struct memfile file;

	memfile_write(&file, dump.data, len);
	assert_ok(source_open(file.path, &src, err));
	memfile_close(&file);
	return src;
}

static char told[PAGES + 1];
static uint64_t last_end;

static void tell(void *ctx, enum kdump_census_kind kind, uint64_t start, uint64_t end)
{
	assert_ptr_equal(ctx, told);
	assert_true(start >= last_end && start < end && end <= PAGES * BS);
	last_end = end;
	for (uint64_t at = start; at < end; at += BS)
		told[at / BS] = kind == KDUMP_CENSUS_ZERO ? '0' : 'x';
}

static const char *census(size_t len)
{
	struct source *src = open_dump(len);

	memset(told, '.', PAGES);
	last_end = 0;
	assert_ok(kdump_census(src, PAGES, tell, told, err));
	source_destroy(src);
	return told;
}

/* Zeros are told whether packed or not, singly or in a row; what else is shared is not zeros. */
TEST(zeros_are_told_by_what_they_share)
{
	for (int packed = 0; packed < 2; packed++) {
		struct kdump_desc zero, ones;

		begin(false);
		zero = put_data(0, packed);
		ones = put_data(1, packed);
		for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
			struct kdump_desc own = zero;

			if (pfn >= 4 && pfn < 10)
				own = ones;
			else if (pfn >= 20 && pfn < 24)
				own = put_data((uint8_t)pfn, packed);
			if (pfn != 30) /* left out */
				put_page(pfn, &own);
			else
				set_bit(dump.l.bitmap1_off, pfn);
		}
		assert_string_equal(census(dump.len),
				    packed ? "0000......0000000000....000000.000000000"
					   : ".000......0000000000....000000.000000000");
	}
}

TEST(lost_pages_are_told)
{
	struct kdump_desc none = {0}, own;

	begin(true);
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		own = pfn < 8 ? put_data((uint8_t)(pfn + 1), true) : none;
		put_page(pfn, &own);
	}
	assert_string_equal(census(dump.len), "........xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	/* and where the file ends within its descriptors */
	assert_string_equal(census(dump.l.desc_off + 5 * KDUMP_DESC_SIZE + 7) + 5,
			    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

TEST(what_has_too_many_or_none_is_not_gone_over)
{
	struct kdump_desc zero;
	struct source *src;

	begin(false);
	zero = put_data(0, true);
	for (uint64_t pfn = 0; pfn < PAGES; pfn++)
		put_page(pfn, &zero);
	src = open_dump(dump.len);
	memset(told, '.', PAGES);
	assert_fails(kdump_census(src, PAGES - 1, tell, told, err), ERR_UNSUPPORTED, "39");
	assert_int_equal(strspn(told, "."), PAGES);
	source_destroy(src);
	const struct source_ops ops = {.name = "another"};
	const struct source other = {.ops = &ops};
	assert_fails(kdump_census(&other, PAGES, tell, told, err), ERR_UNSUPPORTED, "another");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeros_are_told_by_what_they_share),
		cmocka_unit_test(lost_pages_are_told),
		cmocka_unit_test(what_has_too_many_or_none_is_not_gone_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
