/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up machine: RAM in a buffer behind a struct source, and builders for what an image reads from it:
 * x86_64 page tables, the VMCOREINFO note, section tables and struct pages.
 *
 *   fake_init → fake_ram, fake_map, fake_set … → fake_open → f.img → fake_deinit
 *
 * Nothing here is taken from the code under test: table walks, note and struct layouts are written down
 * once more.
 */
#ifndef TESTS_UNIT_FAKE_IMAGE_H
#define TESTS_UNIT_FAKE_IMAGE_H

#include <elf.h>
#include <errno.h>
#include <inttypes.h>

#include "base/range.h"
#include "image/image.h"
#include "tests/unit/unit.h"

#define KIB        (1ULL << 10)
#define MIB        (1ULL << 20)
#define GIB        (1ULL << 30)
#define FAKE_PAGE  4096ULL
#define FAKE_START (2 * MIB) /* tables and whatever else is allocated lie from here on */

#define FAKE_KERNEL_MAP 0xffffffff80000000ULL
#define FAKE_DIRECT_MAP 0xffff888000000000ULL
#define FAKE_VMEMMAP    0xffffea0000000000ULL

/* struct page as most 64-bit kernels have it */
#define FAKE_PAGE_STRUCT 64
enum { OFF_FLAGS = 0, OFF_COMPOUND = 8, OFF_MAPPING = 24, OFF_PRIVATE = 40, OFF_MAPCOUNT = 48 };

#define FAKE_SECTIONS 32

struct fake {
	struct source src; /* first: the source's functions get the fake back from it */
	uint8_t *ram; /* address space of `size` bytes; costs memory only where it is written */
	uint64_t size;
	struct ranges bad; /* reading this fails with EIO */
	size_t window;     /* longest view, a power of two; 0: no limit */
	uint64_t next;     /* of the allocator */
	unsigned int levels;
	uint64_t root;
	char info[16384];
	uint8_t *notes;
	struct image *img;
	/* the section table, see fake_sections() */
	bool extreme;
	unsigned int section_bits;
	uint64_t roots; /* physical */
	struct {
		uint64_t nr, pages; /* pages: physical address of its struct pages */
	} sections[FAKE_SECTIONS];
	size_t n_sections;
};

/* ---- the source */

static inline struct fake *fake_of(const struct source *src)
{
	return (struct fake *)(uintptr_t)src;
}

static inline int fake_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			    struct err *err)
{
	const struct fake *f = fake_of(src);
	const struct range *r = ranges_find(&src->present, phys);
	const struct range *bad = ranges_from(&f->bad, phys);

	if (!r || phys + len > r->end)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not in the fake", phys);
	if (bad && bad->start < phys + len)
		return err_sys(err, EIO, "fake read at 0x%" PRIx64, phys);
	memcpy(buf, f->ram + phys, len);
	return 0;
}

static inline int fake_map_view(const struct source *src, struct view *view, uint64_t phys,
				struct err *err)
{
	const struct fake *f = fake_of(src);
	const struct range *r = ranges_find(&src->present, phys);
	const struct range *bad = ranges_from(&f->bad, phys);
	uint64_t end, window = f->window ? f->window : 4 * MIB;

	view->len = 0;
	if (!r)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not in the fake", phys);
	end = (phys & ~(window - 1)) + window;
	end = end < r->end ? end : r->end;
	if (bad && bad->start <= phys)
		return err_sys(err, EIO, "fake map at 0x%" PRIx64, phys);
	if (bad && bad->start < end)
		end = bad->start;
	/* a view owns an exact copy, so that the sanitizer sees who reads past it */
	free(view->priv);
	view->priv = malloc(end - phys);
	if (!view->priv)
		return err_nomem(err, end - phys, "fake view");
	memcpy(view->priv, f->ram + phys, end - phys);
	view->start = phys;
	view->data = view->priv;
	view->len = end - phys;
	return 0;
}

static inline void fake_unmap_view(struct view *view)
{
	free(view->priv);
}

