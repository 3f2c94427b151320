/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a dump goes. The filter writes to a struct out and never learns what is behind it: a file
 * here, a remote target elsewhere.
 *
 * Life: create, then pwrite in any order and from several threads, sync, commit. After commit or
 * abort the object is gone. Until commit succeeded, nothing exists under the final name.
 */
#ifndef BASE_OUT_H
#define BASE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct out;

struct out_ops {
	/* Write at an absolute offset; bytes never written read as zero. Thread-safe. */
	int (*pwrite)(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err);
	/* All that was written so far survives a power cut. */
	int (*sync)(struct out *out, struct err *err);
	/* Sync, give it the final name durably, free the object; on failure it is aborted. */
	int (*commit)(struct out *out, struct err *err);
	/* Remove what was written and free the object. */
	void (*abort)(struct out *out);
	/* Keep what was written, synced as far as possible, under its incomplete name; free. */
	void (*leave)(struct out *out);
};

struct out {
	const struct out_ops *ops;
	const char *name; /* final name, for messages; valid as long as the object */
	/*
	 * Write no byte twice: this becomes a stream, and readers disagree on which one counts
	 * (format/flat.h). What is not known yet is left out, and written when it is.
	 */
	bool write_once;
	/*
	 * Takes bytes in order only, each write beginning where the last one ended, and not from several threads at once. Such
	 * an out is write_once, too. format/flat.h makes one that takes them in any order of it.
	 */
	bool sequential;
	/*
	 * If not 0: writes of whole blocks of so many bytes, at a multiple of it and from memory aligned
	 * to it, go past the page cache when they are large.
	 */
	size_t block;
};

/*
 * A file: written as `path`.incomplete, mode 0600; commit renames it to `path`. An existing `path`
 * is ERR_USAGE unless `replace`, and always if it is not a regular file (a device, a folder). A stale
 * .incomplete file is replaced. If the very last step of commit, the fsync of the folder, fails, the
 * whole file stays under its final name and commit reports the failure.
 */
int out_file_create(const char *path, bool replace, struct out **ret, struct err *err) _must_check_;

/*
 * What a pipe or a file takes in order (out.sequential), from where it stands. `fd` stays the caller's, and may be non-blocking;
 * nothing else may write to it. Commit syncs it if it is a file; it has no other name. After a failed write all that follows
 * fails: nobody could tell how much of it arrived.
 */
int out_stream_create(int fd, const char *name, struct out **ret, struct err *err) _must_check_;

#endif
