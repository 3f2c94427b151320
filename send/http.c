// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "base/utc.h"
#include "send/date.h"

#define MAX_CALLS      4
#define MAX_PAUSE_MS   30000
#define MAX_REDIRECTS  3
#define LEAST_SPEED    64 /* bytes a second: slower is as good as dead */
#define UPLOAD_BUFFER  (256L << 10)
#define WAIT_MS        1000
#define NS_PER_MS      1000000ULL
#define CERT_TOO_EARLY 9 /* X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL */
#define CERT_TOO_LATE  10

/* Where one call stands; on the heap, as libcurl has pointers to it. */
struct http_try {
	struct http *http;
	struct http_call *call;
	CURL *easy;
	struct curl_slist *header;
	char text[CURL_ERROR_SIZE];
	size_t sent;         /* of the body */
	size_t header_bytes; /* of the answer's */
	struct err taken;    /* what was wrong while it was taken in */
	bool flying;
	uint64_t due_ns;     /* of the next try; 0: none */
	uint64_t failing_ns; /* since when */
	unsigned int tries, redirects;
	char *moved; /* where a redirect leads */
};

struct http {
	const struct send_job *job;
	const struct url *url;
	CURLM *multi;
	struct curl_slist *connect_to;
	unsigned int retry_seconds;
	struct http_try *tries[MAX_CALLS];
	uint64_t bytes; /* that went out and came in */
	void (*tell)(void *ctx, uint64_t bytes);
	void *tell_ctx;
	uint64_t told, told_ns;
};

/* ---- what libcurl asks of us */

static size_t give_body(char *to, size_t size, size_t n, void *ctx)
{
	struct http_try *t = ctx;
	size_t len = NUM_MIN(size * n, t->call->len - t->sent);

	if (len)
		memcpy(to, (const char *)t->call->data + t->sent, len);
	t->sent += len;
	t->http->bytes += len;
	return len;
}

static int seek_body(void *ctx, curl_off_t offset, int origin)
{
	struct http_try *t = ctx;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->call->len)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct http_try *t = ctx;
	struct http_call *call = t->call;
	struct http_answer *answer = call->answer;
	size_t len = size * n;
	long status = 0;

	t->http->bytes += len;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->ops->take && status == 200)
		return call->ops->take(call, data, len, &t->taken) ? 0 : len;
	if (len > HTTP_MAX_BODY - answer->body_len) {
		err_set(&t->taken, ERR_CORRUPT, "its answer is longer than %d bytes",
			HTTP_MAX_BODY);
		return 0;
	}
	memcpy(answer->body + answer->body_len, data, len);
	answer->body_len += len;
	answer->body[answer->body_len] = '\0';
	return len;
}

