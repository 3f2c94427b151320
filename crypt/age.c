// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/age.h"

#include <sodium.h>
#include <strings.h>

#include "base/num.h"
#include "crypt/age_form.h"
#include "crypt/bech32.h"

#define TAKEN     "an age recipient is \"age1…\" (age-keygen) or \"ssh-ed25519 AAAA…\""
#define SSH_BYTES 51 /* be32 11, "ssh-ed25519", be32 32, the key */

/* A point that gives the same shared secret with every key gives no secret. */
static int check_point(const uint8_t point[32], struct err *err)
{
	static const uint8_t any[32] = {9};
	uint8_t shared[32];

	if (crypto_scalarmult(shared, any, point))
		return err_set(err, ERR_USAGE, "the key is one of those that give no secret");
	return 0;
}

static int parse_ssh(const char *text, struct age_recipient *ret, struct err *err)
{
	static const uint8_t head[] = "\0\0\0\13" AGE_NAME_SSH_ED25519 "\0\0\0\40";
	struct age_recipient r = {.kind = AGE_SSH_ED25519};
	size_t chars, got = 0;

	text += strspn(text, " \t");
	chars = strcspn(text, " \t");
	if (sodium_base642bin(r.ssh_key, sizeof(r.ssh_key), text, chars, NULL, &got, NULL,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    got != SSH_BYTES || memcmp(r.ssh_key, head, sizeof(head) - 1) != 0)
		return err_set(err, ERR_USAGE,
			       "what follows " AGE_NAME_SSH_ED25519 " is no such key in base64");
	if (crypto_sign_ed25519_pk_to_curve25519(r.point, r.ssh_key + sizeof(head) - 1))
		return err_set(err, ERR_USAGE, "the key is no point of the curve");
	*ret = r;
	return 0;
}

static int parse_text(const char *text, struct age_recipient *ret, struct err *err)
{
	struct age_recipient r = {.kind = AGE_X25519};
	size_t word = strcspn(text, " \t");

	if (strnlen(text, AGE_MAX_TEXT) == AGE_MAX_TEXT)
		return err_set(err, ERR_USAGE, "it is too long: " TAKEN);
	if (strncasecmp(text, "AGE-SECRET-KEY", 14) == 0)
		return err_set(err, ERR_USAGE,
			       "it is a secret key, which does not belong here: " TAKEN
			       " (age-keygen -y makes the one of the other)");
	if (word == strlen(AGE_NAME_SSH_ED25519) && memcmp(text, AGE_NAME_SSH_ED25519, word) == 0)
		return parse_ssh(text + word, ret, err);
	if (strncmp(text, "age1", 4) != 0 || strchr(text + 4, '1'))
		return err_set(err, ERR_USAGE, "its kind is not known here: " TAKEN);
	if (bech32_decode(text, "age", r.point, sizeof(r.point), err) || check_point(r.point, err))
		return err->code;
	*ret = r;
	return 0;
}

int age_recipient_parse(const char *text, struct age_recipient *ret, struct err *err)
{
	bool secret = strncasecmp(text, "AGE-SECRET-KEY", 14) == 0;

	if (sodium_init() < 0)
		return err_set(err, ERR_SYSTEM, "libsodium cannot be set up");
	if (parse_text(text, ret, err))
		return err_wrap(err, "recipient \"%.70s\"", secret ? "AGE-SECRET-KEY…" : text);
	return 0;
}

static uint64_t header_size(const struct age_recipient *recipients, size_t n)
{
	uint64_t size = strlen(AGE_INTRO) + strlen(AGE_MAC) + AGE_KEY_TEXT + 1;

	for (size_t i = 0; i < n; i++) {
		size += strlen(AGE_STANZA) + 1 + AGE_KEY_TEXT + 1 + AGE_KEY_TEXT + 1;
		size += recipients[i].kind == AGE_X25519
				? strlen(AGE_NAME_X25519)
				: strlen(AGE_NAME_SSH_ED25519) + 1 + AGE_TAG_TEXT;
	}
	return size;
}

uint64_t age_size(const struct age_recipient *recipients, size_t n, uint64_t plain)
{
	uint64_t chunks = plain ? num_div_up(plain, AGE_CHUNK) : 1, size;

	if (!num_add(plain, chunks * AGE_TAG + AGE_NONCE + header_size(recipients, n), &size))
		return UINT64_MAX;
	return size;
}
