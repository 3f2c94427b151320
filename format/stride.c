// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/stride.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define STRIDE 64
#define WORDS  (STRIDE / 8)

/*
 * An LZO1X stream on its way. Tokens are: some literal bytes, then a match 64 bytes back. A match waits
 * until its end is known; up to 3 literals behind it go into its last two bits.
 */
struct stream {
	const uint8_t *src;
	uint8_t *out;
	size_t literals; /* before `at`, not written yet */
	size_t match;    /* bytes of the match before the literals, not written yet */
	size_t at;       /* bytes of src dealt with */
};

/* What has become larger than it may is given up at the end of a struct: that may be its worst. */
size_t stride_bound(size_t len)
{
	return 2 * STRIDE + len / 6 + WORDS * (8 + 1 + 4) + STRIDE;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* A length above what fits its token: so many times 255, as zeros, and the rest. */
static uint8_t *put_length(uint8_t *out, size_t rest)
{
	for (; rest > 255; rest -= 255)
		*out++ = 0;
	*out++ = (uint8_t)rest;
	return out;
}

#define DISTANCE (STRIDE - 1U) /* as the format counts it */

static uint8_t *put_match(uint8_t *out, size_t len, unsigned int state)
{
	if (len <= 8) {
		*out++ = (uint8_t)((len - 1) << 5 | (DISTANCE & 7) << 2 | state);
		*out++ = DISTANCE >> 3;
		return out;
	}
	if (len <= 33) {
		*out++ = (uint8_t)(32 | (len - 2));
	} else {
		*out++ = 32;
		out = put_length(out, len - 33);
	}
	*out++ = (uint8_t)(DISTANCE << 2 | state);
	*out++ = DISTANCE >> 6;
	return out;
}

/* Write the match and the literals behind it that wait. The first token of a stream has no match. */
static void flush(struct stream *s)
{
	const uint8_t *from = s->src + s->at - s->literals;
	size_t n = s->literals;

	if (s->match)
		s->out = put_match(s->out, s->match, n <= 3 ? (unsigned int)n : 0);
	if (!s->match && n <= 238)
		*s->out++ = (uint8_t)(17 + n);
	else if (n > 18)
		s->out = put_length((*s->out = 0, s->out + 1), n - 18);
	else if (n > 3)
		*s->out++ = (uint8_t)(n - 3);
	memcpy(s->out, from, n);
	s->out += n;
	s->literals = 0;
	s->match = 0;
}

static void add_literals(struct stream *s, size_t n)
{
	s->literals += n;
	s->at += n;
}

static void add_match(struct stream *s, size_t n)
{
	if (s->literals)
		flush(s);
	s->match += n;
	s->at += n;
}

/* One struct, by words that are the same as in the one before, or differ in low bytes, or altogether. */
static void add_struct(struct stream *s)
{
	const uint8_t *p = s->src + s->at;

	for (size_t i = 0; i < WORDS; i++, p += 8) {
		uint64_t x = get64(p) ^ get64(p - STRIDE);
		size_t low = x ? 8 - (size_t)__builtin_clzll(x) / 8 : 0;

		/* a match is 3 bytes at least */
		low = low > 5 ? 8 : low;
		if (low)
			add_literals(s, low);
		if (low < 8)
			add_match(s, 8 - low);
	}
}

/*
 * The struct page of most free memory: words 1 and 2 differ from the one before in one or two low bytes, or
 * nothing does. What the general way makes of it, with few stores:
 *
 *   match of what waits and word 0, literals, match of the rest of word 1, literals
 */
static bool add_steady_struct(struct stream *s)
{
	const uint8_t *p = s->src + s->at;
	uint64_t next = get64(p + 8) ^ get64(p + 8 - STRIDE);
	uint64_t prev = get64(p + 16) ^ get64(p + 16 - STRIDE);
	uint64_t others = get64(p) ^ get64(p - STRIDE), token;
	unsigned int n;

	for (size_t i = 3; i < WORDS; i++)
		others |= get64(p + 8 * i) ^ get64(p + 8 * i - STRIDE);
	if (others)
		return false;
	if (!(next | prev)) {
		s->match += STRIDE;
		s->at += STRIDE;
		return true;
	}
	/* a match of 34 to 288 bytes has one length byte */
	if (!next || !prev || (next | prev) > 0xffff || s->match < 26 || s->match > 280)
		return false;
	n = (next | prev) > 0xff ? 2 : 1;
	_Static_assert(DISTANCE >> 6 == 0, "byte 3 of the token");
	token = 0x20 | (uint64_t)(s->match + 8 - 33) << 8 | (uint64_t)(DISTANCE << 2 | n) << 16;
	token = htole64(token);
	memcpy(s->out, &token, 4);
	memcpy(s->out + 4, p + 8, 2);
	s->out += 4 + n;
	s->out[0] = (uint8_t)((7 - n) << 5 | (DISTANCE & 7) << 2 | n);
	s->out[1] = DISTANCE >> 3;
	memcpy(s->out + 2, p + 16, 2);
	s->out += 2 + n;
	s->match = STRIDE - 16 - n;
	s->at += STRIDE;
	return true;
}

/* A quick look at the first structs: are most words like those before them? */
static bool looks_like_it(const uint8_t *src, size_t len)
{
	unsigned int same = 0;

	if (len < 4 * STRIDE || len % STRIDE)
		return false;
	for (size_t i = STRIDE; i < 4 * STRIDE; i += 8)
		same += get64(src + i) == get64(src + i - STRIDE);
	return same >= 15;
}

size_t stride_lzo(const uint8_t *src, size_t len, uint8_t *dst)
{
	struct stream s = {.src = src, .out = dst};

	if (!looks_like_it(src, len))
		return 0;
	add_literals(&s, STRIDE);
	while (s.at < len) {
		if (!s.literals && add_steady_struct(&s))
			continue;
		add_struct(&s);
		/* what a search finds in struct pages of all kinds is a fifth; this has to be better */
		if ((size_t)(s.out - dst) + s.literals > 2 * STRIDE + s.at / 6)
			return 0;
	}
	flush(&s);
	*s.out++ = 0x11; /* the end */
	*s.out++ = 0;
	*s.out++ = 0;
	return (size_t)(s.out - dst);
}
