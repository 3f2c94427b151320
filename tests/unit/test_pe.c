// SPDX-License-Identifier: GPL-2.0-or-later
/* PE files: which section of a name counts, how long it is, and headers that lie. */
#include "format/pe.h"
#include "tests/unit/pe_fixture.h"

/* The text of a section, or NULL; each file is in a block of its own size, for ASan's sake. */
static void assert_section(const uint8_t *file, size_t size, const char *name, const char *want)
{
	struct bytes data;
	struct pe pe;
	bool found;

	assert_ok(pe_init((struct bytes){file, size}, &pe, err));
	assert_ok(pe_section(&pe, name, &found, &data, err));
	assert_int_equal(found, want != NULL);
	assert_int_equal(data.len, want ? strlen(want) : 0);
	if (data.len)
		assert_memory_equal(data.data, want, data.len);
}

TEST(sections_by_name)
{
	static const struct pe_part parts[] = {
		{".text", "code", 4},    {".linux", "kernel", 6}, {".cmdline", "quiet", 5},
		{".initrd", "cpio!", 5}, {".uname", "", 0},       {".linux", "second", 6},
	};
	size_t size;
	uint8_t *file = pe_fixture(parts, ARRAY_SIZE(parts), &size);

	assert_section(file, size, ".linux", "kernel");
	assert_section(file, size, ".cmdline", "quiet");
	assert_section(file, size, ".initrd", "cpio!");
	assert_section(file, size, ".uname", "");
	assert_section(file, size, ".osrel", NULL);
	/* a part of a name, and more than a name can have */
	assert_section(file, size, ".lin", NULL);
	assert_section(file, size, ".cmdlin", NULL);
	assert_section(file, size, ".cmdline2", NULL);
	assert_section(file, size, "", NULL);
	free(file);
}

/* Profile 0 replaces what the base has; the others are for who asks for them. */
TEST(profiles)
{
	static const struct pe_part parts[] = {
		{".linux", "kernel", 6}, {".cmdline", "base", 4},  {".profile", "ID=a", 4},
		{".cmdline", "zero", 4}, {".cmdline", "again", 5}, {".profile", "ID=b", 4},
		{".cmdline", "one", 3},  {".initrd", "late", 4},   {".linux", "other", 5},
	};
	size_t size;
	uint8_t *file = pe_fixture(parts, ARRAY_SIZE(parts), &size);

	assert_section(file, size, ".linux", "kernel");
	assert_section(file, size, ".cmdline", "zero");
	assert_section(file, size, ".initrd", NULL);
	assert_section(file, size, ".profile", "ID=a");
	free(file);
}

/* The shorter of the two sizes: the raw one has padding, the virtual one may count zeros. */
TEST(shorter_size_counts)
{
	static const struct pe_part parts[] = {{".linux", "kernel", 6}};
	size_t size;
	uint8_t *file = pe_fixture(parts, 1, &size);

	bytes_put_le32(file + PE_ENTRY(0) + PE_RAW_SIZE, 4);
	assert_section(file, size, ".linux", "kern");
	bytes_put_le32(file + PE_ENTRY(0) + PE_VIRT_SIZE, 3);
	assert_section(file, size, ".linux", "ker");
	bytes_put_le32(file + PE_ENTRY(0) + PE_VIRT_SIZE, 0);
	bytes_put_le32(file + PE_ENTRY(0) + PE_RAW_OFF, UINT32_MAX);
	assert_section(file, size, ".linux", "");
	free(file);
}

TEST(pe32_too)
{
	static const struct pe_part parts[] = {{".linux", "kernel", 6}};
	size_t size;
	uint8_t *file = pe_fixture(parts, 1, &size);

	bytes_put_le32(file + PE_OPTIONAL, 0x10b);
	assert_section(file, size, ".linux", "kernel");
	free(file);
}

static void assert_no_pe(const uint8_t *file, size_t size, int code, const char *part)
{
	struct pe pe;

	assert_fails(pe_init((struct bytes){file, size}, &pe, err), code, part);
}

