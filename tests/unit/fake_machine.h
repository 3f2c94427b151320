/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with some MiB of RAM in several banks, and what each of its pages is used for: struct pages on
 * the one hand, a list of uses on the other. machine_keeps() says what a dump level keeps, by a table
 * of makedumpfile(8), not by the classes of the code under test.
 */
#ifndef TESTS_UNIT_FAKE_MACHINE_H
#define TESTS_UNIT_FAKE_MACHINE_H

#include "tests/unit/fake_image.h"

#define MACHINE_PAGES (386 * MIB / FAKE_PAGE)
#define MAPPING       0xffff888012345600ULL

enum use {
	USE_NOTHING, /* no memory here */
	USE_KERNEL,
	USE_SLAB,
	USE_FREE,
	USE_CACHE,
	USE_CACHE_PRIVATE,
	USE_SWAP_CACHE,
	USE_ANON,
	USE_KSM,
	USE_HUGETLB,
	USE_HWPOISON,
	USE_OFFLINE,
	USE_UNACCEPTED,
	USES
};

#define ALWAYS 0x100U

/* The bits of the dump level that each drop such a page. */
static const unsigned int dropped_by[USES] = {
	[USE_NOTHING] = ALWAYS,  [USE_FREE] = 16,          [USE_CACHE] = 2 | 4,
	[USE_CACHE_PRIVATE] = 4, [USE_SWAP_CACHE] = 2 | 4, [USE_ANON] = 8,
	[USE_KSM] = 8,           [USE_HUGETLB] = 8,        [USE_HWPOISON] = ALWAYS,
	[USE_OFFLINE] = ALWAYS,  [USE_UNACCEPTED] = 16,
};

struct machine {
	struct fake f;
	const struct fake_layout *l;
	uint8_t use[MACHINE_PAGES]; /* enum use */
	uint32_t seed;
};

static inline bool machine_keeps(const struct machine *m, uint64_t pfn, unsigned int level)
{
	return !(dropped_by[m->use[pfn]] & (ALWAYS | level));
}

static inline uint32_t machine_random(struct machine *m, uint32_t below)
{
	m->seed = m->seed * 1664525 + 1013904223;
	return (m->seed >> 8) % below;
}

/*
 * Banks around what may go wrong: the border of two chunks of 32768 page frames, sections, a hole of 16
 * pages, memory that begins and ends inside a page.
 */
static const struct range machine_banks[] = {
	{0, 9 * MIB},
	{126 * MIB + 3 * FAKE_PAGE, 131 * MIB},
	{256 * MIB + 0x800, 257 * MIB},
	{257 * MIB + 16 * FAKE_PAGE, 258 * MIB - 0x123},
	{384 * MIB, 386 * MIB},
};

/* All of the memory is the kernel's. */
static inline struct machine *machine_create(enum fake_kernel kernel)
{
	static const uint64_t sections[] = {0, 7, 8, 16, 24};
	struct machine *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->l = &fake_layouts[kernel];
	m->seed = 1;
	fake_init(&m->f, 386 * MIB, 4);
	for (size_t i = 0; i < ARRAY_SIZE(machine_banks); i++) {
		const struct range *b = &machine_banks[i];

		fake_ram(&m->f, b->start, b->end);
		memset(m->use + b->start / FAKE_PAGE, USE_KERNEL,
		       (b->end + FAKE_PAGE - 1) / FAKE_PAGE - b->start / FAKE_PAGE);
	}
	fake_sections(&m->f, 24, 36, true);
	fake_page_keys(&m->f, m->l);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		fake_section(&m->f, sections[i], 7); /* present, has struct pages, online */
	assert_true(m->f.next <= 5 * MIB);
	return m;
}

static inline void machine_destroy(struct machine *m)
{
	fake_deinit(&m->f);
	free(m);
}

