// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/store.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/sha256.h"

/* The bucket is a part of the host's name; its address is that of the endpoint. */
static int virtual_host(struct store *store, struct err *err)
{
	const char *bucket = store->job->bucket;
	char *authority;

	if (asprintf(&authority, "%s.%s", bucket, store->url.authority) < 0)
		return err_nomem(err, URL_MAX, "an address");
	free(store->url.authority);
	store->url.authority = authority;
	if (asprintf(&authority, "%s.%s", bucket, store->url.host) < 0)
		return err_nomem(err, URL_MAX, "an address");
	free(store->url.host);
	store->url.host = authority;
	return 0;
}

static int init_url(struct store *store, struct err *err)
{
	const struct send_job *job = store->job;
	int r = url_parse(job->url, &store->url, err);

	if (r)
		return err_wrap(err, "url");
	if (job->kind == SEND_S3 && !job->path_style && (r = virtual_host(store, err)))
		return r;
	if (strcasecmp(store->url.host, job->host) != 0 || store->url.port != job->port)
		return err_set(err, ERR_USAGE,
			       "url: its host and port are %s and %u, not %s and %u",
			       store->url.host, store->url.port, job->host, job->port);
	if (job->kind == SEND_S3 && *store->url.query)
		return err_set(err, ERR_USAGE, "url: an endpoint has no query");
	return 0;
}

int store_init(struct store *store, const struct send_job *job, struct err *err)
{
	int r;

	*store = (struct store){.job = job,
				.ops = job->kind == SEND_S3 ? &store_s3_ops : &store_https_ops};
	r = init_url(store, err);
	if (!r && *job->credentials)
		r = credentials_read(job->credentials, job->kind == SEND_S3, &store->credentials,
				     err);
	if (!r)
		r = http_create(job, &store->url, &store->http, err);
	if (r)
		store_deinit(store);
	return r;
}

void store_deinit(struct store *store)
{
	http_destroy(store->http);
	credentials_deinit(&store->credentials);
	parts_deinit(&store->parts);
	url_deinit(&store->url);
	free(store->upload);
	*store = (struct store){0};
}

const char *store_base_name(const struct store *store)
{
	const char *slash = strrchr(store->job->name, '/');

	return slash ? slash + 1 : store->job->name;
}

/* ---- calls */

static int prepare(struct http_call *call, struct err *err)
{
	struct store_call *c = call->ctx;

	return c->store->ops->prepare(c, err);
}

static enum http_verdict judge(struct http_call *call, struct err *err)
{
	struct store_call *c = call->ctx;

	return c->store->ops->judge(call, err);
}

static const struct http_ops call_ops = {.prepare = prepare, .judge = judge};

void store_call_init(struct store *store, struct store_call *call, const char *method)
{
	call->store = store;
	call->http.ctx = call;
	call->http.method = method;
	if (!call->http.ops)
		call->http.ops = &call_ops;
}

void store_call_deinit(struct store_call *call)
{
	http_call_deinit(&call->http);
	free(call->own_query);
	call->own_query = NULL;
}

int store_put(struct store *store, const char *suffix, const void *data, size_t len,
	      struct err *err)
{
	_cleanup_(store_call_deinit) struct store_call call = {.http = {.data = data, .len = len}};
	struct sha256 s;

	snprintf(call.suffix, sizeof(call.suffix), "%s", suffix);
	sha256_init(&s);
	sha256_update(&s, data, len);
	sha256_final(&s, call.digest);
	store_call_init(store, &call, "PUT");
	return http_run(store->http, &call.http, err);
}

int store_delete(struct store *store, const char *suffix, bool once, struct err *err)
{
	_cleanup_(store_call_deinit) struct store_call call = {.http.once = once};

	snprintf(call.suffix, sizeof(call.suffix), "%s", suffix);
	store_call_init(store, &call, "DELETE");
	return http_run(store->http, &call.http, err);
}

/* ---- back again */

struct fetch {
	struct store_call call; /* first */
	uint64_t max;           /* bytes */
	uint64_t got;
	struct sha256 sum; /* of the object */
	/* Of the whole file: as it was before this object, which may be tried again, and with it. */
	const struct sha256 *before;
	struct sha256 whole;
	char *text; /* what it says, if that is wanted */
};

