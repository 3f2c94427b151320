// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/printk.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

#define STATE_SHIFT     62 /* of a 64-bit state_var: DESC_FLAGS_SHIFT */
#define ID_MASK         ((1ULL << STATE_SHIFT) - 1)
#define STATE_COMMITTED 1
#define STATE_FINALIZED 2
#define TEXT_ID_SIZE    8          /* each text is preceded by a long */
#define MAX_TEXT_BITS   31         /* LOG_BUF_LEN_MAX */
#define MAX_COUNT_BITS  26         /* a descriptor for every 32 bytes of text: PRB_AVGBITS */
#define MAX_ELEMENT     256        /* prb_desc has 24 bytes, printk_info 88 */
#define MAX_UNREADABLE  (1U << 18) /* records; then the rest is given up too */
#define TEXT_SLACK      (1ULL << 20)
#define WINDOW_SIZE     16384

/* A buffered look into an array in the image: one translation and one read per 16 KiB. */
struct window {
	const struct image *img;
	uint64_t vaddr; /* of data[0] */
	size_t len;     /* valid bytes */
	uint8_t data[WINDOW_SIZE];
};

/* The ring as VMCOREINFO describes it. */
struct ring {
	uint64_t descs, infos, text; /* addresses of the arrays */
	uint64_t count;              /* descriptors; a power of two */
	uint64_t text_size;          /* bytes; a power of two */
	uint64_t tail_id, head_id;
	uint64_t desc_size, info_size;
	uint64_t off_state, off_begin, off_next; /* in a descriptor */
	uint64_t off_ts, off_len;                /* in a printk_info */
};

static int window_fill(struct window *w, uint64_t vaddr, size_t len, struct err *err)
{
	int r;

	w->len = 0; /* a read that fails in the middle leaves a mixture */
	r = image_read(w->img, vaddr, w->data, len, err);
	if (r)
		return r;
	w->vaddr = vaddr;
	w->len = len;
	return 0;
}

/*
 * `len` bytes at `vaddr`, borrowed until the next call; len <= WINDOW_SIZE. The array ends at `limit`.
 * Where the window reaches into something unreadable, the piece itself may still be there.
 */
static int window_get(struct window *w, uint64_t vaddr, size_t len, uint64_t limit,
		      const uint8_t **ret, struct err *err)
{
	uint64_t off = vaddr - w->vaddr;

	if (vaddr < w->vaddr || off > w->len || len > w->len - off) {
		size_t n = (size_t)NUM_MIN((uint64_t)WINDOW_SIZE, limit - vaddr);
		int r = window_fill(w, vaddr, n, err);

		if (r && n > len)
			r = window_fill(w, vaddr, len, err);
		if (r)
			return r;
		off = 0;
	}
	*ret = w->data + off;
	return 0;
}

static int member(const struct image *img, const char *name, uint64_t size, uint64_t need,
		  uint64_t *ret, struct err *err)
{
	int r = image_need_offset(img, name, ret, err);

	if (!r && (size < need || *ret > size - need))
		r = err_set(err, ERR_CORRUPT,
			    "VMCOREINFO OFFSET(%s)=%" PRIu64 " is outside its struct (%" PRIu64
			    " bytes)",
			    name, *ret, size);
	return r;
}

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
	    (e = member(img, "prb_desc.state_var", r->desc_size, 8, &r->off_state, err)) ||
	    (e = member(img, "prb_desc.text_blk_lpos", r->desc_size, 16, &lpos, err)) ||
	    (e = member(img, "prb_data_blk_lpos.begin", 16, 8, &begin, err)) ||
	    (e = member(img, "prb_data_blk_lpos.next", 16, 8, &next, err)) ||
	    (e = member(img, "printk_info.ts_nsec", r->info_size, 8, &r->off_ts, err)) ||
	    (e = member(img, "printk_info.text_len", r->info_size, 2, &r->off_len, err)))
		return e;
	if (counter > r->desc_size - 8 - r->off_state)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO OFFSET(atomic_long_t.counter)=%" PRIu64, counter);
	r->off_state += counter;
	r->off_begin = lpos + begin;
	r->off_next = lpos + next;
	return 0;
}

static int read_ring(const struct image *img, struct ring *r, struct err *err)
{
	uint64_t prb_sym, prb, desc_ring, text_ring, tail, head, counter;
	bool found = false;
	int e = vmcoreinfo_symbol(img->info, "prb", &prb_sym, &found, err);

	if (e)
		return e;
	if (!found)
		return err_set(err, ERR_UNSUPPORTED,
			       "VMCOREINFO has no SYMBOL(prb): the log of kernels before v5.10");
	if ((e = read_layout(img, r, err)) || (e = image_read_u64(img, prb_sym, &prb, err)) ||
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
	    (e = field_bits(img, text_ring, "prb_data_ring.size_bits", MAX_TEXT_BITS, &r->text_size,
			    err)) ||
	    (e = field(img, desc_ring, "prb_desc_ring.descs", &r->descs, err)) ||
	    (e = field(img, desc_ring, "prb_desc_ring.infos", &r->infos, err)) ||
	    (e = field(img, text_ring, "prb_data_ring.data", &r->text, err)) ||
	    (e = image_read_u64(img, desc_ring + tail + counter, &r->tail_id, err)) ||
	    (e = image_read_u64(img, desc_ring + head + counter, &r->head_id, err)))
		return e;
	r->tail_id &= ID_MASK;
	r->head_id &= ID_MASK;
	return 0;
}

int printk_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
		   struct err *err)
{
	struct ring r;

