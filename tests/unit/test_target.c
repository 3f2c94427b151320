// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <time.h>

#include "capture/target.h"

#define CRASH_TIME 1760000000 /* 2025-10-09T08:53:20Z */
#define STAMP      "2025-10-09T08-53-20Z"

static char device[] = "UUID=1", fstype[] = "ext4", options[] = "data=ordered", no_options[] = "",
	    var_crash[] = "/var/crash", top[] = "";

static const struct root no_root = {.fd = -1, .path = ""};

static struct recipe_target recipe;
static struct target_place place;
static struct target target;
static char mountpoint[128];

static int make(void **state)
{
	int r = calls_make(state);

	recipe = (struct recipe_target){.device = device,
					.fstype = fstype,
					.mount_options = no_options,
					.path = var_crash,
					.needs = no_options};
	place = (struct target_place){0};
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", scratch);
	target = (struct target){
		.recipe = &recipe,
		.ops = target_ops_of(TARGET_FS),
		.place = &place,
		.sys = &calls_sys,
		.root = &no_root,
		.mountpoint = mountpoint,
	};
	return r || mkdir(mountpoint, 0755) ? -1 : 0;
}

static int attach_at(const char *where, struct err *err)
{
	target.mountpoint = where;
	return target.ops->attach(&target, err);
}

static int begin_at(const char *where, uint64_t time, struct err *err)
{
	target.mountpoint = where;
	return target.ops->begin(&target, time, err);
}

/* ---- mounting */

/*
 * What is known of a sending goes by this text: of two stores that have a bucket of the same name, what one of them had been given
 * was taken for given to the other.
 */
TEST(two_stores_are_two_targets)
{
	static char host[] = "s3.a.example.org", other[] = "s3.b.example.org", bucket[] = "dumps";
	struct recipe_target a = {
		.kind = TARGET_S3, .host = host, .port = 443, .bucket = bucket, .path = var_crash};
	struct recipe_target b = a;
	char x[128], y[128];

	b.host = other;
	target_describe(&a, x, sizeof(x));
	target_describe(&b, y, sizeof(y));
	assert_string_not_equal(x, y);
}

