// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/sigv4.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "send/date.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define BLOCK     64 /* of SHA-256 */
#define DAY_LEN   8  /* "20130524" */

void sigv4_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[32])
{
	uint8_t inner[BLOCK] = {0}, outer[BLOCK];
	struct sha256 s;

	if (key_len > BLOCK) {
		sha256_init(&s);
		sha256_update(&s, key, key_len);
		sha256_final(&s, inner);
	} else if (key_len) {
		memcpy(inner, key, key_len);
	}
	for (int i = 0; i < BLOCK; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	sha256_init(&s);
	sha256_update(&s, inner, BLOCK);
	sha256_update(&s, data, len);
	sha256_final(&s, ret);
	sha256_init(&s);
	sha256_update(&s, outer, BLOCK);
	sha256_update(&s, ret, SHA256_SIZE);
	sha256_final(&s, ret);
	explicit_bzero(inner, sizeof(inner));
	explicit_bzero(outer, sizeof(outer));
}

static void hash_text(struct sha256 *s, const char *text)
{
	sha256_update(s, text, strlen(text));
}

/* The digest of the request in its canonical form. */
static void hash_request(const struct sigv4_request *request, const char *names,
			 char ret[SHA256_TEXT])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 s;

	sha256_init(&s);
	for (int i = 0; i < 3; i++) {
		hash_text(&s, i == 0 ? request->method : i == 1 ? request->path : request->query);
		hash_text(&s, "\n");
	}
	for (size_t i = 0; i < request->n_headers; i++) {
		hash_text(&s, request->headers[i].name);
		hash_text(&s, ":");
		hash_text(&s, request->headers[i].value);
		hash_text(&s, "\n");
	}
	hash_text(&s, "\n");
	hash_text(&s, names);
	hash_text(&s, "\n");
	hash_text(&s, request->payload);
	sha256_final(&s, digest);
	sha256_text(digest, ret);
}

static void signing_key(const struct sigv4_key *key, const char *day, uint8_t ret[32])
{
	static const char start[] = "AWS4";
	size_t len = strlen(key->secret);
	char secret[256];

	/* credentials_read() takes no longer one */
	len = len < sizeof(secret) - sizeof(start) ? len : sizeof(secret) - sizeof(start);
	memcpy(secret, start, sizeof(start) - 1);
	memcpy(secret + sizeof(start) - 1, key->secret, len);
	sigv4_hmac(secret, sizeof(start) - 1 + len, day, DAY_LEN, ret);
	sigv4_hmac(ret, 32, key->region, strlen(key->region), ret);
	sigv4_hmac(ret, 32, key->service, strlen(key->service), ret);
	sigv4_hmac(ret, 32, "aws4_request", strlen("aws4_request"), ret);
	explicit_bzero(secret, sizeof(secret));
}

/* "host;x-amz-date", malloc'ed. */
static char *signed_names(const struct sigv4_request *request)
{
	size_t size = 1;
	char *names, *p;

	for (size_t i = 0; i < request->n_headers; i++)
		size += strlen(request->headers[i].name) + 1;
	p = names = malloc(size);
	for (size_t i = 0; p && i < request->n_headers; i++) {
		if (i)
			*p++ = ';';
		p = stpcpy(p, request->headers[i].name);
	}
	if (p)
		*p = '\0';
	return names;
}

int sigv4_authorization(const struct sigv4_key *key, const struct sigv4_request *request,
			char **ret, struct err *err)
{
	_cleanup_free_ char *names = signed_names(request), *scope = NULL, *to_sign = NULL;
	char digest[SHA256_TEXT], signature[SHA256_TEXT], when[DATE_BASIC];
	uint8_t secret[32], mac[32];

	if (!names)
		return err_nomem(err, 256, "a signature");
	if (!date_basic(request->time, when))
		return err_set(err, ERR_USAGE, "the clock is beyond the year 9999");
	hash_request(request, names, digest);
	if (asprintf(&scope, "%.*s/%s/%s/aws4_request", DAY_LEN, when, key->region, key->service) <
	    0) {
		scope = NULL;
		return err_nomem(err, 256, "a signature");
	}
	if (asprintf(&to_sign, ALGORITHM "\n%s\n%s\n%s", when, scope, digest) < 0) {
		to_sign = NULL;
		return err_nomem(err, 256, "a signature");
	}
	signing_key(key, when, secret);
	sigv4_hmac(secret, sizeof(secret), to_sign, strlen(to_sign), mac);
	explicit_bzero(secret, sizeof(secret));
	sha256_text(mac, signature);
	if (asprintf(ret, ALGORITHM " Credential=%s/%s,SignedHeaders=%s,Signature=%s", key->id,
		     scope, names, signature) < 0)
		return err_nomem(err, 512, "a signature");
	return 0;
}
