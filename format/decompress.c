// SPDX-License-Identifier: GPL-2.0-or-later
/* Decompressing pages, which are hostile input. */
#include <libdeflate.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

#include "format/codec.h"

struct decompressor {
	struct libdeflate_decompressor *zlib; /* NULL until the first page */
	ZSTD_DCtx *zstd;
};

static int wrong_size(const char *codec, struct bytes in, size_t got, size_t dst_len,
		      struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s data of %zu bytes gives %zu bytes, expected %zu",
		       codec, in.len, got, dst_len);
}

static int bad_data(const char *codec, struct bytes in, size_t dst_len, const char *why,
		    struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s data of %zu bytes does not decompress to %zu: %s",
		       codec, in.len, dst_len, why);
}

static int raw_expand(struct decompressor *d, struct bytes in, void *dst, size_t dst_len,
		      struct err *err)
{
	(void)d;
	if (in.len != dst_len)
		return err_set(err, ERR_CORRUPT, "uncompressed data of %zu bytes, expected %zu",
			       in.len, dst_len);
	memcpy(dst, in.data, dst_len);
	return 0;
}

static int zlib_expand(struct decompressor *d, struct bytes in, void *dst, size_t dst_len,
		       struct err *err)
{
	static const char *const whys[] = {
		[LIBDEFLATE_BAD_DATA] = "bad data",
		[LIBDEFLATE_SHORT_OUTPUT] = "it is less",
		[LIBDEFLATE_INSUFFICIENT_SPACE] = "it is more",
	};
	enum libdeflate_result r;
	size_t used = 0;

	if (!d->zlib)
		d->zlib = libdeflate_alloc_decompressor();
	if (!d->zlib)
		return err_set(err, ERR_NO_MEMORY, "no memory to decompress zlib data");
	r = libdeflate_zlib_decompress_ex(d->zlib, in.data, in.len, dst, dst_len, &used, NULL);
	if (r != LIBDEFLATE_SUCCESS)
		return bad_data("zlib", in, dst_len, whys[r], err);
	if (used != in.len)
		return bad_data("zlib", in, dst_len, "there is something behind it", err);
	return 0;
}

/* lzo_init() only checks how the library was built; a decompressor works without it. */
static int lzo_expand(struct decompressor *d, struct bytes in, void *dst, size_t dst_len,
		      struct err *err)
{
	lzo_uint out = dst_len;
	int r = lzo1x_decompress_safe(in.data, in.len, dst, &out, NULL);

	(void)d;
	if (r != LZO_E_OK)
		return err_set(err, ERR_CORRUPT,
			       "lzo data of %zu bytes does not decompress to %zu: error %d", in.len,
			       dst_len, r);
	return out == dst_len ? 0 : wrong_size("lzo", in, (size_t)out, dst_len, err);
}

/* The size that the data claims comes first: the library trusts it for what it writes. */
static int snappy_expand(struct decompressor *d, struct bytes in, void *dst, size_t dst_len,
			 struct err *err)
{
	const char *data = (const char *)in.data;
	size_t out = 0;

	(void)d;
	if (snappy_uncompressed_length(data, in.len, &out) != SNAPPY_OK)
		return bad_data("snappy", in, dst_len, "no length", err);
	if (out != dst_len)
		return wrong_size("snappy", in, out, dst_len, err);
	if (snappy_uncompress(data, in.len, dst, &out) != SNAPPY_OK)
		return bad_data("snappy", in, dst_len, "bad data", err);
	return out == dst_len ? 0 : wrong_size("snappy", in, out, dst_len, err);
}

/*
 * Exactly one frame. The library would also take several of them, skippable frames, and the formats
 * of before 2016, each with a parser of its own.
 */
static int zstd_check_frame(struct bytes in, size_t dst_len, struct err *err)
{
	uint32_t magic = 0;
	size_t len;

	if (!bytes_le32(in, 0, &magic) || magic != ZSTD_MAGICNUMBER)
		return bad_data("zstd", in, dst_len, "no zstd frame", err);
	len = ZSTD_findFrameCompressedSize(in.data, in.len);
	if (ZSTD_isError(len))
		return bad_data("zstd", in, dst_len, ZSTD_getErrorName(len), err);
	if (len != in.len)
		return bad_data("zstd", in, dst_len, "there is something behind it", err);
	return 0;
}

static int zstd_expand(struct decompressor *d, struct bytes in, void *dst, size_t dst_len,
		       struct err *err)
{
	size_t out;

	if (zstd_check_frame(in, dst_len, err))
		return err->code;
	if (!d->zstd)
		d->zstd = ZSTD_createDCtx();
	if (!d->zstd)
		return err_set(err, ERR_NO_MEMORY, "no memory to decompress zstd data");
	out = ZSTD_decompressDCtx(d->zstd, dst, dst_len, in.data, in.len);
	if (ZSTD_isError(out))
		return bad_data("zstd", in, dst_len, ZSTD_getErrorName(out), err);
	return out == dst_len ? 0 : wrong_size("zstd", in, out, dst_len, err);
}

static const struct {
	unsigned int flags;
	int (*expand)(struct decompressor *d, struct bytes in, void *dst, size_t dst_len,
		      struct err *err);
} expanders[] = {
	{CODEC_RAW, raw_expand},       {CODEC_ZLIB, zlib_expand}, {CODEC_LZO, lzo_expand},
	{CODEC_SNAPPY, snappy_expand}, {CODEC_ZSTD, zstd_expand},
};

static void decompressor_deinit(struct decompressor *d)
{
	libdeflate_free_decompressor(d->zlib);
	ZSTD_freeDCtx(d->zstd);
}

int decompressor_create(struct decompressor **ret, struct err *err)
{
	struct decompressor *d = calloc(1, sizeof(*d));

	if (!d)
		return err_nomem(err, sizeof(*d), "a decompressor");
	*ret = d;
	return 0;
}

void decompressor_destroy(struct decompressor *d)
{
	if (d)
		decompressor_deinit(d);
	free(d);
}

int decompressor_run(struct decompressor *d, unsigned int flags, struct bytes in, void *dst,
		     size_t dst_len, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(expanders); i++)
		if (expanders[i].flags == flags)
			return expanders[i].expand(d, in, dst, dst_len, err);
	return err_set(err, ERR_UNSUPPORTED, "compression flags 0x%x", flags);
}

int codec_decompress(unsigned int flags, struct bytes in, void *dst, size_t dst_len,
		     struct err *err)
{
	struct decompressor d = {0};
	int r = decompressor_run(&d, flags, in, dst, dst_len, err);

	decompressor_deinit(&d);
	return r;
}
