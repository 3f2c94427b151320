// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/forge.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/num.h"
#include "base/utc.h"
#include "format/note.h"
#include "loader/core_header.h"

/* Virtual addresses as in Documentation/arch/x86/x86_64/mm.rst, four levels, without KASLR. */
#define KERNEL_MAP   UINT64_C(0xffffffff80000000)
#define LINEAR_MAP   UINT64_C(0xffff888000000000)
#define PAGE_STRUCTS UINT64_C(0xffffea0000000000)

/* What lies where in the memory. Up to FORGE_KERNEL it is all the kernel's image. */
#define AT_PGD      0x1000
#define AT_PUDS     0x2000 /* of kernel, linear map, struct pages */
#define AT_PMDS     0x5000 /* of kernel, struct pages */
#define AT_HEADER   0x8000
#define AT_PRSTATUS 0x9000
#define AT_INFO     0xa000
#define AT_UTS      0xc000
#define AT_RING     0xd000
#define AT_ROOTS    0x10000 /* mem_section: pointers to tables of sections */
#define AT_SECTIONS 0x14000
#define AT_DESCS    0x20000
#define AT_INFOS    0x24000
#define AT_TEXT     0x30000
#define AT_PAGES    0x200000 /* the mem_map of one section */

#define INFO_ROOM   0x2000
#define PAGE_SHIFT  12
#define LARGE       (2ULL << 20)
#define LARGE_SHIFT 21
#define HUGE_SHIFT  30
#define ENTRY_TABLE 0x63ULL /* present, writable, accessed, dirty */
#define ENTRY_LEAF  0xe3ULL /* and a large page */

#define DESC_BITS    8
#define TEXT_BITS    16
#define DESC_SIZE    24 /* struct prb_desc */
#define RECORD_SIZE  88 /* struct printk_info */
#define FINALIZED    (2ULL << 62)
#define FIRST_RECORD 1000 /* a ring whose ids begin at 0 would be one that never turned */
#define UTS_FIELD    65

#define SECTION_SHIFT   27
#define SECTION_ENTRY   16 /* bytes of a struct mem_section */
#define SECTION_ROOTS   2048
#define SECTION_PRESENT 0x7 /* present, has a mem_map, online */
#define PAGE_STRUCT     64
#define PG_LRU          (1ULL << 4)
#define PG_SWAPBACKED   (1ULL << 19)

#define PRSTATUS_SIZE 336 /* struct elf_prstatus of x86_64 */
#define PRSTATUS_PID  32
#define PRSTATUS_RIP  (112 + 16 * 8)
#define PRSTATUS_RSP  (112 + 19 * 8)

struct forge {
	const struct forge_spec *spec;
	uint8_t *memory;
	uint64_t records, text; /* in the ring so far */
	size_t info_len;
};

static uint64_t phys(const struct forge *f, uint64_t off)
{
	return f->spec->at + off;
}

static void put64(const struct forge *f, uint64_t off, uint64_t value)
{
	bytes_put_le64(f->memory + off, value);
}

static void put32(const struct forge *f, uint64_t off, uint32_t value)
{
	bytes_put_le32(f->memory + off, value);
}

/* ---- page tables */

static uint64_t entry_at(uint64_t table, uint64_t vaddr, unsigned int shift)
{
	return table + (vaddr >> shift & 511) * 8;
}

static void make_tables(const struct forge *f)
{
	const uint64_t tops[] = {KERNEL_MAP, LINEAR_MAP, PAGE_STRUCTS};
	const uint64_t pages = PAGE_STRUCTS + (f->spec->at >> PAGE_SHIFT) * PAGE_STRUCT;
	const uint64_t linear = LINEAR_MAP + f->spec->at;

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		put64(f, entry_at(AT_PGD, tops[i], 39), phys(f, AT_PUDS + (i << 12)) | ENTRY_TABLE);
	put64(f, entry_at(AT_PUDS, KERNEL_MAP, HUGE_SHIFT), phys(f, AT_PMDS) | ENTRY_TABLE);
	for (uint64_t off = 0; off < FORGE_SIZE; off += LARGE)
		put64(f, entry_at(AT_PMDS, KERNEL_MAP + off, LARGE_SHIFT),
		      phys(f, off) | ENTRY_LEAF);
	/* the memory does not cross a GiB: it is smaller than its alignment */
	put64(f, entry_at(AT_PUDS + 0x1000, linear, HUGE_SHIFT),
	      num_align_down(f->spec->at, 1ULL << HUGE_SHIFT) | ENTRY_LEAF);
	put64(f, entry_at(AT_PUDS + 0x2000, pages, HUGE_SHIFT),
	      phys(f, AT_PMDS + 0x1000) | ENTRY_TABLE);
	put64(f, entry_at(AT_PMDS + 0x1000, pages, LARGE_SHIFT), phys(f, AT_PAGES) | ENTRY_LEAF);
}

