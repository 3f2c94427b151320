// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/disk_fixture.h"

#include "storage/mdraid.h"

static int read_disk(struct mdraid *ret, struct err *err)
{
	int fd = open("disk", O_RDONLY), r;

	assert_true(fd >= 0);
	r = mdraid_read(fd, DISK_SIZE, "disk", ret, err);
	close(fd);
	return r;
}

TEST(versions)
{
	static const uint64_t places[] = {DISK_SIZE - 8192, 0, 4096};
	char name[MDRAID_NAME];
	struct mdraid md;

	for (int minor = 0; minor < 3; minor++) {
		disk_make("disk", DISK_SIZE);
		put_md1("disk", places[minor], 0x10);
		assert_ok(read_disk(&md, err));
		assert_int_equal(md.major, 1);
		assert_int_equal(md.minor, minor);
		assert_string_equal(md.uuid, "10111213:14151617:18191a1b:1c1d1e1f");
		mdraid_name(&md, name);
		assert_string_equal(name, "10111213:14151617:18191a1b:1c1d1e1f/"
					  "00000000:00000000:00000000:00000000");
	}
	disk_make("disk", DISK_SIZE);
	put_md0("disk", DISK_SIZE, 0x20);
	assert_ok(read_disk(&md, err));
	assert_int_equal(md.major, 0);
	assert_int_equal(md.minor, 90);
	mdraid_name(&md, name);
	assert_string_equal(name, "20212223:24252627:28292a2b:2c2d2e2f/0");
}

TEST(what_is_no_member)
{
	struct mdraid md = {.major = 7};

	disk_make("disk", DISK_SIZE);
	assert_fails(read_disk(&md, err), ERR_NOT_FOUND, "no member");
	put_md1("disk", 4096, 0x10);
	disk_flip("disk", 4096 + 100);
	assert_fails(read_disk(&md, err), ERR_CORRUPT, "1.2");
	/* a superblock that was copied along is not at its place */
	disk_make("disk", DISK_SIZE);
	put_md1("disk", 4096, 0x10);
	disk_put("disk", 4096 + 144, "\1\0\0\0\0\0\0", 8);
	assert_fails(read_disk(&md, err), ERR_NOT_FOUND, "no member");
	disk_make("disk", DISK_SIZE);
	put_md0("disk", DISK_SIZE, 0x20);
	disk_flip("disk", DISK_SIZE - 65536 + 2000);
	assert_fails(read_disk(&md, err), ERR_CORRUPT, "0.90");
	disk_make("disk", 512);
	assert_int_equal(md.major, 7);
}

/* So many members that their roles would lie outside of what a superblock is. */
TEST(roles_without_end)
{
	struct mdraid md;

	disk_make("disk", DISK_SIZE);
	put_md1("disk", 4096, 0x10);
	disk_put("disk", 4096 + 220, "\xff\xff\xff\xff", 4);
	assert_fails(read_disk(&md, err), ERR_CORRUPT, "1.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, scratch_make, scratch_drop),
		cmocka_unit_test_setup_teardown(what_is_no_member, scratch_make, scratch_drop),
		cmocka_unit_test_setup_teardown(roles_without_end, scratch_make, scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