/* The value of a line of the header, if it is that one's and fits. */
static bool is_line(const char *line, size_t len, const char *name, char *ret, size_t size)
{
	size_t at = strlen(name);

	if (len <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
		return false;
	for (at++; at < len && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	while (len > at && strchr(" \t\r\n", line[len - 1]))
		len--;
	if (len - at >= size)
		return false;
	for (size_t i = at; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return false;
	}
	memcpy(ret, line + at, len - at);
	ret[len - at] = '\0';
	return true;
}

static size_t take_header(char *line, size_t size, size_t n, void *ctx)
{
	struct http_try *t = ctx;
	struct http_answer *answer = t->call->answer;
	size_t len = size * n;
	char value[64];
	struct err ignored;
	uint64_t v;

	t->header_bytes += len;
	if (t->header_bytes > HTTP_MAX_HEADER) {
		err_set(&t->taken, ERR_CORRUPT, "its header is longer than %d bytes",
			HTTP_MAX_HEADER);
		return 0;
	}
	if (is_line(line, len, "ETag", answer->etag, sizeof(answer->etag)) ||
	    is_line(line, len, "Location", answer->location, sizeof(answer->location)))
		return len;
	if (is_line(line, len, "Date", value, sizeof(value)) && date_parse(value, &v))
		answer->date = v;
	else if (is_line(line, len, "Retry-After", value, sizeof(value)) &&
		 !num_parse_range(value, 0, MAX_PAUSE_MS / 1000, &v, &ignored))
		answer->retry_after = (unsigned int)v;
	else if (is_line(line, len, "Content-Length", value, sizeof(value)) &&
		 !num_parse_u64(value, &v, &ignored))
		answer->length = v;
	return len;
}

/* ---- a server */

/*
 * Every connection goes to the address, whatever a URL says: nothing is ever resolved. The port's text is the job's, as the
 * certificate is the host's.
 */
static int make_connect_to(struct http *http, struct err *err)
{
	const char *address = http->job->address;
	bool v6 = strchr(address, ':');
	char text[256];

	if (snprintf(text, sizeof(text), "::%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "",
		     http->job->port) >= (int)sizeof(text) ||
	    strspn(address, "0123456789abcdefABCDEF.:") != strlen(address))
		return err_set(err, ERR_USAGE, "'%.80s' is no address", address);
	http->connect_to = curl_slist_append(NULL, text);
	return http->connect_to ? 0 : err_nomem(err, sizeof(text), "a connection");
}

int http_create(const struct send_job *job, const struct url *url, struct http **ret,
		struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return err_nomem(err, sizeof(*http), "connections");
	*http = (struct http){.job = job, .url = url, .retry_seconds = job->retry_seconds};
	r = make_connect_to(http, err);
	if (!r) {
		http->multi = curl_multi_init();
		if (!http->multi)
			r = err_nomem(err, 1, "connections");
	}
	if (r) {
		http_destroy(http);
		return r;
	}
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)MAX_CALLS);
	*ret = http;
	return 0;
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	if (http->multi)
		curl_multi_cleanup(http->multi);
	curl_slist_free_all(http->connect_to);
	free(http);
}

void http_tell(struct http *http, void (*tell)(void *ctx, uint64_t bytes), void *ctx)
{
	http->tell = tell;
	http->tell_ctx = ctx;
	http->told_ns = clock_ns();
}

static void tell(struct http *http)
{
	uint64_t now = clock_ns();

	if (!http->tell || http->bytes == http->told || now - http->told_ns < NS_PER_SECOND)
		return;
	http->told = http->bytes;
	http->told_ns = now;
	http->tell(http->tell_ctx, http->bytes);
}

void http_hurry(struct http *http, unsigned int retry_seconds)
{
	http->retry_seconds = NUM_MIN(http->retry_seconds, retry_seconds);
}

/* ---- one try */

int http_add_line(struct http_call *call, struct err *err, const char *fmt, ...)
{
	va_list args;
	char *line;
	int n;

	if (call->n_lines == HTTP_MAX_LINES)
		return err_set(err, ERR_USAGE, "more than %d lines of a header", HTTP_MAX_LINES);
	va_start(args, fmt);
	n = vasprintf(&line, fmt, args);
	va_end(args);
	if (n < 0)
		return err_nomem(err, 256, "a header");
	call->lines[call->n_lines++] = line;
	return 0;
}

static void forget_lines(struct http_call *call)
{
	for (size_t i = 0; i < call->n_lines; i++) {
		explicit_bzero(call->lines[i], strlen(call->lines[i]));
		free(call->lines[i]);
	}
	call->n_lines = 0;
	free(call->target);
	call->target = NULL;
}

static int append(struct curl_slist **list, const char *line, struct err *err)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (!more)
		return err_nomem(err, strlen(line), "a header");
	*list = more;
	return 0;
}

/* Settings that have to do with whom we speak to, and how. */
static void set_connection(struct http_try *t)
{
	const struct send_job *job = t->http->job;
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, t->http->connect_to);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not the environment's */
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* each connection is a stream of its own, with the whole of TCP's window */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (*job->ca) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, job->ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* no others than these */
	}
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)job->connect_seconds);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)LEAST_SPEED);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)job->stall_seconds);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "lifeboat/" LIFEBOAT_VERSION);
}

static void set_callbacks(struct http_try *t)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->text);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, t);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
}

static int set_method(struct http_try *t)
{
	const char *method = t->call->method;
	bool body = strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
	int r = 0;

	if (strcmp(method, "HEAD") == 0)
		return curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	if (body) {
		/* of POST, too: its body may be as large, and is read in the same way */
		r |= curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		r |= curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->call->len);
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	}
	return r | (int)curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
}

