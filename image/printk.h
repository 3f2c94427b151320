/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel log of the image: the printk ring buffer of v5.10 and later.
 *
 * Facts: kernel/printk/printk_ringbuffer.{c,h} (v5.10 to v6.12). The ring describes itself through
 * VMCOREINFO: a ring of descriptors, a parallel ring of printk_info, a ring of text. A descriptor's
 * state_var holds its id in the low bits and its state in the top two; records between tail_id and
 * head_id in state committed or finalized are readable. Positions in the text ring are masked by its
 * size; begin == next after masking means a record without text; a record that would wrap starts at
 * 0; each text is preceded by the record's id (one long).
 */
#ifndef IMAGE_PRINTK_H
#define IMAGE_PRINTK_H

#include "image/image.h"

struct printk_record {
	uint64_t ts_nsec;
	const char *text; /* borrowed for the call; may hold any bytes, no NUL at the end */
	size_t len;
};

/* Returns 0, or an error that ends the walk. */
typedef int (*printk_fn)(void *ctx, const struct printk_record *rec, struct err *err);

struct printk_stats {
	uint64_t records; /* handed out */
	uint64_t damaged; /* skipped: unreadable, or their position or length cannot be */
};

/*
 * Call `fn` for each readable record, oldest first. Damaged records are counted and skipped. The walk
 * is bounded by the ring's size, and ends early where a quarter million records cannot be read. Errors: a key missing (ERR_NOT_FOUND; ERR_UNSUPPORTED for the ring of
 * kernels before v5.10), the ring itself unreadable or of impossible shape (ERR_CORRUPT).
 */
int printk_walk(const struct image *img, printk_fn fn, void *ctx, struct printk_stats *ret_stats,
		struct err *err) _must_check_;

/* Where the log lies, in kernel virtual memory. */
struct printk_buffer {
	uint64_t vaddr;
	uint64_t len; /* bytes */
};

#define PRINTK_BUFFERS 3 /* descriptors, records, text */

int printk_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
		   struct err *err) _must_check_;

/* Where formatted text goes. Returns 0 or an error that ends the walk. */
typedef int (*printk_write_fn)(void *ctx, const char *text, size_t len, struct err *err);

/*
 * The whole log as text, in the form of dmesg(1) and vmcore-dmesg: "[    1.234567] text", further lines
 * of one record indented below the first, unprintable bytes as \xNN. `write` gets pieces of any length.
 */
int printk_format(const struct image *img, printk_write_fn write, void *ctx,
		  struct printk_stats *ret_stats, struct err *err) _must_check_;

/*
 * What the log says the machine died of: the last "Kernel panic - not syncing: …" line, else the last
 * "Oops:" or "BUG:" line; "" if there is none. Without the time stamp.
 */
struct printk_headline {
	char panic[256];
	char oops[256];
};

/* Feed one record; used while the log is walked for another purpose. */
void printk_headline_feed(struct printk_headline *h, const struct printk_record *rec);
const char *printk_headline_get(const struct printk_headline *h);

#endif
