// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/kernel.h"

#include <elf.h>

#include "image/module.h"
#include "tests/unit/btf_fixture.h"
#include "tests/unit/fake_kallsyms.h"

/* ---- a kernel: its symbols, types, CPUs and modules */

#define D_(off)     (FAKE_TEXT + FAKE_DATA_AT + (off))
#define NR_CPU_IDS  D_(0x100)
#define OFFSETS     D_(0x200)
#define ONLINE      D_(0x300)
#define MODULES     D_(0x400)
#define BTF_MODULES D_(0x500)
#define HEAD        D_(0x600) /* of the lists of tests */
#define INIT_TASK   D_(0x1000)
#define EXPORTS_AT  (FAKE_TEXT + 0x170000)
#define BTF_AT      (FAKE_TEXT + 0x180000)
#define MODULE_AREA 0xffffffffc0000000ULL

static struct {
	struct fake_text x;
	struct fake_tables *tables;
	struct made types;
	struct kernel *k;
	uint64_t btf_len;
	bool mem;       /* modules have mem[], not core_layout */
	bool grp;       /* notes_attrs has pointers */
	uint64_t areas; /* physical, of the modules' memory */
} m;

static void put64(uint64_t vaddr, uint64_t v)
{
	bytes_put_le64(fake_text_at(&m.x, vaddr), v);
}

static void put32(uint64_t vaddr, uint32_t v)
{
	bytes_put_le32(fake_text_at(&m.x, vaddr), v);
}

static void add_symbols(void)
{
	struct fake_tables *t = m.tables;

	fake_sym(t, 0, 'A', "__per_cpu_start");
	fake_sym(t, 0x80, 'A', "runqueues");
	fake_sym(t, FAKE_TEXT, 'T', "_stext");
	for (unsigned int i = 0; i < 100; i++)
		fake_sym(t, FAKE_TEXT + 0x100 + i * 64, 'T', "fn_%u", i);
	fake_sym(t, FAKE_TEXT + 0x40000, 'T', "_etext");
	fake_sym(t, FAKE_TEXT + 0x50000, 'T', "_sinittext");
	fake_sym(t, FAKE_TEXT + 0x51000, 'T', "_einittext");
	fake_sym(t, BTF_AT, 'R', "__start_BTF");
	fake_sym(t, BTF_AT + m.btf_len, 'R', "__stop_BTF");
	fake_sym(t, D_(0), 'D', "init_uts_ns");
	fake_sym(t, NR_CPU_IDS, 'D', "nr_cpu_ids");
	fake_sym(t, OFFSETS, 'D', "__per_cpu_offset");
	fake_sym(t, ONLINE, 'D', "__cpu_online_mask");
	fake_sym(t, MODULES, 'd', "modules");
	fake_sym(t, BTF_MODULES, 'd', "btf_modules");
	fake_sym(t, INIT_TASK, 'D', "init_task");
}

/* ---- types. struct module, with members where only these tests have them. */

enum { M_STATE = 0, M_LIST = 8, M_NAME = 24, M_TAINTS = 88, M_VERSION = 96, M_SRC = 104 };
enum { M_REF = 112, M_MEM = 128, M_KALLSYMS = 296, M_CORE = 304, M_NOTES = 344, M_ARCH = 352 };
enum { M_BUILD_ID = 384, M_SIZE = 416, MEM_SIZE = 24 };

struct basic {
	uint32_t u8, u32, ulong, ptr, list, text, none, id;
};

/* Types of what struct module has in it; ids of core_layout, mem, core_kallsyms and arch. */
static void add_module_parts(const struct basic *b, uint32_t id[4])
{
	struct made *t = &m.types;
	uint32_t attrs;

	id[0] = made_type(t, "module_layout", K_STRUCT, 3, 24);
	made_member(t, "base", b->ptr, 0);
	made_member(t, "size", b->u32, 64);
	made_member(t, "text_size", b->u32, 96);
	id[1] = made_type(t, "module_memory", K_STRUCT, 2, MEM_SIZE);
	made_member(t, "base", b->ptr, 64);
	made_member(t, "size", b->u32, 128);
	id[1] = made_array(t, id[1], b->u32, 7);
	made_type(t, "mod_mem_type", K_ENUM, 2, 4);
	made_pair(t, "MOD_TEXT", 0);
	made_pair(t, "MOD_INIT_TEXT", 4);
	id[2] = made_type(t, "mod_kallsyms", K_STRUCT, 4, 32);
	made_member(t, "symtab", b->ptr, 0);
	made_member(t, "num_symtab", b->u32, 64);
	made_member(t, "strtab", b->ptr, 128);
	made_member(t, "typetab", b->ptr, 192);
	id[3] = made_type(t, "mod_arch_specific", K_STRUCT, 3, 24);
	made_member(t, "num_orcs", b->u32, 0);
	made_member(t, "orc_unwind_ip", b->ptr, 64);
	made_member(t, "orc_unwind", b->ptr, 128);
	attrs = made_type(t, "bin_attribute", K_STRUCT, 2, 32);
	made_member(t, "size", b->ulong, 64);
	made_member(t, "private", b->ptr, 128);
	attrs = made_array(t, attrs, b->u32, 0);
	if (m.grp) { /* v6.15 on: pointers to attributes, of which the last is NULL */
		uint32_t grp = made_type(t, "attribute_group", K_STRUCT, 1, 16);

		made_member(t, "bin_attrs", b->ptr, 64);
		made_type(t, "module_notes_attrs", K_STRUCT, 2, 16);
		made_member(t, "grp", grp, 0);
		made_member(t, "attrs", attrs, 128);
		return;
	}
	made_type(t, "module_notes_attrs", K_STRUCT, 2, 16);
	made_member(t, "notes", b->u32, 64);
	made_member(t, "attrs", attrs, 128);
}

