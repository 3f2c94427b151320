// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "format/codec.h"

enum { PAGE = 4096 };

static const enum codec packing[] = {CODEC_ZLIB, CODEC_LZO, CODEC_SNAPPY, CODEC_ZSTD};

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

/* One compressor and one decompressor for all of them, as in use. */
static void round_trip(enum codec codec, int level)
{
	static uint8_t page[PAGE], back[PAGE];
	struct decompressor *d = NULL;
	struct compressor *c = NULL;
	uint8_t *packed;

	assert_ok(compressor_create(codec, level, &c, err));
	assert_ok(decompressor_create(&d, err));
	packed = malloc(compressor_bound(c, PAGE)); /* to the byte, for the sanitizer */
	for (int kind = 0; kind < 8; kind++) {
		struct bytes in = {packed, 0};

		fill(page, kind % 4);
		in.len = compressor_run(c, page, PAGE, packed);
		if (kind % 4 == 2) {
			assert_int_equal(in.len, 0);
			continue;
		}
		assert_true(in.len > 0 && in.len < PAGE);
		memset(back, 0xee, PAGE);
		assert_ok(decompressor_run(d, codec, in, back, PAGE, err));
		assert_memory_equal(back, page, PAGE);
		memset(back, 0xee, PAGE);
		assert_ok(codec_decompress(codec, in, back, PAGE, err));
		assert_memory_equal(back, page, PAGE);
	}
	free(packed);
	decompressor_destroy(d);
	compressor_destroy(c);
}

TEST(zlib_round_trip)
{
	round_trip(CODEC_ZLIB, 0);
}

TEST(lzo_round_trip)
{
	round_trip(CODEC_LZO, 0);
}

TEST(snappy_round_trip)
{
	round_trip(CODEC_SNAPPY, 0);
}

TEST(zstd_round_trip)
{
	round_trip(CODEC_ZSTD, 0);
}

TEST(levels)
{
	static const int zlib[] = {1, 6, 12}, zstd[] = {-100, -3, 1, 19, 22};

	for (size_t i = 0; i < ARRAY_SIZE(zlib); i++)
		round_trip(CODEC_ZLIB, zlib[i]);
	for (size_t i = 0; i < ARRAY_SIZE(zstd); i++)
		round_trip(CODEC_ZSTD, zstd[i]);
}

TEST(no_such_level)
{
	struct compressor *c = NULL;

	assert_fails(compressor_create(CODEC_ZLIB, -1, &c, err), ERR_USAGE,
		     "levels of zlib are 1 to 12, not -1");
	assert_fails(compressor_create(CODEC_ZLIB, 13, &c, err), ERR_USAGE, "not 13");
	assert_fails(compressor_create(CODEC_ZSTD, -101, &c, err), ERR_USAGE, "-100 to 22");
	assert_fails(compressor_create(CODEC_ZSTD, 23, &c, err), ERR_USAGE, "not 23");
	assert_fails(compressor_create(CODEC_LZO, 1, &c, err), ERR_USAGE, "lzo has no");
	assert_fails(compressor_create(CODEC_SNAPPY, -1, &c, err), ERR_USAGE, "snappy has no");
	assert_fails(compressor_create(CODEC_RAW, 1, &c, err), ERR_USAGE, "raw has no");
	assert_null(c);
}

/* What a level means has not been mixed up: more of it is smaller, and 0 is level 1. */
static size_t packed_size(enum codec codec, int level)
{
	static const char *const words[] = {"page ",  "slab", "\xff\xff\x88\x80", "node", "zone ",
					    "flags=", "1",    "kernel "};
	static uint8_t page[PAGE + 8], packed[2 * PAGE];
	struct compressor *c = NULL;
	uint32_t seed = 1;
	size_t n;

	for (size_t i = 0; i < PAGE; i += n) {
		seed = seed * 1664525 + 1013904223;
		n = strlen(words[seed >> 29]);
		memcpy(page + i, words[seed >> 29], n);
	}
	assert_ok(compressor_create(codec, level, &c, err));
	n = compressor_run(c, page, PAGE, packed);
	compressor_destroy(c);
	assert_true(n);
	return n;
}

