// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdlib.h>

#include "filter/bitmap.h"
#include "tests/unit/unit.h"

#define BITS 700

static bool bit(const struct bitmap *b, uint64_t i)
{
	return b->words[i / 64] >> (i % 64) & 1;
}

/* All ranges of a small bitmap at the borders of words, bit by bit. */
TEST(ranges_at_word_borders)
{
	static const uint64_t borders[] = {0, 1, 63, 64, 65, 127, 128, 191, 192, 193};

	for (size_t i = 0; i < ARRAY_SIZE(borders); i++)
		for (size_t j = i; j < ARRAY_SIZE(borders); j++)
			for (int set = 0; set < 2; set++) {
				struct bitmap b;

				assert_ok(bitmap_init(&b, 193, err));
				if (!set)
					bitmap_set_range(&b, 0, 193);
				if (set)
					bitmap_set_range(&b, borders[i], borders[j]);
				else
					bitmap_clear_range(&b, borders[i], borders[j]);
				for (uint64_t k = 0; k < b.n_words * 64; k++) {
					bool in = k >= borders[i] && k < borders[j];

					assert_int_equal(bit(&b, k), k < 193 && in == set);
				}
				bitmap_deinit(&b);
			}
}

TEST(random_ranges_equal_an_array)
{
	bool want[BITS] = {false};
	struct bitmap b;

	srand(1);
	assert_ok(bitmap_init(&b, BITS, err));
	for (int n = 0; n < 2000; n++) {
		uint64_t x = (uint64_t)rand() % (BITS + 1), y = (uint64_t)rand() % (BITS + 1);
		uint64_t from = x < y ? x : y, to = x < y ? y : x, sum = 0;
		bool set = rand() % 2;

		for (uint64_t i = from; i < to; i++)
			want[i] = set;
		if (set)
			bitmap_set_range(&b, from, to);
		else
			bitmap_clear_range(&b, from, to);
		for (uint64_t i = 0; i < BITS; i++) {
			assert_int_equal(bit(&b, i), want[i]);
			sum += want[i];
		}
		assert_int_equal(bitmap_count_words(&b, 0, b.n_words), sum);
	}
	bitmap_deinit(&b);
}

TEST(counting)
{
	struct bitmap b;

	assert_ok(bitmap_init(&b, 256, err));
	bitmap_set_range(&b, 60, 130);
	assert_int_equal(bitmap_count_words(&b, 0, 1), 4);
	assert_int_equal(bitmap_count_words(&b, 1, 2), 64);
	assert_int_equal(bitmap_count_words(&b, 1, 4), 66);
	assert_int_equal(bitmap_count_words(&b, 2, 2), 0);
	assert_int_equal(bitmap_count_words(&b, 0, UINT64_MAX), 70); /* words behind the end: 0 */
	bitmap_deinit(&b);
}

TEST(sizes)
{
	struct bitmap b = {.bits = 7};

	assert_ok(bitmap_init(&b, 0, err));
	assert_int_equal(b.n_words, 0);
	bitmap_set_range(&b, 0, 0);
	assert_int_equal(bitmap_count_words(&b, 0, 10), 0);
	bitmap_deinit(&b);
	bitmap_deinit(&b);
	/* 52 bits of address in 4 KiB pages: room in the address space, no memory */
	assert_ok(bitmap_init(&b, 1ULL << 40, err));
	bitmap_set_range(&b, (1ULL << 40) - 1, 1ULL << 40);
	assert_int_equal(bitmap_count_words(&b, b.n_words - 1, b.n_words), 1);
	bitmap_deinit(&b);
	assert_fails(bitmap_init(&b, UINT64_MAX, err), ERR_NO_MEMORY, "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_at_word_borders),
		cmocka_unit_test(random_ranges_equal_an_array),
		cmocka_unit_test(counting),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
