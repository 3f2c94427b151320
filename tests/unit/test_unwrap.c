// SPDX-License-Identifier: GPL-2.0-or-later
/* Unpacking: what each format allows behind its end, damage at every place, bombs and big windows. */
#include "loader/unwrap.h"
#include "tests/unit/pack_fixture.h"

#define MAX 12288

static char text[4000]; /* packs to some hundred bytes */

static int fill_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + (i * i / 7) % 23 % (1 + i / 400));
	return 0;
}

/* What unwrap_run() wrote stands in out[0 .. *ret_len). */
static int run(enum files_wrap wrap, const void *in, size_t len, uint64_t max, char out[MAX],
	       size_t *ret_len, struct err *err)
{
	/* a block of its own, so that ASan sees reads behind its end */
	uint8_t *copy = malloc(len ? len : 1);
	int fd = memfd_create("unit", MFD_CLOEXEC);
	int r;

	assert_non_null(copy);
	assert_true(fd >= 0);
	memcpy(copy, in, len);
	r = unwrap_run(wrap, (struct bytes){copy, len}, max, fd, err);
	assert_true((uint64_t)lseek(fd, 0, SEEK_END) <= max);
	*ret_len = (size_t)pread(fd, out, MAX, 0);
	close(fd);
	free(copy);
	return r;
}

static void assert_unpacks(enum files_wrap wrap, const void *in, size_t len, size_t copies)
{
	char out[MAX];
	size_t n = 0;

	assert_ok(run(wrap, in, len, MAX, out, &n, err));
	assert_int_equal(n, copies * sizeof(text));
	for (size_t i = 0; i < copies; i++)
		assert_memory_equal(out + i * sizeof(text), text, sizeof(text));
}

static void assert_damaged(enum files_wrap wrap, const void *in, size_t len, const char *part)
{
	char out[MAX];
	size_t n;

	assert_fails(run(wrap, in, len, MAX, out, &n, err), ERR_CORRUPT, part);
}

TEST(detect)
{
	static const uint8_t skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
	uint8_t *packed;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		packed = pack(packers[i].wrap, text, sizeof(text), &len);
		assert_int_equal(unwrap_detect((struct bytes){packed, len}), packers[i].wrap);
		assert_int_equal(unwrap_detect((struct bytes){packed, 2}), FILES_PLAIN);
		free(packed);
	}
	assert_int_equal(unwrap_detect((struct bytes){skippable, sizeof(skippable)}), FILES_ZSTD);
	assert_int_equal(unwrap_detect((struct bytes){NULL, 0}), FILES_PLAIN);
	assert_int_equal(unwrap_detect((struct bytes){(const uint8_t *)text, sizeof(text)}),
			 FILES_PLAIN);
}

/* lzma has no magic number: every field has to make sense. */
TEST(detect_lzma)
{
	static const uint8_t good[14] = {0x5d, 0,   0,   0x80, 0,   255, 255,
					 255,  255, 255, 255,  255, 255};
	static const struct {
		size_t at;
		uint8_t value;
		bool still;
	} bends[] =
		{
			{0, 224, true},  {0, 225, false},  {2, 1, false},    {3, 0xc0, true},
			{3, 0x60, true}, {3, 0x50, false}, {3, 0xa0, false}, {3, 0, false},
			{5, 0, false}, /* a length of 2^64 - 256 */
			{13, 1, false},
		};
	uint8_t header[14];

	for (size_t i = 0; i < ARRAY_SIZE(bends); i++) {
		memcpy(header, good, sizeof(good));
		header[bends[i].at] = bends[i].value;
		assert_int_equal(unwrap_detect((struct bytes){header, sizeof(header)}),
				 bends[i].still ? FILES_LZMA : FILES_PLAIN);
	}
	memcpy(header, good, sizeof(good));
	memset(header + 5, 0, 8);
	assert_int_equal(unwrap_detect((struct bytes){header, 14}), FILES_LZMA);
	assert_int_equal(unwrap_detect((struct bytes){header, 13}), FILES_PLAIN);
}

TEST(round_trip)
{
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		size_t len;
		uint8_t *packed = pack(packers[i].wrap, text, sizeof(text), &len);

		assert_unpacks(packers[i].wrap, packed, len, 1);
		free(packed);
	}
}

TEST(not_packed)
{
	char out[MAX];
	size_t n;

	assert_fails(run(FILES_PLAIN, text, 9, MAX, out, &n, err), ERR_UNSUPPORTED, "plain");
	assert_fails(run(FILES_UKI, text, 9, MAX, out, &n, err), ERR_UNSUPPORTED, "UKI");
}

/* Two packed texts with `gap` between them. */
static uint8_t *twice(enum files_wrap wrap, const void *gap, size_t gap_len, size_t *ret_len)
{
	size_t len;
	uint8_t *packed = pack(wrap, text, sizeof(text), &len), *both;

	both = malloc(2 * len + gap_len);
	assert_non_null(both);
	memcpy(both, packed, len);
	memcpy(both + len, gap, gap_len);
	memcpy(both + len + gap_len, packed, len);
	free(packed);
	*ret_len = 2 * len + gap_len;
	return both;
}