TEST(levels_differ)
{
	assert_int_equal(packed_size(CODEC_ZSTD, 0), packed_size(CODEC_ZSTD, 1));
	assert_true(packed_size(CODEC_ZSTD, 19) <= packed_size(CODEC_ZSTD, 1));
	assert_true(packed_size(CODEC_ZSTD, 1) < packed_size(CODEC_ZSTD, -100));
	assert_int_equal(packed_size(CODEC_ZLIB, 0), packed_size(CODEC_ZLIB, 1));
	assert_true(packed_size(CODEC_ZLIB, 12) < packed_size(CODEC_ZLIB, 1));
}

/* Pages may be of another codec each. */
TEST(mixed_codecs)
{
	static uint8_t page[PAGE], back[PAGE], packed[2 * PAGE];
	struct compressor *c[ARRAY_SIZE(packing)] = {0};
	struct decompressor *d = NULL;

	assert_ok(decompressor_create(&d, err));
	for (size_t i = 0; i < ARRAY_SIZE(packing); i++)
		assert_ok(compressor_create(packing[i], 0, &c[i], err));
	for (size_t i = 0; i < 64; i++) {
		size_t which = i * 7 % ARRAY_SIZE(packing), n;
		unsigned int flags = packing[which];

		fill(page, i % 3 ? 3 : 1);
		page[i] ^= (uint8_t)i;
		n = compressor_run(c[which], page, PAGE, packed);
		assert_true(n);
		packed[n / 2] ^= i % 5 == 4 ? 0xff : 0; /* a bad one in between harms nobody */
		memset(back, 0, PAGE);
		if (i % 5 == 4) {
			struct err err;

			(void)!decompressor_run(d, flags, (struct bytes){packed, n}, back, PAGE,
						&err);
			continue;
		}
		assert_ok(decompressor_run(d, flags, (struct bytes){packed, n}, back, PAGE, err));
		assert_memory_equal(back, page, PAGE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(packing); i++)
		compressor_destroy(c[i]);
	decompressor_destroy(d);
	decompressor_destroy(NULL);
}

/* Every prefix of the data, and the data with a byte too much, for a page too small and too large. */
static void hostile(enum codec codec)
{
	static uint8_t page[PAGE], back[PAGE + 1];
	struct compressor *c = NULL;
	uint8_t *packed;
	size_t len;

	assert_ok(compressor_create(codec, 0, &c, err));
	packed = malloc(compressor_bound(c, PAGE) + 1);
	fill(page, 3);
	len = compressor_run(c, page, PAGE, packed);
	assert_true(len > 0);
	memset(back, 0, sizeof(back));
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

TEST(snappy_hostile)
{
	hostile(CODEC_SNAPPY);
}

TEST(zstd_hostile)
{
	hostile(CODEC_ZSTD);
}

/* A length of 4 GiB; a copy from before the beginning; a length that no byte ends. */
TEST(snappy_lies)
{
	static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'a'};
	static const uint8_t before[] = {0x80, 0x20, 0x00, 'a', 0x02, 0xff, 0x0f};
	static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
	uint8_t *dst = malloc(PAGE);

	assert_fails(
		codec_decompress(CODEC_SNAPPY, (struct bytes){huge, sizeof(huge)}, dst, PAGE, err),
		ERR_CORRUPT, "gives 4294967295 bytes, expected 4096");
	assert_fails(codec_decompress(CODEC_SNAPPY, (struct bytes){before, sizeof(before)}, dst,
				      PAGE, err),
		     ERR_CORRUPT, "bad data");
	assert_fails(codec_decompress(CODEC_SNAPPY, (struct bytes){endless, sizeof(endless)}, dst,
				      PAGE, err),
		     ERR_CORRUPT, "no length");
	free(dst);
}

/* RFC 8878, by hand: what the library would take, and we do not. */
TEST(zstd_lies)
{
	/* one segment, content size in 1 byte, then an RLE block that is the last */
	static const uint8_t good[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 16, 0x83, 0, 0, 'a'};
	static const uint8_t two[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 8, 0x43, 0, 0, 'a',
				      0x28, 0xb5, 0x2f, 0xfd, 0x20, 8, 0x43, 0, 0, 'a'};
	static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0,  0,    0, 0, 0x28,
					    0xb5, 0x2f, 0xfd, 0x20, 16, 0x83, 0, 0, 'a'};
	static const uint8_t old[] = {0x27, 0xb5, 0x2f, 0xfd, 0x20, 16, 0x83, 0, 0, 'a'};
	static const uint8_t unsized[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0x83, 0, 0, 'a'};
	static const uint8_t lying[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 16, 0x8b, 0, 0, 'a'};
	uint8_t *dst = malloc(16);

#define GIVES(array) \
	codec_decompress(CODEC_ZSTD, (struct bytes){array, sizeof(array)}, dst, 16, err)
	assert_ok(GIVES(good));
	assert_memory_equal(dst, "aaaaaaaaaaaaaaaa", 16);
	assert_ok(GIVES(unsized)); /* the size of the content may be left out */
	assert_fails(GIVES(two), ERR_CORRUPT, "something behind it");
	assert_fails(GIVES(skippable), ERR_CORRUPT, "no zstd frame");
	assert_fails(GIVES(old), ERR_CORRUPT, "no zstd frame");
	assert_fails(GIVES(lying), ERR_CORRUPT, "does not decompress to 16");
#undef GIVES
	free(dst);
}

