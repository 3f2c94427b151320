// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/sha256.h"

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const uint32_t sha256_round_key[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

#define ROTR(x, n)   ((x) >> (n) | (x) << (32 - (n)))
#define BIG0(x)      (ROTR(x, 2) ^ ROTR(x, 13) ^ ROTR(x, 22))
#define BIG1(x)      (ROTR(x, 6) ^ ROTR(x, 11) ^ ROTR(x, 25))
#define SMALL0(x)    (ROTR(x, 7) ^ ROTR(x, 18) ^ (x) >> 3)
#define SMALL1(x)    (ROTR(x, 17) ^ ROTR(x, 19) ^ (x) >> 10)
#define CH(x, y, z)  ((z) ^ ((x) & ((y) ^ (z))))
#define MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* The message schedule lives in 16 words: word j of the block, later the word 16 rounds on. */
#define FIRST(j) (w[j] = load_be32(p + 4 * (j)))
#define NEXT(j)  (w[j] += SMALL1(w[((j) + 14) & 15]) + w[((j) + 9) & 15] + SMALL0(w[((j) + 1) & 15]))

/* One round; instead of moving eight variables by one, the next round names them shifted. */
#define ROUND(a, b, c, d, e, f, g, h, key, word)         \
	do {                                             \
		h += BIG1(e) + CH(e, f, g) + key + word; \
		d += h;                                  \
		h += BIG0(a) + MAJ(a, b, c);             \
	} while (0)

#define ROUNDS8(i, j, WORD)                                                          \
	do {                                                                         \
		ROUND(a, b, c, d, e, f, g, h, sha256_round_key[i], WORD(j));         \
		ROUND(h, a, b, c, d, e, f, g, sha256_round_key[i + 1], WORD(j + 1)); \
		ROUND(g, h, a, b, c, d, e, f, sha256_round_key[i + 2], WORD(j + 2)); \
		ROUND(f, g, h, a, b, c, d, e, sha256_round_key[i + 3], WORD(j + 3)); \
		ROUND(e, f, g, h, a, b, c, d, sha256_round_key[i + 4], WORD(j + 4)); \
		ROUND(d, e, f, g, h, a, b, c, sha256_round_key[i + 5], WORD(j + 5)); \
		ROUND(c, d, e, f, g, h, a, b, sha256_round_key[i + 6], WORD(j + 6)); \
		ROUND(b, c, d, e, f, g, h, a, sha256_round_key[i + 7], WORD(j + 7)); \
	} while (0)

static void compress_one(uint32_t state[8], const uint8_t *p)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t w[16];

	ROUNDS8(0, 0, FIRST);
	ROUNDS8(8, 8, FIRST);
	for (int i = 16; i < 64; i += 16) {
		ROUNDS8(i, 0, NEXT);
		ROUNDS8(i + 8, 8, NEXT);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void compress(struct sha256 *s, const uint8_t *p, size_t blocks)
{
#if SHA256_HAS_X86
	if (s->hardware) {
		sha256_x86_compress(s->state, p, blocks);
		return;
	}
#endif
	for (; blocks; blocks--, p += sizeof(s->block))
		compress_one(s->state, p);
}

void sha256_init(struct sha256 *s)
{
	/* 5.3.3: the same of the square roots of the first eight primes */
	*s = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				       0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
#if SHA256_HAS_X86
	s->hardware = sha256_x86_supported();
#endif
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	size_t used = s->total % sizeof(s->block);
	const uint8_t *p = data;

	s->total += len;
	while (len && (used || len < sizeof(s->block))) {
		s->block[used++] = *p++;
		len--;
		if (used == sizeof(s->block)) {
			compress(s, s->block, 1);
			used = 0;
		}
	}
	if (len >= sizeof(s->block)) {
		compress(s, p, len / sizeof(s->block));
		p += len - len % sizeof(s->block);
		len %= sizeof(s->block);
	}
	for (size_t i = 0; i < len; i++)
		s->block[i] = p[i];
}

void sha256_final(struct sha256 *s, uint8_t ret[SHA256_SIZE])
{
	static const uint8_t padding[64] = {0x80};
	uint64_t bits = s->total * 8;
	size_t used = s->total % sizeof(s->block);
	uint8_t length[8];

	/* a one bit, zeros, and the length in the last eight bytes of a block */
	sha256_update(s, padding, used < 56 ? 56 - used : 120 - used);
	store_be32(length, (uint32_t)(bits >> 32));
	store_be32(length + 4, (uint32_t)bits);
	sha256_update(s, length, sizeof(length));
	for (int i = 0; i < 8; i++)
		store_be32(ret + 4 * i, s->state[i]);
}