TEST(lying_headers)
{
	static const struct pe_part parts[] = {{".text", "x", 1}, {".linux", "kernel", 6}};
	size_t size;
	uint8_t *file = pe_fixture(parts, 2, &size);

	assert_no_pe(NULL, 0, ERR_UNSUPPORTED, "no MZ");
	assert_no_pe((const uint8_t *)"MZ", 2, ERR_UNSUPPORTED, "no MZ");
	file[0] = 'Z';
	assert_no_pe(file, size, ERR_UNSUPPORTED, "no MZ");
	file[0] = 'M';
	bytes_put_le32(file + 0x3c, UINT32_MAX);
	assert_no_pe(file, size, ERR_CORRUPT, "e_lfanew 0xffffffff at 0x3c");
	bytes_put_le32(file + 0x3c, (uint32_t)size - 23);
	assert_no_pe(file, size, ERR_CORRUPT, "e_lfanew");
	bytes_put_le32(file + 0x3c, PE_LFANEW + 1);
	assert_no_pe(file, size, ERR_UNSUPPORTED, "signature");
	bytes_put_le32(file + 0x3c, PE_LFANEW);
	bytes_put_le32(file + PE_OPTIONAL, 0x107);
	assert_no_pe(file, size, ERR_UNSUPPORTED, "kind 0x0107");
	bytes_put_le32(file + PE_OPTIONAL, 0x20b);
	file[PE_COFF + 16] = 1;
	assert_no_pe(file, size, ERR_CORRUPT, "optional header of 1 bytes");
	memset(file + PE_COFF + 16, 0xff, 2);
	assert_no_pe(file, size, ERR_CORRUPT, "2 sections from 0x10097");
	file[PE_COFF + 16] = PE_TABLE - PE_OPTIONAL;
	file[PE_COFF + 17] = 0;
	memset(file + PE_COFF + 2, 0xff, 2);
	assert_no_pe(file, size, ERR_CORRUPT, "65535 sections");
	memset(file + PE_COFF + 2, 0, 2);
	assert_section(file, size, ".linux", NULL);
	free(file);
}

TEST(lying_sections)
{
	static const struct pe_part parts[] = {{".text", "x", 1}, {".linux", "kernel", 6}};
	uint8_t *file, *entry;
	struct bytes data;
	struct pe pe;
	size_t size;
	bool found;

	file = pe_fixture(parts, 2, &size);
	entry = file + PE_ENTRY(1);
	assert_ok(pe_init((struct bytes){file, size}, &pe, err));
	bytes_put_le32(entry + PE_RAW_OFF, (uint32_t)size - 5);
	assert_fails(pe_section(&pe, ".linux", &found, &data, err), ERR_CORRUPT,
		     "section .linux (entry 1 at 0x1b0): 6 bytes at 0x5fb");
	bytes_put_le32(entry + PE_RAW_OFF, UINT32_MAX);
	assert_fails(pe_section(&pe, ".linux", &found, &data, err), ERR_CORRUPT, "0xffffffff");
	bytes_put_le32(entry + PE_VIRT_SIZE, UINT32_MAX);
	bytes_put_le32(entry + PE_RAW_SIZE, UINT32_MAX);
	assert_fails(pe_section(&pe, ".linux", &found, &data, err), ERR_CORRUPT,
		     "4294967295 bytes");
	bytes_put_le32(entry + PE_RAW_OFF, 0);
	assert_fails(pe_section(&pe, ".linux", &found, &data, err), ERR_CORRUPT, "in the headers");
	/* the other one is none the worse */
	assert_section(file, size, ".text", "x");
	free(file);
}

/* Every cut is found, or leaves the section whole; nothing behind the cut is read. */
TEST(cut_anywhere)
{
	static const struct pe_part parts[] = {{".text", "x", 1}, {".linux", "kernel", 6}};
	size_t size, readable = 0;
	uint8_t *file = pe_fixture(parts, 2, &size);

	for (size_t len = 0; len < size; len++) {
		uint8_t *cut = malloc(len ? len : 1);
		struct bytes data;
		struct err err;
		struct pe pe;
		bool found;

		assert_non_null(cut);
		memcpy(cut, file, len);
		if (pe_init((struct bytes){cut, len}, &pe, &err) == 0 &&
		    pe_section(&pe, ".linux", &found, &data, &err) == 0) {
			assert_true(found && data.len == 6 && data.data + 6 <= cut + len);
			readable++;
		}
		free(cut);
	}
	/* only padding was missing: less than an alignment of it */
	assert_int_equal(readable, PE_ALIGN - 6);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_by_name),    cmocka_unit_test(profiles),
		cmocka_unit_test(shorter_size_counts), cmocka_unit_test(pe32_too),
		cmocka_unit_test(lying_headers),       cmocka_unit_test(lying_sections),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