static inline void machine_head(struct machine *m, uint8_t *head, enum use use, unsigned int order)
{
	uint64_t flags = 0, mapping = 0;
	bool compound = order > 0;

	if (use == USE_CACHE || use == USE_CACHE_PRIVATE || use == USE_HWPOISON)
		flags |= FLAG(PG_LRU);
	if (use == USE_CACHE_PRIVATE)
		flags |= FLAG(PG_PRIVATE);
	if (use == USE_SWAP_CACHE)
		flags |= FLAG(PG_SWAPBACKED) | FLAG(PG_SWAPCACHE);
	if (use == USE_HWPOISON)
		flags |= FLAG(PG_HWPOISON);
	if (use != USE_FREE && use != USE_UNACCEPTED && use != USE_KERNEL)
		mapping = MAPPING;
	if (use == USE_ANON || use == USE_SLAB) /* a slab's mapping means something else */
		mapping |= 1;
	if (use == USE_KSM)
		mapping |= 3;
	if (use == USE_SLAB && !m->l->slab)
		flags |= FLAG(PG_SLAB);
	if (use == USE_SLAB && m->l->slab)
		bytes_put_le32(head + OFF_MAPCOUNT, m->l->slab);
	if (use == USE_OFFLINE)
		bytes_put_le32(head + OFF_MAPCOUNT, m->l->offline);
	if (use == USE_UNACCEPTED)
		bytes_put_le32(head + OFF_MAPCOUNT, m->l->unaccepted);
	if (use == USE_FREE) {
		bytes_put_le32(head + OFF_MAPCOUNT, m->l->buddy);
		bytes_put_le64(head + OFF_PRIVATE, order);
	}
	compound = compound && use != USE_FREE && use != USE_UNACCEPTED;
	bytes_put_le64(head + OFF_FLAGS, flags | (compound ? FLAG(PG_HEAD) : 0));
	bytes_put_le64(head + OFF_MAPPING, mapping);
	if (!compound)
		return;
	for (uint64_t i = 1; i < 1ULL << order; i++)
		bytes_put_le64(head + i * FAKE_PAGE_STRUCT + OFF_COMPOUND, FAKE_VMEMMAP | 1);
	fake_compound(head, m->l, order, use == USE_HUGETLB);
}

/* The page frames [pfn, pfn + 2^order), of one section, are used for one thing. */
static inline void machine_block(struct machine *m, uint64_t pfn, unsigned int order, enum use use)
{
	uint8_t *head = m->f.ram + fake_page(&m->f, pfn);

	memset(head, 0, FAKE_PAGE_STRUCT << order);
	for (uint64_t i = 0; i < 1ULL << order; i++) {
		bytes_put_le32(head + i * FAKE_PAGE_STRUCT + OFF_MAPCOUNT, UINT32_MAX);
		if (m->use[pfn + i] != USE_NOTHING)
			m->use[pfn + i] = (uint8_t)use;
	}
	machine_head(m, head, use, order);
}

/* Do the builders' tables lie here? They stay the kernel's, so that a filtered dump is an image too. */
static inline bool machine_is_table(const struct machine *m, uint64_t pfn)
{
	return pfn >= FAKE_START / FAKE_PAGE && pfn < m->f.next / FAKE_PAGE;
}

/* Can all of the block be given away? */
static inline bool machine_has(const struct machine *m, uint64_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < 1ULL << order; i++)
		if (pfn + i >= MACHINE_PAGES || m->use[pfn + i] == USE_NOTHING ||
		    machine_is_table(m, pfn + i))
			return false;
	return true;
}

/* Give all memory away at random, in blocks of all orders. */
static inline void machine_fill(struct machine *m)
{
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES;) {
		unsigned int order = machine_random(m, 3) ? 0 : machine_random(m, 11);
		enum use use = USE_KERNEL + machine_random(m, USES - USE_KERNEL);

		if (!machine_has(m, pfn, 0)) {
			pfn++;
			continue;
		}
		if (use == USE_UNACCEPTED)
			order = 10;
		if (use == USE_UNACCEPTED && !m->l->unaccepted)
			use = USE_FREE;
		while (order && (pfn % (1ULL << order) || !machine_has(m, pfn, order)))
			order--;
		if (use == USE_UNACCEPTED && order != 10)
			use = USE_FREE;
		if (use == USE_HUGETLB && !order)
			use = USE_ANON;
		machine_block(m, pfn, order, use);
		pfn += 1ULL << order;
	}
}

/* Contents outside of the builders' tables: zeros, text, noise; each page of its own. */
static inline void machine_contents(struct machine *m)
{
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++) {
		uint8_t *page = m->f.ram + pfn * FAKE_PAGE;
		unsigned int kind = machine_random(m, 3);

		if (!machine_has(m, pfn, 0))
			continue;
		for (size_t i = 0; kind && i < FAKE_PAGE; i++)
			page[i] = kind == 1 ? (uint8_t)('a' + i % 7)
					    : (uint8_t)machine_random(m, 256);
		if (kind)
			bytes_put_le64(page + 8, pfn);
	}
}

#endif
