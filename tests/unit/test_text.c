// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/text.h"

TEST(shows_what_would_move_a_cursor)
{
	static const struct {
		const char *from, *want;
	} cases[] = {
		{"", ""},
		{"plain ~ text", "plain ~ text"},
		{"a\tb", "a b"},
		{"\x1b[31m\r\n", "\\x1b[31m\\x0d\\x0a"},
		{"\x7f", "\\x7f"},
		{"Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\xa3",
		 "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\xa3"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b31m"},                   /* C1: CSI in one character */
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"}, /* right to left from here on */
		{"\xe2\x80\x8b", "\\xe2\\x80\\x8b"}, /* no width */
		{"\xef\xbf\xbd", "\xef\xbf\xbd"},    /* U+FFFD, as the record has it */
		{"\xff\xc3", "\\xff\\xc3"},          /* no UTF-8, and its beginning at the end */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"\xc0\xaf", "\\xc0\\xaf"},          /* overlong */
		{"\xf3\xa0\x80\xa1", "\\xf3\\xa0\\x80\\xa1"}, /* a tag */
	};
	char buf[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(text_plain(cases[i].from, buf, sizeof(buf)), cases[i].want);
}

TEST(shows_lines_as_one)
{
	char buf[32];

	assert_string_equal(text_one_line("\n no\r\nroom\t\x1b[2J\n\n", buf, sizeof(buf)),
			    "no  room \\x1b[2J");
	assert_string_equal(text_one_line(" \n", buf, sizeof(buf)), "");
	assert_string_equal(text_one_line("ab\ncd", buf, 4), "ab");
	buf[0] = 'x';
	text_one_line("ab", buf, 0);
	assert_int_equal(buf[0], 'x');
}

TEST(cuts_at_whole_characters)
{
	char buf[16], exact[6];

	assert_string_equal(text_plain("ab\xe2\x82\xac", buf, 5), "ab");
	assert_string_equal(text_plain("ab\xe2\x82\xac", exact, sizeof(exact)), "ab\xe2\x82\xac");
	assert_string_equal(text_plain("ab\x01", buf, 6), "ab");
	assert_string_equal(text_plain("ab\x01", buf, 7), "ab\\x01");
	assert_string_equal(text_plain("ab", buf, 1), "");
	buf[0] = 'x';
	text_plain("ab", buf, 0);
	assert_int_equal(buf[0], 'x');
}

TEST(cuts_to_columns)
{
	char buf[16];

	strcpy(buf, "\xc3\xbc\xc3\xbc\xc3\xbc");
	assert_int_equal(text_columns(buf), 3);
	text_cut(buf, 3);
	assert_string_equal(buf, "\xc3\xbc\xc3\xbc\xc3\xbc");
	text_cut(buf, 2);
	assert_string_equal(buf, "\xc3\xbc~");
	text_cut(buf, 1);
	assert_string_equal(buf, "~");
	text_cut(buf, 0);
	assert_string_equal(buf, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_would_move_a_cursor),
		cmocka_unit_test(shows_lines_as_one),
		cmocka_unit_test(cuts_at_whole_characters),
		cmocka_unit_test(cuts_to_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