TEST(mount_takes_what_recipe_and_device_say)
{
	recipe.mount_options = options;
	strcpy(place.device, "/dev/vda1");
	assert_ok(attach_at("new", err));
	assert_true(exists("new"));
	assert_string_equal(calls->mount_source, "/dev/vda1");
	assert_string_equal(calls->mount_type, "ext4");
	assert_string_equal(calls->mount_options, "data=ordered");
	assert_int_equal(calls->mount_flags, MS_NOATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	/* a second time: the folder is there */
	assert_ok(attach_at("new", err));
}

TEST(mount_errors_name_everything)
{
	recipe.mount_options = options;
	strcpy(place.device, "/dev/vda1");
	calls->mount_errno = ENODEV;
	assert_fails(attach_at("new", err), ERR_SYSTEM,
		     "mount /dev/vda1 (UUID=1) as ext4 with options data=ordered: No such device");
	assert_fails(attach_at("no/such/folder", err), ERR_NOT_FOUND, "no/such/folder: create");
}

/* Device nodes of a recorded machine are below its folder; a share's tag is no path. */
TEST(mount_below_a_root)
{
	struct root root;
	char want[128];

	assert_ok(root_init(&root, scratch, err));
	target.root = &root;
	strcpy(place.device, "/dev/vda1");
	assert_ok(attach_at("new", err));
	snprintf(want, sizeof(want), "%s/dev/vda1", scratch);
	assert_string_equal(calls->mount_source, want);
	recipe.kind = TARGET_SHARE;
	strcpy(place.device, "crashes");
	assert_ok(attach_at("new", err));
	assert_string_equal(calls->mount_source, "crashes");
	root_deinit(&root);
}

TEST(mount_of_shares)
{
	char virtiofs[] = "virtiofs", p9[] = "9p", tag[] = "crashes";
	static char long_tag[DEVICE_PATH_MAX + 1];

	recipe.kind = TARGET_SHARE;
	recipe.device = tag;
	recipe.fstype = virtiofs;
	assert_ok(target.ops->find(&target, err));
	assert_string_equal(place.device, "crashes");
	assert_ok(attach_at("new", err));
	assert_string_equal(calls->mount_source, "crashes");
	assert_string_equal(calls->mount_type, "virtiofs");
	assert_string_equal(calls->mount_options, "");
	recipe.fstype = p9;
	assert_ok(attach_at("new", err));
	assert_string_equal(calls->mount_options, "trans=virtio,version=9p2000.L");
	recipe.mount_options = options;
	assert_ok(attach_at("new", err));
	assert_string_equal(calls->mount_options, "trans=virtio,version=9p2000.L,data=ordered");

	memset(long_tag, 'x', sizeof(long_tag) - 1);
	recipe.device = long_tag;
	assert_fails(target.ops->find(&target, err), ERR_SYSTEM, "File name too long");
}

TEST(mount_options_that_are_too_long)
{
	static char endless[PATH_MAX + 1];

	memset(endless, 'x', sizeof(endless) - 1);
	recipe.mount_options = endless;
	assert_fails(attach_at("new", err), ERR_USAGE, "mount options of 4096 bytes");
	assert_int_equal(calls->mounts, 0);
}

TEST(unmount_errors)
{
	assert_ok(target.ops->detach(&target, err));
	assert_int_equal(calls->umounts, 1);
	calls->umount_errno = EIO;
	assert_fails(target.ops->detach(&target, err), ERR_SYSTEM, "mnt: Input/output error");
	calls->umount_errno = EBUSY;
	assert_fails(target.ops->detach(&target, err), ERR_SYSTEM, "mnt: Device or resource busy");
}

/* A step that was given up, or what a program left running, still holds it: it is taken out of sight. */
TEST(unmount_of_what_is_in_use)
{
	calls->umount_errno = EBUSY;
	calls->umount_flags_ok = MNT_DETACH;
	assert_fails(target.ops->detach(&target, err), ERR_SYSTEM,
		     "mnt: still in use, left behind");
	assert_true(calls->umounts > 2);
}

/* What was killed a moment ago is gone a moment later. */
TEST(unmount_of_what_is_in_use_for_a_moment)
{
	calls->umount_errno = EBUSY;
	calls->umount_busy = 3;
	assert_ok(target.ops->detach(&target, err));
	assert_int_equal(calls->umounts, 4);
}

/* ---- the folder */

static void check_folder_of(uint64_t time, const char *want)
{
	char path[256];

	memset(&place, 0, sizeof(place));
	assert_ok(begin_at(mountpoint, time, err));
	snprintf(path, sizeof(path), "%s%s", mountpoint, want);
	assert_string_equal(place.folder, path);
	assert_string_equal(place.name, strrchr(path, '/') + 1);
	assert_int_equal(mode_of(path), 0700);
}

static void check_folder(const char *want)
{
	check_folder_of(CRASH_TIME, want);
}

TEST(folder_and_its_parents)
{
	check_folder("/var/crash/" STAMP);
	assert_int_equal(mode_of("mnt/var"), 0755);
	assert_int_equal(mode_of("mnt/var/crash"), 0755);
}

TEST(folder_in_a_parent_that_is_there)
{
	assert_int_equal(mkdir("mnt/var", 0710), 0);
	check_folder("/var/crash/" STAMP);
	assert_int_equal(mode_of("mnt/var"), 0710);
}

TEST(folder_at_the_top)
{
	recipe.path = top;
	check_folder("/" STAMP);
}

TEST(two_crashes_in_one_second_do_not_meet)
{
	check_folder("/var/crash/" STAMP);
	check_folder("/var/crash/" STAMP "-2");
	/* whatever has the name, it stays */
	write_text("mnt/var/crash/" STAMP "-3", "precious");
	check_folder("/var/crash/" STAMP "-4");
	assert_string_equal(text_of("mnt/var/crash/" STAMP "-3"), "precious");
}

/* Somebody who may write beside the crashes took all names of the second: there was no dump then. */
TEST(the_names_of_a_second_do_not_end)
{
	unsigned long number;
	char *end;

	for (int i = 0; i < 100; i++)
		assert_ok(begin_at(mountpoint, CRASH_TIME, err));
	assert_string_equal(place.name, STAMP "-100");
	*place.folder = '\0';
	assert_ok(begin_at(mountpoint, CRASH_TIME, err));
	assert_memory_equal(place.name, STAMP "-", strlen(STAMP) + 1);
	number = strtoul(place.name + strlen(STAMP) + 1, &end, 10);
	assert_true(number >= 2 && number <= 999999999 && !*end);
	assert_true(exists(place.folder));
}

/* The crashed kernel's time is unknown: then it is now, by whatever the clock says. */
TEST(folder_without_a_crash_time)
{
	char before[32], after[32];

	target_folder_name((uint64_t)time(NULL), before);
	assert_ok(begin_at(mountpoint, 0, err));
	target_folder_name((uint64_t)time(NULL), after);
	assert_true(strcmp(strrchr(place.folder, '/') + 1, before) >= 0);
	assert_true(strcmp(strrchr(place.folder, '/') + 1, after) <= 0);
}

TEST(folder_where_something_is_in_the_way)
{
	write_text("mnt/var", "a file");
	assert_fails(begin_at(mountpoint, CRASH_TIME, err), ERR_SYSTEM,
		     "mnt/var/crash: create: Not a directory");
	assert_string_equal(place.folder, "");
	assert_string_equal(text_of("mnt/var"), "a file");
}

/* /proc: not even root can make a folder there. */
TEST(folder_where_nothing_can_be_written)
{
	assert_fails(begin_at("/proc", 0, err), ERR_NOT_FOUND, "/proc/var: create");
	assert_string_equal(place.folder, "");
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
	assert_fails(begin_at(mountpoint, CRASH_TIME, err), ERR_USAGE,
		     "mnt/var/crash is not on the target");
	assert_string_equal(place.folder, "");
	assert_int_equal(rmdir(elsewhere), 0); /* nothing was made in it */
}

/* What is sent after the boot goes on in the folder of an earlier attempt: a server may have made a link of it by now. */
TEST(folder_that_has_become_a_link_that_leads_out)
{
	char elsewhere[] = "/dev/shm/lifeboat-XXXXXX", file[64];
	struct stat here, there;
	struct out *out;

	if (stat(scratch, &here) || stat("/dev/shm", &there) || here.st_dev == there.st_dev ||
	    !mkdtemp(elsewhere))
		skip();
	target.healthy = true;
	assert_ok(begin_at(mountpoint, CRASH_TIME, err));
	assert_int_equal(rmdir(place.folder), 0);
	assert_int_equal(symlink(elsewhere, place.folder), 0);
	assert_fails(target.ops->create(&target, CRASH_DUMP, "vmcore", &out, err), ERR_USAGE,
		     "is not on the target");
	snprintf(file, sizeof(file), "%s/vmcore.incomplete", elsewhere);
	assert_false(exists(file));
	assert_int_equal(rmdir(elsewhere), 0);
}

TEST(folder_behind_a_link_that_stays_inside)
{
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
	assert_fails(begin_at(mountpoint, CRASH_TIME, err), ERR_SYSTEM, "mnt////");
}

/*
 * A subvolume of btrfs has a device number of its own: here a bind mount has the same one, and leads out
 * nevertheless. The number of the mount tells them apart.
 */
TEST(folder_behind_another_mount)
{
	assert_int_equal(mkdir("other", 0755), 0);
	assert_int_equal(mkdir("mnt/var", 0755), 0);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("other", "mnt/var", NULL, MS_BIND, NULL))
		skip();
	assert_fails(begin_at(mountpoint, CRASH_TIME, err), ERR_USAGE,
		     "mnt/var/crash is not on the target");
	assert_string_equal(place.folder, "");
	assert_int_equal(umount("mnt/var"), 0);
}

