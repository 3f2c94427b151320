/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 (FIPS 180-4). Our own because the purgatory, which has no library under it, must compute
 * the same digest as the loader: sha256.c includes nothing but this file and <std….h>. Everywhere else on x86 the
 * CPU's own instructions do it where it has them (sha256_x86.c): a dump is digested whole.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

/* The purgatory is freestanding, and may use no vector register. */
#if defined(__x86_64__) && __STDC_HOSTED__
#define SHA256_HAS_X86 1
#else
#define SHA256_HAS_X86 0
#endif

struct sha256 {
	uint32_t state[8];
	uint64_t total; /* bytes */
	bool hardware;  /* set by sha256_init; a test may clear it */
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t ret[SHA256_SIZE]);

/* Between sha256.c and sha256_x86.c. */
extern const uint32_t sha256_round_key[64];
bool sha256_x86_supported(void);
void sha256_x86_compress(uint32_t state[8], const uint8_t *p, size_t blocks);

#define SHA256_TEXT (2 * SHA256_SIZE + 1)

/* A digest as sha256sum prints it, with a NUL. */
static inline void sha256_text(const uint8_t digest[SHA256_SIZE], char ret[SHA256_TEXT])
{
	for (int i = 0; i < SHA256_SIZE; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	ret[SHA256_TEXT - 1] = '\0';
}

/* Of exactly that text; false: it is none. */
static inline bool sha256_parse(const char *text, uint8_t ret[SHA256_SIZE])
{
	for (int i = 0; i < SHA256_TEXT - 1; i++) {
		int digit = text[i] >= '0' && text[i] <= '9'   ? text[i] - '0'
			    : text[i] >= 'a' && text[i] <= 'f' ? text[i] - 'a' + 10
							       : -1;

		if (digit < 0)
			return false;
		ret[i / 2] = (uint8_t)(i % 2 ? ret[i / 2] | digit : digit << 4);
	}
	return !text[SHA256_TEXT - 1];
}

#endif