/* ---- the mem_map, and what its pages hold */

static void put_page(const struct forge *f, uint64_t n, uint64_t flags, uint64_t mapping,
		     uint32_t mapcount)
{
	uint64_t at = AT_PAGES + n * PAGE_STRUCT, self = PAGE_STRUCTS + n * PAGE_STRUCT;

	put64(f, at, flags);
	put64(f, at + 8, self + 8); /* lru: an empty list */
	put64(f, at + 16, self + 8);
	put64(f, at + 24, mapping);
	put32(f, at + 48, mapcount);
	put32(f, at + 52, 1); /* somebody has it */
}

static void fill_page(const struct forge_spec *spec, uint64_t n, const char *whose, char *page,
		      size_t size)
{
	char line[96];
	int len =
		snprintf(line, sizeof(line), "%.32s page %05" PRIx64 " of test %.32s, no crash.\n",
			 whose, n, spec->id);

	for (size_t at = 0; at < size; at++)
		page[at] = line[at % (size_t)len];
}

void forge_sample(const struct forge_spec *spec, uint64_t off, char *ret, size_t len)
{
	fill_page(spec, off >> PAGE_SHIFT, "kernel", ret, len);
}

static void make_pages(const struct forge *f)
{
	const uint64_t n = FORGE_SIZE >> PAGE_SHIFT, quarter = n / 4,
		       image = FORGE_KERNEL >> PAGE_SHIFT;
	const uint64_t mapping = LINEAR_MAP + phys(f, AT_UTS); /* of something */

	for (uint64_t i = 0; i < LARGE / PAGE_STRUCT; i++) {
		if (i >= quarter && i < 2 * quarter)
			put_page(f, i, PG_LRU | PG_SWAPBACKED, mapping | 1, 0);
		else if (i >= 2 * quarter && i < 3 * quarter)
			put_page(f, i, PG_LRU, mapping, UINT32_MAX);
		else
			put_page(f, i, 0, 0, UINT32_MAX);
	}
	for (uint64_t i = image; i < 3 * quarter; i++)
		fill_page(f->spec, i,
			  i < quarter       ? "kernel"
			  : i < 2 * quarter ? "program"
					    : "cache",
			  (char *)f->memory + (i << PAGE_SHIFT), 1 << PAGE_SHIFT);
}

static void make_sections(const struct forge *f)
{
	uint64_t number = f->spec->at >> SECTION_SHIFT, per_root = 4096 / SECTION_ENTRY;

	put64(f, AT_ROOTS + number / per_root * 8, LINEAR_MAP + phys(f, AT_SECTIONS));
	put64(f, AT_SECTIONS + number % per_root * SECTION_ENTRY, PAGE_STRUCTS | SECTION_PRESENT);
}

/* ---- the log */

/* Record and text are one line; both rings are larger than all lines together. */
static void say(struct forge *f, const char *line)
{
	uint64_t id = FIRST_RECORD + f->records, slot = id & ((1 << DESC_BITS) - 1);
	uint64_t desc = AT_DESCS + slot * DESC_SIZE, info = AT_INFOS + slot * RECORD_SIZE;
	size_t len = strlen(line);

	put64(f, AT_TEXT + f->text, id);
	memcpy(f->memory + AT_TEXT + f->text + 8, line, len);
	put64(f, desc, id | FINALIZED);
	put64(f, desc + 8, f->text);
	f->text += num_align_up(8 + len, 8);
	put64(f, desc + 16, f->text);
	put64(f, info, f->records); /* sequence number */
	put64(f, info + 8, (f->records + 1) * 1000000);
	f->memory[info + 16] = (uint8_t)len;
	f->memory[info + 17] = (uint8_t)(len >> 8);
	f->records++;
}

void forge_headline(const struct forge_spec *spec, char ret[FORGE_HEADLINE_SIZE])
{
	char when[UTC_TEXT];

	utc_format(spec->time, when);
	snprintf(ret, FORGE_HEADLINE_SIZE,
		 "Kernel panic - not syncing: this is Lifeboat's test %.40s of %s, nothing has "
		 "crashed",
		 spec->id, when);
}

