/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page compression of the kdump-compressed format. The values of enum codec are the bits of
 * page_desc.flags and of the header's status (makedumpfile diskdump_mod.h: DUMP_DH_COMPRESSED_*).
 */
#ifndef FORMAT_CODEC_H
#define FORMAT_CODEC_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

enum codec {
	CODEC_RAW = 0,
	CODEC_ZLIB = 1, /* zlib stream with header, level 1 */
	CODEC_LZO = 2,  /* lzo1x_1 */
};

/* A compressor with its work memory. One per thread. */
struct compressor;

/* "raw", "zlib" or "lzo"; else ERR_USAGE naming what there is. */
int codec_from_name(const char *name, enum codec *ret, struct err *err) _must_check_;
const char *codec_name(enum codec codec);

int compressor_create(enum codec codec, struct compressor **ret, struct err *err) _must_check_;
void compressor_destroy(struct compressor *c); /* NULL is fine */

/* Room that compress needs in dst for `len` input bytes. */
size_t compressor_bound(const struct compressor *c, size_t len);

/*
 * Compress `len` bytes; dst has room for compressor_bound(c, len). Returns the compressed size, or 0
 * if it would not be smaller than `len` (then the page is stored raw). CODEC_RAW always returns 0.
 */
size_t compressor_run(struct compressor *c, const void *src, size_t len, void *dst);

/*
 * Decompress exactly `dst_len` bytes; anything else is ERR_CORRUPT. `flags` is page_desc.flags: an
 * unknown bit is ERR_UNSUPPORTED, flags 0 needs in.len == dst_len. Never writes past dst_len and
 * never reads past `in`.
 */
int codec_decompress(unsigned int flags, struct bytes in, void *dst, size_t dst_len,
		     struct err *err) _must_check_;

#endif
