/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that runs beside us and is spoken to through its standard input and output: ssh. It stays in the step's process
 * group, so it ends with the step whatever becomes of it; nothing here has a time limit of its own.
 *
 * What it says on standard error is foreign text: the end of it is kept, bounded, for messages.
 */
#ifndef CAPTURE_PEER_H
#define CAPTURE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PEER_LINE \
	512 /* bytes of a line that are told, the NUL among them; the rest of it is dropped */
#define PEER_SAID 512 /* of what it said last on standard error, made plain */

struct peer;

/* A line of its standard output without its end. */
typedef void (*peer_line_fn)(void *ctx, const char *line);

/*
 * Start argv[0], an absolute path, with an environment of ours. `line` hears what it writes to standard output, whenever one
 * writes to it or waits for it to end; NULL: its output is for peer_read(). `held`, a descriptor or -1, is closed with the peer.
 */
int peer_create(char *const argv[], peer_line_fn line, void *ctx, int held, struct peer **ret,
		struct err *err) _must_check_;

/* End it if it still runs, and forget it; NULL is fine. */
void peer_destroy(struct peer *p);

/*
 * Wait until it has taken all of it. ERR_SYSTEM with err->sys EPIPE: it does not listen any more; peer_finish() tells why. No
 * SIGPIPE comes of it.
 */
int peer_write(struct peer *p, const void *buf, size_t len, struct err *err) _must_check_;

/* Read so many bytes of its standard output. Its end is ERR_SYSTEM with err->sys EPIPE. */
int peer_read(struct peer *p, void *buf, size_t len, struct err *err) _must_check_;

/* Close its standard input, and wait until it has said all and ended. *ret: its exit status, 128 + N after signal N. */
int peer_finish(struct peer *p, int *ret, struct err *err) _must_check_;

/* What it said on standard error, printable, on one line; the end of it if it was long. */
const char *peer_said(struct peer *p);

#endif
