// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/age.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/num.h"
#include "crypt/age_form.h"

#define GATHERED   (1UL << 20)                             /* bytes that a disk is given at once */
#define STANZA_MAX 128                                     /* bytes of a recipient's two lines */
#define HEADER_MAX (AGE_MAX_RECIPIENTS * STANZA_MAX + 128) /* with the nonce behind it */

#define LABEL_X25519      "age-encryption.org/v1/X25519"
#define LABEL_SSH_ED25519 "age-encryption.org/v1/ssh-ed25519"

struct age_out {
	struct out out;
	struct out *to;
	uint64_t plain;  /* bytes that came in */
	uint64_t at;     /* bytes that `to` has */
	uint64_t chunks; /* that were encrypted */
	uint8_t key[32]; /* of the payload */
	bool broken;
	struct err why;
	/* What `to` has not got yet: `ready` bytes, and then `fill` plain ones of a chunk, which is encrypted where it lies. */
	uint8_t *buf;
	size_t ready, fill;
};

static struct age_out *age_of(struct out *out)
{
	return (struct age_out *)out;
}

/* ---- the header */

static int get_random(uint8_t *buf, size_t len, struct err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = getrandom(buf + done, len - done, 0);

		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "random numbers for a key");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* HKDF of RFC 5869 with SHA-256 and 32 bytes, which are one block of its output. libsodium has none before 1.0.19. */
static void derive(struct bytes secret, struct bytes salt, const char *info, uint8_t ret[32])
{
	static const uint8_t one = 1;
	crypto_auth_hmacsha256_state mac;
	uint8_t extracted[32];

	crypto_auth_hmacsha256_init(&mac, salt.data, salt.len);
	crypto_auth_hmacsha256_update(&mac, secret.data, secret.len);
	crypto_auth_hmacsha256_final(&mac, extracted);
	crypto_auth_hmacsha256_init(&mac, extracted, sizeof(extracted));
	crypto_auth_hmacsha256_update(&mac, (const uint8_t *)info, strlen(info));
	crypto_auth_hmacsha256_update(&mac, &one, 1);
	crypto_auth_hmacsha256_final(&mac, ret);
	sodium_memzero(extracted, sizeof(extracted));
	sodium_memzero(&mac, sizeof(mac));
}

/* The shared secret of an ssh key is bound to the key: multiplied by what is derived of it. */
static int tweak(const struct age_recipient *r, uint8_t shared[32])
{
	uint8_t factor[32], product[32];
	int failed;

	derive((struct bytes){(const uint8_t *)"", 0},
	       (struct bytes){r->ssh_key, sizeof(r->ssh_key)}, LABEL_SSH_ED25519, factor);
	failed = crypto_scalarmult(product, factor, shared);
	memcpy(shared, product, sizeof(product));
	sodium_memzero(product, sizeof(product));
	return failed;
}

/* The file's key for one recipient: a share of ours, and the key as only who has the other secret can read it. */
struct wrapped {
	uint8_t share[32];
	uint8_t body[AGE_FILE_KEY + AGE_TAG];
};

static int wrap_key(const struct age_recipient *r, const uint8_t key[AGE_FILE_KEY],
		    struct wrapped *ret, struct err *err)
{
	static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	uint8_t secret[32], shared[32], wrap[32], salt[64];
	bool ssh = r->kind == AGE_SSH_ED25519;
	int failed;

	if (get_random(secret, sizeof(secret), err))
		return err->code;
	failed = crypto_scalarmult_base(ret->share, secret) ||
		 crypto_scalarmult(shared, secret, r->point) || (ssh && tweak(r, shared));
	if (!failed) {
		memcpy(salt, ret->share, 32);
		memcpy(salt + 32, r->point, 32);
		derive((struct bytes){shared, sizeof(shared)}, (struct bytes){salt, sizeof(salt)},
		       ssh ? LABEL_SSH_ED25519 : LABEL_X25519, wrap);
		crypto_aead_chacha20poly1305_ietf_encrypt(ret->body, NULL, key, AGE_FILE_KEY, NULL,
							  0, NULL, nonce, wrap);
	}
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(wrap, sizeof(wrap));
	return failed ? err_set(err, ERR_USAGE, "a recipient's key gives no secret") : 0;
}

