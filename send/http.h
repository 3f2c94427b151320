/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to one server by libcurl, some at a time, each tried again until it is done or there is no hope. No name is resolved,
 * no proxy asked, no other server followed to; every answer is bounded.
 */
#ifndef SEND_HTTP_H
#define SEND_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "send/job.h"
#include "send/url.h"

#define HTTP_MAX_BODY   65536 /* of an answer that is looked at */
#define HTTP_MAX_HEADER 65536 /* all of its lines */
#define HTTP_MAX_LINES  24    /* of a request's header */
#define HTTP_ETAG       256

struct http;
struct http_call;

/* One answer. */
struct http_answer {
	long status;
	char etag[HTTP_ETAG];     /* as it stands there; "" none */
	uint64_t date;            /* seconds since 1970; 0 none */
	uint64_t length;          /* of the body, as the header says; UINT64_MAX: it does not */
	unsigned int retry_after; /* seconds */
	char location[URL_MAX + 1];
	char body[HTTP_MAX_BODY + 1]; /* unless `take` has it; ends with a NUL */
	size_t body_len;
};

enum http_verdict {
	HTTP_DONE,
	HTTP_AGAIN,   /* after a pause */
	HTTP_AT_ONCE, /* again, without one */
	HTTP_NEVER,
};

struct http_ops {
	/* Before each try: set `target`, add the header's lines. */
	int (*prepare)(struct http_call *call, struct err *err);
	/* After each answer; what is not HTTP_DONE sets *err. */
	enum http_verdict (*judge)(struct http_call *call, struct err *err);
	/* Bytes of a body with status 200; NULL: they go to the answer. */
	int (*take)(struct http_call *call, const void *data, size_t len, struct err *err);
};

/* Of zeros, then filled in, then given to http_start() or http_run(), any number of times. */
struct http_call {
	const struct http_ops *ops;
	void *ctx;
	const char *method;
	const void *data; /* body; borrowed */
	size_t len;
	bool once; /* no second try */

	/* by prepare */
	char *target; /* "/path?query", malloc'ed; belongs to the call */
	char *lines[HTTP_MAX_LINES];
	size_t n_lines;

	struct http_answer *answer; /* of the last try */
	bool finished;
	bool doubtful;        /* a try failed such that the server may have done it all the same */
	struct err err;       /* of the last try, or why it is given up; code 0: done */
	struct http_try *try; /* our business */
};

/* `url`: the server, borrowed; what else it has to know is of the job, borrowed, too. */
int http_create(const struct send_job *job, const struct url *url, struct http **ret,
		struct err *err) _must_check_;
void http_destroy(struct http *http); /* after its calls; NULL is fine */

/* A line of the request's header; the call's until the next try. */
int http_add_line(struct http_call *call, struct err *err, const char *fmt, ...) _printf_(3, 4);

/* Begin. *call stays where it is until http_call_deinit(). */
int http_start(struct http *http, struct http_call *call, struct err *err) _must_check_;

/*
 * Let them go on, for so long at most, until one is finished or there is something to read from `fd` (-1: none); whether there is,
 * is in *ret_readable.
 */
int http_wait(struct http *http, int fd, unsigned int ms, bool *ret_readable,
	      struct err *err) _must_check_;

/* Begin and wait for its end; its error is the function's. The others go on meanwhile. */
int http_run(struct http *http, struct http_call *call, struct err *err) _must_check_;

/* Called about once a second with the bytes of bodies that went out and came in, while that gets more. */
void http_tell(struct http *http, void (*tell)(void *ctx, uint64_t bytes), void *ctx);

/* From now on each is tried again for so long at most: for cleaning up. */
void http_hurry(struct http *http, unsigned int retry_seconds);

/* What all answers are to be judged by first: ours to retry, the server's no, or done. */
enum http_verdict http_judge(struct http_call *call, struct err *err);

/* Stops it if it still goes on. */
void http_call_deinit(struct http_call *call);

#endif
