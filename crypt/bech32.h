/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bech32 (BIP 173), without its limit of 90 characters and in small letters only, as age has its public keys. */
#ifndef CRYPT_BECH32_H
#define CRYPT_BECH32_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * "PREFIX1…" of exactly `len` bytes. ERR_USAGE says what is wrong, without the text.
 */
int bech32_decode(const char *text, const char *prefix, uint8_t *ret, size_t len,
		  struct err *err) _must_check_;

#endif
