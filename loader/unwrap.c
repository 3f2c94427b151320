// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three libraries behind one shape: `begin` makes ready for a frame, `step` takes input and gives output until
 * the frame ends. What may follow a frame is decided here and not left to the libraries: they differ in that, and
 * libzstd would go on to formats of before 2016.
 */
#include "loader/unwrap.h"

#include <inttypes.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/io.h"
#include "base/num.h"

#define STEP         ((size_t)256 << 10)
#define GZIP_WINDOW  (15 + 16) /* the largest window, gzip header expected */
#define ZSTD_WINDOW  27        /* log2: 128 MiB; the kernel's build uses it at level 22 */
#define MEMORY_LIMIT ((uint64_t)256 << 20)

struct stream {
	struct bytes in;
	size_t pos;
	uint8_t *buf; /* STEP bytes */
	size_t n;     /* of them that the last step filled */
	bool ended;   /* the frame did, in the last step */
	int out;
	uint64_t total, max; /* bytes written, and allowed */
	z_stream z;
	lzma_stream lzma;
	ZSTD_DCtx *zstd;
};

struct codec {
	enum files_wrap wrap;
	/* Does a frame start here? */
	bool (*starts)(struct bytes rest);
	bool concatenates;
	size_t padding; /* NULs may follow a frame, a multiple of this many */
	int (*begin)(struct stream *s, struct err *err);
	int (*step)(struct stream *s, struct err *err);
};

static int bad_data(const struct stream *s, const char *why, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "damaged at or before byte %zu of %zu: %s", s->pos,
		       s->in.len, why);
}

static int out_of_memory(struct err *err)
{
	return err_set(err, ERR_NO_MEMORY, "no memory to unpack");
}

static bool has_magic(struct bytes b, const char *magic, size_t len)
{
	return bytes_has(b, 0, len) && memcmp(b.data, magic, len) == 0;
}

/* ---- gzip: RFC 1952 */

static bool gzip_starts(struct bytes rest)
{
	return has_magic(rest, "\x1f\x8b\x08", 3);
}

static int gzip_begin(struct stream *s, struct err *err)
{
	int r = s->z.state ? inflateReset(&s->z) : inflateInit2(&s->z, GZIP_WINDOW);

	return r == Z_OK ? 0 : out_of_memory(err);
}

static int gzip_step(struct stream *s, struct err *err)
{
	uInt avail = (uInt)NUM_MIN(s->in.len - s->pos, (size_t)1 << 30);
	int r;

	/* zlib takes a pointer to non-const for historical reasons and does not write there */
	s->z.next_in = (Bytef *)(uintptr_t)(s->in.data + s->pos);
	s->z.avail_in = avail;
	s->z.next_out = s->buf;
	s->z.avail_out = STEP;
	r = inflate(&s->z, Z_NO_FLUSH);
	s->pos += avail - s->z.avail_in;
	s->n = STEP - s->z.avail_out;
	s->ended = r == Z_STREAM_END;
	if (r == Z_MEM_ERROR)
		return out_of_memory(err);
	/* Z_BUF_ERROR: no progress, which unwrap_frame() sees by itself */
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return bad_data(s, s->z.msg ? s->z.msg : "wrong data", err);
	return 0;
}

/* ---- xz: xz-file-format.txt; lzma: lzma-file-format.txt, both of XZ Utils */

static bool xz_starts(struct bytes rest)
{
	return has_magic(rest,
			 "\xfd"
			 "7zXZ\0",
			 6);
}

static int lzma_error(const struct stream *s, lzma_ret r, struct err *err)
{
	if (r == LZMA_MEM_ERROR)
		return out_of_memory(err);
	if (r == LZMA_MEMLIMIT_ERROR)
		return err_set(err, ERR_UNSUPPORTED,
			       "takes %" PRIu64 " bytes of memory to unpack, more than the %" PRIu64
			       " that are allowed; pack it with a smaller dictionary (xz -6)",
			       lzma_memusage(&s->lzma), MEMORY_LIMIT);
	if (r == LZMA_OPTIONS_ERROR)
		return err_set(err, ERR_UNSUPPORTED, "uses an option of xz that is not supported");
	return bad_data(s, r == LZMA_FORMAT_ERROR ? "not in this format" : "wrong data", err);
}

static int xz_begin(struct stream *s, struct err *err)
{
	lzma_ret r = lzma_stream_decoder(&s->lzma, MEMORY_LIMIT, 0);

	return r == LZMA_OK ? 0 : lzma_error(s, r, err);
}

static int xz_step(struct stream *s, struct err *err)
{
	lzma_ret r;

	s->lzma.next_in = s->in.data + s->pos;
	s->lzma.avail_in = s->in.len - s->pos;
	s->lzma.next_out = s->buf;
	s->lzma.avail_out = STEP;
	r = lzma_code(&s->lzma, LZMA_RUN);
	s->pos = s->in.len - s->lzma.avail_in;
	s->n = STEP - s->lzma.avail_out;
	s->ended = r == LZMA_STREAM_END;
	/* LZMA_BUF_ERROR: no progress, which unwrap_frame() sees by itself */
	if (r != LZMA_OK && r != LZMA_STREAM_END && r != LZMA_BUF_ERROR)
		return lzma_error(s, r, err);
	return 0;
}

/*
 * One byte of properties, the dictionary's size (written as 2^n or 2^n + 2^(n-1)), the length or -1. Its data
 * begins with a zero byte: the range coder's first.
 */