static void add_module_types(const struct basic *b)
{
	struct made *t = &m.types;
	uint32_t id[4], atomic = made_type(t, "", K_STRUCT, 1, 4);

	made_member(t, "counter", b->u32, 0);
	add_module_parts(b, id);
	made_type(t, "module", K_STRUCT, m.mem ? 13 : 14, M_SIZE);
	made_member(t, "state", b->u32, M_STATE * 8);
	made_member(t, "list", b->list, M_LIST * 8);
	made_member(t, "name", b->text, M_NAME * 8);
	made_member(t, "taints", b->ulong, M_TAINTS * 8);
	made_member(t, "version", b->ptr, M_VERSION * 8);
	made_member(t, "srcversion", b->ptr, M_SRC * 8);
	made_member(t, "refcnt", atomic, M_REF * 8);
	if (m.mem) {
		made_member(t, "mem", id[1], M_MEM * 8);
	} else {
		made_member(t, "core_layout", id[0], M_MEM * 8);
		made_member(t, "init_layout", id[0], (M_MEM + 24) * 8);
	}
	made_member(t, "kallsyms", b->ptr, M_KALLSYMS * 8);
	made_member(t, "core_kallsyms", id[2], M_CORE * 8);
	made_member(t, "notes_attrs", b->ptr, M_NOTES * 8);
	made_member(t, "arch", id[3], M_ARCH * 8);
	made_member(t, "build_id", b->id, M_BUILD_ID * 8);
}

static void add_thing(const struct basic *b)
{
	struct made *t = &m.types;
	uint32_t inner = made_type(t, "", K_STRUCT, 2, 16);

	made_member(t, "deep", b->u32, 32);
	made_member(t, "flexible", b->none, 64);
	made_type(t, "thing", K_STRUCT, K_FLAG | 6, 128);
	made_member(t, "id", b->u32, 0);
	made_member(t, "low", b->u32, 3 << 24 | 37);
	made_member(t, "wide", b->ulong, 58U << 24 | 64);
	made_member(t, "torn", b->ulong, 63U << 24 | 130);
	made_member(t, "", inner, 192);
	made_member(t, "comm", b->text, 320);
	made_type(t, "thing_t", K_TYPEDEF, 0, t->next - 1);
	made_type(t, "colour", K_ENUM, 1, 4);
	made_pair(t, "RED", 7);
}

static void add_types(void)
{
	struct made *t = &m.types;
	struct basic b;

	made_init(t, NULL);
	b.u8 = made_int(t, "char", 1, 0);
	b.u32 = made_int(t, "unsigned int", 4, 0);
	b.ulong = made_int(t, "long unsigned int", 8, 0);
	b.ptr = made_type(t, "", K_PTR, 0, 0);
	b.list = made_type(t, "list_head", K_STRUCT, 2, 16);
	made_member(t, "next", b.ptr, 0);
	made_member(t, "prev", b.ptr, 64);
	b.text = made_array(t, b.u8, b.u32, 56);
	b.id = made_array(t, b.u8, b.u32, 20);
	b.none = made_array(t, b.u32, b.u32, 0);
	add_thing(&b);
	made_type(t, "btf", K_STRUCT, 2, 16);
	made_member(t, "data", b.ptr, 0);
	made_member(t, "data_size", b.u32, 64);
	made_type(t, "btf_module", K_STRUCT, 3, 32);
	made_member(t, "list", b.list, 0);
	made_member(t, "module", b.ptr, 128);
	made_member(t, "btf", b.ptr, 192);
	add_module_types(&b);
}

/* ---- modules, each in 64 KiB: text, then data with all that struct module leads to */

enum { TEXT_SIZE = 0x2000, OFF_MODULE = 0x8000, OFF_SYMTAB = 0x9000, OFF_STRINGS = 0xa000 };
enum { OFF_TYPES = 0xa800, OFF_NOTES = 0xb000, OFF_ATTRS = 0xb800, OFF_TEXTS = 0xc000 };
enum { OFF_BTF = 0xd000, AREA = 0x10000, DATA_SIZE = AREA - OFF_MODULE };

static uint64_t area(unsigned int i)
{
	return MODULE_AREA + i * (uint64_t)AREA;
}

static uint8_t *area_at(unsigned int i, uint64_t off)
{
	return m.x.f.ram + m.areas + i * (uint64_t)AREA + off;
}

static void area_put64(unsigned int i, uint64_t off, uint64_t v)
{
	bytes_put_le64(area_at(i, off), v);
}

static void area_put32(unsigned int i, uint64_t off, uint32_t v)
{
	bytes_put_le32(area_at(i, off), v);
}

