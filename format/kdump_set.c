// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/kdump_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "format/input.h"
#include "format/kdump_part.h"

static const struct kdump_set *set_of(const struct source *src)
{
	return (const struct kdump_set *)src;
}

const struct kdump_header *kdump_set_header(const struct source *src)
{
	return &set_of(src)->header;
}

/* ---- opening: are they of one dump? */

static bool same_ranges(const struct ranges *a, const struct ranges *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->v[i].start != b->v[i].start || a->v[i].end != b->v[i].end)
			return false;
	return a->n == b->n;
}

static int differ(const struct source *a, const struct source *b, const char *what, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s and %s are not of one dump: they differ in %s",
		       a->path, b->path, what);
}

static int check_pair(struct source *a, struct source *b, struct err *err)
{
	const struct kdump_header *x = kdump_part_header(a), *y = kdump_part_header(b);

	for (size_t i = 0; i < ARRAY_SIZE(x->uts); i++)
		if (memcmp(x->uts[i], y->uts[i], sizeof(x->uts[i])) != 0)
			return differ(a, b, "the system's name and version", err);
	if (x->time_sec != y->time_sec)
		return differ(a, b, "the time of the crash", err);
	if (x->block_size != y->block_size)
		return differ(a, b, "the block size", err);
	if (x->max_mapnr != y->max_mapnr)
		return differ(a, b, "max_mapnr", err);
	if (!same_ranges(&a->ram, &b->ram))
		return differ(a, b, "the 1st bitmap", err);
	if (!same_ranges(kdump_part_kept(a), kdump_part_kept(b)))
		return differ(a, b, "the 2nd bitmap", err);
	return 0;
}

/* ---- opening: who has which page frames? */

static bool is_empty(const struct kdump_header *h)
{
	return h->start_pfn == h->end_pfn;
}

static int by_start(const void *a, const void *b)
{
	const struct kdump_header *x = kdump_part_header(*(struct source *const *)a);
	const struct kdump_header *y = kdump_part_header(*(struct source *const *)b);

	if (is_empty(x) != is_empty(y))
		return is_empty(x) ? 1 : -1;
	return x->start_pfn < y->start_pfn ? -1 : x->start_pfn > y->start_pfn;
}

static int sort_parts(struct kdump_set *set, struct err *err)
{
	qsort(set->parts, set->n, sizeof(*set->parts), by_start);
	for (size_t i = 0; i < set->n; i++)
		set->n_full += !is_empty(kdump_part_header(set->parts[i]));
	for (size_t i = 1; i < set->n_full; i++) {
		const struct source *a = set->parts[i - 1], *b = set->parts[i];

		if (kdump_part_header(a)->end_pfn > kdump_part_header(b)->start_pfn)
			return err_set(err, ERR_CORRUPT,
				       "%s and %s both have page frame 0x%" PRIx64, a->path,
				       b->path, kdump_part_header(b)->start_pfn);
	}
	return 0;
}

/* What the 2nd bitmap has and no file. */
static int check_whole(struct kdump_set *set, bool partial, struct err *err)
{
	uint64_t bs = set->header.block_size, missing;
	const struct ranges *kept = &set->kept;

	missing = (ranges_total(kept) - ranges_total(&set->src.present)) / bs;
	if (!missing)
		return 0;
	set->src.incomplete = true;
	for (size_t i = 0; i < kept->n && !partial; i++) {
		const struct range *have = ranges_from(&set->src.present, kept->v[i].start);
		uint64_t from = kept->v[i].start, to = kept->v[i].end;

		if (have && have->start <= from) {
			from = have->end;
			have = have < set->src.present.v + set->src.present.n - 1 ? have + 1 : NULL;
		}
		if (have)
			to = NUM_MIN(to, have->start);
		if (from < to)
			return err_set(err, ERR_NOT_FOUND,
				       "%" PRIu64 " pages of the dump are in none of the %zu "
				       "files, from page frames 0x%" PRIx64 "-0x%" PRIx64
				       " on: a file of the set is missing",
				       missing, set->n, from / bs, to / bs - 1);
	}
	return 0;
}

/* ---- opening */

static void set_destroy(struct source *src)
{
	struct kdump_set *set = (struct kdump_set *)src;

	for (size_t i = 0; i < set->n; i++)
		source_destroy(set->parts[i]);
	free(set->parts);
	ranges_deinit(&set->kept);
	source_deinit(src);
	free(set);
}

static int open_parts(struct kdump_set *set, const char *const *paths, size_t n, struct err *err)
{
	set->parts = calloc(n, sizeof(*set->parts));
	if (!set->parts)
		return err_nomem(err, n * sizeof(*set->parts), "the files of a set");
	for (; set->n < n; set->n++) {
		struct source **part = &set->parts[set->n];

		if (source_open_as(&kdump_part_source, paths[set->n], part, err))
			return err->code;
		if (set->n && check_pair(set->parts[0], *part, err)) {
			set->n++;
			return err->code;
		}
		/* there may be many, and one is enough */
		if (set->n)
			ranges_deinit(kdump_part_kept(*part));
	}
	return 0;
}

