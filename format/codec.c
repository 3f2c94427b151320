// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of codecs, and compressing. */
#include "format/codec.h"

#include <libdeflate.h>
#include <limits.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

#include "base/num.h"
#include "format/stride.h"

/*
 * Level 1 is what makedumpfile and every distribution use: higher levels cost several times the CPU
 * for a few percent, and the machine is down while we compress.
 */
#define DEFAULT_LEVEL 1

struct codec_ops {
	enum codec codec;
	const char *name;
	int min_level, max_level; /* both 0: it has no levels */
	/* Set c->work; NULL: needs none. */
	int (*start)(struct compressor *c, int level, struct err *err);
	void (*stop)(struct compressor *c);
	size_t (*bound)(size_t len);
	/* 0: it did not get smaller, or failed. */
	size_t (*run)(struct compressor *c, const void *src, size_t len, void *dst);
};

struct compressor {
	const struct codec_ops *ops;
	void *work; /* of the library's type */
};

/* The bound of compressors that stop when the output would not be smaller than the input. */
static size_t bound_len(size_t len)
{
	return len;
}

/* ---- zlib: by libdeflate, twice as fast and a little smaller (docs/decisions/0005-codecs.md) */

static int zlib_start(struct compressor *c, int level, struct err *err)
{
	c->work = libdeflate_alloc_compressor(level);
	return c->work ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for a zlib compressor");
}

static void zlib_stop(struct compressor *c)
{
	libdeflate_free_compressor(c->work);
}

static size_t zlib_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	return libdeflate_zlib_compress(c->work, src, len, dst, len - 1);
}

/*
 * ---- lzo: struct pages by a coder of our own, all else with a hash table of 2^12 entries. It is cleared
 * for each page, and a page has no use for the 2^14 of lzo1x_1 (docs/decisions/0007-struct-pages.md).
 */

static int lzo_start(struct compressor *c, int level, struct err *err)
{
	(void)level;
	if (lzo_init() != LZO_E_OK)
		return err_set(err, ERR_UNSUPPORTED, "lzo %s refuses to start",
			       lzo_version_string());
	c->work = malloc(LZO1X_1_12_MEM_COMPRESS);
	return c->work ? 0 : err_nomem(err, LZO1X_1_12_MEM_COMPRESS, "an lzo compressor");
}

static void lzo_stop(struct compressor *c)
{
	free(c->work);
}

/* LZO.FAQ, "how much can my data expand" */
static size_t lzo_bound(size_t len)
{
	return NUM_MAX(len + len / 16 + 64 + 3, stride_bound(len));
}

static size_t lzo_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	lzo_uint out = stride_lzo(src, len, dst);

	if (!out && lzo1x_1_12_compress(src, len, dst, &out, c->work) != LZO_E_OK)
		out = 0;
	return out;
}

/* ---- snappy: allocates its hash table, 8 KiB for a page of 4 KiB, each time */

static size_t snappy_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	size_t out = snappy_max_compressed_length(len);

	(void)c;
	return snappy_compress(src, len, dst, &out) == SNAPPY_OK ? out : 0;
}

/* ---- zstd: one context for all pages; building it costs more than a page does */

static int zstd_start(struct compressor *c, int level, struct err *err)
{
	size_t r;

	c->work = ZSTD_createCCtx();
	if (!c->work)
		return err_set(err, ERR_NO_MEMORY, "no memory for a zstd compressor");
	r = ZSTD_CCtx_setParameter(c->work, ZSTD_c_compressionLevel, level);
	if (ZSTD_isError(r))
		return err_set(err, ERR_UNSUPPORTED, "zstd %s refuses to start: %s",
			       ZSTD_versionString(), ZSTD_getErrorName(r));
	return 0;
}

static void zstd_stop(struct compressor *c)
{
	ZSTD_freeCCtx(c->work);
}

static size_t zstd_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	size_t out = ZSTD_compress2(c->work, dst, len - 1, src, len);

	return ZSTD_isError(out) ? 0 : out;
}

/* ---- auto */

static int auto_start(struct compressor *c, int level, struct err *err)
{
	(void)c;
	(void)level;
	return err_set(err, ERR_UNSUPPORTED, "auto is a choice of compressors, not one of them");
}

/* ---- all of them */

/* The fastest level of zstd that makes sense: below, hardly anything is matched. */
#define ZSTD_FASTEST (-100)

static const struct codec_ops codecs[] = {
	{CODEC_RAW, "raw", 0, 0, NULL, NULL, bound_len, NULL},
	{CODEC_ZLIB, "zlib", 1, 12, zlib_start, zlib_stop, bound_len, zlib_run},
	{CODEC_LZO, "lzo", 0, 0, lzo_start, lzo_stop, lzo_bound, lzo_run},
	{CODEC_SNAPPY, "snappy", 0, 0, NULL, NULL, snappy_max_compressed_length, snappy_run},
	{CODEC_ZSTD, "zstd", ZSTD_FASTEST, 22, zstd_start, zstd_stop, bound_len, zstd_run},
	{CODEC_AUTO, "auto", 0, 0, auto_start, NULL, bound_len, NULL},
};

static const struct codec_ops *ops_of(enum codec codec)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i].codec == codec)
			return &codecs[i];
	return NULL;
}

int codec_from_name(const char *name, enum codec *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (strcmp(codecs[i].name, name) == 0) {
			*ret = codecs[i].codec;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		       "there is no compression '%s'; there are raw, zlib, lzo, snappy, zstd, auto",
		       name);
}

const char *codec_name(enum codec codec)
{
	const struct codec_ops *ops = ops_of(codec);

	return ops ? ops->name : "unknown";
}

static int check_level(const struct codec_ops *ops, int level, struct err *err)
{
	if (level >= ops->min_level && level <= ops->max_level)
		return 0;
	if (!ops->max_level)
		return err_set(err, ERR_USAGE, "%s has no compression levels", ops->name);
	return err_set(err, ERR_USAGE, "the compression levels of %s are %d to %d, not %d",
		       ops->name, ops->min_level, ops->max_level, level);
}

int compressor_create(enum codec codec, int level, struct compressor **ret, struct err *err)
{
	const struct codec_ops *ops = ops_of(codec);
	struct compressor *c;

	if (!ops)
		return err_set(err, ERR_UNSUPPORTED, "compression 0x%x", (unsigned int)codec);
	if (!level && ops->max_level)
		level = DEFAULT_LEVEL;
	if (check_level(ops, level, err))
		return err->code;
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_nomem(err, sizeof(*c), "a compressor");
	c->ops = ops;
	if (ops->start && ops->start(c, level, err)) {
		compressor_destroy(c);
		return err->code;
	}
	*ret = c;
	return 0;
}

void compressor_destroy(struct compressor *c)
{
	if (!c)
		return;
	if (c->ops->stop)
		c->ops->stop(c);
	free(c);
}

size_t compressor_bound(const struct compressor *c, size_t len)
{
	return c->ops->bound(len);
}

/* A length in snappy's format is 32 bits; one byte cannot become fewer. */
size_t compressor_run(struct compressor *c, const void *src, size_t len, void *dst)
{
	size_t out;

	if (!c->ops->run || len < 2 || len > INT_MAX)
		return 0;
	out = c->ops->run(c, src, len, dst);
	return out < len ? out : 0;
}