static void add_module_symbols(unsigned int i)
{
	static const char strings[] = "\0probe\0probe_end\0state";
	static const struct {
		uint32_t name;
		uint64_t off;
		char type;
	} v[] = {{1, 0x10, 't'}, {7, 0x1ff0, 'T'}, {17, OFF_MODULE + 0x7000, 'd'}};

	memcpy(area_at(i, OFF_STRINGS), strings, sizeof(strings));
	for (unsigned int k = 0; k < ARRAY_SIZE(v); k++) {
		uint64_t at = OFF_SYMTAB + (k + 1) * 24UL;

		area_put32(i, at, v[k].name);
		area_put32(i, at + 4, 1 << 16); /* st_shndx */
		area_put64(i, at + 8, area(i) + v[k].off);
		*area_at(i, OFF_TYPES + k + 1) = (uint8_t)v[k].type;
	}
	area_put64(i, OFF_MODULE + M_CORE, area(i) + OFF_SYMTAB);
	area_put32(i, OFF_MODULE + M_CORE + 8, ARRAY_SIZE(v) + 1);
	area_put64(i, OFF_MODULE + M_CORE + 16, area(i) + OFF_STRINGS);
	area_put64(i, OFF_MODULE + M_CORE + 24, area(i) + OFF_TYPES);
	area_put64(i, OFF_MODULE + M_KALLSYMS, area(i) + OFF_MODULE + M_CORE);
}

/* Two sections of notes, of which the second has the build id. */
static void add_module_notes(unsigned int i)
{
	uint64_t attrs = OFF_ATTRS + 16;
	uint8_t id[20];
	size_t len;

	memset(id, (int)(0xa0 + i), sizeof(id));
	len = fake_note(area_at(i, OFF_NOTES), "Linux", 0x100, "y", 1);
	area_put64(i, attrs + 8, len);
	area_put64(i, attrs + 16, area(i) + OFF_NOTES);
	len = fake_note(area_at(i, OFF_NOTES + 0x100), "GNU", 3, id, sizeof(id));
	area_put64(i, attrs + 32 + 8, len);
	area_put64(i, attrs + 32 + 16, area(i) + OFF_NOTES + 0x100);
	if (m.grp) {
		area_put64(i, OFF_ATTRS + 8, area(i) + OFF_ATTRS + 0x200);
		area_put64(i, OFF_ATTRS + 0x200, area(i) + attrs);
		area_put64(i, OFF_ATTRS + 0x208, area(i) + attrs + 32);
	} else {
		area_put32(i, OFF_ATTRS + 8, 2);
	}
	area_put64(i, OFF_MODULE + M_NOTES, area(i) + OFF_ATTRS);
}

static void add_module_memory(unsigned int i)
{
	uint64_t at = OFF_MODULE + M_MEM;

	if (m.mem) {
		area_put64(i, at + 8, area(i));
		area_put32(i, at + 16, TEXT_SIZE);
		area_put64(i, at + MEM_SIZE + 8, area(i) + OFF_MODULE);
		area_put32(i, at + MEM_SIZE + 16, DATA_SIZE);
		return;
	}
	area_put64(i, at, area(i));
	area_put32(i, at + 8, AREA);
	area_put32(i, at + 12, TEXT_SIZE);
}

static void add_module(unsigned int i, const char *name)
{
	memcpy(area_at(i, OFF_MODULE + M_NAME), name, strlen(name) + 1);
	area_put64(i, OFF_MODULE + M_TAINTS, 0x1000);
	area_put32(i, OFF_MODULE + M_REF, 3);
	strcpy((char *)area_at(i, OFF_TEXTS), "1.2");
	area_put64(i, OFF_MODULE + M_VERSION, area(i) + OFF_TEXTS);
	area_put32(i, OFF_MODULE + M_ARCH, 5);
	area_put64(i, OFF_MODULE + M_ARCH + 8, area(i) + 0x6000);
	area_put64(i, OFF_MODULE + M_ARCH + 16, area(i) + 0x7000);
	add_module_memory(i);
	add_module_symbols(i);
	add_module_notes(i);
}

static uint64_t link_of(unsigned int i)
{
	return area(i) + OFF_MODULE + M_LIST;
}

static void put_links(unsigned int i, uint64_t next, uint64_t prev)
{
	area_put64(i, OFF_MODULE + M_LIST, next);
	area_put64(i, OFF_MODULE + M_LIST + 8, prev);
}

/* Three of them, in the list in the order 0 1 2. */
static void add_modules(void)
{
	m.areas = fake_alloc(&m.x.f, 3 * AREA);
	fake_map_range(&m.x.f, MODULE_AREA, m.areas, 3 * AREA);
	add_module(0, "virtio_blk");
	add_module(1, "ext4");
	add_module(2, "jbd2");
	put64(MODULES, link_of(0));
	put64(MODULES + 8, link_of(2));
	put_links(0, link_of(1), MODULES);
	put_links(1, link_of(2), link_of(0));
	put_links(2, MODULES, link_of(1));
}