/* ---- what is written there */

TEST(a_file_is_replaced_whole)
{
	assert_ok(begin_at(mountpoint, 0, err));
	assert_int_equal(chdir(place.folder), 0);
	assert_ok(target_put(&target, CRASH_RECORD, "the first, longer one", 21, err));
	assert_string_equal(text_of("crash.json"), "the first, longer one");
	assert_int_equal(mode_of("crash.json"), 0600);
	assert_ok(target_put(&target, CRASH_RECORD, "the second", 10, err));
	assert_string_equal(text_of("crash.json"), "the second");
	assert_int_equal(mode_of("crash.json"), 0600);
	assert_false(exists("crash.json.incomplete"));
	assert_false(exists("crash.json.tmp"));
}

TEST(a_file_needs_its_folder)
{
	strcpy(place.folder, "gone");
	assert_fails(target_put(&target, CRASH_RECORD, "", 0, err), ERR_NOT_FOUND,
		     "gone/crash.json");
}

TEST(files_are_read_back)
{
	uint64_t offset = 1, len = 0;
	char buf[8];
	int fd = -1;

	assert_ok(begin_at(mountpoint, 0, err));
	assert_fails(target.ops->open(&target, CRASH_LOG, &fd, &offset, &len, err), ERR_NOT_FOUND,
		     "dmesg.txt");
	assert_int_equal(fd, -1);
	assert_ok(target_put(&target, CRASH_LOG, "12345", 5, err));
	assert_ok(target.ops->open(&target, CRASH_LOG, &fd, &offset, &len, err));
	assert_int_equal(offset, 0);
	assert_int_equal(len, 5);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "12345", 5);
	close(fd);
}

