// SPDX-License-Identifier: GPL-2.0-or-later
/* An object store that speaks S3's protocol (Amazon S3 API reference, version 2006-03-01). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/sha256.h"
#include "base/text.h"
#include "send/date.h"
#include "send/sigv4.h"
#include "send/store.h"
#include "send/xml.h"

#define SERVICE     "s3"
#define MAX_CODE    64  /* of an error's name */
#define MAX_MESSAGE 300 /* of its text, as we repeat it */
#define MAX_UPLOAD  1024

static const uint8_t of_nothing[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
				       0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
				       0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
				       0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

/* ---- each request is signed for its moment */

static uint64_t server_time(const struct store *store)
{
	int64_t now = (int64_t)time(NULL) + store->clock;

	return now < 0 ? 0 : (uint64_t)now;
}

static int make_path(struct store_call *call, char **ret, struct err *err)
{
	const struct store *store = call->store;
	const char *path = store->url.path;
	size_t size, len = strlen(path);
	FILE *to = open_memstream(ret, &size);

	if (!to)
		return err_nomem(err, URL_MAX, "an address");
	fprintf(to, "%s%s", path, len && path[len - 1] == '/' ? "" : "/");
	if (store->job->path_style) {
		url_encode(store->job->bucket, false, to);
		fputc('/', to);
	}
	url_encode(store->job->name, true, to);
	url_encode(call->suffix, true, to);
	return fclose(to) ? err_nomem(err, URL_MAX, "an address") : 0;
}

static int add_lines(struct store_call *call, const char *authorization, const char *payload,
		     const char *when, struct err *err)
{
	const char *token = call->store->credentials.token;
	struct http_call *http = &call->http;
	int r = http_add_line(http, err, "Authorization: %s", authorization);

	if (!r)
		r = http_add_line(http, err, "x-amz-content-sha256: %s", payload);
	if (!r)
		r = http_add_line(http, err, "x-amz-date: %s", when);
	if (!r && token)
		r = http_add_line(http, err, "x-amz-security-token: %s", token);
	return r;
}

static int sign(struct store_call *call, const char *path, struct err *err)
{
	struct store *store = call->store;
	const struct credentials *c = &store->credentials;
	_cleanup_free_ char *authorization = NULL;
	char payload[SHA256_TEXT], when[DATE_BASIC];
	uint64_t now = server_time(store);
	const struct sigv4_key key = {c->id, c->secret, store->job->region, SERVICE};
	const struct sigv4_header headers[] = {{"host", store->url.authority},
					       {"x-amz-content-sha256", payload},
					       {"x-amz-date", when},
					       {"x-amz-security-token", c->token}};
	struct sigv4_request request = {
		.method = call->http.method,
		.path = path,
		.query = call->query ? call->query : "",
		.headers = headers,
		.n_headers = c->token ? 4 : 3,
		.payload = payload,
		.time = now,
	};
	int r;

	sha256_text(call->http.len ? call->digest : of_nothing, payload);
	if (!date_basic(now, when))
		return err_set(err, ERR_USAGE, "the clock is beyond the year 9999");
	r = sigv4_authorization(&key, &request, &authorization, err);
	return r ? r : add_lines(call, authorization, payload, when, err);
}

static int s3_prepare(struct store_call *call, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = make_path(call, &path, err);

	if (!r)
		r = sign(call, path, err);
	if (r)
		return r;
	if (asprintf(&call->http.target, "%s%s%s", path, call->query ? "?" : "",
		     call->query ? call->query : "") < 0) {
		call->http.target = NULL;
		return err_nomem(err, URL_MAX, "an address");
	}
	return 0;
}

/* ---- its answers */

struct s3_error {
	char code[MAX_CODE], message[MAX_MESSAGE];
};

static bool error_of(const struct http_answer *answer, struct s3_error *ret)
{
	char root[MAX_CODE], raw[MAX_MESSAGE];

	*ret = (struct s3_error){0};
	if (!xml_root(answer->body, root, sizeof(root)) || strcmp(root, "Error") != 0 ||
	    !xml_text(answer->body, "Code", raw, sizeof(ret->code)))
		return false;
	text_plain(raw, ret->code, sizeof(ret->code));
	if (xml_text(answer->body, "Message", raw, sizeof(raw)))
		text_plain(raw, ret->message, sizeof(ret->message));
	return true;
}

static bool is_one_of(const char *code, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(code, *list) == 0)
			return true;
	}
	return false;
}

