// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arch/load.h"
#include "base/num.h"

/* kexec_load(2) wants its segments on pages; an architecture with larger ones asks for their multiples. */
#define PAGE 4096u

void segments_deinit(struct segments *s)
{
	for (size_t i = 0; i < s->n_owned; i++)
		free(s->owned[i]);
	free(s->owned);
	free(s->v);
	*s = (struct segments){0};
}

void *segments_alloc(struct segments *s, size_t len)
{
	void **owned = reallocarray(s->owned, s->n_owned + 1, sizeof(*owned));
	void *p;

	if (!owned)
		return NULL;
	s->owned = owned;
	p = calloc(1, len ? len : 1); /* NULL means "no memory" and nothing else */
	if (p)
		s->owned[s->n_owned++] = p;
	return p;
}

/* ---- the search */

struct search {
	uint64_t len, align, min, max;
	bool top_down;
	bool found;
	uint64_t at;
	struct range largest; /* hole, in whole pages */
};

/* A hole may be the place; true ends the search. */
static bool look_at_hole(struct search *q, uint64_t start, uint64_t end)
{
	uint64_t at;

	start = NUM_MAX(start, q->min);
	end = num_align_down(NUM_MIN(end, q->max), PAGE);
	if (start > UINT64_MAX - (PAGE - 1))
		return false;
	start = num_align_up(start, PAGE);
	if (start >= end)
		return false;
	if (end - start > q->largest.end - q->largest.start)
		q->largest = (struct range){start, end};
	if (end - start < q->len)
		return false;
	if (q->top_down) {
		at = num_align_down(end - q->len, q->align);
		if (at < start)
			return false;
	} else {
		if (start > UINT64_MAX - (q->align - 1))
			return false;
		at = num_align_up(start, q->align);
		if (at > end - q->len)
			return false;
	}
	q->found = true;
	q->at = at;
	return !q->top_down; /* bottom up the first one is the lowest */
}

/* The holes of one range of room, from the lowest on. */
static bool look_at_range(struct search *q, const struct segments *s, const struct range *r)
{
	uint64_t from = r->start;

	for (size_t i = 0; i < s->n && from < r->end; i++) {
		const struct segment *seg = &s->v[i];

		if (seg->start + seg->len <= from)
			continue;
		if (seg->start >= r->end)
			break;
		if (seg->start > from && look_at_hole(q, from, seg->start))
			return true;
		from = seg->start + seg->len;
	}
	return from < r->end && look_at_hole(q, from, r->end);
}

static int no_room(const struct search *q, const char *name, struct err *err)
{
	uint64_t hole = q->largest.end - q->largest.start;
	char h_need[16], h_hole[16], h_align[16];

	num_human(q->len, h_need);
	num_human(q->align, h_align);
	num_human(hole, h_hole);
	if (!hole)
		return err_set(err, ERR_NO_SPACE,
			       "no room for the %s: it needs %" PRIu64 " bytes (%s) between "
			       "0x%" PRIx64 " and 0x%" PRIx64 ", where no memory is free",
			       name, q->len, h_need, q->min, q->max);
	if (hole >= q->len)
		return err_set(err, ERR_NO_SPACE,
			       "no room for the %s: it needs %" PRIu64 " bytes (%s) at a multiple "
			       "of %s; the largest hole, %" PRIu64 " bytes (%s) at 0x%" PRIx64
			       ", has no such place",
			       name, q->len, h_need, h_align, hole, h_hole, q->largest.start);
	return err_set(err, ERR_NO_SPACE,
		       "no room for the %s: it needs %" PRIu64 " bytes (%s) at a multiple of %s, "
		       "the largest hole has %" PRIu64 " (%s) at 0x%" PRIx64 ": short by %" PRIu64,
		       name, q->len, h_need, h_align, hole, h_hole, q->largest.start,
		       q->len - hole);
}

int segments_find(const struct segments *s, const struct ranges *room, const char *name,
		  uint64_t len, uint64_t align, uint64_t min, uint64_t max, bool top_down,
		  uint64_t *ret, struct err *err)
{
	struct search q = {.min = min, .max = max, .top_down = top_down};

	if (align && !num_is_pow2(align))
		return err_set(err, ERR_CORRUPT,
			       "the %s is to be aligned to 0x%" PRIx64 ", which is no power of two",
			       name, align);
	q.align = NUM_MAX(align, PAGE);
	/* what does not fit into 64 bits when rounded does not fit into any hole either */
	q.len = len > num_align_down(UINT64_MAX, PAGE) ? UINT64_MAX
						       : num_align_up(NUM_MAX(len, 1u), PAGE);
	for (size_t i = 0; i < room->n; i++)
		if (look_at_range(&q, s, &room->v[i]))
			break;
	if (!q.found)
		return no_room(&q, name, err);
	*ret = q.at;
	return 0;
}

/* ---- the list */

static int check_one(const struct segment *seg, struct err *err)
{
	uint64_t end;

	if (seg->start % PAGE || seg->len % PAGE || !seg->len)
		return err_set(err, ERR_CORRUPT,
			       "segment %s at 0x%" PRIx64 " with 0x%" PRIx64
			       " bytes is not whole pages",
			       seg->name, seg->start, seg->len);
	if (!num_add(seg->start, seg->len, &end))
		return err_set(err, ERR_CORRUPT,
			       "segment %s at 0x%" PRIx64 " with 0x%" PRIx64
			       " bytes ends beyond 64 bits",
			       seg->name, seg->start, seg->len);
	if (seg->size > seg->len)
		return err_set(err, ERR_CORRUPT,
			       "segment %s: %zu bytes of data do not fit into its 0x%" PRIx64
			       " bytes of memory",
			       seg->name, seg->size, seg->len);
	return 0;
}

static int reserve_one(struct segments *s, struct err *err)
{
	size_t cap = s->cap ? s->cap * 2 : 8;
	struct segment *v;

	if (s->n < s->cap)
		return 0;
	v = reallocarray(s->v, cap, sizeof(*v));
	if (!v)
		return err_nomem(err, cap * sizeof(*v), "the list of segments");
	s->v = v;
	s->cap = cap;
	return 0;
}

int segments_add(struct segments *s, const struct segment *seg, struct err *err)
{
	size_t at = 0;
	int r = check_one(seg, err);

	if (r)
		return r;
	while (at < s->n && s->v[at].start + s->v[at].len <= seg->start)
		at++;
	if (at < s->n && s->v[at].start < seg->start + seg->len)
		return err_set(err, ERR_CORRUPT,
			       "segment %s at 0x%" PRIx64 "-0x%" PRIx64
			       " overlaps segment %s at 0x%" PRIx64 "-0x%" PRIx64,
			       seg->name, seg->start, seg->start + seg->len, s->v[at].name,
			       s->v[at].start, s->v[at].start + s->v[at].len);
	r = reserve_one(s, err);
	if (r)
		return r;
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = *seg;
	s->n++;
	return 0;
}
