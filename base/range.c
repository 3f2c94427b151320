// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/range.h"

#include <string.h>

#include "base/num.h"

void ranges_init(struct ranges *r)
{
	*r = (struct ranges){0};
}

void ranges_deinit(struct ranges *r)
{
	free(r->v);
	ranges_init(r);
}

/* Index of the first range with end > at; r->n if none. */
static size_t first_ending_after(const struct ranges *r, uint64_t at)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].end > at)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static int reserve_one(struct ranges *r, struct err *err)
{
	size_t cap = r->cap ? r->cap * 2 : 16;
	struct range *v;

	if (r->n < r->cap)
		return 0;
	v = reallocarray(r->v, cap, sizeof(*v));
	if (!v)
		return err_nomem(err, cap * sizeof(*v), "a range table");
	r->v = v;
	r->cap = cap;
	return 0;
}

static void replace(struct ranges *r, size_t at, size_t gone, size_t put)
{
	memmove(r->v + at + put, r->v + at + gone, (r->n - at - gone) * sizeof(*r->v));
	r->n = r->n - gone + put;
}

int ranges_add(struct ranges *r, uint64_t start, uint64_t end, struct err *err)
{
	size_t i, j;
	int ret;

	if (start >= end)
		return 0;
	ret = reserve_one(r, err);
	if (ret)
		return ret;
	/* the first range that overlaps or touches: its end is at or behind our start */
	i = start ? first_ending_after(r, start - 1) : 0;
	for (j = i; j < r->n && r->v[j].start <= end; j++) {
		start = NUM_MIN(start, r->v[j].start);
		end = NUM_MAX(end, r->v[j].end);
	}
	replace(r, i, j - i, 1);
	r->v[i] = (struct range){start, end};
	return 0;
}

int ranges_add_all(struct ranges *r, const struct ranges *other, struct err *err)
{
	struct ranges sum;
	size_t i = 0, k = 0;

	ranges_init(&sum);
	while (i < r->n || k < other->n) {
		bool own = k == other->n || (i < r->n && r->v[i].start < other->v[k].start);
		const struct range *next = own ? &r->v[i++] : &other->v[k++];

		if (ranges_add(&sum, next->start, next->end, err)) {
			ranges_deinit(&sum);
			return err->code;
		}
	}
	ranges_deinit(r);
	*r = sum;
	return 0;
}

int ranges_sub(struct ranges *r, uint64_t start, uint64_t end, struct err *err)
{
	size_t i, j;
	int ret;

	if (start >= end || !r->n)
		return 0;
	i = first_ending_after(r, start);
	if (i < r->n && r->v[i].start < start && r->v[i].end > end) {
		ret = reserve_one(r, err);
		if (ret)
			return ret;
		replace(r, i, 0, 1);
		r->v[i].end = start;
		r->v[i + 1].start = end;
		return 0;
	}
	if (i < r->n && r->v[i].start < start)
		r->v[i++].end = start;
	for (j = i; j < r->n && r->v[j].end <= end; j++)
		;
	if (j < r->n && r->v[j].start < end)
		r->v[j].start = end;
	replace(r, i, j - i, 0);
	return 0;
}

void ranges_clip(struct ranges *r, uint64_t start, uint64_t end)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct range c = {NUM_MAX(r->v[i].start, start), NUM_MIN(r->v[i].end, end)};

		if (c.start < c.end)
			r->v[n++] = c;
	}
	r->n = n;
}

const struct range *ranges_from(const struct ranges *r, uint64_t at)
{
	size_t i = first_ending_after(r, at);

	return i < r->n ? &r->v[i] : NULL;
}

const struct range *ranges_find(const struct ranges *r, uint64_t at)
{
	const struct range *f = ranges_from(r, at);

	return f && f->start <= at ? f : NULL;
}

uint64_t ranges_total(const struct ranges *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		sum += r->v[i].end - r->v[i].start;
	return sum;
}
