/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Large writes past the page cache: in a capture kernel of a few megabytes there is hardly any, and what fills it is written
 * twice. A second descriptor of the same file does them; small ones go the usual way.
 */
#ifndef BASE_DIRECT_H
#define BASE_DIRECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct direct {
	int fd; /* -1: the file system has none of it */
	size_t block; /* what is written so is whole blocks of it, aligned to it in the file and in memory; 0: none */
};

/*
 * Open `path` for writing once more; it must be what `fd` is. Blocks are whole pages of the page cache, so that no page
 * is written both ways.
 */
void direct_init(struct direct *d, int fd, const char *path);
void direct_deinit(struct direct *d);

/*
 * Write all of it to `fd`, past the page cache if it is large and aligned. What cannot be written so, whatever the reason,
 * is written through it.
 */
int direct_pwrite(const struct direct *d, int fd, const void *buf, size_t len, uint64_t off,
		  const char *name, struct err *err) _must_check_;

#endif