/* The checksum of a zlib stream is looked at. */
TEST(zlib_checksum)
{
	uint8_t stream[] = {0x78, 0x01, 0x4b, 0x4c, 0x84, 0x01, 0x00, 0x14, 0xe1, 0x03, 0xcb},
		dst[10];
	struct bytes in = {stream, sizeof(stream)}; /* "aaaaaaaaaa" */

	assert_ok(codec_decompress(CODEC_ZLIB, in, dst, sizeof(dst), err));
	assert_memory_equal(dst, "aaaaaaaaaa", 10);
	stream[sizeof(stream) - 1] ^= 1;
	assert_fails(codec_decompress(CODEC_ZLIB, in, dst, sizeof(dst), err), ERR_CORRUPT,
		     "bad data");
}

TEST(raw)
{
	struct compressor *c = NULL;
	uint8_t in[16] = "0123456789abcde", out[16];

	assert_ok(compressor_create(CODEC_RAW, 0, &c, err));
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
	uint8_t in[2] = {0}, out[256];

	for (size_t i = 0; i < ARRAY_SIZE(packing); i++) {
		struct compressor *c = NULL;

		assert_ok(compressor_create(packing[i], 0, &c, err));
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

	assert_fails(codec_decompress(8, b, out, 4, err), ERR_UNSUPPORTED, "0x8");
	assert_fails(codec_decompress(CODEC_ZSTD | CODEC_ZLIB, b, out, 4, err), ERR_UNSUPPORTED,
		     "0x21");
	assert_fails(codec_decompress(3, b, out, 4, err), ERR_UNSUPPORTED, "0x3");
	assert_fails(codec_decompress(0x80000000, b, out, 4, err), ERR_UNSUPPORTED, "0x80000000");
	assert_fails(compressor_create((enum codec)8, 0, &c, err), ERR_UNSUPPORTED, "0x8");
}

TEST(names)
{
	static const struct {
		const char *name;
		unsigned int flags; /* diskdump_mod.h: DUMP_DH_COMPRESSED_* */
	} known[] = {{"raw", 0}, {"zlib", 1}, {"lzo", 2}, {"snappy", 4}, {"zstd", 32}};
	enum codec c = CODEC_RAW;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		assert_ok(codec_from_name(known[i].name, &c, err));
		assert_int_equal(c, known[i].flags);
		assert_string_equal(codec_name(c), known[i].name);
		assert_int_equal(known[i].flags & ~CODEC_MASK, 0);
	}
	assert_fails(codec_from_name("gzip", &c, err), ERR_USAGE,
		     "'gzip'; there are raw, zlib, lzo, snappy, zstd, auto");
	assert_string_equal(codec_name((enum codec)8), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zlib_round_trip),
		cmocka_unit_test(lzo_round_trip),
		cmocka_unit_test(snappy_round_trip),
		cmocka_unit_test(zstd_round_trip),
		cmocka_unit_test(levels),
		cmocka_unit_test(no_such_level),
		cmocka_unit_test(levels_differ),
		cmocka_unit_test(mixed_codecs),
		cmocka_unit_test(zlib_hostile),
		cmocka_unit_test(lzo_hostile),
		cmocka_unit_test(snappy_hostile),
		cmocka_unit_test(zstd_hostile),
		cmocka_unit_test(snappy_lies),
		cmocka_unit_test(zstd_lies),
		cmocka_unit_test(zlib_checksum),
		cmocka_unit_test(raw),
		cmocka_unit_test(tiny_input),
		cmocka_unit_test(unknown_flags),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