static void make_log(struct forge *f)
{
	char line[FORGE_HEADLINE_SIZE];

	say(f, "Linux version 0.0.0-lifeboat-test (no kernel: memory made by `lifeboat test "
	       "--proof`)");
	say(f, "The machine that this seems to be about runs on. No kernel has crashed, and none "
	       "of its");
	say(f, "memory is here: what follows was captured in a virtual machine, to prove that it "
	       "can be.");
	forge_headline(f->spec, line);
	say(f, line);
	say(f, "---[ end of the test ]---");
	/* struct printk_ringbuffer behind the pointer `prb`: prb_desc_ring, then prb_data_ring */
	put64(f, AT_RING, KERNEL_MAP + AT_RING + 8);
	put32(f, AT_RING + 8, DESC_BITS);
	put64(f, AT_RING + 16, KERNEL_MAP + AT_DESCS);
	put64(f, AT_RING + 24, KERNEL_MAP + AT_INFOS);
	put64(f, AT_RING + 32, FIRST_RECORD + f->records - 1); /* head_id */
	put64(f, AT_RING + 40, FIRST_RECORD);                  /* tail_id */
	put32(f, AT_RING + 56, TEXT_BITS);
	put64(f, AT_RING + 64, KERNEL_MAP + AT_TEXT);
	put64(f, AT_RING + 72, f->text);
}

/* ---- notes */

static uint64_t put_note(const struct forge *f, uint64_t at, const char *name, uint32_t type,
			 uint64_t len)
{
	uint64_t name_size = strlen(name) + 1;

	put32(f, at, (uint32_t)name_size);
	put32(f, at + 4, (uint32_t)len);
	put32(f, at + 8, type);
	memcpy(f->memory + at + 12, name, name_size);
	return at + 12 + num_align_up(name_size, 4);
}

static void make_registers(const struct forge *f)
{
	uint64_t desc = put_note(f, AT_PRSTATUS, "CORE", NOTE_TYPE_PRSTATUS, PRSTATUS_SIZE);

	put32(f, desc + PRSTATUS_PID, 1);
	put64(f, desc + PRSTATUS_RIP, KERNEL_MAP);
	put64(f, desc + PRSTATUS_RSP, LINEAR_MAP + phys(f, FORGE_KERNEL));
}

/* As Linux 6.1 for x86_64 has them; kernel/crash_core.c says which there are. */
static const char layout[] =
	"PAGESIZE=4096\nOFFSET(uts_namespace.name)=0\n"
	"SIZE(mem_section)=16\nLENGTH(mem_section)=2048\nOFFSET(mem_section.section_mem_map)=0\n"
	"NUMBER(SECTION_SIZE_BITS)=27\nNUMBER(MAX_PHYSMEM_BITS)=46\nSIZE(page)=64\n"
	"SIZE(list_head)=16\nOFFSET(list_head.next)=0\nOFFSET(list_head.prev)=8\n"
	"OFFSET(page.flags)=0\nOFFSET(page._refcount)=52\nOFFSET(page.mapping)=24\n"
	"OFFSET(page.lru)=8\nOFFSET(page._mapcount)=48\nOFFSET(page.private)=40\n"
	"OFFSET(page.compound_dtor)=16\nOFFSET(page.compound_order)=17\n"
	"OFFSET(page.compound_head)=8\nLENGTH(zone.free_area)=11\n"
	"NUMBER(PG_lru)=4\nNUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\n"
	"NUMBER(PG_swapbacked)=19\nNUMBER(PG_slab)=9\nNUMBER(PG_hwpoison)=22\n"
	"NUMBER(PG_head_mask)=65536\nNUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\n"
	"NUMBER(HUGETLB_PAGE_DTOR)=2\nNUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n"
	"NUMBER(KERNEL_FORGE_KERNEL)=1073741824\nNUMBER(sme_mask)=0\nNUMBER(pgtable_l5_enabled)=0\n"
	"SIZE(printk_ringbuffer)=80\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
	"OFFSET(printk_ringbuffer.text_data_ring)=48\nOFFSET(printk_ringbuffer.fail)=80\n"
	"SIZE(prb_desc_ring)=48\nOFFSET(prb_desc_ring.count_bits)=0\n"
	"OFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\n"
	"OFFSET(prb_desc_ring.head_id)=24\nOFFSET(prb_desc_ring.tail_id)=32\n"
	"SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
	"SIZE(prb_data_blk_lpos)=16\nOFFSET(prb_data_blk_lpos.begin)=0\n"
	"OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.seq)=0\n"
	"OFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n"
	"OFFSET(printk_info.caller_id)=20\nSIZE(prb_data_ring)=32\n"
	"OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\nSIZE(atomic_long_t)=8\n"
	"OFFSET(atomic_long_t.counter)=0\nSIZE(latched_seq)=64\nOFFSET(latched_seq.val)=40\n";

