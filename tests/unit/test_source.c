// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "format/elfcore.h"
#include "format/kdump.h"
#include "format/source.h"

static int open_text(const void *data, size_t len, struct err *err)
{
	struct source *src = NULL;
	struct memfile f;
	int r;

	memfile_write(&f, data, len);
	r = source_open(f.path, &src, err);
	memfile_close(&f);
	source_destroy(src);
	return r;
}

TEST(what_is_no_dump)
{
	struct source *src = NULL;

	assert_fails(source_open("/nonexistent", &src, err), ERR_NOT_FOUND, "/nonexistent: open");
	assert_fails(source_open("/", &src, err), ERR_SYSTEM, "Is a directory");
	assert_fails(source_open("/dev/null", &src, err), ERR_CORRUPT, "the file is empty");
	assert_null(src);
	assert_fails(open_text("", 0, err), ERR_CORRUPT, "the file is empty");
	assert_fails(open_text("x", 1, err), ERR_UNSUPPORTED, "begins with 78 |x|");
	assert_fails(
		open_text("hello\n\0\xff world, more", 21, err), ERR_UNSUPPORTED,
		"begins with 68 65 6c 6c 6f 0a 00 ff 20 77 6f 72 6c 64 2c 20 |hello... world, |");
	source_destroy(NULL);
}

TEST(the_format_says_what_is_wrong)
{
	assert_fails(open_text("\177ELF", 4, err), ERR_CORRUPT, "ELF header: ends at 0x4");
	assert_fails(open_text("KDUMP   ", 8, err), ERR_CORRUPT, "disk_dump_header: ends at 0x8");
}

TEST(a_file_of_another_format_is_not_opened_as_this_one)
{
	struct source *src = NULL;
	struct memfile f;

	memfile_write(&f, "KDUMP   ", 8);
	assert_fails(source_open_as(&elfcore_source, f.path, &src, err), ERR_UNSUPPORTED,
		     "begins with 4b 44 55 4d 50");
	assert_fails(source_open_as(&kdump_source, f.path, &src, err), ERR_CORRUPT,
		     "disk_dump_header: ends at 0x8");
	memfile_close(&f);
}

TEST(the_smallest_elf)
{
	static uint8_t elf[64 + 56];
	struct source *src = NULL;
	const uint8_t *p = NULL;
	struct memfile f;
	struct view view;
	size_t n = 0;

	memset(elf, 0, sizeof(elf));
	memcpy(elf, "\177ELF\2\1\1", 7);
	elf[16] = 4;  /* ET_CORE */
	elf[32] = 64; /* e_phoff */
	elf[54] = 56; /* e_phentsize */
	elf[56] = 1;  /* e_phnum */
	elf[64] = 1;  /* PT_LOAD: the file's first 16 bytes, at 16 MiB */
	elf[64 + 24 + 3] = 1;
	elf[64 + 32] = elf[64 + 40] = 16;
	memfile_write(&f, elf, sizeof(elf));
	assert_ok(source_open(f.path, &src, err));
	assert_string_equal(src->path, f.path);
	memfile_close(&f);
	assert_null(kdump_source_header(src));
	view_init(&view);
	assert_ok(source_map(src, &view, 0x1000004, &p, &n, err));
	assert_int_equal(n, 12);
	assert_int_equal(p[0], 2);
	view_deinit(src, &view);
	view_deinit(src, &view); /* twice is fine */
	source_destroy(src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_dump),
		cmocka_unit_test(the_format_says_what_is_wrong),
		cmocka_unit_test(a_file_of_another_format_is_not_opened_as_this_one),
		cmocka_unit_test(the_smallest_elf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