static const struct source_ops fake_source = {
	.name = "fake",
	.read = fake_read,
	.map = fake_map_view,
	.unmap = fake_unmap_view,
};

/* ---- RAM */

static inline void fake_ram(struct fake *f, uint64_t start, uint64_t end)
{
	assert_true(end <= f->size);
	assert_ok(ranges_add(&f->src.ram, start, end, err));
	assert_ok(ranges_add(&f->src.present, start, end, err));
}

/* Was RAM, but is not in the dump. */
static inline void fake_absent(struct fake *f, uint64_t start, uint64_t end)
{
	assert_ok(ranges_sub(&f->src.present, start, end, err));
}

static inline void fake_bad(struct fake *f, uint64_t start, uint64_t end)
{
	assert_ok(ranges_add(&f->bad, start, end, err));
}

static inline void fake_put16(struct fake *f, uint64_t phys, uint16_t v)
{
	v = htole16(v);
	memcpy(f->ram + phys, &v, sizeof(v));
}

static inline void fake_put32(struct fake *f, uint64_t phys, uint32_t v)
{
	bytes_put_le32(f->ram + phys, v);
}

static inline void fake_put64(struct fake *f, uint64_t phys, uint64_t v)
{
	bytes_put_le64(f->ram + phys, v);
}

static inline uint64_t fake_get64(const struct fake *f, uint64_t phys)
{
	uint64_t v;

	memcpy(&v, f->ram + phys, sizeof(v));
	return le64toh(v);
}

/* Zeroed, page-aligned physical memory. */
static inline uint64_t fake_alloc(struct fake *f, uint64_t len)
{
	uint64_t at = f->next;

	f->next = (at + len + FAKE_PAGE - 1) & ~(FAKE_PAGE - 1);
	assert_true(f->next <= f->size);
	return at;
}

/* ---- page tables */

/* Physical address of the entry that maps `vaddr` at `level` (1: 4 KiB … 5); makes the tables above. */
static inline uint64_t fake_entry(struct fake *f, uint64_t vaddr, unsigned int level)
{
	uint64_t table = f->root;

	for (unsigned int l = f->levels;; l--) {
		uint64_t at = table + (vaddr >> (12 + 9 * (l - 1)) & 511) * 8;

		if (l == level)
			return at;
		if (!(fake_get64(f, at) & 1))
			fake_put64(f, at, fake_alloc(f, FAKE_PAGE) | 0x63);
		table = fake_get64(f, at) & 0x000ffffffffff000;
	}
}

/* Map one page of 4 KiB (level 1), 2 MiB (2) or 1 GiB (3). */
static inline void fake_map(struct fake *f, uint64_t vaddr, uint64_t phys, unsigned int level)
{
	fake_put64(f, fake_entry(f, vaddr, level), phys | 0x63 | (level > 1 ? 0x80 : 0));
}

static inline void fake_map_range(struct fake *f, uint64_t vaddr, uint64_t phys, uint64_t len)
{
	for (uint64_t off = 0; off < len; off += FAKE_PAGE)
		fake_map(f, vaddr + off, phys + off, 1);
}

/* Virtual address of allocated memory, mapped on the way. */
static inline uint64_t fake_va(struct fake *f, uint64_t phys, uint64_t len)
{
	uint64_t first = phys & ~(FAKE_PAGE - 1);

	fake_map_range(f, FAKE_DIRECT_MAP + first, first, phys + len - first);
	return FAKE_DIRECT_MAP + phys;
}

/* ---- VMCOREINFO */

static inline void fake_unset(struct fake *f, const char *key)
{
	size_t len = strlen(key);

	for (char *line = f->info; *line;) {
		char *next = strchr(line, '\n') + 1;

		if (strncmp(line, key, len) == 0 && line[len] == '=')
			memmove(line, next, strlen(next) + 1);
		else
			line = next;
	}
}

