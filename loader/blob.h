/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes in a sealed memfd: nobody can change or cut them any more, so that what was checked is what the
 * kernel reads from the descriptor, and a mapping of it cannot raise SIGBUS. They lie in memory, never in a file
 * system.
 */
#ifndef LOADER_BLOB_H
#define LOADER_BLOB_H

#include "base/bytes.h"
#include "base/err.h"

struct blob {
	int fd;            /* -1: none (any more) */
	struct bytes data; /* mapped; {NULL, 0} if empty */
};

#define BLOB_NONE ((struct blob){.fd = -1})

/* An empty memfd to be written to; close-on-exec. `name` shows up in /proc/PID/fd. */
int blob_create(const char *name, int *ret_fd, struct err *err) _must_check_;

/* Seal what was written, and map it. On success the blob owns `fd`, else the caller still does. */
int blob_seal(int fd, const char *name, struct blob *ret, struct err *err) _must_check_;

/* Write the first `size` bytes of the file `from` behind what `fd` has; `path` is the file's name for errors. */
int blob_append_file(int fd, int from, uint64_t size, const char *path,
		     struct err *err) _must_check_;

/* A blob of `data`. */
int blob_from_bytes(struct bytes data, const char *name, struct blob *ret,
		    struct err *err) _must_check_;

void blob_unmap(struct bytes data);
void blob_deinit(struct blob *b); /* close and unmap */

#endif
