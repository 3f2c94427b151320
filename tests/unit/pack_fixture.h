/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packing by the formats' own libraries, with the checksums that their tools write. */
#ifndef TESTS_UNIT_PACK_FIXTURE_H
#define TESTS_UNIT_PACK_FIXTURE_H

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "loader/files.h"
#include "tests/unit/unit.h"

#define PACK_ROOM(len) ((len) + (len) / 16 + 1024)

static inline size_t pack_gzip(const void *data, size_t len, uint8_t *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = out;
	z.avail_out = (uInt)PACK_ROOM(len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static inline size_t pack_zstd(const void *data, size_t len, uint8_t *out)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	assert_non_null(c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, out, PACK_ROOM(len), data, len);
	assert_false(ZSTD_isError(n));
	ZSTD_freeCCtx(c);
	return n;
}

static inline size_t pack_xz(const void *data, size_t len, uint8_t *out)
{
	size_t n = 0;

	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, data, len, out, &n,
						 PACK_ROOM(len)),
			 LZMA_OK);
	return n;
}

static inline size_t pack_lzma(const void *data, size_t len, uint8_t *out)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_options_lzma options;
	size_t n;

	assert_false(lzma_lzma_preset(&options, 6));
	assert_int_equal(lzma_alone_encoder(&s, &options), LZMA_OK);
	s.next_in = data;
	s.avail_in = len;
	s.next_out = out;
	s.avail_out = PACK_ROOM(len);
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	n = (size_t)s.total_out;
	lzma_end(&s);
	return n;
}

static const struct {
	enum files_wrap wrap;
	size_t (*pack)(const void *data, size_t len, uint8_t *out);
} packers[] = {
	{FILES_GZIP, pack_gzip},
	{FILES_ZSTD, pack_zstd},
	{FILES_XZ, pack_xz},
	{FILES_LZMA, pack_lzma},
};

/* malloc'ed */
static inline uint8_t *pack(enum files_wrap wrap, const void *data, size_t len, size_t *ret_len)
{
	uint8_t *out = malloc(PACK_ROOM(len));

	assert_non_null(out);
	*ret_len = 0;
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++)
		if (packers[i].wrap == wrap)
			*ret_len = packers[i].pack(data, len, out);
	return out;
}

#endif
