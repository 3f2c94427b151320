// SPDX-License-Identifier: GPL-2.0-or-later
/* The buffer of records before v5.10. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "image/printk_walk.h"

#define OLD_ALIGN \
	4 /* of every record: LOG_ALIGN is that of a u64 or, where it does not matter, 4 */
#define OLD_MAX_HEADER 128 /* printk_log has 16 bytes, or 20 with the caller */
#define OLD_CHAIN \
	4 /* records in a row that have to fit before one is taken for the next after a gap */

struct old_log {
	const struct image *img;
	uint64_t buf, size; /* log_buf, log_buf_len */
	uint64_t first, next;
	uint64_t header; /* bytes */
	uint64_t off_ts, off_len, off_text, off_dict;
	struct printk_origin origin;
	struct printk_window window;
};

/* The header of a record, as far as it has been looked at. */
struct old_record {
	uint64_t len; /* of all of it; 0: go on at the beginning */
	uint64_t text_len;
	uint8_t header[OLD_MAX_HEADER];
};

static int read_old_layout(const struct image *img, const struct printk_origin *known,
			   const char *type, struct old_log *l, struct err *err)
{
	const struct {
		const char *name;
		uint64_t need, *ret;
	} members[] = {{"ts_nsec", 8, &l->off_ts},
		       {"len", 2, &l->off_len},
		       {"text_len", 2, &l->off_text},
		       {"dict_len", 2, &l->off_dict}};
	int e = image_need_size(img, type, &l->header, err);

	if (e)
		return e;
	if (l->header < 14 || l->header > OLD_MAX_HEADER)
		return err_set(err, ERR_CORRUPT, "VMCOREINFO SIZE(%s)=%" PRIu64, type, l->header);
	for (size_t i = 0; i < ARRAY_SIZE(members) && !e; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s.%s", type, members[i].name);
		e = printk_member(img, name, l->header, members[i].need, members[i].ret, err);
	}
	/* with 8 bytes behind the last length, 4 are CONFIG_PRINTK_CALLER's */
	if (!e)
		printk_origin_find(img, known, type, l->off_dict + 2,
				   l->header == l->off_dict + 8 ? l->off_dict + 4 : l->header,
				   l->header, &l->origin);
	return e;
}

/* 32 bits at a symbol of VMCOREINFO; what lies behind them is nobody's business. */
static int symbol_u32(const struct image *img, const char *name, uint64_t *ret, struct err *err)
{
	uint64_t at;
	uint32_t v;
	int e = image_need_symbol(img, name, &at, err);

	if (!e && (e = image_read_u32(img, at, &v, err)))
		err_wrap(err, "%s", name);
	if (!e)
		*ret = v;
	return e;
}

static int read_old(const struct image *img, const struct printk_origin *known, struct old_log *l,
		    struct err *err)
{
	uint64_t at;
	int e;

	l->img = l->window.img = img;
	if ((e = read_old_layout(img, known, printk_record_type(img), l, err)) ||
	    (e = image_need_symbol(img, "log_buf", &at, err)) ||
	    (e = image_read_u64(img, at, &l->buf, err)) ||
	    (e = symbol_u32(img, "log_buf_len", &l->size, err)) ||
	    (e = symbol_u32(img, "log_first_idx", &l->first, err)) ||
	    (e = symbol_u32(img, "log_next_idx", &l->next, err)))
		return e;
	if (l->size < 4096 || l->size > 1ULL << PRINTK_MAX_TEXT_BITS)
		return err_set(err, ERR_CORRUPT, "log_buf_len is %" PRIu64 ", not 4096 to %llu",
			       l->size, 1ULL << PRINTK_MAX_TEXT_BITS);
	if (l->first > l->size - l->header || l->next > l->size)
		return err_set(err, ERR_CORRUPT,
			       "log_first_idx %" PRIu64 " or log_next_idx %" PRIu64
			       " is outside log_buf, which has %" PRIu64 " bytes",
			       l->first, l->next, l->size);
	return 0;
}