TEST(one_behind_the_other)
{
	static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y'};
	static const struct {
		enum files_wrap wrap;
		const void *gap;
		size_t len;
		bool allowed;
	} cases[] = {
		{FILES_GZIP, "", 0, true},
		{FILES_GZIP, "\0\0\0\0", 4, false},
		{FILES_ZSTD, "", 0, true},
		{FILES_ZSTD, skippable, 10, true},
		{FILES_ZSTD, skippable, 9, false},
		{FILES_ZSTD, "\x27\xb5\x2f\xfd", 4, false},
		{FILES_XZ, "", 0, true},
		{FILES_XZ, "\0\0\0\0\0\0\0\0", 8, true},
		{FILES_XZ, "\0\0\0\0\0\0", 6, false},
		{FILES_XZ, "\0\0\0\1", 4, false},
		{FILES_LZMA, "", 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len;
		uint8_t *both = twice(cases[i].wrap, cases[i].gap, cases[i].len, &len);

		if (cases[i].allowed)
			assert_unpacks(cases[i].wrap, both, len, 2);
		else
			assert_damaged(cases[i].wrap, both, len, "");
		free(both);
	}
}

TEST(something_behind)
{
	static const char behind[] = {'x', 'y', 0, 0};

	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		size_t len;
		uint8_t *packed = pack(packers[i].wrap, text, sizeof(text), &len);

		packed = realloc(packed, len + sizeof(behind));
		assert_non_null(packed);
		memcpy(packed + len, behind, sizeof(behind));
		assert_damaged(packers[i].wrap, packed, len + 1, "something else follows");
		assert_damaged(packers[i].wrap, packed, len + 4, "something else follows");
		/* xz ends in padding, the others do not */
		memset(packed + len, 0, 4);
		if (packers[i].wrap == FILES_XZ)
			assert_unpacks(FILES_XZ, packed, len + 4, 1);
		else
			assert_damaged(packers[i].wrap, packed, len + 4, "something else follows");
		free(packed);
	}
}

TEST(cut_anywhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		size_t len;
		uint8_t *packed = pack(packers[i].wrap, text, sizeof(text), &len);

		for (size_t cut = 0; cut < len; cut++)
			assert_damaged(packers[i].wrap, packed, cut, "cut off");
		free(packed);
	}
}

/* A flipped bit is found, or does no harm (the time in a gzip header); lzma has no checksum to find it by. */
TEST(damaged_anywhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		size_t len, n, harmless = 0;
		uint8_t *packed = pack(packers[i].wrap, text, sizeof(text), &len);
		char out[MAX];

		for (size_t bit = 0; bit < len * 8; bit++) {
			struct err err = {0};

			packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (run(packers[i].wrap, packed, len, MAX, out, &n, &err) == 0) {
				harmless++;
				assert_true(packers[i].wrap == FILES_LZMA ||
					    (n == sizeof(text) && !memcmp(out, text, n)));
			} else {
				assert_true(err.code == ERR_CORRUPT ||
					    err.code == ERR_UNSUPPORTED ||
					    err.code == ERR_NO_SPACE);
			}
			packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(harmless < len * 8 / 2);
		free(packed);
	}
}

/* What the limit allows comes out, a byte more does not, and never more than the limit is written. */
TEST(bombs)
{
	enum { SIZE = 3 << 20 };
	char *zeros = calloc(1, SIZE), out[MAX];
	size_t n;

	assert_non_null(zeros);
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		size_t len;
		uint8_t *packed = pack(packers[i].wrap, zeros, SIZE, &len);

		assert_true(len < SIZE / 100);
		assert_ok(run(packers[i].wrap, packed, len, SIZE, out, &n, err));
		assert_fails(run(packers[i].wrap, packed, len, SIZE - 1, out, &n, err),
			     ERR_NO_SPACE, "more than 3145727 bytes");
		assert_fails(run(packers[i].wrap, packed, len, 0, out, &n, err), ERR_NO_SPACE,
			     "limit");
		free(packed);
	}
	free(zeros);
}

/* Frames that want gigabytes to work in, laid out by hand. */
TEST(big_windows)
{
	/* RFC 8878: no content size, a window of 2^28 bytes, one raw block of a byte, the last */
	static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 0x09, 0, 0, 'x'};
	static const uint8_t zstd_good[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 0x09, 0, 0, 'x'};
	uint8_t lzma[19] = {0x5d, 0, 0, 0, 0x40, 255, 255, 255, 255, 255, 255, 255, 255};
	char out[MAX];
	size_t n;

	assert_fails(run(FILES_ZSTD, zstd, sizeof(zstd), MAX, out, &n, err), ERR_UNSUPPORTED,
		     "128 MiB");
	assert_ok(run(FILES_ZSTD, zstd_good, sizeof(zstd_good), MAX, out, &n, err));
	assert_int_equal(n, 1);
	assert_fails(run(FILES_LZMA, lzma, sizeof(lzma), MAX, out, &n, err), ERR_UNSUPPORTED,
		     "more than the 268435456");
}

/* Where the output cannot be written, that is said, and no endless loop made of it. */
TEST(full_target)
{
	size_t len;
	uint8_t *packed = pack(FILES_GZIP, text, sizeof(text), &len);
	int fd = memfd_create("unit", MFD_CLOEXEC);

	close(fd);
	assert_fails(unwrap_run(FILES_GZIP, (struct bytes){packed, len}, MAX, fd, err), ERR_SYSTEM,
		     "memfd");
	free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detect),
		cmocka_unit_test(detect_lzma),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(not_packed),
		cmocka_unit_test(one_behind_the_other),
		cmocka_unit_test(something_behind),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(damaged_anywhere),
		cmocka_unit_test(bombs),
		cmocka_unit_test(big_windows),
		cmocka_unit_test(full_target),
	};

	return cmocka_run_group_tests(tests, fill_text, NULL);
}
