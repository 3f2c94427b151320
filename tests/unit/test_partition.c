// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/disk_fixture.h"

#include "storage/partition.h"

static int make(void **state)
{
	int r = scratch_make(state);

	disk_make("d", DISK_SIZE);
	return r;
}

static const struct table_part parts[] = {
	{.first = 16, .last = 31, .label = "boot"},
	{.first = 0},
	{.first = 32, .last = 63, .label = "crash dumps"},
};

static int read_it(uint32_t sector, unsigned int number, uint64_t start, struct partition *ret,
		   struct err *err)
{
	struct partition p = {.number = number, .start = start};
	_cleanup_close_ int fd = open("d", O_RDONLY);
	int r = partition_read(fd, DISK_SIZE, sector, "d", &p, err);

	*ret = p;
	return r;
}

static void check_gpt(uint32_t sector)
{
	struct partition p;

	assert_ok(read_it(sector, 1, 16 * sector, &p, err));
	assert_string_equal(p.uuid, GUID_10);
	assert_string_equal(p.label, "boot");
	assert_ok(read_it(sector, 3, 32 * sector, &p, err));
	assert_string_equal(p.label, "crash dumps");
}

TEST(gpt_of_both_sector_sizes)
{
	struct partition p;

	put_gpt("d", DISK_SIZE, 512, parts, ARRAY_SIZE(parts));
	check_gpt(512);
	assert_fails(read_it(512, 2, 16 * 512, &p, err), ERR_CORRUPT,
		     "d: partition 2 at 0x2000 is not in the GPT");
	assert_string_equal(p.uuid, "");
	assert_fails(read_it(512, 9, 16 * 512, &p, err), ERR_CORRUPT, "not among the 8");
	assert_fails(read_it(4096, 1, 16 * 512, &p, err), ERR_CORRUPT, "damaged");
	disk_make("d", DISK_SIZE);
	put_gpt("d", DISK_SIZE, 4096, parts, ARRAY_SIZE(parts));
	check_gpt(4096);
}

/* The kernel's partition is not that of the table: somebody has changed the table since. */
TEST(gpt_entry_elsewhere)
{
	struct partition p;

	put_gpt("d", DISK_SIZE, 512, parts, ARRAY_SIZE(parts));
	assert_fails(read_it(512, 1, 17 * 512, &p, err), ERR_CORRUPT, "not in the GPT");
}

/* Any byte of the header or of the entries: the copy at the end has it all; without it there is nothing. */
TEST(gpt_copy_of_a_damaged_one)
{
	struct partition p;

	for (uint64_t at = 512; at < 1024 + GPT_TEST_ENTRIES * 128; at++) {
		if (at == 512 + 92)
			at = 1024; /* behind the header */
		put_gpt("d", DISK_SIZE, 512, parts, ARRAY_SIZE(parts));
		disk_flip("d", at);
		check_gpt(512);
		if (at % 16)
			continue;
		disk_flip("d", DISK_SIZE - 512 + 40); /* the copy's header */
		assert_fails(read_it(512, 1, 16 * 512, &p, err), ERR_CORRUPT,
			     "no good copy of the GPT either: d: the GPT ");
		disk_flip("d", DISK_SIZE - 512 + 40);
		disk_flip("d", DISK_SIZE - 5 * 512 + 60); /* its entries */
		assert_fails(read_it(512, 1, 16 * 512, &p, err), ERR_CORRUPT, "no good copy");
	}
}

/* Right checksums over fields that are not: written by someone who wants to be read beyond his disk. */
static void check_header(size_t off, uint64_t value, size_t len)
{
	uint8_t h[512];
	struct partition p;
	int fd = open("d", O_RDWR);
	uint32_t size;

	put_gpt("d", DISK_SIZE, 512, parts, ARRAY_SIZE(parts));
	disk_flip("d", DISK_SIZE - 512); /* no copy */
	assert_int_equal(pread(fd, h, sizeof(h), 512), sizeof(h));
	value = htole64(value);
	memcpy(h + off, &value, len);
	memcpy(&size, h + 12, 4);
	memset(h + 16, 0, 4);
	PUT(h + 16, disk_crc32(h, size <= sizeof(h) ? size : 92));
	assert_int_equal(pwrite(fd, h, sizeof(h), 512), sizeof(h));
	close(fd);
	assert_fails(read_it(512, 1, 16 * 512, &p, err), ERR_CORRUPT, "GPT");
}

TEST(gpt_headers_that_lie)
{
	check_header(12, 91, 4); /* the header's size */
	check_header(12, 513, 4);
	check_header(12, UINT32_MAX, 4);
	check_header(24, 2, 8);         /* its own place */
	check_header(40, DISK_SIZE, 8); /* the usable sectors */
	check_header(48, DISK_SIZE / 512, 8);
	check_header(72, DISK_SIZE / 512, 8); /* the entries */
	check_header(72, UINT64_MAX, 8);
	check_header(72, UINT64_MAX / 512, 8);
	check_header(80, 0, 4);
	check_header(80, UINT32_MAX, 4);
	check_header(84, 0, 4);
	check_header(84, 64, 4);
	check_header(84, 129, 4);
	check_header(84, 1U << 31, 4);
}