static char *put_base64(char *at, const uint8_t *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);

	sodium_bin2base64(at, size, data, len, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	return at + size - 1;
}

static char *put_stanza(char *at, const struct age_recipient *r, const struct wrapped *w)
{
	uint8_t digest[32];

	at = stpcpy(at, AGE_STANZA);
	if (r->kind == AGE_SSH_ED25519) {
		crypto_hash_sha256(digest, r->ssh_key, sizeof(r->ssh_key));
		at = stpcpy(at, AGE_NAME_SSH_ED25519 " ");
		at = put_base64(at, digest, 4);
	} else {
		at = stpcpy(at, AGE_NAME_X25519);
	}
	at = stpcpy(at, " ");
	at = put_base64(at, w->share, sizeof(w->share));
	at = stpcpy(at, "\n");
	at = put_base64(at, w->body, sizeof(w->body));
	return stpcpy(at, "\n");
}

/* The line that vouches for all above it, up to its own three dashes. */
static char *put_mac(const char *header, char *at, const uint8_t key[AGE_FILE_KEY])
{
	uint8_t mac_key[32], mac[32];

	derive((struct bytes){key, AGE_FILE_KEY}, (struct bytes){(const uint8_t *)"", 0}, "header",
	       mac_key);
	at = stpcpy(at, AGE_MAC);
	crypto_auth_hmacsha256(mac, (const uint8_t *)header, (size_t)(at - header) - 1, mac_key);
	sodium_memzero(mac_key, sizeof(mac_key));
	at = put_base64(at, mac, sizeof(mac));
	return stpcpy(at, "\n");
}

static int check_broken(const struct age_out *a, struct err *err)
{
	if (a->broken)
		*err = a->why;
	return a->broken ? err->code : 0;
}

/* Write the first `len` bytes of what is ready. */
static int write_ready(struct age_out *a, size_t len, struct err *err)
{
	if (len && a->to->ops->pwrite(a->to, a->buf, len, a->at, err)) {
		a->broken = true;
		a->why = *err;
		return err->code;
	}
	a->at += len;
	a->ready -= len;
	memmove(a->buf, a->buf + len, a->ready);
	return 0;
}

/* A disk gets large pieces of whole blocks, which go past the page cache; others get at once what there is. */
static int write_pieces(struct age_out *a, struct err *err)
{
	size_t block = a->to->block;

	if (!block)
		return write_ready(a, a->ready, err);
	return a->ready < GATHERED ? 0 : write_ready(a, num_align_down(a->ready, block), err);
}

static int write_header(struct age_out *a, const struct age_recipient *recipients, size_t n,
			const uint8_t key[AGE_FILE_KEY], struct err *err)
{
	char *header = (char *)a->buf, *at = stpcpy(header, AGE_INTRO);
	uint8_t nonce[AGE_NONCE];

	for (size_t i = 0; i < n; i++) {
		struct wrapped w;

		if (wrap_key(&recipients[i], key, &w, err))
			return err->code;
		at = put_stanza(at, &recipients[i], &w);
	}
	at = put_mac(header, at, key);
	if (get_random(nonce, sizeof(nonce), err))
		return err->code;
	memcpy(at, nonce, sizeof(nonce));
	at += sizeof(nonce);
	derive((struct bytes){key, AGE_FILE_KEY}, (struct bytes){nonce, sizeof(nonce)}, "payload",
	       a->key);
	a->ready = (size_t)(at - header);
	return write_pieces(a, err);
}

/* ---- the payload */

/* Encrypt a chunk, which may be the one that was gathered, and write it. */
static int write_chunk(struct age_out *a, const uint8_t *data, size_t len, bool last,
		       struct err *err)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};
	uint64_t number = htobe64(a->chunks);

	/* eleven bytes of the number, and whether it is the last */
	memcpy(nonce + 3, &number, sizeof(number));
	nonce[11] = last;
	crypto_aead_chacha20poly1305_ietf_encrypt(a->buf + a->ready, NULL, data, len, NULL, 0, NULL,
						  nonce, a->key);
	a->chunks++;
	a->fill = 0;
	a->ready += len + AGE_TAG;
	return write_pieces(a, err);
}

