// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/disk_fixture.h"

#include <sys/wait.h>

#include "storage/device_search.h"

/* A machine: sys/class/block with links as the kernel makes them, and plain files in dev. */
static struct root machine;

static void folder(const char *path)
{
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(copy, 0700);
	}
	mkdir(copy, 0700);
}

static int make(void **state)
{
	struct err err;
	int r = scratch_make(state);

	folder("sys/class/block");
	folder("dev");
	return r || root_init(&machine, scratch, &err) ? -1 : 0;
}

static int drop(void **state)
{
	root_deinit(&machine);
	return scratch_drop(state);
}

static __attribute__((format(printf, 2, 3))) void sys_file(const char *value, const char *fmt, ...)
{
	char path[128];
	va_list args;
	int n = snprintf(path, sizeof(path), "sys/class/block/");

	va_start(args, fmt);
	vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, args);
	va_end(args);
	write_text(path, value);
}

/* In sysfs: a disk, or a partition of one. */
static void sys_add(const char *disk, const char *name)
{
	char path[128], link[128], own[64];

	snprintf(own, sizeof(own), "%s%s%s", strcmp(disk, name) ? disk : "",
		 strcmp(disk, name) ? "/" : "", name);
	snprintf(path, sizeof(path), "sys/devices/%s", own);
	folder(path);
	snprintf(link, sizeof(link), "sys/class/block/%s", name);
	snprintf(path, sizeof(path), "../../devices/%s", own);
	assert_int_equal(symlink(path, link), 0);
}

static const char *dev_path(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "dev/%s", name);
	return path;
}

static void add_disk(const char *name)
{
	sys_add(name, name);
	sys_file("2048\n", "%s/size", name);
	disk_make(dev_path(name), DISK_SIZE);
}

static void add_ext(const char *name, uint8_t first)
{
	add_disk(name);
	put_ext(dev_path(name), ext4, first);
}

static void add_partition(const char *disk, unsigned int number, unsigned int start)
{
	char name[32], value[16];

	snprintf(name, sizeof(name), "%s%u", disk, number);
	sys_add(disk, name);
	disk_make(dev_path(name), DISK_SIZE);
	snprintf(value, sizeof(value), "%u\n", number);
	sys_file(value, "%s/partition", name);
	snprintf(value, sizeof(value), "%u\n", start);
	sys_file(value, "%s/start", name);
	sys_file("16\n", "%s/size", name);
}

/* A disk with a GPT: partitions 1 "boot" and 3 "crash". */
static void add_gpt_disk(const char *name)
{
	static const struct table_part parts[] = {
		{.first = 16, .last = 31, .label = "boot"},
		{.first = 0},
		{.first = 32, .last = 63, .label = "crash"},
	};

	add_disk(name);
	put_gpt(dev_path(name), DISK_SIZE, 512, parts, ARRAY_SIZE(parts));
	add_partition(name, 1, 16);
	add_partition(name, 3, 32);
}

static char found[DEVICE_PATH_MAX];

static int find(const char *name, struct err *err)
{
	strcpy(found, "untouched");
	return device_find(name, &machine, found, err);
}

static void check_found(const char *name, const char *node)
{
	assert_ok(find(name, err));
	assert_string_equal(found, node);
}

static void check_missing(const char *name, const char *why)
{
	assert_fails(find(name, err), ERR_NOT_FOUND, why);
	assert_string_equal(found, "untouched");
}

/* ---- file systems */

/* Devices without a node, too small, foreign, no devices at all: none of them is in the way. */
TEST(by_the_file_system_among_others)
{
	sys_add("no-node", "no-node");
	sys_add("small", "small");
	write_text("dev/small", "short");
	sys_add("folder", "folder");
	folder("dev/folder");
	sys_add("fifo", "fifo");
	assert_int_equal(mkfifo("dev/fifo", 0600), 0);
	add_ext("vda", 0x10);
	add_ext("vdb", 0xab);
	check_found("UUID=" UUID_AB, "/dev/vdb");
	check_found("UUID=" UUID_10, "/dev/vda");
	check_found("UUID=ABACADAE-AFB0-B1B2-b3b4-B5B6B7B8B9BA", "/dev/vdb");
	check_missing("UUID=" UUID_10 "0", "no-node (open: No such file");
	check_missing("UUID=" UUID_10 "0", "folder (not a block device)");
	check_missing("UUID=" UUID_10 "0", "small (nothing known)");
	check_missing("UUID=" UUID_10 "0", "vda (ext4 " UUID_10 ")");
	check_missing("LABEL=none", "there is no file system with LABEL=none");
}

