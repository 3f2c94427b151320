// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/sink.h"

#include <elf.h>
#include <stdatomic.h>

#include "base/num.h"
#include "format/note.h"

#define BITMAP_PIECE 65536 /* bytes of a bitmap written at once */
#define DESC_PIECE   1024  /* descriptors encoded at once */

struct sink {
	struct out *out;
	struct kdump_header header;
	struct kdump_layout layout;
	uint64_t zero_page;        /* file offset, 0 if none */
	_Atomic uint64_t data_end; /* where the next page data goes */
	void *block;               /* block_size bytes of scratch */
};

/* CPUs that left registers. kdump notes skip CPUs that never stopped, so this is what is there. */
static uint32_t count_cpus(struct bytes notes)
{
	struct note note;
	struct err ignored;
	uint32_t n = 0;
	size_t off = 0;
	bool more;

	while (!note_next(notes, &off, &note, &more, &ignored) && more)
		n += note.type == NOTE_TYPE_PRSTATUS && note.name.len == 4 &&
		     memcmp(note.name.data, "CORE", 4) == 0;
	return n;
}

static int64_t phys_base(const struct image *img)
{
	int64_t v = 0;
	struct err ignored;
	bool found;

	/* x86_64 only; other architectures leave the field 0 */
	if (vmcoreinfo_number(img->info, "phys_base", &v, &found, &ignored))
		return 0;
	return v;
}

static int plan(struct sink *s, const struct image *img, const struct filter_options *options,
		const struct bitmap *keep, struct err *err)
{
	struct kdump_header *h = &s->header;
	int r;

	memcpy(h->uts, img->uts, sizeof(h->uts));
	h->time_sec = img->crash_time;
	h->status = (uint32_t)options->codec | KDUMP_STATUS_INCOMPLETE;
	h->block_size = (uint32_t)img->page_size;
	h->max_mapnr = keep->bits;
	h->nr_cpus = count_cpus(img->src->notes);
	h->phys_base = (uint64_t)phys_base(img);
	h->dump_level = options->level;
	h->notes_size = img->src->notes.len;
	r = kdump_plan(h, &s->layout, err);
	if (r)
		return r;
	h->vmcoreinfo_off = h->notes_off + img->info_off;
	h->vmcoreinfo_size = img->info_text.len;
	return 0;
}

static int write_main_header(struct sink *s, struct err *err)
{
	kdump_encode_header(&s->header, s->block);
	return s->out->ops->pwrite(s->out, s->block, s->header.block_size, 0, err);
}

static int write_headers(struct sink *s, struct err *err)
{
	uint8_t sub[KDUMP_SUB_HEADER_SIZE];
	int r = write_main_header(s, err);

	kdump_encode_sub_header(&s->header, sub);
	if (!r)
		r = s->out->ops->pwrite(s->out, sub, sizeof(sub), s->header.block_size, err);
	return r;
}

/*
 * The same stretch of both bitmaps, from page frame `first` on. The 2nd lies in memory as the file wants
 * it: little-endian words, lowest bit first. The 1st is never whole in memory.
 */
static int write_bitmap_piece(struct sink *s, const struct ranges *ram, const struct bitmap *keep,
			      struct bitmap *scratch, uint64_t first, struct err *err)
{
	const uint8_t *kept = (const uint8_t *)keep->words;
	uint64_t end = NUM_MIN(first + scratch->bits, keep->bits), at = first / 8;
	size_t len = (size_t)num_div_up(end - first, 8);
	const struct range *range = ranges_from(ram, first);
	int r;

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bitmap words are bytes here");
	bitmap_clear_range(scratch, 0, scratch->bits);
	for (; range && range < ram->v + ram->n && range->start < end; range++)
		bitmap_set_range(scratch, NUM_MAX(range->start, first) - first,
				 NUM_MIN(range->end, end) - first);
	r = s->out->ops->pwrite(s->out, scratch->words, len, s->layout.bitmap1_off + at, err);
	if (!r)
		r = s->out->ops->pwrite(s->out, kept + at, len, s->layout.bitmap2_off + at, err);
	return r;
}

/*
 * Only the pieces where there is memory: it may lie at the far end of the address space (72 TiB on a
 * Grace Hopper), and what is never written reads as zeros.
 */
