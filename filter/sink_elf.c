// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/sink_elf.h"

#include <elf.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "base/num.h"
#include "filter/kernel_map.h"
#include "format/elfcore_fields.h"

#define PHDR_PIECE 128 /* program headers written at once */
#define PHDR_SPARE 256 /* room in the table for the pieces that lost pages make of runs */

struct sink_elf {
	struct sink sink;
	struct kernel_map map;
	uint64_t n_kept;
	uint64_t n_phdrs;    /* in the table now */
	uint64_t phdrs_room; /* it has room for so many */
	uint64_t notes_off;  /* section header 0 lies right before */
	uint64_t data_off;   /* of the page of rank 0 */
	struct bitmap done; /* by rank: there, as data or as a hole; words are changed atomically */
	bool all_done;      /* as far as the table of program headers goes */
	_Atomic uint64_t n_done;
	_Atomic bool end_written; /* the last page had data */
};

/* Kept page frames without a gap. */
struct run {
	uint64_t pfn;
	uint64_t rank;
	uint64_t count;
};

/* The program headers on their way into the file; they are only counted if `dry`. */
struct table {
	struct sink_elf *s;
	bool dry;
	bool image; /* the pass for the kernel's image */
	uint64_t n;
	size_t n_buf;
	Elf64_Phdr buf[PHDR_PIECE];
};

static int put(const struct sink_elf *s, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct out *out = s->sink.task.out;

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ELF structs are the file's");
	return out->ops->pwrite(out, buf, len, off, err);
}

/* ---- program headers */

static int flush_table(struct table *t, struct err *err)
{
	uint64_t at = sizeof(Elf64_Ehdr) + (t->n - t->n_buf) * sizeof(Elf64_Phdr);
	size_t n = t->n_buf;

	t->n_buf = 0;
	return t->dry || !n ? 0 : put(t->s, t->buf, n * sizeof(*t->buf), at, err);
}

static int add_phdr(struct table *t, const Elf64_Phdr *phdr, struct err *err)
{
	t->buf[t->n_buf++] = *phdr;
	t->n++;
	return t->n_buf == PHDR_PIECE ? flush_table(t, err) : 0;
}

/* A PT_LOAD for page frames that are all in the file. */
static int add_load(struct table *t, const struct run *run, struct err *err)
{
	const struct kernel_map *map = &t->s->map;
	unsigned int shift = t->s->sink.task.img->page_shift;
	uint64_t paddr = run->pfn << shift;
	Elf64_Phdr phdr = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = t->s->data_off + (run->rank << shift),
		.p_paddr = paddr,
		.p_filesz = run->count << shift,
		.p_memsz = run->count << shift,
	};

	if (t->image)
		phdr.p_vaddr = paddr + (map->vaddr - map->phys);
	else if (map->has_all)
		phdr.p_vaddr = paddr + map->all;
	return add_phdr(t, &phdr, err);
}

/* In the image's pass only its part of the run counts. */
static int add_piece(struct table *t, struct run run, struct err *err)
{
	unsigned int shift = t->s->sink.task.img->page_shift;
	uint64_t first = t->s->map.phys >> shift;
	uint64_t end = first + (t->s->map.length >> shift);
	uint64_t from = NUM_MAX(run.pfn, first), to = NUM_MIN(run.pfn + run.count, end);

	if (!t->image)
		return add_load(t, &run, err);
	if (from >= to)
		return 0;
	return add_load(t, &(struct run){from, run.rank + (from - run.pfn), to - from}, err);
}

/* A run without the pages that are not there. */
static int add_run(struct table *t, const struct run *run, struct err *err)
{
	const struct bitmap *done = &t->s->done;
	uint64_t end = run->rank + run->count, at = run->rank;

	if (t->s->all_done)
		return add_piece(t, *run, err);
	while ((at = bitmap_next(done, at, end, true)) < end) {
		uint64_t stop = bitmap_next(done, at, end, false);
		struct run piece = {run->pfn + (at - run->rank), at, stop - at};
		int r = add_piece(t, piece, err);

		if (r)
			return r;
		at = stop;
	}
	return 0;
}

