// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/sink_kdump.h"

#include <elf.h>
#include <stdatomic.h>

#include "base/num.h"
#include "format/kdump.h"
#include "format/note.h"

#define DESC_PIECE 512 /* descriptors encoded at once */

struct sink_kdump {
	struct sink sink;
	struct kdump_header header;
	struct kdump_layout layout;
	uint64_t zero_page;        /* file offset, 0 if none */
	_Atomic uint64_t data_end; /* where the next page data goes */
	_Atomic uint64_t file_end; /* behind the last byte: blocks may end behind it */
	void *block;               /* block_size bytes of scratch */
};

static int put(const struct sink_kdump *s, const void *buf, size_t len, uint64_t off,
	       struct err *err)
{
	struct out *out = s->sink.task.out;

	return out->ops->pwrite(out, buf, len, off, err);
}

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

static int plan(struct sink_kdump *s, struct err *err)
{
	const struct image *img = s->sink.task.img;
	const struct filter_options *options = s->sink.task.options;
	struct kdump_header *h = &s->header;
	int r;

	memcpy(h->uts, img->uts, sizeof(h->uts));
	h->time_sec = img->crash_time;
	h->status = (uint32_t)options->codec | KDUMP_STATUS_INCOMPLETE;
	h->status |= options->exclude_vmemmap ? KDUMP_STATUS_VMEMMAP : 0;
	h->block_size = (uint32_t)img->page_size;
	h->max_mapnr = s->sink.task.ram->v[s->sink.task.ram->n - 1].end;
	h->nr_cpus = count_cpus(img->src->notes);
	h->phys_base = (uint64_t)phys_base(img);
	h->dump_level = options->level;
	h->notes_size = img->src->notes.len;
	if (s->sink.task.part) {
		h->split = true;
		h->start_pfn = s->sink.task.part->start;
		h->end_pfn = s->sink.task.part->end;
	}
	r = kdump_plan(h, &s->layout, err);
	if (r)
		return r;
	h->vmcoreinfo_off = h->notes_off + img->info_off;
	h->vmcoreinfo_size = img->info_text.len;
	return 0;
}

static int write_main_header(struct sink_kdump *s, struct err *err)
{
	kdump_encode_header(&s->header, s->block);
	return put(s, s->block, s->header.block_size, 0, err);
}

static int write_headers(struct sink_kdump *s, struct err *err)
{
	uint8_t sub[KDUMP_SUB_HEADER_SIZE];
	int r = s->sink.task.out->write_once ? 0 : write_main_header(s, err);

	kdump_encode_sub_header(&s->header, sub);
	if (!r)
		r = put(s, sub, sizeof(sub), s->header.block_size, err);
	return r;
}

/* ---- bitmaps: little-endian words, lowest bit first, in the file as in memory */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bitmap words are bytes here");

/* Write the words of `pages` page frames from `first` on; the last of them may be behind the end. */
static int put_words(struct sink_kdump *s, const uint64_t *words, uint64_t first, uint64_t pages,
		     uint64_t bitmap, struct err *err)
{
	uint64_t bits = NUM_MIN(s->header.max_mapnr - first, pages);

	return put(s, words, (size_t)num_div_up(bits, 8), bitmap + first / 8, err);
}

#define RAM_PAGES (CHUNK_PAGES * 16) /* 64 KiB of bitmap in one write */

/*
 * Only where there is memory: it may lie at the far end of the address space (72 TiB on a
 * Grace Hopper), and what is never written reads as zeros.
 */