/* NVMe's native multipath shows each path with the names of the disk itself; it was found twice. */
TEST(hidden_paths_are_not_it)
{
	add_disk("nvme0n1");
	add_disk("nvme0c0n1");
	sys_file("uuid.1\n", "nvme0n1/wwid");
	sys_file("uuid.1\n", "nvme0c0n1/wwid");
	assert_fails(find("WWID=uuid.1", err), ERR_USAGE, "the name of both");
	sys_file("1\n", "nvme0c0n1/hidden");
	sys_file("0\n", "nvme0n1/hidden");
	check_found("WWID=uuid.1", "/dev/nvme0n1");
}

/* What members of volume groups and arrays and encrypted devices are called, also while something stands on them. */
TEST(by_what_it_is_a_member_of)
{
	add_disk("vda");
	put_lvm("dev/vda", 1);
	add_disk("vdb");
	put_md1("dev/vdb", 4096, 0x10);
	add_disk("vdc");
	disk_put("dev/vdc", 0, "LUKS\xba\xbe\0\1", 8);
	disk_put("dev/vdc", 168, UUID_10, 36);
	folder("sys/class/block/vda/holders/dm-0");
	folder("sys/class/block/vdc/holders/dm-1");
	sys_file("serial no. 1 \n", "vdb/serial");
	check_found("LVMPV=abcdef-GHIJ-0123-KLMN-4567-OPQR-89stuv", "/dev/vda");
	check_found("LUKS=" UUID_10, "/dev/vdc");
	check_found("MD=10111213:14151617:18191a1b:1c1d1e1f/00000000:00000000:00000000:00000000",
		    "/dev/vdb");
	check_found("WWID=serial no. 1", "/dev/vdb");
	check_missing("LUKS=" UUID_AB, "there is no encrypted device with LUKS=");
	check_missing("MD=1:2/3", "vdb (10111213:14151617");
	check_missing("WWID=serial", "vda (no WWID)");
}

TEST(by_the_label)
{
	struct ext e = ext4;

	add_ext("vda", 0x10);
	check_found("LABEL=root", "/dev/vda");
	check_missing("LABEL=ROOT", "vda (ext4 root)");
	e.label = "\33[2J\n";
	put_ext("dev/vda", e, 0x10);
	check_missing("LABEL=root", "vda (ext4 ?[2J)"); /* the blank at its end is not part of it */
	check_found("LABEL=\33[2J", "/dev/vda");
}

/* Not what is no file system: that of the array has the same identifier as its members. */
TEST(no_member_is_taken)
{
	add_ext("vda", 0x10);
	put_md1("dev/vda", DISK_SIZE - 8192, 0x10);
	add_disk("vdb");
	put_swap("dev/vdb", 4096, 0x10);
	check_missing("UUID=" UUID_10, "vda (linux_raid_member " UUID_10 ")");
	check_missing("UUID=" UUID_10, "vdb (swap " UUID_10 ")");
	add_ext("md0", 0x10);
	check_found("UUID=" UUID_10, "/dev/md0");
}

TEST(two_with_the_name)
{
	add_ext("vda", 0x10);
	add_ext("vdb", 0x10);
	assert_fails(find("UUID=" UUID_10, err), ERR_USAGE,
		     "UUID=" UUID_10 " is the name of both vd");
	assert_fails(device_wait("UUID=" UUID_10, &machine, found, err), ERR_USAGE, "of both");
	assert_string_equal(found, "untouched");
	/* one is a path of the other: it is used by that, and could not be mounted */
	folder("sys/devices/vda/holders");
	write_text("sys/devices/vda/holders/dm-0", "");
	check_found("UUID=" UUID_10, "/dev/vdb");
	check_missing("LABEL=none", "vda (used by dm-0)");
}

