/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collection: crashes that could not leave the machine lie in its spool (capture/spool.h), and are sent from here after the next
 * boot, to the first remote target of the configuration that takes them, until one does. The next attempt comes after a minute,
 * then two, up to six hours, for as long as the crash is there: only retention ends it.
 *
 * What is here goes only when each file, read back at the far end, has the digest of what was sent. A far end that cannot be asked
 * gets it all the same, once, and the copy here stays.
 */
#ifndef SERVICE_SEND_H
#define SERVICE_SEND_H

#include "service/sendout.h"

enum send_state {
	SEND_SENT,
	SEND_FAILED,  /* `err` says why; it is tried again later */
	SEND_NOT_DUE, /* its next attempt has its time */
	SEND_BUSY,    /* another process is sending it */
	SEND_WOULD,   /* a dry run: it would be tried now */
};

struct send_outcome {
	enum send_state state;
	const struct sending *sending; /* as it is on record now, or was before it was sent */
	const struct err *err;         /* NULL but for SEND_FAILED */
};

typedef void (*send_fn)(void *ctx, const struct send_outcome *outcome);

struct send {
	const struct service *s;
	const struct config *config;
	const struct recipe *recipe; /* with its remote targets; NULL: made of the configuration */
	const struct target_ops *(*ops_of)(enum target_kind kind); /* NULL: target_ops_of() */
	enum config_keep keep;
	const char *only; /* a crash's folder; NULL: all */
	bool at_once;     /* those that are not due, too */
	bool dry;         /* nothing is sent */
	uint64_t now;     /* seconds since 1970 */
	send_fn tell;     /* may be NULL */
	void *ctx;
};

/*
 * Look for crashes that wait and put those on record that are not yet; forget those that wait no more. *ret_n: how many
 * there are; `ret_n` may be NULL. At boot, and before each run: what has no record is not sent.
 */
int send_enqueue(const struct service *s, const struct config *config, uint64_t now, size_t *ret_n,
		 struct err *err) _must_check_;

/*
 * Send what is due. *ret_left: how many still wait. The error is the first crash's that could not be sent; the others are
 * tried all the same. `only` that does not wait is ERR_USAGE, or ERR_NOT_FOUND.
 */
int send_run(const struct send *send, size_t *ret_left, struct err *err) _must_check_;

/* Seconds until something is due, at most `most`; 0: now. */
uint64_t send_wait(const struct service *s, uint64_t now, uint64_t most);

#endif