/* The types of module 1, a struct of its own that is built of the kernel's. */
static void add_module_btf(void)
{
	uint64_t entry = OFF_BTF, btf = OFF_BTF + 0x100, data = OFF_BTF + 0x200;
	struct made split;
	uint8_t *bytes;
	size_t len;

	made_init(&split, &m.types);
	made_type(&split, "ext4_thing", K_STRUCT, 1, 8);
	made_member(&split, "count", 3, 0); /* long unsigned int */
	bytes = made_bytes(&split, &len);
	memcpy(area_at(1, data), bytes, len);
	free(bytes);
	made_deinit(&split);
	put64(BTF_MODULES, area(1) + entry);
	put64(BTF_MODULES + 8, area(1) + entry);
	area_put64(1, entry, BTF_MODULES);
	area_put64(1, entry + 8, BTF_MODULES);
	area_put64(1, entry + 16, area(1) + OFF_MODULE);
	area_put64(1, entry + 24, area(1) + btf);
	area_put64(1, btf, area(1) + data);
	area_put32(1, btf + 8, (uint32_t)len);
}

/* ---- life: up, damage, start, down */

static void up_as(bool mem, bool grp)
{
	uint8_t *bytes;
	size_t len;

	memset(&m, 0, sizeof(m));
	m.mem = mem;
	m.grp = grp;
	fake_text_init(&m.x);
	add_types();
	bytes = made_bytes(&m.types, &len);
	m.btf_len = len;
	memcpy(fake_text_at(&m.x, BTF_AT), bytes, len);
	free(bytes);
	m.tables = calloc(1, sizeof(*m.tables));
	assert_non_null(m.tables);
	add_symbols();
	fake_put_tables(&m.x, m.tables, KALLSYMS_PERCPU, FAKE_NEW);
	fake_tell_tables(&m.x, KALLSYMS_PERCPU);
	put32(NR_CPU_IDS, 3);
	for (unsigned int i = 0; i < 3; i++)
		put64(OFFSETS + i * 8, FAKE_DIRECT_MAP + i * 0x10000);
	put64(ONLINE, 5);
	put64(BTF_MODULES, BTF_MODULES);
	put64(BTF_MODULES + 8, BTF_MODULES);
	add_modules();
}

static void up(void)
{
	up_as(true, false);
}

static void start(void)
{
	fake_open(&m.x.f);
	assert_ok(kernel_create(m.x.f.img, &m.k, err));
}

static void stop(void)
{
	kernel_destroy(m.k);
	m.k = NULL;
}

static void down(void)
{
	stop();
	made_deinit(&m.types);
	free(m.tables);
	fake_deinit(&m.x.f);
}

static bool has_gap(const char *part)
{
	for (size_t i = 0; i < m.k->gaps.n; i++)
		if (strstr(m.k->gaps.v[i], part))
			return true;
	return false;
}

static void assert_level(const char *want)
{
	char buf[128];

	assert_string_equal(kernel_level(m.k, buf, sizeof(buf)), want);
}

/* ---- the ladder */

TEST(everything)
{
	up();
	start();
	assert_level("symbols, types, modules, CPUs");
	for (size_t i = 0; i < m.k->gaps.n; i++)
		fail_msg("gap: %s", m.k->gaps.v[i]);
	assert_int_equal(m.k->n_cpus, 3);
	down();
}

TEST(a_bare_image)
{
	struct image *img = NULL;

	up();
	fake_make_notes(&m.x.f);
	assert_ok(image_create_bare(&m.x.f.src, &img, err));
	assert_ok(kernel_create(img, &m.k, err));
	assert_level("log and registers only");
	assert_true(has_gap("symbols: "));
	assert_true(has_gap("types: "));
	assert_null(m.k->btf);
	stop();
	image_destroy(img);
	down();
}

/* No symbol leads to it: it is found by its first bytes. Others that look alike are passed over. */
TEST(types_are_searched_for)
{
	up();
	for (size_t i = 0; i < m.tables->n; i++)
		if (strstr(m.tables->syms[i].name, "_BTF"))
			m.tables->syms[i].name[2] = 'x';
	fake_put_tables(&m.x, m.tables, KALLSYMS_PERCPU, FAKE_NEW);
	memcpy(fake_text_at(&m.x, BTF_AT - 0x100), fake_text_at(&m.x, BTF_AT), 12);
	memcpy(fake_text_at(&m.x, BTF_AT - 0x80), fake_text_at(&m.x, BTF_AT), 24);
	start();
	assert_level("symbols, types, modules, CPUs");
	assert_int_equal(btf_end(m.k->btf), m.types.next);
	down();
}

/* struct kernel_symbol of what is exported, and the strings behind them. */
static void put_exports(void)
{
	static const struct {
		const char *name;
		uint64_t addr;
	} v[] = {{"__cpu_online_mask", ONLINE},
		 {"__per_cpu_offset", OFFSETS},
		 {"fn_3", FAKE_TEXT + 0x1c0},
		 {"init_task", INIT_TASK},
		 {"nr_cpu_ids", NR_CPU_IDS}};
	uint64_t at = EXPORTS_AT, strings = EXPORTS_AT + 0x1000;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		put32(at, (uint32_t)(v[i].addr - at));
		put32(at + 4, (uint32_t)(strings - (at + 4)));
		strcpy((char *)fake_text_at(&m.x, strings), v[i].name);
		strings += strlen(v[i].name) + 1;
		at += 12;
	}
}