/* Not even opened: an empty drive may take its time, or close its tray. */
TEST(empty_drives)
{
	add_ext("sr0", 0x10);
	sys_file("0\n", "sr0/size");
	check_missing("UUID=" UUID_10, "block devices: none; 1 empty");
	sys_file("2048\n", "sr0/size");
	check_found("UUID=" UUID_10, "/dev/sr0");
}

/* sysfs calls /dev/cciss/c0d0 "cciss!c0d0" */
TEST(names_with_a_folder)
{
	sys_add("cciss!c0d0", "cciss!c0d0");
	folder("dev/cciss");
	disk_make("dev/cciss/c0d0", DISK_SIZE);
	put_ext("dev/cciss/c0d0", ext4, 0x10);
	check_found("UUID=" UUID_10, "/dev/cciss/c0d0");
	check_found("/dev/cciss/c0d0", "/dev/cciss/c0d0");
}

/* ---- partitions */

TEST(by_the_partition_table)
{
	static const struct table_part table[4] = {{.first = 8, .last = 15, .type = 0x83}};

	add_gpt_disk("vda");
	add_disk("vdb");
	put_dos("dev/vdb", 0x1234abcd, table);
	add_partition("vdb", 1, 8);
	check_found("PARTUUID=" GUID_10, "/dev/vda1");
	check_found("PARTUUID=1234ABCD-01", "/dev/vdb1");
	check_found("PARTLABEL=crash", "/dev/vda3");
	check_missing("PARTLABEL=Crash", "vda1 ('boot')");
	check_missing("PARTUUID=1234abcd-02", "vdb1 (1234abcd-01)");
	check_missing("PARTUUID=1234abcd-02", "vda (no partition)");
	disk_flip("dev/vda", 600);
	check_found("PARTLABEL=crash", "/dev/vda3");
	disk_flip("dev/vda", DISK_SIZE - 512);
	check_missing("PARTLABEL=crash", "vda1 (no good copy of the GPT either");
}

TEST(cloned_disks)
{
	add_gpt_disk("vda");
	add_gpt_disk("vdb");
	assert_fails(find("PARTUUID=" GUID_10, err), ERR_USAGE, "of both");
	sys_file("17\n", "vdb1/start"); /* not where its table has it */
	check_found("PARTUUID=" GUID_10, "/dev/vda1");
}

TEST(sectors_of_4096)
{
	static const struct table_part parts[] = {{.first = 16, .last = 31, .label = "big"}};

	add_disk("vda");
	put_gpt("dev/vda", DISK_SIZE, 4096, parts, 1);
	add_partition("vda", 1, 128);
	check_missing("PARTLABEL=big", "damaged");
	folder("sys/devices/vda/queue");
	write_text("sys/devices/vda/queue/logical_block_size", "4096\n");
	check_found("PARTLABEL=big", "/dev/vda1");
}

TEST(partuuid_of_a_node)
{
	char uuid[FSID_UUID_SIZE] = "untouched";

	add_gpt_disk("vda");
	assert_fails(device_partuuid("/dev/vda", &machine, uuid, err), ERR_NOT_FOUND,
		     "/dev/vda: no partition");
	assert_fails(device_partuuid("/dev/vdb", &machine, uuid, err), ERR_NOT_FOUND, "No such");
	write_text("dev/other", "");
	assert_fails(device_partuuid("/dev/other", &machine, uuid, err), ERR_NOT_FOUND,
		     "no such block device");
	assert_string_equal(uuid, "untouched");
	assert_ok(device_partuuid("/dev/vda1", &machine, uuid, err));
	assert_string_equal(uuid, GUID_10);
	assert_int_equal(symlink("vda3", "dev/link"), 0);
	assert_ok(device_partuuid("/dev/link", &machine, uuid, err));
	assert_true(strncmp(uuid, "3332", 4) == 0);
}

/* ---- paths */

