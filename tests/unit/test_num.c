// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/num.h"

TEST(arithmetic_says_when_it_does_not_fit)
{
	uint64_t v;

	assert_true(num_add(UINT64_MAX - 1, 1ULL, &v));
	assert_true(v == UINT64_MAX);
	assert_false(num_add(UINT64_MAX, 1ULL, &v));
	assert_true(num_sub(1ULL, 1ULL, &v));
	assert_false(num_sub(0ULL, 1ULL, &v));
	assert_true(num_mul(1ULL << 32, (1ULL << 32) - 1, &v));
	assert_false(num_mul(1ULL << 32, 1ULL << 32, &v));
}

TEST(alignment)
{
	assert_false(num_is_pow2(0));
	assert_true(num_is_pow2(1));
	assert_true(num_is_pow2(1ULL << 63));
	assert_false(num_is_pow2(3));
	assert_int_equal(num_align_down(4097, 4096), 4096);
	assert_int_equal(num_align_up(4097, 4096), 8192);
	assert_int_equal(num_align_up(4096, 4096), 4096);
	assert_int_equal(num_div_up(0, 8), 0);
	assert_int_equal(num_div_up(9, 8), 2);
	assert_true(num_div_up(UINT64_MAX, 2) == 1ULL << 63);
}

TEST(parse_takes_decimal_and_hexadecimal)
{
	uint64_t v;

	assert_ok(num_parse_u64("0", &v, err));
	assert_int_equal(v, 0);
	assert_ok(num_parse_u64("007", &v, err));
	assert_int_equal(v, 7);
	assert_ok(num_parse_u64("0xDeadbeef", &v, err));
	assert_int_equal(v, 0xdeadbeef);
	assert_ok(num_parse_u64("18446744073709551615", &v, err));
	assert_true(v == UINT64_MAX);
	assert_ok(num_parse_u64("0XffffFFFFffffFFFF", &v, err));
	assert_true(v == UINT64_MAX);
}

TEST(parse_refuses_the_rest_and_leaves_the_result_alone)
{
	static const char *const bad[] = {"",
					  " 1",
					  "1 ",
					  "-1",
					  "+1",
					  "0x",
					  "0x ",
					  "0xg1",
					  "1k",
					  "1.",
					  "1\n",
					  "abc",
					  "x1",
					  "18446744073709551616",
					  "0x10000000000000000"};
	uint64_t v = 99;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(num_parse_u64(bad[i], &v, err), ERR_USAGE, bad[i]);
	assert_int_equal(v, 99);
}

TEST(parse_range_checks_both_ends)
{
	uint64_t v = 99;

	assert_ok(num_parse_range("31", 0, 31, &v, err));
	assert_int_equal(v, 31);
	assert_fails(num_parse_range("32", 0, 31, &v, err), ERR_USAGE,
		     "32 is not between 0 and 31");
	assert_fails(num_parse_range("1", 2, 31, &v, err), ERR_USAGE, "1 is not between");
	assert_int_equal(v, 31);
}

TEST(human_sizes)
{
	char buf[16];

	assert_string_equal(num_human(0, buf), "0 B");
	assert_string_equal(num_human(1023, buf), "1023 B");
	assert_string_equal(num_human(1024, buf), "1.0 KB");
	assert_string_equal(num_human(1536, buf), "1.5 KB");
	/* would be "1024.0 KB" if it were rounded after the choice of the unit */
	assert_string_equal(num_human(1024 * 1024 - 1, buf), "1.0 MB");
	assert_string_equal(num_human(UINT64_MAX, buf), "16.0 EB");
}

TEST(hexadecimal)
{
	static const uint8_t bytes[] = {0x00, 0x0a, 0xff};
	char buf[7] = "before";

	assert_string_equal(num_hex(bytes, 3, buf, sizeof(buf)), "000aff");
	assert_string_equal(num_hex(bytes, 3, buf, 6), "");
	assert_string_equal(num_hex(bytes, 2, buf, 6), "000a");
	assert_string_equal(num_hex(bytes, 0, buf, 1), "");
}

TEST(sizes)
{
	static const char *const bad[] = {
		"",     "K",  "0",  "0K", "-1", "1k", "1KB", "16777216T", "99999999999999999999",
		"1.5G", "0x", "1 K"};
	uint64_t v;

	assert_ok(num_parse_size("123", &v, err));
	assert_int_equal(v, 123);
	assert_ok(num_parse_size("64K", &v, err));
	assert_int_equal(v, 65536);
	assert_ok(num_parse_size("0x10M", &v, err));
	assert_int_equal(v, 16 << 20);
	assert_ok(num_parse_size("16777215T", &v, err));
	assert_int_equal(v, 16777215ULL << 40);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(num_parse_size(bad[i], &v, err), ERR_USAGE, "size");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(hexadecimal),
		cmocka_unit_test(arithmetic_says_when_it_does_not_fit),
		cmocka_unit_test(alignment),
		cmocka_unit_test(parse_takes_decimal_and_hexadecimal),
		cmocka_unit_test(parse_refuses_the_rest_and_leaves_the_result_alone),
		cmocka_unit_test(parse_range_checks_both_ends),
		cmocka_unit_test(human_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
