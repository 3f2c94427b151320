// SPDX-License-Identifier: GPL-2.0-or-later
/* The ring of v5.10 and later. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "image/printk_walk.h"

#define STATE_SHIFT     62 /* of a 64-bit state_var: DESC_FLAGS_SHIFT */
#define ID_MASK         ((1ULL << STATE_SHIFT) - 1)
#define STATE_COMMITTED 1
#define STATE_FINALIZED 2
#define TEXT_ID_SIZE    8   /* each text is preceded by a long */
#define MAX_COUNT_BITS  26  /* a descriptor for every 32 bytes of text: PRB_AVGBITS */
#define MAX_ELEMENT     256 /* prb_desc has 24 bytes, printk_info 88 */
#define TEXT_SLACK      (1ULL << 20)

/* The ring as VMCOREINFO describes it. */
struct ring {
	uint64_t descs, infos, text; /* addresses of the arrays */
	uint64_t count;              /* descriptors; a power of two */
	uint64_t text_size;          /* bytes; a power of two */
	uint64_t tail_id, head_id;
	uint64_t desc_size, info_size;
	uint64_t off_state, off_begin, off_next; /* in a descriptor */
	uint64_t off_ts, off_len;                /* in a printk_info */
	struct printk_origin origin;
};
static int element_size(const struct image *img, const char *name, uint64_t *ret, struct err *err)
{
	int r = image_need_size(img, name, ret, err);

	if (!r && (*ret < 8 || *ret > MAX_ELEMENT))
		r = err_set(err, ERR_CORRUPT, "VMCOREINFO SIZE(%s)=%" PRIu64, name, *ret);
	return r;
}

/* Read a member of a struct in the image whose address is known. */
static int field(const struct image *img, uint64_t base, const char *name, uint64_t *ret,
		 struct err *err)
{
	uint64_t off;
	int r = image_need_offset(img, name, &off, err);

	if (!r)
		r = image_read_u64(img, base + off, ret, err);
	return r ? err_wrap(err, "printk ring, %s", name) : 0;
}

static int field_bits(const struct image *img, uint64_t base, const char *name, uint32_t max,
		      uint64_t *ret, struct err *err)
{
	uint64_t off;
	uint32_t bits;
	int r;

	if ((r = image_need_offset(img, name, &off, err)) ||
	    (r = image_read_u32(img, base + off, &bits, err)))
		return err_wrap(err, "printk ring, %s", name);
	if (bits < 4 || bits > max)
		return err_set(err, ERR_CORRUPT,
			       "printk ring: %s at 0x%" PRIx64 " is %u, not 4 to %u", name,
			       base + off, bits, max);
	*ret = 1ULL << bits;
	return 0;
}

static int read_layout(const struct image *img, struct ring *r, struct err *err)
{
	uint64_t lpos, begin, next, counter;
	int e;

	if ((e = element_size(img, "prb_desc", &r->desc_size, err)) ||
	    (e = element_size(img, "printk_info", &r->info_size, err)) ||
	    (e = image_need_offset(img, "atomic_long_t.counter", &counter, err)) ||
	    (e = printk_member(img, "prb_desc.state_var", r->desc_size, 8, &r->off_state, err)) ||
	    (e = printk_member(img, "prb_desc.text_blk_lpos", r->desc_size, 16, &lpos, err)) ||
	    (e = printk_member(img, "prb_data_blk_lpos.begin", 16, 8, &begin, err)) ||
	    (e = printk_member(img, "prb_data_blk_lpos.next", 16, 8, &next, err)) ||
	    (e = printk_member(img, "printk_info.ts_nsec", r->info_size, 8, &r->off_ts, err)) ||
	    (e = printk_member(img, "printk_info.text_len", r->info_size, 2, &r->off_len, err)))
		return e;
	if (counter > r->desc_size - 8 - r->off_state)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO OFFSET(atomic_long_t.counter)=%" PRIu64, counter);
	r->off_state += counter;
	r->off_begin = lpos + begin;
	r->off_next = lpos + next;
	return 0;
}

static int read_ring(const struct image *img, const struct printk_origin *known, struct ring *r,
		     struct err *err)
{
	uint64_t prb_sym, prb, desc_ring, text_ring, tail, head, counter;
	int e;

	if ((e = image_need_symbol(img, "prb", &prb_sym, err)) || (e = read_layout(img, r, err)) ||
	    (e = image_read_u64(img, prb_sym, &prb, err)) ||
	    (e = image_need_offset(img, "printk_ringbuffer.desc_ring", &desc_ring, err)) ||
	    (e = image_need_offset(img, "printk_ringbuffer.text_data_ring", &text_ring, err)) ||
	    (e = image_need_offset(img, "prb_desc_ring.tail_id", &tail, err)) ||
	    (e = image_need_offset(img, "prb_desc_ring.head_id", &head, err)) ||
	    (e = image_need_offset(img, "atomic_long_t.counter", &counter, err)))
		return e;
	desc_ring += prb;
	text_ring += prb;
	if ((e = field_bits(img, desc_ring, "prb_desc_ring.count_bits", MAX_COUNT_BITS, &r->count,
			    err)) ||
	    (e = field_bits(img, text_ring, "prb_data_ring.size_bits", PRINTK_MAX_TEXT_BITS,
			    &r->text_size, err)) ||
	    (e = field(img, desc_ring, "prb_desc_ring.descs", &r->descs, err)) ||
	    (e = field(img, desc_ring, "prb_desc_ring.infos", &r->infos, err)) ||
	    (e = field(img, text_ring, "prb_data_ring.data", &r->text, err)) ||
	    (e = image_read_u64(img, desc_ring + tail + counter, &r->tail_id, err)) ||
	    (e = image_read_u64(img, desc_ring + head + counter, &r->head_id, err)))
		return e;
	r->tail_id &= ID_MASK;
	r->head_id &= ID_MASK;
	printk_origin_find(img, known, "printk_info", r->off_len + 2, r->info_size, r->info_size,
			   &r->origin);
	return 0;
}

