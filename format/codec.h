/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page compression of the kdump-compressed format. The values of enum codec are the bits of
 * page_desc.flags and of the header's status (makedumpfile diskdump_mod.h: DUMP_DH_COMPRESSED_*).
 *
 * Compressing is in codec.c, decompressing in decompress.c, and neither refers to the other: a
 * program that only writes dumps is linked without the decompressors.
 */
#ifndef FORMAT_CODEC_H
#define FORMAT_CODEC_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

enum codec {
	CODEC_RAW = 0,
	CODEC_ZLIB = 1,   /* zlib stream (RFC 1950): header, deflate, Adler-32 */
	CODEC_LZO = 2,    /* lzo1x_1 */
	CODEC_SNAPPY = 4, /* one snappy block (format_description.txt), no framing */
	CODEC_ZSTD = 32,  /* one zstd frame (RFC 8878) with its content size, no checksum */
	/* Of a dump, not of a page: some pages are lzo, some zstd. The header has both bits. */
	CODEC_AUTO = CODEC_LZO | CODEC_ZSTD,
};

/* The bits of a header's status that say which codec its writer was told to use. */
#define CODEC_MASK ((unsigned int)(CODEC_ZLIB | CODEC_LZO | CODEC_SNAPPY | CODEC_ZSTD))

/* A compressor with its work memory. One per thread. */
struct compressor;

/* "raw", "zlib", "lzo", "snappy", "zstd" or "auto"; else ERR_USAGE naming what there is. */
int codec_from_name(const char *name, enum codec *ret, struct err *err) _must_check_;
const char *codec_name(enum codec codec); /* "unknown" if it is none */

/*
 * `level` 0 is the codec's default. zlib (through libdeflate): 1, the default and fastest, to 12.
 * zstd: 1 is the default; -1, -2, … are faster and pack less, up to 22 slower and smaller. The
 * others have no levels. ERR_USAGE if the codec has no such level, ERR_UNSUPPORTED for CODEC_AUTO.
 */
int compressor_create(enum codec codec, int level, struct compressor **ret,
		      struct err *err) _must_check_;
void compressor_destroy(struct compressor *c); /* NULL is fine */

/* Room that compress needs in dst for `len` input bytes. */
size_t compressor_bound(const struct compressor *c, size_t len);

/*
 * Compress `len` bytes; dst has room for compressor_bound(c, len). Returns the compressed size, or 0
 * if it would not be smaller than `len` (then the page is stored raw). CODEC_RAW always returns 0.
 */
size_t compressor_run(struct compressor *c, const void *src, size_t len, void *dst);

/*
 * Work memory for decompressing, of every codec: each gets its own when its first page comes. One
 * per thread.
 */
struct decompressor;

int decompressor_create(struct decompressor **ret, struct err *err) _must_check_;
void decompressor_destroy(struct decompressor *d); /* NULL is fine */

/*
 * Decompress exactly `dst_len` bytes out of the whole of `in`; anything else is ERR_CORRUPT. `flags`
 * is page_desc.flags: an unknown bit, or two bits, are ERR_UNSUPPORTED, flags 0 needs in.len ==
 * dst_len. Never writes past dst_len and never reads past `in`. What is in dst after a failure is
 * undefined.
 */
int decompressor_run(struct decompressor *d, unsigned int flags, struct bytes in, void *dst,
		     size_t dst_len, struct err *err) _must_check_;

/* The same with a decompressor of its own: for a page here and there. */
int codec_decompress(unsigned int flags, struct bytes in, void *dst, size_t dst_len,
		     struct err *err) _must_check_;

#endif
