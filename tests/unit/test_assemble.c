// SPDX-License-Identifier: GPL-2.0-or-later
/* Layers made by a kernel that only writes down what it is asked for. Real ones: lab/scenarios/stack*.toml. */
#include "tests/unit/stack_fixture.h"

#include <linux/dm-ioctl.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/sys.h"
#include "base/step.h"
#include "storage/assemble.h"
#include "storage/dm.h"
#include "storage/lvm.h"

/* ---- a kernel */

static struct fake {
	char said[8192];
	unsigned int next_minor;
	unsigned long fails; /* this request, */
	int with;            /* with this errno, */
	unsigned int times;  /* so often */
	char uuid[129];      /* of the device that is being made */
} fake;

static __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...)
{
	size_t len = strlen(fake.said);
	va_list args;

	va_start(args, fmt);
	vsnprintf(fake.said + len, sizeof(fake.said) - len, fmt, args);
	va_end(args);
}

static void say_table(const struct dm_ioctl *io)
{
	const char *spec = (const char *)io + io->data_start;

	for (uint32_t i = 0; i < io->target_count; i++) {
		struct dm_target_spec row;

		memcpy(&row, spec, sizeof(row));
		say(" [%llu %llu %s %s]", (unsigned long long)row.sector_start,
		    (unsigned long long)row.length, row.target_type, spec + sizeof(row));
		spec += row.next;
	}
}

static void make_mapped(struct dm_ioctl *io)
{
	unsigned int minor = fake.next_minor++;

	io->dev = makedev(254, minor);
	add_mapped(minor, io->name, fake.uuid, NULL);
}

static int find_mapped(struct dm_ioctl *io)
{
	for (unsigned int i = 0; i < fake.next_minor; i++) {
		_cleanup_free_ char *name = NULL;
		struct err err;
		size_t len;

		if (root_read(&machine, at("/sys/class/block/dm-%u/dm/name", i), 200, &name, &len,
			      &err))
			continue;
		name[strcspn(name, "\n")] = '\0';
		if (strcmp(name, io->name) != 0)
			continue;
		io->dev = makedev(254, i);
		io->flags |= DM_ACTIVE_PRESENT_FLAG;
		return 0;
	}
	errno = ENXIO;
	return -1;
}

static int mapped(unsigned long request, struct dm_ioctl *io)
{
	assert_int_equal(io->version[0], 4);
	assert_true(io->data_size >= sizeof(*io));
	switch (request) {
	case DM_DEV_CREATE:
		say("create %s %s;", io->name, io->uuid);
		strcpy(fake.uuid, io->uuid);
		return 0;
	case DM_TABLE_LOAD:
		say("load %s", io->name);
		say_table(io);
		say(";");
		return 0;
	case DM_DEV_SUSPEND:
		assert_false(io->flags & DM_SUSPEND_FLAG);
		make_mapped(io);
		return 0;
	case DM_DEV_REMOVE:
		say("remove %s;", io->name);
		return 0;
	case DM_DEV_STATUS:
		return find_mapped(io);
	default:
		fail_msg("ioctl %lx", request);
		return -1;
	}
}

static int array(unsigned long request, void *arg)
{
	const mdu_array_info_t *info = arg;
	const mdu_disk_info_t *disk = arg;

	switch (request) {
	case SET_ARRAY_INFO:
		assert_int_equal(info->raid_disks, 0);
		say("version %d.%d;", info->major_version, info->minor_version);
		return 0;
	case ADD_NEW_DISK:
		say("add %d:%d;", disk->major, disk->minor);
		return 0;
	case RUN_ARRAY:
		say("run;");
		put_file("sys/class/block/md127/md/array_state", "clean\n");
		return 0;
	case STOP_ARRAY:
		say("stop;");
		return 0;
	default:
		fail_msg("ioctl %lx", request);
		return -1;
	}
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	if (fake.fails == request && fake.times) {
		fake.times--;
		say("fails;");
		errno = fake.with;
		return -1;
	}
	return _IOC_TYPE(request) == DM_IOCTL ? mapped(request, arg) : array(request, arg);
}

