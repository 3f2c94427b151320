// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "format/codec.h"

enum { PAGE = 4096 };

/* 0: zeroes, 1: text-like, 2: noise, 3: half noise. */
static void fill(uint8_t *page, int kind)
{
	uint32_t seed = 12345;

	for (size_t i = 0; i < PAGE; i++) {
		seed = seed * 1664525 + 1013904223;
		page[i] = kind == 0                   ? 0
			  : kind == 1                 ? (uint8_t)("struct page "[i % 12])
			  : kind == 3 && i < PAGE / 2 ? 0
						      : (uint8_t)(seed >> 24);
	}
}

static void round_trip(enum codec codec)
{
	static uint8_t page[PAGE], back[PAGE];
	struct compressor *c = NULL;
	uint8_t *packed;

	assert_ok(compressor_create(codec, &c, err));
	packed = malloc(compressor_bound(c, PAGE)); /* to the byte, for the sanitizer */
	for (int kind = 0; kind < 8; kind++) {
		size_t len;

		fill(page, kind % 4);
		len = compressor_run(c, page, PAGE, packed);
		if (kind % 4 == 2) {
			assert_int_equal(len, 0);
			continue;
		}
		assert_true(len > 0 && len < PAGE);
		memset(back, 0xee, PAGE);
		assert_ok(codec_decompress(codec, (struct bytes){packed, len}, back, PAGE, err));
		assert_memory_equal(back, page, PAGE);
	}
	free(packed);
	compressor_destroy(c);
}

TEST(zlib_round_trip)
{
	round_trip(CODEC_ZLIB);
}

TEST(lzo_round_trip)
{
	round_trip(CODEC_LZO);
}

/* Every prefix of the data, and the data with a byte too much, for a page too small and too large. */
static void hostile(enum codec codec)
{
	static uint8_t page[PAGE], back[PAGE + 1];
	struct compressor *c = NULL;
	uint8_t *packed;
	size_t len;

	assert_ok(compressor_create(codec, &c, err));
	packed = malloc(compressor_bound(c, PAGE) + 1);
	fill(page, 3);
	len = compressor_run(c, page, PAGE, packed);
	assert_true(len > 0);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, packed, cut);
		assert_fails(codec_decompress(codec, (struct bytes){copy, cut}, back, PAGE, err),
			     ERR_CORRUPT, " bytes");
		free(copy);
	}
	packed[len] = 0;
	assert_fails(codec_decompress(codec, (struct bytes){packed, len + 1}, back, PAGE, err),
		     ERR_CORRUPT, codec_name(codec));
	back[PAGE - 1] = 0x5a;
	assert_fails(codec_decompress(codec, (struct bytes){packed, len}, back, PAGE - 1, err),
		     ERR_CORRUPT, codec_name(codec));
	assert_int_equal(back[PAGE - 1], 0x5a);
	assert_fails(codec_decompress(codec, (struct bytes){packed, len}, back, PAGE + 1, err),
		     ERR_CORRUPT, "4097");
	free(packed);
	compressor_destroy(c);
}

TEST(zlib_hostile)
{
	hostile(CODEC_ZLIB);
}

TEST(lzo_hostile)
{
	hostile(CODEC_LZO);
}

TEST(raw)
{
	struct compressor *c = NULL;
	uint8_t in[16] = "0123456789abcde", out[16];

	assert_ok(compressor_create(CODEC_RAW, &c, err));
	assert_int_equal(compressor_run(c, in, sizeof(in), out), 0);
	compressor_destroy(c);
	compressor_destroy(NULL);
	assert_ok(codec_decompress(0, (struct bytes){in, 16}, out, 16, err));
	assert_memory_equal(in, out, 16);
	assert_fails(codec_decompress(0, (struct bytes){in, 15}, out, 16, err), ERR_CORRUPT,
		     "15 bytes, expected 16");
}

TEST(tiny_input)
{
	static const enum codec all[] = {CODEC_ZLIB, CODEC_LZO};
	uint8_t in[2] = {0}, out[256];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct compressor *c = NULL;

		assert_ok(compressor_create(all[i], &c, err));
		for (size_t len = 0; len <= 2; len++)
			assert_int_equal(compressor_run(c, in, len, out), 0);
		compressor_destroy(c);
	}
}

TEST(unknown_flags)
{
	struct compressor *c = NULL;
	uint8_t in[4] = {0}, out[4];
	struct bytes b = {in, 4};

	assert_fails(codec_decompress(4, b, out, 4, err), ERR_UNSUPPORTED, "0x4 (snappy)");
	assert_fails(codec_decompress(32, b, out, 4, err), ERR_UNSUPPORTED, "0x20 (zstd)");
	assert_fails(codec_decompress(3, b, out, 4, err), ERR_UNSUPPORTED, "0x3");
	assert_fails(codec_decompress(0x80000000, b, out, 4, err), ERR_UNSUPPORTED, "0x80000000");
	assert_fails(compressor_create((enum codec)4, &c, err), ERR_UNSUPPORTED, "0x4");
}

TEST(names)
{
	enum codec c = CODEC_RAW;

	assert_ok(codec_from_name("lzo", &c, err));
	assert_int_equal(c, CODEC_LZO);
	assert_ok(codec_from_name("zlib", &c, err));
	assert_int_equal(c, CODEC_ZLIB);
	assert_ok(codec_from_name("raw", &c, err));
	assert_int_equal(c, CODEC_RAW);
	assert_fails(codec_from_name("gzip", &c, err), ERR_USAGE,
		     "'gzip'; there are raw, zlib, lzo");
	assert_string_equal(codec_name(CODEC_LZO), "lzo");
	assert_string_equal(codec_name((enum codec)4), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zlib_round_trip),
		cmocka_unit_test(lzo_round_trip),
		cmocka_unit_test(zlib_hostile),
		cmocka_unit_test(lzo_hostile),
		cmocka_unit_test(raw),
		cmocka_unit_test(tiny_input),
		cmocka_unit_test(unknown_flags),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