TEST(a_path_and_a_link)
{
	add_disk("vda");
	folder("dev/disk/by-id");
	assert_int_equal(symlink("../../vda", "dev/disk/by-id/virtio-1"), 0);
	assert_int_equal(symlink("/dev/vda", "dev/absolute"), 0);
	check_found("/dev/vda", "/dev/vda");
	check_found("/dev/disk/by-id/virtio-1", "/dev/vda");
	check_found("/dev/absolute", "/dev/vda");
	disk_make("dev/unknown", 512);
	check_found("/dev/unknown", "/dev/unknown"); /* sysfs may not be there */
	check_missing("/dev/vdb", "there is no /dev/vdb");
	assert_fails(find("/dev/disk", err), ERR_USAGE, "/dev/disk is not a block device");
}

TEST(names_that_are_none)
{
	char path[DEVICE_PATH_MAX + 1] = "/dev/";

	memset(path + 5, 'x', sizeof(path) - 6);
	assert_fails(find(path, err), ERR_SYSTEM, "name too long");
	assert_fails(find("", err), ERR_USAGE, "'' is not UUID=");
	assert_fails(find("UUID=", err), ERR_USAGE, "nothing behind UUID=");
	assert_fails(find("sda", err), ERR_USAGE, "'sda' is not UUID=");
}

/* In the machine that runs, a plain file in /dev is something that someone left there. */
TEST(files_are_no_devices)
{
	static const struct root real = {.fd = -1, .path = ""};
	char path[128];

	snprintf(path, sizeof(path), "/dev/..%s/file", scratch);
	write_text("file", "");
	assert_fails(device_find(path, &real, found, err), ERR_USAGE, "is not a block device");
}

/* ---- waiting */

static void check_late(const char *name)
{
	uint64_t before = step_now_ms();
	pid_t pid = fork();

	if (pid == 0) {
		usleep(100000);
		disk_make("new", DISK_SIZE);
		put_ext("new", ext4, 0x10);
		sys_add("vda", "vda");
		_exit(rename("new", "dev/vda"));
	}
	assert_ok(device_wait(name, &machine, found, err));
	assert_true(step_now_ms() - before >= 100);
	assert_string_equal(found, "/dev/vda");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

TEST(one_that_appears_late)
{
	check_late("UUID=" UUID_10);
	unlink("dev/vda");
	unlink("sys/class/block/vda");
	check_late("/dev/vda");
}

/* A medium is put in, or a file system made: of the same size as before. */
TEST(one_that_changes)
{
	static const struct device_how how = {.fsid = fsid_read, .limit_ms = 1000, .again_ms = 50};
	pid_t pid;

	add_disk("vda");
	pid = fork();
	if (pid == 0) {
		usleep(200000);
		put_ext("dev/vda", ext4, 0x10);
		_exit(0);
	}
	assert_ok(device_search("UUID=" UUID_10, &machine, &how, found, err));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int wait_for(void *ctx, struct err *err)
{
	return device_wait(ctx, &machine, found, err);
}

static void check_never(const char *name, const char *want)
{
	struct step_outcome o;
	char copy[64];

	strcpy(copy, name);
	step_run(wait_for, copy, &(struct step_limits){.ms = 300}, &o);
	assert_int_equal(o.err.code, ERR_TIMEOUT);
	if (!strstr(o.err.msg, want))
		fail_msg("\"%s\" is not in \"%s\"", want, o.err.msg);
}

/* Whoever reads the console wants to know what was looked for, and what there was instead. */
TEST(one_that_never_appears_is_named)
{
	check_never("UUID=" UUID_AB,
		    "there is no file system with UUID=" UUID_AB "; block devices: none");
	add_ext("vda", 0x10);
	check_never("UUID=" UUID_AB, "vda (ext4 " UUID_10 ")");
	check_never("/dev/vdb", "there is no /dev/vdb");
	assert_int_equal(rename("sys/class/block", "sys/class/away"), 0);
	check_never("UUID=" UUID_AB, "/sys/class/block: open: No such file");
}

/* ---- devices that do not answer. What reads them is told by the size how to behave. */

#define SICK_SIZE (DISK_SIZE + 512)
#define SLOW_SIZE (DISK_SIZE + 1024)

static int read_or_hang(int fd, uint64_t size, const char *name, struct fsid *ret, struct err *err)
{
	while (size == SICK_SIZE)
		pause();
	if (size == SLOW_SIZE)
		usleep(1500000);
	return fsid_read(fd, size, name, ret, err);
}

static void add_sick(const char *name, uint64_t size)
{
	add_disk(name);
	disk_make(dev_path(name), size);
	put_ext(dev_path(name), ext4, 0x55);
}

TEST(hanging_devices_do_not_hide_others)
{
	static const struct device_how how = {.fsid = read_or_hang, .limit_ms = 150};
	uint64_t before = step_now_ms();
	pid_t left = 0;
	char name[16];

	/* more than may be waited for at a time */
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "sick%d", i);
		add_sick(name, SICK_SIZE);
	}
	add_ext("vda", 0x10);
	assert_ok(device_search("UUID=" UUID_10, &machine, &how, found, err));
	assert_string_equal(found, "/dev/vda");
	assert_true(step_now_ms() - before < 3000);
	assert_fails(device_search("UUID=" UUID_AB, &machine, &how, found, err), ERR_NOT_FOUND,
		     "sick3 (does not answer)");
	/* and nobody is left of those who looked, once a busy machine has ended them all */
	for (int i = 0; i < 200 && left != -1; i++) {
		left = waitpid(-1, NULL, WNOHANG);
		usleep(10000);
	}
	assert_int_equal(left, -1);
}