static uint64_t le16_at(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

/* The header at `at`. ERR_CORRUPT: there is none, by its lengths. */
static int old_header(struct old_log *l, uint64_t at, struct old_record *ret, struct err *err)
{
	const uint8_t *p;
	int e;

	if (at > l->size - l->header)
		return err_set(err, ERR_CORRUPT, "a record at %" PRIu64 " of %" PRIu64, at,
			       l->size);
	e = printk_window_get(&l->window, l->buf + at, (size_t)l->header, l->buf + l->size, &p,
			      err);
	if (e)
		return e;
	memcpy(ret->header, p, (size_t)l->header);
	ret->len = le16_at(p + l->off_len);
	ret->text_len = le16_at(p + l->off_text);
	if (ret->len && (ret->len % OLD_ALIGN || ret->len > l->size - at ||
			 l->header + ret->text_len + le16_at(p + l->off_dict) > ret->len))
		return err_set(err, ERR_CORRUPT, "a record of %" PRIu64 " bytes at %" PRIu64,
			       ret->len, at);
	return 0;
}

/* Does a row of records begin here that ends at `end` or goes on for a while? */
static bool old_chain(struct old_log *l, uint64_t at, uint64_t end)
{
	struct old_record rec;
	struct err ignored;

	for (int i = 0; i < OLD_CHAIN && at != end; i++) {
		if (old_header(l, at, &rec, &ignored))
			return false;
		if (!rec.len)
			return i && end < at;
		at += rec.len;
	}
	return true;
}

/* A record whose length is not known leaves no way to the next: the next place from which records follow each other. */
static uint64_t old_resume(struct old_log *l, uint64_t at, uint64_t end)
{
	uint64_t until = end > at ? end : l->size - l->header, bad = 0;
	struct old_record rec;
	struct err err;

	for (at += OLD_ALIGN; at < until && bad < PRINTK_MAX_UNREADABLE; at += OLD_ALIGN) {
		int e = old_header(l, at, &rec, &err);

		bad++;
		if (!e && rec.len && old_chain(l, at, end))
			return at;
		if (e && e != ERR_CORRUPT) /* not there: try the next page */
			at = num_align_up(l->buf + at + OLD_ALIGN, l->img->page_size) - l->buf -
			     OLD_ALIGN;
	}
	return end > at ? end : 0;
}

static int hand_out(struct old_log *l, uint64_t at, const struct old_record *from, printk_fn fn,
		    void *ctx, struct printk_stats *stats, struct err *err)
{
	struct printk_record rec = {.ts_nsec = printk_le64(from->header + l->off_ts)};
	const uint8_t *p = NULL;

	if (!from->text_len)
		return 0; /* as a record without text of the ring */
	rec.len = (size_t)NUM_MIN(from->text_len, (uint64_t)PRINTK_WINDOW);
	if (printk_window_get(&l->window, l->buf + at + l->header, rec.len, l->buf + l->size, &p,
			      err)) {
		stats->damaged++;
		return 0;
	}
	rec.text = (const char *)p;
	printk_origin_read(&l->origin, from->header, &rec);
	stats->records++;
	return fn(ctx, &rec, err);
}

int printk_old_walk(const struct image *img, const struct printk_origin *known, printk_fn fn,
		    void *ctx, struct printk_stats *stats, struct err *err)
{
	_cleanup_free_ struct old_log *l = calloc(1, sizeof(*l));
	bool wrapped = false;
	uint64_t at;
	int e;

	if (!l)
		return err_nomem(err, sizeof(*l), "the log reader");
	if (read_old(img, known, l, err))
		return err_wrap(err, "kernel log");
	for (at = l->first; at != l->next;) {
		struct old_record rec = {0};
		bool bad = old_header(l, at, &rec, err) != 0;
		uint64_t to = at + rec.len;

		if (bad) {
			stats->damaged++;
			to = old_resume(l, at, l->next);
		} else if (!rec.len) {
			to = 0;
		} else if ((e = hand_out(l, at, &rec, fn, ctx, stats, err))) {
			return e;
		}
		/* forwards, and to the beginning once: so it ends */
		if (to <= at) {
			if (wrapped || at < l->next)
				break;
			wrapped = true;
		} else if (at < l->next && to > l->next) {
			break; /* past the end: the last one's length is wrong */
		}
		at = to;
	}
	return 0;
}

int printk_old_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
		       struct err *err)
{
	_cleanup_free_ struct old_log *old = calloc(1, sizeof(*old));

	if (!old)
		return err_nomem(err, sizeof(*old), "the log reader");
	if (read_old(img, NULL, old, err))
		return err->code;
	ret[0] = (struct printk_buffer){old->buf, old->size};
	ret[1] = ret[2] = (struct printk_buffer){0};
	return 0;
}
