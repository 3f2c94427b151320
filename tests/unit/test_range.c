// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <inttypes.h>

#include "base/range.h"

/* "1-3 5-9": the whole set, so that a test shows what it expects. */
static void assert_ranges(const struct ranges *r, const char *want)
{
	char got[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < r->n; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%" PRIu64 "-%" PRIu64,
					i ? " " : "", r->v[i].start, r->v[i].end);
	assert_string_equal(got, want);
}

TEST(add_merges_what_overlaps_or_touches)
{
	struct ranges r;

	ranges_init(&r);
	assert_ok(ranges_add(&r, 10, 20, err));
	assert_ok(ranges_add(&r, 30, 40, err));
	assert_ok(ranges_add(&r, 0, 5, err));
	assert_ranges(&r, "0-5 10-20 30-40");
	assert_ok(ranges_add(&r, 5, 5, err));
	assert_ok(ranges_add(&r, 9, 3, err));
	assert_ranges(&r, "0-5 10-20 30-40");
	assert_ok(ranges_add(&r, 20, 30, err));
	assert_ranges(&r, "0-5 10-40");
	assert_ok(ranges_add(&r, 12, 15, err));
	assert_ranges(&r, "0-5 10-40");
	assert_ok(ranges_add(&r, 4, 50, err));
	assert_ranges(&r, "0-50");
	assert_ok(ranges_add(&r, UINT64_MAX - 1, UINT64_MAX, err));
	assert_ranges(&r, "0-50 18446744073709551614-18446744073709551615");
	ranges_deinit(&r);
}

TEST(add_all)
{
	struct ranges r, other;

	ranges_init(&r);
	ranges_init(&other);
	assert_ok(ranges_add_all(&r, &other, err));
	assert_ranges(&r, "");
	assert_ok(ranges_add(&other, 10, 20, err));
	assert_ok(ranges_add(&other, 30, 40, err));
	assert_ok(ranges_add_all(&r, &other, err));
	assert_ranges(&r, "10-20 30-40");
	assert_ok(ranges_sub(&r, 15, 32, err));
	assert_ok(ranges_add(&r, 0, 5, err));
	assert_ok(ranges_add(&r, 50, 60, err));
	assert_ok(ranges_add_all(&r, &other, err));
	assert_ranges(&r, "0-5 10-20 30-40 50-60");
	assert_ranges(&other, "10-20 30-40");
	assert_ok(ranges_add(&other, 5, 10, err));
	assert_ok(ranges_add_all(&r, &other, err));
	assert_ranges(&r, "0-20 30-40 50-60");
	ranges_deinit(&r);
	ranges_deinit(&other);
}

/* Two bitmaps of one file that contradict each other in millions of places: minutes, one by one. */
TEST(add_all_of_many)
{
	const uint64_t n = 1 << 21;
	struct ranges r, other;

	ranges_init(&r);
	ranges_init(&other);
	for (uint64_t i = 0; i < n; i++) {
		assert_ok(ranges_add(&r, 4 * i, 4 * i + 1, err));
		assert_ok(ranges_add(&other, 4 * i + 2, 4 * i + 3, err));
	}
	assert_ok(ranges_add_all(&r, &other, err));
	assert_int_equal(r.n, 2 * n);
	assert_int_equal(ranges_total(&r), 2 * n);
	ranges_deinit(&r);
	ranges_deinit(&other);
}

TEST(sub_cuts_splits_and_removes)
{
	struct ranges r;

	ranges_init(&r);
	assert_ok(ranges_add(&r, 0, 100, err));
	assert_ok(ranges_sub(&r, 40, 60, err));
	assert_ranges(&r, "0-40 60-100");
	assert_ok(ranges_sub(&r, 30, 70, err));
	assert_ranges(&r, "0-30 70-100");
	assert_ok(ranges_sub(&r, 30, 70, err));
	assert_ok(ranges_sub(&r, 50, 50, err));
	assert_ranges(&r, "0-30 70-100");
	assert_ok(ranges_sub(&r, 0, 10, err));
	assert_ok(ranges_sub(&r, 90, 200, err));
	assert_ranges(&r, "10-30 70-90");
	assert_ok(ranges_sub(&r, 10, 30, err));
	assert_ranges(&r, "70-90");
	assert_ok(ranges_sub(&r, 0, UINT64_MAX, err));
	assert_ranges(&r, "");
	assert_ok(ranges_sub(&r, 0, 1, err));
	ranges_deinit(&r);
}

TEST(clip_keeps_the_inside)
{
	struct ranges r;

	ranges_init(&r);
	assert_ok(ranges_add(&r, 0, 10, err));
	assert_ok(ranges_add(&r, 20, 30, err));
	assert_ok(ranges_add(&r, 40, 50, err));
	ranges_clip(&r, 5, 45);
	assert_ranges(&r, "5-10 20-30 40-45");
	ranges_clip(&r, 10, 20);
	assert_ranges(&r, "");
	ranges_deinit(&r);
}

TEST(find_and_from)
{
	struct ranges r;

	ranges_init(&r);
	assert_null(ranges_find(&r, 0));
	assert_null(ranges_from(&r, 0));
	assert_ok(ranges_add(&r, 10, 20, err));
	assert_ok(ranges_add(&r, 30, 40, err));
	assert_null(ranges_find(&r, 9));
	assert_int_equal(ranges_find(&r, 10)->start, 10);
	assert_int_equal(ranges_find(&r, 19)->start, 10);
	assert_null(ranges_find(&r, 20));
	assert_int_equal(ranges_from(&r, 0)->start, 10);
	assert_int_equal(ranges_from(&r, 20)->start, 30);
	assert_null(ranges_from(&r, 40));
	assert_int_equal(ranges_total(&r), 20);
	ranges_deinit(&r);
}

/* Thousands of random operations against a plain array of flags. */
TEST(random_operations_equal_a_bitmap)
{
	enum { N = 200 };
	bool model[N] = {0};
	struct ranges r;
	uint32_t seed = 1;

	ranges_init(&r);
	for (int step = 0; step < 20000; step++) {
		uint64_t a, b;
		bool add;

		seed = seed * 1664525 + 1013904223;
		a = seed >> 8 & 0xff;
		b = a + (seed >> 16 & 0x1f);
		add = seed >> 31;
		if (b > N)
			continue;
		if (add)
			assert_ok(ranges_add(&r, a, b, err));
		else
			assert_ok(ranges_sub(&r, a, b, err));
		for (uint64_t i = a; i < b; i++)
			model[i] = add;
		for (uint64_t i = 0; i < N; i++)
			assert_int_equal(ranges_find(&r, i) != NULL, model[i]);
		for (size_t i = 0; i < r.n; i++) {
			assert_true(r.v[i].start < r.v[i].end);
			assert_true(!i || r.v[i - 1].end < r.v[i].start);
		}
	}
	ranges_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_merges_what_overlaps_or_touches),
		cmocka_unit_test(add_all),
		cmocka_unit_test(add_all_of_many),
		cmocka_unit_test(sub_cuts_splits_and_removes),
		cmocka_unit_test(clip_keeps_the_inside),
		cmocka_unit_test(find_and_from),
		cmocka_unit_test(random_operations_equal_a_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
