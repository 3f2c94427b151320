// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be wrong with a kdump file beyond its pages. */
#include <inttypes.h>

#include "base/io.h"
#include "base/num.h"
#include "format/kdump.h"
#include "format/note.h"
#include "image/verifier.h"

#define DESC_PIECE 2048       /* descriptors read at once */
#define AREAS_MAX  (1U << 25) /* more pages are not compared: 512 MiB of memory */

/* ---- the header */

/* QEMU fills in the machine only. */
static void check_uts(struct verifier *v, const struct kdump_header *h)
{
	static const char *const names[] = {"sysname", "nodename", "release",
					    "version", "machine",  "domainname"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (*h->uts[i] && *v->img->uts[i] && strcmp(v->img->uts[i], h->uts[i]) != 0)
			verifier_problem(v, "header: %s is '%.64s', in memory it is '%s'", names[i],
					 h->uts[i], v->img->uts[i]);
}

static void check_phys_base(struct verifier *v, const struct kdump_header *h)
{
	int64_t base = 0;
	struct err ignored;
	bool found = false;

	if (!vmcoreinfo_number(v->img->info, "phys_base", &base, &found, &ignored) && found &&
	    h->phys_base != (uint64_t)base)
		verifier_problem(v,
				 "header: phys_base 0x%" PRIx64 " is not VMCOREINFO's 0x%" PRIx64,
				 h->phys_base, (uint64_t)base);
}

/* The 1st bitmap is all memory, the 2nd a part of it. */
static void check_bitmaps(struct verifier *v)
{
	const struct ranges *present = &v->src->present;

	for (size_t i = 0; i < present->n; i++) {
		const struct range *p = &present->v[i], *r = ranges_find(&v->src->ram, p->start);

		if (!r || r->end < p->end)
			verifier_problem(
				v,
				"the 2nd bitmap has memory that the 1st has not, in 0x%" PRIx64
				"-0x%" PRIx64,
				p->start, p->end - 1);
	}
}

void verify_kdump_header(struct verifier *v)
{
	const struct kdump_header *h = kdump_source_header(v->src);

	if (!h)
		return;
	check_bitmaps(v);
	if (h->nr_cpus != v->stats.cpus)
		verifier_problem(v, "header: nr_cpus is %" PRIu32 ", there are notes of %" PRIu64,
				 h->nr_cpus, v->stats.cpus);
	if (!v->img)
		return;
	if (h->block_size != v->img->page_size)
		verifier_problem(v, "header: blocks of %" PRIu32 " bytes, pages of %" PRIu64,
				 h->block_size, v->img->page_size);
	check_uts(v, h);
	check_phys_base(v, h);
}

/* ---- the file, as it lies there */

/* The data of the page with this descriptor. */
struct area {
	uint64_t off;
	uint32_t size;
	uint32_t index; /* of the descriptor */
};

struct file {
	struct verifier *v;
	const struct kdump_header *h;
	int fd;
	uint64_t bitmap_off;
	uint64_t desc_off;
	uint64_t n_descs;
	struct area *areas;
	size_t n;
};

static uint64_t pfn_of(const struct file *f, uint64_t index)
{
	const struct ranges *present = &f->v->src->present;

	for (size_t i = 0; i < present->n; i++) {
		uint64_t n = (present->v[i].end - present->v[i].start) / f->h->block_size;

		if (index < n)
			return present->v[i].start / f->h->block_size + index;
		index -= n;
	}
	return UINT64_MAX;
}

static int by_offset(const void *a, const void *b)
{
	const struct area *x = a, *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

/* What points outside of the file was reported as its page was read. */
static int read_areas(struct file *f, struct err *err)
{
	uint8_t buf[DESC_PIECE / 4 * KDUMP_DESC_SIZE];
	const size_t piece = sizeof(buf) / KDUMP_DESC_SIZE;

	for (uint64_t first = 0; first < f->n_descs; first += piece) {
		size_t n = (size_t)NUM_MIN(piece, f->n_descs - first);
		struct bytes b = {buf, n * KDUMP_DESC_SIZE};
		int r = io_pread_full(f->fd, buf, b.len, f->desc_off + first * KDUMP_DESC_SIZE,
				      "page descriptors", err);

		if (r)
			return r;
		for (size_t i = 0; i < n; i++) {
			struct area *a = &f->areas[f->n];

			if (!bytes_le64(b, i * KDUMP_DESC_SIZE, &a->off) ||
			    !bytes_le32(b, i * KDUMP_DESC_SIZE + 8, &a->size))
				break;
			a->index = (uint32_t)(first + i);
			f->n += a->off && a->size <= f->h->block_size &&
				a->off <= f->v->src->file_size - a->size;
		}
	}
	qsort(f->areas, f->n, sizeof(*f->areas), by_offset);
	return 0;
}

/* Nobody's bytes. A page of zeros that none refers to, and what aligns a block, are no loss. */
static void add_gap(struct file *f, uint64_t from, uint64_t to)
{
	uint8_t buf[4096], any = 0;
	struct err ignored;

	if (to - from > f->h->block_size)
		any = 1;
	for (uint64_t at = from; !any && at < to; at += sizeof(buf)) {
		size_t n = (size_t)NUM_MIN(sizeof(buf), to - at);

		if (io_pread_full(f->fd, buf, n, at, "a gap", &ignored))
			return;
		for (size_t i = 0; i < n; i++)
			any |= buf[i];
	}
	if (any)
		f->v->stats.unused += to - from;
}

/* Equal areas are shared pages; any other overlap is no page's data. */
static void compare_areas(struct file *f)
{
	uint64_t reach = f->desc_off + f->n_descs * KDUMP_DESC_SIZE;
	const struct area *last = NULL;

	for (size_t i = 0; i < f->n; i++) {
		const struct area *a = &f->areas[i];

		if (last && by_offset(last, a) == 0)
			continue;
		if (a->off < reach && last)
			verifier_problem(f->v,
					 "data of page frame 0x%" PRIx64 " at 0x%" PRIx64
					 " and of 0x%" PRIx64 " at 0x%" PRIx64 " overlap",
					 pfn_of(f, last->index), last->off, pfn_of(f, a->index),
					 a->off);
		else if (a->off < reach)
			verifier_problem(f->v,
					 "data of page frame 0x%" PRIx64 " at 0x%" PRIx64
					 " lies before the end of the descriptors at 0x%" PRIx64,
					 pfn_of(f, a->index), a->off, reach);
		else
			add_gap(f, reach, a->off);
		reach = NUM_MAX(reach, a->off + a->size);
		last = a;
	}
	if (f->v->src->file_size > reach && !f->h->erase_size)
		add_gap(f, reach, f->v->src->file_size);
}

/* Readers take the one or the other. */
static void compare_vmcoreinfo(struct file *f)
{
	struct bytes text = f->v->img->info_text;
	_cleanup_free_ uint8_t *copy = malloc(NUM_MAX(text.len, 1));
	struct err ignored;

	if (!copy || !f->h->vmcoreinfo_size)
		return;
	if (f->h->vmcoreinfo_size != text.len ||
	    io_pread_full(f->fd, copy, text.len, f->h->vmcoreinfo_off, "VMCOREINFO", &ignored) ||
	    memcmp(copy, text.data, text.len) != 0)
		verifier_problem(f->v,
				 "header: no VMCOREINFO note's text at 0x%" PRIx64 ", %" PRIu64
				 " bytes",
				 f->h->vmcoreinfo_off, f->h->vmcoreinfo_size);
}

/* The reader helps itself where they are broken, if it finds VMCOREINFO without them. */
static void check_notes(struct file *f)
{
	uint64_t len = f->h->notes_size; /* the reader limits it */
	_cleanup_free_ uint8_t *copy = malloc(NUM_MAX(len, 1));
	struct note note;
	struct err err;
	bool more = true, any = false;
	size_t off = 0;
	int r;

	if (!copy || !len)
		return;
	r = io_pread_full(f->fd, copy, len, f->h->notes_off, "notes", &err);
	for (; !r && more; any |= more)
		r = note_next((struct bytes){copy, len}, &off, &note, &more, &err);
	/* every writer puts them behind the sub header, in its blocks */
	if (!r && (f->h->notes_off > f->bitmap_off || len > f->bitmap_off - f->h->notes_off))
		r = err_set(&err, ERR_CORRUPT,
			    "%" PRIu64 " bytes do not lie in the blocks of the sub header", len);
	if (!r && !any)
		r = err_set(&err, ERR_CORRUPT, "there are none in %" PRIu64 " bytes", len);
	if (r)
		verifier_problem(f->v, "notes at 0x%" PRIx64 ": %s", f->h->notes_off, err.msg);
}

static int look_at_file(struct file *f, struct err *err)
{
	int r;

	check_notes(f);
	if (f->v->img)
		compare_vmcoreinfo(f);
	if (f->v->src->incomplete || f->n_descs > AREAS_MAX)
		return 0;
	f->areas = calloc(NUM_MAX(f->n_descs, 1) + 1, sizeof(*f->areas));
	if (!f->areas)
		return err_nomem(err, f->n_descs * sizeof(*f->areas), "the pages' places");
	r = read_areas(f, err);
	if (!r) {
		compare_areas(f);
		f->v->stats.data_seen = true;
	}
	free(f->areas);
	return r;
}

/* A flattened file or a split set is not laid out like this: then there is nothing to look at. */
int verify_kdump_data(struct verifier *v, struct err *err)
{
	const struct kdump_header *h = kdump_source_header(v->src);
	struct file f = {.v = v, .h = h, .fd = v->src->fd};

	if (!h || f.fd < 0)
		return 0;
	f.bitmap_off = (uint64_t)h->block_size * (1 + (uint64_t)h->sub_blocks);
	f.desc_off = f.bitmap_off + (uint64_t)h->block_size * h->bitmap_blocks;
	f.n_descs = ranges_total(&v->src->present) / h->block_size;
	return look_at_file(&f, err);
}
