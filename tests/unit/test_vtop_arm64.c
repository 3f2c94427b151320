// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * arm64 page tables, made here from the tables of the Arm ARM (which bits of an address index which
 * level, where an entry keeps which bits of an address), not from formulas as the code has them.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "tests/unit/unit.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define SWAPPER 0xfffffffe90120000ULL /* a kernel address whatever their size */

/* Where an entry keeps the physical address. */
enum kind { PLAIN, LPA, LPA2 };

struct config {
	const char *name;
	uint64_t page;
	int built, actual; /* bits of a virtual address; T1SZ is 64 - actual */
	enum kind kind;
	int start;            /* level of swapper_pg_dir */
	uint64_t top_entries; /* that it has */
	/* lowest bit of the index into levels -1 to 3 */
	unsigned int shift[5];
	/* what a block maps at levels -1 to 2; 0: no block there */
	uint64_t block[4];
};

#define SHIFTS_4K                  \
	{                          \
		48, 39, 30, 21, 12 \
	}
#define SHIFTS_16K                \
	{                         \
		0, 47, 36, 25, 14 \
	}
#define SHIFTS_64K               \
	{                        \
		0, 0, 42, 29, 16 \
	}

static const struct config configs[] = {
	{"4K/39", 4 * KIB, 39, 39, PLAIN, 1, 512, SHIFTS_4K, {0, 0, GIB, 2 * MIB}},
	{"4K/48", 4 * KIB, 48, 48, PLAIN, 0, 512, SHIFTS_4K, {0, 0, GIB, 2 * MIB}},
	{"4K/52", 4 * KIB, 52, 52, LPA2, -1, 16, SHIFTS_4K, {0, 512 * GIB, GIB, 2 * MIB}},
	{"4K/52 as 48", 4 * KIB, 52, 48, PLAIN, 0, 512, SHIFTS_4K, {0, 0, GIB, 2 * MIB}},
	{"16K/36", 16 * KIB, 36, 36, PLAIN, 2, 2048, SHIFTS_16K, {0, 0, 0, 32 * MIB}},
	{"16K/47", 16 * KIB, 47, 47, PLAIN, 1, 2048, SHIFTS_16K, {0, 0, 0, 32 * MIB}},
	{"16K/48", 16 * KIB, 48, 48, PLAIN, 0, 2, SHIFTS_16K, {0, 0, 0, 32 * MIB}},
	{"16K/52", 16 * KIB, 52, 52, LPA2, 0, 32, SHIFTS_16K, {0, 0, 64 * GIB, 32 * MIB}},
	{"16K/52 as 47", 16 * KIB, 52, 47, PLAIN, 1, 2048, SHIFTS_16K, {0, 0, 0, 32 * MIB}},
	{"64K/42", 64 * KIB, 42, 42, LPA, 2, 8192, SHIFTS_64K, {0, 0, 0, 512 * MIB}},
	{"64K/48", 64 * KIB, 48, 48, LPA, 1, 64, SHIFTS_64K, {0, 0, 4 * TIB, 512 * MIB}},
	{"64K/52", 64 * KIB, 52, 52, LPA, 1, 1024, SHIFTS_64K, {0, 0, 4 * TIB, 512 * MIB}},
	{"64K/52 as 48", 64 * KIB, 52, 48, LPA, 1, 1024, SHIFTS_64K, {0, 0, 4 * TIB, 512 * MIB}},
};

/* ---- memory: single pages anywhere in 52 bits */

struct frame {
	uint64_t phys;
	uint8_t *bytes; /* NULL: cannot be read */
};

struct machine {
	struct source src; /* first: the source's functions get the machine back from it */
	const struct config *c;
	struct frame frames[32];
	size_t n;
	uint64_t root;
	char info[1024];
	struct vtop vtop;
};

static int read_frames(const struct source *src, uint64_t phys, void *buf, size_t len,
		       struct err *err)
{
	const struct machine *m = (const struct machine *)(const void *)src;

