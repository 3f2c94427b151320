// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>

#include "base/io.h"
#include "service/generator.h"
#include "tests/unit/unit.h"

/* ---- names; what is expected is what systemd-escape(1) and udevadm(8) of systemd 252 print */

static void assert_unit(const char *path, const char *want)
{
	char unit[GENERATOR_NAME_SIZE];

	assert_true(generator_unit(path, ".mount", unit));
	assert_string_equal(unit, want);
}

TEST(units_of_paths)
{
	assert_unit("/", "-.mount");
	assert_unit("", "-.mount");
	assert_unit("/var/crash", "var-crash.mount");
	assert_unit("//var//crash/", "var-crash.mount");
	assert_unit("/a-b/c d", "a\\x2db-c\\x20d.mount");
	assert_unit("/.hidden/.x", "\\x2ehidden-.x.mount");
	assert_unit("/a_b:c%", "a_b:c\\x25.mount");
	assert_unit("/a\\x20", "a\\x5cx20.mount");
	assert_unit("/\xc3\xa4", "\\xc3\\xa4.mount");
}

TEST(unit_too_long)
{
	char path[300], unit[GENERATOR_NAME_SIZE];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[GENERATOR_NAME_SIZE - sizeof(".mount") + 1] = '\0';
	assert_true(generator_unit(path, ".mount", unit));
	assert_int_equal(strlen(unit), GENERATOR_NAME_SIZE - 1);
	path[GENERATOR_NAME_SIZE - sizeof(".mount") + 1] = 'a';
	path[GENERATOR_NAME_SIZE - sizeof(".mount") + 2] = '\0';
	assert_false(generator_unit(path, ".mount", unit));
}

static void assert_node(const char *device, const char *want)
{
	char node[PATH_MAX];

	assert_true(generator_node(device, node));
	assert_string_equal(node, want);
}

TEST(nodes_of_devices)
{
	char node[PATH_MAX];

	assert_node("/dev/vda1", "/dev/vda1");
	assert_node("UUID=0F2A1B3C-4d5e-4f60-8a7b-9c0d1e2f3a4b",
		    "/dev/disk/by-uuid/0f2a1b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b");
	assert_node("UUID=12AB-34CD", "/dev/disk/by-uuid/12AB-34CD");
	assert_node("PARTUUID=1234ABCD-02", "/dev/disk/by-partuuid/1234abcd-02");
	assert_node("PARTLABEL=Linux dump", "/dev/disk/by-partlabel/Linux\\x20dump");
	assert_node("LABEL=a/b\\c", "/dev/disk/by-label/a\\x2fb\\x5cc");
	assert_node("LABEL=\xc3\xa4#+-.:=@_", "/dev/disk/by-label/\xc3\xa4#+-.:=@_");
	assert_false(generator_node("UUID=", node));
	assert_false(generator_node("crashes", node));
	assert_false(generator_node("//server/share", node));
}

/* ---- what is waited for */

static struct generator g;

static void generate(const char *text, const char *fstab)
{
	struct config *c = NULL;

	generator_deinit(&g);
	assert_ok(config_create((struct bytes){(const uint8_t *)text, strlen(text)}, "F", &c, err));
	assert_ok(generator_create(c, (struct bytes){(const uint8_t *)fstab, strlen(fstab)}, &g,
				   err));
	config_destroy(c);
}

static int forget(void **state)
{
	(void)state;
	generator_deinit(&g);
	return 0;
}

TEST(nothing_configured)
{
	generate("", "UUID=1 / ext4 defaults 0 1\n");
	assert_string_equal(g.targets, "After=var.mount\nAfter=var-crash.mount\n");
	assert_null(g.bounded[0]);
	generate("path /\n", "");
	assert_string_equal(g.targets, "");
}

TEST(device_that_nobody_mounts)
{
	generate("raw PARTUUID=1234abcd-02\ndeadline_device 7\n", "# UUID=1 /x ext4\n\n");
	assert_string_equal(g.targets, "Wants=dev-disk-by\\x2dpartuuid-1234abcd\\x2d02.device\n"
				       "After=dev-disk-by\\x2dpartuuid-1234abcd\\x2d02.device\n");
	assert_string_equal(g.bounded[0], "dev-disk-by\\x2dpartuuid-1234abcd\\x2d02.device");
	assert_null(g.bounded[1]);
	assert_string_equal(g.bound, "JobRunningTimeoutSec=7\n");
}

/* Its options go into the recipe: the mount comes first, and how long its device is waited for is fstab's business. */
TEST(device_of_fstab)
{
	generate("ext4 LABEL=crashes\npath /x\n",
		 "LABEL=other /other ext4 nofail\n"
		 "\tLABEL=\"crashes\" \t/srv/my\\040dumps ext4 nofail 0 2\n"
		 "/dev/disk/by-label/crashes /twice ext4 noauto");
	assert_string_equal(g.targets, "After=srv-my\\x20dumps.mount\nAfter=twice.mount\n"
				       "Wants=dev-disk-by\\x2dlabel-crashes.device\n"
				       "After=dev-disk-by\\x2dlabel-crashes.device\n");
	assert_null(g.bounded[0]);
}