static int write_bitmaps(struct sink *s, const struct ranges *ram, const struct bitmap *keep,
			 uint64_t *ret_kept, struct err *err)
{
	struct bitmap scratch;
	uint64_t next = 0, kept = 0;
	int r = bitmap_init(&scratch, BITMAP_PIECE * 8, err);

	if (r)
		return r;
	for (size_t i = 0; i < ram->n && !r; i++) {
		uint64_t piece = NUM_MAX(ram->v[i].start / scratch.bits, next);

		next = NUM_MAX((ram->v[i].end - 1) / scratch.bits + 1, next);
		for (; piece < next && !r; piece++) {
			r = write_bitmap_piece(s, ram, keep, &scratch, piece * scratch.bits, err);
			kept += bitmap_count_words(keep, piece * scratch.n_words,
						   (piece + 1) * scratch.n_words);
		}
	}
	bitmap_deinit(&scratch);
	*ret_kept = kept;
	return r;
}

static int write_start(struct sink *s, const struct image *img,
		       const struct filter_options *options, const struct ranges *ram,
		       const struct bitmap *keep, struct err *err)
{
	uint64_t block = s->header.block_size, kept, data;
	int r;

	if ((r = write_headers(s, err)) ||
	    (r = s->out->ops->pwrite(s->out, img->src->notes.data, img->src->notes.len,
				     s->header.notes_off, err)) ||
	    (r = write_bitmaps(s, ram, keep, &kept, err)))
		return r;
	memset(s->block, 0, block);
	/* with nothing behind it, the (empty) 2nd bitmap must still be whole: readers map it */
	if (!kept &&
	    (r = s->out->ops->pwrite(s->out, s->block, block, s->layout.desc_off - block, err)))
		return r;
	data = num_align_up(s->layout.desc_off + kept * KDUMP_DESC_SIZE, block);
	if (options->level & LEVEL_ZERO) {
		r = s->out->ops->pwrite(s->out, s->block, block, data, err);
		if (r)
			return r;
		s->zero_page = data;
		data += block;
	}
	atomic_init(&s->data_end, data);
	return 0;
}

int sink_create(const struct image *img, const struct filter_options *options,
		const struct ranges *ram, const struct bitmap *keep, struct out *out,
		struct sink **ret, struct err *err)
{
	struct sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err, sizeof(*s), "the output");
	s->out = out;
	s->block = malloc(img->page_size);
	if (!s->block)
		r = err_nomem(err, img->page_size, "a block of the output");
	else if (!(r = plan(s, img, options, keep, err)))
		r = write_start(s, img, options, ram, keep, err);
	if (r) {
		sink_destroy(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sink_destroy(struct sink *s)
{
	if (!s)
		return;
	free(s->block);
	free(s);
}

uint64_t sink_zero_page(const struct sink *s)
{
	return s->zero_page;
}

int sink_write(struct sink *s, const void *data, size_t len, uint64_t slot,
	       struct kdump_desc *descs, const bool *absolute, size_t n, struct err *err)
{
	uint64_t base = atomic_fetch_add_explicit(&s->data_end, len, memory_order_relaxed);
	uint8_t encoded[DESC_PIECE * KDUMP_DESC_SIZE / 2];
	const size_t piece = sizeof(encoded) / KDUMP_DESC_SIZE;
	int r = len ? s->out->ops->pwrite(s->out, data, len, base, err) : 0;

	for (size_t i = 0; i < n && !r;) {
		size_t k = 0;

		for (; k < piece && i + k < n; k++) {
			struct kdump_desc d = descs[i + k];

			if (!absolute[i + k])
				d.offset += base;
			kdump_encode_desc(&d, encoded + k * KDUMP_DESC_SIZE);
		}
		r = s->out->ops->pwrite(s->out, encoded, k * KDUMP_DESC_SIZE,
					s->layout.desc_off + (slot + i) * KDUMP_DESC_SIZE, err);
		i += k;
	}
	return r;
}

/* Nobody vouches for the file: say so again, as far as that still works. */
static void mark_incomplete(struct sink *s)
{
	struct err ignored;

	s->header.status |= KDUMP_STATUS_INCOMPLETE;
	if (!write_main_header(s, &ignored))
		(void)s->out->ops->sync(s->out, &ignored);
}

int sink_finish(struct sink *s, bool keep_incomplete, uint64_t *ret_size, struct err *err)
{
	int r = s->out->ops->sync(s->out, err);

	if (!r && !keep_incomplete) {
		s->header.status &= ~(uint32_t)KDUMP_STATUS_INCOMPLETE;
		r = write_main_header(s, err);
		if (!r)
			r = s->out->ops->sync(s->out, err);
		if (r)
			mark_incomplete(s);
	}
	if (!r)
		*ret_size = atomic_load(&s->data_end);
	return r;
}
