// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A split set becomes one file. What lies behind the descriptors of each file is copied as one piece, so
 * pages that share their data go on to share it, and only the offsets in the descriptors change.
 */
#include <inttypes.h>

#include "base/num.h"
#include "format/input.h"
#include "format/kdump_part.h"
#include "format/kdump_set.h"
#include "format/note.h"

#define COPY_SIZE  (1UL << 20)
#define DESC_PIECE 4096 /* descriptors written at once */

struct join {
	const struct kdump_set *set;
	struct out *out;
	struct kdump_header header;
	struct kdump_layout layout;
	uint64_t end;  /* of what is written: there the next part's data goes */
	uint64_t rank; /* of the next part's first page */
	uint8_t *buf;  /* COPY_SIZE bytes */
};

static int put(const struct join *j, const void *buf, size_t len, uint64_t off, struct err *err)
{
	return j->out->ops->pwrite(j->out, buf, len, off, err);
}

/* Bytes [from, end) of a file, as they are. */
static int copy_bytes(const struct join *j, const struct input *in, uint64_t from, uint64_t end,
		      uint64_t to, const char *what, struct err *err)
{
	for (uint64_t at = from, part; at < end; at += part) {
		part = NUM_MIN(end - at, COPY_SIZE);
		if (input_read(in, j->buf, (size_t)part, at, what, err) ||
		    put(j, j->buf, (size_t)part, to + (at - from), err))
			return err->code;
	}
	return 0;
}

/* The same where gaps need not be written; the last byte is, so that the file is as long as it says. */
static int copy_area(const struct join *j, const struct source *part, struct range area,
		     uint64_t to, const char *what, struct err *err)
{
	const struct input *in = kdump_part_input(part);
	struct range data;
	int r = 0;

	if (area.start == area.end)
		return 0;
	for (uint64_t at = area.start; !r && input_next_data(in, at, area.end - 1, &data);
	     at = data.end)
		r = copy_bytes(j, in, data.start, data.end, to + (data.start - area.start), what,
			       err);
	if (!r)
		r = copy_bytes(j, in, area.end - 1, area.end, to + (area.end - 1 - area.start),
			       what, err);
	return r ? err_wrap(err, "%s", part->path) : 0;
}

/* ---- the data of a part */

/* Goes through the descriptors of a part. */
struct walk {
	const struct source *part;
	uint64_t index, pfn, end; /* end: of the range of page frames that pfn lies in */
	size_t next;              /* range */
};

/* The next page of the part; false behind the last. *ret is zeros if the page is lost. */
static int walk_next(struct walk *w, bool *ret_more, struct kdump_desc *ret, struct err *err)
{
	uint64_t bs = kdump_part_header(w->part)->block_size;
	int r;

	if (w->pfn == w->end) {
		*ret_more = w->next < w->part->present.n;
		if (!*ret_more)
			return 0;
		w->pfn = w->part->present.v[w->next].start / bs;
		w->end = w->part->present.v[w->next++].end / bs;
	}
	*ret_more = true;
	r = kdump_part_desc(w->part, w->pfn++, w->index++, ret, err);
	if (r != ERR_NOT_FOUND)
		return r ? err_wrap(err, "%s", w->part->path) : 0;
	*ret = (struct kdump_desc){0};
	return 0;
}

static int find_area(const struct source *part, struct range *ret, struct err *err)
{
	struct walk w = {.part = part};
	struct range area = {UINT64_MAX, 0};
	bool more = true;
	uint64_t room;

	for (;;) {
		struct kdump_desc d;

		if (walk_next(&w, &more, &d, err))
			return err->code;
		if (!more)
			break;
		if (!d.offset)
			continue;
		area.start = NUM_MIN(area.start, d.offset);
		area.end = NUM_MAX(area.end, d.offset + d.size);
	}
	if (area.start > area.end)
		area = (struct range){0};
	/* two blocks a page is more than any order or alignment takes */
	room = w.index * kdump_part_header(part)->block_size * 2;
	if (area.end - area.start > room)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: the data of %" PRIu64 " pages is scattered over 0x%" PRIx64
			       " bytes",
			       part->path, w.index, area.end - area.start);
	*ret = area;
	return 0;
}

/* Data that was at `from` is at `to` now. */
static int write_descs(const struct join *j, const struct source *part, uint64_t from, uint64_t to,
		       struct err *err)
{
	struct walk w = {.part = part};
	uint64_t at = j->layout.desc_off + j->rank * KDUMP_DESC_SIZE;
	bool more = true;

	while (more) {
		size_t n = 0;

		while (n < DESC_PIECE) {
			struct kdump_desc d;

			if (walk_next(&w, &more, &d, err))
				return err->code;
			if (!more)
				break;
			if (d.offset)
				d.offset = d.offset - from + to;
			kdump_encode_desc(&d, j->buf + n++ * KDUMP_DESC_SIZE);
		}
		if (n && put(j, j->buf, n * KDUMP_DESC_SIZE, at, err))
			return err->code;
		at += n * KDUMP_DESC_SIZE;
	}
	return 0;
}

