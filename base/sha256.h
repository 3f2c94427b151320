/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 (FIPS 180-4). Our own because the purgatory, which has no library under it, must compute
 * the same digest as the loader: sha256.c includes nothing but this file and <stdint.h>, <stddef.h>.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	uint32_t state[8];
	uint64_t total; /* bytes */
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t ret[SHA256_SIZE]);

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

#endif
