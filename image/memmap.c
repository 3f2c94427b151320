// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/memmap.h"

#include <inttypes.h>

#include "base/num.h"

#define SECTION_PRESENT     0x1ULL
#define SECTION_HAS_MEM_MAP 0x2ULL
#define SECTION_ONLINE      0x4ULL
/*
 * Flags take the low bits: four of them in v5.4, six since v6.15 (SECTION_IS_VMEMMAP_PREINIT, commit
 * d65917c42373). A section's struct pages begin on a page, so there is room for more to come.
 */
#define SECTION_FLAGS      0xfffULL
#define MAX_SECTION_STRUCT 4096

/* The shape of the section table of one kernel. */
struct sparsemem {
	uint64_t table;       /* mem_section */
	uint64_t n_roots;     /* LENGTH(mem_section) */
	uint64_t struct_size; /* SIZE(mem_section) */
	uint64_t map_off;     /* OFFSET(mem_section.section_mem_map) */
	uint64_t per_root;    /* sections in one root */
	bool extreme;         /* roots are pointers */
	uint64_t pages_per_section;
	uint64_t n_sections;
	uint64_t page_struct_size;
};

static int need_number(const struct image *img, const char *name, int64_t min, int64_t max,
		       int64_t *ret, struct err *err)
{
	bool found = false;
	int r = vmcoreinfo_number(img->info, name, ret, &found, err);

	if (r)
		return r;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no NUMBER(%s)", name);
	if (*ret < min || *ret > max)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO NUMBER(%s)=%" PRId64 " is not %" PRId64 " to %" PRId64,
			       name, *ret, min, max);
	return 0;
}

static int read_geometry(const struct image *img, struct sparsemem *s, struct err *err)
{
	int64_t section_bits, physmem_bits;
	int r;

	if ((r = need_number(img, "SECTION_SIZE_BITS", img->page_shift, 40, &section_bits, err)) ||
	    (r = need_number(img, "MAX_PHYSMEM_BITS", section_bits, 60, &physmem_bits, err)))
		return r;
	s->pages_per_section = 1ULL << ((unsigned int)section_bits - img->page_shift);
	s->n_sections = 1ULL << (physmem_bits - section_bits);
	return 0;
}

static int read_shape(const struct image *img, struct sparsemem *s, struct err *err)
{
	bool has_table = false, has_length = false;
	uint64_t per_page;
	int r;

	if ((r = vmcoreinfo_symbol(img->info, "mem_section", &s->table, &has_table, err)))
		return r;
	if (!has_table)
		return err_set(err, ERR_UNSUPPORTED,
			       "VMCOREINFO has no SYMBOL(mem_section): not a SPARSEMEM kernel");
	if ((r = image_need_size(img, "mem_section", &s->struct_size, err)) ||
	    (r = image_need_offset(img, "mem_section.section_mem_map", &s->map_off, err)) ||
	    (r = image_need_size(img, "page", &s->page_struct_size, err)) ||
	    (r = vmcoreinfo_length(img->info, "mem_section", &s->n_roots, &has_length, err)) ||
	    (r = read_geometry(img, s, err)))
		return r;
	if (s->struct_size < 16 || s->struct_size > MAX_SECTION_STRUCT ||
	    s->map_off > s->struct_size - 8)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO SIZE(mem_section)=%" PRIu64
			       " with section_mem_map at %" PRIu64,
			       s->struct_size, s->map_off);
	if (s->page_struct_size < 32 || s->page_struct_size > 512)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO SIZE(page)=%" PRIu64 " is not 32 to 512",
			       s->page_struct_size);
	per_page = img->page_size / s->struct_size;
	s->extreme = !has_length || s->n_roots == num_div_up(s->n_sections, per_page);
	s->per_root = s->extreme ? per_page : 1;
	if (!has_length)
		s->n_roots = num_div_up(s->n_sections, per_page);
	if (!s->extreme && s->n_roots != s->n_sections)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO LENGTH(mem_section)=%" PRIu64
			       " fits neither a table of %" PRIu64 " sections nor one of its roots",
			       s->n_roots, s->n_sections);
	return 0;
}

static int append_section(struct memmap *m, uint64_t pfn, uint64_t count, uint64_t vaddr,
			  size_t *cap, struct err *err)
{
	struct memmap_run *last = m->n ? &m->runs[m->n - 1] : NULL;

	if (last && last->pfn + last->count == pfn &&
	    last->vaddr + last->count * m->page_struct_size == vaddr) {
		last->count += count;
		return 0;
	}
	if (m->n == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		struct memmap_run *runs = reallocarray(m->runs, want, sizeof(*runs));

		if (!runs)
			return err_nomem(err, want * sizeof(*runs), "the mem_map");
		m->runs = runs;
		*cap = want;
	}
	m->runs[m->n++] = (struct memmap_run){pfn, count, vaddr};
	return 0;
}

