// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/num.h"
#include "proof/forge.h"
#include "proof/guest.h"

#define MIB (1ULL << 20)

TEST(memory)
{
	static const uint64_t reserved[] = {0, 1, 64 * MIB, 127 * MIB + 1, 256 * MIB, 1ULL << 40};

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		struct guest_memory m = guest_memory(reserved[i], 40 * MIB + 1);

		assert_true(m.reserved >= NUM_MIN(reserved[i], GUEST_MOST));
		assert_true(m.usable == m.reserved + MIB && m.old >= m.usable);
		assert_int_equal(m.old % FORGE_ALIGN, 0);
		assert_true(m.total >= m.old + FORGE_SIZE + 41 * MIB);
		assert_true(m.total < 3072 * MIB && m.total % MIB == 0);
	}
	assert_int_equal(guest_memory(0, 0).reserved, GUEST_USUAL);
	assert_true(guest_memory(UINT64_MAX, UINT64_MAX).total < 1ULL << 33);
}

static void expect_cmdline(const char *armed, const char *wanted)
{
	struct guest_memory m = {.usable = 257 * MIB};
	char *line = NULL, all[512];

	assert_ok(guest_cmdline(armed, &m, 0x18008000, &line, err));
	snprintf(all, sizeof(all), "%sconsole=ttyS0,115200 mem=257M elfcorehdr=0x18008000", wanted);
	assert_string_equal(line, all);
	free(line);
}

TEST(command_line)
{
	expect_cmdline("", "");
	expect_cmdline("  a=1\tb  ", "a=1 b ");
	expect_cmdline("elfcorehdr=123K mem=1G x memmap=1M$2M acpi_rsdp=0x1 memory=2 elfcorehdr",
		       "x memory=2 elfcorehdr ");
	expect_cmdline("a=\"b mem=1 c\" \"mem=2 d\" e", "a=\"b mem=1 c\" \"mem=2 d\" e ");
	expect_cmdline("mem=\"1 2\" f", "f ");
}

TEST(command_line_too_long)
{
	struct guest_memory m = {.usable = MIB};
	char *line = NULL, text[2048];

	memset(text, 'x', sizeof(text));
	text[2040] = '\0';
	assert_fails(guest_cmdline(text, &m, 0, &line, err), ERR_UNSUPPORTED, "2047");
	assert_null(line);
}

static bool has(char *const *argv, const char *word)
{
	for (; *argv; argv++)
		if (strcmp(*argv, word) == 0)
			return true;
	return false;
}

static const struct bus_model scsi = {
	"virtio_scsi", {NULL}, {"virtio-scsi-pci,id=c#"}, "scsi-hd,bus=c#.0"};

TEST(arguments)
{
	char tag[] = "a,b";
	struct recipe_target share = {.kind = TARGET_SHARE, .device = tag};
	struct scratch scratches[3] = {
		{.made = true, .path = "/tmp/x,y/target1", .model = &scsi},
		{.made = false, .path = "/tmp/not-made", .model = &scsi},
		{.made = true, .path = "/tmp/share", .target = &share},
	};
	struct armed armed = {.kernel = "/lib/kernel", .initrd = "/lib/initrd"};
	const struct guest g = {
		.qemu = "/usr/bin/qemu",
		.armed = &armed,
		.cmdline = "a nr_cpus=3 b",
		.memory = {.total = 512 * MIB, .old = 0x18000000},
		.old = "/tmp/mem,ory",
		.scratches = scratches,
		.n_scratches = 3,
	};
	char **argv = NULL;

	assert_ok(guest_arguments(&g, false, &argv, err));
	assert_string_equal(argv[0], "/usr/bin/qemu");
	assert_true(has(argv, "loader,force-raw=on,addr=0x18000000,file=/tmp/mem,,ory"));
	assert_true(has(argv, "virtio-scsi-pci,id=c0"));
	assert_true(has(argv, "scsi-hd,bus=c0.0,drive=d0"));
	assert_true(has(argv, "if=none,id=d0,format=raw,cache=unsafe,file=/tmp/x,,y/target1"));
	assert_true(has(argv, "local,security_model=none,path=/tmp/share,mount_tag=a,,b"));
	assert_false(has(argv, "virtio-scsi-pci,id=c1"));
	assert_true(has(argv, "512") && has(argv, "3") && has(argv, "a nr_cpus=3 b"));
	assert_true(has(argv, "tcg,thread=multi") && has(argv, "-nodefaults") &&
		    has(argv, "-no-reboot"));
	recipe_free_strings(argv);
	assert_ok(guest_arguments(&g, true, &argv, err));
	assert_true(has(argv, "kvm") && !has(argv, "tcg,thread=multi"));
	recipe_free_strings(argv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory),
		cmocka_unit_test(command_line),
		cmocka_unit_test(command_line_too_long),
		cmocka_unit_test(arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
