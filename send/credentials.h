/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server lets us write by. The file lies in the image of every capture, so it shall be worth little: a session's keys, a
 * presigned address, a token that is for dumps only.
 *
 * For S3, a credentials file as Amazon's tools have it, of which the section [default] counts, or what stands before any:
 *
 *   [default]
 *   aws_access_key_id = ASIA…
 *   aws_secret_access_key = …
 *   aws_session_token = …
 *
 * Keys without a session token last until somebody takes them away, and are mostly a user's or the host's own: they are
 * ERR_REFUSED unless the file says
 *
 *   dumps_only = yes
 *
 * which is to say: these were made for this, and can do nothing but s3:PutObject and s3:AbortMultipartUpload below the prefix
 * (docs/decisions/0030-web-targets.md). Amazon's tools ignore it.
 *
 * For https, lines "Name: value" of the request's header, such as "Authorization: Bearer …"; '#' begins a comment.
 */
#ifndef SEND_CREDENTIALS_H
#define SEND_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

#define CREDENTIALS_MAX_SIZE 32768
#define CREDENTIALS_MAX_ID   128
#define CREDENTIALS_MAX_KEY  200 /* of a secret */
#define CREDENTIALS_LINES    16

/* Of zeros to begin with. */
struct credentials {
	char *id, *secret, *token;          /* s3; token: NULL, there is none */
	char *lines[CREDENTIALS_LINES + 1]; /* https; NULL-terminated */
};

/* Messages name the line, and never what is in it. */
int credentials_parse_s3(struct bytes text, const char *name, struct credentials *ret,
			 struct err *err) _must_check_;
int credentials_parse_https(struct bytes text, const char *name, struct credentials *ret,
			    struct err *err) _must_check_;

/* The same of a file, which nobody but its owner may read: else ERR_REFUSED. */
int credentials_read(const char *path, bool s3, struct credentials *ret,
		     struct err *err) _must_check_;

/* Overwrites and frees. */
void credentials_deinit(struct credentials *c);

#endif
