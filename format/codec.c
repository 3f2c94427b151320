// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/codec.h"

#include <limits.h>
#include <lzo/lzo1x.h>
#include <string.h>
#include <zlib.h>

/*
 * Level 1 is what makedumpfile and every distribution use: higher levels cost several times the CPU
 * for a few percent, and the machine is down while we compress.
 */
#define ZLIB_LEVEL 1

struct compressor {
	enum codec codec;
	z_stream z;     /* zlib: reset, not rebuilt, for each page */
	void *lzo_work; /* lzo: LZO1X_1_MEM_COMPRESS bytes */
};

static const struct {
	enum codec codec;
	const char *name;
} codecs[] = {
	{CODEC_RAW, "raw"},
	{CODEC_ZLIB, "zlib"},
	{CODEC_LZO, "lzo"},
};

int codec_from_name(const char *name, enum codec *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (strcmp(codecs[i].name, name) == 0) {
			*ret = codecs[i].codec;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "there is no compression '%s'; there are raw, zlib, lzo",
		       name);
}

const char *codec_name(enum codec codec)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i].codec == codec)
			return codecs[i].name;
	return "unknown";
}

static int zlib_init(struct compressor *c, struct err *err)
{
	int r = deflateInit(&c->z, ZLIB_LEVEL);

	if (r == Z_MEM_ERROR)
		return err_set(err, ERR_NO_MEMORY, "no memory for a zlib compressor");
	if (r != Z_OK)
		return err_set(err, ERR_UNSUPPORTED, "zlib %s refuses to start: %s", zlibVersion(),
			       zError(r));
	return 0;
}

static int lzo_start(struct compressor *c, struct err *err)
{
	if (lzo_init() != LZO_E_OK)
		return err_set(err, ERR_UNSUPPORTED, "lzo %s refuses to start",
			       lzo_version_string());
	c->lzo_work = malloc(LZO1X_1_MEM_COMPRESS);
	if (!c->lzo_work)
		return err_nomem(err, LZO1X_1_MEM_COMPRESS, "an lzo compressor");
	return 0;
}

int compressor_create(enum codec codec, struct compressor **ret, struct err *err)
{
	_cleanup_free_ struct compressor *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c)
		return err_nomem(err, sizeof(*c), "a compressor");
	c->codec = codec;
	switch (codec) {
	case CODEC_RAW:
		break;
	case CODEC_ZLIB:
		r = zlib_init(c, err);
		break;
	case CODEC_LZO:
		r = lzo_start(c, err);
		break;
	default:
		r = err_set(err, ERR_UNSUPPORTED, "compression 0x%x", (unsigned int)codec);
	}
	if (r)
		return r;
	*ret = no_cleanup_ptr(c);
	return 0;
}

void compressor_destroy(struct compressor *c)
{
	if (!c)
		return;
	if (c->codec == CODEC_ZLIB)
		deflateEnd(&c->z);
	free(c->lzo_work);
	free(c);
}

size_t compressor_bound(const struct compressor *c, size_t len)
{
	/* zlib gets one byte less than `len` (see zlib_run); lzo: the bound of LZO.FAQ */
	return c->codec == CODEC_LZO ? len + len / 16 + 64 + 3 : len;
}

/* Room for one byte less than the input: deflate gives up early on what does not compress. */
static size_t zlib_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	if (len < 2 || len > UINT_MAX || deflateReset(&c->z) != Z_OK)
		return 0;
	c->z.next_in = (Bytef *)src; /* zlib's interface predates const; it does not write */
	c->z.avail_in = (uInt)len;
	c->z.next_out = dst;
	c->z.avail_out = (uInt)(len - 1);
	if (deflate(&c->z, Z_FINISH) != Z_STREAM_END)
		return 0;
	return len - 1 - c->z.avail_out;
}

static size_t lzo_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	lzo_uint out = 0;

	if (lzo1x_1_compress(src, len, dst, &out, c->lzo_work) != LZO_E_OK || out >= len)
		return 0;
	return out;
}

size_t compressor_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	switch (c->codec) {
	case CODEC_ZLIB:
		return zlib_run(c, src, len, dst);
	case CODEC_LZO:
		return lzo_run(c, src, len, dst);
	case CODEC_RAW:
	default:
		return 0;
	}
}

static int zlib_expand(struct bytes in, void *dst, size_t dst_len, struct err *err)
{
	uLongf out = dst_len;
	uLong used = in.len;
	int r = uncompress2(dst, &out, in.data, &used);

	if (r == Z_MEM_ERROR)
		return err_set(err, ERR_NO_MEMORY, "no memory to decompress zlib data");
	if (r != Z_OK)
		return err_set(err, ERR_CORRUPT,
			       "zlib data of %zu bytes does not decompress to %zu: %s", in.len,
			       dst_len, zError(r));
	if (out != dst_len || used != in.len)
		return err_set(err, ERR_CORRUPT,
			       "zlib data: %lu of %zu bytes give %lu bytes, expected %zu", used,
			       in.len, out, dst_len);
	return 0;
}

/* lzo_init() only checks how the library was built; a decompressor works without it. */
static int lzo_expand(struct bytes in, void *dst, size_t dst_len, struct err *err)
{
	lzo_uint out = dst_len;
	int r = lzo1x_decompress_safe(in.data, in.len, dst, &out, NULL);

	if (r != LZO_E_OK)
		return err_set(err, ERR_CORRUPT,
			       "lzo data of %zu bytes does not decompress to %zu: error %d", in.len,
			       dst_len, r);
	if (out != dst_len)
		return err_set(err, ERR_CORRUPT,
			       "lzo data of %zu bytes gives %zu bytes, expected %zu", in.len,
			       (size_t)out, dst_len);
	return 0;
}

int codec_decompress(unsigned int flags, struct bytes in, void *dst, size_t dst_len,
		     struct err *err)
{
	switch (flags) {
	case CODEC_RAW:
		if (in.len != dst_len)
			return err_set(err, ERR_CORRUPT,
				       "uncompressed data of %zu bytes, expected %zu", in.len,
				       dst_len);
		memcpy(dst, in.data, dst_len);
		return 0;
	case CODEC_ZLIB:
		return zlib_expand(in, dst, dst_len, err);
	case CODEC_LZO:
		return lzo_expand(in, dst, dst_len, err);
	default:
		return err_set(err, ERR_UNSUPPORTED, "compression flags 0x%x%s", flags,
			       flags == 4    ? " (snappy)"
			       : flags == 32 ? " (zstd)"
					     : "");
	}
}