/* What is read, and what for. */
struct reader {
	const struct image *img;
	const struct ranges *frames;
	struct sparsemem shape;
	struct memmap *map;
	size_t cap; /* of map->runs */
	uint8_t *root;
};

/* Is there a page frame of `frames` in [pfn, pfn + count)? */
static bool wanted(const struct ranges *frames, uint64_t pfn, uint64_t count)
{
	const struct range *r = ranges_from(frames, pfn);

	return r && r->start < pfn + count;
}

/* One root's worth of struct mem_section, `data`; `first` is the number of its first section. */
static int read_sections(struct reader *rd, struct bytes data, uint64_t first, struct err *err)
{
	const struct sparsemem *s = &rd->shape;

	for (uint64_t i = 0; i < s->per_root && first + i < s->n_sections; i++) {
		uint64_t pfn = (first + i) * s->pages_per_section;
		uint64_t coded, vaddr;

		if (!wanted(rd->frames, pfn, s->pages_per_section))
			continue;
		if (!bytes_le64(data, i * s->struct_size + s->map_off, &coded))
			break;
		if (!(coded & SECTION_PRESENT) || !(coded & SECTION_HAS_MEM_MAP))
			continue; /* no struct pages: nothing is known, so all is kept */
		/*
		 * The page allocator has not initialised these, or a device owns them (ZONE_DEVICE).
		 * The kernel does not look at them either (pfn_to_online_page()).
		 */
		if (!(coded & SECTION_ONLINE)) {
			rd->map->sections_offline++;
			continue;
		}
		vaddr = (coded & ~SECTION_FLAGS) + pfn * s->page_struct_size;
		if (vaddr >> 63 == 0) { /* not a kernel address */
			rd->map->sections_skipped++;
			continue;
		}
		if (append_section(rd->map, pfn, s->pages_per_section, vaddr, &rd->cap, err))
			return err->code;
	}
	return 0;
}

static int read_root(struct reader *rd, uint64_t root, struct err *err)
{
	const struct sparsemem *s = &rd->shape;
	uint64_t at = s->table + root * s->struct_size;
	size_t len = (size_t)(s->per_root * s->struct_size);
	int r;

	if (s->extreme) {
		uint64_t slot = s->table + root * sizeof(uint64_t);

		r = image_read_u64(rd->img, slot, &at, err);
		if (r) {
			err_wrap(err, "mem_section root %" PRIu64 " at 0x%" PRIx64, root, slot);
			return err->code = ERR_CORRUPT;
		}
		if (!at)
			return 0; /* a hole in physical memory */
	}
	r = image_read(rd->img, at, rd->root, len, err);
	if (r) {
		err_wrap(err, "mem_section root %" PRIu64 " is 0x%" PRIx64, root, at);
		return err->code = ERR_CORRUPT;
	}
	return read_sections(rd, (struct bytes){rd->root, len}, root * s->per_root, err);
}

/* Each root that covers some of the frames, once and in order. */
static int read_roots(struct reader *rd, struct err *err)
{
	uint64_t pages_per_root = rd->shape.per_root * rd->shape.pages_per_section, next = 0;
	int r = 0;

	for (size_t i = 0; i < rd->frames->n && !r; i++) {
		const struct range *frames = &rd->frames->v[i];
		uint64_t root = NUM_MAX(frames->start / pages_per_root, next);

		next = NUM_MAX((frames->end - 1) / pages_per_root + 1, next);
		for (; root < NUM_MIN(next, rd->shape.n_roots) && !r; root++)
			r = read_root(rd, root, err);
	}
	return r;
}

int memmap_create(const struct image *img, const struct ranges *frames, struct memmap **ret,
		  struct err *err)
{
	struct reader rd = {.img = img, .frames = frames};
	const struct sparsemem *s = &rd.shape;
	int r = read_shape(img, &rd.shape, err);

	if (r)
		return r;
	rd.map = calloc(1, sizeof(*rd.map));
	rd.root = malloc((size_t)(s->per_root * s->struct_size));
	if (!rd.map || !rd.root) {
		r = err_nomem(err, sizeof(*rd.map) + s->per_root * s->struct_size, "the mem_map");
	} else {
		rd.map->page_struct_size = (size_t)s->page_struct_size;
		r = read_roots(&rd, err);
	}
	free(rd.root);
	if (r) {
		memmap_destroy(rd.map);
		return r;
	}
	*ret = rd.map;
	return 0;
}

void memmap_destroy(struct memmap *m)
{
	if (!m)
		return;
	free(m->runs);
	free(m);
}