static int fake_mount(const char *source, const char *target, const char *type, unsigned long flags,
		      const void *data)
{
	(void)target;
	(void)flags;
	(void)data;
	say("mount %s %s;", source, type);
	put_file("sys/kernel/config/crash_dm_crypt_keys/restore", "0\n");
	return 0;
}

static const struct sys sys = {.ioctl = fake_ioctl, .mount = fake_mount};

static int make(void **state)
{
	fake = (struct fake){0};
	if (machine_make(state))
		return -1;
	put_file("dev/mapper/control", "");
	return 0;
}

/* ---- layers */

static struct layers layers;
static char node[DEVICE_PATH_MAX];

static int drop(void **state)
{
	layers_deinit(&layers);
	return machine_drop(state);
}

static void recipe(const char *text)
{
	layers_deinit(&layers);
	assert_ok(read_layers(text, &layers, err));
}

static int assemble(const char *layer, struct err *err)
{
	strcpy(node, "untouched");
	return storage_assemble(&layers, layer, &machine, &sys, node, err);
}

static int step_assemble(void *ctx, struct err *err)
{
	return assemble(ctx, err);
}

/* It waits, and says what for. */
static void check_waits(const char *layer, const char *why)
{
	struct step_outcome o;

	step_run(step_assemble, (void *)layer, &(const struct step_limits){.ms = 600}, &o);
	assert_true(o.timed_out);
	if (!strstr(o.err.msg, why))
		fail_msg("said \"%s\", expected \"%s\"", o.err.msg, why);
}

static void add_pv(const char *name, const char *number, const char *raw, const char *text)
{
	add_block("pci0/block", name, number);
	lvm_put(at("dev/%s", name), raw, text, 512);
}

static const char *digest_of(const char *uuid)
{
	static struct lvm_guard guard;

	assert_ok(lvm_guard((struct bytes){(const uint8_t *)lvm_text, strlen(lvm_text)}, uuid,
			    &guard, err));
	return guard.digest;
}

static void striped_recipe(void)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "layer = vg0-striped\nkind = dm\nuuid = " LVM_STRIPED "\nmember = LVMPV=" LVM_PV0
		 "\nmember = LVMPV=" LVM_PV1
		 "\ntable = 0 32768 striped 2 128 {0} 2048 {1} 34816\nlvm = {0} " LVM_VG
		 " 8 %s\nlvm = {1} " LVM_VG " 8 %s\n",
		 digest_of(LVM_STRIPED), digest_of(LVM_STRIPED));
	recipe(text);
}

/* Disks have other names and another order than they had. */
TEST(a_volume_is_made_of_its_disks)
{
	add_pv("vdb", "8:48\n", PV1_RAW, lvm_text);
	add_pv("vdc", "8:32\n", PV0_RAW, lvm_text);
	striped_recipe();
	assert_ok(assemble("vg0-striped", err));
	assert_string_equal(node, "/dev/dm-0");
	assert_string_equal(fake.said,
			    "create vg0-striped " LVM_STRIPED
			    ";load vg0-striped [0 32768 striped 2 128 8:32 2048 8:48 34816];");
	/* what is there stays */
	*fake.said = '\0';
	assert_ok(assemble("vg0-striped", err));
	assert_string_equal(node, "/dev/dm-0");
	assert_string_equal(fake.said, "");
	assert_ok(storage_find(&layers, "vg0-striped", &machine, node, err));
	assert_ok(storage_release(&layers, "vg0-striped", &machine, &sys, err));
	assert_string_equal(fake.said, "remove vg0-striped;");
}

TEST(a_disk_that_is_missing_is_waited_for)
{
	add_pv("vdb", "8:48\n", PV1_RAW, lvm_text);
	striped_recipe();
	check_waits("vg0-striped", "layer vg0-striped waits for LVMPV=" LVM_PV0);
	assert_fails(storage_find(&layers, "vg0-striped", &machine, node, err), ERR_NOT_FOUND,
		     "there is no vg0-striped (dm) on this machine");
	assert_fails(assemble("other", err), ERR_USAGE, "no layer other");
}

