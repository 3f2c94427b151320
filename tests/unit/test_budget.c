// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "capture/budget.h"
#include "filter/filter.h"

struct want {
	unsigned int level;
	enum codec codec;
};

static void check_rungs(const struct recipe *recipe, const struct want *want, size_t n)
{
	struct budget_rung rungs[BUDGET_MAX_RUNGS];

	assert_int_equal(budget_rungs(recipe, rungs), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rungs[i].level, want[i].level);
		assert_int_equal(rungs[i].codec, want[i].codec);
	}
}

#define CHECK_RUNGS(recipe, ...)                                  \
	do {                                                      \
		static const struct want want_[] = {__VA_ARGS__}; \
                                                                  \
		check_rungs(&(recipe), want_, ARRAY_SIZE(want_)); \
	} while (0)

TEST(what_is_tried_in_turn)
{
	struct recipe r = {.levels = {31}, .n_levels = 1, .codec = CODEC_LZO};

	CHECK_RUNGS(r, {31, CODEC_LZO}, {31, CODEC_ZSTD});
	r.codec = CODEC_ZSTD;
	CHECK_RUNGS(r, {31, CODEC_ZSTD});
	r.codec = CODEC_AUTO;
	CHECK_RUNGS(r, {31, CODEC_AUTO}, {31, CODEC_ZSTD});
	r.levels[0] = 1;
	r.levels[1] = 17;
	r.n_levels = 2;
	r.codec = CODEC_ZLIB;
	CHECK_RUNGS(r, {1, CODEC_ZLIB}, {17, CODEC_ZLIB}, {31, CODEC_ZLIB}, {31, CODEC_ZSTD});
	r.levels[1] = 31;
	CHECK_RUNGS(r, {1, CODEC_ZLIB}, {31, CODEC_ZLIB}, {31, CODEC_ZSTD});
}

/* Its pages are not compressed, whatever the recipe says of a codec. */
TEST(what_is_tried_of_an_elf_dump)
{
	struct recipe r = {.levels = {1}, .n_levels = 1, .codec = CODEC_LZO, .elf = true};

	CHECK_RUNGS(r, {1, CODEC_RAW}, {31, CODEC_RAW});
	r.levels[0] = 31;
	CHECK_RUNGS(r, {31, CODEC_RAW});
}

TEST(as_many_rungs_as_can_be)
{
	struct recipe r = {.n_levels = RECIPE_MAX_LEVELS, .codec = CODEC_LZO};
	struct budget_rung rungs[BUDGET_MAX_RUNGS];

	for (unsigned int i = 0; i < RECIPE_MAX_LEVELS; i++)
		r.levels[i] = i;
	assert_int_equal(budget_rungs(&r, rungs), BUDGET_MAX_RUNGS);
	for (unsigned int i = 0; i < RECIPE_MAX_LEVELS; i++)
		r.levels[i] = 31;
	assert_int_equal(budget_rungs(&r, rungs), 2);
}

TEST(workers_by_memory_and_cpus)
{
	static const struct {
		unsigned int recipe, cpus;
		uint64_t available;
		unsigned int want;
	} cases[] = {
		{0, 1, 0, 1},
		{0, 8, 0, 1},
		{0, 8, 4 << 20, 1},
		{0, 8, (8 << 20) - 1, 1},
		{0, 8, 12 << 20, 2},
		{0, 8, 1 << 30, 8},
		{0, 1, 1 << 30, 1},
		{0, 100000, UINT64_MAX, FILTER_MAX_THREADS},
		{0, 0, 1 << 30, 1},
		/* whoever says how many is believed */
		{3, 1, 0, 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct recipe r = {.threads = cases[i].recipe};

		assert_int_equal(budget_threads(&r, cases[i].cpus, cases[i].available),
				 cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_tried_in_turn),
		cmocka_unit_test(what_is_tried_of_an_elf_dump),
		cmocka_unit_test(as_many_rungs_as_can_be),
		cmocka_unit_test(workers_by_memory_and_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