/* More than there are places for: the search ends all the same, and says so. */
TEST(too_many_hanging_devices)
{
	static const struct device_how how = {.fsid = read_or_hang, .limit_ms = 5};
	char name[16];

	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		add_sick(name, SICK_SIZE);
	}
	assert_fails(device_search("UUID=" UUID_AB, &machine, &how, found, err), ERR_NOT_FOUND,
		     "does not answer");
}

/* Others waited for it no longer; but when it answers at last, that counts. */
TEST(a_slow_device_is_not_lost)
{
	static const struct device_how how = {
		.fsid = read_or_hang, .limit_ms = 50, .again_ms = 60000};
	uint64_t before = step_now_ms();

	add_sick("slow", SLOW_SIZE);
	add_ext("vda", 0x10);
	assert_ok(device_search("LABEL=root", &machine, &how, found, err));
	assert_string_equal(found, "/dev/vda");
	assert_true(step_now_ms() - before < 1400);
	unlink("sys/class/block/vda");
	assert_ok(device_search("LABEL=root", &machine, &how, found, err));
	assert_string_equal(found, "/dev/slow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_the_file_system_among_others, make, drop),
		cmocka_unit_test_setup_teardown(hidden_paths_are_not_it, make, drop),
		cmocka_unit_test_setup_teardown(by_what_it_is_a_member_of, make, drop),
		cmocka_unit_test_setup_teardown(by_the_label, make, drop),
		cmocka_unit_test_setup_teardown(no_member_is_taken, make, drop),
		cmocka_unit_test_setup_teardown(two_with_the_name, make, drop),
		cmocka_unit_test_setup_teardown(empty_drives, make, drop),
		cmocka_unit_test_setup_teardown(names_with_a_folder, make, drop),
		cmocka_unit_test_setup_teardown(by_the_partition_table, make, drop),
		cmocka_unit_test_setup_teardown(cloned_disks, make, drop),
		cmocka_unit_test_setup_teardown(sectors_of_4096, make, drop),
		cmocka_unit_test_setup_teardown(partuuid_of_a_node, make, drop),
		cmocka_unit_test_setup_teardown(a_path_and_a_link, make, drop),
		cmocka_unit_test_setup_teardown(names_that_are_none, make, drop),
		cmocka_unit_test_setup_teardown(files_are_no_devices, make, drop),
		cmocka_unit_test_setup_teardown(one_that_appears_late, make, drop),
		cmocka_unit_test_setup_teardown(one_that_changes, make, drop),
		cmocka_unit_test_setup_teardown(one_that_never_appears_is_named, make, drop),
		cmocka_unit_test_setup_teardown(hanging_devices_do_not_hide_others, make, drop),
		cmocka_unit_test_setup_teardown(too_many_hanging_devices, make, drop),
		cmocka_unit_test_setup_teardown(a_slow_device_is_not_lost, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
