// SPDX-License-Identifier: GPL-2.0-or-later
/* From configurations to recipes, on the recorded machines that have disks. */
#include "config/resolve.h"
#include "config/mountopts.h"
#include "tests/unit/capture_fixture.h"

#define KERNEL "6.1.0-test"
#define ROOT   "UUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8"
#define VAR    "UUID=5ad0e1f2-0314-4526-9748-59607a8b9cad"
#define OLD    "UUID=c0ffee00-1111-4222-8333-444455556666"
#define RAW    "PARTUUID=aabbccdd-0011-4233-8455-66778899aabb"

static struct recipe *recipe;
static char **notes, **missing;
static struct resolve_env env; /* what a test wants besides root and kernel */

static int forget(void **state)
{
	(void)state;
	recipe_destroy(recipe);
	recipe_free_strings(notes);
	recipe_free_strings(missing);
	recipe = NULL;
	notes = missing = NULL;
	return 0;
}

static int resolve(const char *machine, const char *text, struct err *err)
{
	struct config *config = NULL;
	struct root root;
	char path[64];
	int r;

	(void)forget(NULL);
	snprintf(path, sizeof(path), "%s%s", *machine == '/' ? "" : "tests/roots/", machine);
	r = root_init(&root, path, err);
	if (r)
		return r;
	r = config_create((struct bytes){(const uint8_t *)text, strlen(text)}, "conf", &config,
			  err);
	if (!r) {
		struct resolved resolved = {0};

		env.root = &root;
		env.kernel = KERNEL;
		r = resolve_recipe(config, &env, &resolved, err);
		recipe = resolved.recipe;
		notes = resolved.notes;
		missing = resolved.missing;
	}
	config_destroy(config);
	root_deinit(&root);
	return r;
}

static bool has_note(const char *part)
{
	for (char **n = notes; *n; n++)
		if (strstr(*n, part))
			return true;
	return false;
}

static void assert_note(const char *part)
{
	if (has_note(part))
		return;
	for (char **n = notes; *n; n++)
		print_message("note: %s\n", *n);
	fail_msg("no note says '%s'", part);
}

/* "KIND DEVICE FSTYPE OPTIONS PATH" */
static void assert_target(size_t i, const char *want)
{
	const struct recipe_target *t = &recipe->targets[i];
	char text[2048];

	assert_true(i < recipe->n_targets);
	snprintf(text, sizeof(text), "%s %s %s '%s' '%s'%s", target_kind_name(t->kind), t->device,
		 t->fstype, t->mount_options, t->path, t->log_only ? " log-only" : "");
	assert_string_equal(text, want);
}

static void assert_modules(const char *want)
{
	char names[512] = "";

	for (char **m = recipe->modules; *m; m++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 *names ? " " : "", *m);
	assert_string_equal(names, want);
}

/* ---- configured targets */

TEST(several_targets)
{
	assert_ok(resolve(
		"disk-virtio",
		"path /crash\next4 " ROOT "\nraw " RAW "\nlog_only vfat UUID=1234-abcd\n"
		"path /log\nextra_modules own_module virtio_blk\n"
		"core_collector makedumpfile -z -d 1,31\nkeep_count 3\nkdump_post /usr/bin/a\n",
		err));
	assert_int_equal(recipe->n_targets, 3);
	assert_target(0, "fs " ROOT " ext4 'errors=remount-ro,data=ordered' '/crash'");
	assert_target(1, "raw " RAW "  '' '/var/crash'");
	assert_int_equal(recipe->targets[1].size, 65536);
	assert_target(2, "fs UUID=1234-ABCD vfat 'codepage=437,iocharset=iso8859-1,shortname=mixed,"
			 "errors=remount-ro,fmask=0177,dmask=0077' '/log' log-only");
	assert_modules("virtio_pci virtio_blk vfat nls_cp437 nls_iso8859-1 i6300esb ramoops "
		       "own_module");
	assert_int_equal(recipe->levels[1], 31);
	assert_int_equal(recipe->codec, CODEC_ZSTD);
	assert_int_equal(recipe->keep.count, 3);
	assert_string_equal(recipe->post[0], "/usr/bin/a");
	assert_note("line 2: ext4 " ROOT " (vda1), folder /crash, mounted now at /");
	assert_note("line 3: raw " RAW " (vda3) of 64.0 KB");
	assert_note("line 3: room for 64.0 KB, and 3.8 GB of memory");
}

