/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing byte buffer with a ceiling: what hostile input can make us allocate is bounded. */
#ifndef INITRAMFS_BUF_H
#define INITRAMFS_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct buf {
	uint8_t *data; /* malloc'ed, or NULL while empty */
	size_t len, cap;
	size_t max; /* len never exceeds it */
};

/* An empty buffer: `struct buf b = BUF_INIT(limit)`. */
#define BUF_INIT(limit)        \
	{                      \
		.max = (limit) \
	}

void buf_deinit(struct buf *b);

/*
 * Make room for `more` bytes behind len; len itself is unchanged. Beyond `max` is ERR_CORRUPT
 * naming `what`. On failure the buffer is as it was.
 */
int buf_reserve(struct buf *b, size_t more, const char *what, struct err *err) _must_check_;

int buf_append(struct buf *b, const void *data, size_t len, const char *what,
	       struct err *err) _must_check_;
int buf_append_zeros(struct buf *b, size_t len, const char *what, struct err *err) _must_check_;

/* What is in it, borrowed until the buffer changes. */
static inline struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){b->data, b->len};
}

#define _cleanup_buf_ _cleanup_(buf_deinit)

#endif
