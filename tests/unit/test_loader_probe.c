// SPDX-License-Identifier: GPL-2.0-or-later
/* What is read from the recorded machines of tests/roots, and what the checks make of it. */
#include "loader/check.h"
#include "loader/probe.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/unit.h"

#define MIB (1024ull * 1024)

static const struct explain_call load_panic = {.phase = EXPLAIN_LOAD};

static struct facts probe(const char *machine)
{
	struct err err = {0};
	struct facts facts;
	struct root root;
	char path[128];

	snprintf(path, sizeof(path), "tests/roots/%s", machine);
	assert_int_equal(root_init(&root, path, &err), 0);
	assert_int_equal(facts_probe(&root, &facts, &err), 0);
	root_deinit(&root);
	return facts;
}

TEST(machine_ready)
{
	struct facts f = probe("ready");
	struct err err;

	assert_true(fact_is(f.euid, 0) && fact_is(f.cap_sys_boot, 1) && fact_is(f.init_userns, 1));
	assert_true(f.sysfs && fact_is(f.crash_loaded, 0));
	assert_true(fact_is(f.crash_size, 128 * MIB));
	assert_int_equal(f.regions.n, 1);
	assert_int_equal(f.regions.v[0].start, 0x37000000);
	assert_int_equal(f.regions.v[0].end, 0x3f000000);
	assert_false(f.regions_hidden);
	assert_int_equal(f.iomem_err.code, 0);
	assert_string_equal(f.crashkernel, "crashkernel=128M");
	assert_true(fact_is(f.load_disabled, 0));
	assert_false(f.load_limit.known); /* 6.1 has no such sysctl */
	assert_int_equal(f.lockdown, LOCKDOWN_NONE);
	assert_false(f.secure_boot.known); /* no EFI */
	assert_string_equal(f.release, "6.1.0-56-cloud-amd64");
	assert_true(f.mem_total.known && f.mem_total.value % 1024 == 0);
	assert_true(f.mem_total.value > 700 * MIB && f.mem_total.value < 896 * MIB);
	assert_true(fact_is(f.la57, 1));
	assert_int_equal(facts_load_region(&f), 128 * MIB);
	assert_int_equal(check_reservation(&f, &err), 0);
	assert_int_equal(check_permission(&f, load_panic, &err), 0);
	facts_deinit(&f);
}

TEST(machine_armed)
{
	static const char *const names[] = {"armed", "new-names", "not-root", "load-disabled"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct facts f = probe(names[i]);

		assert_true(fact_is(f.crash_loaded, 1));
		assert_true(fact_is(f.crash_size, 128 * MIB));
		facts_deinit(&f);
	}
}

TEST(machine_new_names)
{
	struct facts f = probe("new-names");

	assert_true(fact_is(f.load_limit, LOAD_UNLIMITED));
	facts_deinit(&f);
}

/* By the names of 6.19, by those before, and on a kernel that has none of it. */
TEST(other_images_and_hotplug)
{
	struct facts f = probe("new-names");

	assert_true(fact_is(f.ordinary_loaded, 1));
	assert_true(fact_is(f.hotplug_cpu, 1) && fact_is(f.hotplug_memory, 1));
	assert_true(fact_is(f.elfcorehdr_size, 917616));
	facts_deinit(&f);
	f = probe("limit-used-up");
	assert_true(fact_is(f.ordinary_loaded, 0));
	assert_true(!f.hotplug_cpu.known && fact_is(f.hotplug_memory, 0));
	assert_true(fact_is(f.elfcorehdr_size, 917616));
	facts_deinit(&f);
	f = probe("no-kexec");
	assert_false(f.ordinary_loaded.known || f.hotplug_cpu.known || f.hotplug_memory.known ||
		     f.elfcorehdr_size.known);
	facts_deinit(&f);
}

TEST(machine_no_reservation)
{
	struct facts f = probe("no-reservation");
	struct err err = {0};

	assert_true(fact_is(f.crash_size, 0));
	assert_null(f.crashkernel);
	assert_int_equal(check_reservation(&f, &err), ERR_NOT_FOUND);
	assert_says(&err, "add crashkernel=256M");
	assert_says(&err, "reboot");
	facts_deinit(&f);
}

TEST(machine_failed_reservation)
{
	struct facts f = probe("failed-reservation");
	struct err err = {0};

	assert_string_equal(f.crashkernel, "crashkernel=4G");
	assert_int_equal(check_reservation(&f, &err), ERR_NOT_FOUND);
	assert_says(&err, "although the kernel was booted with crashkernel=4G");
	facts_deinit(&f);
}

TEST(machine_no_kexec)
{
	struct facts f = probe("no-kexec");
	struct err err = {0};

	assert_false(f.crash_loaded.known || f.crash_size.known);
	assert_int_equal(check_reservation(&f, &err), ERR_UNSUPPORTED);
	assert_says(&err, "CONFIG_KEXEC_FILE");
	f.sysfs = false;
	assert_int_equal(check_reservation(&f, &err), ERR_NOT_FOUND);
	assert_says(&err, "mount -t sysfs");
	facts_deinit(&f);
}