static inline void _printf_(3, 4) fake_set(struct fake *f, const char *key, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	fake_unset(f, key);
	len = strlen(f->info);
	len += (size_t)snprintf(f->info + len, sizeof(f->info) - len, "%s=", key);
	va_start(ap, fmt);
	len += (size_t)vsnprintf(f->info + len, sizeof(f->info) - len, fmt, ap);
	va_end(ap);
	assert_true(len + 2 < sizeof(f->info));
	strcpy(f->info + len, "\n");
}

/* Several "KEY=VALUE\n" at once. */
static inline void fake_set_all(struct fake *f, const char *lines)
{
	assert_true(strlen(f->info) + strlen(lines) < sizeof(f->info));
	strcat(f->info, lines);
}

static inline size_t fake_note(uint8_t *at, const char *name, uint32_t type, const void *desc,
			       size_t len)
{
	size_t name_len = strlen(name) + 1, name_room = (name_len + 3) & ~3UL;

	bytes_put_le32(at, (uint32_t)name_len);
	bytes_put_le32(at + 4, (uint32_t)len);
	bytes_put_le32(at + 8, type);
	memset(at + 12, 0, name_room);
	memcpy(at + 12, name, name_len);
	memcpy(at + 12 + name_room, desc, len);
	return 12 + name_room + ((len + 3) & ~3UL);
}

/* ---- life */

static inline void fake_init(struct fake *f, uint64_t size, unsigned int levels)
{
	void *ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(ram != MAP_FAILED);
	*f = (struct fake){.ram = ram, .size = size, .next = FAKE_START, .levels = levels};
	f->src.ops = &fake_source;
	f->src.path = (char *)(uintptr_t) "fake";
	f->src.elf_machine = EM_X86_64;
	f->root = fake_alloc(f, FAKE_PAGE);
	fake_set(f, "OSRELEASE", "6.1.0-fake");
	fake_set(f, "PAGESIZE", "4096");
	fake_set(f, "CRASHTIME", "1700000000");
	fake_set(f, "SYMBOL(init_top_pgt)", "%llx", FAKE_KERNEL_MAP + 0x1000);
	fake_set(f, "NUMBER(phys_base)", "%lld", (long long)f->root - 0x1000);
	if (levels == 5)
		fake_set(f, "NUMBER(pgtable_l5_enabled)", "1");
}

/* Two CPUs' registers and VMCOREINFO as it is now. */
static inline void fake_make_notes(struct fake *f)
{
	static const uint8_t prstatus[336] = {1};
	size_t len;

	free(f->notes);
	f->notes = calloc(1, 2 * (sizeof(prstatus) + 32) + sizeof(f->info) + 32);
	assert_non_null(f->notes);
	len = fake_note(f->notes, "CORE", NT_PRSTATUS, prstatus, sizeof(prstatus));
	len += fake_note(f->notes + len, "CORE", NT_PRSTATUS, prstatus, sizeof(prstatus));
	len += fake_note(f->notes + len, "VMCOREINFO", 0, f->info, strlen(f->info));
	f->src.notes = (struct bytes){f->notes, len};
}

/* image_create() from scratch; what it returns. */
static inline int fake_try_open(struct fake *f, struct err *err)
{
	image_destroy(f->img);
	f->img = NULL;
	fake_make_notes(f);
	return image_create(&f->src, &f->img, err);
}

static inline void fake_open(struct fake *f)
{
	assert_ok(fake_try_open(f, err));
}

static inline void fake_deinit(struct fake *f)
{
	image_destroy(f->img);
	free(f->notes);
	ranges_deinit(&f->src.ram);
	ranges_deinit(&f->src.present);
	ranges_deinit(&f->bad);
	munmap(f->ram, f->size);
}

/* ---- the section table; struct mem_section is 16 bytes, section_mem_map the first 8 */

