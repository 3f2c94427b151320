// SPDX-License-Identifier: GPL-2.0-or-later
/* Packing the image and unpacking modules: judged by the libraries' one-shot calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "initramfs/pack.h"
#include "initramfs/unpack.h"

#define SAMPLE ((size_t)700000) /* more than one step of the unpacker, not a multiple of one */

static uint8_t *make_sample(void)
{
	uint8_t *s = malloc(SAMPLE);
	uint32_t x = 1;

	for (size_t i = 0; i < SAMPLE; i++) {
		x = x * 1664525 + 1013904223;
		s[i] = (uint8_t)((x >> 24) & (i % 4096 < 2048 ? 0x0f : 0xff));
	}
	return s;
}

/* One stream of `kind` by the library's simplest call; malloc'ed. */
static struct bytes stream_of(enum unpack_kind kind, const uint8_t *data, size_t len)
{
	size_t cap = len + len / 8 + 1024, n = 0;
	uint8_t *out = malloc(cap);

	if (kind == UNPACK_XZ) {
		assert_int_equal(
			lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, data, len, out, &n, cap),
			LZMA_OK);
	} else if (kind == UNPACK_ZSTD) {
		n = ZSTD_compress(out, cap, data, len, 3);
		assert_false(ZSTD_isError(n));
	} else if (kind == UNPACK_GZIP) {
		z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
			      .avail_in = (uInt)len,
			      .next_out = out,
			      .avail_out = (uInt)cap};

		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		n = cap - z.avail_out;
		deflateEnd(&z);
	} else {
		memcpy(out, data, len);
		n = len;
	}
	return (struct bytes){out, n};
}

static void test_unpack_kinds(void **state)
{
	static const enum unpack_kind kinds[] = {UNPACK_NONE, UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD};
	uint8_t *sample = make_sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes s = stream_of(kinds[i], sample, SAMPLE);
		_cleanup_buf_ struct buf out = BUF_INIT(UNPACK_MAX_SIZE);
		struct err err = {0};

		if (unpack_run(kinds[i], s, "x.ko", &out, &err))
			fail_msg("%s", err.msg);
		assert_int_equal(out.len, SAMPLE);
		assert_memory_equal(out.data, sample, SAMPLE);
		free((void *)(uintptr_t)s.data);
	}
	free(sample);
}

/* `cat a.xz b.xz` unpacks to both. */
static void test_unpack_concatenated(void **state)
{
	static const enum unpack_kind kinds[] = {UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes a = stream_of(kinds[i], (const uint8_t *)"one", 3);
		struct bytes b = stream_of(kinds[i], (const uint8_t *)"two", 3);
		uint8_t *both = malloc(a.len + b.len);
		_cleanup_buf_ struct buf out = BUF_INIT(4096);
		struct err err = {0};

		memcpy(both, a.data, a.len);
		memcpy(both + a.len, b.data, b.len);
		assert_int_equal(
			unpack_run(kinds[i], (struct bytes){both, a.len + b.len}, "x", &out, &err),
			0);
		assert_int_equal(out.len, 6);
		assert_memory_equal(out.data, "onetwo", 6);
		free(both);
		free((void *)(uintptr_t)a.data);
		free((void *)(uintptr_t)b.data);
	}
}

/* Cut anywhere, or followed by something else: an error, never a silently short module. */
static void test_unpack_cut_and_followed(void **state)
{
	static const enum unpack_kind kinds[] = {UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD};
	uint8_t *sample = make_sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes s = stream_of(kinds[i], sample, 5000);
		uint8_t *copy = malloc(s.len + 5);
		struct err err = {0};

		for (size_t len = 0; len < s.len; len += len < 64 || len > s.len - 64 ? 1 : 97) {
			_cleanup_buf_ struct buf out = BUF_INIT(UNPACK_MAX_SIZE);

			assert_int_equal(unpack_run(kinds[i], (struct bytes){s.data, len}, "m.ko",
						    &out, &err),
					 ERR_CORRUPT);
			assert_non_null(strstr(err.msg, "m.ko: "));
		}
		memcpy(copy, s.data, s.len);
		memcpy(copy + s.len, "extra", 5);
		_cleanup_buf_ struct buf out = BUF_INIT(UNPACK_MAX_SIZE);

		assert_int_equal(
			unpack_run(kinds[i], (struct bytes){copy, s.len + 5}, "m.ko", &out, &err),
			ERR_CORRUPT);
		free(copy);
		free((void *)(uintptr_t)s.data);
	}
	free(sample);
}