	for (size_t i = 0; i < m->n; i++) {
		const struct frame *f = &m->frames[i];

		if (phys < f->phys || phys - f->phys > m->c->page - len)
			continue;
		if (!f->bytes)
			return err_sys(err, EIO, "read at 0x%" PRIx64, phys);
		memcpy(buf, f->bytes + (phys - f->phys), len);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not in the dump", phys);
}

static const struct source_ops frames_ops = {.name = "frames", .read = read_frames};

static struct frame *frame_of(struct machine *m, uint64_t phys)
{
	for (size_t i = 0; i < m->n; i++)
		if (phys - m->frames[i].phys < m->c->page)
			return &m->frames[i];
	fail_msg("%s: 0x%" PRIx64 " is no frame", m->c->name, phys);
	return NULL;
}

/* A page of zeros. Each has other bits among the highest that the configuration can address. */
static uint64_t add_frame(struct machine *m)
{
	static const uint64_t high[] = {1ULL << 51, 1ULL << 48, 1ULL << 50, 1ULL << 49,
					0xfULL << 48};
	uint64_t phys = 0x800000000000 + (m->n + 1) * 0x7654320000;

	assert_true(m->n < sizeof(m->frames) / sizeof(m->frames[0]));
	if (m->c->kind != PLAIN)
		phys |= high[m->n % 5];
	m->frames[m->n].phys = phys;
	m->frames[m->n].bytes = calloc(1, m->c->page);
	assert_non_null(m->frames[m->n].bytes);
	m->n++;
	return phys;
}

static void put(struct machine *m, uint64_t phys, uint64_t v)
{
	struct frame *f = frame_of(m, phys);

	bytes_put_le64(f->bytes + (phys - f->phys), v);
}

static uint64_t get(struct machine *m, uint64_t phys)
{
	struct frame *f = frame_of(m, phys);
	uint64_t v;

	memcpy(&v, f->bytes + (phys - f->phys), sizeof(v));
	return le64toh(v);
}

/* ---- page tables */

/*
 * An entry of type 0 to 3 with every bit set that is no part of an address: AttrIndx, AP, AF, nG;
 * GP, DBM, contiguous, PXN, UXN and all above; shareability and bits 49:48 unless LPA2 has them.
 */
static uint64_t entry(const struct config *c, uint64_t phys, uint64_t type)
{
	uint64_t attributes = 0xfffc000000000cfc | type;

	switch (c->kind) {
	case PLAIN:
		return attributes | 0x3000000000300 | phys;
	case LPA: /* bits 51:48 at 15:12 */
		return attributes | 0x3000000000300 | (phys & 0xffffffff0000) | phys >> 48 << 12;
	case LPA2: /* bits 51:50 at 9:8 */
		return attributes | (phys & 0x3ffffffffffff) | phys >> 50 << 8;
	}
	return 0;
}

/* Of which the lower bits of the address are those of the page. */
static uint64_t level_size(const struct config *c, int level)
{
	return 1ULL << c->shift[level + 1];
}

/* Where the entry for `vaddr` at `level` is; makes the tables above it. */
static uint64_t entry_at(struct machine *m, uint64_t vaddr, int level)
{
	uint64_t table = m->root, entries = m->c->top_entries;

	for (int l = m->c->start;; l++) {
		uint64_t at = table + vaddr / level_size(m->c, l) % entries * 8;

		if (l == level)
			return at;
		entries = m->c->page / 8;
		if (get(m, at)) { /* made here: find which frame it names */
			for (size_t i = 0; i < m->n; i++)
				if (entry(m->c, m->frames[i].phys, 3) == get(m, at))
					table = m->frames[i].phys;
		} else {
			table = add_frame(m);
			put(m, at, entry(m->c, table, 3));
		}
	}
}

static void map_page(struct machine *m, uint64_t vaddr, uint64_t phys)
{
	put(m, entry_at(m, vaddr, 3), entry(m->c, phys, 3));
}

/* ---- life */

static void __attribute__((format(printf, 2, 3))) add_info(struct machine *m, const char *fmt, ...)
{
	size_t len = strlen(m->info);
	va_list ap;

	va_start(ap, fmt);
	len += (size_t)vsnprintf(m->info + len, sizeof(m->info) - len, fmt, ap);
	va_end(ap);
	assert_true(len < sizeof(m->info));
}

/* Of equal keys the first counts, so what `first` says replaces what follows. */
static void machine_init(struct machine *m, const struct config *c, const char *first)
{
	memset(m, 0, sizeof(*m));
	m->c = c;
	m->src.ops = &frames_ops;
	m->src.path = (char *)(uintptr_t) "machine";
	m->root = add_frame(m);
	add_info(m, "%sPAGESIZE=%" PRIu64 "\n", first, c->page);
	add_info(m, "SYMBOL(swapper_pg_dir)=%llx\n", SWAPPER);
	add_info(m, "NUMBER(MAX_PHYSMEM_BITS)=%d\n", c->built == 52 ? 52 : 48);
	add_info(m, "NUMBER(kimage_voffset)=0x%llx\n", SWAPPER - m->root);
	add_info(m, "NUMBER(VA_BITS)=%d\n", c->built);
	add_info(m, "NUMBER(PHYS_OFFSET)=0xfff0000040000000\n");
	add_info(m, "NUMBER(TCR_EL1_T1SZ)=0x%x\n", 64 - c->actual);
}

static int machine_try_open(struct machine *m, struct err *err)
{
	struct bytes text = {(const uint8_t *)m->info, strlen(m->info)};
	const struct arch *arch = arch_by_elf_machine(EM_AARCH64);
	struct vmcoreinfo *info;
	int r;

	assert_non_null(arch);
	assert_int_equal(vmcoreinfo_create(text, &info, err), 0);
	r = arch->vtop->init(info, &m->vtop, err);
	vmcoreinfo_destroy(info);
	return r;
}

static void machine_open(struct machine *m, const struct config *c)
{
	machine_init(m, c, "");
	assert_ok(machine_try_open(m, err));
}

static void machine_deinit(struct machine *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->frames[i].bytes);
}