static int add_runs(struct table *t, struct err *err)
{
	struct keep_reader reader;
	struct keep_walk walk = {.reader = &reader};
	struct keep_run kept;
	struct run run = {0};
	int r = keep_reader_init(&reader, t->s->sink.task.keep, err);

	while (!r && !(r = keep_walk_next(&walk, &kept, err)) && kept.count) {
		run.pfn = kept.pfn;
		run.count = kept.count;
		r = add_run(t, &run, err);
		run.rank += run.count;
	}
	keep_reader_deinit(&reader);
	return r;
}

/* Write the table, or only count what would be in it. */
static int make_table(struct sink_elf *s, bool dry, uint64_t *ret_n, struct err *err)
{
	struct table t = {.s = s, .dry = dry};
	const Elf64_Phdr notes = {
		.p_type = PT_NOTE,
		.p_offset = s->notes_off,
		.p_filesz = s->sink.task.img->src->notes.len,
		.p_memsz = s->sink.task.img->src->notes.len,
	};
	int r = add_phdr(&t, &notes, err);

	t.image = s->map.length > 0;
	if (!r && t.image)
		r = add_runs(&t, err);
	t.image = false;
	if (!r && !(r = add_runs(&t, err)))
		r = flush_table(&t, err);
	if (!r)
		*ret_n = t.n;
	return r;
}

/* ---- the file */

static int write_header(struct sink *sink, bool incomplete, struct err *err)
{
	struct sink_elf *s = (struct sink_elf *)sink;
	bool extended = s->n_phdrs >= PN_XNUM;
	Elf64_Ehdr h = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = s->sink.task.img->src->elf_machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(h),
		.e_ehsize = sizeof(h),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)NUM_MIN(s->n_phdrs, PN_XNUM),
	};

	if (incomplete)
		memcpy(h.e_ident + EI_PAD, ELFCORE_INCOMPLETE, ELFCORE_INCOMPLETE_LEN);
	if (extended) {
		h.e_shoff = s->notes_off - sizeof(Elf64_Shdr);
		h.e_shentsize = sizeof(Elf64_Shdr);
		h.e_shnum = 1;
	}
	return put(s, &h, sizeof(h), 0, err);
}

/* Program headers and what tells their number, behind a header with the mark. */
static int write_table(struct sink_elf *s, struct err *err)
{
	const Elf64_Shdr shdr = {.sh_info = (Elf64_Word)s->n_phdrs};
	uint64_t n;
	int r = s->sink.task.out->write_once ? 0 : write_header(&s->sink, true, err);

	if (!r)
		r = make_table(s, false, &n, err);
	if (!r && s->n_phdrs >= PN_XNUM)
		r = put(s, &shdr, sizeof(shdr), s->notes_off - sizeof(shdr), err);
	return r;
}

static int plan(struct sink_elf *s, struct err *err)
{
	const struct image *img = s->sink.task.img;
	int r;

	s->n_kept = s->sink.task.keep->n_kept;
	s->all_done = true;
	r = make_table(s, true, &s->n_phdrs, err);
	if (r)
		return r;
	if (s->n_phdrs > SINK_ELF_PHDRS_MAX)
		return err_set(
			err, ERR_UNSUPPORTED,
			"the kept pages lie in so many pieces that an ELF file needs %" PRIu64
			" program headers (limit: %u); the kdump format has no such limit",
			s->n_phdrs, SINK_ELF_PHDRS_MAX);
	s->phdrs_room = NUM_MIN(s->n_phdrs + PHDR_SPARE, SINK_ELF_PHDRS_MAX);
	s->notes_off = sizeof(Elf64_Ehdr) + s->phdrs_room * sizeof(Elf64_Phdr) + sizeof(Elf64_Shdr);
	s->data_off = num_align_up(s->notes_off + img->src->notes.len, img->page_size);
	s->sink.base = s->data_off;
	return bitmap_init(&s->done, s->n_kept, err);
}