/* lvextend, pvmove or lvremove since: the table would lead to what is somebody else's. */
TEST(a_volume_that_was_changed_is_left_alone)
{
	char *text = lvm_changed("\"pv1\", 4\n", "\"pv1\", 5\n");

	add_pv("vdb", "8:48\n", PV1_RAW, text);
	add_pv("vdc", "8:32\n", PV0_RAW, text);
	free(text);
	striped_recipe();
	assert_fails(assemble("vg0-striped", err), ERR_CORRUPT,
		     "vg0-striped was changed since the capture was prepared");
	assert_string_equal(fake.said, "");
	/* its metadata cannot be read: nobody knows */
	disk_flip("dev/vdc", LVM_AREA + 30);
	assert_fails(assemble("vg0-striped", err), ERR_CORRUPT,
		     "whether vg0-striped is where it was is not known");
	assert_string_equal(fake.said, "");
}

TEST(changes_to_others_are_of_no_matter)
{
	char *text = lvm_changed("device_id = 1", "device_id = 7");

	add_pv("vdb", "8:48\n", PV1_RAW, text);
	add_pv("vdc", "8:32\n", PV0_RAW, text);
	free(text);
	striped_recipe();
	assert_ok(assemble("vg0-striped", err));
}

TEST(a_table_that_the_kernel_does_not_take)
{
	add_pv("vdb", "8:48\n", PV1_RAW, lvm_text);
	add_pv("vdc", "8:32\n", PV0_RAW, lvm_text);
	striped_recipe();
	fake.fails = DM_TABLE_LOAD;
	fake.with = EINVAL;
	fake.times = 1;
	assert_fails(assemble("vg0-striped", err), ERR_SYSTEM,
		     "vg0-striped: the kernel does not take");
	assert_string_equal(fake.said,
			    "create vg0-striped " LVM_STRIPED ";fails;remove vg0-striped;");
	assert_int_equal(unlink("dev/mapper/control"), 0);
	check_waits("vg0-striped", "dm_mod is not loaded");
}

TEST(layers_upon_layers)
{
	add_block("pci0/block", "vdb", "8:16\n");
	add_block("pci0/block", "vdc", "8:32\n");
	put_file("sys/class/block/vdb/serial", "one\n");
	put_file("sys/class/block/vdc/serial", "two\n");
	recipe("layer = a\nkind = dm\nmember = WWID=two\ntable = 0 8 linear {0} 0\n"
	       "layer = unused\nkind = dm\nmember = WWID=three\ntable = 0 8 linear {0} 0\n"
	       "layer = b\nkind = dm\nmember = layer:a\nmember = WWID=one\n"
	       "table = 0 8 linear {1} 0\ntable = 8 8 linear {0} 0\n"
	       "layer = c\nkind = dm\nmember = layer:b\ntable = 0 8 thin {0} 1\n");
	assert_ok(assemble("c", err));
	assert_string_equal(fake.said, "create a ;load a [0 8 linear 8:32 0];"
				       "create b ;load b [0 8 linear 8:16 0] [8 8 linear 254:0 0];"
				       "create c ;load c [0 8 thin 254:1 1];");
	*fake.said = '\0';
	assert_ok(storage_release(&layers, "c", &machine, &sys, err));
	assert_string_equal(fake.said, "remove c;remove b;remove a;");
	/* in use: whoever uses it needs what is below it */
	fake.fails = DM_DEV_REMOVE;
	fake.with = EBUSY;
	fake.times = 1;
	*fake.said = '\0';
	assert_ok(storage_release(&layers, "b", &machine, &sys, err));
	assert_string_equal(fake.said, "fails;remove a;");
}

TEST(two_disks_with_one_name)
{
	add_block("pci0/block", "vdb", "8:16\n");
	add_block("pci0/block", "vdc", "8:32\n");
	put_file("sys/class/block/vdb/serial", "one\n");
	put_file("sys/class/block/vdc/serial", "one\n");
	recipe("layer = a\nkind = dm\nmember = WWID=one\ntable = 0 8 linear {0} 0\n");
	assert_fails(assemble("a", err), ERR_USAGE, "WWID=one is the name of both");
}

