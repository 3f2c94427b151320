// SPDX-License-Identifier: GPL-2.0-or-later
/* The loader's parsers: bzImage header, /proc/iomem, command line. */
#include "arch/x86_64/bzimage.h"
#include "loader/cmdline.h"
#include "loader/iomem.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/unit.h"

static int parse(const uint8_t *image, size_t len, struct bzimage *bz, struct err *err)
{
	return bzimage_parse((struct bytes){image, len}, len, bz, err);
}

TEST(bzimage_good)
{
	uint8_t image[FIXTURE_SIZE];
	struct bzimage bz;
	struct err err = {0};

	fixture_bzimage(image);
	assert_int_equal(parse(image, sizeof(image), &bz, &err), 0);
	assert_string_equal(bz.release, FIXTURE_RELEASE);
	assert_int_equal(bz.protocol, 0x020f);
	assert_int_equal(bz.setup_size, FIXTURE_SETUP);
	assert_int_equal(bz.init_size, FIXTURE_INIT);
	assert_int_equal(bz.alignment, 0x200000);
	assert_int_equal(bz.pref_address, 0x1000000);
	assert_int_equal(bz.cmdline_size, 2047);
	assert_true(bz.five_level);

	/* setup_sects 0 means 4; a release text outside of the file is no error */
	image[HDR_SETUP_SECTS] = 0;
	memset(image + HDR_KVERSION, 0xff, 2);
	assert_int_equal(parse(image, sizeof(image), &bz, &err), 0);
	assert_int_equal(bz.setup_size, FIXTURE_SETUP);
	assert_string_equal(bz.release, "");
}

