// SPDX-License-Identifier: GPL-2.0-or-later
/* Modules of the devices of recorded machines, and small ones made here for what those do not have. */
#include "config/chain.h"
#include "capture/recipe.h"
#include "config/kmods.h"
#include "config/realpath.h"
#include "tests/unit/capture_fixture.h"

#define KERNEL "6.1.0-test"

/* What the chain of a disk is tested with; the names it finds, parted by blanks. */
struct world {
	struct root root;
	struct kmods *kmods;
	char **modules;
	struct chain c;
};

static char start[PATH_MAX]; /* where tests/roots is */

static void open_world(struct world *w, const char *folder, const char *kernel)
{
	*w = (struct world){.modules = calloc(1, sizeof(char *))};
	assert_non_null(w->modules);
	assert_ok(root_init(&w->root, folder, err));
	assert_ok(kmods_create(&w->root, kernel, &w->kmods, err));
	w->c = (struct chain){.root = &w->root,
			      .kmods = w->kmods,
			      .same_kernel = strcmp(kernel, KERNEL) == 0,
			      .modules = &w->modules};
}

static const char *names_of(const struct world *w)
{
	static char names[512];

	*names = '\0';
	for (char **m = w->modules; *m; m++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 *names ? " " : "", *m);
	return names;
}

static void close_world(struct world *w)
{
	for (char **m = w->modules; *m; m++)
		free(*m);
	free(w->modules);
	kmods_destroy(w->kmods);
	root_deinit(&w->root);
}

/* The modules of a recorded machine's disk. */
static const char *modules_of(const char *machine, const char *node)
{
	struct chain_disk disk;
	struct world w;
	char path[64];
	const char *names;

	snprintf(path, sizeof(path), "tests/roots/%s", machine);
	open_world(&w, path, KERNEL);
	assert_ok(chain_disk_by_node(&w.root, node, &disk, err));
	assert_ok(chain_check_layers(&w.root, &disk, err));
	assert_ok(chain_add_disk(&w.c, &disk, err));
	names = names_of(&w);
	close_world(&w);
	return names;
}

TEST(disks)
{
	assert_string_equal(modules_of("disk-virtio", "/dev/vda1"), "virtio_pci virtio_blk");
	assert_string_equal(modules_of("disk-virtio", "/dev/vda"), "virtio_pci virtio_blk");
	assert_string_equal(modules_of("disk-nvme", "/dev/nvme0n1p3"), "nvme");
	assert_string_equal(modules_of("disk-nvme", "/dev/sda"), "ahci sd_mod");
	assert_string_equal(modules_of("disk-nvme", "/dev/sdb"), "xhci_pci usb_storage sd_mod");
	assert_string_equal(modules_of("disk-btrfs", "/dev/sda2"), "virtio_pci virtio_scsi sd_mod");
}

/* Its folder in sysfs says nothing of a controller. */
TEST(nvme_with_several_paths)
{
	assert_string_equal(modules_of("disk-nvme", "/dev/nvme1n1"), "nvme");
}

TEST(what_a_disk_is)
{
	struct chain_disk d;
	struct root root;

	assert_ok(root_init(&root, "tests/roots/disk-nvme", err));
	assert_ok(chain_disk_by_node(&root, "/dev/sdb", &d, err));
	assert_true(d.usb && d.removable && !d.partition && !d.read_only);
	assert_string_equal(d.name, "sdb");
	assert_ok(chain_disk_by_number(&root, 259, 3, &d, err));
	assert_true(!d.usb && !d.removable && d.partition);
	assert_string_equal(d.sysfs, "/sys/devices/pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/"
				     "nvme0n1/nvme0n1p3");
	assert_fails(chain_disk_by_number(&root, 9, 9, &d, err), ERR_NOT_FOUND, "device 9:9");
	assert_fails(chain_disk_by_node(&root, "/dev/sdz", &d, err), ERR_NOT_FOUND, "/dev/sdz");
	assert_fails(chain_disk_by_node(&root, "/proc/meminfo", &d, err), ERR_USAGE,
		     "no block device");
	root_deinit(&root);
}

static void refused(const char *machine, const char *node, const char *says)
{
	struct chain_disk disk;
	struct root root;
	char path[64];

	snprintf(path, sizeof(path), "tests/roots/%s", machine);
	assert_ok(root_init(&root, path, err));
	assert_ok(chain_disk_by_node(&root, node, &disk, err));
	assert_fails(chain_check_layers(&root, &disk, err), ERR_UNSUPPORTED, says);
	assert_fails(chain_check_layers(&root, &disk, err), ERR_UNSUPPORTED,
		     "name a file system on a plain partition");
	root_deinit(&root);
}