TEST(shares_have_no_device)
{
	generate("virtiofs crashes\n9p other\n",
		 "crashes /mnt/c virtiofs nofail 0 0\nswap none swap\n");
	assert_string_equal(g.targets, "After=mnt-c.mount\n");
	assert_null(g.bounded[0]);
}

TEST(one_device_twice_is_bounded_once)
{
	generate("ext4 /dev/vdb\next4 /dev//vdb\n", "");
	assert_string_equal(g.bounded[0], "dev-vdb.device");
	assert_null(g.bounded[1]);
}

/* Names and routes have to be there when the image is judged. */
TEST(remote_targets_wait_for_the_network)
{
	static const char network[] = "Wants=network-online.target\n"
				      "After=network-online.target\n"
				      "After=nss-lookup.target\n"
				      "After=remote-fs.target\n";
	char want[1024];

	generate("nfs nas:/x\nssh a@b\n", "");
	assert_string_equal(g.targets, network);
	assert_null(g.bounded[0]);
	generate("ssh a@b\next4 /dev/vdb\n", "");
	snprintf(want, sizeof(want), "%sWants=dev-vdb.device\nAfter=dev-vdb.device\n", network);
	assert_string_equal(g.targets, want);
	/* what could not be sent is in a folder of this machine */
	generate("path /spool\nssh a@b\nspool 1G\n", "");
	snprintf(want, sizeof(want), "%sAfter=spool.mount\n", network);
	assert_string_equal(g.targets, want);
}

/* fstab is edited by hand: what is damaged is passed over, and the rest still counts. */
TEST(damaged_fstab)
{
	char fstab[2 * PATH_MAX + 64];

	memset(fstab, 'x', sizeof(fstab));
	strcpy(fstab + sizeof(fstab) - 30, " /x\n/dev/vdb\n/dev/vdb \n");
	strcat(fstab, "\n\\");
	generate("ext4 /dev/vdb\n", fstab);
	assert_string_equal(g.bounded[0], "dev-vdb.device");
	generate("ext4 /dev/vdb\n",
		 "/dev/vdb\\000 /a ext4\n/dev/vdb relative\n/dev/vdb /b\\0 ext4");
	assert_null(g.bounded[0]);
	assert_non_null(strstr(g.targets, "After=b\\x5c0.mount\n"));
	assert_null(strstr(g.targets, "After=a.mount"));
}

/* ---- files */

static void assert_file(const char *folder, const char *name, const char *want)
{
	char path[PATH_MAX], *text;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_ok(io_read_file(path, 65536, &text, &len, err));
	assert_non_null(strstr(text, "\n[Unit]\n"));
	assert_string_equal(strstr(text, "[Unit]\n") + strlen("[Unit]\n"), want);
	free(text);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

TEST(files)
{
	char folder[] = "/tmp/lifeboat-unit-XXXXXX";

	assert_non_null(mkdtemp(folder));
	generate("ext4 /dev/vdb\n", "");
	assert_ok(generator_write(&g, folder, err));
	assert_file(folder, "lifeboat.service.d/targets.conf",
		    "Wants=dev-vdb.device\nAfter=dev-vdb.device\n");
	assert_file(folder, "lifeboat-collect.service.d/targets.conf",
		    "Wants=dev-vdb.device\nAfter=dev-vdb.device\n");
	assert_file(folder, "dev-vdb.device.d/40-lifeboat.conf", "JobRunningTimeoutSec=30\n");
	/* nothing to be waited for, nothing written */
	generate("path /\n", "");
	assert_ok(generator_write(&g, folder, err));
	assert_int_equal(rmdir(folder), 0);
	generate("", "");
	assert_fails(generator_write(&g, folder, err), ERR_NOT_FOUND, "lifeboat.service.d: mkdir");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_of_paths),
		cmocka_unit_test(unit_too_long),
		cmocka_unit_test(nodes_of_devices),
		cmocka_unit_test_teardown(nothing_configured, forget),
		cmocka_unit_test_teardown(device_that_nobody_mounts, forget),
		cmocka_unit_test_teardown(device_of_fstab, forget),
		cmocka_unit_test_teardown(shares_have_no_device, forget),
		cmocka_unit_test_teardown(one_device_twice_is_bounded_once, forget),
		cmocka_unit_test_teardown(remote_targets_wait_for_the_network, forget),
		cmocka_unit_test_teardown(damaged_fstab, forget),
		cmocka_unit_test_teardown(files, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