static void make_info(struct forge *f)
{
	char text[INFO_ROOM - 64];
	uint64_t desc;
	int len = snprintf(text, sizeof(text),
			   "OSRELEASE=0.0.0-lifeboat-test\n%sSYMBOL(init_uts_ns)=%" PRIx64
			   "\nSYMBOL(swapper_pg_dir)=%" PRIx64 "\nSYMBOL(init_top_pgt)=%" PRIx64
			   "\nSYMBOL(_stext)=%" PRIx64 "\nSYMBOL(mem_section)=%" PRIx64
			   "\nSYMBOL(prb)=%" PRIx64 "\nNUMBER(phys_base)=%" PRIu64
			   "\nKERNELOFFSET=0\nCRASHTIME=%" PRIu64 "\n",
			   layout, KERNEL_MAP + AT_UTS, KERNEL_MAP + AT_PGD, KERNEL_MAP + AT_PGD,
			   KERNEL_MAP, LINEAR_MAP + phys(f, AT_ROOTS), KERNEL_MAP + AT_RING,
			   f->spec->at, f->spec->time);

	f->info_len = (size_t)len;
	desc = put_note(f, AT_INFO, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, f->info_len);
	memcpy(f->memory + desc, text, f->info_len);
}

static void make_uts(const struct forge *f)
{
	static const char *const fields[] = {
		"Linux",  "lifeboat-test", "0.0.0-lifeboat-test", "a test: nothing has crashed",
		"x86_64", "(none)"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		snprintf((char *)f->memory + AT_UTS + i * UTS_FIELD, UTS_FIELD, "%s", fields[i]);
}

/* ---- all of it */

static int make_header(const struct forge *f, struct err *err)
{
	struct mem_area ram = {.range = {f->spec->at, f->spec->at + FORGE_SIZE}, .kind = AREA_RAM};
	struct cpu_note cpu = {.addr = phys(f, AT_PRSTATUS), .size = 4096};
	const struct machine m = {
		.areas = &ram,
		.n_areas = 1,
		.cpus = &cpu,
		.n_cpus = 1,
		.vmcoreinfo = phys(f, AT_INFO),
		.vmcoreinfo_size = INFO_ROOM,
		.text_vaddr = KERNEL_MAP,
		.text_phys = f->spec->at,
		.text_size = FORGE_KERNEL,
		.page_offset_known = true,
		.page_offset = LINEAR_MAP,
	};
	_cleanup_free_ uint8_t *header = NULL;
	size_t len;
	int r = core_header_make(&m, EM_X86_64, 0, &header, &len, err);

	if (r)
		return r;
	memcpy(f->memory + AT_HEADER, header, len);
	return 0;
}

int forge_memory(const struct forge_spec *spec, uint8_t **ret, uint64_t *ret_header,
		 struct err *err)
{
	struct forge f = {.spec = spec};
	int r;

	if (spec->at % FORGE_ALIGN || spec->at > FORGE_LIMIT - FORGE_SIZE)
		return err_set(err, ERR_USAGE,
			       "the forged memory cannot lie at 0x%" PRIx64
			       ": a multiple of 0x%llx below 0x%llx is needed",
			       spec->at, FORGE_ALIGN, FORGE_LIMIT);
	f.memory = calloc(1, FORGE_SIZE);
	if (!f.memory)
		return err_nomem(err, FORGE_SIZE, "the forged memory");
	make_tables(&f);
	make_pages(&f);
	make_sections(&f);
	make_log(&f);
	make_registers(&f);
	make_info(&f);
	make_uts(&f);
	r = make_header(&f, err);
	if (r) {
		free(f.memory);
		return r;
	}
	*ret = f.memory;
	*ret_header = phys(&f, AT_HEADER);
	return 0;
}
