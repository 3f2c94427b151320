// SPDX-License-Identifier: GPL-2.0-or-later
/* Where to, beyond this machine: lines of remote targets taken apart, and what belongs to them. Nothing is looked up. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/reading.h"

#define LETTERS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS   "0123456789"
#define MAX_HOST 253 /* RFC 1035, 2.3.4 */
#define MAX_URL  1024

/* ---- parts of lines */

static bool has_only(const char *text, size_t len, const char *chars)
{
	return len && strspn(text, chars) >= len;
}

/* A name or address of `len` bytes becomes a part of files and of programs' arguments. */
static int take_host(const char *text, size_t len, char **ret, struct err *err)
{
	char host[MAX_HOST + 3];
	struct in6_addr six;
	bool bracket = len > 2 && text[0] == '[' && text[len - 1] == ']';

	if (bracket) {
		text++;
		len -= 2;
	}
	if (!len || len > MAX_HOST)
		return err_set(err, ERR_USAGE, "there is no host in it");
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	if (inet_pton(AF_INET6, host, &six) == 1)
		return reading_copy(host, ret, err);
	if (bracket || *host == '-' || *host == '.' || !has_only(host, len, LETTERS DIGITS "-._"))
		return err_set(err, ERR_USAGE, "'%.*s' is no name or address of a host",
			       KEYVALUE_QUOTE, host);
	return reading_copy(host, ret, err);
}

static int check_user(const char *user, size_t len, struct err *err)
{
	if (len > 64 || !has_only(user, len, LETTERS DIGITS "-._$") || *user == '-')
		return err_set(err, ERR_USAGE, "'%.*s' is no user's name",
			       (int)NUM_MIN(len, (size_t)KEYVALUE_QUOTE), user);
	return 0;
}

static int take_part(const char *text, size_t len, char **ret, struct err *err)
{
	char *copy = strndup(text, len);

	if (!copy)
		return err_nomem(err, len, "the configuration");
	free(*ret);
	*ret = copy;
	return 0;
}

static int take_port(const char *text, size_t len, char **ret, struct err *err)
{
	char port[8];
	uint64_t n;

	if (!has_only(text, len, DIGITS) || len > 5)
		return keyvalue_bad(text, "a port, 1 to 65535", err);
	snprintf(port, sizeof(port), "%.*s", (int)len, text);
	if (num_parse_range(port, 1, 65535, &n, err))
		return err->code;
	snprintf(port, sizeof(port), "%u", (unsigned int)n);
	return reading_copy(port, ret, err);
}

/* ---- nfs */

int reading_set_nfs(struct reading *in, const struct key *key, char *value, struct err *err)
{
	static const char want[] = "SERVER:/EXPORT, with an IPv6 address as [ADDRESS]:/EXPORT";
	const char *colon = *value == '[' ? strstr(value, "]:/") : strstr(value, ":/");
	struct config_target *t;
	size_t len;

	if (strpbrk(value, " \t") || !colon)
		return keyvalue_bad(value, want, err);
	colon += *value == '[';
	len = (size_t)(colon - value);
	if (reading_add_target(in, TARGET_NFS, key->name, value, &t, err) ||
	    take_host(value, len, &t->host, err) || reading_clean_path(colon + 1, &t->export, err))
		return err->code;
	return *t->export ? 0 : reading_copy("/", &t->export, err);
}

/* ---- ssh and sftp */

int reading_set_ssh(struct reading *in, const struct key *key, char *value, struct err *err)
{
	enum target_kind kind = strcmp(key->name, "ssh") == 0 ? TARGET_SSH : TARGET_SFTP;
	const char *at = strrchr(value, '@');
	struct config_target *t;

	if (strpbrk(value, " \t") || !at)
		return keyvalue_bad(value, "USER@HOST", err);
	if (reading_add_target(in, kind, key->name, value, &t, err) ||
	    check_user(value, (size_t)(at - value), err) ||
	    take_part(value, (size_t)(at - value), &t->user, err) ||
	    take_host(at + 1, strlen(at + 1), &t->host, err))
		return err->code;
	return 0;
}

/* ---- URLs */

/* Host and port of what is behind "https://"; *ret_rest: what is behind these, "" or "/…" or "?…". */
static int split_authority(const char *text, char **ret_host, char **ret_port,
			   const char **ret_rest, struct err *err)
{
	size_t len = strcspn(text, "/?"), host = len;
	const char *close = *text == '[' ? memchr(text, ']', len) : NULL;
	const char *colon =
		memchr(close ? close : text, ':', len - (close ? (size_t)(close - text) : 0));

	if (memchr(text, '@', len))
		return err_set(err, ERR_USAGE,
			       "it has a user or password in it: a header or a key belongs into a "
			       "file (https_header, s3_credentials)");
	if (colon) {
		host = (size_t)(colon - text);
		if (take_port(colon + 1, len - host - 1, ret_port, err))
			return err->code;
	}
	if (take_host(text, host, ret_host, err))
		return err->code;
	*ret_rest = text + len;
	return 0;
}

