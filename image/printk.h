/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel log of the image, both forms of it: the ring of v5.10 and later, and the buffer of records of v3.5 to v5.9.
 *
 * Facts: kernel/printk/printk_ringbuffer.{c,h} (v5.10 to v6.12). The ring describes itself through
 * VMCOREINFO: a ring of descriptors, a parallel ring of printk_info, a ring of text. A descriptor's
 * state_var holds its id in the low bits and its state in the top two; records between tail_id and
 * head_id in state committed or finalized are readable. Positions in the text ring are masked by its
 * size; begin == next after masking means a record without text; a record that would wrap starts at
 * 0; each text is preceded by the record's id (one long).
 *
 * Before v5.10 (kernel/printk/printk.c; 896fbe20b4e2 put the ring in its place): records of a header (struct printk_log; `log` until
 * v3.10) and its text lie one behind the other in log_buf, from log_first_idx up to log_next_idx. Each begins where the one before
 * ends, as its `len` says; a header whose `len` is 0 means that the next record is at 0. All of it is in VMCOREINFO. The text
 * buffer of kernels before v3.5, which has no records, is not read.
 *
 * Level, facility and flags are in no key of VMCOREINFO. A kernel's types name them. Without types: both forms have had two bytes for
 * them since they exist, the facility and then flags (5 bits) and level (3 bits), between the last member before them and caller_id or
 * the end; where there is room for just these, it is them.
 */
#ifndef IMAGE_PRINTK_H
#define IMAGE_PRINTK_H

#include "image/image.h"

struct kernel;

#define PRINTK_CALLER_CPU 0x80000000U /* caller_id: the rest is a CPU, not a task */

struct printk_record {
	uint64_t ts_nsec;
	const char *text; /* borrowed for the call; may hold any bytes, no NUL at the end */
	size_t len;
	bool has_level; /* and facility */
	uint8_t level;  /* 0 (emergency) to 7 (debug) */
	uint8_t facility; /* 0: the kernel itself; else as in syslog(3), for what a program wrote to /dev/kmsg */
	bool has_caller;
	uint32_t
		caller; /* the thread that wrote it, or PRINTK_CALLER_CPU | the CPU that did so from an interrupt */
};

/* Returns 0, or an error that ends the walk. */
typedef int (*printk_fn)(void *ctx, const struct printk_record *rec, struct err *err);

struct printk_stats {
	uint64_t records; /* handed out */
	uint64_t damaged; /* skipped: unreadable, or their position or length cannot be */
};

/*
 * Call `fn` for each readable record, oldest first. Damaged records are counted and skipped. The walk
 * is bounded by the ring's size, and ends early where a quarter million records cannot be read. Errors: a key missing (ERR_NOT_FOUND;
 * ERR_UNSUPPORTED if VMCOREINFO names neither form), the ring itself unreadable or of impossible shape (ERR_CORRUPT).
 */
int printk_walk(const struct image *img, printk_fn fn, void *ctx, struct printk_stats *ret_stats,
		struct err *err) _must_check_;

/* The same, with the kernel's types for what VMCOREINFO does not tell. */
int printk_walk_kernel(struct kernel *k, printk_fn fn, void *ctx, struct printk_stats *ret_stats,
		       struct err *err) _must_check_;

/* Where the log lies, in kernel virtual memory. */
struct printk_buffer {
	uint64_t vaddr;
	uint64_t len; /* bytes */
};

#define PRINTK_BUFFERS \
	3 /* descriptors, records, text; before v5.10 only one, the others are empty */

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
 * line of an oops: with "Oops:" or "BUG:", or counted as "[#1]"; "" if there is none. Without the time stamp.
 */
struct printk_headline {
	char panic[256];
	char oops[256];
};

/* Feed one record; used while the log is walked for another purpose. */
void printk_headline_feed(struct printk_headline *h, const struct printk_record *rec);
const char *printk_headline_get(const struct printk_headline *h);

#endif
