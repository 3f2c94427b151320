/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-1 (FIPS 180-4) and HMAC with it (RFC 2104). It protects nothing here: OpenSSH hashes the names in its files of known
 * hosts so, and a name can be found in them in no other way. The libraries that we link have none.
 */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE 20

struct sha1 {
	uint32_t state[5];
	uint64_t total; /* bytes */
	uint8_t block[64];
};

void sha1_init(struct sha1 *s);
void sha1_update(struct sha1 *s, const void *data, size_t len);
void sha1_final(struct sha1 *s, uint8_t ret[SHA1_SIZE]);

void sha1_hmac(const void *key, size_t key_len, const void *data, size_t len,
	       uint8_t ret[SHA1_SIZE]);

#endif