/* crashk_res is the high region: 6.1 reports it alone, 6.12 the sum of both. */
TEST(machine_high_low)
{
	struct facts f = probe("high-low");

	assert_int_equal(f.regions.n, 2);
	assert_int_equal(f.regions.v[0].start, 0xaf000000);
	assert_int_equal(f.regions.v[1].start, 0x19f000000);
	assert_true(fact_is(f.crash_size, 512 * MIB));
	f.crash_size.value = 768 * MIB;
	assert_int_equal(facts_load_region(&f), 512 * MIB);
	assert_true(fact_is(f.la57, 0));
	facts_deinit(&f);
}

TEST(machine_not_root)
{
	struct facts f = probe("not-root");
	struct err err = {0};

	assert_true(fact_is(f.euid, 1000) && fact_is(f.cap_sys_boot, 0));
	assert_true(f.regions_hidden);
	assert_int_equal(f.regions.n, 0);
	assert_int_equal(facts_load_region(&f), 128 * MIB);
	assert_int_equal(check_permission(&f, load_panic, &err), ERR_REFUSED);
	assert_says(&err, "run this as root");
	facts_deinit(&f);
}

TEST(machine_policy)
{
	static const struct {
		const char *machine, *says;
	} cases[] = {
		{"load-disabled", "kernel.kexec_load_disabled"},
		{"limit-used-up", "kernel.kexec_load_limit_panic is 0"},
		{"container", "run this on the host"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct facts f = probe(cases[i].machine);
		struct err err = {0};

		assert_int_equal(check_permission(&f, load_panic, &err), ERR_REFUSED);
		assert_says(&err, cases[i].says);
		facts_deinit(&f);
	}
}

TEST(machine_lockdown)
{
	struct facts f = probe("lockdown");
	struct err err;

	assert_int_equal(f.lockdown, LOCKDOWN_INTEGRITY);
	assert_true(fact_is(f.secure_boot, 1));
	/* a signed kernel may be loaded all the same */
	assert_int_equal(check_permission(&f, load_panic, &err), 0);
	facts_deinit(&f);
}

/* Not a machine at all: everything unknown, nothing refused, nothing crashed. */
TEST(machine_empty)
{
	struct facts f = probe("../unit");
	struct err err;

	assert_false(f.sysfs || f.euid.known || f.cap_sys_boot.known || f.init_userns.known);
	assert_false(f.load_disabled.known || f.mem_total.known || f.la57.known);
	assert_int_equal(f.lockdown, LOCKDOWN_UNKNOWN);
	assert_null(f.release);
	assert_int_equal(f.iomem_err.code, ERR_NOT_FOUND);
	assert_int_equal(facts_load_region(&f), 0);
	assert_int_equal(check_permission(&f, load_panic, &err), 0);
	facts_deinit(&f);
}

static const struct kernel_image image = {
	.format = "bzImage",
	.mem_size = 52 * MIB,
	.align = 2 * MIB,
	.cmdline_max = 2047,
	.cmdline_prepend = 30,
	.five_level = true,
};

TEST(sizes)
{
	struct facts f = probe("ready");
	struct kernel_image old = image;
	struct err err = {0};

	assert_int_equal(check_sizes(&f, &image, 1, true, &err), 0);
	/* 128 - 52 MiB and 20 KiB of other segments */
	assert_int_equal(check_sizes(&f, &image, 76 * MIB - 20 * 1024, true, &err), 0);
	assert_int_equal(check_sizes(&f, &image, 76 * MIB - 20 * 1024 + 1, true, &err),
			 ERR_NO_SPACE);
	assert_says(&err, "short by 4.0 KB");
	assert_int_equal(check_sizes(&f, &image, 86 * MIB, true, &err), ERR_NO_SPACE);
	assert_says(&err, "the kernel takes 52.0 MB to start and the initramfs 86.0 MB, the "
			  "reservation has 128.0 MB: short by 10.0 MB; boot with crashkernel=480M");
	assert_int_equal(check_sizes(&f, &image, UINT64_MAX, true, &err), ERR_NO_SPACE);

	/* an ordinary one does not go there */
	assert_int_equal(check_sizes(&f, &image, 86 * MIB, false, &err), 0);

	f.mem_total.value = 100 * MIB;
	assert_int_equal(check_sizes(&f, &image, 1, false, &err), ERR_NO_SPACE);
	assert_int_equal(check_sizes(&f, &image, 1, true, &err), ERR_NO_SPACE);
	assert_says(&err, "50.0 MB is allowed");
	f.mem_total.known = false;
	assert_int_equal(check_sizes(&f, &image, 1, true, &err), 0);

	old.five_level = false;
	assert_int_equal(check_sizes(&f, &old, 1, true, &err), ERR_UNSUPPORTED);
	assert_says(&err, "5-level paging");
	f.la57.value = 0;
	assert_int_equal(check_sizes(&f, &old, 1, true, &err), 0);
	facts_deinit(&f);
}

TEST(suggestions)
{
	struct kernel_image small = {.mem_size = 28 * MIB};

	assert_int_equal(check_suggest_mib(&image, 1 * MIB), 128);
	assert_int_equal(check_suggest_mib(&image, 3 * MIB), 128);
	assert_int_equal(check_suggest_mib(&image, 3 * MIB + 1), 160);
	assert_int_equal(check_suggest_mib(&image, 30 * MIB), 256);
	assert_int_equal(check_suggest_mib(&small, 1 * MIB), 96);
	assert_true(check_suggest_mib(&image, UINT64_MAX) > 1024);
}

TEST(cmdlines)
{
	char line[2100];
	struct err err = {0};

	assert_int_equal(check_cmdline(&image, "", true, &err), 0);
	assert_int_equal(check_cmdline(&image, "console=ttyS0 nr_cpus=1", true, &err), 0);
	memset(line, 'a', sizeof(line));
	line[2016] = '\0'; /* 2016 + NUL + 30 = 2047: Linux 6.1 takes it, and refuses one more */
	assert_int_equal(check_cmdline(&image, line, true, &err), 0);
	line[2016] = 'a';
	line[2017] = '\0';
	assert_int_equal(check_cmdline(&image, line, true, &err), ERR_USAGE);
	assert_says(&err, "2017 bytes long, 1 too many");
	/* nothing is put in front of an ordinary one's */
	memset(line, 'a', sizeof(line));
	line[2046] = '\0';
	assert_int_equal(check_cmdline(&image, line, false, &err), 0);
	line[2046] = 'a';
	line[2047] = '\0';
	assert_int_equal(check_cmdline(&image, line, false, &err), ERR_USAGE);
	assert_says(&err, "2047 bytes long, 1 too many");
	assert_null(strstr(err.msg, "elfcorehdr="));
}

TEST(elfcorehdr)
{
	assert_ok(check_no_elfcorehdr("", err));
	assert_ok(check_no_elfcorehdr("quiet elfcorehdr_not=1 a=elfcorehdr=1", err));
	assert_ok(check_no_elfcorehdr("quiet -- elfcorehdr=0x1000", err)); /* init's */
	assert_fails(check_no_elfcorehdr("quiet elfcorehdr=0x1000 x", err), ERR_USAGE,
		     "elfcorehdr=0x1000");
	assert_fails(check_no_elfcorehdr("\"elfcorehdr=1 2\"", err), ERR_USAGE, "elfcorehdr=1 2");
}

/* The size that an initramfs says to have unpacked: of a packed archive alone, and behind one that is not packed. */
TEST(unpacked_sizes)
{
	/* a plain archive's end with zeros behind it, then a gzip stream that says 0x1234 */
	static const char archive[] = "070701 a header and files TRAILER!!!\0\0\0\0\0\0"
				      "\x1f\x8b\x08 packed data\x34\x12\0";
	static const size_t front = 42;
	const struct facts f = {0};
	const struct kernel_image none = {0};
	struct bytes whole = {(const uint8_t *)archive, sizeof(archive)};
	struct bytes packed = {whole.data + front, whole.len - front};

	assert_int_equal(whole.data[front], 0x1f);
	assert_int_equal(check_living(&f, &none, packed).unpacked, 0x1234);
	assert_int_equal(check_living(&f, &none, whole).unpacked, front + 0x1234);
	whole.len = front; /* nothing packed: as large as it is, cut off or not */
	assert_int_equal(check_living(&f, &none, whole).unpacked, front);
	whole.len = 20;
	assert_int_equal(check_living(&f, &none, whole).unpacked, 20);
	packed.len = 10; /* unknown */
	assert_int_equal(check_living(&f, &none, packed).unpacked, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_ready),
		cmocka_unit_test(machine_armed),
		cmocka_unit_test(machine_new_names),
		cmocka_unit_test(other_images_and_hotplug),
		cmocka_unit_test(machine_no_reservation),
		cmocka_unit_test(machine_failed_reservation),
		cmocka_unit_test(machine_no_kexec),
		cmocka_unit_test(machine_high_low),
		cmocka_unit_test(machine_not_root),
		cmocka_unit_test(machine_policy),
		cmocka_unit_test(machine_lockdown),
		cmocka_unit_test(machine_empty),
		cmocka_unit_test(sizes),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(cmdlines),
		cmocka_unit_test(elfcorehdr),
		cmocka_unit_test(unpacked_sizes),
	};

	return cmocka_run_group_tests_name("loader_probe", tests, NULL, NULL);
}
