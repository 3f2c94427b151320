// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/bytes.h"

static const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const struct bytes b = {data, sizeof(data)};

TEST(getters_take_their_byte_order)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	uint8_t v8;

	assert_true(bytes_u8(b, 7, &v8));
	assert_int_equal(v8, 8);
	assert_true(bytes_le16(b, 1, &v16));
	assert_int_equal(v16, 0x0302);
	assert_true(bytes_le32(b, 3, &v32));
	assert_int_equal(v32, 0x07060504);
	assert_true(bytes_le64(b, 0, &v64));
	assert_true(v64 == 0x0807060504030201);
	assert_true(bytes_be64(b, 0, &v64));
	assert_true(v64 == 0x0102030405060708);
}

TEST(getters_refuse_what_is_not_wholly_inside)
{
	uint64_t v64 = 42;
	uint32_t v32 = 42;
	uint8_t v8 = 42;

	assert_false(bytes_u8(b, 8, &v8));
	assert_false(bytes_le32(b, 5, &v32));
	assert_false(bytes_le64(b, 1, &v64));
	assert_false(bytes_le64(b, UINT64_MAX, &v64));
	assert_false(bytes_le64(b, UINT64_MAX - 6, &v64));
	assert_int_equal(v8 + v32 + v64, 3 * 42);
}

TEST(has_and_sub_do_not_wrap)
{
	struct bytes s = {0};

	assert_true(bytes_has(b, 0, 8));
	assert_true(bytes_has(b, 8, 0));
	assert_false(bytes_has(b, 9, 0));
	assert_false(bytes_has(b, 1, UINT64_MAX));
	assert_false(bytes_has(b, UINT64_MAX, 2));
	assert_true(bytes_sub(b, 2, 3, &s));
	assert_ptr_equal(s.data, data + 2);
	assert_int_equal(s.len, 3);
	assert_false(bytes_sub(b, 6, 3, &s));
	assert_int_equal(s.len, 3);
}

TEST(setters_are_little_endian)
{
	uint8_t buf[12];

	bytes_put_le32(buf, 0x04030201);
	bytes_put_le64(buf + 4, 0x0c0b0a0908070605);
	for (int i = 0; i < 12; i++)
		assert_int_equal(buf[i], i + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(getters_take_their_byte_order),
		cmocka_unit_test(getters_refuse_what_is_not_wholly_inside),
		cmocka_unit_test(has_and_sub_do_not_wrap),
		cmocka_unit_test(setters_are_little_endian),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
