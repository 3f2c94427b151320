// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/bech32.h"

#include <string.h>

#define CHECKSUM 6 /* characters, at the end */

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* BIP 173: the checksum is a BCH code over GF(32); this takes one more value in. */
static uint32_t polymod(uint32_t sum, unsigned int value)
{
	static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					     0x2a1462b3};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ value;
	for (unsigned int i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

static uint32_t polymod_prefix(const char *prefix)
{
	uint32_t sum = 1;

	for (const char *p = prefix; *p; p++)
		sum = polymod(sum, (unsigned int)*p >> 5);
	sum = polymod(sum, 0);
	for (const char *p = prefix; *p; p++)
		sum = polymod(sum, (unsigned int)*p & 31);
	return sum;
}

/* The five bits of a character, -1 for one that is none of them. */
static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

int bech32_decode(const char *text, const char *prefix, uint8_t *ret, size_t len, struct err *err)
{
	size_t head = strlen(prefix) + 1, total = strlen(text), chars = (len * 8 + 4) / 5;
	uint32_t sum = polymod_prefix(prefix), bits = 0;
	unsigned int n_bits = 0;

	if (total < head || memcmp(text, prefix, head - 1) != 0 || text[head - 1] != '1')
		return err_set(err, ERR_USAGE, "it does not begin with %s1", prefix);
	if (total != head + chars + CHECKSUM)
		return err_set(err, ERR_USAGE, "it has %zu characters, and should have %zu", total,
			       head + chars + CHECKSUM);
	for (size_t i = head; i < total; i++) {
		int v = value_of(text[i]);

		if (v < 0)
			return err_set(err, ERR_USAGE, "character %zu is none of Bech32", i + 1);
		sum = polymod(sum, (unsigned int)v);
	}
	if (sum != 1)
		return err_set(err, ERR_USAGE,
			       "its checksum is wrong: so is one of its characters");
	if (value_of(text[head + chars - 1]) & ((1 << (chars * 5 - len * 8)) - 1))
		return err_set(err, ERR_USAGE, "its last bits belong to no byte, and are not 0");
	for (size_t i = head; i < head + chars; i++) {
		bits = bits << 5 | (uint32_t)value_of(text[i]);
		n_bits += 5;
		if (n_bits >= 8) {
			n_bits -= 8;
			*ret++ = (uint8_t)(bits >> n_bits);
			bits &= (1U << n_bits) - 1;
		}
	}
	return 0;
}