TEST(names_in_unicode)
{
	/* ä, €, U+1F600 as a pair, the first half of one, A, the second half of one */
	static const uint16_t units[] = {0xe4, 0x20ac, 0xd83d, 0xde00, 0xd83d, 'A', 0xde00};
	static const struct table_part one[] = {{.first = 16, .last = 31}};
	uint8_t entries[GPT_TEST_ENTRIES * 128];
	struct partition p;
	int fd = open("d", O_RDWR);

	put_gpt("d", DISK_SIZE, 512, one, 1);
	assert_int_equal(pread(fd, entries, sizeof(entries), 1024), sizeof(entries));
	memcpy(entries + 56, units, sizeof(units));
	put_gpt_header("d", 512, DISK_SIZE / 512, 1, 2, entries, sizeof(entries));
	assert_ok(read_it(512, 1, 16 * 512, &p, err));
	assert_string_equal(p.label, "ä€😀\ufffdA\ufffd");
	/* the longest */
	for (size_t i = 0; i < 36; i++)
		PUT(entries + 56 + 2 * i, (uint16_t)0xffff);
	put_gpt_header("d", 512, DISK_SIZE / 512, 1, 2, entries, sizeof(entries));
	assert_ok(read_it(512, 1, 16 * 512, &p, err));
	assert_int_equal(strlen(p.label), 108);
	close(fd);
}

TEST(dos)
{
	static const struct table_part table[4] = {
		{.first = 8, .last = 15, .type = 0x83},
		{.first = 16, .last = 99, .type = 0x05},
		{.first = 100, .last = 109, .type = 0x82},
	};
	struct partition p;

	put_dos("d", 0x1234abcd, table);
	assert_ok(read_it(512, 1, 8 * 512, &p, err));
	assert_string_equal(p.uuid, "1234abcd-01");
	assert_string_equal(p.label, "");
	assert_ok(read_it(512, 12, 50 * 512, &p, err)); /* a logical one */
	assert_string_equal(p.uuid, "1234abcd-0c");
	assert_fails(read_it(512, 3, 101 * 512, &p, err), ERR_CORRUPT, "not in the DOS table");
	assert_fails(read_it(512, 4, 100 * 512, &p, err), ERR_CORRUPT, "not in the DOS table");
	assert_fails(read_it(512, 5, 16 * 512, &p, err), ERR_CORRUPT, "not in the DOS table");
	assert_fails(read_it(512, 5, 100 * 512, &p, err), ERR_CORRUPT, "not in the DOS table");
	put_dos("d", 0, table);
	assert_ok(read_it(512, 1, 8 * 512, &p, err));
	assert_string_equal(p.uuid, "");
}

TEST(no_table)
{
	struct partition p;
	struct partition q = {.number = 1};
	_cleanup_close_ int fd = open("d", O_RDONLY);

	assert_fails(read_it(512, 1, 512, &p, err), ERR_NOT_FOUND, "no partition table");
	assert_fails(partition_read(fd, 512, 512, "d", &q, err), ERR_NOT_FOUND, "too small");
	assert_fails(partition_read(fd, 0, 512, "d", &q, err), ERR_NOT_FOUND, "too small");
	assert_fails(read_it(0, 1, 512, &p, err), ERR_CORRUPT, "sectors of 0 bytes");
	assert_fails(read_it(513, 1, 512, &p, err), ERR_CORRUPT, "sectors of 513 bytes");
	assert_fails(read_it(512, 0, 512, &p, err), ERR_CORRUPT, "partition 0");
	assert_fails(partition_read(fd, 2 * DISK_SIZE, 512, "d", &q, err), ERR_NOT_FOUND,
		     "no partition table");
}

/* The copy is looked for at the end that the kernel tells, and nothing is there. */
TEST(gpt_on_a_disk_that_ends_early)
{
	struct partition p = {.number = 1, .start = 16 * 512};
	_cleanup_close_ int fd = open("d", O_RDONLY);

	put_gpt("d", DISK_SIZE, 512, parts, ARRAY_SIZE(parts));
	disk_flip("d", 600);
	assert_fails(partition_read(fd, 2 * DISK_SIZE, 512, "d", &p, err), ERR_CORRUPT, "no good");
	assert_string_equal(p.uuid, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gpt_of_both_sector_sizes, make, scratch_drop),
		cmocka_unit_test_setup_teardown(gpt_entry_elsewhere, make, scratch_drop),
		cmocka_unit_test_setup_teardown(gpt_copy_of_a_damaged_one, make, scratch_drop),
		cmocka_unit_test_setup_teardown(gpt_headers_that_lie, make, scratch_drop),
		cmocka_unit_test_setup_teardown(names_in_unicode, make, scratch_drop),
		cmocka_unit_test_setup_teardown(dos, make, scratch_drop),
		cmocka_unit_test_setup_teardown(no_table, make, scratch_drop),
		cmocka_unit_test_setup_teardown(gpt_on_a_disk_that_ends_early, make, scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
