// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "format/vmcoreinfo.h"

static struct vmcoreinfo *parse(const char *text)
{
	struct vmcoreinfo *v = NULL;

	assert_ok(vmcoreinfo_create((struct bytes){(const uint8_t *)text, strlen(text)}, &v, err));
	return v;
}

TEST(values_as_text)
{
	struct vmcoreinfo *v = parse("OSRELEASE=6.1.0\nnoise\nEMPTY=\nA=b=c\nA=second\nLAST=1");

	assert_string_equal(vmcoreinfo_get(v, "OSRELEASE"), "6.1.0");
	assert_string_equal(vmcoreinfo_get(v, "EMPTY"), "");
	assert_string_equal(vmcoreinfo_get(v, "A"), "b=c");
	assert_string_equal(vmcoreinfo_get(v, "LAST"), "1");
	assert_null(vmcoreinfo_get(v, "noise"));
	assert_null(vmcoreinfo_get(v, "OSRELEAS"));
	assert_null(vmcoreinfo_get(v, ""));
	assert_string_equal(vmcoreinfo_text(v),
			    "OSRELEASE=6.1.0\nnoise\nEMPTY=\nA=b=c\nA=second\nLAST=1");
	vmcoreinfo_destroy(v);
}

TEST(empty_and_cut_texts)
{
	struct vmcoreinfo *v = NULL;

	assert_ok(vmcoreinfo_create((struct bytes){0}, &v, err));
	assert_string_equal(vmcoreinfo_text(v), "");
	assert_null(vmcoreinfo_get(v, "A"));
	vmcoreinfo_destroy(v);
	assert_ok(vmcoreinfo_create((struct bytes){(const uint8_t *)"A=1\n\0B=2\n", 9}, &v, err));
	assert_string_equal(vmcoreinfo_get(v, "A"), "1");
	assert_null(vmcoreinfo_get(v, "B"));
	vmcoreinfo_destroy(v);
	vmcoreinfo_destroy(NULL);
}

TEST(a_text_that_is_too_long)
{
	struct bytes b = {.len = 1024 * 1024 + 1};
	struct vmcoreinfo *v = NULL;
	uint8_t *data = malloc(b.len);

	memset(data, 'x', b.len);
	b.data = data;
	assert_fails(vmcoreinfo_create(b, &v, err), ERR_CORRUPT, "1048577 bytes");
	b.len--;
	assert_ok(vmcoreinfo_create(b, &v, err));
	vmcoreinfo_destroy(v);
	free(data);
}

TEST(typed_values)
{
	struct vmcoreinfo *v =
		parse("SYMBOL(_stext)=ffffffff81000000\nSIZE(page)=64\n"
		      "OFFSET(page.lru)=8\nLENGTH(mem_section)=2048\n"
		      "NUMBER(phys_base)=-683671552\nNUMBER(min)=-9223372036854775808\n"
		      "NUMBER(kimage_voffset)=0xffff7fffd0000000\n"
		      "KERNELOFFSET=37200000\nPAGESIZE=4096\n");
	bool found = false;
	uint64_t u = 0;
	int64_t i = 0;

	assert_ok(vmcoreinfo_symbol(v, "_stext", &u, &found, err));
	assert_true(found && u == 0xffffffff81000000);
	assert_ok(vmcoreinfo_size(v, "page", &u, &found, err));
	assert_true(found && u == 64);
	assert_ok(vmcoreinfo_offset(v, "page.lru", &u, &found, err));
	assert_true(found && u == 8);
	assert_ok(vmcoreinfo_length(v, "mem_section", &u, &found, err));
	assert_true(found && u == 2048);
	assert_ok(vmcoreinfo_number(v, "phys_base", &i, &found, err));
	assert_true(found && i == -683671552);
	assert_ok(vmcoreinfo_number(v, "min", &i, &found, err));
	assert_true(found && i == INT64_MIN);
	assert_ok(vmcoreinfo_number(v, "kimage_voffset", &i, &found, err));
	assert_true(found && (uint64_t)i == 0xffff7fffd0000000);
	assert_ok(vmcoreinfo_value(v, "KERNELOFFSET", 16, &u, &found, err));
	assert_true(found && u == 0x37200000);
	assert_ok(vmcoreinfo_value(v, "PAGESIZE", 10, &u, &found, err));
	assert_true(found && u == 4096);
	vmcoreinfo_destroy(v);
}

TEST(an_absent_key_is_no_error)
{
	struct vmcoreinfo *v = parse("SIZE(page)=64\n");
	char name[512];
	bool found = true;
	uint64_t u = 7;
	int64_t i = 7;

	assert_ok(vmcoreinfo_offset(v, "page", &u, &found, err));
	assert_false(found);
	found = true;
	assert_ok(vmcoreinfo_number(v, "page", &i, &found, err));
	assert_false(found);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	found = true;
	assert_ok(vmcoreinfo_size(v, name, &u, &found, err));
	assert_false(found);
	assert_true(u == 7 && i == 7);
	vmcoreinfo_destroy(v);
}

TEST(a_bad_value_is_named)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x10", "12a", "1.5", "18446744073709551616"};
	uint64_t u = 7;
	int64_t i = 7;
	bool found;

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		char text[64], want[64];

		snprintf(want, sizeof(want), "SIZE(page)=%s is not", bad[k]);
		snprintf(text, sizeof(text), "SIZE(page)=%s\n", bad[k]);
		struct vmcoreinfo *v = parse(text);

		assert_fails(vmcoreinfo_size(v, "page", &u, &found, err), ERR_CORRUPT, want);
		vmcoreinfo_destroy(v);
	}
	struct vmcoreinfo *v =
		parse("NUMBER(a)=-0x1\nNUMBER(b)=9223372036854775808\nNUMBER(c)=--1\n"
		      "NUMBER(d)=-9223372036854775809\nNUMBER(e)=-\nSYMBOL(f)=xyz\n"
		      "SYMBOL(g)=0x\nSYMBOL(h)=0x-1\n");

	assert_fails(vmcoreinfo_number(v, "a", &i, &found, err), ERR_CORRUPT, "NUMBER(a)=-0x1");
	assert_fails(vmcoreinfo_number(v, "b", &i, &found, err), ERR_CORRUPT, "NUMBER(b)=");
	assert_fails(vmcoreinfo_number(v, "c", &i, &found, err), ERR_CORRUPT, "NUMBER(c)=");
	assert_fails(vmcoreinfo_number(v, "d", &i, &found, err), ERR_CORRUPT, "NUMBER(d)=");
	assert_fails(vmcoreinfo_number(v, "e", &i, &found, err), ERR_CORRUPT, "NUMBER(e)=");
	assert_fails(vmcoreinfo_symbol(v, "f", &u, &found, err), ERR_CORRUPT, "SYMBOL(f)=xyz");
	assert_fails(vmcoreinfo_symbol(v, "g", &u, &found, err), ERR_CORRUPT, "SYMBOL(g)=0x");
	assert_fails(vmcoreinfo_symbol(v, "h", &u, &found, err), ERR_CORRUPT, "SYMBOL(h)=0x-1");
	assert_true(u == 7 && i == 7);
	vmcoreinfo_destroy(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_as_text),
		cmocka_unit_test(empty_and_cut_texts),
		cmocka_unit_test(a_text_that_is_too_long),
		cmocka_unit_test(typed_values),
		cmocka_unit_test(an_absent_key_is_no_error),
		cmocka_unit_test(a_bad_value_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