static int set_request(struct http_try *t, struct err *err)
{
	_cleanup_free_ char *url = NULL;
	struct http_call *call = t->call;
	int r = 0;

	if (asprintf(&url, "https://%s%s", t->http->url->authority,
		     t->moved ? t->moved : call->target) < 0) {
		url = NULL;
		return err_nomem(err, URL_MAX, "an address");
	}
	curl_slist_free_all(t->header);
	t->header = NULL;
	/* it would wait a second for an answer to that */
	r = append(&t->header, "Expect:", err);
	for (size_t i = 0; i < call->n_lines && !r; i++)
		r = append(&t->header, call->lines[i], err);
	if (r)
		return r;
	curl_easy_reset(t->easy);
	set_connection(t);
	set_callbacks(t);
	if (set_method(t) || curl_easy_setopt(t->easy, CURLOPT_URL, url) ||
	    /* "a/../b" is a name like any other, and was signed as it is */
	    curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L) ||
	    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->header))
		return err_nomem(err, 1, "a request");
	return 0;
}

static int fly(struct http_try *t, struct err *err)
{
	struct http_call *call = t->call;
	int r;

	forget_lines(call);
	memset(call->answer, 0, offsetof(struct http_answer, body) + 1);
	call->answer->body_len = 0;
	call->answer->length = UINT64_MAX;
	t->sent = t->header_bytes = 0;
	t->due_ns = 0;
	t->taken = (struct err){0};
	*t->text = '\0';
	r = call->ops->prepare(call, err);
	if (!r)
		r = set_request(t, err);
	if (r)
		return r;
	if (curl_multi_add_handle(t->http->multi, t->easy))
		return err_nomem(err, 1, "a request");
	t->flying = true;
	t->tries++;
	return 0;
}

/* ---- what became of it */

/* "PUT https://host/path: …", without the query, which may be what lets one write. */
static void wrap(const struct http_try *t, struct err *err)
{
	const char *target = t->call->target ? t->call->target : "/";
	char plain[512];

	snprintf(plain, sizeof(plain), "%.*s", (int)NUM_MIN(strcspn(target, "?"), 500), target);
	err_wrap(err, "%s https://%.200s%s", t->call->method, t->http->url->authority, plain);
}

static enum http_verdict certificate(const struct http_try *t, struct err *err)
{
	char now[UTC_TEXT] = "?";
	long why = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &why);
	utc_format((uint64_t)time(NULL), now);
	if (why == CERT_TOO_EARLY)
		err_set(err, ERR_REFUSED,
			"its certificate is not yet valid at what we take for the time, %s: either "
			"the clock is wrong, or the certificate is",
			now);
	else if (why == CERT_TOO_LATE)
		err_set(err, ERR_REFUSED, "its certificate has expired; it is %s here", now);
	else
		err_set(err, ERR_REFUSED,
			"we do not trust it: %s; what it has must be signed by one of %s (tls_ca "
			"says another file) and be for %s",
			*t->text ? t->text : "its certificate is not known",
			*t->http->job->ca ? t->http->job->ca : "the usual authorities",
			t->http->url->host);
	return HTTP_NEVER;
}

/* No answer, or half of one. */
static enum http_verdict no_answer(struct http_try *t, CURLcode code, struct err *err)
{
	const char *text = *t->text ? t->text : curl_easy_strerror(code);
	long os = 0;

	if (t->taken.code) {
		*err = t->taken;
		return HTTP_NEVER;
	}
	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return certificate(t, err);
	case CURLE_OUT_OF_MEMORY:
		err_set(err, ERR_NO_MEMORY, "%s", text);
		return HTTP_NEVER;
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
		err_set(err, ERR_USAGE, "%s", text);
		return HTTP_NEVER;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
		err_set(err, ERR_SYSTEM, "%s port %u: %s", t->http->job->address,
			t->http->job->port, os ? strerror((int)os) : text);
		return HTTP_AGAIN;
	case CURLE_OPERATION_TIMEDOUT:
		t->call->doubtful = true;
		err_set(err, ERR_TIMEOUT, "%s", text);
		return HTTP_AGAIN;
	case CURLE_SSL_CONNECT_ERROR:
		t->call->doubtful = true;
		err_set(err, ERR_SYSTEM, "%s; is that a port where https is spoken?", text);
		return HTTP_AGAIN;
	default:
		t->call->doubtful = true;
		err_set(err, ERR_SYSTEM, "%s", text);
		return HTTP_AGAIN;
	}
}