static uint64_t file_size(const struct sink_elf *s)
{
	return s->data_off + (s->n_kept << s->sink.task.img->page_shift);
}

/* The last pages may be holes, but PT_LOADs must not reach past the end of the file. */
static int extend(struct sink_elf *s, struct err *err)
{
	return s->n_kept ? put(s, "", 1, file_size(s) - 1, err) : 0;
}

static int write_start(struct sink_elf *s, struct err *err)
{
	const struct bytes notes = s->sink.task.img->src->notes;
	int r;

	if (!s->sink.task.out->write_once && ((r = write_table(s, err)) || (r = extend(s, err))))
		return r;
	return put(s, notes.data, notes.len, s->notes_off, err);
}

static void elf_destroy(struct sink *sink)
{
	struct sink_elf *s = (struct sink_elf *)sink;

	bitmap_deinit(&s->done);
	free(s);
}

static void note_done(struct sink_elf *s, uint64_t rank, size_t n)
{
	for (uint64_t i = rank; i < rank + n; i++)
		__atomic_fetch_or(&s->done.words[i / BITMAP_WORD_BITS],
				  1ULL << (i % BITMAP_WORD_BITS), __ATOMIC_RELAXED);
	atomic_fetch_add(&s->n_done, n);
}

/* How many pages from the first on are of its kind and follow each other. */
static size_t alike(const struct sink_page *pages, size_t max)
{
	size_t n = 1;

	while (n < max && pages[n].kind == pages->kind && pages[n].rank == pages->rank + n)
		n++;
	return n;
}

static int elf_write(struct sink *sink, const struct sink_batch *b, struct err *err)
{
	struct sink_elf *s = (struct sink_elf *)sink;
	unsigned int shift = s->sink.task.img->page_shift;
	const uint8_t *data = b->data;
	size_t n;

	for (size_t i = 0; i < b->n; i += n) {
		const struct sink_page *page = &b->pages[i];
		uint64_t rank = page->rank - b->base;

		n = alike(page, b->n - i);
		if (page->kind == SINK_LOST)
			continue;
		if (page->kind == SINK_DATA) {
			if (put(s, data, n << shift, s->data_off + (rank << shift), err))
				return err->code;
			data += n << shift;
			if (rank + n == s->n_kept)
				atomic_store(&s->end_written, true);
		}
		note_done(s, rank, n);
	}
	return 0;
}

/* Take what is not there out of the PT_LOADs, if that needs no more of them than there is room for. */
static int drop_lost(struct sink_elf *s, bool *ret_changed, struct err *err)
{
	uint64_t n = 0;
	int r;

	s->all_done = false;
	r = make_table(s, true, &n, err);
	if (r)
		return r;
	*ret_changed = n <= s->phdrs_room;
	if (*ret_changed)
		s->n_phdrs = n;
	else
		s->all_done = true;
	return 0;
}

static int elf_finish(struct sink *sink, bool keep_incomplete, uint64_t *ret_size, struct err *err)
{
	struct sink_elf *s = (struct sink_elf *)sink;
	bool once = sink->task.out->write_once, changed = false;
	int r = atomic_load(&s->n_done) < s->n_kept ? drop_lost(s, &changed, err) : 0;

	if (!r && (once || changed))
		r = write_table(s, err);
	if (!r && once && !atomic_load(&s->end_written))
		r = extend(s, err);
	if (!r)
		r = sink_settle(sink, keep_incomplete, write_header, err);
	if (!r)
		*ret_size = file_size(s);
	return r;
}

static const struct sink_ops elf_ops = {
	.write = elf_write,
	.finish = elf_finish,
	.destroy = elf_destroy,
};

int sink_elf_create(const struct sink_task *task, struct sink **ret, struct err *err)
{
	struct sink_elf *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err, sizeof(*s), "the output");
	s->sink = (struct sink){.ops = &elf_ops, .task = *task};
	kernel_map_find(task->img, &s->map);
	r = plan(s, err);
	if (!r)
		r = write_start(s, err);
	if (r) {
		elf_destroy(&s->sink);
		return r;
	}
	*ret = &s->sink;
	return 0;
}