/* How many pages of the dump there are before `pfn`. */
static uint64_t rank_of(const struct kdump_set *set, uint64_t pfn)
{
	uint64_t bs = set->header.block_size, n = 0;

	for (size_t i = 0; i < set->kept.n && set->kept.v[i].start < pfn * bs; i++)
		n += NUM_MIN(set->kept.v[i].end, pfn * bs) - set->kept.v[i].start;
	return n / bs;
}

static int copy_part(struct join *j, const struct source *part, struct err *err)
{
	struct range area = {0};
	int r = find_area(part, &area, err);

	if (r)
		return r;
	j->rank = rank_of(j->set, kdump_part_header(part)->start_pfn);
	r = write_descs(j, part, area.start, j->end, err);
	if (!r)
		r = copy_area(j, part, area, j->end, "page data", err);
	if (!r)
		j->end += area.end - area.start;
	return r;
}

/* What makedumpfile erased: lines of text, each file's behind the other's. */
static int copy_erase(struct join *j, struct err *err)
{
	uint64_t begin = j->end;

	for (size_t i = 0; i < j->set->n; i++) {
		const struct kdump_header *h = kdump_part_header(j->set->parts[i]);
		struct range area = {h->erase_off, h->erase_off + h->erase_size};

		if (!h->erase_size)
			continue;
		if (copy_area(j, j->set->parts[i], area, j->end, "eraseinfo", err))
			return err->code;
		j->end += h->erase_size;
	}
	j->header.erase_size = j->end - begin;
	j->header.erase_off = j->header.erase_size ? begin : 0;
	return 0;
}

/* ---- the beginning and the end of the file */

static int plan(struct join *j, struct err *err)
{
	const struct bytes notes = j->set->src.notes;
	struct kdump_header *h = &j->header;
	struct note note;
	struct err ignored;

	*h = j->set->header;
	h->split = false;
	h->notes_size = notes.len;
	h->vmcoreinfo_off = h->vmcoreinfo_size = 0;
	if (kdump_plan(h, &j->layout, err))
		return err->code;
	if (!note_find(notes, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &note, &ignored)) {
		h->vmcoreinfo_off = h->notes_off + (uint64_t)(note.desc.data - notes.data);
		h->vmcoreinfo_size = note.desc.len;
	}
	j->end = j->layout.desc_off + ranges_total(&j->set->kept) / h->block_size * KDUMP_DESC_SIZE;
	return 0;
}

static int write_header(const struct join *j, bool incomplete, struct err *err)
{
	struct kdump_header h = j->header;

	h.status |= incomplete ? KDUMP_STATUS_INCOMPLETE : 0;
	kdump_encode_header(&h, j->buf);
	return put(j, j->buf, h.block_size, 0, err);
}

/* Those of the files may be larger than they need to be: what is behind max_mapnr stays there. */
static int copy_bitmaps(const struct join *j, struct err *err)
{
	const struct source *first = j->set->parts[0];
	const struct kdump_layout *from = kdump_part_layout(first);
	uint64_t size = j->layout.bitmap_size;
	int r = copy_area(j, first, (struct range){from->bitmap1_off, from->bitmap1_off + size},
			  j->layout.bitmap1_off, "the 1st bitmap", err);

	return r ? r
		 : copy_area(j, first, (struct range){from->bitmap2_off, from->bitmap2_off + size},
			     j->layout.bitmap2_off, "the 2nd bitmap", err);
}

static int write_start(const struct join *j, struct err *err)
{
	const struct bytes notes = j->set->src.notes;
	int r = j->out->write_once ? 0 : write_header(j, true, err);

	if (!r && notes.len)
		r = put(j, notes.data, notes.len, j->header.notes_off, err);
	if (!r)
		r = copy_bitmaps(j, err);
	return r;
}

/* Where eraseinfo lies is known by now. */
static int write_sub_header(const struct join *j, struct err *err)
{
	kdump_encode_sub_header(&j->header, j->buf);
	return put(j, j->buf, KDUMP_SUB_HEADER_SIZE, j->header.block_size, err);
}

static int finish(const struct join *j, struct err *err)
{
	int r = write_sub_header(j, err);

	if (!r && !j->out->write_once)
		r = j->out->ops->sync(j->out, err);
	if (!r)
		r = write_header(j, j->set->src.incomplete, err);
	return r ? r : j->out->ops->sync(j->out, err);
}

int kdump_set_join(const struct source *src, struct out *out, uint64_t *ret_size, struct err *err)
{
	struct join j = {.set = (const struct kdump_set *)src, .out = out};
	int r;

	if (src->ops != &kdump_set_source)
		return err_set(err, ERR_UNSUPPORTED, "%s is no split dump", src->path);
	j.buf = malloc(COPY_SIZE);
	if (!j.buf)
		return err_nomem(err, COPY_SIZE, "copying page data");
	r = plan(&j, err);
	if (!r)
		r = write_start(&j, err);
	for (size_t i = 0; i < j.set->n_full && !r; i++)
		r = copy_part(&j, j.set->parts[i], err);
	if (!r)
		r = copy_erase(&j, err);
	if (!r)
		r = finish(&j, err);
	free(j.buf);
	if (!r)
		*ret_size = j.end;
	return r;
}