TEST(layers_are_named)
{
	refused("disk-layers", "/dev/mapper/vg0-root",
		"dm-1 (vg0-root) is an LVM volume; dm-0 (luks-vda3) is an encrypted device (LUKS); "
		"on "
		"vda3;");
	refused("disk-layers", "/dev/dm-0",
		"dm-0 (luks-vda3) is an encrypted device (LUKS); on vda3");
	refused("disk-layers", "/dev/dm-2", "dm-2 (mpatha1) is a multipath device");
	refused("disk-layers", "/dev/md0", "md0 is an MD array (software RAID)");
	refused("disk-layers", "/dev/loop0", "loop0 is a loop device of the file /srv/image");
	refused("disk-nvme", "/dev/sdc", "sdc is an iSCSI disk");
	refused("disk-nvme", "/dev/nvme2n1", "nvme2n1 is an NVMe disk behind a network (tcp)");
}

/* ---- file systems, shares, watchdogs */

static const char *modules_of_fs(const char *type, const char *options)
{
	const char *names;
	struct world w;

	open_world(&w, "tests/roots/disk-virtio", KERNEL);
	assert_ok(chain_add_fs(&w.c, KERNEL, type, options, err));
	names = names_of(&w);
	close_world(&w);
	return names;
}

TEST(file_systems)
{
	struct world w;

	assert_string_equal(modules_of_fs("xfs", ""), "xfs");
	assert_string_equal(modules_of_fs("ext4", ""), ""); /* built in, and so is … */
	assert_string_equal(modules_of_fs("ext3", ""), ""); /* … by its alias */
	/* the kernel's defaults: iso8859-1 would be it without its configuration */
	assert_string_equal(modules_of_fs("vfat", ""), "vfat nls_cp437 nls_ascii");
	assert_string_equal(modules_of_fs("vfat", "rw,codepage=850,iocharset=iso8859-1"),
			    "vfat nls_iso8859-1"); /* there is no nls_cp850 */
	open_world(&w, "tests/roots/disk-virtio", KERNEL);
	assert_fails(chain_add_fs(&w.c, KERNEL, "f2fs", "", err), ERR_NOT_FOUND,
		     "has no file system f2fs");
	close_world(&w);
}

TEST(shares)
{
	struct world w;
	bool sure;

	open_world(&w, "tests/roots/shares", KERNEL);
	assert_ok(chain_add_share(&w.c, "virtiofs", "guestroot", &sure, err));
	assert_true(sure);
	assert_string_equal(names_of(&w), "virtio_pci virtiofs");
	assert_ok(chain_add_share(&w.c, "9p", "crashes", &sure, err));
	assert_true(sure);
	assert_string_equal(names_of(&w), "virtio_pci virtiofs 9pnet_virtio");
	assert_fails(chain_add_share(&w.c, "9p", "guestroot", &sure, err), ERR_NOT_FOUND,
		     "no 9p share has the tag 'guestroot'; the virtual machine offers: 'crashes'");
	close_world(&w);
	open_world(&w, "tests/roots/disk-virtio", KERNEL);
	assert_fails(chain_add_share(&w.c, "virtiofs", "x", &sure, err), ERR_NOT_FOUND,
		     "offers: none");
	close_world(&w);
}

TEST(watchdogs)
{
	char unknown[64];
	struct world w;

	open_world(&w, "tests/roots/disk-virtio", KERNEL);
	assert_ok(chain_add_watchdogs(&w.c, unknown, err));
	assert_string_equal(names_of(&w), "i6300esb");
	assert_string_equal(unknown, "");
	close_world(&w);
	open_world(&w, "tests/roots/shares", KERNEL);
	assert_ok(chain_add_watchdogs(&w.c, unknown, err));
	assert_string_equal(names_of(&w), "");
	close_world(&w);
}

/* ---- machines made here, in the working directory */

static void put(const char *path, const char *text)
{
	char folder[PATH_MAX];

	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(at - path), path);
		if (mkdir(folder, 0700))
			assert_int_equal(errno, EEXIST);
	}
	write_text(path, text);
}

static void put_link(const char *path, const char *target)
{
	put(path, "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
}

/* A device below `node` with a driver of the module, which is loaded if `live`. */
static void put_driver(const char *node, const char *driver, const char *module, bool live)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "sys/bus/b/drivers/%s/bind", driver);
	put(path, "");
	snprintf(path, sizeof(path), "%s/driver", node);
	snprintf(target, sizeof(target), "/sys/bus/b/drivers/%s", driver);
	put_link(path, target);
	if (!module)
		return;
	snprintf(path, sizeof(path), "sys/module/%s/%s", module, live ? "initstate" : "parameters");
	put(path, "live\n");
	snprintf(path, sizeof(path), "sys/bus/b/drivers/%s/module", driver);
	snprintf(target, sizeof(target), "/sys/module/%s", module);
	put_link(path, target);
}