/* ---- checks */

static int translate(const struct machine *m, uint64_t vaddr, uint64_t *phys, uint64_t *len,
		     struct err *err)
{
	return arch_arm64.vtop->translate(&m->vtop, &m->src, vaddr, phys, len, err);
}

static void assert_maps(const struct machine *m, uint64_t vaddr, uint64_t phys, uint64_t len)
{
	uint64_t at = 0, run = 0;
	struct err err;

	if (translate(m, vaddr, &at, &run, &err))
		fail_msg("%s: %s", m->c->name, err.msg);
	if (at != phys || run != len)
		fail_msg("%s: 0x%" PRIx64 " is at 0x%" PRIx64 " for 0x%" PRIx64
			 ", expected 0x%" PRIx64 " for 0x%" PRIx64,
			 m->c->name, vaddr, at, run, phys, len);
}

#define assert_unmapped(m, vaddr, code, part)                                    \
	do {                                                                     \
		uint64_t at_ = 11, run_ = 22;                                    \
                                                                                 \
		assert_fails(translate(m, vaddr, &at_, &run_, err), code, part); \
		assert_int_equal(at_, 11);                                       \
		assert_int_equal(run_, 22);                                      \
	} while (0)

/* The lowest kernel address. */
static uint64_t lowest(const struct config *c)
{
	return ~0ULL << c->actual;
}

#define for_each_config(c) for (const struct config *c = configs; c < configs + N_CONFIGS; c++)
#define N_CONFIGS          (sizeof(configs) / sizeof(configs[0]))

static const struct config *config(const char *name)
{
	for_each_config(c) if (strcmp(c->name, name) == 0) return c;
	fail_msg("no configuration %s", name);
	return NULL;
}

/* A physical address with a bit set in each place that the configuration can name. */
static uint64_t some_phys(const struct config *c, uint64_t align)
{
	return (c->kind == PLAIN ? 0xa5a5a5a5a5a5 : 0xda5a5a5a5a5a5) & ~(align - 1);
}