/* arm64 without KALLSYMS_ALL: text alone; types are found by their looks, data by what is exported. */
TEST(text_symbols_only)
{
	size_t kept = 0;
	uint64_t at = 0;

	up();
	for (size_t i = 0; i < m.tables->n; i++)
		if (m.tables->syms[i].name[0] == 'T')
			m.tables->syms[kept++] = m.tables->syms[i];
	m.tables->n = kept;
	fake_put_tables(&m.x, m.tables, KALLSYMS_RELATIVE, FAKE_NEW);
	fake_tell_tables(&m.x, KALLSYMS_RELATIVE);
	start(); /* nothing is exported */
	assert_level("symbols, types");
	assert_true(has_gap("symbols of data: "));
	assert_true(has_gap("modules: no symbol modules"));
	stop();
	put_exports();
	start();
	assert_level("symbols, types, CPUs");
	assert_false(has_gap("symbols of data"));
	assert_int_equal(kallsyms_count(m.k->exports), 5);
	assert_ok(kernel_symbol(m.k, "init_task", &at, err));
	assert_int_equal(at, INIT_TASK);
	assert_true(kernel_cpu_in(m.k, "__cpu_online_mask", 2));
	stop();
	/* what is before a broken entry is lost, the rest is not */
	put32(EXPORTS_AT + 2 * 12 + 4, 0x7fffffff);
	start();
	assert_int_equal(kallsyms_count(m.k->exports), 2);
	down();
}

TEST(damaged_types)
{
	up();
	put32(BTF_AT + 24 + 4, UINT32_MAX); /* the kind of the first */
	start();
	assert_null(m.k->btf);
	assert_level("symbols, CPUs");
	assert_true(has_gap("types: "));
	assert_true(has_gap("modules: "));
	stop();
	memset(fake_text_at(&m.x, BTF_AT), 0, m.btf_len);
	start();
	assert_level("symbols, CPUs");
	down();
}

TEST(damaged_cpus)
{
	up();
	put32(NR_CPU_IDS, KERNEL_MAX_CPUS + 1);
	start();
	assert_level("symbols, types, modules");
	assert_true(has_gap("nr_cpu_ids is 8193"));
	stop();
	put32(NR_CPU_IDS, 0);
	start();
	assert_level("symbols, types, modules");
	down();
}

/* ---- symbols */

static void assert_addr(uint64_t addr, const char *want)
{
	char buf[KERNEL_ADDR_SIZE];

	assert_string_equal(kernel_format_addr(m.k, addr, buf, sizeof(buf)), want);
}

TEST(symbols)
{
	uint64_t at = 0;

	up();
	fake_set(&m.x.f, "SYMBOL(fn_7)", "%llx", FAKE_TEXT + 5);
	start();
	assert_ok(kernel_symbol(m.k, "fn_7", &at, err)); /* VMCOREINFO's */
	assert_int_equal(at, FAKE_TEXT + 5);
	assert_ok(kernel_symbol(m.k, "fn_8", &at, err));
	assert_int_equal(at, FAKE_TEXT + 0x300);
	assert_ok(kernel_symbol(m.k, "state", &at, err));
	assert_int_equal(at, area(0) + OFF_MODULE + 0x7000);
	assert_fails(kernel_symbol(m.k, "nothing", &at, err), ERR_NOT_FOUND, "nothing");
	assert_addr(FAKE_TEXT + 0x301, "fn_8+0x1/0x40");
	assert_addr(0x42, "0x42");
	assert_addr(area(1) + 0x10, "probe+0x0/0x1fe0 [ext4]");
	assert_addr(area(1) + 0x1fff, "probe_end+0xf/0x10 [ext4]"); /* ends with the text */
	assert_addr(area(1) + 0x2000, "0xffffffffc0012000");
	assert_addr(area(1), "0xffffffffc0010000");
	assert_addr(area(2) + OFF_MODULE + 0x7fff, "state+0xfff/0x1000 [jbd2]");
	assert_true(kernel_is_text(m.k, FAKE_TEXT + 0x3ffff));
	assert_false(kernel_is_text(m.k, FAKE_TEXT + 0x40000 + 0x9000));
	assert_true(kernel_is_text(m.k, FAKE_TEXT + 0x50010));
	assert_true(kernel_is_text(m.k, area(2) + 0x1fff));
	assert_false(kernel_is_text(m.k, area(2) + OFF_MODULE));
	assert_false(kernel_is_text(m.k, MODULES));
	assert_false(kernel_is_text(m.k, 0));
	down();
}

/* ---- members */

static void assert_field(const char *type, const char *path, uint64_t offset, uint32_t size,
			 unsigned int bit, unsigned int bits)
{
	struct field f;

	assert_true(kernel_field(m.k, type, path, &f));
	assert_int_equal(f.offset, offset);
	assert_int_equal(f.size, size);
	assert_int_equal(f.bit_offset, bit);
	assert_int_equal(f.bit_size, bits);
}