/* "https://HOST:PORT" and `rest`, without the port where it is the usual one. */
static int join_url(const struct config_target *t, const char *rest, char **ret, struct err *err)
{
	bool six = strchr(t->host, ':'), usual = !t->port || strcmp(t->port, "443") == 0;
	char *url;

	if (asprintf(&url, "https://%s%s%s%s%s%s", six ? "[" : "", t->host, six ? "]" : "",
		     usual ? "" : ":", usual ? "" : t->port, rest) < 0)
		return err_nomem(err, MAX_URL, "the configuration");
	free(*ret);
	*ret = url;
	return 0;
}

static int check_url(const char *url, struct err *err)
{
	if (strncmp(url, "http://", 7) == 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "http:// would send the machine's memory in the clear: only "
			       "https:// is taken");
	/* a query can be a secret: it is not shown */
	if (strncmp(url, "https://", 8) != 0 || !url[8])
		return keyvalue_bad(url, "https://HOST[:PORT]/…", err);
	if (strlen(url) > MAX_URL - 16)
		return err_set(err, ERR_USAGE, "a URL of %zu bytes; there can be %d", strlen(url),
			       MAX_URL - 16);
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f ||
		    strchr("\"<>\\^`{|}", *p))
			return err_set(err, ERR_USAGE,
				       "a URL cannot have the character in column %zu: write it as "
				       "%%%02X",
				       (size_t)(p - url) + 1, (unsigned char)*p);
	return 0;
}

int reading_set_https(struct reading *in, const struct key *key, char *value, struct err *err)
{
	_cleanup_free_ char *rest = NULL, *shown = NULL;
	struct config_target *t;
	const char *behind;
	size_t path;

	if (check_url(value, err) || take_part(value, strcspn(value, "?"), &shown, err) ||
	    reading_add_target(in, TARGET_HTTPS, key->name, shown, &t, err) ||
	    split_authority(value + 8, &t->host, &t->port, &behind, err))
		return err->code;
	/* it is a folder's: with a '/' before the query */
	path = strcspn(behind, "?");
	if (asprintf(&rest, "%.*s%s%s", (int)path, behind,
		     path && behind[path - 1] == '/' ? "" : "/", behind + path) < 0) {
		rest = NULL;
		return err_nomem(err, MAX_URL, "the configuration");
	}
	return join_url(t, rest, &t->url, err);
}

/* ---- object stores */

/* Names of buckets, as S3 has them today; one with dots cannot be a part of a host's name under TLS, but of a path. */
static int take_bucket(const char *text, size_t len, char **ret, struct err *err)
{
	if (len < 3 || len > 63 || !has_only(text, len, "abcdefghijklmnopqrstuvwxyz" DIGITS ".-") ||
	    *text == '-' || *text == '.')
		return err_set(err, ERR_USAGE, "'%.*s' is no name of a bucket",
			       (int)NUM_MIN(len, (size_t)KEYVALUE_QUOTE), text);
	return take_part(text, len, ret, err);
}

int reading_set_s3(struct reading *in, const struct key *key, char *value, struct err *err)
{
	struct config_target *t;
	size_t len;

	if (strncmp(value, "s3://", 5) != 0 || strpbrk(value, " \t?"))
		return keyvalue_bad(value, "s3://BUCKET/PREFIX", err);
	len = strcspn(value + 5, "/");
	if (reading_add_target(in, TARGET_S3, key->name, value, &t, err) ||
	    take_bucket(value + 5, len, &t->bucket, err) ||
	    reading_clean_path(value + 5 + len, &t->path, err))
		return err->code;
	in->path_line[in->c->n_targets - 1] = in->line;
	return 0;
}

/* ---- what belongs to them */

static char **member(struct config_target *t, const struct key *key)
{
	return (char **)((char *)t + key->at);
}

