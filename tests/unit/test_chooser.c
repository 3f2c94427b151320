// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/num.h"
#include "filter/chooser.h"
#include "tests/unit/unit.h"

#define PAGE  4096
#define PAGES 600

/* Text of a kind: zstd makes it much smaller than lzo does. */
static void fill(uint8_t *page, uint64_t *seed)
{
	static const char *const words[] = {"kernel ", "panic ", "page ",   "memory ",
					    "the ",    "of ",    "struct ", "inode "};
	size_t at = 0;

	while (at < PAGE) {
		const char *word;

		*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
		word = words[*seed >> 40 & 7];
		for (; *word && at < PAGE; word++)
			page[at++] = (uint8_t)*word;
		if (at < PAGE)
			page[at++] = (uint8_t)(*seed >> 50);
	}
}

/* Compress many pages, each of which has to come back; returns their size, *ret_zstd how many are zstd. */
static size_t run(struct chooser *c, size_t *ret_zstd)
{
	uint8_t page[PAGE], back[PAGE], *packed = malloc(chooser_bound(c, PAGE));
	size_t sum = 0;
	uint64_t seed = 1;

	*ret_zstd = 0;
	for (size_t i = 0; i < PAGES; i++) {
		enum codec codec = CODEC_RAW;
		size_t n;

		fill(page, &seed);
		n = chooser_run(c, page, PAGE, packed, &codec);
		assert_in_range(n, 1, PAGE - 1);
		assert_true(codec == CODEC_LZO || codec == CODEC_ZSTD);
		assert_ok(codec_decompress((unsigned int)codec, (struct bytes){packed, n}, back,
					   PAGE, err));
		assert_memory_equal(back, page, PAGE);
		*ret_zstd += codec == CODEC_ZSTD;
		sum += n;
	}
	free(packed);
	return sum;
}

static void learn(struct chooser *c, uint64_t waited_ns)
{
	for (size_t i = 0; i < 100; i++)
		chooser_learn(c, waited_ns, 1000000);
}

TEST(waiting_makes_pages_smaller)
{
	size_t fast, small, zstd, chosen;
	struct chooser c;

	assert_ok(chooser_init(&c, CODEC_AUTO, PAGE, err));
	learn(&c, 0); /* the output is never waited for: only speed counts */
	fast = run(&c, &zstd);
	chosen = c.chosen;
	learn(&c, 900000); /* it always is: only size does */
	small = run(&c, &zstd);
	assert_true(zstd > PAGES / 2); /* what was chosen before holds until the next try */
	assert_true(small < fast && c.chosen > chosen);
	learn(&c, 0);
	run(&c, &zstd);
	assert_int_equal(c.chosen, chosen);
	chooser_deinit(&c);
}

TEST(one_codec_is_no_choice)
{
	size_t zstd;
	struct chooser c;

	assert_ok(chooser_init(&c, CODEC_LZO, PAGE, err));
	learn(&c, 900000);
	run(&c, &zstd);
	assert_int_equal(zstd, 0);
	chooser_deinit(&c);
}

TEST(incompressible_pages)
{
	uint8_t page[PAGE], packed[2 * PAGE];
	enum codec codec;
	uint64_t seed = 5;
	struct chooser c;

	for (size_t i = 0; i < PAGE; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		page[i] = (uint8_t)(seed >> 33);
	}
	assert_ok(chooser_init(&c, CODEC_AUTO, PAGE, err));
	assert_true(chooser_bound(&c, PAGE) <= sizeof(packed));
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(chooser_run(&c, page, PAGE, packed, &codec), 0);
	chooser_deinit(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting_makes_pages_smaller),
		cmocka_unit_test(one_codec_is_no_choice),
		cmocka_unit_test(incompressible_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