static int init_common(struct kdump_set *set, const char *path, size_t n, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	struct input in = {.fd = -1};

	if (asprintf(&name,
		     n > 2   ? "%s and %zu others"
		     : n > 1 ? "%s and another"
			     : "%s",
		     path, n - 1) < 0) {
		name = NULL;
		return err_nomem(err, strlen(path), path);
	}
	return source_init(&set->src, &kdump_set_source, &in, name, err);
}

/* What one file says for all of them. */
static void adopt(struct kdump_set *set, struct source *first)
{
	set->header = *kdump_part_header(first);
	set->header.start_pfn = set->header.end_pfn = 0;
	set->kept = *kdump_part_kept(first);
	ranges_init(kdump_part_kept(first));
	set->src.ram = first->ram;
	ranges_init(&first->ram);
	set->src.notes = first->notes;
	first->notes = (struct bytes){0};
	set->src.elf_machine = first->elf_machine;
}

/* What they have together. */
static int merge(struct kdump_set *set, struct err *err)
{
	struct source *src = &set->src;

	for (size_t i = 0; i < set->n; i++) {
		const struct source *part = set->parts[i];

		src->incomplete |= part->incomplete;
		set->header.status |= kdump_part_header(part)->status & KDUMP_STATUS_INCOMPLETE;
		src->file_size += part->file_size;
		for (size_t k = 0; k < part->present.n; k++)
			if (ranges_add(&src->present, part->present.v[k].start,
				       part->present.v[k].end, err))
				return err->code;
	}
	return 0;
}

int kdump_set_open(const char *const *paths, size_t n, bool partial, struct source **ret,
		   struct err *err)
{
	struct kdump_set *set;
	int r;

	if (!n)
		return err_set(err, ERR_USAGE, "no file of a split dump is given");
	set = calloc(1, sizeof(*set));
	if (!set)
		return err_nomem(err, sizeof(*set), "a set of kdump files");
	ranges_init(&set->kept);
	r = init_common(set, paths[0], n, err);
	if (!r)
		r = open_parts(set, paths, n, err);
	if (!r)
		adopt(set, set->parts[0]);
	if (!r)
		r = sort_parts(set, err);
	if (!r)
		r = merge(set, err);
	if (!r && check_whole(set, partial, err))
		r = err_wrap(err, "%s", set->src.path);
	if (r) {
		set_destroy(&set->src);
		return r;
	}
	*ret = &set->src;
	return 0;
}

/* ---- reading */

/* The last file that begins at or before `pfn`; else the first one, which says no. */
static const struct source *part_of(const struct kdump_set *set, uint64_t pfn)
{
	size_t lo = 0, hi = set->n_full;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (kdump_part_header(set->parts[mid])->start_pfn <= pfn)
			lo = mid;
		else
			hi = mid;
	}
	return set->parts[lo];
}

/* A file knows why it cannot give a page that it has; why it has not got it, only the set knows. */
static int explain(const struct kdump_set *set, uint64_t phys, struct err *err)
{
	uint64_t pfn = phys / set->header.block_size;

	if (ranges_find(&set->src.present, phys))
		return err->code;
	if (ranges_find(&set->kept, phys))
		return err_set(err, ERR_NOT_FOUND,
			       "page frame 0x%" PRIx64 " is lost: its file of the set is missing",
			       pfn);
	return err_set(err, ERR_NOT_FOUND, "page frame 0x%" PRIx64 " is not in the dump%s", pfn,
		       ranges_find(&set->src.ram, phys) ? " (it was filtered out)" : "");
}

static int set_read(const struct source *src, uint64_t phys, void *buf, size_t len, struct err *err)
{
	const struct kdump_set *set = set_of(src);
	size_t bs = set->header.block_size;

	for (size_t done = 0, part; done < len; done += part) {
		uint64_t at = phys + done;
		const struct source *from = part_of(set, at / bs);

		part = NUM_MIN(len - done, bs - at % bs);
		if (from->ops->read(from, at, (uint8_t *)buf + done, part, err))
			return explain(set, at, err);
	}
	return 0;
}

/* The view is a page buffer, and all files have pages of one size: it does not mind which it serves. */
static int set_map(const struct source *src, struct view *view, uint64_t phys, struct err *err)
{
	const struct kdump_set *set = set_of(src);
	const struct source *from = part_of(set, phys / set->header.block_size);

	if (from->ops->map(from, view, phys, err))
		return explain(set, phys, err);
	return 0;
}

static void set_unmap(struct view *view)
{
	kdump_part_source.unmap(view);
}

/* kdump_set_open() opens it; no file by itself is one. */
static bool set_probe(struct bytes head)
{
	(void)head;
	return false;
}

static int set_open(struct input *in, const char *path, struct source **ret, struct err *err)
{
	(void)in;
	(void)ret;
	return err_set(err, ERR_UNSUPPORTED, "%s: a set is no single file", path);
}

const struct source_ops kdump_set_source = {
	.name = "kdump-compressed v6, split",
	.probe = set_probe,
	.open = set_open,
	.read = set_read,
	.map = set_map,
	.unmap = set_unmap,
	.destroy = set_destroy,
};