static int write_ram(struct sink_kdump *s, struct err *err)
{
	const struct ranges *ram = s->sink.task.ram;
	_cleanup_free_ uint64_t *words = malloc(RAM_PAGES / 8);
	struct bitmap bits = {words, RAM_PAGES, RAM_PAGES / BITMAP_WORD_BITS};
	uint64_t next = 0;
	int r = 0;

	if (!words)
		return err_nomem(err, RAM_PAGES / 8, "a piece of the 1st bitmap");
	for (size_t i = 0; i < ram->n && !r; i++) {
		uint64_t at = NUM_MAX(num_align_down(ram->v[i].start, RAM_PAGES), next);

		for (; at < ram->v[i].end && !r; at += RAM_PAGES) {
			const struct range *range = &ram->v[i];

			memset(words, 0, RAM_PAGES / 8);
			for (; range < ram->v + ram->n && range->start < at + RAM_PAGES; range++)
				bitmap_set_range(&bits, NUM_MAX(range->start, at) - at,
						 NUM_MIN(range->end - at, RAM_PAGES));
			r = put_words(s, words, at, RAM_PAGES, s->layout.bitmap1_off, err);
		}
		next = at;
	}
	return r;
}

static int write_kept(struct sink_kdump *s, struct err *err)
{
	const struct keep *keep = s->sink.task.keep;
	struct keep_reader reader;
	int r = keep_reader_init(&reader, keep, err);

	for (uint64_t i = 0; i < keep->n_chunks && !r; i++) {
		const struct chunk_bits *bits;

		if (!keep->chunks[i].kept)
			continue;
		bits = keep_read(&reader, i, err);
		r = bits ? put_words(s, bits->keep, keep->chunks[i].pfn, CHUNK_PAGES,
				     s->layout.bitmap2_off, err)
			 : err->code;
	}
	keep_reader_deinit(&reader);
	return r;
}

/* Has the last byte of the 2nd bitmap been written? */
static bool ends_bitmap(const struct sink_kdump *s)
{
	const struct keep *keep = s->sink.task.keep;
	const struct chunk *last = &keep->chunks[keep->n_chunks - 1];

	return num_div_up(s->header.max_mapnr, 8) == s->layout.bitmap_size && last->kept &&
	       last->pfn + CHUNK_PAGES >= s->header.max_mapnr;
}

static int write_start(struct sink_kdump *s, struct err *err)
{
	const struct sink_task *task = &s->sink.task;
	const struct bytes notes = task->img->src->notes;
	uint64_t block = s->header.block_size, data;
	uint64_t kept = task->part ? task->part->n_kept : task->keep->n_kept;
	int r;

	if ((r = write_headers(s, err)) ||
	    (r = put(s, notes.data, notes.len, s->header.notes_off, err)) ||
	    (r = write_ram(s, err)) || (r = write_kept(s, err)))
		return r;
	memset(s->block, 0, block);
	/* with nothing behind it, the 2nd bitmap must still be whole: readers map it */
	if (!kept && !ends_bitmap(s) && (r = put(s, s->block, 1, s->layout.desc_off - 1, err)))
		return r;
	data = num_align_up(s->layout.desc_off + kept * KDUMP_DESC_SIZE, block);
	if (task->options->level & LEVEL_ZERO) {
		r = put(s, s->block, block, data, err);
		if (r)
			return r;
		s->zero_page = data;
		data += block;
	}
	atomic_init(&s->data_end, data);
	atomic_init(&s->file_end, data);
	s->sink.base = data;
	return 0;
}

static void kdump_destroy(struct sink *sink)
{
	struct sink_kdump *s = (struct sink_kdump *)sink;

	free(s->block);
	free(s);
}

/* The descriptor of a page whose data, if it has its own, lies at `at`. */
static struct kdump_desc describe(const struct sink_kdump *s, const struct sink_page *page,
				  uint64_t at)
{
	switch (page->kind) {
	case SINK_DATA:
		return (struct kdump_desc){at, page->size, page->codec};
	case SINK_SHARED:
		return (struct kdump_desc){page->at, page->size, page->codec};
	case SINK_ZERO:
		return (struct kdump_desc){s->zero_page, s->header.block_size, CODEC_RAW};
	case SINK_LOST:
		break;
	}
	return (struct kdump_desc){0};
}

/* Room for `len` bytes of page data, in whole blocks where the output wants them. */
static uint64_t reserve(struct sink_kdump *s, size_t len)
{
	size_t block = s->sink.task.out->block;

	if (block)
		len = num_align_up(len, block);
	return atomic_fetch_add_explicit(&s->data_end, len, memory_order_relaxed);
}

