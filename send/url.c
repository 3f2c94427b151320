// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/url.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"

#define SCHEME     "https://"
#define HTTPS_PORT 443

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

/* Anything that a path or a query may have as it is, percent signs among it. */
static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_unreserved(text[i]) && !strchr("%!$&'()*+,;=:@/?", text[i]))
			return false;
	}
	return true;
}

static int parse_authority(const char *text, size_t len, struct url *url, struct err *err)
{
	const char *end = text + len, *host = text, *host_end, *port;
	uint64_t v = HTTPS_PORT;

	if (!len || memchr(text, '@', len))
		return err_set(err, ERR_USAGE, "it has %s",
			       len ? "a user's name or password in it" : "no host");
	if (*text == '[') {
		host = text + 1;
		host_end = memchr(text, ']', len);
		if (!host_end)
			return err_set(err, ERR_USAGE, "']' is missing");
		port = host_end + 1;
	} else {
		host_end = memchr(text, ':', len);
		host_end = port = host_end ? host_end : end;
	}
	for (const char *p = host; p < host_end; p++) {
		if (!is_unreserved(*p) && !(*p == ':' && host != text))
			return err_set(err, ERR_USAGE, "'%.*s' is no host", (int)len, text);
	}
	if (port < end) {
		char digits[8];

		if (*port != ':' ||
		    snprintf(digits, sizeof(digits), "%.*s", (int)(end - port - 1), port + 1) >=
			    (int)sizeof(digits) ||
		    num_parse_range(digits, 1, 65535, &v, err))
			return err_set(err, ERR_USAGE, "'%.*s' has no port", (int)len, text);
	}
	if (host == host_end)
		return err_set(err, ERR_USAGE, "it has no host");
	url->port = (unsigned int)v;
	/* the usual port is not in the header's "Host:", so it is not in what is signed */
	if (v == HTTPS_PORT)
		len -= (size_t)(end - port);
	url->authority = strndup(text, len);
	url->host = strndup(host, (size_t)(host_end - host));
	return url->authority && url->host ? 0 : err_nomem(err, len, "an address");
}

int url_parse(const char *text, struct url *ret, struct err *err)
{
	_cleanup_(url_deinit) struct url url = {0};
	size_t authority, path;
	const char *rest;
	int r;

	if (strlen(text) > URL_MAX)
		return err_set(err, ERR_USAGE, "an address of %zu bytes", strlen(text));
	if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return err_set(err, ERR_USAGE, "it does not begin with " SCHEME);
	text += strlen(SCHEME);
	authority = strcspn(text, "/?#");
	r = parse_authority(text, authority, &url, err);
	if (r)
		return r;
	rest = text + authority;
	path = strcspn(rest, "?");
	if (!is_plain(rest, strlen(rest)))
		return err_set(err, ERR_USAGE,
			       "it has a character that has to be percent-encoded, or a '#'");
	if (asprintf(&url.path, "%s%.*s", path ? "" : "/", (int)path, rest) < 0)
		url.path = NULL;
	url.query = strdup(rest[path] ? rest + path + 1 : "");
	if (!url.path || !url.query)
		return err_nomem(err, strlen(rest), "an address");
	*ret = url;
	url = (struct url){0};
	return 0;
}

void url_deinit(struct url *url)
{
	free(url->authority);
	free(url->host);
	free(url->path);
	free(url->query);
	*url = (struct url){0};
}

int url_same_server(const struct url *url, const char *location, char **ret, struct err *err)
{
	_cleanup_(url_deinit) struct url to = {0};
	char *target;

	if (location[0] == '/' && location[1] != '/') {
		if (strlen(location) > URL_MAX || !is_plain(location, strlen(location)))
			return err_set(err, ERR_REFUSED, "it sends us to a path that is none");
		target = strdup(location);
	} else {
		if (url_parse(location, &to, err))
			return err_set(err, ERR_REFUSED, "it sends us to what is no https address");
		if (strcasecmp(to.host, url->host) != 0 || to.port != url->port)
			return err_set(err, ERR_REFUSED,
				       "it sends us to another server, %.100s: that has to be "
				       "configured",
				       to.authority);
		if (asprintf(&target, "%s%s%s", to.path, *to.query ? "?" : "", to.query) < 0)
			target = NULL;
	}
	if (!target)
		return err_nomem(err, strlen(location), "an address");
	*ret = target;
	return 0;
}

void url_encode(const char *text, bool keep_slash, FILE *to)
{
	for (; *text; text++) {
		if (is_unreserved(*text) || (keep_slash && *text == '/'))
			fputc(*text, to);
		else
			fprintf(to, "%%%02X", (unsigned char)*text);
	}
}