/* A flipped bit must not yield other content without an error: gzip and xz carry a checksum. */
static void test_unpack_flipped(void **state)
{
	static const enum unpack_kind kinds[] = {UNPACK_GZIP, UNPACK_XZ};
	uint8_t *sample = make_sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes s = stream_of(kinds[i], sample, 3000);
		uint8_t *copy = malloc(s.len);

		for (size_t at = 0; at < s.len; at += 7) {
			_cleanup_buf_ struct buf out = BUF_INIT(UNPACK_MAX_SIZE);
			struct err err;

			memcpy(copy, s.data, s.len);
			copy[at] ^= 0x10;
			/* a few header bytes (time, system) mean nothing to the content */
			if (unpack_run(kinds[i], (struct bytes){copy, s.len}, "m", &out, &err) == 0)
				assert_memory_equal(out.data, sample, 3000);
		}
		free(copy);
		free((void *)(uintptr_t)s.data);
	}
	free(sample);
}

/* A small file that unpacks to a lot stops at the ceiling. */
static void test_unpack_bomb(void **state)
{
	static const enum unpack_kind kinds[] = {UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD};
	size_t len = (size_t)8 << 20;
	uint8_t *zeros = calloc(1, len);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes s = stream_of(kinds[i], zeros, len);
		_cleanup_buf_ struct buf out = BUF_INIT((size_t)1 << 20);
		struct err err;

		assert_int_equal(unpack_run(kinds[i], s, "bomb.ko", &out, &err), ERR_CORRUPT);
		assert_non_null(strstr(err.msg, "bomb.ko: is larger than 1048576 bytes"));
		assert_true(out.cap <= (size_t)1 << 20);
		free((void *)(uintptr_t)s.data);
	}
	free(zeros);
}

static void test_unpack_names(void **state)
{
	size_t stem;

	(void)state;
	assert_int_equal(unpack_kind_of("a.ko", &stem), UNPACK_NONE);
	assert_int_equal(stem, 4);
	assert_int_equal(unpack_kind_of("a.ko.xz", &stem), UNPACK_XZ);
	assert_int_equal(stem, 4);
	assert_int_equal(unpack_kind_of("a.ko.gz", &stem), UNPACK_GZIP);
	assert_int_equal(unpack_kind_of("a.ko.zst", &stem), UNPACK_ZSTD);
	assert_int_equal(unpack_kind_of(".xz", &stem), UNPACK_NONE);
}

static void test_pack_round_trip(void **state)
{
	uint8_t *sample = make_sample(), *back = malloc(SAMPLE);
	_cleanup_buf_ struct buf gz = BUF_INIT(2 * SAMPLE);
	_cleanup_buf_ struct buf zs = BUF_INIT(2 * SAMPLE);
	struct bytes in = {sample, SAMPLE};
	struct err err;
	z_stream z;

	(void)state;
	assert_int_equal(pack_run(PACK_GZIP, in, &gz, &err), 0);
	assert_int_equal(pack_run(PACK_ZSTD, in, &zs, &err), 0);
	assert_true(gz.len < SAMPLE && zs.len < SAMPLE);

	z = (z_stream){.next_in = gz.data,
		       .avail_in = (uInt)gz.len,
		       .next_out = back,
		       .avail_out = SAMPLE};
	assert_int_equal(inflateInit2(&z, 31), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, SAMPLE);
	inflateEnd(&z);
	assert_memory_equal(back, sample, SAMPLE);
	assert_memory_equal(gz.data + 4, "\0\0\0\0", 4); /* no time of day in it */

	memset(back, 0, SAMPLE);
	assert_int_equal(ZSTD_decompress(back, SAMPLE, zs.data, zs.len), SAMPLE);
	assert_memory_equal(back, sample, SAMPLE);
	free(sample);
	free(back);
}

