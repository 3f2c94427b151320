/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signatures of requests to Amazon's services and what speaks like them ("AWS Signature Version 4", described in "Authenticating
 * Requests (AWS Signature Version 4)" of the Amazon S3 API reference). libcurl signs, too, but up to 8.x not S3's paths,
 * queries and tokens as S3 wants them.
 */
#ifndef SEND_SIGV4_H
#define SEND_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* HMAC-SHA-256 (RFC 2104). */
void sigv4_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[32]);

struct sigv4_key {
	const char *id, *secret, *region, *service;
};

struct sigv4_header {
	const char *name; /* in small letters */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *path;  /* percent-encoded once, as it is sent */
	const char *query; /* "a=1&b=": encoded, sorted by name, each with its '=' */
	const struct sigv4_header *headers; /* that are signed, sorted by name */
	size_t n_headers;
	const char *payload; /* SHA-256 of the body in hexadecimal, or UNSIGNED-PAYLOAD */
	uint64_t time;       /* seconds since 1970; what x-amz-date says */
};

/* The value of the header "Authorization", malloc'ed. */
int sigv4_authorization(const struct sigv4_key *key, const struct sigv4_request *request,
			char **ret, struct err *err) _must_check_;

#endif