static bool lzma_starts(struct bytes rest)
{
	uint8_t properties, first;
	uint32_t dictionary;
	uint64_t length;

	if (!bytes_u8(rest, 0, &properties) || !bytes_le32(rest, 1, &dictionary) ||
	    !bytes_le64(rest, 5, &length) || !bytes_u8(rest, 13, &first))
		return false;
	if (properties >= 9 * 5 * 5 || first != 0 || dictionary < 4096)
		return false;
	if (!num_is_pow2(dictionary) && (dictionary % 3 || !num_is_pow2(dictionary / 3)) &&
	    dictionary != UINT32_MAX)
		return false;
	return length == UINT64_MAX || length < (uint64_t)1 << 38; /* as xz guesses it, too */
}

static int lzma_begin(struct stream *s, struct err *err)
{
	lzma_ret r = lzma_alone_decoder(&s->lzma, MEMORY_LIMIT);

	return r == LZMA_OK ? 0 : lzma_error(s, r, err);
}

/* ---- zstd: RFC 8878 */

static bool zstd_starts(struct bytes rest)
{
	uint32_t magic;

	return bytes_le32(rest, 0, &magic) &&
	       (magic == ZSTD_MAGICNUMBER ||
		(magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START);
}

static int zstd_begin(struct stream *s, struct err *err)
{
	if (s->zstd)
		return 0; /* it goes on to the next frame by itself */
	s->zstd = ZSTD_createDCtx();
	if (!s->zstd ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW)))
		return out_of_memory(err);
	return 0;
}

static int zstd_step(struct stream *s, struct err *err)
{
	ZSTD_inBuffer src = {s->in.data, s->in.len, s->pos};
	ZSTD_outBuffer dst = {s->buf, STEP, 0};
	size_t r = ZSTD_decompressStream(s->zstd, &dst, &src);
	ZSTD_ErrorCode code = ZSTD_getErrorCode(r);

	s->pos = src.pos;
	s->n = dst.pos;
	s->ended = r == 0;
	if (code == ZSTD_error_memory_allocation)
		return out_of_memory(err);
	if (code == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(err, ERR_UNSUPPORTED,
			       "the window is larger than the %d MiB that are allowed; pack it "
			       "without --long",
			       1 << (ZSTD_WINDOW - 20));
	return ZSTD_isError(r) ? bad_data(s, ZSTD_getErrorName(r), err) : 0;
}

/* ---- all of them */

/* In the order in which they are tried: lzma is only guessed. */
static const struct codec codecs[] = {
	{FILES_GZIP, gzip_starts, true, 0, gzip_begin, gzip_step},
	{FILES_ZSTD, zstd_starts, true, 0, zstd_begin, zstd_step},
	{FILES_XZ, xz_starts, true, 4, xz_begin, xz_step},
	{FILES_LZMA, lzma_starts, false, 0, lzma_begin, xz_step},
};

enum files_wrap unwrap_detect(struct bytes in)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i].starts(in))
			return codecs[i].wrap;
	return FILES_PLAIN;
}

static int unwrap_frame(const struct codec *codec, struct stream *s, struct err *err)
{
	int r = codec->begin(s, err);

	for (s->ended = false; !r && !s->ended;) {
		size_t before = s->pos;

		r = codec->step(s, err);
		if (r)
			return r;
		if (s->n > s->max - s->total)
			return err_set(err, ERR_NO_SPACE,
				       "unpacks to more than %" PRIu64
				       " bytes, the limit for a kernel; is it one?",
				       s->max);
		/* it took nothing and gave nothing: it wants more, and there is no more */
		if (!s->ended && !s->n && s->pos == before)
			return err_set(err, ERR_CORRUPT, "cut off: ends after %zu bytes", s->pos);
		r = io_write_full(s->out, s->buf, s->n, "memfd", err);
		s->total += s->n;
	}
	return r;
}

/* Whether another frame follows; what is neither frame nor padding is an error. */
static int go_on(const struct codec *codec, struct stream *s, bool *ret_more, struct err *err)
{
	size_t end = s->pos;
	struct bytes rest;

	if (codec->padding) {
		while (s->pos < s->in.len && s->in.data[s->pos] == 0)
			s->pos++;
		s->pos -= (s->pos - end) % codec->padding;
	}
	rest = (struct bytes){s->in.data + s->pos, s->in.len - s->pos};
	*ret_more = rest.len != 0;
	if (rest.len && (!codec->concatenates || !codec->starts(rest)))
		return err_set(err, ERR_CORRUPT,
			       "ends at byte %zu, but something else follows, of %zu bytes", s->pos,
			       rest.len);
	return 0;
}

static int unwrap_frames(const struct codec *codec, struct stream *s, struct err *err)
{
	bool more = true;
	int r = 0;

	while (!r && more) {
		r = unwrap_frame(codec, s, err);
		if (!r)
			r = go_on(codec, s, &more, err);
	}
	return r;
}

int unwrap_run(enum files_wrap wrap, struct bytes in, uint64_t max, int out, struct err *err)
{
	struct stream s = {.in = in, .out = out, .max = max, .lzma = LZMA_STREAM_INIT};
	const struct codec *codec = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i].wrap == wrap)
			codec = &codecs[i];
	if (!codec)
		return err_set(err, ERR_UNSUPPORTED, "%s data are not packed",
			       files_wrap_name(wrap));
	s.buf = malloc(STEP);
	r = s.buf ? unwrap_frames(codec, &s, err) : out_of_memory(err);
	inflateEnd(&s.z); /* returns an error, harmlessly, if it was not begun */
	lzma_end(&s.lzma);
	ZSTD_freeDCtx(s.zstd);
	free(s.buf);
	return r;
}
