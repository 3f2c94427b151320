// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/json.h"
#include "tests/unit/json_check.h"

static char *text;
static size_t len;
static struct json j;

static int begin(void **state __attribute__((unused)))
{
	json_init(&j, open_memstream(&text, &len));
	return j.to ? 0 : -1;
}

static int end(void **state __attribute__((unused)))
{
	free(text);
	return 0;
}

#define assert_json(want)                        \
	do {                                     \
		fclose(j.to);                    \
		assert_string_equal(text, want); \
		assert_true(json_valid(text));   \
	} while (0)

TEST(every_kind_of_value)
{
	json_begin_object(&j, NULL);
	json_put_string(&j, "s", "text");
	json_put_string(&j, "none", NULL);
	json_put_uint(&j, "u", UINT64_MAX);
	json_put_known(&j, "known", 7);
	json_put_known(&j, "unknown", 0);
	json_put_hex(&j, "h", 0xffffffff81000000);
	json_put_bool(&j, "yes", true);
	json_put_bool(&j, "no", false);
	json_put_null(&j, "nothing");
	json_end_object(&j);
	assert_json("{\"s\":\"text\",\"none\":null,\"u\":18446744073709551615,\"known\":7,"
		    "\"unknown\":null,"
		    "\"h\":\"0xffffffff81000000\",\"yes\":true,\"no\":false,\"nothing\":null}");
	assert_string_equal(json_at(text, "u"), "18446744073709551615");
	assert_string_equal(json_at(text, "missing"), "absent");
}

/* A comma belongs between members, also behind what was nested, and nowhere else. */
TEST(commas_of_nested_values)
{
	json_begin_object(&j, NULL);
	json_begin_object(&j, "empty");
	json_end_object(&j);
	json_begin_array(&j, "list");
	json_begin_array(&j, NULL);
	json_end_array(&j);
	json_begin_object(&j, NULL);
	json_put_uint(&j, "a", 1);
	json_put_uint(&j, "b", 2);
	json_end_object(&j);
	json_put_string(&j, NULL, "x");
	json_put_string(&j, NULL, "y");
	json_end_array(&j);
	json_put_uint(&j, "last", 0);
	json_end_object(&j);
	assert_json("{\"empty\":{},\"list\":[[],{\"a\":1,\"b\":2},\"x\",\"y\"],\"last\":0}");
	assert_string_equal(json_at(text, "list.1.b"), "2");
	assert_string_equal(json_at(text, "list.3"), "\"y\"");
	assert_string_equal(json_at(text, "list.4"), "absent");
}

/* C1 controls and marks of direction are valid in JSON, but a terminal that shows it obeys them. */
TEST(what_a_terminal_obeys_is_escaped)
{
	json_begin_array(&j, NULL);
	json_put_string(&j, NULL,
			"\xc2\x9b"
			"31m \xe2\x80\xae \xef\xbb\xbf \xf3\xa0\x80\xa1");
	json_put_string(&j, NULL, "\xc3\xa9 \xf0\x9f\x98\x80");
	json_end_array(&j);
	assert_json(
		"[\"\\u009b31m \\u202e \\ufeff \\udb40\\udc21\",\"\xc3\xa9 \xf0\x9f\x98\x80\"]");
}

TEST(what_must_be_escaped)
{
	json_begin_array(&j, NULL);
	json_put_string(&j, NULL, "");
	json_put_string(&j, NULL, "\"\\/");
	json_put_string(&j, NULL, "\n\t\r\001\037\177");
	json_end_array(&j);
	assert_json("[\"\",\"\\\"\\\\/\",\"\\u000a\\u0009\\u000d\\u0001\\u001f\\u007f\"]");
}

TEST(keys_are_escaped_too)
{
	json_begin_object(&j, NULL);
	json_put_null(&j, "a\"b");
	json_end_object(&j);
	assert_json("{\"a\\\"b\":null}");
}

TEST(utf8_passes)
{
	/* the first and the last character of each length, and those around the surrogates: shown, or escaped if they cannot be */
	json_put_string(&j, NULL,
			"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
			"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_json("\"\\u0080\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\\ue000\\uffff"
		    "\xf0\x90\x80\x80\\udbff\\udfff\"");
}

/* Each byte that belongs to no character becomes one U+FFFD; what follows it is not swallowed. */
TEST(what_is_not_utf8_is_replaced)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"a\xffz", "\"a\\ufffdz\""},
		{"\x80z", "\"\\ufffdz\""},                     /* continuation alone */
		{"\xc3", "\"\\ufffd\""},                       /* cut at the end */
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},            /* likewise */
		{"\xc3z", "\"\\ufffdz\""},                     /* cut by ASCII */
		{"\xe2\x82\"", "\"\\ufffd\\ufffd\\\"\""},      /* cut by a quote */
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},            /* overlong "/" */
		{"\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\""}, /* overlong */
		{"\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* surrogate */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond U+10FFFF */
		{"\xf5z", "\"\\ufffdz\""},
	};

	fclose(j.to);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		free(text);
		json_init(&j, open_memstream(&text, &len));
		json_put_string(&j, NULL, cases[i].in);
		assert_json(cases[i].out);
	}
}

/* The checker must be able to say no. */
TEST(the_checker_refuses)
{
	static const char *const bad[] = {
		"",      "{",        "{}}",    "[1,]",   "[,1]",    "{\"a\":1,}",  "{\"a\"}",
		"{a:1}", "01",       "1 2",    "\"\n\"", "\"\\x\"", "\"\\u12g4\"", "nul",
		"[1 2]", "{\"a\"1}", "\"open",
	};

	fclose(j.to);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (json_valid(bad[i]))
			fail_msg("taken for JSON: %s", bad[i]);
	assert_true(json_valid(" { \"a\" : [ 1 , null ] } \n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind_of_value, begin, end),
		cmocka_unit_test_setup_teardown(commas_of_nested_values, begin, end),
		cmocka_unit_test_setup_teardown(what_must_be_escaped, begin, end),
		cmocka_unit_test_setup_teardown(what_a_terminal_obeys_is_escaped, begin, end),
		cmocka_unit_test_setup_teardown(keys_are_escaped_too, begin, end),
		cmocka_unit_test_setup_teardown(utf8_passes, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_utf8_is_replaced, begin, end),
		cmocka_unit_test_setup_teardown(the_checker_refuses, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
