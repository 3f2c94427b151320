// SPDX-License-Identifier: GPL-2.0-or-later
#include <lzo/lzo1x.h>

#include "format/stride.h"
#include "tests/unit/unit.h"

#define PAGE 4096

static uint8_t page[65536];

static uint64_t random64(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state ^ *state >> 29;
}

/* A page of struct pages of free memory; of each `odd`th one a word more is something else. */
static void fill(size_t len, uint64_t vaddr, size_t odd)
{
	uint64_t seed = vaddr + odd;

	for (size_t at = 0; at < len; at += 64) {
		const uint64_t words[8] = {
			0x17ffffc0000000, vaddr + at + 8, vaddr + at + 8, 0, 0, 0, 0xffffffff, 0};

		memcpy(page + at, words, 64);
		if (odd && at / 64 % odd == odd - 1) {
			uint64_t r = random64(&seed), word = r >> 8;

			memcpy(page + at + r % 8 * 8, &word, 1 + (r >> 3) % 8);
		}
	}
}

/* What comes out is what went in, by the library's own decompressor; never longer than promised. */
static size_t pack(size_t len)
{
	uint8_t *exact = malloc(stride_bound(len)), *back = malloc(len);
	size_t n = stride_lzo(page, len, exact);
	lzo_uint got = len;

	assert_true(n <= stride_bound(len));
	if (n) {
		assert_int_equal(lzo1x_decompress_safe(exact, n, back, &got, NULL), LZO_E_OK);
		assert_int_equal(got, len);
		assert_memory_equal(back, page, len);
	}
	free(back);
	free(exact);
	return n;
}

TEST(free_memory)
{
	fill(PAGE, 0xffffea0004567000, 0);
	assert_in_range(pack(PAGE), 500, 620);
	fill(65536, 0xffffea0004560000,
	     0); /* 64 KiB pages: two bytes change, and sometimes three */
	assert_in_range(pack(65536), 8000, 11000);
	fill(PAGE, 0xffffea00fffff000, 0); /* the carry at its end is of four bytes */
	assert_in_range(pack(PAGE), 500, 620);
}

TEST(nearly_free_memory)
{
	for (size_t odd = 1; odd < 64; odd++)
		for (uint64_t v = 0; v < 50; v++) {
			fill(PAGE, 0xffffea0000000000 + v * 0x1fffe000, odd);
			pack(PAGE);
		}
	fill(PAGE, 0xffffea0004567000, 16);
	assert_in_range(pack(PAGE), 1, 700);
}

/* Any mixture of words that are equal, nearly equal or not: all kinds and lengths of tokens. */
TEST(mixtures)
{
	uint64_t seed = 1;
	size_t packed = 0;

	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int rare = 1 + (unsigned int)(random64(&seed) % 400);

		for (size_t at = 0; at < PAGE; at += 8) {
			uint64_t word = at < 64 ? random64(&seed) : 0;

			if (at >= 64)
				memcpy(&word, page + at - 64, 8);
			if (random64(&seed) % rare == 0)
				word ^= random64(&seed) >> (random64(&seed) % 8 * 8);
			memcpy(page + at, &word, 8);
		}
		packed += pack(PAGE) > 0;
	}
	assert_true(packed > 1000 && packed < 19900);
}

/* Lengths of a match around every border of the format: 8, 33, 288 and beyond. */
TEST(long_matches)
{
	for (size_t gap = 64; gap < PAGE; gap += 8) {
		memset(page, 0, PAGE);
		for (size_t at = gap; at < PAGE; at += gap)
			page[at] = (uint8_t)at | 1;
		pack(PAGE);
	}
	memset(page, 7, PAGE);
	assert_in_range(pack(PAGE), 64, 100);
}

TEST(other_pages)
{
	uint64_t seed = 99;

	for (size_t i = 0; i < PAGE; i++)
		page[i] = (uint8_t)random64(&seed);
	assert_int_equal(pack(PAGE), 0);
	for (size_t i = 0; i < PAGE; i++)
		page[i] = (uint8_t)('a' + i % 23);
	assert_int_equal(pack(PAGE), 0);
	/* good beginnings do not count */
	fill(PAGE, 0xffffea0004567000, 0);
	for (size_t i = 512; i < PAGE; i++)
		page[i] = (uint8_t)random64(&seed);
	assert_int_equal(pack(PAGE), 0);
}

TEST(other_lengths)
{
	fill(PAGE, 0xffffea0004567000, 0);
	for (size_t len = 0; len < 600; len++)
		assert_true(!pack(len) || (len >= 256 && len % 64 == 0));
	assert_true(pack(256) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_memory), cmocka_unit_test(nearly_free_memory),
		cmocka_unit_test(mixtures),    cmocka_unit_test(long_matches),
		cmocka_unit_test(other_pages), cmocka_unit_test(other_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
