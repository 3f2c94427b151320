/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A view's window onto an input (format/input.h): bytes of the file around one offset, mapped or read. More
 * is given out at once while access goes on without gaps.
 *
 * Only /proc/vmcore is mapped: reading it is slow, and a mapping of it cannot fail later, because mmap() itself
 * fills in the page tables (remap_pfn_range in mmap_vmcore() of fs/proc/vmcore.c). Other files have a page cache
 * behind them. There the copy that a read makes costs no more than the page faults of a mapping, and a page that
 * cannot be given (the file was cut meanwhile, the disk fails) is an error of that page and not the end of the
 * process.
 */
#ifndef FORMAT_WINDOW_H
#define FORMAT_WINDOW_H

#include "base/range.h"
#include "format/input.h"

struct window {
	void *map; /* at most one mapping */
	size_t map_len;
	uint8_t *buf;          /* for what is read; made when needed */
	uint64_t next;         /* file offset behind what was read last */
	size_t reach;          /* as much was asked for then; 0: nothing was read yet */
	struct range doubtful; /* what could not be read at once: its pages are read singly */
};

/* One of zeros is fine. */
void window_deinit(struct window *w);

/* Bytes of the file, borrowed until the next window_move() or window_deinit(). */
struct window_piece {
	uint64_t off; /* of data[0] in the file */
	const uint8_t *data;
	size_t len;
};

/*
 * The byte at file offset `at` and as many around it as are cheap, inside `limits`, which hold it. An error says
 * that this byte cannot be read, and nothing of the pages before and behind its own.
 */
int window_move(struct window *w, const struct input *in, const struct range *limits, uint64_t at,
		struct window_piece *ret, struct err *err) _must_check_;

#endif