/*
 * What the kernel's memory depends on (RFC 8878, 3.1.1.1): the frame says its content's size, and a
 * window of at most 128 KB.
 */
static void test_zstd_frame_is_frugal(void **state)
{
	uint8_t *sample = make_sample();
	_cleanup_buf_ struct buf out = BUF_INIT(2 * SAMPLE);
	struct err err;

	(void)state;
	assert_int_equal(pack_run(PACK_ZSTD, (struct bytes){sample, SAMPLE}, &out, &err), 0);
	assert_int_equal(ZSTD_getFrameContentSize(out.data, out.len), SAMPLE);
	assert_int_equal(out.data[4] & 0x20, 0);    /* not "single segment": a window follows */
	assert_int_equal(out.data[4] & 0x04, 0x04); /* with a checksum of the content */
	assert_true(out.data[5] >> 3 <= 17 - 10);   /* log2 of the window, less 10 */
	free(sample);
}

static void write_config(const char *dir, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/boot/config-1.2", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int choose(const struct root *root, enum pack_kind asked, enum pack_kind *ret,
		  struct err *err)
{
	struct pack_support support;

	if (pack_support_read(root, "1.2", &support, err))
		return err->code;
	return pack_choose(asked, &support, ret, err);
}

static void test_choice(void **state)
{
	char dir[] = "/tmp/lifeboat-pack-XXXXXX", path[256];
	enum pack_kind kind = PACK_AUTO;
	struct root root;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/boot", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(root_init(&root, dir, &err), 0);

	/* no configuration: what every distribution has, and whatever was asked for */
	assert_int_equal(choose(&root, PACK_AUTO, &kind, &err), 0);
	assert_int_equal(kind, PACK_GZIP);
	assert_int_equal(choose(&root, PACK_ZSTD, &kind, &err), 0);
	assert_int_equal(kind, PACK_ZSTD);

	write_config(dir, "CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n");
	assert_int_equal(choose(&root, PACK_ZSTD, &kind, &err), 0);
	assert_int_equal(kind, PACK_ZSTD);

	write_config(dir, "# CONFIG_RD_GZIP is not set\nCONFIG_RD_ZSTD=y\nCONFIG_BLK_DEV_INITRD=y");
	assert_int_equal(choose(&root, PACK_AUTO, &kind, &err), 0);
	assert_int_equal(kind, PACK_ZSTD);
	assert_int_equal(choose(&root, PACK_GZIP, &kind, &err), ERR_USAGE);
	assert_non_null(strstr(err.msg, "/boot/config-1.2 has no CONFIG_RD_GZIP=y"));

	write_config(dir, "CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIPPED=y\nXCONFIG_RD_ZSTD=y\n");
	assert_int_equal(choose(&root, PACK_AUTO, &kind, &err), 0);
	assert_int_equal(kind, PACK_NONE);
	assert_int_equal(choose(&root, PACK_ZSTD, &kind, &err), ERR_USAGE);

	write_config(dir, "CONFIG_RD_GZIP=y\n");
	assert_int_equal(choose(&root, PACK_AUTO, &kind, &err), ERR_UNSUPPORTED);

	root_deinit(&root);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

static void test_kind_names(void **state)
{
	enum pack_kind kind;
	struct err err;

	(void)state;
	for (int i = PACK_AUTO; i <= PACK_ZSTD; i++) {
		assert_int_equal(
			pack_kind_from_name(pack_kind_name((enum pack_kind)i), &kind, &err), 0);
		assert_int_equal(kind, i);
	}
	assert_int_equal(pack_kind_from_name("xz", &kind, &err), ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unpack_kinds),
		cmocka_unit_test(test_unpack_concatenated),
		cmocka_unit_test(test_unpack_cut_and_followed),
		cmocka_unit_test(test_unpack_flipped),
		cmocka_unit_test(test_unpack_bomb),
		cmocka_unit_test(test_unpack_names),
		cmocka_unit_test(test_pack_round_trip),
		cmocka_unit_test(test_zstd_frame_is_frugal),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_kind_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