static inline void fake_sections(struct fake *f, unsigned int section_bits,
				 unsigned int physmem_bits, bool extreme)
{
	uint64_t n = 1ULL << (physmem_bits - section_bits), per_root = FAKE_PAGE / 16;
	uint64_t n_roots = (n + per_root - 1) / per_root;
	uint64_t len = extreme ? n_roots * 8 : n * 16;

	f->extreme = extreme;
	f->section_bits = section_bits;
	f->roots = fake_alloc(f, len);
	fake_set(f, "SYMBOL(mem_section)", "%" PRIx64, fake_va(f, f->roots, len));
	fake_set(f, "LENGTH(mem_section)", "%" PRIu64, extreme ? n_roots : n);
	fake_set(f, "SIZE(mem_section)", "16");
	fake_set(f, "OFFSET(mem_section.section_mem_map)", "0");
	fake_set(f, "NUMBER(SECTION_SIZE_BITS)", "%u", section_bits);
	fake_set(f, "NUMBER(MAX_PHYSMEM_BITS)", "%u", physmem_bits);
	fake_set(f, "SIZE(page)", "%d", FAKE_PAGE_STRUCT);
}

/* Physical address of section `nr`'s entry, in a root made for it if need be. */
static inline uint64_t fake_section_entry(struct fake *f, uint64_t nr)
{
	uint64_t slot = f->roots + nr / 256 * 8;

	if (!f->extreme)
		return f->roots + nr * 16;
	if (!fake_get64(f, slot))
		fake_put64(f, slot, fake_va(f, fake_alloc(f, FAKE_PAGE), FAKE_PAGE));
	return fake_get64(f, slot) - FAKE_DIRECT_MAP + nr % 256 * 16;
}

static inline uint64_t fake_section_pages(const struct fake *f)
{
	return 1ULL << (f->section_bits - 12);
}

/* The entry's value: the address of the struct pages, as it would be for page frame 0, and flags. */
static inline uint64_t fake_coded(const struct fake *f, uint64_t nr, uint64_t vaddr, uint64_t flags)
{
	return (vaddr - nr * fake_section_pages(f) * FAKE_PAGE_STRUCT) | flags;
}

/* A section with struct pages in the vmemmap; all pages in use by the kernel (_mapcount -1). */
static inline void fake_section(struct fake *f, uint64_t nr, uint64_t flags)
{
	uint64_t n = fake_section_pages(f), len = n * FAKE_PAGE_STRUCT;
	uint64_t pages = fake_alloc(f, len);

	fake_map_range(f, FAKE_VMEMMAP + nr * len, pages, len);
	fake_put64(f, fake_section_entry(f, nr), fake_coded(f, nr, FAKE_VMEMMAP + nr * len, flags));
	for (uint64_t i = 0; i < n; i++)
		fake_put32(f, pages + i * FAKE_PAGE_STRUCT + OFF_MAPCOUNT, UINT32_MAX);
	assert_true(f->n_sections < FAKE_SECTIONS);
	f->sections[f->n_sections].nr = nr;
	f->sections[f->n_sections++].pages = pages;
}

/* Physical address of the struct page of `pfn`. */
static inline uint64_t fake_page(const struct fake *f, uint64_t pfn)
{
	uint64_t n = fake_section_pages(f);

	for (size_t i = 0; i < f->n_sections; i++)
		if (f->sections[i].nr == pfn / n)
			return f->sections[i].pages + pfn % n * FAKE_PAGE_STRUCT;
	fail_msg("page frame %" PRIu64 " is in no section", pfn);
	return 0;
}

/* ---- struct page, as VMCOREINFO describes it */

enum { PG_LRU = 4, PG_WAITERS = 7, PG_SLAB = 9, PG_SWAPCACHE = 10, PG_PRIVATE = 13, PG_HEAD = 16 };
enum { PG_SWAPBACKED = 19, PG_HWPOISON = 23, PG_HUGETLB = 8 };

#define FLAG(bit) (1ULL << (bit))

enum fake_kernel { FAKE_6_1, FAKE_6_4, FAKE_6_6, FAKE_6_9, FAKE_6_10, FAKE_6_12, FAKE_7_1 };