TEST(paths_that_came_are_used)
{
	add_block("pci0/block", "sda", "8:0\n");
	add_block("pci0/block", "sdb", "8:16\n");
	add_block("pci0/block", "sdc", "8:32\n");
	put_file("sys/class/block/sda/device/wwid", "naa.6001\n");
	put_file("sys/class/block/sdb/device/wwid", "naa.6002\n");
	put_file("sys/class/block/sdc/device/wwid", "naa.6001\n");
	recipe("layer = mpatha\nkind = multipath\nuuid = mpath-36001\nmember = WWID=naa.6001\n"
	       "table = 0 2048 multipath 0 1 alua\n");
	assert_ok(assemble("mpatha", err));
	/* in whatever order */
	assert_non_null(strstr(fake.said,
			       "load mpatha [0 2048 multipath 0 1 alua 2 1 round-robin 0 1 1 8:"));
	assert_non_null(strstr(fake.said, " round-robin 0 1 1 8:0 1"));
	assert_non_null(strstr(fake.said, " round-robin 0 1 1 8:32 1"));
	assert_null(strstr(fake.said, "8:16"));
}

/* ---- MD */

static void md_recipe(void)
{
	make_folders("sys/module/md_mod/");
	put_file("dev/md127", "");
	put_file("sys/devices/virtual/block/md127/md/array_state", "clear\n");
	put_file("sys/devices/virtual/block/md127/md/sync_action", "idle\n");
	put_file("sys/devices/virtual/block/md127/size", "0\n");
	assert_int_equal(symlink("../../devices/virtual/block/md127", "sys/class/block/md127"), 0);
	recipe("layer = md127\nkind = md\nuuid = 10111213:14151617:18191a1b:1c1d1e1f\n"
	       "member = WWID=one\nmember = WWID=two\n");
}

static void add_array_member(const char *name, const char *number, const char *wwid)
{
	add_block("pci0/block", name, number);
	put_md1(at("dev/%s", name), 4096, 0x10);
	put_file(at("sys/class/block/%s/serial", name), wwid);
}

TEST(an_array_is_started)
{
	_cleanup_free_ char *action = NULL;
	size_t len;

	add_array_member("vdb", "8:16\n", "two\n");
	add_array_member("vdc", "8:32\n", "one\n");
	md_recipe();
	assert_ok(assemble("md127", err));
	assert_string_equal(node, "/dev/md127");
	assert_string_equal(fake.said, "version 1.2;add 8:32;add 8:16;run;");
	/* rebuilding is for the system that comes after */
	assert_ok(root_read(&machine, "/sys/class/block/md127/md/sync_action", 100, &action, &len,
			    err));
	assert_memory_equal(action, "frozen", 6);
	*fake.said = '\0';
	assert_ok(assemble("md127", err));
	assert_string_equal(fake.said, "");
	assert_ok(storage_release(&layers, "md127", &machine, &sys, err));
	assert_string_equal(fake.said, "stop;");
}

TEST(an_array_without_a_member)
{
	uint64_t start = step_now_ms();

	add_array_member("vdb", "8:16\n", "two\n");
	md_recipe();
	assert_ok(assemble("md127", err));
	assert_string_equal(fake.said, "version 1.2;add 8:16;run;");
	assert_true(step_now_ms() - start >= 2900);
}

TEST(an_array_that_does_not_start)
{
	add_array_member("vdb", "8:16\n", "two\n");
	add_array_member("vdc", "8:32\n", "one\n");
	md_recipe();
	fake.fails = RUN_ARRAY;
	fake.with = EIO;
	fake.times = 1;
	check_waits("md127", "array md127: it does not start with 2 of its members");
	/* another time it does */
	assert_ok(assemble("md127", err));
	assert_string_equal(fake.said, "version 1.2;add 8:32;add 8:16;fails;stop;"
				       "version 1.2;add 8:32;add 8:16;run;");
}

TEST(another_array)
{
	add_block("pci0/block", "vdb", "8:16\n");
	put_md1("dev/vdb", 4096, 0x66);
	put_file("sys/class/block/vdb/serial", "one\n");
	add_block("pci0/block", "vdc", "8:32\n");
	put_file("sys/class/block/vdc/serial", "two\n");
	md_recipe();
	check_waits("md127", "none of its members has its superblock");
	assert_string_equal(fake.said, "");
}

