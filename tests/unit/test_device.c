// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include <sys/wait.h>

#include "capture/device.h"

#define UUID_10 "10111213-1415-1617-1819-1a1b1c1d1e1f"
#define UUID_AB "abacadae-afb0-b1b2-b3b4-b5b6b7b8b9ba"

/* A machine: block/ stands for /sys/class/block, dev/ for /dev. */
static int make(void **state)
{
	int r = scratch_make(state);

	return r || mkdir("block", 0700) || mkdir("dev", 0700) ? -1 : 0;
}

static void add_disk(const char *name, uint8_t first)
{
	char path[64];

	snprintf(path, sizeof(path), "dev/%s", name);
	write_disk(path, first);
	snprintf(path, sizeof(path), "block/%s", name);
	write_text(path, "");
}

TEST(uuid_of_ext4)
{
	uint8_t disk[DEVICE_PROBE_SIZE] = {0};
	char uuid[37] = "untouched";

	disk[1024 + 0x38] = 0x53;
	for (uint8_t i = 0; i < 16; i++)
		disk[1024 + 0x68 + i] = (uint8_t)(0x10 + i);
	assert_false(device_fs_uuid((struct bytes){disk, sizeof(disk)}, uuid));
	disk[1024 + 0x39] = 0xef;
	/* every cut up to the last byte of the UUID */
	for (size_t len = 0; len < 1024 + 0x68 + 16; len++)
		assert_false(device_fs_uuid((struct bytes){disk, len}, uuid));
	assert_string_equal(uuid, "untouched");
	assert_true(device_fs_uuid((struct bytes){disk, 1024 + 0x68 + 16}, uuid));
	assert_string_equal(uuid, UUID_10);
}

TEST(a_path_is_taken_as_it_is)
{
	char found[DEVICE_PATH_MAX];

	write_text("dev/x", "");
	assert_ok(device_wait("dev/x", "block", "dev", found, err));
	assert_string_equal(found, "dev/x");
}

TEST(a_path_that_is_too_long)
{
	char path[DEVICE_PATH_MAX + 1], found[DEVICE_PATH_MAX];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_fails(device_wait(path, "block", "dev", found, err), ERR_SYSTEM, "name too long");
}

/* Devices without a node, without a medium, too small, foreign: none of them is in the way. */
TEST(found_by_uuid_among_others)
{
	char found[DEVICE_PATH_MAX];

	write_text("block/no-node", "");
	write_text("block/small", "");
	write_text("dev/small", "short");
	write_text("block/folder", "");
	assert_int_equal(mkdir("dev/folder", 0700), 0);
	add_disk("vda", 0x10);
	add_disk("vdb", 0xab);
	assert_ok(device_wait("UUID=" UUID_AB, "block", "dev", found, err));
	assert_string_equal(found, "dev/vdb");
	assert_ok(device_wait("UUID=" UUID_10, "block", "dev", found, err));
	assert_string_equal(found, "dev/vda");
}

TEST(uuids_are_compared_without_case)
{
	char found[DEVICE_PATH_MAX];

	add_disk("vdb", 0xab);
	assert_ok(device_wait("UUID=ABACADAE-AFB0-B1B2-b3b4-B5B6B7B8B9BA", "block", "dev", found,
			      err));
	assert_string_equal(found, "dev/vdb");
}

/* sysfs calls /dev/cciss/c0d0 "cciss!c0d0" */
TEST(names_with_a_folder)
{
	char found[DEVICE_PATH_MAX];

	assert_int_equal(mkdir("dev/cciss", 0700), 0);
	write_disk("dev/cciss/c0d0", 0x10);
	write_text("block/cciss!c0d0", "");
	assert_ok(device_wait("UUID=" UUID_10, "block", "dev", found, err));
	assert_string_equal(found, "dev/cciss/c0d0");
}

static void check_late(const char *name)
{
	char found[DEVICE_PATH_MAX];
	uint64_t before = step_now_ms();
	pid_t pid = fork();

	if (pid == 0) {
		usleep(100000);
		write_disk("vda.new", 0x10);
		write_text("block/vda", "");
		_exit(rename("vda.new", "dev/vda"));
	}
	assert_ok(device_wait(name, "block", "dev", found, err));
	assert_true(step_now_ms() - before >= 100);
	assert_string_equal(found, "dev/vda");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

TEST(one_that_appears_late)
{
	check_late("UUID=" UUID_10);
	unlink("dev/vda");
	check_late("dev/vda");
}

static int wait_for(void *ctx, struct err *err)
{
	char found[DEVICE_PATH_MAX];

	return device_wait(ctx, "block", "dev", found, err);
}

static void check_missing(const char *name, const char *want)
{
	struct step_outcome o;
	char copy[64];

	strcpy(copy, name);
	step_run(wait_for, copy, 150, &o);
	assert_int_equal(o.err.code, ERR_TIMEOUT);
	if (!strstr(o.err.msg, want))
		fail_msg("\"%s\" is not in \"%s\"", want, o.err.msg);
}

/* Whoever reads the console wants to know what was looked for, and what there was instead. */
TEST(one_that_never_appears_is_named)
{
	check_missing("UUID=" UUID_AB, "no file system with UUID=" UUID_AB "; block devices: none");
	add_disk("vda", 0x10);
	check_missing("UUID=" UUID_AB, "block devices: vda");
	check_missing("dev/vdb", "there is no dev/vdb");
	unlink("block/vda");
	assert_int_equal(rmdir("block"), 0);
	check_missing("UUID=" UUID_AB, "block: open: No such file");
}

/* A FIFO without a writer blocks whoever opens it, as a dying disk does. */
TEST(a_device_that_hangs_is_named)
{
	assert_int_equal(mkfifo("dev/sick", 0600), 0);
	write_text("block/sick", "");
	check_missing("UUID=" UUID_AB, "looking for UUID=" UUID_AB " on dev/sick");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuid_of_ext4),
		cmocka_unit_test_setup_teardown(a_path_is_taken_as_it_is, make, scratch_drop),
		cmocka_unit_test_setup_teardown(a_path_that_is_too_long, make, scratch_drop),
		cmocka_unit_test_setup_teardown(found_by_uuid_among_others, make, scratch_drop),
		cmocka_unit_test_setup_teardown(uuids_are_compared_without_case, make,
						scratch_drop),
		cmocka_unit_test_setup_teardown(names_with_a_folder, make, scratch_drop),
		cmocka_unit_test_setup_teardown(one_that_appears_late, make, scratch_drop),
		cmocka_unit_test_setup_teardown(one_that_never_appears_is_named, make,
						scratch_drop),
		cmocka_unit_test_setup_teardown(a_device_that_hangs_is_named, make, scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
