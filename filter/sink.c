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

static int write_headers(struct sink *s, struct err *err)
{
	uint8_t sub[KDUMP_SUB_HEADER_SIZE];
	int r;

	kdump_encode_header(&s->header, s->block);
	kdump_encode_sub_header(&s->header, sub);
	r = s->out->ops->pwrite(s->out, s->block, s->header.block_size, 0, err);
	if (!r)
		r = s->out->ops->pwrite(s->out, sub, sizeof(sub), s->header.block_size, err);
	return r;
}

/* The 2nd bitmap lies in memory as the file wants it: little-endian words, lowest bit first. */
static int write_bitmap(struct sink *s, const struct bitmap *b, uint64_t at, struct err *err)
{
	const uint8_t *bytes = (const uint8_t *)b->words;
	uint64_t len = num_div_up(b->bits, 8);
	int r = 0;

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bitmap words are bytes here");
	for (uint64_t off = 0; off < len && !r; off += BITMAP_PIECE)
		r = s->out->ops->pwrite(s->out, bytes + off,
					(size_t)NUM_MIN(len - off, (uint64_t)BITMAP_PIECE),
					at + off, err);
	return r;
}

static int write_ram_bitmap(struct sink *s, const struct ranges *ram, struct err *err)
{
	struct bitmap b;
	int r = bitmap_init(&b, s->header.max_mapnr, err);

	if (r)
		return r;
	for (size_t i = 0; i < ram->n; i++)
		bitmap_set_range(&b, ram->v[i].start, NUM_MIN(ram->v[i].end, b.bits));
	r = write_bitmap(s, &b, s->layout.bitmap1_off, err);
	bitmap_deinit(&b);
	return r;
}

static int write_start(struct sink *s, const struct image *img,
		       const struct filter_options *options, const struct ranges *ram,
		       const struct bitmap *keep, struct err *err)
{
	uint64_t kept = bitmap_count_words(keep, 0, keep->n_words);
	uint64_t block = s->header.block_size;
	uint64_t data = num_align_up(s->layout.desc_off + kept * KDUMP_DESC_SIZE, block);
	int r;

	if ((r = write_headers(s, err)) ||
	    (r = s->out->ops->pwrite(s->out, img->src->notes.data, img->src->notes.len,
				     s->header.notes_off, err)) ||
	    (r = write_ram_bitmap(s, ram, err)) ||
	    (r = write_bitmap(s, keep, s->layout.bitmap2_off, err)))
		return r;
	if (options->level & LEVEL_ZERO) {
		memset(s->block, 0, block);
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

int sink_finish(struct sink *s, bool keep_incomplete, uint64_t *ret_size, struct err *err)
{
	int r = s->out->ops->sync(s->out, err);

	if (!r && !keep_incomplete) {
		s->header.status &= ~(uint32_t)KDUMP_STATUS_INCOMPLETE;
		r = write_headers(s, err);
		if (!r)
			r = s->out->ops->sync(s->out, err);
	}
	if (!r)
		*ret_size = atomic_load(&s->data_end);
	return r;
}
