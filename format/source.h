/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dump once it is open, whatever its format: physical ranges, their bytes, the ELF notes.
 * Formats sit in one table (source.c); each has a probe that says "not mine" without an error.
 */
#ifndef FORMAT_SOURCE_H
#define FORMAT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/range.h"

struct input;
struct source;

/*
 * A thread's window into a source. Owned by the caller, used with one source only; what
 * source_map() returned stays valid until the next source_map() or view_deinit() on the same view.
 */
struct view {
	uint64_t start; /* physical address of data[0] */
	size_t len;     /* bytes at data; 0 = nothing mapped */
	const uint8_t *data;
	void *priv; /* the format's: a mapping or a page buffer */
	size_t priv_len;
};

struct source_ops {
	const char *name; /* "ELF vmcore", "kdump-compressed v6" */
	/*
	 * Is this file of my format? Looks at the first bytes only (`head`, at most 4096).
	 */
	bool (*probe)(struct bytes head);
	/* Open it; takes the input over on success only. */
	int (*open)(struct input *in, const char *path, struct source **ret, struct err *err);
	/* Read bytes at a physical address, all or an error. Thread-safe. */
	int (*read)(const struct source *src, uint64_t phys, void *buf, size_t len,
		    struct err *err);
	/* Make view cover `phys`, and as much behind it as is cheap. Thread-safe per view. */
	int (*map)(const struct source *src, struct view *view, uint64_t phys, struct err *err);
	void (*unmap)(struct view *view);
	void (*destroy)(struct source *src);
};

/* What every format fills in; a format's own struct begins with this. */
struct source {
	const struct source_ops *ops;
	char *path;           /* as opened, for messages; owned */
	uint64_t file_size;   /* 0 if unknown; of what a flattened file carries */
	int fd;               /* of the file, if offsets in the dump are its own; else -1 */
	uint16_t elf_machine; /* EM_*; 0 if the format does not say */
	struct ranges
		ram; /* physical memory of the crashed machine (1st bitmap, PT_LOADs), bytes */
	struct ranges present; /* the part of ram whose bytes are in the dump */
	struct bytes notes;    /* all PT_NOTE contents, concatenated; owned by the source */
	bool incomplete;       /* the dump says of itself that it was cut off, or its stream was */
	/*
	 * /proc/kcore: a running machine, which changes while it is read. To be read by one thread: all
	 * readers of an open file share its bounce buffer, and get each other's bytes (fs/proc/kcore.c,
	 * file->private_data, v4.19 to v6.12).
	 */
	bool live;
};

/*
 * For formats only: begin and end the common part. source_init leaves an object that
 * source_deinit can always take, whatever failed in between.
 */
int source_init(struct source *src, const struct source_ops *ops, const struct input *in,
		const char *path, struct err *err) _must_check_;
void source_deinit(struct source *src);

/*
 * Open a dump: ELF vmcore (a file or /proc/vmcore) or kdump-compressed file, or a flattened file with
 * one of these in it (format/flat.h).
 * ERR_UNSUPPORTED if no format knows it; the message shows the first bytes.
 */
int source_open(const char *path, struct source **ret, struct err *err) _must_check_;

/* May be NULL: none. */
struct source_options {
	bool no_mmap; /* read an ELF file even where it would be mapped (format/window.h) */
	bool cut; /* take a file whose end is missing: what lay there is lost, and the source incomplete */
};

int source_open_with(const char *path, const struct source_options *options, struct source **ret,
		     struct err *err) _must_check_;

/*
 * The same for a file that is open; `name` is what messages call it. Takes fd over on success only.
 */
int source_open_fd(int fd, const char *name, struct source **ret, struct err *err) _must_check_;

/*
 * The same for a file that must be of one format: a program that uses nothing else is linked without the
 * readers of the others. ERR_UNSUPPORTED if it is not.
 */
int source_open_as(const struct source_ops *format, const char *path, struct source **ret,
		   struct err *err) _must_check_;
void source_destroy(struct source *src); /* NULL is fine */

/* From now on [start, end) of physical memory is none of the machine's. It can still be read. */
int source_exclude(struct source *src, uint64_t start, uint64_t end, struct err *err) _must_check_;

/* ERR_NOT_FOUND if a byte of [phys, phys + len) is not in the dump. */
int source_read(const struct source *src, uint64_t phys, void *buf, size_t len,
		struct err *err) _must_check_;

/*
 * Borrow the bytes at `phys`: *ret points at them, *ret_len of them are there (at least 1).
 * The fast path for sequential access: no copy, no system call while the window lasts.
 */
int source_map(const struct source *src, struct view *view, uint64_t phys, const uint8_t **ret,
	       size_t *ret_len, struct err *err) _must_check_;

void view_init(struct view *view);
/* Must come before source_destroy(). */
void view_deinit(const struct source *src, struct view *view);

#endif
