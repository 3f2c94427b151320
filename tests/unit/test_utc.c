// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <string.h>

#include "base/sha256.h"
#include "base/utc.h"

static void formats_and_parses_the_same(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1763823999, "2025-11-22T15:06:39Z"},
		{951782400, "2000-02-29T00:00:00Z"},
		{253402300799, "9999-12-31T23:59:59Z"},
	};
	char text[UTC_TEXT];
	uint64_t back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(utc_format(cases[i].seconds, text));
		assert_string_equal(text, cases[i].text);
		assert_true(utc_parse(text, &back));
		assert_int_equal(back, cases[i].seconds);
	}
	assert_false(utc_format(253402300800, text));
	assert_string_equal(text, "?");
	assert_false(utc_format(UINT64_MAX, text));
}

static void refuses_what_is_no_time(void **state)
{
	static const char *const texts[] = {
		"",
		"2025-11-22",
		"2025-11-22T15:06:39",
		"2025-11-22T15:06:39Z ",
		"2025-06-31T00:00:00Z",
		"2025-13-01T00:00:00Z",
		"2025-01-01T24:00:00Z",
		"1969-12-31T23:59:59Z",
		"2025-11-22 15:06:39Z",
		"+025-11-22T15:06:39Z",
		"?",
	};
	uint64_t t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (utc_parse(texts[i], &t))
			fail_msg("'%s' was taken for a time", texts[i]);
}

static void digests_are_read_as_they_are_written(void **state)
{
	uint8_t digest[SHA256_SIZE], back[SHA256_SIZE];
	char text[SHA256_TEXT + 1];

	(void)state;
	for (int i = 0; i < SHA256_SIZE; i++)
		digest[i] = (uint8_t)(i * 9 + 3);
	sha256_text(digest, text);
	assert_true(sha256_parse(text, back));
	assert_memory_equal(digest, back, SHA256_SIZE);
	strcpy(text + 64, "0");
	assert_false(sha256_parse(text, back));
	text[63] = '\0';
	assert_false(sha256_parse(text, back));
	text[10] = 'G';
	assert_false(sha256_parse(text, back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_and_parses_the_same),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(digests_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