TEST(fields)
{
	struct field f, g;
	const struct field_wish wishes[] = {{"thing", "id", &f, false},
					    {"thing", "gone", &g, false},
					    {"thing", "lost", &g, true}};
	int64_t v;

	up();
	fake_set(&m.x.f, "OFFSET(printk_info.text_len)", "16");
	fake_set(&m.x.f, "OFFSET(printk_info.dict_len)", "18");
	fake_set(&m.x.f, "SIZE(other)", "99");
	fake_set(&m.x.f, "NUMBER(PG_lru)", "4");
	start();
	assert_field("thing", "id", 0, 4, 0, 0);
	assert_field("struct thing", "low", 4, 1, 5, 3);
	assert_field("thing_t", "wide", 8, 8, 0, 58);
	assert_field("thing", "deep", 28, 4, 0, 0);
	assert_field("thing", "flexible", 32, 4, 0, 0); /* one of its elements */
	assert_field("thing", "comm", 40, 56, 0, 0);
	assert_field("module", "core_kallsyms.strtab", M_CORE + 16, 8, 0, 0);
	assert_field("printk_info", "text_len", 16, 2, 0, 0); /* from VMCOREINFO */
	assert_int_equal(m.k->gaps.n, 0);
	memset(&f, 0xff, sizeof(f));
	assert_false(kernel_field(m.k, "thing", "torn", &f)); /* 65 bits with those before it */
	assert_false(field_known(&f));
	assert_int_equal(f.offset, 0);
	assert_false(kernel_field_quiet(m.k, "printk_info", "dict_len", &f)); /* of unknown size */
	assert_int_equal(m.k->gaps.n, 1);
	kernel_fields(m.k, wishes, ARRAY_SIZE(wishes));
	assert_true(field_known(&f));
	assert_false(field_known(&g));
	assert_int_equal(m.k->gaps.n, 2);
	assert_true(has_gap("no thing.gone"));
	assert_int_equal(kernel_sizeof(m.k, "thing"), 128);
	assert_int_equal(kernel_sizeof(m.k, "other"), 99);
	assert_int_equal(kernel_sizeof(m.k, "nothing"), 0);
	assert_true(kernel_enumerator(m.k, "RED", &v));
	assert_int_equal(v, 7);
	assert_true(kernel_enumerator(m.k, "PG_lru", &v));
	assert_int_equal(v, 4);
	assert_false(kernel_enumerator(m.k, "GREEN", &v));
	assert_true(has_gap("no enumerator GREEN"));
	down();
}

TEST(values)
{
	struct field f;
	char text[64];
	uint64_t v = 0;

	up();
	put32(HEAD, 0xfffffffe);
	*fake_text_at(&m.x, HEAD + 4) = 0x7f;
	put64(HEAD + 8, UINT64_MAX);
	memset(fake_text_at(&m.x, HEAD + 40), 'c', 60);
	start();
	kernel_field(m.k, "thing", "id", &f);
	assert_ok(kernel_get(m.k, HEAD, &f, &v, err));
	assert_int_equal(v, 0xfffffffe);
	kernel_field(m.k, "thing", "low", &f);
	assert_ok(kernel_get(m.k, HEAD, &f, &v, err));
	assert_int_equal(v, 3);
	kernel_field(m.k, "thing", "wide", &f);
	assert_ok(kernel_get(m.k, HEAD, &f, &v, err));
	assert_int_equal(v, (1ULL << 58) - 1);
	kernel_field(m.k, "thing", "comm", &f);
	assert_ok(kernel_get_text(m.k, HEAD, &f, text, sizeof(text), err));
	assert_int_equal(strlen(text), 56); /* it has no NUL of its own */
	assert_ok(kernel_get_text(m.k, HEAD, &f, text, 5, err));
	assert_string_equal(text, "cccc");
	assert_fails(kernel_get(m.k, HEAD, &f, &v, err), ERR_CORRUPT, "56 bytes");
	assert_fails(kernel_get(m.k, 0, &(struct field){.size = 8}, &v, err), ERR_NOT_FOUND, "0x0");
	f = (struct field){0};
	assert_fails(kernel_get(m.k, HEAD, &f, &v, err), ERR_NOT_FOUND, "not known");
	assert_fails(kernel_get_text(m.k, HEAD, &f, text, 5, err), ERR_NOT_FOUND, "not known");
	down();
}

TEST(cpus)
{
	uint64_t at = 0;

	up();
	start();
	assert_ok(kernel_percpu(m.k, 0x80, 2, &at, err));
	assert_int_equal(at, FAKE_DIRECT_MAP + 0x20080);
	assert_fails(kernel_percpu(m.k, 0x80, 3, &at, err), ERR_NOT_FOUND, "CPU 3");
	assert_true(kernel_cpu_in(m.k, "__cpu_online_mask", 0));
	assert_false(kernel_cpu_in(m.k, "__cpu_online_mask", 1));
	assert_true(kernel_cpu_in(m.k, "__cpu_online_mask", 2));
	assert_false(kernel_cpu_in(m.k, "__cpu_online_mask", 64));
	assert_false(kernel_cpu_in(m.k, "__cpu_dying_mask", 0));
	down();
}

/* ---- lists */

struct seen {
	uint64_t v[16];
	size_t n;
	size_t fail_at;
};

static int see(void *ctx, uint64_t object, struct err *err)
{
	struct seen *s = ctx;

	assert_true(s->n < ARRAY_SIZE(s->v));
	s->v[s->n++] = object;
	return s->n == s->fail_at ? err_set(err, ERR_NO_SPACE, "enough") : 0;
}

