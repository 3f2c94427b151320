// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/disk_fixture.h"

#include "storage/fsid.h"

static int make(void **state)
{
	int r = scratch_make(state);

	disk_make("d", DISK_SIZE);
	return r;
}

static struct fsid id_of_size(uint64_t size)
{
	struct fsid id;
	_cleanup_close_ int fd = open("d", O_RDONLY);

	assert_ok(fsid_read(fd, size, "d", &id, err));
	return id;
}

static struct fsid id_now(void)
{
	struct stat st;

	assert_int_equal(stat("d", &st), 0);
	return id_of_size((uint64_t)st.st_size);
}

static void check(const char *type, const char *uuid, const char *label)
{
	struct fsid id = id_now();

	assert_string_equal(id.type, type);
	assert_string_equal(id.uuid, uuid);
	assert_string_equal(id.label, label);
}

/* A changed byte anywhere in [off, off + len) makes it unknown. */
static void check_each_byte(uint64_t off, size_t len)
{
	for (uint64_t at = off; at < off + len; at++) {
		disk_flip("d", at);
		check("", "", "");
		disk_flip("d", at);
	}
}

TEST(nothing)
{
	struct fsid id;

	check("", "", "");
	id = id_of_size(0);
	assert_string_equal(id.type, "");
	assert_int_equal(id.n_devices, 1);
	assert_false(fsid_is_file_system(&id));
}

TEST(ext4_and_its_checksum)
{
	struct fsid id;

	put_ext("d", ext4, 0x10);
	check("ext4", UUID_10, "root");
	id = id_now();
	assert_false(id.dirty || id.read_only);
	assert_true(fsid_is_file_system(&id));
	check_each_byte(1024, 0x65);
	check_each_byte(1024 + 0x66, 1024 - 0x66); /* between them: whether there is a checksum */
}

static struct fsid ext_with(struct ext e)
{
	put_ext("d", e, 0x10);
	return id_now();
}

TEST(kinds_of_ext)
{
	struct ext e = {.size = DISK_SIZE, .state = 1, .label = "0123456789abcdef"};

	assert_string_equal(ext_with(e).type, "ext2");
	assert_string_equal(ext_with(e).label, "0123456789abcdef");
	e.compat = 0x4;
	assert_string_equal(ext_with(e).type, "ext3");
	e.ro = 0x8;
	assert_string_equal(ext_with(e).type, "ext4");
	e.compat = 0;
	assert_string_equal(ext_with(e).type, "ext4");
	e.incompat = 0x8; /* a journal of its own */
	assert_string_equal(ext_with(e).type, "");
}

TEST(ext_that_is_dirty_or_not_written)
{
	struct ext e = ext4;

	e.incompat |= 0x4;
	assert_true(ext_with(e).dirty);
	e = ext4;
	e.state = 0;
	assert_true(ext_with(e).dirty);
	e.state = 3;
	assert_true(ext_with(e).dirty);
	e = ext4;
	e.ro |= 0x10000;
	assert_true(ext_with(e).dirty);
	e.ro = 0x1001;
	assert_true(ext_with(e).read_only);
	assert_false(ext_with(e).dirty);
}

/* The first disk of a linear array, a partition that was made smaller: it would be written beyond its end. */
TEST(a_file_system_larger_than_its_device)
{
	put_ext("d", ext4, 0x10);
	assert_string_equal(id_of_size(DISK_SIZE).type, "ext4");
	assert_string_equal(id_of_size(DISK_SIZE - 1024).type, "");
	disk_make("d", DISK_SIZE);
	put_xfs("d", DISK_SIZE, 0, 0x10);
	assert_string_equal(id_of_size(DISK_SIZE).type, "xfs");
	assert_string_equal(id_of_size(DISK_SIZE - 4096).type, "");
	disk_make("d", DISK_SIZE);
	put_btrfs("d", (struct btrfs){.size = DISK_SIZE, .n_devices = 1}, 0x10);
	assert_string_equal(id_of_size(DISK_SIZE).type, "btrfs");
	assert_string_equal(id_of_size(DISK_SIZE - 4096).type, "");
	disk_make("d", DISK_SIZE);
	put_fat("d", DISK_SIZE, false, 1, "");
	assert_string_equal(id_of_size(DISK_SIZE).type, "vfat");
	assert_string_equal(id_of_size(DISK_SIZE - 512).type, "");
}