static enum err_code code_of(long status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_REFUSED;
	case 404:
		return ERR_NOT_FOUND;
	case 405:
	case 501:
		return ERR_UNSUPPORTED;
	case 413:
	case 507:
		return ERR_NO_SPACE;
	case 408:
	case 504:
		return ERR_TIMEOUT;
	default:
		return ERR_SYSTEM;
	}
}

/* Of an object store, which says more than a number, this is replaced. */
static const char *what_it_means(long status)
{
	switch (status) {
	case 401:
	case 403:
		return ": it does not let us in: is what https_header or s3_credentials names, or "
		       "the URL's query, what it wants, and still valid?";
	case 405:
		return ": it does not take such requests there";
	case 413:
		return ": it does not take as much at once: raise its limit (nginx: "
		       "client_max_body_size 0)";
	case 507:
		return ": it has no room left";
	default:
		return "";
	}
}

enum http_verdict http_judge(struct http_call *call, struct err *err)
{
	long status = call->answer->status;

	if (status >= 200 && status < 300)
		return HTTP_DONE;
	err_set(err, code_of(status), "the server answered %ld%s", status, what_it_means(status));
	if (status == 408 || status == 429)
		return HTTP_AGAIN;
	if (status >= 500 && status != 501 && status != 505 && status != 507) {
		call->doubtful = true;
		return HTTP_AGAIN;
	}
	return HTTP_NEVER;
}

/* Another place of the same server, by what keeps the method (RFC 9110, 15.4). */
static enum http_verdict redirected(struct http_try *t, struct err *err)
{
	char *to;

	if (++t->redirects > MAX_REDIRECTS) {
		err_set(err, ERR_REFUSED, "it sends us on and on");
		return HTTP_NEVER;
	}
	if (url_same_server(t->http->url, t->call->answer->location, &to, err))
		return HTTP_NEVER;
	free(t->moved);
	t->moved = to;
	return HTTP_AT_ONCE;
}

static enum http_verdict judge(struct http_try *t, CURLcode code, struct err *err)
{
	struct http_answer *answer = t->call->answer;

	if (code)
		return no_answer(t, code, err);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	/* a signature is for one place only: whoever signs has no use for another one */
	if ((answer->status == 307 || answer->status == 308) && *answer->location &&
	    t->http->job->kind == SEND_HTTPS)
		return redirected(t, err);
	return t->call->ops->judge(t->call, err);
}

static uint64_t pause_ms(const struct http_try *t)
{
	unsigned int doublings = NUM_MIN(t->tries ? t->tries - 1 : 0, 5u);
	uint64_t ms = NUM_MIN(1000ULL << doublings, MAX_PAUSE_MS);
	uint16_t dice = 0;

	/* all machines that crash at once shall not come back at once */
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) < 0)
		dice = (uint16_t)clock_ns();
	ms = ms / 2 + ms * dice / (2 * UINT16_MAX);
	return NUM_MAX(ms, t->call->answer->retry_after * 1000ULL);
}

/* False: there is no time for another try. */
static bool plan_again(struct http_try *t)
{
	uint64_t now = clock_ns(), until;

	if (!t->failing_ns)
		t->failing_ns = now;
	until = t->failing_ns + t->http->retry_seconds * NS_PER_SECOND;
	if (t->call->once || now >= until)
		return false;
	t->due_ns = NUM_MIN(now + pause_ms(t) * NS_PER_MS, until);
	return true;
}

static void finish(struct http_try *t, const struct err *err)
{
	t->call->err = *err;
	t->call->finished = true;
	t->due_ns = 0;
}