/* Entries of 64 bytes with the links 16 into them: next and prev of each as indexes, 0 for the head. */
static void put_list(const int next[], const int prev[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t at = HEAD + i * 64 + (i ? 16 : 0);

		put64(at, HEAD + (uint64_t)next[i] * 64 + (next[i] ? 16 : 0));
		put64(at + 8, HEAD + (uint64_t)prev[i] * 64 + (prev[i] ? 16 : 0));
	}
}

static struct seen walk(const int next[], const int prev[], size_t n, size_t limit, int code,
			const char *part)
{
	struct seen s = {.fail_at = code == ERR_NO_SPACE ? 2 : 0};

	up();
	put_list(next, prev, n);
	start();
	if (code)
		assert_fails(kernel_list(m.k, HEAD, 16, limit, see, &s, err), code, part);
	else
		assert_ok(kernel_list(m.k, HEAD, 16, limit, see, &s, err));
	down();
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.v[i], HEAD + (i + 1) * 64);
	return s;
}

#define LIST(...) ((const int[]){__VA_ARGS__})

TEST(lists)
{
	assert_int_equal(walk(LIST(0), LIST(0), 1, 5, 0, "").n, 0);
	assert_int_equal(walk(LIST(1, 2, 3, 0), LIST(3, 0, 1, 2), 4, 3, 0, "").n, 3);
	assert_int_equal(walk(LIST(1, 2, 3, 0), LIST(3, 0, 1, 2), 4, 2, ERR_CORRUPT, "2 entries").n,
			 2);
	/* a circle past the head: 3 leads to 1, whose prev is the head */
	assert_int_equal(walk(LIST(1, 2, 3, 1), LIST(3, 0, 1, 2), 4, 9, ERR_CORRUPT, "its prev").n,
			 3);
	/* an entry that leads to itself */
	assert_int_equal(walk(LIST(1, 2, 2), LIST(2, 0, 1), 3, 9, ERR_CORRUPT, "its prev").n, 2);
	/* a broken prev */
	assert_int_equal(walk(LIST(1, 2, 3, 0), LIST(3, 0, 0, 2), 4, 9, ERR_CORRUPT, "entry 1").n,
			 1);
	/* the one who is called has enough */
	assert_int_equal(walk(LIST(1, 2, 3, 0), LIST(3, 0, 1, 2), 4, 9, ERR_NO_SPACE, "enough").n,
			 2);
}

TEST(lists_into_nothing)
{
	struct seen s = {0};

	up();
	put_list(LIST(1, 2, 0), LIST(2, 0, 1), 3);
	put64(HEAD + 64 + 16, 0xdead000000000100); /* LIST_POISON1 */
	start();
	assert_fails(kernel_list(m.k, HEAD, 16, 9, see, &s, err), ERR_NOT_FOUND, "entry 1");
	assert_int_equal(s.n, 1);
	assert_fails(kernel_list(m.k, 0, 16, 9, see, &s, err), ERR_NOT_FOUND, "list at 0x0");
	down();
}

/* ---- modules */

static void check_modules(void)
{
	static const char *const names[] = {"virtio_blk", "ext4", "jbd2"};
	const struct module_list *list = m.k->modules;

	assert_int_equal(list->n, 3);
	assert_false(list->cut);
	assert_int_equal(m.k->gaps.n, 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct module *mod = &list->v[i];

		assert_string_equal(mod->name, names[i]);
		assert_ptr_equal(module_find(list, names[i]), mod);
		assert_int_equal(mod->addr, area(i) + OFF_MODULE);
		assert_int_equal(mod->taints, 0x1000);
		assert_int_equal(mod->refcount, 2);
		assert_string_equal(mod->version, "1.2");
		assert_string_equal(mod->srcversion, "");
		assert_int_equal(mod->n_orcs, 5);
		assert_int_equal(mod->orc_ip, area(i) + 0x6000);
		assert_int_equal(mod->orc_entries, area(i) + 0x7000);
		assert_int_equal(mod->n_ranges, 2);
		assert_true(mod->ranges[0].text);
		assert_int_equal(mod->ranges[0].size, TEXT_SIZE);
		assert_false(mod->ranges[1].text);
		assert_int_equal(mod->size, TEXT_SIZE + mod->ranges[1].size);
		assert_int_equal(mod->build_id_len, 20);
		assert_int_equal(mod->build_id[0], 0xa0 + i);
		assert_int_equal(kallsyms_count(mod->syms), 3);
		assert_ptr_equal(module_at(list, area(i)), mod);
		assert_ptr_equal(module_at(list, area(i) + AREA - 1), mod);
	}
	assert_null(module_at(list, area(0) - 1));
	assert_null(module_at(list, area(3)));
	assert_null(module_find(list, "xfs"));
}

TEST(modules)
{
	up_as(false, false);
	start();
	check_modules();
	down();
	up_as(true, false);
	start();
	check_modules();
	assert_null(module_at(m.k->modules, area(0) + TEXT_SIZE)); /* between text and data */
	down();
	up_as(true, true);
	start();
	check_modules();
	down();
}

TEST(build_id_of_the_module_itself)
{
	up();
	memset(area_at(1, OFF_MODULE + M_BUILD_ID), 0x77, 20);
	start();
	assert_int_equal(m.k->modules->v[1].build_id[19], 0x77);
	assert_int_equal(m.k->modules->v[0].build_id[19], 0xa0);
	down();
}