/* ---- LUKS */

static void luks_recipe(void)
{
	add_block("pci0/block", "vdb", "8:16\n");
	put_file("sys/class/block/vdb/serial", "one\n");
	recipe("layer = dumps\nkind = crypt\nuuid = CRYPT-LUKS2-1-dumps\nmember = WWID=one\n"
	       "table = 0 8 crypt aes-xts-plain64 :64:user:vk:1 0 {0} 32768\n"
	       "key = kernel vk:1\n");
}

TEST(a_key_that_was_handed_over)
{
	_cleanup_free_ char *restore = NULL;
	size_t len;

	luks_recipe();
	assert_ok(assemble("dumps", err));
	assert_string_equal(fake.said,
			    "mount configfs configfs;create dumps CRYPT-LUKS2-1-dumps;"
			    "load dumps [0 8 crypt aes-xts-plain64 :64:user:vk:1 0 8:16 32768];");
	assert_ok(root_read(&machine, "/sys/kernel/config/crash_dm_crypt_keys/restore", 100,
			    &restore, &len, err));
	assert_memory_equal(restore, "1", 1);
}

TEST(a_kernel_that_takes_no_keys)
{
	luks_recipe();
	make_folders("sys/kernel/config/crash_dm_crypt_keys/");
	assert_fails(assemble("dumps", err), ERR_UNSUPPORTED, "CONFIG_CRASH_DM_CRYPT");
	assert_string_equal(fake.said, "");
}

/* The key of another crash, or none: the kernel knows when it is asked for it. */
TEST(a_key_that_was_not_handed_over)
{
	luks_recipe();
	fake.fails = DM_TABLE_LOAD;
	fake.with = ENOKEY;
	fake.times = 1;
	assert_fails(assemble("dumps", err), ERR_SYSTEM,
		     "layer dumps: the crashed kernel did not hand over the key vk:1");
}

static void file_recipe(const char *script, const char *memory)
{
	char text[512];

	add_block("pci0/block", "vdb", "8:16\n");
	put_file("sys/class/block/vdb/serial", "one\n");
	put_file("bin/cryptsetup", script);
	chmod("bin/cryptsetup", 0700);
	snprintf(text, sizeof(text),
		 "layer = dumps\nkind = crypt\nuuid = CRYPT-LUKS2-1-dumps\nmember = WWID=one\n"
		 "key = file /etc/key\nmemory = %s\n",
		 memory);
	recipe(text);
}

TEST(too_little_memory_for_a_key)
{
	file_recipe("#!/bin/sh\nexit 1\n", "1048576");
	put_file("proc/meminfo", "MemTotal: 100 kB\nMemAvailable:   65536 kB\n");
	assert_fails(assemble("dumps", err), ERR_NO_MEMORY,
		     "takes 1048576 KiB of memory, and 65536 are left");
}

/* ---- behind a network */

TEST(an_nvme_disk)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	put_file("dev/nvme-fabrics", "");
	put_file("etc/secret", "DHHC-1:00:x:\nmore");
	recipe("layer = n\nkind = nvme-tcp\nmember = WWID=uuid.1\nserver = 2001:db8::7\n"
	       "port = 4420\ntarget-name = nqn.x\ninitiator = nqn.y\nhost-id = 01-02\n"
	       "secret = /etc/secret\nnetwork = eth0\n");
	check_waits("n", "nqn.x at 2001:db8::7 does not show the disk yet");
	assert_ok(root_read(&machine, "/dev/nvme-fabrics", 1000, &text, &len, err));
	assert_string_equal(text, "transport=tcp,traddr=2001:db8::7,trsvcid=4420,nqn=nqn.x,"
				  "hostnqn=nqn.y,hostid=01-02,dhchap_secret=DHHC-1:00:x:");
	add_block("virtual/nvme-subsystem/nvme-subsys0", "nvme0n1", "259:0\n");
	put_file("sys/class/block/nvme0n1/wwid", "uuid.1\n");
	assert_ok(assemble("n", err));
	assert_string_equal(node, "/dev/nvme0n1");
}