/* One byte string put at one offset, the code and a piece of the message it must lead to. */
TEST(bzimage_bent)
{
	static const struct {
		size_t off;
		const char *bytes;
		size_t len;
		int code;
		const char *says;
	} cases[] = {
		{HDR_MAGIC, "XdrS", 4, ERR_UNSUPPORTED, "not a bzImage"},
		{HDR_BOOT_FLAG, "\0\0", 2, ERR_UNSUPPORTED, "boot flag 0x0000"},
		{HDR_VERSION, "\x0b\x02", 2, ERR_UNSUPPORTED, "protocol 2.11 is too old"},
		{HDR_LOADFLAGS, "\0", 1, ERR_UNSUPPORTED, "zImage"},
		{HDR_XLOADFLAGS, "\x7e", 1, ERR_UNSUPPORTED, "32-bit kernel"},
		{HDR_XLOADFLAGS, "\x7d", 1, ERR_UNSUPPORTED, "above 4 GiB"},
		{HDR_SYSSIZE, "\0\0\0\0", 4, ERR_CORRUPT, "syssize"},
		{HDR_SYSSIZE, "\x01\x01\0\0", 4, ERR_CORRUPT, "describes 6672 bytes"},
		{HDR_SYSSIZE, "\xff\xff\xff\xff", 4, ERR_CORRUPT, "cut off"},
		{HDR_SETUP_SECTS, "\xff", 1, ERR_CORRUPT, "cut off"},
		{HDR_INIT_SIZE, "\0\0\0\0", 4, ERR_CORRUPT, "init_size 0x0 at 0x260"},
		{HDR_ALIGNMENT, "\x03", 1, ERR_CORRUPT, "kernel_alignment 0x200003"},
		{HDR_ALIGNMENT, "\0\0\0\0", 4, ERR_CORRUPT, "kernel_alignment 0x0"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t image[FIXTURE_SIZE];
		struct bzimage bz = {.protocol = 7};
		struct err err = {0};

		fixture_bzimage(image);
		memcpy(image + cases[i].off, cases[i].bytes, cases[i].len);
		assert_int_equal(parse(image, sizeof(image), &bz, &err), cases[i].code);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("case %zu: '%s' lacks '%s'", i, err.msg, cases[i].says);
		assert_int_equal(bz.protocol, 7);
	}
}

/* Every possible cut is an error; from the end of the header on it is the right one. */
TEST(bzimage_cut)
{
	uint8_t image[FIXTURE_SIZE];
	struct bzimage bz;
	struct err err;

	fixture_bzimage(image);
	for (size_t len = 0; len < sizeof(image); len++)
		assert_int_equal(parse(image, len, &bz, &err),
				 len < 1024 ? ERR_UNSUPPORTED : ERR_CORRUPT);
}

TEST(bzimage_mistaken)
{
	static const struct {
		const char *magic;
		const char *says;
	} cases[] = {
		{"\177ELF", "vmlinux"}, {"\x1f\x8b", "gzip"},  {"\x28\xb5\x2f\xfd", "zstd"},
		{"070701", "cpio"},     {"MZ", "EFI program"}, {"#!/bin/sh", "something else"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t image[2048] = {0};
		struct bzimage bz;
		struct err err;

		memcpy(image, cases[i].magic, strlen(cases[i].magic));
		assert_int_equal(parse(image, sizeof(image), &bz, &err), ERR_UNSUPPORTED);
		assert_non_null(strstr(err.msg, cases[i].says));
	}
}

TEST(iomem_good)
{
	static const char text[] = "00000000-00000fff : Reserved\n"
				   "00100000-bffdffff : System RAM\n"
				   "  af000000-beffffff : Crash kernel\n"
				   "    b0000000-b0000fff : PNP0103:00 : x\n"
				   "00000000-00000000 : System RAM\n"
				   "100000000-1bfffffff : System RAM";
	struct iomem it = {.text = {(const uint8_t *)text, sizeof(text) - 1}};
	struct iomem_entry e;
	struct err err;
	bool found;

	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_true(found && iomem_is(&e, "Reserved") && !e.hidden);
	assert_int_equal(e.range.end, 0x1000);
	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_int_equal(e.depth, 0);
	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_true(iomem_is(&e, "Crash kernel"));
	assert_int_equal(e.depth, 1);
	assert_int_equal(e.range.start, 0xaf000000);
	assert_int_equal(e.range.end, 0xbf000000);
	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_true(iomem_is(&e, "PNP0103:00 : x"));
	assert_int_equal(e.depth, 2);
	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_true(e.hidden && e.range.end == 0);
	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_true(found && e.range.end == 0x1c0000000);
	assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
	assert_false(found);
}

TEST(iomem_bad)
{
	static const char *const lines[] = {
		"\n",
		"x\n",
		"00001000-00000fff : System RAM\n",
		"00000000-ffffffffffffffff : all\n",
		"00000000-10000000000000000 : 17 digits\n",
		"00000000 00001000 : System RAM\n",
		"-00001000 : System RAM\n",
		"00000000- : System RAM\n",
		"00000000-00000fff: System RAM\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[128] = "00000000-00000fff : Reserved\n";
		struct iomem it;
		struct iomem_entry e;
		struct err err = {0};
		bool found;

		strcat(text, lines[i]);
		it = (struct iomem){.text = {(const uint8_t *)text, strlen(text)}};
		assert_int_equal(iomem_next(&it, &e, &found, &err), 0);
		assert_int_equal(iomem_next(&it, &e, &found, &err), ERR_CORRUPT);
		assert_non_null(strstr(err.msg, "line 2"));
	}
}

TEST(cmdline_tokens)
{
	const char *pos =
		"  root=/dev/vda1\tdyndbg=\"file a b\" \"crashkernel=1 2\" crashkernels x\n";
	static const char *const want[] = {"root=/dev/vda1", "dyndbg=\"file a b\"",
					   "\"crashkernel=1 2\"", "crashkernels", "x"};
	struct bytes token;

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(cmdline_next(&pos, &token));
		assert_int_equal(token.len, strlen(want[i]));
		assert_memory_equal(token.data, want[i], token.len);
		assert_int_equal(cmdline_is(token, "crashkernel"), i == 2);
		assert_int_equal(cmdline_is(token, "root"), i == 0);
		assert_int_equal(cmdline_is(token, "x"), i == 4);
	}
	assert_false(cmdline_next(&pos, &token));

	pos = "a=\"never closed b";
	assert_true(cmdline_next(&pos, &token));
	assert_int_equal(token.len, 17);
	assert_false(cmdline_next(&pos, &token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bzimage_good),   cmocka_unit_test(bzimage_bent),
		cmocka_unit_test(bzimage_cut),    cmocka_unit_test(bzimage_mistaken),
		cmocka_unit_test(iomem_good),     cmocka_unit_test(iomem_bad),
		cmocka_unit_test(cmdline_tokens),
	};

	return cmocka_run_group_tests_name("loader_parse", tests, NULL, NULL);
}