/* The three arrays of the ring, each with its own window. */
struct walk {
	const struct ring *ring;
	struct printk_window descs, infos, text;
};

/*
 * Find the text of a record: where it starts in the text ring and how long it is. Returns false for a
 * record without text; *ret_damaged if its positions cannot be.
 */
static bool locate_text(const struct ring *r, uint64_t begin, uint64_t next, uint64_t text_len,
			uint64_t *ret_at, size_t *ret_len, bool *ret_damaged)
{
	begin &= r->text_size - 1;
	next &= r->text_size - 1;
	if (begin == next)
		return false;
	if (!next)
		next = r->text_size; /* it ends where the ring does: is_blk_wrapped(), since 2025 */
	if (begin > next)
		begin = 0; /* it would have wrapped, so it was stored at the start */
	if (next - begin < TEXT_ID_SIZE) {
		*ret_damaged = true;
		return false;
	}
	*ret_at = begin + TEXT_ID_SIZE;
	*ret_len = (size_t)NUM_MIN(text_len, next - begin - TEXT_ID_SIZE);
	return true;
}

/* One record by id. *ret_ok: it is readable and has text. */
static int read_record(struct walk *w, uint64_t id, struct printk_record *ret, bool *ret_ok,
		       bool *ret_damaged, struct err *err)
{
	const struct ring *r = w->ring;
	uint64_t slot = id & (r->count - 1), state, begin, next, at;
	const uint8_t *p;
	uint16_t len16;
	int e;

	*ret_ok = false;
	e = printk_window_get(&w->descs, r->descs + slot * r->desc_size, (size_t)r->desc_size,
			      r->descs + r->count * r->desc_size, &p, err);
	if (e)
		return e;
	state = printk_le64(p + r->off_state);
	begin = printk_le64(p + r->off_begin);
	next = printk_le64(p + r->off_next);
	if ((state & ID_MASK) != id ||
	    (state >> STATE_SHIFT != STATE_COMMITTED && state >> STATE_SHIFT != STATE_FINALIZED))
		return 0;
	e = printk_window_get(&w->infos, r->infos + slot * r->info_size, (size_t)r->info_size,
			      r->infos + r->count * r->info_size, &p, err);
	if (e)
		return e;
	ret->ts_nsec = printk_le64(p + r->off_ts);
	memcpy(&len16, p + r->off_len, sizeof(len16));
	printk_origin_read(&r->origin, p, ret);
	if (!locate_text(r, begin, next, le16toh(len16), &at, &ret->len, ret_damaged))
		return 0;
	if (ret->len > PRINTK_WINDOW) /* printk's own limit is 1 KiB */
		ret->len = PRINTK_WINDOW;
	e = printk_window_get(&w->text, r->text + at, ret->len, r->text + r->text_size, &p, err);
	if (e)
		return e;
	ret->text = (const char *)p;
	*ret_ok = true;
	return 0;
}

int printk_ring_walk(const struct image *img, const struct printk_origin *known, printk_fn fn,
		     void *ctx, struct printk_stats *stats, struct err *err)
{
	_cleanup_free_ struct walk *w = NULL;
	uint64_t n, unreadable = 0, text = 0;
	struct ring ring = {0};
	int e = read_ring(img, known, &ring, err);

	if (e)
		return err_wrap(err, "kernel log");
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_nomem(err, sizeof(*w), "the log reader");
	w->ring = &ring;
	w->descs.img = w->infos.img = w->text.img = img;
	n = ((ring.head_id - ring.tail_id) & ID_MASK) + 1;
	if (n > ring.count)
		n = ring.count; /* a ring holds no more: the ids are damaged, read what is there */
	for (uint64_t i = 0; i < n && unreadable < PRINTK_MAX_UNREADABLE; i++) {
		struct printk_record rec = {0};
		bool ok, damaged = false;

		e = read_record(w, (ring.head_id - (n - 1) + i) & ID_MASK, &rec, &ok, &damaged,
				err);
		unreadable += e != 0; /* this record cannot be read, the next one may be */
		damaged |= e != 0;
		ok = ok && !e;
		if (ok && text + rec.len > ring.text_size + TEXT_SLACK) {
			ok = false; /* the texts lie side by side, so they cannot be more */
			damaged = true;
		}
		stats->damaged += damaged;
		stats->records += ok;
		text += ok ? rec.len : 0;
		e = ok ? fn(ctx, &rec, err) : 0;
		if (e)
			return e;
	}
	return 0;
}

int printk_ring_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
			struct err *err)
{
	struct ring r = {0};

	if (read_ring(img, NULL, &r, err))
		return err->code;
	ret[0] = (struct printk_buffer){r.descs, r.count * r.desc_size};
	ret[1] = (struct printk_buffer){r.infos, r.count * r.info_size};
	ret[2] = (struct printk_buffer){r.text, r.text_size};
	return 0;
}
