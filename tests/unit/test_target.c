// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include <sys/mount.h>
#include <time.h>

#include "capture/target.h"
#include "tests/unit/json_check.h"

#define CRASH_TIME 1760000000 /* 2025-10-09T08:53:20Z */
#define STAMP      "2025-10-09T08-53-20Z"

static char device[] = "UUID=1", fstype[] = "ext4", options[] = "data=ordered", no_options[] = "",
	    var_crash[] = "/var/crash", top[] = "";

static struct recipe recipe;
static struct record *rec;
static char mountpoint[128];

static int make(void **state)
{
	int r = calls_make(state);

	recipe = (struct recipe){.device = device,
				 .fstype = fstype,
				 .mount_options = no_options,
				 .path = var_crash,
				 .codec = CODEC_LZO};
	rec = calloc(1, sizeof(*rec));
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", scratch);
	return r || !rec || mkdir(mountpoint, 0755) ? -1 : 0;
}

static int drop(void **state)
{
	free(rec);
	return calls_drop(state);
}

/* ---- mounting */

TEST(mount_takes_what_recipe_and_device_say)
{
	recipe.mount_options = options;
	strcpy(rec->device, "/dev/vda1");
	assert_ok(target_mount(&recipe, rec, &calls_sys, "new", err));
	assert_true(exists("new"));
	assert_string_equal(calls->mount_source, "/dev/vda1");
	assert_string_equal(calls->mount_type, "ext4");
	assert_string_equal(calls->mount_options, "data=ordered");
	assert_int_equal(calls->mount_flags, MS_NOATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	/* a second time: the folder is there */
	assert_ok(target_mount(&recipe, rec, &calls_sys, "new", err));
}

TEST(mount_errors_name_everything)
{
	recipe.mount_options = options;
	strcpy(rec->device, "/dev/vda1");
	calls->mount_errno = ENODEV;
	assert_fails(target_mount(&recipe, rec, &calls_sys, "new", err), ERR_SYSTEM,
		     "mount /dev/vda1 (UUID=1) as ext4 with options data=ordered: No such device");
	assert_fails(target_mount(&recipe, rec, &calls_sys, "no/such/folder", err), ERR_NOT_FOUND,
		     "no/such/folder: create");
}

TEST(unmount_errors)
{
	assert_ok(target_unmount(&calls_sys, "mnt", err));
	assert_int_equal(calls->umounts, 1);
	calls->umount_errno = EBUSY;
	assert_fails(target_unmount(&calls_sys, "mnt", err), ERR_SYSTEM,
		     "unmount mnt: Device or resource busy");
}

/* ---- the folder */

static void check_folder(const char *want)
{
	char path[256];

	memset(rec->folder, 0, sizeof(rec->folder));
	assert_ok(target_make_folder(&recipe, rec, mountpoint, err));
	snprintf(path, sizeof(path), "%s%s", mountpoint, want);
	assert_string_equal(rec->folder, path);
	assert_int_equal(mode_of(path), 0700);
}

TEST(folder_and_its_parents)
{
	rec->crash_time = CRASH_TIME;
	check_folder("/var/crash/" STAMP);
	assert_int_equal(mode_of("mnt/var"), 0755);
	assert_int_equal(mode_of("mnt/var/crash"), 0755);
}

TEST(folder_in_a_parent_that_is_there)
{
	rec->crash_time = CRASH_TIME;
	assert_int_equal(mkdir("mnt/var", 0710), 0);
	check_folder("/var/crash/" STAMP);
	assert_int_equal(mode_of("mnt/var"), 0710);
}

TEST(folder_at_the_top)
{
	rec->crash_time = CRASH_TIME;
	recipe.path = top;
	check_folder("/" STAMP);
}

TEST(two_crashes_in_one_second_do_not_meet)
{
	rec->crash_time = CRASH_TIME;
	check_folder("/var/crash/" STAMP);
	check_folder("/var/crash/" STAMP "-2");
	/* whatever has the name, it stays */
	write_text("mnt/var/crash/" STAMP "-3", "precious");
	check_folder("/var/crash/" STAMP "-4");
	assert_string_equal(text_of("mnt/var/crash/" STAMP "-3"), "precious");
}

TEST(the_names_of_a_second_end)
{
	rec->crash_time = CRASH_TIME;
	for (int i = 0; i < 100; i++)
		assert_ok(target_make_folder(&recipe, rec, mountpoint, err));
	*rec->folder = '\0';
	assert_fails(target_make_folder(&recipe, rec, mountpoint, err), ERR_NO_SPACE,
		     "100 crashes of this second");
	assert_string_equal(rec->folder, "");
}

/* The crashed kernel's time is unknown: then it is now, by whatever the clock says. */
TEST(folder_without_a_crash_time)
{
	char before[32], after[32];

	record_folder_name((uint64_t)time(NULL), before);
	assert_ok(target_make_folder(&recipe, rec, mountpoint, err));
	record_folder_name((uint64_t)time(NULL), after);
	assert_true(strcmp(strrchr(rec->folder, '/') + 1, before) >= 0);
	assert_true(strcmp(strrchr(rec->folder, '/') + 1, after) <= 0);
}

TEST(folder_where_something_is_in_the_way)
{
	write_text("mnt/var", "a file");
	assert_fails(target_make_folder(&recipe, rec, mountpoint, err), ERR_SYSTEM,
		     "mnt/var/crash: create: Not a directory");
	assert_string_equal(rec->folder, "");
	assert_string_equal(text_of("mnt/var"), "a file");
}

/* /proc: not even root can make a folder there. */
TEST(folder_where_nothing_can_be_written)
{
	assert_fails(target_make_folder(&recipe, rec, "/proc", err), ERR_NOT_FOUND,
		     "/proc/var: create");
	assert_string_equal(rec->folder, "");
}

/*
 * /var/crash may be a link to another file system of the crashed machine. In the capture kernel it then
 * points into the initramfs: the dump would go to RAM, be called complete, and be gone.
 */
TEST(folder_behind_a_link_that_leads_out)
{
	char elsewhere[] = "/dev/shm/lifeboat-XXXXXX";
	struct stat here, there;

	if (stat(scratch, &here) || stat("/dev/shm", &there) || here.st_dev == there.st_dev ||
	    !mkdtemp(elsewhere))
		skip();
	assert_int_equal(mkdir("mnt/var", 0755), 0);
	assert_int_equal(symlink(elsewhere, "mnt/var/crash"), 0);
	rec->crash_time = CRASH_TIME;
	assert_fails(target_make_folder(&recipe, rec, mountpoint, err), ERR_USAGE,
		     "mnt/var/crash is not on the target");
	assert_string_equal(rec->folder, "");
	assert_int_equal(rmdir(elsewhere), 0); /* nothing was made in it */
}

TEST(folder_behind_a_link_that_stays_inside)
{
	rec->crash_time = CRASH_TIME;
	assert_int_equal(mkdir("mnt/var", 0755), 0);
	assert_int_equal(mkdir("mnt/data", 0755), 0);
	assert_int_equal(symlink("../data", "mnt/var/crash"), 0);
	check_folder("/var/crash/" STAMP);
	assert_true(exists("mnt/data/" STAMP));
}

TEST(folder_with_too_long_a_name)
{
	static char path[PATH_MAX];

	memset(path, '/', sizeof(path) - 1);
	recipe.path = path;
	assert_fails(target_make_folder(&recipe, rec, mountpoint, err), ERR_SYSTEM, "mnt////");
}

/* ---- what is written there */

TEST(the_record_is_replaced_whole)
{
	assert_ok(target_make_folder(&recipe, rec, mountpoint, err));
	assert_int_equal(chdir(rec->folder), 0);
	assert_ok(target_write_record(&recipe, rec, err));
	assert_string_equal(json_at(text_of("crash.json"), "capture.result"), "\"in-progress\"");
	assert_int_equal(mode_of("crash.json"), 0600);
	rec->finished = true;
	assert_ok(target_write_record(&recipe, rec, err));
	assert_true(json_valid(text_of("crash.json")));
	assert_string_equal(json_at(text_of("crash.json"), "capture.result"), "\"failed\"");
	assert_false(exists("crash.json.tmp"));
}

TEST(the_record_needs_its_folder)
{
	strcpy(rec->folder, "gone");
	assert_fails(target_write_record(&recipe, rec, err), ERR_NOT_FOUND, "gone/crash.json");
}

TEST(the_reserve)
{
	struct stat st;

	assert_ok(target_make_folder(&recipe, rec, mountpoint, err));
	assert_int_equal(chdir(rec->folder), 0);
	target_reserve(rec);
	assert_int_equal(stat(".reserve", &st), 0);
	assert_true(st.st_blocks * 512 >= 65536);
	target_release_reserve(rec);
	assert_false(exists(".reserve"));
	target_release_reserve(rec);
	strcpy(rec->folder, "gone");
	target_reserve(rec);
	target_release_reserve(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mount_takes_what_recipe_and_device_say, make, drop),
		cmocka_unit_test_setup_teardown(mount_errors_name_everything, make, drop),
		cmocka_unit_test_setup_teardown(unmount_errors, make, drop),
		cmocka_unit_test_setup_teardown(folder_and_its_parents, make, drop),
		cmocka_unit_test_setup_teardown(folder_in_a_parent_that_is_there, make, drop),
		cmocka_unit_test_setup_teardown(folder_at_the_top, make, drop),
		cmocka_unit_test_setup_teardown(two_crashes_in_one_second_do_not_meet, make, drop),
		cmocka_unit_test_setup_teardown(the_names_of_a_second_end, make, drop),
		cmocka_unit_test_setup_teardown(folder_without_a_crash_time, make, drop),
		cmocka_unit_test_setup_teardown(folder_where_something_is_in_the_way, make, drop),
		cmocka_unit_test_setup_teardown(folder_where_nothing_can_be_written, make, drop),
		cmocka_unit_test_setup_teardown(folder_behind_a_link_that_leads_out, make, drop),
		cmocka_unit_test_setup_teardown(folder_behind_a_link_that_stays_inside, make, drop),
		cmocka_unit_test_setup_teardown(folder_with_too_long_a_name, make, drop),
		cmocka_unit_test_setup_teardown(the_record_is_replaced_whole, make, drop),
		cmocka_unit_test_setup_teardown(the_record_needs_its_folder, make, drop),
		cmocka_unit_test_setup_teardown(the_reserve, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
