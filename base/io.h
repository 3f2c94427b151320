/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole reads and writes: short counts and EINTR are handled, an unexpected end of file is an
 * error. `name` is what messages call the file; it is not opened.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

int io_pread_full(int fd, void *buf, size_t len, uint64_t off, const char *name,
		  struct err *err) _must_check_;
int io_pwrite_full(int fd, const void *buf, size_t len, uint64_t off, const char *name,
		   struct err *err) _must_check_;
int io_write_full(int fd, const void *buf, size_t len, const char *name,
		  struct err *err) _must_check_;

/*
 * Read from the current position to the end: *ret_data is malloc'ed (the caller frees it) and
 * followed by a NUL that *ret_len does not count. More than `max` bytes is ERR_CORRUPT.
 */
int io_read_all(int fd, size_t max, const char *name, char **ret_data, size_t *ret_len,
		struct err *err) _must_check_;

/* Open `path` read-only and io_read_all it. */
int io_read_file(const char *path, size_t max, char **ret_data, size_t *ret_len,
		 struct err *err) _must_check_;

/*
 * Create `path` for writing, mode 0600, instead of whatever has that name: what an earlier run left
 * there may be readable for others, and a symbolic link may have been planted. -1 with errno set.
 */
int io_create_private(const char *path, int flags);

/*
 * `path` will get its content by a rename: is it free or a regular file? Anything else (a device such
 * as /dev/null, a folder) is ERR_USAGE: the rename would take its place.
 */
int io_check_replaceable(const char *path, struct err *err) _must_check_;

/* Make a folder, mode 0700, and those above it, mode 0755; it is no error if it is there. */
int io_make_folder(const char *path, struct err *err) _must_check_;

/*
 * Wait until no other process has this lock: a file, made if it is not there, mode 0600, for whoever can open it can keep others
 * waiting. Held until the descriptor is closed. -1, and *err says why.
 */
int io_lock(const char *path, struct err *err) _must_check_;

/* fsync the folder that holds `path`, so that a rename or a new name in it survives a power cut. */
int io_sync_parent(const char *path, struct err *err) _must_check_;

/*
 * Write a whole small file durably: NAME.tmp, fsync, rename to NAME, fsync of the folder.
 * Mode 0600. On failure NAME is as it was before.
 */
int io_write_file(const char *path, const void *data, size_t len, struct err *err) _must_check_;

#endif
