/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is common to a folder of a web server and a bucket of an object store: objects that are put, parts of a file, and how
 * they become one.
 */
#ifndef SEND_STORE_H
#define SEND_STORE_H

#include "send/credentials.h"
#include "send/http.h"
#include "send/job.h"
#include "send/parts.h"

struct store;

/* A request on NAME, or what lies beside it. To be zeroed, and to end with store_call_deinit(). */
struct store_call {
	struct http_call http; /* first */
	struct store *store;
	char suffix[32]; /* behind the name */
	const char *
		query; /* s3: which of the things that can be done with an object; encoded and sorted; borrowed */
	char *own_query;    /* that it may point to; freed with the call */
	uint8_t digest[32]; /* of the body */
};

struct store_ops {
	/* Set target and header of this try. */
	int (*prepare)(struct store_call *call, struct err *err);
	enum http_verdict (*judge)(struct http_call *call, struct err *err);
	/* Does the server answer, and does it let us write? */
	int (*check)(struct store *store, struct err *err);
	/* There will be parts. */
	int (*begin)(struct store *store, struct err *err);
	/* Make this the request that sends a part: number, from 1 on. */
	int (*part)(struct store *store, struct store_call *call, size_t number, struct err *err);
	/* All that will ever be there, is: make one file of it; not whole: labelled as incomplete. */
	int (*finish)(struct store *store, bool whole, struct err *err);
	/* Remove them. */
	int (*abort)(struct store *store, size_t begun, struct err *err);
};

extern const struct store_ops store_https_ops, store_s3_ops;

struct store {
	const struct send_job *job;
	const struct store_ops *ops;
	struct url
		url; /* of the job; its authority is of the bucket, if that is in the host's name */
	struct http *http;
	struct credentials credentials;
	struct parts parts; /* that are there, in order and without a gap */
	char *upload;       /* s3: id, as it stands in a query; NULL: not begun */
	int64_t clock;      /* s3: seconds that the server's clock is ahead of ours */
	bool clock_set;
};

/* `job` stays where it is. */
int store_init(struct store *store, const struct send_job *job, struct err *err) _must_check_;
void store_deinit(struct store *store);

/* Of the name: what is behind the last '/'. */
const char *store_base_name(const struct store *store);

/* Fill in a call whose suffix, query and data are set. */
void store_call_init(struct store *store, struct store_call *call, const char *method);
void store_call_deinit(struct store_call *call);

/* Put an object at NAME with this behind it, and wait for it. */
int store_put(struct store *store, const char *suffix, const void *data, size_t len,
	      struct err *err) _must_check_;

/* Remove NAME with this behind it. ERR_REFUSED or ERR_UNSUPPORTED: we may not. `once`: only one try. */
int store_delete(struct store *store, const char *suffix, bool once, struct err *err) _must_check_;

/*
 * Fetch what lies at NAME, or its parts in the order of their list: its length and digest. ERR_UNSUPPORTED: we may not;
 * ERR_NOT_FOUND: neither is there.
 */
int store_get_digest(struct store *store, struct send_answer *ret, struct err *err) _must_check_;

#endif
