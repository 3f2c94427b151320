// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/fetch.h"

#include "base/num.h"

int fetch_init(struct fetch *f, const struct image *img, struct err *err)
{
	*f = (struct fetch){.img = img, .page = malloc(img->page_size)};
	view_init(&f->view);
	return f->page ? 0 : err_nomem(err, img->page_size, "a page");
}

void fetch_deinit(struct fetch *f)
{
	if (f->img)
		view_deinit(f->img->src, &f->view);
	free(f->page);
}

/* A page that the source has only in pieces. False if one that is there cannot be read. */
static bool gather(struct fetch *f, uint64_t phys)
{
	const struct source *src = f->img->src;
	uint64_t end = phys + f->img->page_size;
	const struct range *r = ranges_from(&src->present, phys);
	const struct range *stop = src->present.v + src->present.n;
	struct err ignored;

	memset(f->page, 0, f->img->page_size);
	for (; r && r < stop && r->start < end; r++) {
		uint64_t from = NUM_MAX(r->start, phys), to = NUM_MIN(r->end, end);

		if (source_read(src, from, f->page + (from - phys), (size_t)(to - from), &ignored))
			return false;
	}
	return true;
}

const uint8_t *fetch_page(struct fetch *f, uint64_t pfn)
{
	uint64_t phys = pfn << f->img->page_shift;
	const uint8_t *data;
	struct err ignored;
	size_t len;

	if (!source_map(f->img->src, &f->view, phys, &data, &len, &ignored) &&
	    len >= f->img->page_size)
		return data;
	return gather(f, phys) ? f->page : NULL;
}
