/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that a format's reader reads: a plain one, or the one that a flattened file carries. Offsets
 * and sizes are those of the dump; the readers never see the flattened file's own.
 */
#ifndef FORMAT_INPUT_H
#define FORMAT_INPUT_H

#include "base/bytes.h"
#include "base/range.h"
#include "format/flat.h"

struct input {
	int fd;
	bool may_map;            /* pieces of it may be mapped: format/window.h says when */
	uint64_t size;           /* 0 if unknown */
	bool flattened;          /* then fd has these bytes at other offsets: do not touch it */
	bool may_be_cut;         /* source_options.cut */
	bool cut;                /* a flattened file without end mark: what lies in gaps is lost */
	struct flat_index index; /* of a flattened file */
};

/* Takes fd over on success only. */
int input_create(int fd, struct input **ret, struct err *err) _must_check_;
void input_destroy(struct input *in); /* NULL is fine */

/* As much of the beginning as there is, `cap` bytes at most; *ret points into buf. */
int input_read_head(const struct input *in, uint8_t *buf, size_t cap, struct bytes *ret,
		    struct err *err) _must_check_;

/* All or an error; `what` is what is being read, for messages. Thread-safe. */
int input_read(const struct input *in, void *buf, size_t len, uint64_t off, const char *what,
	       struct err *err) _must_check_;

/*
 * The first stretch of [at, end) that the file has bytes for, as long as it goes on; false if there is
 * none. Gaps of a flattened file read as zeros and need no look. All of a plain file is one stretch.
 */
bool input_next_data(const struct input *in, uint64_t at, uint64_t end, struct range *ret);

/* The same, but only of a file that was cut: in one that is whole, gaps are zeros that were meant. */
bool input_next_known(const struct input *in, uint64_t at, uint64_t end, struct range *ret);

/* A piece of the file in memory, read-only. */
struct input_map {
	void *base; /* NULL: nothing is mapped */
	size_t len; /* of the mapping */
	struct bytes bytes;
};

/*
 * Map a piece that lies inside the file; an empty one needs no mapping. Of a plain file it is a mapping;
 * of a flattened one a copy, which takes memory where there is data (ERR_UNSUPPORTED above 1 GiB of it,
 * or 32 GiB with the gaps).
 */
int input_map(const struct input *in, uint64_t off, uint64_t len, const char *what,
	      struct input_map *ret, struct err *err) _must_check_;
void input_unmap(struct input_map *m); /* one of zeros is fine */

#endif