TEST(pages)
{
	for_each_config(c)
	{
		uint64_t all = ~0ULL >> (64 - c->actual), page = c->page;
		const uint64_t vaddrs[] = {
			lowest(c),
			lowest(c) | (0x123456789abcdef0 & all & ~(page - 1)),
			lowest(c) | (0xedcba98765432100 & all & ~(page - 1)),
			~(page - 1),
		};
		const uint64_t places[] = {some_phys(c, page), page,
					   (c->kind == PLAIN ? 1ULL << 48 : 1ULL << 52) - page, 0};
		struct machine m;

		machine_open(&m, c);
		assert_int_equal(m.vtop.levels, 4 - c->start);
		for (size_t i = 0; i < 4; i++)
			map_page(&m, vaddrs[i], places[i]);
		for (size_t i = 0; i < 4; i++) {
			assert_maps(&m, vaddrs[i], places[i], page);
			assert_maps(&m, vaddrs[i] + 0x123, places[i] + 0x123, page - 0x123);
			assert_maps(&m, vaddrs[i] + page - 1, places[i] + page - 1, 1);
			if (i < 3)
				assert_unmapped(&m, vaddrs[i] + page, ERR_NOT_FOUND,
						"level 3 entry");
		}
		machine_deinit(&m);
	}
}

static void check_block(struct machine *m, uint64_t vaddr, int level)
{
	uint64_t size = m->c->block[level + 1], phys = some_phys(m->c, size ? size : 1);

	/* nT, bit 16, lies below the address of any block */
	put(m, entry_at(m, vaddr, level), entry(m->c, phys, 1) | 0x10000);
	if (!size) {
		char text[40];

		snprintf(text, sizeof(text), "is not mapped: level %d entry", level);
		assert_unmapped(m, vaddr, ERR_NOT_FOUND, text);
		return;
	}
	assert_int_equal(size, level_size(m->c, level));
	assert_maps(m, vaddr, phys, size);
	assert_maps(m, vaddr + 0x123456, phys + 0x123456, size - 0x123456);
	assert_maps(m, vaddr + size - 1, phys + size - 1, 1);
}

TEST(blocks)
{
	for_each_config(c)
	{
		for (int level = c->start; level < 3; level++) {
			struct machine m;

			machine_open(&m, c);
			check_block(&m, lowest(c) + level_size(c, level), level);
			machine_deinit(&m);
		}
	}
}

/* Types 0 and 2 are invalid anywhere, 1 at level 3 and, see blocks, where no blocks are. */
TEST(invalid_at_each_level)
{
	for_each_config(c)
	{
		for (int level = c->start; level <= 3; level++) {
			static const uint64_t types[] = {0, 2, 1};
			uint64_t vaddr = lowest(c) + 5 * c->page;

			for (size_t i = 0; i < (level == 3 ? 3 : 2); i++) {
				char level_text[32], at_text[32], value_text[32];
				struct machine m;
				uint64_t at, value = entry(c, some_phys(c, c->page), types[i]);

				machine_open(&m, c);
				map_page(&m, vaddr, 0);
				at = entry_at(&m, vaddr, level);
				put(&m, at, value);
				snprintf(level_text, sizeof(level_text), "level %d entry", level);
				snprintf(at_text, sizeof(at_text), "at 0x%" PRIx64, at);
				snprintf(value_text, sizeof(value_text), "is 0x%" PRIx64, value);
				assert_unmapped(&m, vaddr, ERR_NOT_FOUND, level_text);
				assert_unmapped(&m, vaddr, ERR_NOT_FOUND, at_text);
				assert_unmapped(&m, vaddr, ERR_NOT_FOUND, value_text);
				machine_deinit(&m);
			}
		}
	}
}

/* A 48-bit kernel built for 52 bits: TTBR1 points at the last 64 of 1024 entries. */
TEST(upper_entries_of_a_partly_used_top_table)
{
	const struct config *c = config("64K/52 as 48");
	struct machine m;

	machine_open(&m, c);
	assert_int_equal(entry_at(&m, 0xffff000000000000, 1), m.root + 960 * 8);
	map_page(&m, 0xffff000000000000, 0x10000);
	map_page(&m, 0xffffffffffff0000, 0x20000);
	assert_true(get(&m, m.root + 960 * 8));
	assert_true(get(&m, m.root + 1023 * 8));
	assert_maps(&m, 0xffff000000000000, 0x10000, 64 * KIB);
	assert_maps(&m, 0xffffffffffff0000, 0x20000, 64 * KIB);
	/* in the table, but no address of 48 bits */
	map_page(&m, 0xfffe000000000000, 0x30000);
	assert_unmapped(&m, 0xfffe000000000000, ERR_NOT_FOUND, "kernel address of 48 bits");
	machine_deinit(&m);
}

