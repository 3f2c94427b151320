// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "format/kdump_census.h"
#include "report/gather.h"

/*
 * Descriptors that are gone over for the map: 4 Mi are 96 MiB of file, 16 GiB of memory that nothing was left out of. Of a larger
 * dump pages of zeros are not told from others.
 */
#define MAX_DESCS (4U << 20)

static void absent(struct report_dump *d, uint64_t bytes, const char *fmt, ...) _printf_(3, 4);

/* A fact for which there is no memory is left out. */
static void absent(struct report_dump *d, uint64_t bytes, const char *fmt, ...)
{
	struct report_fact *v = realloc(d->absent, (d->n_absent + 1) * sizeof(*v));
	va_list ap;
	char *text;
	int n;

	if (!v)
		return;
	d->absent = v;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n >= 0)
		v[d->n_absent++] = (struct report_fact){.text = text, .bytes = bytes};
}

/* ---- the map */

/* Cut the machine's memory into pieces of the same size, whatever holes are between. */
static void make_cells(struct report_dump *d, const struct ranges *ram, uint64_t page)
{
	uint64_t size = num_div_up(d->ram, REPORT_MAP_CELLS);
	struct report_cell *c = NULL;

	size = size > UINT64_MAX - page ? size : num_div_up(size, page) * page;
	for (size_t i = 0; size && i < ram->n; i++)
		for (uint64_t at = ram->v[i].start; at < ram->v[i].end;) {
			uint64_t part;

			if (!c || c->ram == size) {
				if (d->n_cells == REPORT_MAP_CELLS)
					return;
				c = &d->cells[d->n_cells++];
				*c = (struct report_cell){.start = at};
			}
			part = NUM_MIN(size - c->ram, ram->v[i].end - at);
			c->ram += part;
			at += part;
			c->end = at;
		}
}

/* Where in the cells the walk is: addresses come in ascending order. */
struct spread {
	struct report_dump *d;
	size_t cell;
};

static void spread(struct spread *s, uint64_t start, uint64_t end,
		   uint64_t *(*of)(struct report_cell *))
{
	while (s->cell < s->d->n_cells && start < end) {
		struct report_cell *c = &s->d->cells[s->cell];

		if (start >= c->end) {
			s->cell++;
			continue;
		}
		start = NUM_MAX(start, c->start);
		if (start >= end)
			break;
		*of(c) += NUM_MIN(end, c->end) - start;
		start = NUM_MIN(end, c->end);
	}
}

static uint64_t *present_of(struct report_cell *c)
{
	return &c->present;
}

static uint64_t *zero_of(struct report_cell *c)
{
	return &c->zero;
}

static uint64_t *lost_of(struct report_cell *c)
{
	return &c->lost;
}

static void tell(void *ctx, enum kdump_census_kind kind, uint64_t start, uint64_t end)
{
	struct spread *s = ctx;

	/* parts of a set may come in another order than their memory */
	if (s->cell < s->d->n_cells && start < s->d->cells[s->cell].start)
		s->cell = 0;
	if (kind == KDUMP_CENSUS_ZERO)
		s->d->zero += end - start;
	else
		s->d->lost += end - start;
	spread(s, start, end, kind == KDUMP_CENSUS_ZERO ? zero_of : lost_of);
}

/* What the census told was counted as present before, and is not. */
static void settle(struct report_dump *d)
{
	uint64_t without = d->zero + d->lost;

	d->present -= NUM_MIN(d->present, without);
	for (size_t i = 0; i < d->n_cells; i++) {
		struct report_cell *c = &d->cells[i];

		c->present -= NUM_MIN(c->present, c->zero + c->lost);
	}
}

static int make_map(struct report_dump *d, const struct source *src, uint64_t page, struct err *err)
{
	struct spread at = {.d = d};
	struct err why = {0};
	int r;

	make_cells(d, &src->ram, page);
	for (size_t i = 0; i < src->present.n; i++)
		spread(&at, src->present.v[i].start, src->present.v[i].end, present_of);
	at.cell = 0;
	r = kdump_census(src, MAX_DESCS, tell, &at, &why);
	if (r == ERR_NO_MEMORY) {
		*err = why;
		return r;
	}
	d->zero_known = !r;
	settle(d);
	return 0;
}

/* ---- what is not there */

static const struct {
	uint32_t bit;
	const char *text;
} classes[] = {
	{2, "page cache that nothing is attached to"},
	{4, "page cache with private data"},
	{8, "memory of processes, with their stacks"},
	{16, "free pages"},
};

static void tell_absent(struct report_dump *d, const struct kdump_header *h)
{
	uint64_t there = d->present + d->zero + d->lost;
	uint64_t out = d->ram > there ? d->ram - there : 0;

	if (d->live)
		return;
	if (h) {
		for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
			if (h->dump_level & classes[i].bit)
				absent(d, 0, "%s: left out by bit %u of the dump level %u",
				       classes[i].text, classes[i].bit, h->dump_level);
		if (out)
			absent(d, out, "all that the level leaves out, together");
	} else if (out) {
		absent(d, out,
		       "memory that the file has no bytes of: it was filtered, or its pages were "
		       "of "
		       "zeros; this format does not say which");
	}
	if (h && h->status & KDUMP_STATUS_VMEMMAP)
		absent(d, 0, "struct pages of pages that were left out");
	if (d->incomplete || d->lost)
		absent(d, d->lost, "pages that were lost, as the dump was cut off");
}

static void tell_capture(struct report_dump *d, const struct report_capture *c, uint64_t page)
{
	if (c && c->cut)
		absent(d, 0, "the capture cut the dump off: %s", c->cut);
	if (c && c->pages_lost && c->pages_lost < UINT64_MAX / page)
		absent(d, c->pages_lost * page, "pages that the capture could not read");
	if (c && c->pages_cut_off && c->pages_cut_off < UINT64_MAX / page)
		absent(d, c->pages_cut_off * page,
		       "pages that the capture had no room or time for");
}

int gather_dump(struct report *r, const struct source *src, struct err *err)
{
	const struct kdump_header *h = kdump_source_header(src);
	struct report_dump *d = &r->dump;
	uint64_t page = h ? h->block_size : 4096;

	d->path = src->path;
	d->format = src->ops->name;
	d->file_bytes = src->file_size;
	d->incomplete = src->incomplete;
	d->live = src->live;
	d->ram = ranges_total(&src->ram);
	d->present = ranges_total(&src->present);
	if (h) {
		d->has_level = true;
		d->level = h->dump_level;
		snprintf(d->codec, sizeof(d->codec), "%s", codec_name(h->status & CODEC_MASK));
		d->excluded_vmemmap = h->status & KDUMP_STATUS_VMEMMAP;
	}
	if (make_map(d, src, page, err))
		return err->code;
	tell_absent(d, h);
	tell_capture(d, r->capture, page);
	return 0;
}