static const struct fake_layout {
	enum fake_kernel kernel;
	uint32_t buddy, offline, slab, hugetlb, unaccepted; /* _mapcount; 0: the kernel has none */
	const char *info;
} fake_layouts[] = {
	{FAKE_6_1, -129, -257, 0, 0, 0,
	 "NUMBER(PG_slab)=9\nOFFSET(page.compound_dtor)=16\nOFFSET(page.compound_order)=17\n"
	 "NUMBER(HUGETLB_PAGE_DTOR)=2\n"},
	{FAKE_6_4, -129, -257, 0, 0, 0,
	 "NUMBER(PG_slab)=9\nOFFSET(folio._folio_dtor)=80\nOFFSET(folio._folio_order)=81\n"
	 "NUMBER(HUGETLB_PAGE_DTOR)=2\n"},
	{FAKE_6_6, -129, -257, 0, 0, 0, "NUMBER(PG_slab)=9\nNUMBER(PG_hugetlb)=8\n"},
	{FAKE_6_9, -129, -257, 0, -2049, 0,
	 "NUMBER(PG_slab)=9\nNUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-2049\n"},
	{FAKE_6_10, -129, -257, -4097, -2049, 0,
	 "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-4097\nNUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-2049\n"},
	{FAKE_6_12, 0xf0000000, 0xf1000000, 0xf5000000, 0xf4000000, 0xf7000000,
	 "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376\n"
	 "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592\n"
	 "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)=-150994944\n"},
	{FAKE_7_1, 0xf0000000, 0xf1000000, 0xf5000000, 0xf4000000, 0xf7000000,
	 "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376\n"
	 "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592\n"
	 "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)=-150994944\n"},
};

static inline void fake_page_keys(struct fake *f, const struct fake_layout *l)
{
	fake_set(f, "SIZE(page)", "%d", FAKE_PAGE_STRUCT);
	fake_set_all(f, "OFFSET(page.flags)=0\nOFFSET(page.mapping)=24\nOFFSET(page.private)=40\n"
			"OFFSET(page._mapcount)=48\nNUMBER(PG_lru)=4\nNUMBER(PG_private)=13\n"
			"NUMBER(PG_swapcache)=10\nNUMBER(PG_swapbacked)=19\n"
			"NUMBER(PG_hwpoison)=23\nNUMBER(PG_head_mask)=65536\n"
			"LENGTH(zone.free_area)=11\n");
	fake_set(f,
		 l->kernel == FAKE_7_1 ? "OFFSET(page.compound_info)"
				       : "OFFSET(page.compound_head)",
		 "%d", OFF_COMPOUND);
	fake_set(f, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", "%d", (int32_t)l->buddy);
	fake_set(f, "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)", "%d", (int32_t)l->offline);
	fake_set_all(f, l->info);
}

/* Write the head of a compound page of 2^order pages, and what its second struct page says of it. */
static inline void fake_compound(uint8_t *pages, const struct fake_layout *l, unsigned int order,
				 bool hugetlb)
{
	uint8_t *second = pages + FAKE_PAGE_STRUCT;

	bytes_put_le64(second + OFF_COMPOUND, 0xffffea0000000001);
	switch (l->kernel) {
	case FAKE_6_1: /* both names mean bytes 16 and 17 of the second struct page */
	case FAKE_6_4:
		second[16] = hugetlb ? 2 : 1;
		second[17] = (uint8_t)order;
		break;
	case FAKE_6_6:
		bytes_put_le64(second + OFF_FLAGS, order | (hugetlb ? FLAG(PG_HUGETLB) : 0));
		break;
	case FAKE_6_9:
	case FAKE_6_10:
	case FAKE_6_12:
	case FAKE_7_1:
		bytes_put_le64(second + OFF_FLAGS, order);
		if (hugetlb)
			bytes_put_le32(pages + OFF_MAPCOUNT, l->hugetlb);
		break;
	}
}

#endif
