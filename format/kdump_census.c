// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/kdump_census.h"

#include <inttypes.h>

#include "base/num.h"
#include "format/input.h"
#include "format/kdump_part.h"
#include "format/kdump_set.h"

#define AT_ONCE    2730 /* descriptors that are read at once: 64 KiB */
#define MAX_ZERO   512  /* bytes that zeros are packed into by any codec but none at all */
#define CACHE_BITS 6
#define CACHE      (1U << CACHE_BITS) /* offsets whose data was looked at */
#define MAX_LOOKED 4096               /* times: tiny pages may all be different ones */

struct census {
	const struct source *src; /* one file */
	const struct input *in;
	uint64_t page;
	uint64_t index; /* of the next descriptor to be read */
	uint64_t descs_end;
	uint8_t buf[AT_ONCE * KDUMP_DESC_SIZE];
	size_t have, at; /* descriptors in buf */
	uint64_t last;   /* offset of the descriptor before */
	struct {
		uint64_t offset; /* 0: none */
		bool zero;
	} cache[CACHE];
	unsigned int looked;

	kdump_census_fn tell;
	void *ctx;
	enum kdump_census_kind kind; /* of the stretch that goes on */
	struct range run;            /* empty: there is none */
};

static bool is_zero(struct census *c, uint64_t phys)
{
	uint8_t chunk[4096];
	struct err ignored;

	for (uint64_t off = 0; off < c->page; off += sizeof(chunk)) {
		if (source_read(c->src, phys + off, chunk, sizeof(chunk), &ignored))
			return false;
		for (size_t i = 0; i < sizeof(chunk); i++)
			if (chunk[i])
				return false;
	}
	return true;
}

/* Only what could be zeros is looked at: what is packed very small, and what two neighbours share. */
static bool shares_zeros(struct census *c, uint64_t phys, uint64_t offset, uint32_t size)
{
	size_t slot = offset * 0x9e3779b97f4a7c15 >> (64 - CACHE_BITS); /* Fibonacci hashing */

	if (size > MAX_ZERO && offset != c->last)
		return c->cache[slot].offset == offset && c->cache[slot].zero;
	if (c->cache[slot].offset != offset) {
		if (c->looked == MAX_LOOKED)
			return false;
		c->looked++;
		c->cache[slot].offset = offset;
		c->cache[slot].zero = is_zero(c, phys);
	}
	return c->cache[slot].zero;
}

static void end_run(struct census *c)
{
	if (c->run.start < c->run.end)
		c->tell(c->ctx, c->kind, c->run.start, c->run.end);
	c->run = (struct range){0};
}

static void add(struct census *c, enum kdump_census_kind kind, uint64_t phys)
{
	if (c->run.end != phys || c->kind != kind || c->run.start == c->run.end) {
		end_run(c);
		c->kind = kind;
		c->run.start = phys;
	}
	c->run.end = phys + c->page;
}

static int fill(struct census *c, struct err *err)
{
	uint64_t left = c->descs_end - c->index;

	c->have = NUM_MIN(left, (uint64_t)AT_ONCE);
	c->at = 0;
	if (!c->have)
		return 0;
	if (input_read(c->in, c->buf, c->have * KDUMP_DESC_SIZE,
		       kdump_part_layout(c->src)->desc_off + c->index * KDUMP_DESC_SIZE,
		       "page descriptors", err))
		return err->code;
	c->index += c->have;
	return 0;
}

static int look(struct census *c, uint64_t phys, struct err *err)
{
	const uint8_t *raw;
	uint64_t offset;
	uint32_t size;

	if (c->at == c->have && fill(c, err))
		return err->code;
	if (c->at == c->have) { /* cut off among the descriptors */
		add(c, KDUMP_CENSUS_LOST, phys);
		return 0;
	}
	raw = c->buf + c->at++ * KDUMP_DESC_SIZE;
	memcpy(&offset, raw, sizeof(offset));
	memcpy(&size, raw + 8, sizeof(size));
	offset = le64toh(offset);
	size = le32toh(size);
	if (!offset || !size || offset > c->src->file_size || size > c->src->file_size - offset)
		add(c, KDUMP_CENSUS_LOST, phys);
	else if (shares_zeros(c, phys, offset, size))
		add(c, KDUMP_CENSUS_ZERO, phys);
	c->last = offset;
	return 0;
}

static int go(struct census *c, struct err *err)
{
	const struct ranges *present = &c->src->present;
	int r = 0;

	for (size_t i = 0; !r && i < present->n; i++)
		for (uint64_t at = present->v[i].start; !r && at < present->v[i].end; at += c->page)
			r = look(c, at, err);
	end_run(c);
	return r;
}

/* One file, a whole dump or a part. */
static int census_of(const struct source *src, kdump_census_fn tell, void *ctx, struct err *err)
{
	struct census *c = calloc(1, sizeof(*c));
	uint64_t desc_off = kdump_part_layout(src)->desc_off, have, want;
	int r;

	if (!c)
		return err_nomem(err, sizeof(*c), "page descriptors");
	c->src = src;
	c->in = kdump_part_input(src);
	c->page = kdump_part_header(src)->block_size;
	c->tell = tell;
	c->ctx = ctx;
	have = src->file_size > desc_off ? (src->file_size - desc_off) / KDUMP_DESC_SIZE : 0;
	want = ranges_total(&src->present) / c->page;
	c->descs_end = NUM_MIN(have, want);
	r = go(c, err);
	free(c);
	return r;
}

int kdump_census(const struct source *src, uint64_t limit, kdump_census_fn tell, void *ctx,
		 struct err *err)
{
	const struct kdump_header *h = kdump_source_header(src);
	const struct kdump_set *set;
	int r = 0;

	if (!h)
		return err_set(err, ERR_UNSUPPORTED, "%s does not tell of single pages",
			       src->ops->name);
	if (ranges_total(&src->present) / h->block_size > limit)
		return err_set(err, ERR_UNSUPPORTED, "there are more than %" PRIu64 " pages",
			       limit);
	if (src->ops == &kdump_source)
		return census_of(src, tell, ctx, err);
	set = (const struct kdump_set *)src;
	for (size_t i = 0; !r && i < set->n_full; i++)
		r = census_of(set->parts[i], tell, ctx, err);
	return r;
}
