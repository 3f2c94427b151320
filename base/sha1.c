// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/sha1.h"

#include <string.h>

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The function and the constant of a round: FIPS 180-4, 4.1.1 and 4.2.1. */
static uint32_t mix(unsigned int t, uint32_t b, uint32_t c, uint32_t d)
{
	if (t < 20)
		return ((b & c) | (~b & d)) + 0x5a827999;
	if (t < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (t < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

static void compress(uint32_t state[5], const uint8_t block[64])
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (unsigned int t = 0; t < 80; t++) {
		uint32_t next;

		w[t] = t < 16 ? get_be32(block + 4 * (size_t)t)
			      : rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
		next = rotate(a, 5) + mix(t, b, c, d) + e + w[t];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void sha1_init(struct sha1 *s)
{
	*s = (struct sha1){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void sha1_update(struct sha1 *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		size_t have = (size_t)(s->total % 64), n = len < 64 - have ? len : 64 - have;

		memcpy(s->block + have, p, n);
		s->total += n;
		p += n;
		len -= n;
		if (have + n == 64)
			compress(s->state, s->block);
	}
}

void sha1_final(struct sha1 *s, uint8_t ret[SHA1_SIZE])
{
	static const uint8_t padding[64] = {0x80};
	uint64_t bits = s->total * 8;
	uint8_t length[8];

	for (unsigned int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha1_update(s, padding, 1 + (size_t)(119 - s->total % 64) % 64);
	sha1_update(s, length, sizeof(length));
	for (unsigned int i = 0; i < SHA1_SIZE; i++)
		ret[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha1_hmac(const void *key, size_t key_len, const void *data, size_t len,
	       uint8_t ret[SHA1_SIZE])
{
	uint8_t inner[64] = {0}, outer[64];
	struct sha1 s;

	sha1_init(&s);
	if (key_len > sizeof(inner)) {
		sha1_update(&s, key, key_len);
		sha1_final(&s, inner);
	} else if (key_len) {
		memcpy(inner, key, key_len);
	}
	for (size_t i = 0; i < sizeof(inner); i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	sha1_init(&s);
	sha1_update(&s, inner, sizeof(inner));
	sha1_update(&s, data, len);
	sha1_final(&s, ret);
	sha1_init(&s);
	sha1_update(&s, outer, sizeof(outer));
	sha1_update(&s, ret, SHA1_SIZE);
	sha1_final(&s, ret);
}