static const struct module *damaged(size_t n, const char *gap)
{
	start();
	assert_int_equal(m.k->modules->n, n);
	assert_true(has_gap(gap));
	return m.k->modules->v;
}

/* A break costs what is behind it, and a module's own damage only what is damaged. */
TEST(damaged_modules)
{
	up();
	put_links(1, link_of(1), link_of(0));
	damaged(2, "modules: list at");
	assert_true(m.k->modules->cut);
	down();
	up();
	put64(MODULES, 0);
	damaged(0, "modules: list at");
	down();
	up(); /* more symbols than any module has */
	area_put32(1, OFF_MODULE + M_CORE + 8, UINT32_MAX);
	assert_null(damaged(3, "symbols of module ext4: num_symtab is 4294967295")[1].syms);
	assert_false(m.k->modules->cut);
	assert_non_null(m.k->modules->v[2].syms);
	down();
	up(); /* a name that lies gigabytes behind the others */
	area_put32(1, OFF_SYMTAB + 24, 0xfffffff0);
	start();
	assert_int_equal(kallsyms_count(m.k->modules->v[1].syms), 2);
	down();
	up(); /* strings that are in nobody's memory */
	area_put64(1, OFF_MODULE + M_CORE + 16, 0x1000);
	assert_null(damaged(3, "symbols of module ext4: strtab")[1].syms);
	down();
	up(); /* notes and sizes that lie */
	area_put64(1, OFF_ATTRS + 16 + 32 + 8, UINT64_MAX);
	area_put32(2, OFF_ATTRS + 8, UINT32_MAX);
	area_put32(0, OFF_MODULE + M_MEM + 16, UINT32_MAX);
	area_put64(0, OFF_MODULE + M_MEM + MEM_SIZE + 8, UINT64_MAX - 4);
	area_put32(1, OFF_MODULE + M_REF, 0x80000000);
	start();
	assert_int_equal(m.k->modules->v[0].n_ranges, 0);
	assert_int_equal(m.k->modules->v[1].build_id_len, 0);
	assert_int_equal(m.k->modules->v[1].refcount, 0);
	assert_int_equal(m.k->modules->v[2].build_id_len, 20);
	down();
	up(); /* the name cannot be read, so the rest is not to be trusted */
	fake_absent(&m.x.f, m.areas + AREA + OFF_MODULE, m.areas + AREA + OFF_MODULE + 4096);
	damaged(1, "modules: ");
	down();
}

/* Modules that all claim the same memory for their symbols: together they get no more than so much of ours. */
TEST(modules_share_what_they_may_have)
{
	up();
	for (unsigned int i = 0; i < 3; i++) /* 24 MiB each */
		area_put32(i, OFF_MODULE + M_CORE + 8, 1U << 20);
	damaged(3, "symbols of module jbd2: all modules together have more than 64 MiB");
	assert_false(has_gap("symbols of module ext4: all modules"));
	down();
	up();
	add_module_btf();
	area_put32(1, OFF_BTF + 0x108, (32U << 20) + 1);
	start();
	assert_null(module_btf(m.k, &m.k->modules->v[1]));
	assert_true(has_gap("all modules together have more than 32 MiB of types"));
	down();
}

TEST(types_of_modules)
{
	const struct btf *btf;

	up();
	add_module_btf();
	start();
	btf = module_btf(m.k, &m.k->modules->v[1]);
	assert_non_null(btf);
	assert_int_equal(btf_start(btf), btf_end(m.k->btf));
	assert_int_not_equal(btf_find(btf, BTF_STRUCT, "ext4_thing"), 0);
	assert_ptr_equal(module_btf(m.k, &m.k->modules->v[1]), btf);
	assert_null(module_btf(m.k, &m.k->modules->v[0])); /* has none: no gap */
	assert_int_equal(m.k->gaps.n, 0);
	down();
	up();
	add_module_btf();
	area_put32(1, OFF_BTF + 0x108, UINT32_MAX);
	start();
	assert_null(module_btf(m.k, &m.k->modules->v[1]));
	assert_null(module_btf(m.k, &m.k->modules->v[1]));
	assert_int_equal(m.k->gaps.n, 1);
	assert_true(has_gap("types of module ext4: BTF at"));
	stop();
	area_put32(1, OFF_BTF + 0x108, 64); /* cut */
	start();
	assert_null(module_btf(m.k, &m.k->modules->v[1]));
	assert_true(has_gap("types of module ext4: "));
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(a_bare_image),
		cmocka_unit_test(types_are_searched_for),
		cmocka_unit_test(text_symbols_only),
		cmocka_unit_test(damaged_types),
		cmocka_unit_test(damaged_cpus),
		cmocka_unit_test(symbols),
		cmocka_unit_test(fields),
		cmocka_unit_test(values),
		cmocka_unit_test(cpus),
		cmocka_unit_test(lists),
		cmocka_unit_test(lists_into_nothing),
		cmocka_unit_test(modules),
		cmocka_unit_test(build_id_of_the_module_itself),
		cmocka_unit_test(damaged_modules),
		cmocka_unit_test(modules_share_what_they_may_have),
		cmocka_unit_test(types_of_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