static struct fetch *fetch_of(struct http_call *call)
{
	return (struct fetch *)call->ctx;
}

static int fetch_prepare(struct http_call *call, struct err *err)
{
	struct fetch *f = fetch_of(call);

	f->got = 0;
	f->whole = *f->before;
	sha256_init(&f->sum);
	return prepare(call, err);
}

static int fetch_take(struct http_call *call, const void *data, size_t len, struct err *err)
{
	struct fetch *f = fetch_of(call);

	if (len > f->max - f->got)
		return err_set(err, ERR_CORRUPT, "there are more than %" PRIu64 " bytes", f->max);
	if (f->text)
		memcpy(f->text + f->got, data, len);
	f->got += len;
	sha256_update(&f->sum, data, len);
	sha256_update(&f->whole, data, len);
	return 0;
}

static const struct http_ops fetch_ops = {
	.prepare = fetch_prepare, .judge = judge, .take = fetch_take};

/* The fields of `f` that are the caller's are set. */
static int fetch(struct store *store, struct fetch *f, const char *suffix, struct err *err)
{
	int r;

	snprintf(f->call.suffix, sizeof(f->call.suffix), "%s", suffix);
	f->call.http.ops = &fetch_ops;
	sha256_init(&f->sum);
	sha256_final(&f->sum, f->call.digest); /* of no body */
	store_call_init(store, &f->call, "GET");
	r = http_run(store->http, &f->call.http, err);
	store_call_deinit(&f->call);
	return r;
}

static int fetch_list(struct store *store, struct parts *ret, struct err *err)
{
	_cleanup_free_ char *text = malloc(PARTS_MAX_TEXT);
	struct sha256 nothing;
	struct fetch f = {.max = PARTS_MAX_TEXT, .before = &nothing, .text = text};
	int r;

	if (!text)
		return err_nomem(err, PARTS_MAX_TEXT, "a list of parts");
	sha256_init(&nothing);
	r = fetch(store, &f, ".parts", err);
	return r ? r
		 : parts_parse((struct bytes){(uint8_t *)text, f.got}, store_base_name(store), ret,
			       err);
}

static int fetch_parts(struct store *store, struct send_answer *ret, struct err *err)
{
	_cleanup_(parts_deinit) struct parts parts = {0};
	struct sha256 whole;
	int r = fetch_list(store, &parts, err);

	sha256_init(&whole);
	for (size_t i = 0; i < parts.n && !r; i++) {
		struct fetch f = {.max = parts.v[i].bytes, .before = &whole};
		char suffix[PARTS_SUFFIX];
		uint8_t digest[32];

		parts_suffix(i + 1, suffix);
		r = fetch(store, &f, suffix, err);
		if (r)
			break;
		sha256_final(&f.sum, digest);
		if (f.got != parts.v[i].bytes || memcmp(digest, parts.v[i].digest, 32) != 0)
			r = err_set(err, ERR_CORRUPT, "part %zu is not as %s.parts lists it", i + 1,
				    store_base_name(store));
		whole = f.whole;
	}
	if (r)
		return r;
	ret->bytes = parts.bytes;
	ret->parts = parts.n;
	sha256_final(&whole, ret->digest);
	return 0;
}

int store_get_digest(struct store *store, struct send_answer *ret, struct err *err)
{
	uint64_t max = store->job->bytes ? store->job->bytes : UINT64_MAX;
	struct sha256 nothing;
	struct fetch f = {.max = max, .before = &nothing};
	int r;

	sha256_init(&nothing);
	r = fetch(store, &f, "", err);
	if (!r) {
		ret->bytes = f.got;
		ret->parts = 0;
		sha256_final(&f.whole, ret->digest);
	} else if (r == ERR_NOT_FOUND && store->job->kind == SEND_HTTPS) {
		r = fetch_parts(store, ret, err);
	}
	/* credentials that can write only are as they should be */
	if (r == ERR_REFUSED)
		err->code = r = ERR_UNSUPPORTED;
	return r;
}