/* The chunk that was gathered. */
static int write_gathered(struct age_out *a, bool last, struct err *err)
{
	return write_chunk(a, a->buf + a->ready, a->fill, last, err);
}

/* A full chunk is kept until it is known whether more comes: the last one is marked. */
static int take(struct age_out *a, const uint8_t *data, size_t len, struct err *err)
{
	while (len) {
		size_t part;

		if (a->fill == AGE_CHUNK && write_gathered(a, false, err))
			return err->code;
		if (!a->fill && len > AGE_CHUNK) {
			if (write_chunk(a, data, AGE_CHUNK, false, err))
				return err->code;
			part = AGE_CHUNK;
		} else {
			part = NUM_MIN(len, AGE_CHUNK - a->fill);
			memcpy(a->buf + a->ready + a->fill, data, part);
			a->fill += part;
		}
		data += part;
		len -= part;
	}
	return 0;
}

static int age_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct age_out *a = age_of(out);

	if (check_broken(a, err))
		return err->code;
	if (off != a->plain)
		return err_sys(err, ESPIPE,
			       "%s: write at %" PRIu64 " of a stream that is at %" PRIu64,
			       out->name, off, a->plain);
	a->plain += len;
	return take(a, buf, len, err);
}

/* Write all that is encrypted. What is plain stays behind it. */
static int write_all(struct age_out *a, struct err *err)
{
	const uint8_t *plain = a->buf + a->ready;
	int r = check_broken(a, err);

	if (!r)
		r = write_ready(a, a->ready, err);
	if (!r)
		memmove(a->buf, plain, a->fill);
	return r;
}

static int age_sync(struct out *out, struct err *err)
{
	struct age_out *a = age_of(out);
	int r = write_all(a, err);

	return r ? r : a->to->ops->sync(a->to, err);
}

static struct out *age_free(struct age_out *a)
{
	struct out *to = a->to;

	free(a->buf);
	sodium_memzero(a, sizeof(*a));
	free(a);
	return to;
}

static int age_commit(struct out *out, struct err *err)
{
	struct age_out *a = age_of(out);
	int r = check_broken(a, err);
	struct out *to;

	if (!r)
		r = write_gathered(a, true, err);
	if (!r)
		r = write_all(a, err);
	to = age_free(a);
	if (!r)
		return to->ops->commit(to, err);
	to->ops->abort(to);
	return r;
}

static void age_abort(struct out *out)
{
	struct out *to = age_free(age_of(out));

	to->ops->abort(to);
}

static void age_leave(struct out *out)
{
	struct err ignored;
	struct out *to;

	if (write_all(age_of(out), &ignored)) {
		/* then there is less of it */
	}
	to = age_free(age_of(out));
	to->ops->leave(to);
}

static const struct out_ops age_ops = {
	.pwrite = age_pwrite,
	.sync = age_sync,
	.commit = age_commit,
	.abort = age_abort,
	.leave = age_leave,
};

int age_out_create(struct out *to, const struct age_recipient *recipients, size_t n,
		   struct out **ret, struct err *err)
{
	size_t size = (to->block ? GATHERED : 0) + HEADER_MAX + AGE_CHUNK + AGE_TAG;
	uint8_t key[AGE_FILE_KEY];
	struct age_out *a;
	int r;

	if (!n || n > AGE_MAX_RECIPIENTS)
		return err_set(err, ERR_USAGE, "%zu recipients to encrypt to: there are 1 to %d", n,
			       AGE_MAX_RECIPIENTS);
	if (sodium_init() < 0)
		return err_set(err, ERR_SYSTEM, "libsodium cannot be set up");
	a = calloc(1, sizeof(*a));
	if (!a || posix_memalign((void **)&a->buf, NUM_MAX(to->block, (size_t)64), size)) {
		free(a);
		return err_nomem(err, size, to->name);
	}
	a->out = (struct out){
		.ops = &age_ops, .name = to->name, .write_once = true, .sequential = true};
	a->to = to;
	r = get_random(key, sizeof(key), err);
	if (!r)
		r = write_header(a, recipients, n, key, err);
	sodium_memzero(key, sizeof(key));
	if (r) {
		age_free(a);
		return r;
	}
	*ret = &a->out;
	return 0;
}
