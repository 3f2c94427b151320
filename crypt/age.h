/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encryption to public keys in the age v1 file format (C2SP.org/age): what is written here, stock `age -d` opens. There is no
 * secret in the program that writes it.
 */
#ifndef CRYPT_AGE_H
#define CRYPT_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/out.h"

#define AGE_MAX_RECIPIENTS 16
#define AGE_MAX_TEXT       1024 /* of a recipient */
#define AGE_CHUNK          65536

enum age_kind { AGE_X25519, AGE_SSH_ED25519 };

struct age_recipient {
	enum age_kind kind;
	uint8_t point[32];   /* X25519 public key that is encrypted to */
	uint8_t ssh_key[51]; /* the key's wire form, for the stanza's tag */
};

/* "age1…" (Bech32, BIP 173), or "ssh-ed25519 AAAA… comment". Anything else, "ssh-rsa" too: ERR_USAGE saying what is taken. */
int age_recipient_parse(const char *text, struct age_recipient *ret, struct err *err) _must_check_;

/*
 * An out whose bytes reach `to` encrypted. Takes them in order only (out.sequential), and gives them in order. What is less than
 * a chunk waits in it, through a sync too. After a failed write all that follows fails in the same way. Commit writes the last chunk and commits `to`; leave and abort do the same to `to`: a file that was left lacks its
 * last chunk, and age says so. Takes `to` over, unless it fails. Random numbers are the kernel's (getrandom(2), which waits
 * until they are good).
 */
int age_out_create(struct out *to, const struct age_recipient *recipients, size_t n,
		   struct out **ret, struct err *err) _must_check_;

/* How many bytes a plain file of that size becomes, its header for these recipients included. */
uint64_t age_size(const struct age_recipient *recipients, size_t n, uint64_t plain);

/* What can be known of an encrypted file without a key. */
struct age_info {
	size_t n_recipients;
	char types[128]; /* of their stanzas: "X25519, ssh-ed25519" */
	uint64_t header; /* bytes up to the payload */
	uint64_t chunks;
	uint64_t plain; /* bytes that it has if it is whole */
};

/* Do these first bytes (32 are looked at) say that it is such a file? Armored ones are none. */
bool age_probe(struct bytes head);

/*
 * Check the header's form and that the size is one that such a file can have. What is not: ERR_CORRUPT, naming line or
 * offset. That it is authentic, or its last chunk the last one, only the key can tell.
 */
int age_check(int fd, uint64_t size, const char *name, struct age_info *ret,
	      struct err *err) _must_check_;

#endif