/* Once: the time by which we sign is what the server says it is. It is the one of the certificate. */
static enum http_verdict correct_clock(struct store *store, const struct http_answer *answer,
				       struct err *err)
{
	if (store->clock_set || !answer->date)
		return HTTP_NEVER;
	store->clock_set = true;
	store->clock = (int64_t)answer->date - (int64_t)time(NULL);
	err_set(err, ERR_REFUSED, "our clock is %" PRId64 " s behind the server's", store->clock);
	return HTTP_AT_ONCE;
}

static enum http_verdict judge_error(struct store *store, const struct http_answer *answer,
				     const struct s3_error *e, struct err *err)
{
	static const char *const clock[] = {"RequestTimeTooSkewed", "RequestExpired", NULL};
	static const char *const again[] = {"InternalError",      "SlowDown",
					    "ServiceUnavailable", "RequestTimeout",
					    "OperationAborted",   NULL};
	static const char *const expired[] = {"ExpiredToken", "TokenRefreshRequired", NULL};

	if (is_one_of(e->code, clock))
		return correct_clock(store, answer, err);
	if (is_one_of(e->code, expired))
		err_wrap(err, "the session's keys have expired: they have to be renewed in time");
	return is_one_of(e->code, again) ? HTTP_AGAIN : HTTP_NEVER;
}

static enum http_verdict s3_judge(struct http_call *http, struct err *err)
{
	struct store_call *call = http->ctx;
	const struct http_answer *answer = http->answer;
	enum http_verdict verdict = http_judge(http, err);
	struct s3_error e;

	if (verdict == HTTP_DONE)
		return verdict;
	if (error_of(answer, &e)) {
		enum http_verdict other;

		err_set(err, (enum err_code)err->code, "the server answered %ld %s%s%s",
			answer->status, e.code, *e.message ? ": " : "", e.message);
		other = judge_error(call->store, answer, &e, err);
		if (other != HTTP_NEVER)
			verdict = other;
	}
	if (answer->status / 100 == 3)
		err_wrap(err, "the bucket is elsewhere, at another endpoint or in another region");
	return verdict;
}

/* ---- an object in parts */

static int create_upload(struct store *store, struct err *err)
{
	_cleanup_(store_call_deinit) struct store_call call = {.query = "uploads="};
	char id[MAX_UPLOAD];
	size_t size;
	FILE *to;
	int r;

	store_call_init(store, &call, "POST");
	r = http_run(store->http, &call.http, err);
	if (r)
		return r;
	if (!xml_text(call.http.answer->body, "UploadId", id, sizeof(id)) || !*id)
		return err_set(err, ERR_CORRUPT,
			       "%s: the server began an upload without giving it an id",
			       store->job->host);
	to = open_memstream(&store->upload, &size);
	if (to)
		url_encode(id, false, to);
	if (!to || fclose(to))
		return err_nomem(err, sizeof(id), "an upload's id");
	return 0;
}

static int query_of(const struct store *store, size_t number, char **ret, struct err *err)
{
	int n = number ? asprintf(ret, "partNumber=%zu&uploadId=%s", number, store->upload)
		       : asprintf(ret, "uploadId=%s", store->upload);

	if (n < 0) {
		*ret = NULL;
		return err_nomem(err, MAX_UPLOAD, "a query");
	}
	return 0;
}

static int s3_part(struct store *store, struct store_call *call, size_t number, struct err *err)
{
	char *query;
	int r = query_of(store, number, &query, err);

	if (r)
		return r;
	free(call->own_query);
	call->query = call->own_query = query;
	store_call_init(store, call, "PUT");
	return 0;
}

static int abort_upload(struct store *store, bool once, struct err *err)
{
	_cleanup_(store_call_deinit) struct store_call call = {.http.once = once};
	int r;

	if (!store->upload)
		return 0;
	r = query_of(store, 0, &call.own_query, err);
	if (r)
		return r;
	call.query = call.own_query;
	store_call_init(store, &call, "DELETE");
	r = http_run(store->http, &call.http, err);
	if (!r) {
		free(store->upload);
		store->upload = NULL;
	}
	return r;
}

static int s3_abort(struct store *store, size_t begun, struct err *err)
{
	(void)begun;
	return abort_upload(store, true, err);
}

