// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/keyvalue.h"
#include "tests/unit/unit.h"

static struct keyvalue_lines lines_of(char *text, size_t len)
{
	return (struct keyvalue_lines){.next = text, .end = text + len};
}

static void assert_line(struct keyvalue_lines *in, const char *want, size_t want_len,
			unsigned int number)
{
	char *line = NULL;
	size_t len = 0;

	assert_true(keyvalue_line(in, &line, &len));
	assert_int_equal(len, want_len);
	assert_memory_equal(line, want, want_len + 1);
	assert_int_equal(in->number, number);
}

static void assert_end(struct keyvalue_lines *in)
{
	char *line, *untouched = line = (char *)&line;
	size_t len = 77;

	assert_false(keyvalue_line(in, &line, &len));
	assert_ptr_equal(line, untouched);
	assert_int_equal(len, 77);
}

TEST(lines)
{
	char text[] = "a\n\nb c\nd";
	struct keyvalue_lines in = lines_of(text, strlen(text));

	assert_line(&in, "a", 1, 1);
	assert_line(&in, "", 0, 2);
	assert_line(&in, "b c", 3, 3);
	assert_line(&in, "d", 1, 4);
	assert_end(&in);
	assert_end(&in);
}

/* A newline at the end ends a line and begins none; nothing has no line. */
TEST(last_newline)
{
	char text[] = "a\n", nothing[] = "";
	struct keyvalue_lines in = lines_of(text, 2);

	assert_line(&in, "a", 1, 1);
	assert_end(&in);
	in = lines_of(nothing, 0);
	assert_end(&in);
}

/* What stands behind a NUL is of the line. */
TEST(nul_in_a_line)
{
	char text[] = "a\0b\nc";
	struct keyvalue_lines in = lines_of(text, 5);

	assert_line(&in, "a\0b", 3, 1);
	assert_line(&in, "c", 1, 2);
	assert_end(&in);
}

TEST(copy)
{
	char *copy = NULL, *untouched = (char *)&copy;
	struct bytes text = {(const uint8_t *)"a\0bc", 4};

	assert_ok(keyvalue_copy(text, 4, "F", "a thing", &copy, err));
	assert_memory_equal(copy, "a\0bc", 5);
	free(copy);
	assert_ok(keyvalue_copy((struct bytes){NULL, 0}, 4, "F", "a thing", &copy, err));
	assert_string_equal(copy, "");
	free(copy);
	copy = untouched;
	assert_fails(keyvalue_copy(text, 3, "F", "a thing", &copy, err), ERR_USAGE,
		     "F: 4 bytes; a thing has at most 3");
	assert_ptr_equal(copy, untouched);
}

static void assert_trim(const char *text, const char *want)
{
	char copy[32];

	strcpy(copy, text);
	assert_string_equal(keyvalue_trim(copy), want);
}

TEST(trim)
{
	assert_trim("", "");
	assert_trim(" \t ", "");
	assert_trim("a", "a");
	assert_trim(" \ta b\t ", "a b");
	assert_trim("a\r ", "a\r"); /* no blank: whoever minds says so */
}

TEST(control_characters)
{
	assert_ok(keyvalue_check("a\tb \xc3\xa4", 6, 1, err));
	assert_fails(keyvalue_check("ab\rc", 4, 1, err), ERR_USAGE,
		     "control character 0x0d at column 3");
	assert_fails(keyvalue_check("\0", 1, 5, err), ERR_USAGE,
		     "control character 0x00 at column 5");
	assert_fails(keyvalue_check("a\x7f", 2, 1, err), ERR_USAGE,
		     "control character 0x7f at column 2");
	assert_ok(keyvalue_check("ab\r", 2, 1, err)); /* only what it is asked for */
}

/* However long the value, the message is not. */
TEST(bad_value)
{
	char value[2000];
	struct err err;

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(keyvalue_bad(value, "a number", &err), ERR_USAGE);
	assert_int_equal(strlen(err.msg), KEYVALUE_QUOTE + strlen("'' is not a number"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),         cmocka_unit_test(last_newline),
		cmocka_unit_test(nul_in_a_line), cmocka_unit_test(copy),
		cmocka_unit_test(trim),          cmocka_unit_test(control_characters),
		cmocka_unit_test(bad_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
