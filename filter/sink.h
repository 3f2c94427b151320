/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that is being written, whatever its format. The pipeline hands over batches of pages and does
 * not know what becomes of them.
 */
#ifndef FILTER_SINK_H
#define FILTER_SINK_H

#include "base/out.h"
#include "base/range.h"
#include "filter/filter.h"
#include "filter/keep.h"

enum sink_page_kind {
	SINK_DATA,
	SINK_ZERO,   /* a page of zeros, without data; only if the level has LEVEL_ZERO */
	SINK_SHARED, /* its data is what sink_place() wrote at `at` */
	SINK_LOST,   /* it could not be read */
};

/* One kept page of a batch. */
struct sink_page {
	enum sink_page_kind kind;
	enum codec codec; /* of its data */
	uint32_t size;    /* bytes of data: 0 but for SINK_DATA and SINK_SHARED */
	uint64_t rank;    /* among all kept pages */
	uint64_t at;      /* of SINK_SHARED */
};

/* Kept pages in any order. The fewer gaps between their ranks the better. */
struct sink_batch {
	uint64_t base; /* ranks are counted from this one on: 0 but for a part of a split dump */
	const struct sink_page *pages;
	size_t n;
	/*
	 * Of SINK_DATA pages, one behind the other; with out->block it begins at a multiple of that, and
	 * there are zeros behind it up to the next one. Where a batch is for several files of a split dump
	 * only the first part begins so, and what lies behind a part is something that may be read.
	 */
	const uint8_t *data;
	size_t len;
};

/* What one file of a split dump has. */
struct sink_part {
	uint64_t start, end; /* page frames */
	uint64_t rank;       /* of its first kept page among all kept pages */
	uint64_t n_kept;
};

/* What a sink is made from. All of it is borrowed for the sink's life, and does not change. */
struct sink_task {
	const struct image *img;
	const struct filter_options *options;
	const struct ranges *ram; /* page frames of the machine */
	const struct keep *keep;  /* of these, the ones to write */
	struct out *out;
	const struct sink_part *part; /* NULL: the file has all of it; ranks are within the part */
};

struct sink;

struct sink_ops {
	/* Batches may come in any order and from several threads. */
	int (*write)(struct sink *sink, const struct sink_batch *batch, struct err *err);
	/* NULL: each page needs data of its own. */
	int (*place)(struct sink *sink, const void *data, size_t len, uint64_t *ret_at,
		     struct err *err);
	int (*finish)(struct sink *sink, bool keep_incomplete, uint64_t *ret_size, struct err *err);
	void (*destroy)(struct sink *sink);
};

/* What every format's own struct begins with. */
struct sink {
	const struct sink_ops *ops;
	struct sink_task task;
	uint64_t base; /* bytes of the file without page data */
};

/*
 * Begin the file that task->options->format names: all but the page data, and marked incomplete. If
 * task->out->write_once, the header is left out until the end: then its absence is the mark.
 */
int sink_create(const struct sink_task *task, struct sink **ret, struct err *err) _must_check_;
void sink_destroy(struct sink *sink); /* NULL is fine; does not touch the struct out */

/* Write a batch. Thread-safe. */
int sink_write(struct sink *sink, const struct sink_batch *batch, struct err *err) _must_check_;

/* Write data that several pages have in common; only of formats that have ops->place. Thread-safe. */
int sink_place(struct sink *sink, const void *data, size_t len, uint64_t *ret_at,
	       struct err *err) _must_check_;

/*
 * Sync, take the mark away unless `keep_incomplete`, sync. If that fails, the mark is put back as far as
 * the output lets us. *ret_size is the file's size.
 */
int sink_finish(struct sink *sink, bool keep_incomplete, uint64_t *ret_size,
		struct err *err) _must_check_;

/*
 * The end that all formats share: `mark` writes the header with or without the mark, which is the first
 * thing in the file, or the last one if the output takes no byte twice. For formats only.
 */
int sink_settle(struct sink *sink, bool keep_incomplete,
		int (*mark)(struct sink *sink, bool incomplete, struct err *err),
		struct err *err) _must_check_;

#endif