static void landed(struct http_try *t, CURLcode code)
{
	struct err err = {0};
	enum http_verdict verdict = judge(t, code, &err);

	curl_multi_remove_handle(t->http->multi, t->easy);
	t->flying = false;
	if (verdict == HTTP_DONE) {
		finish(t, &(struct err){0});
		return;
	}
	wrap(t, &err);
	t->call->err = err;
	if (verdict == HTTP_AT_ONCE) {
		t->due_ns = clock_ns();
		return;
	}
	if (verdict == HTTP_AGAIN && plan_again(t))
		return;
	if (verdict == HTTP_AGAIN && t->tries > 1)
		err_wrap(&err, "tried %u times in %" PRIu64 " s", t->tries,
			 (uint64_t)((clock_ns() - t->failing_ns) / NS_PER_SECOND));
	finish(t, &err);
}

/* ---- all of them */

static void forget(struct http_call *call)
{
	struct http_try *t = call->try;

	if (!t)
		return;
	for (size_t i = 0; i < MAX_CALLS; i++) {
		if (t->http->tries[i] == t)
			t->http->tries[i] = NULL;
	}
	if (t->flying)
		curl_multi_remove_handle(t->http->multi, t->easy);
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->header);
	free(t->moved);
	free(t);
	call->try = NULL;
}

void http_call_deinit(struct http_call *call)
{
	forget(call);
	forget_lines(call);
	free(call->answer);
	call->answer = NULL;
}

static int make_try(struct http *http, struct http_call *call, struct err *err)
{
	size_t slot;

	for (slot = 0; slot < MAX_CALLS && http->tries[slot]; slot++)
		;
	if (slot == MAX_CALLS)
		return err_set(err, ERR_SYSTEM, "more than %d requests at a time", MAX_CALLS);
	call->try = calloc(1, sizeof(*call->try));
	if (!call->try)
		return err_nomem(err, sizeof(*call->try), "a request");
	call->try->http = http;
	call->try->call = call;
	http->tries[slot] = call->try;
	call->try->easy = curl_easy_init();
	return call->try->easy ? 0 : err_nomem(err, 1, "a request");
}

int http_start(struct http *http, struct http_call *call, struct err *err)
{
	int r;

	if (!call->answer)
		call->answer = calloc(1, sizeof(*call->answer));
	if (!call->answer)
		return err_nomem(err, sizeof(*call->answer), "an answer");
	forget(call);
	call->finished = call->doubtful = false;
	call->err = (struct err){0};
	r = make_try(http, call, err);
	if (!r)
		r = fly(call->try, err);
	if (r)
		forget(call);
	return r;
}

/* Begin the tries that are due; how long until the next one is. */
static uint64_t start_due(struct http *http, uint64_t ms)
{
	uint64_t now = clock_ns();

	for (size_t i = 0; i < MAX_CALLS; i++) {
		struct http_try *t = http->tries[i];
		struct err err = {0};

		if (!t || !t->due_ns)
			continue;
		if (t->due_ns > now)
			ms = NUM_MIN(ms, (t->due_ns - now) / NS_PER_MS + 1);
		else if (fly(t, &err))
			finish(t, &err);
	}
	return ms;
}

static bool look(struct http *http)
{
	bool finished = false;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_try *t = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) || !t)
			continue;
		landed(t, code);
		finished |= t->call->finished;
	}
	return finished;
}

int http_wait(struct http *http, int fd, unsigned int ms, bool *ret_readable, struct err *err)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
	uint64_t wait = start_due(http, NUM_MIN(ms, WAIT_MS));
	CURLMcode code;
	int running;

	*ret_readable = false;
	code = curl_multi_perform(http->multi, &running);
	if (!code && look(http))
		return 0;
	if (!code)
		code = curl_multi_poll(http->multi, &extra, fd >= 0, (int)wait, NULL);
	if (!code)
		code = curl_multi_perform(http->multi, &running);
	if (code)
		return err_set(err, ERR_SYSTEM, "libcurl: %s", curl_multi_strerror(code));
	look(http);
	tell(http);
	*ret_readable = fd >= 0 && extra.revents;
	return 0;
}

int http_run(struct http *http, struct http_call *call, struct err *err)
{
	bool ignored;
	int r = http_start(http, call, err);

	while (!r && !call->finished)
		r = http_wait(http, -1, WAIT_MS, &ignored, err);
	if (r)
		return r;
	if (call->err.code)
		*err = call->err;
	return call->err.code;
}