static void add_session(const char *server)
{
	put_file("sys/class/iscsi_session/session3/targetname", "iqn.x\n");
	put_file("sys/class/iscsi_connection/connection3:0/persistent_address", server);
	put_file("sys/class/iscsi_connection/connection3:0/persistent_port", "3260\n");
	make_folders("sys/class/iscsi_session/session3/device/target2:0:0/2:0:0:5/block/sdb/");
	make_folders("sys/class/iscsi_session/session3/device/target2:0:0/2:0:0:15/block/sdc/");
}

TEST(an_iscsi_disk)
{
	add_session("192.0.2.7\n");
	recipe("layer = i\nkind = iscsi\nserver = 192.0.2.7\nport = 3260\ntarget-name = iqn.x\n"
	       "initiator = iqn.y\nlun = 5\nnetwork = eth0\n");
	assert_ok(assemble("i", err));
	assert_string_equal(node, "/dev/sdb");
	assert_ok(storage_release(&layers, "i", &machine, &sys, err));
	/* it is logged in, but has no such disk yet */
	recipe("layer = i\nkind = iscsi\nserver = 192.0.2.7\nport = 3260\ntarget-name = iqn.x\n"
	       "initiator = iqn.y\nlun = 6\nnetwork = eth0\n");
	check_waits("i", "has no LUN 6 yet");
}

/* Two ways to a disk behind two sessions, of which one server is dead: the other has to do. */
TEST(one_of_two_sessions)
{
	add_session("192.0.2.7\n");
	add_block("pci0/block", "sdb", "8:16\n");
	recipe("layer = i\nkind = iscsi\nserver = 192.0.2.7\nport = 3260\ntarget-name = iqn.x\n"
	       "initiator = iqn.y\nlun = 5\nnetwork = eth0\n"
	       "layer = j\nkind = iscsi\nserver = 192.0.2.8\nport = 3260\ntarget-name = iqn.x\n"
	       "initiator = iqn.y\nlun = 5\nnetwork = eth0\nuser = me\nsecret = /none\n"
	       "layer = mpatha\nkind = multipath\nmember = layer:i\nmember = layer:j\n"
	       "table = 0 2048 multipath 0 0\n");
	assert_ok(assemble("mpatha", err));
	assert_string_equal(fake.said, "create mpatha ;load mpatha [0 2048 multipath 0 0 1 1 "
				       "round-robin 0 1 1 8:16 1];");
}

/* ---- a layer whose own layers cannot be */

TEST(what_stands_on_the_impossible)
{
	luks_recipe();
	make_folders("sys/kernel/config/crash_dm_crypt_keys/");
	layers_deinit(&layers);
	recipe("layer = dumps\nkind = crypt\nmember = WWID=one\n"
	       "table = 0 8 crypt aes-xts-plain64 :64:user:vk:1 0 {0} 32768\nkey = kernel vk:1\n"
	       "layer = top\nkind = dm\nmember = layer:dumps\ntable = 0 8 linear {0} 0\n");
	assert_fails(assemble("top", err), ERR_UNSUPPORTED, "top: layer dumps");
}

#define STACK_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STACK_TEST(a_volume_is_made_of_its_disks),
		STACK_TEST(a_disk_that_is_missing_is_waited_for),
		STACK_TEST(a_volume_that_was_changed_is_left_alone),
		STACK_TEST(changes_to_others_are_of_no_matter),
		STACK_TEST(a_table_that_the_kernel_does_not_take),
		STACK_TEST(layers_upon_layers),
		STACK_TEST(two_disks_with_one_name),
		STACK_TEST(paths_that_came_are_used),
		STACK_TEST(an_array_is_started),
		STACK_TEST(an_array_without_a_member),
		STACK_TEST(an_array_that_does_not_start),
		STACK_TEST(another_array),
		STACK_TEST(a_key_that_was_handed_over),
		STACK_TEST(a_kernel_that_takes_no_keys),
		STACK_TEST(a_key_that_was_not_handed_over),
		STACK_TEST(too_little_memory_for_a_key),
		STACK_TEST(an_nvme_disk),
		STACK_TEST(an_iscsi_disk),
		STACK_TEST(one_of_two_sessions),
		STACK_TEST(what_stands_on_the_impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