	if (read_ring(img, &r, err))
		return err->code;
	ret[0] = (struct printk_buffer){r.descs, r.count * r.desc_size};
	ret[1] = (struct printk_buffer){r.infos, r.count * r.info_size};
	ret[2] = (struct printk_buffer){r.text, r.text_size};
	return 0;
}

/* The three arrays of the ring, each with its own window. */
struct walk {
	const struct ring *ring;
	struct window descs, infos, text;
};

static uint64_t le64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

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
	e = window_get(&w->descs, r->descs + slot * r->desc_size, (size_t)r->desc_size,
		       r->descs + r->count * r->desc_size, &p, err);
	if (e)
		return e;
	state = le64_at(p + r->off_state);
	begin = le64_at(p + r->off_begin);
	next = le64_at(p + r->off_next);
	if ((state & ID_MASK) != id ||
	    (state >> STATE_SHIFT != STATE_COMMITTED && state >> STATE_SHIFT != STATE_FINALIZED))
		return 0;
	e = window_get(&w->infos, r->infos + slot * r->info_size, (size_t)r->info_size,
		       r->infos + r->count * r->info_size, &p, err);
	if (e)
		return e;
	ret->ts_nsec = le64_at(p + r->off_ts);
	memcpy(&len16, p + r->off_len, sizeof(len16));
	if (!locate_text(r, begin, next, le16toh(len16), &at, &ret->len, ret_damaged))
		return 0;
	if (ret->len > WINDOW_SIZE) /* printk's own limit is 1 KiB */
		ret->len = WINDOW_SIZE;
	e = window_get(&w->text, r->text + at, ret->len, r->text + r->text_size, &p, err);
	if (e)
		return e;
	ret->text = (const char *)p;
	*ret_ok = true;
	return 0;
}

int printk_walk(const struct image *img, printk_fn fn, void *ctx, struct printk_stats *ret_stats,
		struct err *err)
{
	struct printk_stats stats = {0};
	_cleanup_free_ struct walk *w = NULL;
	uint64_t n, unreadable = 0, text = 0;
	struct ring ring;
	int e = read_ring(img, &ring, err);

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
	for (uint64_t i = 0; i < n && unreadable < MAX_UNREADABLE; i++) {
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
		stats.damaged += damaged;
		stats.records += ok;
		text += ok ? rec.len : 0;
		e = ok ? fn(ctx, &rec, err) : 0;
		if (e)
			return e;
	}
	*ret_stats = stats;
	return 0;
}

/* ---- text */

struct formatter {
	printk_write_fn write;
	void *ctx;
	size_t len;
	char buf[4096];
};

#define FORMAT_WORST 32 /* bytes that one input byte or the time stamp may take */

static int drain(struct formatter *f, struct err *err)
{
	int r = f->len ? f->write(f->ctx, f->buf, f->len, err) : 0;

	f->len = 0;
	return r;
}

static void put(struct formatter *f, char c)
{
	f->buf[f->len++] = c;
}

static int format_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct formatter *f = ctx;
	uint64_t usec = rec->ts_nsec / 1000;
	char stamp[FORMAT_WORST];
	int indent, r = 0;

	indent = snprintf(stamp, sizeof(stamp), "[%5" PRIu64 ".%06" PRIu64 "] ", usec / 1000000,
			  usec % 1000000);
	if (f->len + FORMAT_WORST > sizeof(f->buf))
		r = drain(f, err);
	memcpy(f->buf + f->len, stamp, (size_t)indent);
	f->len += (size_t)indent;
	for (size_t i = 0; i < rec->len && !r; i++) {
		unsigned char c = (unsigned char)rec->text[i];

		if (f->len + FORMAT_WORST > sizeof(f->buf))
			r = drain(f, err);
		if (c == '\n') {
			put(f, '\n');
			for (int k = 0; k < indent; k++)
				put(f, ' ');
		} else if (isprint(c) || isspace(c)) {
			put(f, (char)c);
		} else {
			f->len += (size_t)snprintf(f->buf + f->len, 5, "\\x%02x", c);
		}
	}
	if (!r && f->len + FORMAT_WORST > sizeof(f->buf))
		r = drain(f, err);
	put(f, '\n');
	return r;
}

int printk_format(const struct image *img, printk_write_fn write, void *ctx,
		  struct printk_stats *ret_stats, struct err *err)
{
	struct formatter f = {.write = write, .ctx = ctx};
	int r = printk_walk(img, format_record, &f, ret_stats, err);
	int drained;

	if (r) { /* what was read before the error is worth having */
		struct err ignored;

		(void)drain(&f, &ignored);
		return r;
	}
	drained = drain(&f, err);
	return drained;
}

/* ---- headline */

static bool mentions(const struct printk_record *rec, const char *what)
{
	return memmem(rec->text, rec->len, what, strlen(what));
}

static void keep_line(char dst[256], const struct printk_record *rec)
{
	size_t n = 0;

	for (size_t i = 0; i < rec->len && n < 255 && rec->text[i] != '\n'; i++)
		dst[n++] = isprint((unsigned char)rec->text[i]) ? rec->text[i] : '?';
	dst[n] = '\0';
}

void printk_headline_feed(struct printk_headline *h, const struct printk_record *rec)
{
	if (mentions(rec, "Kernel panic - not syncing"))
		keep_line(h->panic, rec);
	else if (mentions(rec, "Oops: ") || mentions(rec, "BUG: "))
		keep_line(h->oops, rec);
}

const char *printk_headline_get(const struct printk_headline *h)
{
	return *h->panic ? h->panic : h->oops;
}