static void put_modules(const char *kernel, const char *dep, const char *alias, const char *builtin)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "lib/modules/%s/modules.dep", kernel);
	put(path, dep);
	snprintf(path, sizeof(path), "lib/modules/%s/modules.alias", kernel);
	put(path, alias);
	snprintf(path, sizeof(path), "lib/modules/%s/modules.builtin", kernel);
	put(path, builtin);
}

static const char *modules_here(const char *kernel, const char *device)
{
	const char *names;
	struct world w;

	open_world(&w, ".", kernel);
	assert_ok(chain_add_device(&w.c, device, err));
	names = names_of(&w);
	close_world(&w);
	return names;
}

/* A built-in driver may have a module link, too: its parameters are in /sys/module. */
TEST(builtin_with_parameters)
{
	put("sys/devices/a/b/uevent", "");
	put_driver("sys/devices/a", "d1", "foo", false);
	put_driver("sys/devices/a/b", "d2", NULL, false);
	put_modules(KERNEL, "kernel/other.ko:\n", "", "kernel/foo.ko\n");
	assert_string_equal(modules_here(KERNEL, "/sys/devices/a/b"), "");
	/* without lists nothing is known, but that it was not loaded */
	assert_string_equal(modules_here("none", "/sys/devices/a/b"), "");
}

/* A module that is loaded and has no file is needed: the image's builder has to say that it is missing. */
TEST(loaded_without_a_file)
{
	put("sys/devices/a/uevent", "");
	put_driver("sys/devices/a", "d", "own_driver", true);
	put_modules(KERNEL, "kernel/other.ko:\n", "", "");
	assert_string_equal(modules_here(KERNEL, "/sys/devices/a"), "own_driver");
	assert_string_equal(modules_here("none", "/sys/devices/a"), "own_driver");
}

/* The capture kernel is another one: what is built in here is a module there, and has another name. */
TEST(another_kernel)
{
	put("sys/devices/a/modalias", "pci:v1d-2\n");
	put("sys/devices/a/b/modalias", "scsi:t-0x00\n");
	put("sys/devices/a/b/c/modalias", "mmc:block\n");
	put_driver("sys/devices/a", "d1", NULL, false);
	put_driver("sys/devices/a/b", "d2", "gone", true);
	put_modules("7.0", "kernel/new-ahci.ko:\nkernel/sd.ko.zst: kernel/scsi.ko.zst\n",
		    "alias pci:v[0-9]d_* new-ahci\nalias pci:v[0-9]d-2 new-ahci\n"
		    "alias scsi:t_0x00 sd\nalias mmc:block mmc_block\nalias broken\nalias \n",
		    "");
	assert_string_equal(modules_here("7.0", "/sys/devices/a/b/c"), "new_ahci sd mmc_block");
	/* here, a driver that is built in needs nothing */
	put_modules(KERNEL, "kernel/new-ahci.ko:\n", "alias pci:v[0-9]d_* new-ahci\n",
		    "kernel/gone.ko\n");
	assert_string_equal(modules_here(KERNEL, "/sys/devices/a/b"), "");
}

/* A node in the middle without a driver gets none by its alias (shpchp of a PCI bridge), unless that is loaded. */
TEST(aliases_of_what_has_no_driver)
{
	put("sys/devices/a/modalias", "x:bridge\n");
	put("sys/devices/a/b/uevent", "");
	put_modules(KERNEL, "kernel/one.ko:\nkernel/two.ko:\n", "alias x:* one\nalias x:b* two\n",
		    "");
	assert_string_equal(modules_here(KERNEL, "/sys/devices/a/b"), "");
	put("sys/module/two/initstate", "live\n");
	assert_string_equal(modules_here(KERNEL, "/sys/devices/a/b"), "two");
	/* the device itself wants one */
	assert_string_equal(modules_here(KERNEL, "/sys/devices/a"), "one two");
}

/* A disk that needs a clock that needs the disk's bus; and one in a circle with itself. */
TEST(suppliers)
{
	put("sys/devices/bus/disk/uevent", "");
	put("sys/devices/clock/uevent", "");
	put("sys/devices/virtual/devlink/l1/uevent", "");
	put("sys/devices/virtual/devlink/l2/uevent", "");
	put_driver("sys/devices/bus", "d1", "bus_drv", true);
	put_driver("sys/devices/bus/disk", "d2", "disk_drv", true);
	put_driver("sys/devices/clock", "d3", "clock-drv", true);
	put_link("sys/devices/virtual/devlink/l1/supplier", "/sys/devices/clock");
	put_link("sys/devices/virtual/devlink/l2/supplier", "/sys/devices/bus/disk");
	put_link("sys/devices/bus/disk/supplier:platform:clock", "/sys/devices/virtual/devlink/l1");
	put_link("sys/devices/clock/supplier:platform:disk", "/sys/devices/virtual/devlink/l2");
	assert_string_equal(modules_here(KERNEL, "/sys/devices/bus/disk"),
			    "bus_drv clock-drv disk_drv");
}