TEST(by_any_name)
{
	static const char *const names[] = {"/dev/vda1", "LABEL=root", "PARTLABEL=root",
					    "PARTUUID=11223344-5566-4778-899a-abbccddeeff0"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char text[128];

		snprintf(text, sizeof(text), "ext4 %s\nwatchdog off\npstore no\n", names[i]);
		assert_ok(resolve("disk-virtio", text, err));
		assert_target(0, "fs " ROOT " ext4 'errors=remount-ro,data=ordered' '/var/crash'");
		assert_modules("virtio_pci virtio_blk");
	}
	assert_ok(resolve("disk-virtio", "raw /dev/vda3\n", err));
	assert_target(0, "raw " RAW "  '' '/var/crash'");
}

TEST(options_of_the_configuration)
{
	assert_ok(resolve("disk-virtio",
			  "ext4 /dev/vda1\nmount_options noatime,nobarrier,x-systemd.automount\n",
			  err));
	assert_target(0, "fs " ROOT " ext4 'nobarrier' '/var/crash'");
	assert_note(
		"left out, as a matter of mount(8) or of how the capture kernel mounts: noatime "
		"x-systemd.automount");
	assert_fails(resolve("disk-virtio", "ext4 /dev/vda1\nmount_options ro\n", err), ERR_USAGE,
		     "a target is written to");
}

TEST(not_mounted_and_not_clean)
{
	assert_ok(resolve("disk-virtio", "ext4 /dev/vda4\n", err));
	assert_target(0, "fs " OLD " ext4 '' '/var/crash'");
	assert_note("vda4 was not unmounted");
}

/* Two disks are copies of each other: neither the name nor the recipe may mean both. */
TEST(copies)
{
	assert_fails(resolve("disk-virtio", "xfs " VAR "\n", err), ERR_USAGE,
		     "conf: line 1: xfs " VAR);
	assert_ok(resolve("disk-virtio", "xfs /dev/vdb\n", err));
	assert_target(0, "fs /dev/vdb xfs '' '/var/crash'");
	assert_note("nothing on /dev/vdb tells it from other disks");
}

TEST(another_type_than_said)
{
	assert_fails(resolve("disk-virtio", "xfs /dev/vda1\n", err), ERR_USAGE,
		     "conf: line 1: xfs /dev/vda1: vda1 is ext4, not xfs: write `ext4 /dev/vda1`");
	/* the driver of ext4 has all three */
	assert_ok(resolve("disk-virtio", "ext3 /dev/vda4\n", err));
	assert_target(0, "fs " OLD " ext4 '' '/var/crash'");
	assert_note("vda4 is ext4, not ext3");
	assert_fails(resolve("disk-layers", "ext4 /dev/vda3\n", err), ERR_UNSUPPORTED,
		     "vda3 is encrypted (LUKS)");
	assert_ok(resolve("disk-virtio", "ext4 /dev/vda3\n", err));
	assert_target(0, "fs " RAW " ext4 '' '/var/crash'");
	assert_note("holds nothing that is known here; taken for ext4");
}

TEST(raw_overwrites_nothing)
{
	assert_fails(resolve("disk-virtio", "raw /dev/vda4\n", err), ERR_USAGE,
		     "vda4 holds ext4, which a raw target would overwrite");
	assert_fails(resolve("disk-virtio", "raw /dev/vda1\n", err), ERR_USAGE,
		     "vda1 is mounted at /");
	assert_fails(resolve("disk-virtio", "raw /dev/vda\n", err), ERR_USAGE,
		     "vda has partitions");
	assert_fails(resolve("disk-layers", "raw /dev/vda3\n", err), ERR_USAGE,
		     "vda3 is a part of dm-0");
}

/* Of the machines that have them only the names are recorded: what the walk makes of whole ones is test_storage_probe's. */
TEST(layers_that_cannot_be_made_again)
{
	assert_fails(resolve("disk-layers", "ext4 /dev/mapper/vg0-root\n", err), ERR_NOT_FOUND,
		     "dm-1 (vg0-root)");
	assert_fails(resolve("disk-layers", "xfs " VAR "\n", err), ERR_NOT_FOUND, "md0");
	assert_fails(resolve("disk-layers", "", err), ERR_NOT_FOUND,
		     "conf: path /var/crash: dm-1 (vg0-root)");
	assert_fails(resolve("disk-layers", "path /srv/crash\n", err), ERR_NOT_FOUND,
		     "conf: path /srv/crash: md0");
	assert_fails(resolve("disk-layers", "ext4 /dev/loop0\n", err), ERR_UNSUPPORTED,
		     "loop0 is a loop device");
	assert_fails(resolve("disk-nvme", "ext4 /dev/sdc\n", err), ERR_UNSUPPORTED, "iSCSI");
}