/* For all targets of its kinds above it that lack it; else, before the first of them, for all. */
static int give(struct reading *in, const struct key *key, const char *value, struct err *err)
{
	struct config *c = in->c;
	bool any = false, given = false;

	for (size_t i = 0; i < c->n_targets; i++) {
		struct config_target *t = &c->targets[i];

		if (!(key->kinds & 1U << t->kind))
			continue;
		any = true;
		if (*member(t, key))
			continue;
		if (reading_copy(value, member(t, key), err))
			return err->code;
		given = true;
	}
	if (given)
		return 0;
	if (any || *member(&c->common, key))
		return err_set(err, ERR_USAGE,
			       any ? "the targets above it have one already"
				   : "it is there a second time");
	return reading_copy(value, member(&c->common, key), err);
}

int reading_set_remote_file(struct reading *in, const struct key *key, char *value, struct err *err)
{
	_cleanup_free_ char *clean = NULL;

	if (*value != '/')
		return keyvalue_bad(value, "an absolute path", err);
	if (reading_clean_path(value, &clean, err))
		return err->code;
	return *clean ? give(in, key, clean, err) : keyvalue_bad(value, "the path of a file", err);
}

int reading_set_remote_port(struct reading *in, const struct key *key, char *value, struct err *err)
{
	_cleanup_free_ char *port = NULL;

	if (take_port(value, strlen(value), &port, err))
		return err->code;
	return give(in, key, port, err);
}

int reading_set_remote_region(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	if (strlen(value) > 64 || !has_only(value, strlen(value), LETTERS DIGITS "-_"))
		return keyvalue_bad(value, "the name of a region", err);
	return give(in, key, value, err);
}

int reading_set_remote_yes_no(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	bool yes = strcmp(value, "yes") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcmp(value, "no") != 0 && strcmp(value, "0") != 0)
		return keyvalue_bad(value, "yes or no (or 1 or 0)", err);
	return give(in, key, yes ? "yes" : "no", err);
}

/* Of an endpoint host and port are kept besides: they are what is connected to. */
int reading_set_endpoint(struct reading *in, const struct key *key, char *value, struct err *err)
{
	struct config_target probe = {.kind = TARGET_S3};
	_cleanup_free_ char *url = NULL;
	const char *rest;
	int r = check_url(value, err);

	if (!r)
		r = split_authority(value + 8, &probe.host, &probe.port, &rest, err);
	if (!r && *rest && strcmp(rest, "/") != 0)
		r = err_set(err, ERR_USAGE,
			    "an endpoint has no path: bucket and prefix stand behind s3");
	if (!r)
		r = join_url(&probe, "", &url, err);
	reading_free_target(&probe);
	return r ? r : give(in, key, url, err);
}

/* ---- once all lines are read */

static const struct {
	size_t at;
	unsigned int kinds;
} common[] = {
	{offsetof(struct config_target, port), 1U << TARGET_SSH | 1U << TARGET_SFTP},
	{offsetof(struct config_target, key_file), 1U << TARGET_SSH | 1U << TARGET_SFTP},
	{offsetof(struct config_target, known_hosts), 1U << TARGET_SSH | 1U << TARGET_SFTP},
	{offsetof(struct config_target, header), 1U << TARGET_HTTPS},
	{offsetof(struct config_target, credentials), 1U << TARGET_S3},
	{offsetof(struct config_target, url), 1U << TARGET_S3},
	{offsetof(struct config_target, region), 1U << TARGET_S3},
	{offsetof(struct config_target, path_style), 1U << TARGET_S3},
	{offsetof(struct config_target, ca), 1U << TARGET_HTTPS | 1U << TARGET_S3},
};

static int take_common(struct config *c, struct config_target *t, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
		char **to = (char **)((char *)t + common[i].at);
		const char *from = *(char **)((char *)&c->common + common[i].at);

		if (from && !*to && (common[i].kinds & 1U << t->kind) &&
		    reading_copy(from, to, err))
			return err->code;
	}
	return 0;
}

/* Amazon's own store is where no endpoint is said. */
static int finish_s3(struct config_target *t, struct err *err)
{
	char url[MAX_URL];
	const char *rest;

	if (!t->region && reading_copy("us-east-1", &t->region, err))
		return err->code;
	if (!t->url) {
		snprintf(url, sizeof(url), "https://s3.%s.amazonaws.com", t->region);
		if (reading_copy(url, &t->url, err))
			return err->code;
	}
	return split_authority(t->url + 8, &t->host, &t->port, &rest, err);
}

int reading_finish_remote(struct reading *in, struct err *err)
{
	struct config *c = in->c;

	for (size_t i = 0; i < c->n_targets; i++) {
		struct config_target *t = &c->targets[i];

		if (take_common(c, t, err) || (t->kind == TARGET_S3 && finish_s3(t, err)))
			return err_wrap(err, "line %u", t->line);
	}
	return 0;
}
