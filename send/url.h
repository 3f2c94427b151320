/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of the web (RFC 3986), as far as a folder of a server or an endpoint needs them. */
#ifndef SEND_URL_H
#define SEND_URL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

#define URL_MAX 4096

/* Strings are malloc'ed. */
struct url {
	char *authority; /* "host", "host:8443", "[2001:db8::1]"; as it stands there, without the usual port */
	char *host; /* of it, without brackets */
	unsigned int port;
	char *path;  /* encoded, begins with '/' */
	char *query; /* behind the '?'; "" none */
};

/*
 * "https://HOST[:PORT][/PATH][?QUERY]". No user, no fragment, nothing that had to be encoded; ERR_USAGE says what is wrong without
 * repeating a query, which may be a secret.
 */
int url_parse(const char *text, struct url *ret, struct err *err) _must_check_;
void url_deinit(struct url *url);

/*
 * Where a server sends us to: an https URL of the same host and port, or a path of it. *ret is "/path?query", malloc'ed.
 * ERR_REFUSED: it is somebody else, or nothing of that kind.
 */
int url_same_server(const struct url *url, const char *location, char **ret,
		    struct err *err) _must_check_;

/* Percent-encode all but what is unreserved, and '/' if it parts folders. */
void url_encode(const char *text, bool keep_slash, FILE *to);

#endif