/* To begin an upload asks for the right to write, and leaves nothing behind when it is given up. */
static int s3_check(struct store *store, struct err *err)
{
	int r = create_upload(store, err);

	if (r)
		return r;
	r = abort_upload(store, false, err);
	return r ? err_wrap(err, "it lets us begin an upload, but not give it up") : 0;
}

/* ---- the end of it */

static int part_list(const struct store *store, char **ret, size_t *ret_len, struct err *err)
{
	FILE *to = open_memstream(ret, ret_len);

	if (!to)
		return err_nomem(err, PARTS_MAX_TEXT, "a list of parts");
	fputs("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", to);
	for (size_t i = 0; i < store->parts.n; i++) {
		fprintf(to, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
		xml_put(store->parts.v[i].etag ? store->parts.v[i].etag : "", to);
		fputs("</ETag></Part>", to);
	}
	fputs("</CompleteMultipartUpload>", to);
	return fclose(to) ? err_nomem(err, PARTS_MAX_TEXT, "a list of parts") : 0;
}

/* It may have taken so long that "200 OK" was said before anybody knew: what counts is in the body. */
static enum http_verdict complete_judge(struct http_call *http, struct err *err)
{
	struct store_call *call = http->ctx;
	enum http_verdict verdict = s3_judge(http, err);
	char root[MAX_CODE];
	struct s3_error e;

	if (verdict != HTTP_DONE)
		return verdict;
	if (xml_root(http->answer->body, root, sizeof(root)) &&
	    strcmp(root, "CompleteMultipartUploadResult") == 0)
		return HTTP_DONE;
	http->doubtful = true;
	if (error_of(http->answer, &e)) {
		err_set(err, ERR_SYSTEM, "the server put nothing together: %s: %s", e.code,
			e.message);
		return judge_error(call->store, http->answer, &e, err);
	}
	err_set(err, ERR_CORRUPT, "the server does not say that it put the parts together");
	return HTTP_AGAIN;
}

static int prepare_any(struct http_call *http, struct err *err)
{
	return s3_prepare(http->ctx, err);
}

static const struct http_ops complete_ops = {.prepare = prepare_any, .judge = complete_judge};

/* An earlier try may have done it, and only its answer was lost: is the object there, as long as it should be? */
static bool is_there(struct store *store)
{
	_cleanup_(store_call_deinit) struct store_call call = {0};
	uint64_t bytes = 0;
	struct err ignored;

	for (size_t i = 0; i < store->parts.n; i++)
		bytes += store->parts.v[i].bytes;
	store_call_init(store, &call, "HEAD");
	return !http_run(store->http, &call.http, &ignored) && call.http.answer->length == bytes;
}

static int complete_upload(struct store *store, struct err *err)
{
	_cleanup_(store_call_deinit) struct store_call call = {.http.ops = &complete_ops};
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct sha256 s;
	int r = query_of(store, 0, &call.own_query, err);

	if (!r)
		r = part_list(store, &text, &len, err);
	if (r)
		return r;
	sha256_init(&s);
	sha256_update(&s, text, len);
	sha256_final(&s, call.digest);
	call.http.data = text;
	call.http.len = len;
	call.query = call.own_query;
	store_call_init(store, &call, "POST");
	r = http_run(store->http, &call.http, err);
	if (r == ERR_NOT_FOUND && call.http.doubtful && is_there(store))
		return 0;
	return r;
}

/* The label comes first: never is there a part of a file under the file's name that nothing says it is one. */
static int put_label(struct store *store, struct err *err)
{
	char digest[SHA256_TEXT], text[512];
	const char *name = store_base_name(store);

	sha256_text(store->parts.digest, digest);
	snprintf(text, sizeof(text),
		 "%.200s beside this is not whole: its end is missing.\n"
		 "bytes %" PRIu64 "\nsha256 %s\n",
		 name, store->parts.bytes, digest);
	return store_put(store, ".incomplete", text, strlen(text), err);
}

static int s3_finish(struct store *store, bool whole, struct err *err)
{
	int r = whole ? 0 : put_label(store, err);

	return r ? r : complete_upload(store, err);
}

const struct store_ops store_s3_ops = {
	.prepare = s3_prepare,
	.judge = s3_judge,
	.check = s3_check,
	.begin = create_upload,
	.part = s3_part,
	.finish = s3_finish,
	.abort = s3_abort,
};
