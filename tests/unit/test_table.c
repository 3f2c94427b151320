// SPDX-License-Identifier: GPL-2.0-or-later
/* What is written is read by the code that finds partitions after a crash. */
#include "tests/unit/unit.h"

#include "storage/partition.h"
#include "proof/table.h"

#define SIZE  (3ULL << 20)
#define TOTAL (SIZE + 2 * TABLE_START)

static int empty_disk(uint64_t total)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)total), 0);
	return fd;
}

static void check_partition(int fd, unsigned int number, const char *uuid)
{
	struct partition p = {.number = number, .start = TABLE_START};

	assert_ok(partition_read(fd, TOTAL, 512, "disk", &p, err));
	assert_string_equal(p.uuid, uuid);
}

TEST(gpt)
{
	static const char uuid[] = "0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8";
	uint8_t zeros[512] = {0};
	int fd = empty_disk(TOTAL);

	assert_ok(table_write(fd, SIZE, uuid, "disk", err));
	check_partition(fd, 1, uuid);
	/* its copy holds, too */
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 512), sizeof(zeros));
	check_partition(fd, 1, uuid);
	close(fd);
}

TEST(dos)
{
	int fd = empty_disk(TOTAL);

	assert_ok(table_write(fd, SIZE, "1234abcd-03", "disk", err));
	check_partition(fd, 3, "1234abcd-03");
	close(fd);
}

TEST(what_cannot_be)
{
	int fd = empty_disk(TOTAL);

	assert_fails(table_write(fd, SIZE, "1234abcd-05", "disk", err), ERR_UNSUPPORTED, "logical");
	assert_fails(table_write(fd, SIZE, "1234abcd-00", "disk", err), ERR_UNSUPPORTED, "logical");
	assert_fails(table_write(fd, SIZE, "12AB-34CD", "disk", err), ERR_UNSUPPORTED, "neither");
	assert_fails(table_write(fd, SIZE, "0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7eg", "disk", err),
		     ERR_UNSUPPORTED, "neither");
	assert_fails(table_write(fd, SIZE, "0f2a1b3c04d5e-4f60-8182-93a4b5c6d7e8", "disk", err),
		     ERR_UNSUPPORTED, "neither");
	assert_fails(table_write(fd, SIZE, "", "disk", err), ERR_UNSUPPORTED, "neither");
	assert_fails(table_write(fd, SIZE + 1, "1234abcd-01", "disk", err), ERR_UNSUPPORTED,
		     "a partition of");
	assert_fails(table_write(fd, 0, "1234abcd-01", "disk", err), ERR_UNSUPPORTED,
		     "a partition of");
	assert_fails(table_write(fd, 1ULL << 42, "1234abcd-01", "disk", err), ERR_UNSUPPORTED,
		     "DOS table");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpt),
		cmocka_unit_test(dos),
		cmocka_unit_test(what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
