/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two forms of the log have in common (image/printk.h). */
#ifndef IMAGE_PRINTK_WALK_H
#define IMAGE_PRINTK_WALK_H

#include "image/kernel.h"
#include "image/printk.h"

#define PRINTK_WINDOW         16384
#define PRINTK_MAX_TEXT_BITS  31         /* LOG_BUF_LEN_MAX */
#define PRINTK_MAX_UNREADABLE (1U << 18) /* records; then the rest is given up too */

/* A buffered look into an array in the image: one translation and one read per 16 KiB. */
struct printk_window {
	const struct image *img;
	uint64_t vaddr; /* of data[0] */
	size_t len;     /* valid bytes */
	uint8_t data[PRINTK_WINDOW];
};

/*
 * `len` bytes at `vaddr`, borrowed until the next call; len <= PRINTK_WINDOW. The array ends at `limit`.
 * Where the window reaches into something unreadable, the piece itself may still be there.
 */
int printk_window_get(struct printk_window *w, uint64_t vaddr, size_t len, uint64_t limit,
		      const uint8_t **ret, struct err *err) _must_check_;

/* Of what a window gave. */
static inline uint64_t printk_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* OFFSET(name) of VMCOREINFO, of a member of `need` bytes in a struct of `size`; ERR_CORRUPT: it does not lie inside. */
int printk_member(const struct image *img, const char *name, uint64_t size, uint64_t need,
		  uint64_t *ret, struct err *err) _must_check_;

/* Where a record's level, facility and caller are: in a printk_info or the header of an older record. */
struct printk_origin {
	struct field facility, level, caller;
};

/*
 * `known` is what types say; NULL: there are none. `last` is the end of the member in front of the two bytes, `end` where at the
 * latest the next one begins, `size` the record's: what does not fit into it is not believed.
 */
void printk_origin_find(const struct image *img, const struct printk_origin *known,
			const char *type, uint64_t last, uint64_t end, uint64_t size,
			struct printk_origin *ret);
/* From a record's first `size` bytes into *ret. */
void printk_origin_read(const struct printk_origin *o, const uint8_t *record,
			struct printk_record *ret);

/* The struct that a record has, or begins with. */
const char *printk_record_type(const struct image *img);

/* ---- the forms: the ring of v5.10 and later; the buffer of records of v3.5 to v5.9. `known` as above. */

int printk_ring_walk(const struct image *img, const struct printk_origin *known, printk_fn fn,
		     void *ctx, struct printk_stats *stats, struct err *err) _must_check_;
int printk_ring_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
			struct err *err) _must_check_;
int printk_old_walk(const struct image *img, const struct printk_origin *known, printk_fn fn,
		    void *ctx, struct printk_stats *stats, struct err *err) _must_check_;
int printk_old_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
		       struct err *err) _must_check_;

#endif
