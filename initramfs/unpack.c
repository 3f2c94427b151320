// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three libraries, one shape: while there is input, make room, let the library fill it, and end
 * only where the library says that the stream is complete. A file may hold several streams in a row
 * (`cat a.gz b.gz`), which is what each format's own tool accepts.
 */
#include "initramfs/unpack.h"

#include <inttypes.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/num.h"

#define STEP            ((size_t)256 << 10)
#define GZIP_WINDOW     (15 + 16) /* the largest window, gzip header expected */
#define ZSTD_WINDOW_MAX 27        /* log2: 128 MiB, what `zstd -d` accepts unasked */

static const struct {
	const char *suffix;
	enum unpack_kind kind;
} suffixes[] = {
	{".gz", UNPACK_GZIP},
	{".xz", UNPACK_XZ},
	{".zst", UNPACK_ZSTD},
};

enum unpack_kind unpack_kind_of(const char *name, size_t *ret_stem)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i].suffix);

		if (len <= n || strcmp(name + len - n, suffixes[i].suffix) != 0)
			continue;
		*ret_stem = len - n;
		return suffixes[i].kind;
	}
	*ret_stem = len;
	return UNPACK_NONE;
}

static int damaged(const char *name, const char *format, const char *why, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s: damaged %s stream: %s", name, format, why);
}

/* Make room for a step, or for what the ceiling still allows; *ret_room is never 0. */
static int make_room(struct buf *out, const char *name, size_t *ret_room, struct err *err)
{
	size_t step = NUM_MIN(STEP, out->max - out->len);
	/* asking for one byte beyond the ceiling yields the right message */
	int r = buf_reserve(out, step ? step : 1, name, err);

	if (!r)
		*ret_room = NUM_MIN(out->cap - out->len, (size_t)UINT32_MAX);
	return r;
}

static int inflate_members(z_stream *z, const char *name, struct buf *out, struct err *err)
{
	for (;;) {
		size_t room;
		int r = make_room(out, name, &room, err);

		if (r)
			return r;
		z->next_out = out->data + out->len;
		z->avail_out = (uInt)room;
		r = inflate(z, Z_NO_FLUSH);
		out->len += room - z->avail_out;
		if (r == Z_MEM_ERROR)
			return err_nomem(err, 0, name);
		if (r == Z_BUF_ERROR)
			return damaged(name, "gzip", "it is cut off", err);
		if (r != Z_OK && r != Z_STREAM_END)
			return damaged(name, "gzip", z->msg ? z->msg : "wrong data", err);
		if (r == Z_STREAM_END && z->avail_in == 0)
			return 0;
		if (r == Z_STREAM_END && inflateReset(z) != Z_OK)
			return damaged(name, "gzip", "cannot go on to the next member", err);
	}
}

static int unpack_gzip(struct bytes in, const char *name, struct buf *out, struct err *err)
{
	/* zlib takes a pointer to non-const for historical reasons and does not write there */
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.len};
	int r;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return err_nomem(err, sizeof(z), name);
	r = inflate_members(&z, name, out, err);
	inflateEnd(&z);
	return r;
}

static int xz_error(lzma_ret r, const char *name, struct err *err)
{
	/* the enum has values that these calls do not return, and more in newer versions */
	if (r == LZMA_MEM_ERROR)
		return err_nomem(err, 0, name);
	if (r == LZMA_MEMLIMIT_ERROR)
		return damaged(name, "xz", "it wants too much memory", err);
	if (r == LZMA_FORMAT_ERROR)
		return damaged(name, "xz", "it is not in this format", err);
	if (r == LZMA_OPTIONS_ERROR)
		return damaged(name, "xz", "it uses an unknown option", err);
	if (r == LZMA_BUF_ERROR)
		return damaged(name, "xz", "it is cut off", err);
	return damaged(name, "xz", "wrong data", err);
}

static int unpack_xz(struct bytes in, const char *name, struct buf *out, struct err *err)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret r = lzma_stream_decoder(&s, UNPACK_MAX_SIZE, LZMA_CONCATENATED);

	s.next_in = in.data;
	s.avail_in = in.len;
	while (r == LZMA_OK) {
		size_t room;
		int failed = make_room(out, name, &room, err);

		if (failed) {
			lzma_end(&s);
			return failed;
		}
		s.next_out = out->data + out->len;
		s.avail_out = room;
		r = lzma_code(&s, LZMA_FINISH);
		out->len += room - s.avail_out;
	}
	lzma_end(&s);
	return r == LZMA_STREAM_END ? 0 : xz_error(r, name, err);
}

static int zstd_frames(ZSTD_DCtx *d, struct bytes in, const char *name, struct buf *out,
		       struct err *err)
{
	ZSTD_inBuffer src = {in.data, in.len, 0};

	for (;;) {
		ZSTD_outBuffer dst = {0};
		int failed = make_room(out, name, &dst.size, err);
		size_t r;

		if (failed)
			return failed;
		dst.dst = out->data + out->len;
		r = ZSTD_decompressStream(d, &dst, &src);
		if (ZSTD_isError(r) && ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation)
			return err_nomem(err, 0, name);
		if (ZSTD_isError(r))
			return damaged(name, "zstd", ZSTD_getErrorName(r), err);
		out->len += dst.pos;
		if (src.pos < src.size)
			continue;
		if (r == 0)
			return 0;
		/* all input taken, output room left over, and the frame is still not complete */
		if (dst.pos < dst.size)
			return damaged(name, "zstd", "it is cut off", err);
	}
}

static int unpack_zstd(struct bytes in, const char *name, struct buf *out, struct err *err)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	int r;

	if (!d)
		return err_nomem(err, 0, name);
	if (ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW_MAX)))
		r = err_nomem(err, 0, name);
	else
		r = zstd_frames(d, in, name, out, err);
	ZSTD_freeDCtx(d);
	return r;
}

int unpack_run(enum unpack_kind kind, struct bytes in, const char *name, struct buf *out,
	       struct err *err)
{
	if (in.len > UNPACK_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "%s: is larger than %zu bytes", name,
			       UNPACK_MAX_SIZE);
	if (in.len == 0)
		return err_set(err, ERR_CORRUPT, "%s: is empty", name);
	switch (kind) {
	case UNPACK_NONE:
		return buf_append(out, in.data, in.len, name, err);
	case UNPACK_GZIP:
		return unpack_gzip(in, name, out, err);
	case UNPACK_XZ:
		return unpack_xz(in, name, out, err);
	case UNPACK_ZSTD:
		return unpack_zstd(in, name, out, err);
	}
	return err_set(err, ERR_UNSUPPORTED, "%s: compression %d", name, (int)kind);
}