TEST(lone_watchdogs)
{
	char unknown[64];
	struct world w;

	put("sys/devices/virtual/watchdog/watchdog0/identity", "Software Watchdog\n");
	put("sys/devices/virtual/watchdog/watchdog1/identity", "IT87 WDT\n");
	put("sys/devices/virtual/watchdog/watchdog2/identity", "Something else\n");
	for (int i = 0; i < 3; i++) {
		char path[64], target[64];

		snprintf(path, sizeof(path), "sys/class/watchdog/watchdog%d", i);
		snprintf(target, sizeof(target), "/sys/devices/virtual/watchdog/watchdog%d", i);
		put_link(path, target);
	}
	put_modules(KERNEL, "kernel/it87_wdt.ko:\nkernel/softdog.ko:\n", "", "");
	open_world(&w, ".", KERNEL);
	assert_ok(chain_add_watchdogs(&w.c, unknown, err));
	assert_string_equal(names_of(&w), "it87_wdt");
	assert_string_equal(unknown, "Something else");
	close_world(&w);
	/* its module is one of those that use the core, where that is a module */
	put("sys/module/watchdog/holders/softdog", "");
	put("sys/module/watchdog/holders/pretimeout_noop", "");
	put("sys/module/watchdog/holders/else_wdt", "");
	put_modules(KERNEL, "kernel/softdog.ko:\nkernel/else_wdt.ko:\nkernel/pretimeout_noop.ko:\n",
		    "", "");
	open_world(&w, ".", KERNEL);
	assert_ok(chain_add_watchdogs(&w.c, unknown, err));
	assert_string_equal(names_of(&w), "else_wdt");
	assert_string_equal(unknown, "");
	close_world(&w);
}

/* Before Linux 6.9 nothing tells the tags of virtiofs: any of them may be it. */
TEST(shares_without_tags)
{
	struct world w;
	bool sure;

	put("sys/devices/v0/device", "0x001a\n");
	put("sys/devices/v1/device", "0x0002\n");
	put_driver("sys/devices/v0", "virtiofs", "virtiofs", true);
	put_driver("sys/devices/v1", "virtio_blk", "virtio_blk", true);
	put_link("sys/bus/virtio/devices/virtio0", "/sys/devices/v0");
	put_link("sys/bus/virtio/devices/virtio1", "/sys/devices/v1");
	open_world(&w, ".", KERNEL);
	assert_ok(chain_add_share(&w.c, "virtiofs", "any", &sure, err));
	assert_false(sure);
	assert_string_equal(names_of(&w), "virtiofs");
	close_world(&w);
}

TEST(paths_below_a_root)
{
	char real[PATH_MAX];
	struct root root;

	put("data/crash/x", "");
	put_link("var/crash", "/data/crash");
	put_link("out", "../../../../etc");
	assert_ok(root_init(&root, ".", err));
	assert_true(realpath_below(&root, "/var/crash", real));
	assert_string_equal(real, "/data/crash");
	assert_true(realpath_below(&root, "/", real));
	assert_string_equal(real, "/");
	assert_false(realpath_below(&root, "/out/passwd", real));
	assert_true(realpath_as_far(&root, "/var/crash/new/er", real));
	assert_string_equal(real, "/data/crash/new/er");
	assert_true(realpath_as_far(&root, "/nothing/there", real));
	assert_string_equal(real, "/nothing/there");
	assert_true(realpath_as_far(&root, "/", real));
	assert_string_equal(real, "/");
	assert_false(realpath_as_far(&root, "relative", real));
	assert_false(realpath_as_far(&root, "/data/crash/x/below-a-file", real));
	root_deinit(&root);
}

static int remember(void **state)
{
	(void)state;
	return getcwd(start, sizeof(start)) ? 0 : -1;
}

static int leave(void **state)
{
	int r = scratch_drop(state);

	return r || chdir(start) ? -1 : 0;
}

#define made_here(test) cmocka_unit_test_setup_teardown(test, scratch_make, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disks),
		cmocka_unit_test(nvme_with_several_paths),
		cmocka_unit_test(what_a_disk_is),
		cmocka_unit_test(layers_are_named),
		cmocka_unit_test(file_systems),
		cmocka_unit_test(shares),
		cmocka_unit_test(watchdogs),
		made_here(builtin_with_parameters),
		made_here(loaded_without_a_file),
		made_here(another_kernel),
		made_here(aliases_of_what_has_no_driver),
		made_here(suppliers),
		made_here(lone_watchdogs),
		made_here(shares_without_tags),
		made_here(paths_below_a_root),
	};

	return cmocka_run_group_tests_name("chain", tests, remember, NULL);
}