/* A device of device-mapper over the disk of another machine: its layer is what the target needs. */
TEST(a_layer)
{
	char folder[] = "/tmp/lifeboat-test.XXXXXX", command[1280];

	assert_non_null(mkdtemp(folder));
	snprintf(
		command, sizeof(command),
		"cp -a tests/roots/disk-virtio/. %s && cd %s && chmod -R u+w . && "
		"b=sys/devices/virtual/block/dm-0 && mkdir -p $b/dm $b/slaves $b/holders dm "
		"dev/mapper && echo dump > $b/dm/name && echo > $b/dm/uuid && echo 252:0 > $b/dev "
		"&& "
		"echo 0 > $b/ro && echo 128 > $b/size && ln -s $(readlink -f sys/class/block/vda4) "
		"$b/slaves/vda4 && for l in class/block/dm-0 dev/block/252:0; do ln -s "
		"../../devices/virtual/block/dm-0 sys/$l; done && cp dev/vda4 dev/dm-0 && ln -s "
		"../dm-0 dev/mapper/dump && echo '0 128 linear 254:4 0' > dm/dump",
		folder, folder);
	assert_int_equal(system(command), 0);
	assert_ok(resolve(folder, "ext4 /dev/mapper/dump\nwatchdog off\npstore no\n", err));
	assert_target(0, "fs " OLD " ext4 '' '/var/crash'");
	assert_string_equal(recipe->targets[0].needs, "dump");
	assert_int_equal(recipe->layers.n, 1);
	assert_string_equal(recipe->layers.v[0].tables[0], "0 128 linear {0} 0");
	assert_modules("virtio_pci virtio_blk");
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

TEST(no_such_device)
{
	assert_fails(
		resolve("disk-virtio", "ext4 UUID=01234567-0123-4123-8123-0123456789ab\n", err),
		ERR_NOT_FOUND, "conf: line 1: ext4 UUID=01234567");
	assert_fails(resolve("disk-virtio", "raw /dev/vdz\n", err), ERR_NOT_FOUND,
		     "conf: line 1: raw /dev/vdz");
}

TEST(other_disks)
{
	assert_ok(resolve("disk-nvme", "vfat UUID=5678-EF01\npath /a\next4 /dev/nvme1n1\npath /b\n",
			  err));
	assert_modules("xhci_pci usb_storage sd_mod vfat nls_cp437 nls_ascii nvme efi_pstore");
	assert_target(0, "fs UUID=5678-EF01 vfat 'fmask=0177,dmask=0077' '/a'");
	assert_note("sdb is behind USB");
	assert_fails(resolve("disk-btrfs", "btrfs /dev/sda3\n", err), ERR_UNSUPPORTED,
		     "one of 2 devices of a btrfs");
}

TEST(the_same_place_twice)
{
	assert_fails(resolve("disk-virtio", "ext4 /dev/vda1\next4 LABEL=root\n", err), ERR_USAGE,
		     "line 2: ext4 LABEL=root: this is the same place as target 1");
	assert_ok(
		resolve("disk-virtio", "ext4 /dev/vda1\npath /a\next4 LABEL=root\npath /b\n", err));
	assert_int_equal(recipe->n_targets, 2);
	assert_fails(resolve("disk-virtio", "raw /dev/vda3\nraw " RAW "\n", err), ERR_USAGE,
		     "line 2: raw " RAW ": this is the same place as target 1");
}

/* ---- where the path is now */

TEST(path_alone)
{
	assert_ok(resolve("disk-virtio", "", err));
	assert_int_equal(recipe->n_targets, 1);
	assert_target(0, "fs " ROOT " ext4 'errors=remount-ro,data=ordered' '/var/crash'");
	assert_ok(resolve("disk-nvme", "path /var/crash\n", err));
	assert_target(0, "fs " VAR " xfs 'usrquota' '/crash'");
	assert_modules("nvme xfs efi_pstore");
	assert_ok(resolve("disk-nvme", "path /var\n", err));
	assert_target(0, "fs " VAR " xfs 'usrquota' ''");
	/* a bind mount, with a blank in its name */
	assert_ok(resolve("disk-virtio", "path /srv/my data/x\n", err));
	assert_target(0, "fs " ROOT " ext4 'errors=remount-ro,data=ordered' '/export/data/x'");
}

TEST(path_on_btrfs)
{
	assert_ok(resolve("disk-btrfs", "path /srv\n", err));
	assert_target(0, "fs " ROOT " btrfs 'subvolid=256' '/srv'");
	/* a folder of a subvolume, mounted elsewhere */
	assert_ok(resolve("disk-btrfs", "path /var/crash/kdump\n", err));
	assert_target(0, "fs " ROOT " btrfs 'subvolid=258' '/lib/crash/kdump'");
	assert_modules("virtio_pci virtio_scsi sd_mod btrfs efi_pstore");
	assert_ok(resolve("disk-btrfs", "btrfs /dev/sda2\n", err));
	assert_target(0, "fs " ROOT " btrfs '' '/var/crash'");
	assert_note("several subvolumes of sda2 are mounted");
}

TEST(path_on_what_is_no_target)
{
	assert_fails(
		resolve("disk-virtio", "path /tmp/crash\n", err), ERR_UNSUPPORTED,
		"conf: path /tmp/crash: /tmp/crash is in tmpfs (mounted at /tmp), which is memory");
	/* NFS is one: test_resolve_remote; its server is not known here */
	assert_fails(resolve("disk-virtio", "path /mnt/net/x\n", err), ERR_NOT_FOUND,
		     "the name 'server' cannot be resolved");
	assert_fails(resolve("disk-virtio", "path /var/lib/containers/merged\n", err),
		     ERR_UNSUPPORTED, "an overlay");
	assert_fails(resolve("disk-virtio", "path /proc/x\n", err), ERR_UNSUPPORTED,
		     "on no disk of this machine");
}

TEST(dump_to_rootfs)
{
	assert_ok(resolve("disk-nvme", "path /var/crash\nfailure_action dump_to_rootfs\n", err));
	assert_int_equal(recipe->n_targets, 2);
	assert_target(0, "fs " VAR " xfs 'usrquota' '/crash'");
	/* /var is not mounted there then */
	assert_target(1, "fs " ROOT " ext4 '' '/var/crash'");
	assert_ok(resolve("disk-virtio", "failure_action dump_to_rootfs\n", err));
	assert_int_equal(recipe->n_targets, 1);
	assert_note("dump_to_rootfs: it is target 1 already");
}

TEST(shares)
{
	assert_ok(resolve("shares", "9p crashes\npath /\nvirtiofs guestroot\npath /x\n", err));
	assert_target(0, "share crashes 9p '' ''");
	assert_target(1, "share guestroot virtiofs '' '/x'");
	assert_modules("virtio_pci 9pnet_virtio 9p virtiofs");
	assert_ok(resolve("shares", "", err));
	assert_target(0, "share guestroot virtiofs '' '/var/crash'");
	assert_fails(resolve("shares", "9p crash\n", err), ERR_NOT_FOUND,
		     "conf: line 1: 9p crash: no 9p share has the tag 'crash'");
}

/* ---- options */

static void assert_kept(const char *type, const char *options, const char *want)
{
	_cleanup_free_ char *text = NULL;

	assert_ok(mountopts_of_mounted(type, options, &text, err));
	assert_string_equal(text, want);
}

TEST(options_as_mounted)
{
	char *text;

	assert_kept("ext4", "rw,seclabel,errors=panic,data=journal,stripe=64",
		    "errors=remount-ro,data=journal");
	assert_kept("ext4", "rw,errors=continue", "errors=continue");
	assert_kept("xfs", "rw,attr2,inode64,logbufs=8,logbsize=32k,sunit=8,noquota", "");
	assert_kept("xfs", "rw,nouuid,inode32,prjquota", "nouuid,inode32,prjquota");
	assert_kept("btrfs", "rw,compress=zstd:1,space_cache=v2,subvolid=5,subvol=/", "subvolid=5");
	assert_kept("f2fs", "rw,lazytime,background_gc=on", "");
	assert_kept("vfat", "rw,fmask=0000,uid=1000", "fmask=0177,dmask=0077");
	assert_fails(mountopts_of_mounted("xfs", "rw,logdev=/dev/sdb1", &text, err),
		     ERR_UNSUPPORTED, "logdev=/dev/sdb1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(several_targets, forget),
		cmocka_unit_test_teardown(by_any_name, forget),
		cmocka_unit_test_teardown(options_of_the_configuration, forget),
		cmocka_unit_test_teardown(not_mounted_and_not_clean, forget),
		cmocka_unit_test_teardown(copies, forget),
		cmocka_unit_test_teardown(another_type_than_said, forget),
		cmocka_unit_test_teardown(raw_overwrites_nothing, forget),
		cmocka_unit_test_teardown(layers_that_cannot_be_made_again, forget),
		cmocka_unit_test_teardown(a_layer, forget),
		cmocka_unit_test_teardown(no_such_device, forget),
		cmocka_unit_test_teardown(other_disks, forget),
		cmocka_unit_test_teardown(the_same_place_twice, forget),
		cmocka_unit_test_teardown(path_alone, forget),
		cmocka_unit_test_teardown(path_on_btrfs, forget),
		cmocka_unit_test_teardown(path_on_what_is_no_target, forget),
		cmocka_unit_test_teardown(dump_to_rootfs, forget),
		cmocka_unit_test_teardown(shares, forget),
		cmocka_unit_test(options_as_mounted),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