TEST(xfs_and_its_checksum)
{
	put_xfs("d", DISK_SIZE, 0, 0xab);
	check("xfs", UUID_AB, "xlabel");
	assert_false(id_now().dirty);
	check_each_byte(0, 512);
	put_xfs("d", DISK_SIZE, 0x10, 0xab); /* needs repair */
	assert_true(id_now().dirty && id_now().read_only);
}

/* Version 4 has no checksum: each field that a kernel checks has to be right. */
TEST(xfs_without_a_checksum)
{
	static const struct {
		uint8_t off, len, value[4];
	} bad[] = {
		{100, 2, {0xb4, 0xa3}},  {100, 2, {0xb4, 0xa6}}, {4, 4, {0, 0, 0x10, 1}},
		{4, 4, {0, 0, 1, 0}},    {120, 1, {13}},         {102, 2, {0, 0}},
		{102, 2, {1, 0}},        {121, 1, {200}},        {104, 2, {0, 128}},
		{122, 1, {8}},           {126, 1, {1}},          {84, 4, {0, 0, 0, 0}},
		{84, 4, {0, 0, 0, 255}}, {88, 4, {0, 0, 0, 0}},  {88, 4, {0, 0, 0, 2}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_xfs("d", DISK_SIZE, 0, 0x10);
		disk_put("d", 100, "\xb4\xa4", 2);
		check("xfs", UUID_10, "xlabel");
		disk_put("d", bad[i].off, bad[i].value, bad[i].len);
		check("", "", "");
	}
}

TEST(btrfs_and_its_checksum)
{
	struct btrfs f = {.size = DISK_SIZE, .n_devices = 1};

	put_btrfs("d", f, 0x10);
	check("btrfs", UUID_10, "blabel");
	assert_false(id_now().dirty || id_now().read_only);
	for (uint64_t at = 65536; at < 65536 + 4096; at += at < 65536 + 32 + 4 ? 1 : 13) {
		if (at >= 65536 + 4 && at < 65536 + 32)
			continue; /* room for longer sums */
		check_each_byte(at, 1);
	}
	f.log_root = 30 << 20;
	f.n_devices = 3;
	f.flags = UINT64_C(1) << 32; /* a seed */
	put_btrfs("d", f, 0x10);
	assert_true(id_now().dirty && id_now().read_only);
	assert_int_equal(id_now().n_devices, 3);
}

TEST(vfat_of_both_kinds)
{
	put_fat("d", DISK_SIZE, false, 0x12ab34cd, "DUMPS");
	check("vfat", "12AB-34CD", "DUMPS");
	assert_false(id_now().dirty);
	disk_put("d", 37, "\1", 1);
	assert_true(id_now().dirty);
	disk_make("d", DISK_SIZE);
	put_fat("d", DISK_SIZE, true, 0x1, "SIX TEEN.8");
	check("vfat", "0000-0001", "SIX TEEN.8");
	disk_put("d", 65, "\1", 1);
	assert_true(id_now().dirty);
	put_fat("d", DISK_SIZE, true, 0, "");
	check("vfat", "", "");
}

/* FAT has no checksum: each field that a kernel checks has to be right. */
TEST(vfat_with_bad_fields)
{
	static const struct {
		uint8_t off, len, value[4];
	} bad[] = {
		{11, 2, {0, 0}},     {11, 2, {1, 2}}, {11, 2, {0, 0x20}},  {13, 1, {0}},
		{13, 1, {3}},        {14, 2, {0, 0}}, {16, 1, {0}},        {16, 1, {200}},
		{21, 1, {0}},        {17, 2, {0, 0}}, {17, 2, {255, 255}}, {32, 4, {1, 0, 0, 0}},
		{22, 2, {255, 255}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_fat("d", DISK_SIZE, false, 1, "");
		check("vfat", "0000-0001", "");
		disk_put("d", bad[i].off, bad[i].value, bad[i].len);
		check("", "", "");
	}
}

/* A chain of clusters that bites its tail, and a folder without a label. */
TEST(vfat_folder_without_end)
{
	uint8_t entries[512], next[4] = {3, 0, 0, 0};

	put_fat("d", DISK_SIZE, true, 1, "");
	memset(entries, 0xe5, sizeof(entries)); /* all deleted */
	disk_put("d", (1 + DISK_SIZE / 512 / 128 + 1 + 1) * 512, entries, sizeof(entries));
	disk_put("d", 512 + 3 * 4, next, sizeof(next));
	check("vfat", "0000-0001", "");
}

/* The next cluster of the folder has the label; parts of long names, files and folders are none. */
TEST(vfat_label_in_the_second_cluster)
{
	uint64_t root = (1 + DISK_SIZE / 512 / 128 + 1 + 1) * 512;
	uint8_t entry[32] = "LATER   XYZ", next[4] = {4, 0, 0, 0};

	put_fat("d", DISK_SIZE, true, 1, "");
	for (int i = 0; i < 16; i++) {
		static const uint8_t kinds[] = {0x0f, 0x10, 0x20};

		entry[11] = kinds[i % 3];
		disk_put("d", root + 32 * (uint64_t)i, entry, 32);
	}
	memcpy(entry, "THE LABEL  ", 11);
	entry[11] = 0x28;
	disk_put("d", root + 512, entry, 32);
	disk_put("d", 512 + 3 * 4, next, sizeof(next));
	check("vfat", "0000-0001", "THE LABEL");
}

/* Whatever is at its start: the other half of a mirror must not be left behind. */
static void check_member(const char *uuid, const char *label)
{
	put_ext("d", ext4, 0x77);
	check("linux_raid_member", uuid, label);
}

TEST(md_members)
{
	const uint64_t at_end = DISK_SIZE - 8192;

	put_md1("d", at_end, 0x10);
	check_member(UUID_10, "host:0");
	disk_flip("d", at_end + 100);
	check_member("", "");
	put_md1("d", at_end, 0x10);
	disk_flip("d", at_end + 256); /* the roles are summed, too */
	check_member("", "");

	disk_make("d", DISK_SIZE);
	put_md1("d", 0, 0x10);
	check_member(UUID_10, "host:0");
	disk_make("d", DISK_SIZE);
	put_md1("d", 4096, 0x10);
	check_member(UUID_10, "host:0");

	disk_make("d", DISK_SIZE);
	put_md0("d", DISK_SIZE, 0x10);
	check_member(UUID_10, "");
	disk_flip("d", DISK_SIZE - 65536 + 100);
	check_member("", "");
}

/* The end of the last partition is the end of the disk: a superblock knows where it belongs. */
TEST(md_superblock_elsewhere)
{
	uint8_t wrong[8] = {1};

	put_md1("d", DISK_SIZE - 8192, 0x10);
	disk_put("d", DISK_SIZE - 8192 + 144, wrong, sizeof(wrong));
	check("", "", "");
}

/* A device of an odd size: the places of both superblocks at the end are rounded. */
TEST(md_on_an_odd_size)
{
	uint64_t size = DISK_SIZE + 3 * 512;

	disk_make("d", size);
	put_md1("d", (size - 8192) & ~UINT64_C(4095), 0x10);
	check_member(UUID_10, "host:0");
	disk_make("d", size);
	put_md0("d", size, 0x10);
	check_member(UUID_10, "");
}

TEST(md_whose_place_cannot_be_read)
{
	struct fsid id = {.uuid = "untouched"};
	_cleanup_close_ int fd = open("d", O_RDONLY);

	put_ext("d", ext4, 0x10);
	assert_fails(fsid_read(fd, DISK_SIZE + (64 << 20), "d", &id, err), ERR_CORRUPT, "d: ends");
	assert_string_equal(id.uuid, "untouched");
}

TEST(lvm_luks_and_swap)
{
	uint8_t luks[256] = "LUKS\xba\xbe\0\2";

	put_lvm("d", 1);
	put_ext("d", ext4, 0x10);
	check("LVM2_member", "abcdef-GHIJ-0123-KLMN-4567-OPQR-89stuv", "");
	disk_flip("d", 512 + 300);
	check("LVM2_member", "", "");

	disk_make("d", DISK_SIZE);
	memcpy(luks + 24, "secret", 6);
	memcpy(luks + 168, UUID_10, 36);
	disk_put("d", 0, luks, sizeof(luks));
	check("crypto_LUKS", UUID_10, "secret");
	disk_flip("d", 7);
	check("", "", "");

	for (uint64_t page = 4096; page <= 65536; page *= 2) {
		disk_make("d", DISK_SIZE);
		put_swap("d", page, 0x10);
		check("swap", UUID_10, "swaplabel");
		disk_put("d", 1028, "\0\0\0\0", 4); /* no pages */
		check("", "", "");
	}
	disk_put("d", 65536 - 10, "S1SUSPEND", 10);
	check("swap", UUID_10, "swaplabel");
}

/* An older one shows through: who knows which is the living one? */
TEST(two_file_systems_are_none)
{
	put_ext("d", ext4, 0x10);
	put_btrfs("d", (struct btrfs){.size = DISK_SIZE, .n_devices = 1}, 0xab);
	check("", "", "");
	/* FAT's boot sector is no proof: it may be of a boot loader */
	disk_make("d", DISK_SIZE);
	put_fat("d", DISK_SIZE, false, 1, "");
	put_ext("d", ext4, 0x10);
	check("ext4", UUID_10, "root");
}

/* Every size up to where the superblocks are over: no read beyond the end, no name from half of one. */
TEST(small_devices)
{
	put_ext("d", ext4, 0x10);
	put_md1("d", 4096, 0x10);
	for (uint64_t size = 0; size < 70000; size += size < 5000 ? 1 : 509) {
		struct fsid id = id_of_size(size);

		assert_string_equal(id.type, size >= 4096 + 152 ? "linux_raid_member" : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing, make, scratch_drop),
		cmocka_unit_test_setup_teardown(ext4_and_its_checksum, make, scratch_drop),
		cmocka_unit_test_setup_teardown(kinds_of_ext, make, scratch_drop),
		cmocka_unit_test_setup_teardown(ext_that_is_dirty_or_not_written, make,
						scratch_drop),
		cmocka_unit_test_setup_teardown(a_file_system_larger_than_its_device, make,
						scratch_drop),
		cmocka_unit_test_setup_teardown(xfs_and_its_checksum, make, scratch_drop),
		cmocka_unit_test_setup_teardown(xfs_without_a_checksum, make, scratch_drop),
		cmocka_unit_test_setup_teardown(btrfs_and_its_checksum, make, scratch_drop),
		cmocka_unit_test_setup_teardown(vfat_of_both_kinds, make, scratch_drop),
		cmocka_unit_test_setup_teardown(vfat_with_bad_fields, make, scratch_drop),
		cmocka_unit_test_setup_teardown(vfat_folder_without_end, make, scratch_drop),
		cmocka_unit_test_setup_teardown(vfat_label_in_the_second_cluster, make,
						scratch_drop),
		cmocka_unit_test_setup_teardown(md_members, make, scratch_drop),
		cmocka_unit_test_setup_teardown(md_superblock_elsewhere, make, scratch_drop),
		cmocka_unit_test_setup_teardown(md_on_an_odd_size, make, scratch_drop),
		cmocka_unit_test_setup_teardown(md_whose_place_cannot_be_read, make, scratch_drop),
		cmocka_unit_test_setup_teardown(lvm_luks_and_swap, make, scratch_drop),
		cmocka_unit_test_setup_teardown(two_file_systems_are_none, make, scratch_drop),
		cmocka_unit_test_setup_teardown(small_devices, make, scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