TEST(not_a_kernel_address)
{
	for_each_config(c)
	{
		struct machine m;
		char text[40];

		machine_open(&m, c);
		map_page(&m, lowest(c), c->page);
		map_page(&m, ~0ULL & ~(c->page - 1), c->page);
		snprintf(text, sizeof(text), "not a kernel address of %d bits", c->actual);
		assert_unmapped(&m, lowest(c) - 1, ERR_NOT_FOUND, text);
		assert_unmapped(&m, lowest(c) - c->page, ERR_NOT_FOUND, text);
		assert_unmapped(&m, 0, ERR_NOT_FOUND, text);
		assert_unmapped(&m, ~lowest(c), ERR_NOT_FOUND, text);
		assert_unmapped(&m, lowest(c) ^ 1ULL << c->actual, ERR_NOT_FOUND, text);
		assert_unmapped(&m, lowest(c) ^ 1ULL << 55, ERR_NOT_FOUND, text);
		assert_unmapped(&m, 0xff7fffffffffffff, ERR_NOT_FOUND, "0xff7fffffffffffff");
		machine_deinit(&m);
	}
}

/* KASAN_SW_TAGS and KASAN_HW_TAGS: the top byte is a tag, the CPU ignores it. */
TEST(tagged_pointers)
{
	struct machine m;

	machine_open(&m, config("4K/48"));
	map_page(&m, 0xffff000012345000, 0x7000);
	for (uint64_t tag = 0; tag < 256; tag++)
		assert_maps(&m, tag << 56 | 0x00ff000012345678, 0x7678, 4096 - 0x678);
	machine_deinit(&m);
}

TEST(table_not_in_the_dump)
{
	for_each_config(c)
	{
		for (int level = c->start; level <= 3; level++) {
			uint64_t vaddr = lowest(c) + 5 * c->page;
			struct machine m;
			struct frame *f;
			char text[40];

			machine_open(&m, c);
			map_page(&m, vaddr, 0);
			snprintf(text, sizeof(text), "level %d page table", level);
			f = frame_of(&m, entry_at(&m, vaddr, level));
			free(f->bytes);
			f->bytes = NULL;
			assert_unmapped(&m, vaddr, ERR_SYSTEM, text);
			f->phys = ~0ULL - c->page;
			assert_unmapped(&m, vaddr, ERR_NOT_FOUND, text);
			machine_deinit(&m);
		}
	}
}

TEST(self_reference_terminates)
{
	for_each_config(c)
	{
		struct machine m;

		machine_open(&m, c);
		for (uint64_t at = m.root; at < m.root + c->page; at += 8)
			put(&m, at, entry(c, m.root, 3));
		assert_maps(&m, lowest(c), m.root, c->page);
		assert_maps(&m, ~0ULL, m.root + c->page - 1, 1);
		machine_deinit(&m);
	}
}

static uint64_t next_noise(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed ^ *seed >> 29;
}

/* Whatever is in a table and whatever the address: an error, or a page as pages are. */
TEST(noise_in_tables)
{
	uint64_t seed = 1, phys, len;
	unsigned int mapped = 0;

	for_each_config(c)
	{
		struct machine m;

		machine_open(&m, c);
		for (uint64_t at = m.root; at < m.root + c->page; at += 8) {
			uint64_t v = next_noise(&seed);

			put(&m, at, v % 4 == 3 ? entry(c, m.root, 3) : v);
		}
		for (unsigned int round = 0; round < 2000; round++) {
			uint64_t vaddr = next_noise(&seed) | (round % 4 ? lowest(c) : 0);
			struct err err = {0};

			if (translate(&m, vaddr, &phys, &len, &err))
				continue;
			mapped++;
			assert_true(len >= 1 && len <= 4 * TIB);
			assert_int_equal(phys >> 52, 0);
			assert_int_equal((phys + len) % c->page, 0);
			assert_int_equal((vaddr + len) % c->page, 0);
		}
		machine_deinit(&m);
	}
	assert_true(mapped > 1000);
}