/* Some of it stays free: a machine whose root is full does not come up. */
TEST(the_space_that_a_dump_may_take)
{
	uint64_t space, all = 256 << 20;
	struct statvfs st;

	assert_ok(begin_at(mountpoint, 0, err));
	assert_ok(target.ops->space(&target, &space, err));
	assert_int_equal(statvfs(mountpoint, &st), 0);
	if (st.f_blocks / 100 * st.f_frsize < all)
		all = st.f_blocks / 100 * st.f_frsize;
	assert_true(space + all <= (uint64_t)st.f_bavail * st.f_frsize + (64 << 20));
	assert_true(space + all + (64 << 20) >= (uint64_t)st.f_bavail * st.f_frsize);
	strcpy(place.folder, "gone");
	assert_fails(target.ops->space(&target, &space, err), ERR_NOT_FOUND, "gone: free space");
}

/* What a killed process left. */
TEST(what_is_left_of_a_file)
{
	assert_ok(begin_at(mountpoint, 0, err));
	assert_int_equal(chdir(place.folder), 0);
	assert_fails(target.ops->keep_rest(&target, CRASH_DUMP, err), ERR_NOT_FOUND,
		     "vmcore.incomplete: open");
	write_text("vmcore.incomplete", "some");
	assert_ok(target.ops->keep_rest(&target, CRASH_DUMP, err));
	assert_string_equal(text_of("vmcore.incomplete"), "some");
}

TEST(the_reserve)
{
	struct stat st;

	assert_ok(begin_at(mountpoint, 0, err));
	assert_int_equal(chdir(place.folder), 0);
	target_reserve(&target);
	assert_int_equal(stat(".reserve", &st), 0);
	assert_true(st.st_blocks * 512 >= 65536);
	target_release_reserve(&target);
	assert_false(exists(".reserve"));
	target_release_reserve(&target);
	strcpy(place.folder, "gone");
	target_reserve(&target);
	target_release_reserve(&target);
	*place.folder = '\0'; /* a raw partition */
	target_reserve(&target);
	target_release_reserve(&target);
	assert_false(exists("/.reserve"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mount_takes_what_recipe_and_device_say, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(mount_errors_name_everything, make, calls_drop),
		cmocka_unit_test_setup_teardown(mount_below_a_root, make, calls_drop),
		cmocka_unit_test_setup_teardown(mount_of_shares, make, calls_drop),
		cmocka_unit_test_setup_teardown(mount_options_that_are_too_long, make, calls_drop),
		cmocka_unit_test_setup_teardown(unmount_errors, make, calls_drop),
		cmocka_unit_test_setup_teardown(unmount_of_what_is_in_use, make, calls_drop),
		cmocka_unit_test_setup_teardown(unmount_of_what_is_in_use_for_a_moment, make,
						calls_drop),
		cmocka_unit_test(two_stores_are_two_targets),
		cmocka_unit_test_setup_teardown(folder_and_its_parents, make, calls_drop),
		cmocka_unit_test_setup_teardown(folder_in_a_parent_that_is_there, make, calls_drop),
		cmocka_unit_test_setup_teardown(folder_at_the_top, make, calls_drop),
		cmocka_unit_test_setup_teardown(two_crashes_in_one_second_do_not_meet, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(the_names_of_a_second_do_not_end, make, calls_drop),
		cmocka_unit_test_setup_teardown(folder_without_a_crash_time, make, calls_drop),
		cmocka_unit_test_setup_teardown(folder_where_something_is_in_the_way, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(folder_where_nothing_can_be_written, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(folder_behind_a_link_that_leads_out, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(folder_that_has_become_a_link_that_leads_out, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(folder_behind_a_link_that_stays_inside, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(folder_with_too_long_a_name, make, calls_drop),
		cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, make, calls_drop),
		cmocka_unit_test_setup_teardown(a_file_needs_its_folder, make, calls_drop),
		cmocka_unit_test_setup_teardown(files_are_read_back, make, calls_drop),
		cmocka_unit_test_setup_teardown(the_space_that_a_dump_may_take, make, calls_drop),
		cmocka_unit_test_setup_teardown(what_is_left_of_a_file, make, calls_drop),
		cmocka_unit_test_setup_teardown(the_reserve, make, calls_drop),
		/* last, because this process then has mounts of its own */
		cmocka_unit_test_setup_teardown(folder_behind_another_mount, make, calls_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
