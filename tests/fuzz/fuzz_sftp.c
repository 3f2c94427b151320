// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The SFTP client against a server that says anything. The first byte chooses the server: even ones give the input as it is, odd
 * ones give it as replies of the right length and number, so that what is behind those is met. Properties: every call returns; one
 * that fails says why; a file's handle fits; a digest counts as many pieces as were read.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "capture/remote.h"
#include "capture/sftp.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
	const uint8_t *data;
	size_t len, at;
	bool helpful;
	uint32_t asked[256]; /* numbers of requests that have no answer */
	size_t n_asked;
	uint8_t reply[65536];
	size_t reply_len, reply_at;
	uint8_t request[16];
	size_t request_len, skip;
};

/* Requests come in pieces: the number is in the first nine bytes of each. */
static int take(void *ctx, const void *buf, size_t len, struct err *err)
{
	struct server *s = ctx;
	const uint8_t *p = buf;

	(void)err;
	for (size_t i = 0; i < len; i++) {
		uint32_t v;

		if (s->skip) {
			s->skip--;
			continue;
		}
		s->request[s->request_len++] = p[i];
		if (s->request_len < 9)
			continue;
		memcpy(&v, s->request, 4);
		v = be32toh(v);
		REQUIRE(v >= 5 && v <= SFTP_PACKET + 1024);
		s->skip = v - 5;
		memcpy(&v, s->request + 5, 4);
		REQUIRE(s->n_asked < 256);
		s->asked[s->n_asked++] = be32toh(v);
		s->request_len = 0;
	}
	return 0;
}

/* The next reply: a byte of length, the type, and what is behind the number. */
static bool make_reply(struct server *s)
{
	size_t len;
	uint32_t v;

	if (s->len - s->at < 2 || !s->n_asked)
		return false;
	len = NUM_MIN((size_t)s->data[s->at] * 4, s->len - s->at - 2);
	v = htobe32((uint32_t)len + 5);
	memcpy(s->reply, &v, 4);
	s->reply[4] = s->data[s->at + 1];
	v = htobe32(s->asked[0]);
	memmove(s->asked, s->asked + 1, --s->n_asked * sizeof(s->asked[0]));
	memcpy(s->reply + 5, &v, 4);
	memcpy(s->reply + 9, s->data + s->at + 2, len);
	s->at += 2 + len;
	s->reply_len = 9 + len;
	s->reply_at = 0;
	return true;
}

static int give(void *ctx, void *buf, size_t len, struct err *err)
{
	struct server *s = ctx;
	uint8_t *to = buf;

	for (size_t i = 0; i < len; i++) {
		if (s->helpful && s->reply_at == s->reply_len && !make_reply(s))
			return err_sys(err, EPIPE, "the end");
		if (!s->helpful && s->at == s->len)
			return err_sys(err, EPIPE, "the end");
		to[i] = s->helpful ? s->reply[s->reply_at++] : s->data[s->at++];
	}
	return 0;
}

static void check(int code, const struct err *err)
{
	REQUIRE(!code || (err->code == code && *err->msg && strlen(err->msg) < sizeof(err->msg)));
}

/* One call of each kind, in an order that the input chooses. */
static void call(struct sftp *s, uint8_t which, struct sftp_file *f, struct err *err)
{
	static const uint8_t piece[100000];
	uint64_t total, available, progress = 0;
	struct sftp_attrs a;
	uint8_t digest[32];

	switch (which % 15) {
	case 0:
		check(sftp_mkdir(s, "/a", 0700, err), err);
		break;
	case 1:
		check(sftp_rmdir(s, "/a", err), err);
		break;
	case 2:
		check(sftp_remove(s, "/a", err), err);
		break;
	case 3:
		check(sftp_lstat(s, "/a", &a, err), err);
		break;
	case 4:
		check(sftp_rename(s, "/a", "/b", err), err);
		break;
	case 5:
		check(sftp_space(s, "/a", &total, &available, err), err);
		break;
	case 6:
		check(sftp_create_file(s, "/a", f, err), err);
		break;
	case 7:
		check(sftp_open(s, "/a", true, f, err), err);
		break;
	case 8:
		check(sftp_close(s, f, err), err);
		break;
	case 9:
		check(sftp_fstat(s, f, &a, err), err);
		break;
	case 10:
		check(sftp_fsync(s, f, err), err);
		break;
	case 11:
		check(sftp_pwrite(s, f, piece, sizeof(piece), UINT64_MAX - 10, err), err);
		break;
	case 12:
		check(sftp_drain(s, err), err);
		break;
	case 13:
		if (!sftp_digest(s, f, 40000, &progress, digest, err))
			REQUIRE(progress == 2);
		break;
	default:
		check(sftp_stat(s, "/a", &a, err), err);
		break;
	}
	REQUIRE(f->len <= SFTP_HANDLE);
}

static void answers(const uint8_t *data, size_t size)
{
	struct remote_answer a = {0};
	char line[PEER_LINE];

	while (size) {
		size_t n = NUM_MIN(size, sizeof(line) - 1), len = 0;

		while (len < n && data[len] && data[len] != '\n')
			len++;
		memcpy(line, data, len);
		line[len] = '\0';
		remote_hear(&a, line);
		REQUIRE(strlen(a.name) < sizeof(a.name) && strlen(a.sha256) < sizeof(a.sha256));
		REQUIRE(a.made <= PATH_MAX);
		len += len < size;
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server *server = calloc(1, sizeof(*server));
	const struct sftp_wire wire = {take, give, server};
	struct sftp_file f = {.len = 4};
	struct err err = {0};
	struct sftp *s = NULL;
	size_t calls;

	REQUIRE(server);
	answers(data, size);
	if (size < 12) {
		free(server);
		return 0;
	}
	calls = data[1] % 10;
	*server = (struct server){.data = data + 12, .len = size - 12, .helpful = data[0] & 1};
	if (sftp_create(&wire, &s, &err)) {
		REQUIRE(!s && err.code && *err.msg);
	} else {
		for (size_t i = 0; i < calls; i++)
			call(s, data[2 + i], &f, &err);
	}
	sftp_destroy(s);
	free(server);
	return 0;
}