/* The offset has bit 63 set; kernels print it in hexadecimal, but decimal means the same. */
TEST(root)
{
	static const struct {
		const char *voffset;
		uint64_t root;
	} cases[] = {
		{"0xffff7fffc8000000", 0x40123000},
		{"-140738427879424", 0x40123000},
		{"0xffff800008123000", 0},
		{"0xffef800008124000", 0xffffffffff000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char first[128];
		struct machine m;

		snprintf(first, sizeof(first),
			 "SYMBOL(swapper_pg_dir)=ffff800008123000\nNUMBER(kimage_voffset)=%s\n",
			 cases[i].voffset);
		machine_init(&m, config("4K/48"), first);
		assert_ok(machine_try_open(&m, err));
		assert_int_equal(m.vtop.root, cases[i].root);
		machine_deinit(&m);
	}
}

/* Without a key, or with `first` in front of it. */
static void check_info(const char *name, const char *drop, const char *first, int code,
		       const char *part)
{
	struct vtop before;
	struct machine m;

	machine_init(&m, config(name), first);
	if (drop) {
		char *line = strstr(m.info, drop);

		assert_non_null(line);
		line[0] = '#';
	}
	memset(&m.vtop, 0x5a, sizeof(m.vtop));
	before = m.vtop;
	if (code) {
		assert_fails(machine_try_open(&m, err), code, part);
		assert_memory_equal(&m.vtop, &before, sizeof(before));
	} else {
		assert_ok(machine_try_open(&m, err));
	}
	machine_deinit(&m);
}

TEST(missing_keys_are_named)
{
	check_info("4K/48", "PAGESIZE", "", ERR_NOT_FOUND, "PAGESIZE");
	check_info("4K/48", "NUMBER(VA_BITS)", "", ERR_NOT_FOUND, "NUMBER(VA_BITS)");
	check_info("4K/48", "SYMBOL(swapper_pg_dir)", "", ERR_NOT_FOUND, "SYMBOL(swapper_pg_dir)");
	check_info("4K/48", "NUMBER(kimage_voffset)", "", ERR_NOT_FOUND, "NUMBER(kimage_voffset)");
	/* not needed */
	check_info("4K/48", "NUMBER(PHYS_OFFSET)", "", 0, "");
	check_info("4K/52", "NUMBER(MAX_PHYSMEM_BITS)", "", 0, "");
}

/* Kernels before 5.9 do not export it. */
TEST(no_t1sz)
{
	check_info("4K/39", "NUMBER(TCR_EL1_T1SZ)", "", 0, "");
	check_info("16K/48", "NUMBER(TCR_EL1_T1SZ)", "", 0, "");
	/* could run with 48 bits: then its entries would be read wrong */
	check_info("4K/52", "NUMBER(TCR_EL1_T1SZ)", "", ERR_NOT_FOUND, "NUMBER(TCR_EL1_T1SZ)");
	check_info("16K/52", "NUMBER(TCR_EL1_T1SZ)", "", ERR_NOT_FOUND, "NUMBER(TCR_EL1_T1SZ)");
	/* with 64 KiB it does not matter */
	for (size_t i = 0; i < 2; i++) {
		struct machine m;

		machine_init(&m, config(i ? "64K/52" : "64K/52 as 48"), "");
		*strstr(m.info, "NUMBER(TCR") = '#';
		assert_ok(machine_try_open(&m, err));
		map_page(&m, 0xffff123456780000, 0x30000);
		assert_maps(&m, 0xffff123456780000, 0x30000, 64 * KIB);
		machine_deinit(&m);
	}
}

TEST(absurd_keys_are_named)
{
	static const struct {
		const char *name, *first, *part;
	} cases[] = {
		{"4K/48", "PAGESIZE=0\n", "PAGESIZE=0"},
		{"4K/48", "PAGESIZE=8192\n", "PAGESIZE=8192"},
		{"4K/48", "PAGESIZE=131072\n", "PAGESIZE=131072"},
		{"4K/48", "PAGESIZE=18446744073709551615\n", "PAGESIZE=18446744073709551615"},
		{"4K/48", "PAGESIZE=0x1000\n", "PAGESIZE=0x1000"},
		{"4K/48", "NUMBER(VA_BITS)=0\n", "NUMBER(VA_BITS)=0"},
		{"4K/48", "NUMBER(VA_BITS)=35\n", "NUMBER(VA_BITS)=35"},
		{"4K/48", "NUMBER(VA_BITS)=53\n", "NUMBER(VA_BITS)=53"},
		{"4K/48", "NUMBER(VA_BITS)=64\n", "NUMBER(VA_BITS)=64"},
		{"4K/48", "NUMBER(VA_BITS)=-48\n", "NUMBER(VA_BITS)=-48"},
		{"4K/48", "NUMBER(VA_BITS)=4294967344\n", "NUMBER(VA_BITS)=4294967344"},
		{"4K/48", "NUMBER(VA_BITS)=many\n", "NUMBER(VA_BITS)=many"},
		{"4K/48", "NUMBER(TCR_EL1_T1SZ)=0x0\n", "NUMBER(TCR_EL1_T1SZ)=0x0"},
		{"4K/48", "NUMBER(TCR_EL1_T1SZ)=0xf\n", "NUMBER(TCR_EL1_T1SZ)=0xf"},
		{"4K/52", "NUMBER(TCR_EL1_T1SZ)=0xb\n", "NUMBER(TCR_EL1_T1SZ)=0xb"},
		{"4K/52", "NUMBER(TCR_EL1_T1SZ)=0x1d\n", "NUMBER(TCR_EL1_T1SZ)=0x1d"},
		{"4K/52", "NUMBER(TCR_EL1_T1SZ)=0x3f\n", "NUMBER(TCR_EL1_T1SZ)=0x3f"},
		{"4K/52", "NUMBER(TCR_EL1_T1SZ)=-1\n", "NUMBER(TCR_EL1_T1SZ)=0xffffffffffffffff"},
		{"4K/52", "NUMBER(TCR_EL1_T1SZ)=0x8000000000000000\n", "0x8000000000000000"},
		{"4K/52", "NUMBER(TCR_EL1_T1SZ)=y\n", "NUMBER(TCR_EL1_T1SZ)=y"},
		{"4K/48", "SYMBOL(swapper_pg_dir)=zz\n", "SYMBOL(swapper_pg_dir)=zz"},
		{"4K/48", "SYMBOL(swapper_pg_dir)=0\n", "SYMBOL(swapper_pg_dir)=0"},
		{"4K/48", "SYMBOL(swapper_pg_dir)=fffeffffffff0000\n",
		 "SYMBOL(swapper_pg_dir)=fffeff"},
		{"4K/48", "NUMBER(kimage_voffset)=0xffffffffffffffff\n", "page tables at 0x"},
		{"4K/48", "NUMBER(kimage_voffset)=zz\n", "NUMBER(kimage_voffset)=zz"},
		{"4K/48", "NUMBER(kimage_voffset)=0x0\n", "NUMBER(kimage_voffset)=0x0"},
		{"4K/48", "NUMBER(kimage_voffset)=0xfffffffe80000800\n", "page tables at 0x"},
		{"64K/48", "NUMBER(kimage_voffset)=0xfffffffe80001000\n", "page tables at 0x"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_info(cases[i].name, NULL, cases[i].first, ERR_CORRUPT, cases[i].part);
	/* T1SZ must not be what catches it */
	check_info("4K/48", "NUMBER(TCR_EL1_T1SZ)", "NUMBER(VA_BITS)=3\n", ERR_CORRUPT,
		   "VA_BITS)=3");
	check_info("4K/48", "NUMBER(TCR_EL1_T1SZ)", "NUMBER(VA_BITS)=64\n", ERR_CORRUPT,
		   "VA_BITS)=64");
}

TEST(registry)
{
	assert_ptr_equal(arch_by_elf_machine(EM_AARCH64), &arch_arm64);
	assert_string_equal(arch_arm64.name, "aarch64");
	assert_null(arch_by_elf_machine(EM_ARM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(blocks),
		cmocka_unit_test(invalid_at_each_level),
		cmocka_unit_test(upper_entries_of_a_partly_used_top_table),
		cmocka_unit_test(not_a_kernel_address),
		cmocka_unit_test(tagged_pointers),
		cmocka_unit_test(table_not_in_the_dump),
		cmocka_unit_test(self_reference_terminates),
		cmocka_unit_test(noise_in_tables),
		cmocka_unit_test(root),
		cmocka_unit_test(missing_keys_are_named),
		cmocka_unit_test(no_t1sz),
		cmocka_unit_test(absurd_keys_are_named),
		cmocka_unit_test(registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
