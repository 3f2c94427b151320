/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sysroot: every file of /proc, /sys, /etc, /boot and /lib that the tool reads is opened through
 * one of these, so that recorded machines can stand in for the real one (`--root DIR`).
 */
#ifndef BASE_ROOT_H
#define BASE_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct root {
	int fd;           /* the folder; -1 for the machine's own "/" */
	const char *path; /* as the user gave it, borrowed; "" for "/" */
};

/* `path` NULL, "" or "/" is the machine itself. The string must outlive the root. */
int root_init(struct root *root, const char *path, struct err *err) _must_check_;
void root_deinit(struct root *root);

/*
 * Open `path` (absolute) below the root. Absolute symbolic links are followed inside the root, and
 * nothing can lead out of it (openat2 RESOLVE_IN_ROOT, kernel 5.6+).
 * Returns a descriptor, or -1 with errno set.
 */
int root_open(const struct root *root, const char *path, int flags);

bool root_exists(const struct root *root, const char *path);

/* Read a whole file of at most `max` bytes; *ret is malloc'ed, NUL-terminated, the caller frees. */
int root_read(const struct root *root, const char *path, size_t max, char **ret, size_t *ret_len,
	      struct err *err) _must_check_;

/* Whether the first line of a small file (sysfs) is this; false if it cannot be read. */
bool root_has_line(const struct root *root, const char *path, const char *want);

/* Read a file that holds one unsigned number and perhaps a newline (sysfs). */
int root_read_u64(const struct root *root, const char *path, uint64_t *ret,
		  struct err *err) _must_check_;

#endif