static int put_at(struct sink_kdump *s, const void *data, size_t len, uint64_t at, struct err *err)
{
	uint64_t end = atomic_load(&s->file_end);

	while (end < at + len && !atomic_compare_exchange_weak(&s->file_end, &end, at + len))
		;
	return put(s, data, len, at, err);
}

static int kdump_place(struct sink *sink, const void *data, size_t len, uint64_t *ret_at,
		       struct err *err)
{
	struct sink_kdump *s = (struct sink_kdump *)sink;

	*ret_at = reserve(s, len);
	return put_at(s, data, len, *ret_at, err);
}

static int put_data(struct sink_kdump *s, const struct sink_batch *b, uint64_t *ret_at,
		    struct err *err)
{
	size_t block = s->sink.task.out->block;

	*ret_at = reserve(s, b->len);
	return b->len ? put_at(s, b->data, block ? num_align_up(b->len, block) : b->len, *ret_at,
			       err)
		      : 0;
}

/*
 * Some descriptors in a row. A full disk may take a part of them, and end within one: an offset without a
 * size. What it took is taken back, so that these pages are lost and no others are shown in their place.
 */
static int put_descs(struct sink_kdump *s, uint8_t *encoded, size_t n, uint64_t rank,
		     struct err *err)
{
	uint64_t at = s->layout.desc_off + rank * KDUMP_DESC_SIZE;
	int r = put(s, encoded, n * KDUMP_DESC_SIZE, at, err);
	struct err ignored;

	if (r) {
		memset(encoded, 0, n * KDUMP_DESC_SIZE);
		(void)!put(s, encoded, n * KDUMP_DESC_SIZE, at, &ignored);
	}
	return r;
}

/* Descriptors are written in stretches without a gap. */
static int kdump_write(struct sink *sink, const struct sink_batch *b, struct err *err)
{
	struct sink_kdump *s = (struct sink_kdump *)sink;
	uint8_t encoded[DESC_PIECE * KDUMP_DESC_SIZE];
	uint64_t at;
	int r = put_data(s, b, &at, err);

	for (size_t i = 0; i < b->n && !r;) {
		uint64_t first = b->pages[i].rank;
		size_t k = 0;

		for (; k < DESC_PIECE && i < b->n && b->pages[i].rank == first + k; i++, k++) {
			const struct sink_page *page = &b->pages[i];
			struct kdump_desc d = describe(s, page, at);

			at += page->kind == SINK_DATA ? page->size : 0;
			kdump_encode_desc(&d, encoded + k * KDUMP_DESC_SIZE);
		}
		r = put_descs(s, encoded, k, first - b->base, err);
	}
	return r;
}

static int kdump_mark(struct sink *sink, bool incomplete, struct err *err)
{
	struct sink_kdump *s = (struct sink_kdump *)sink;

	s->header.status &= ~(uint32_t)KDUMP_STATUS_INCOMPLETE;
	s->header.status |= incomplete ? KDUMP_STATUS_INCOMPLETE : 0;
	return write_main_header(s, err);
}

static int kdump_finish(struct sink *sink, bool keep_incomplete, uint64_t *ret_size,
			struct err *err)
{
	int r = sink_settle(sink, keep_incomplete, kdump_mark, err);

	if (!r)
		*ret_size = atomic_load(&((struct sink_kdump *)sink)->file_end);
	return r;
}

static const struct sink_ops kdump_ops = {
	.write = kdump_write,
	.place = kdump_place,
	.finish = kdump_finish,
	.destroy = kdump_destroy,
};

int sink_kdump_create(const struct sink_task *task, struct sink **ret, struct err *err)
{
	struct sink_kdump *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err, sizeof(*s), "the output");
	s->sink = (struct sink){.ops = &kdump_ops, .task = *task};
	s->block = malloc(task->img->page_size);
	if (!s->block)
		r = err_nomem(err, task->img->page_size, "a block of the output");
	else if (!(r = plan(s, err)))
		r = write_start(s, err);
	if (r) {
		kdump_destroy(&s->sink);
		return r;
	}
	*ret = &s->sink;
	return 0;
}
