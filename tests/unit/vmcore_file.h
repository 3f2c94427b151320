/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small vmcore in a file: enough of an x86_64 Linux kernel (page tables, mem_map, utsname, printk
 * ring, VMCOREINFO) for a whole capture. All memory is mapped at START_KERNEL_MAP + physical address.
 */
#ifndef TESTS_UNIT_VMCORE_FILE_H
#define TESTS_UNIT_VMCORE_FILE_H

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

#define VMCORE_RELEASE "6.1.0-unit"
#define VMCORE_KERNEL  0xffffffff80000000ULL
#define VMCORE_DATA    0x2000 /* file offset of physical address 0 */

struct vmcore_file {
	uint64_t ram;   /* bytes, a multiple of 2 MiB up to 1 GiB; 0 stands for 2 MiB */
	uint64_t noise; /* of these, so many at the end do not compress; the rest is zero */
	uint64_t time;  /* CRASHTIME; 0 leaves it out */
	const char *const *lines; /* of the log, NULL-terminated, up to 32 */
	bool no_vmcoreinfo;
	bool no_log_ring;     /* VMCOREINFO says nothing of it */
	bool unreadable_log;  /* the ring's arrays are at addresses that are not mapped */
	bool bad_mem_section; /* so is the root of the section table */
	bool lost_page;       /* one page frame of noise is RAM, but not in the file's PT_LOAD */
};

/* Physical addresses of what the builder makes. */
enum {
	VM_PGD = 0x1000,
	VM_PUD = 0x2000,
	VM_PMD = 0x3000,
	VM_SECTIONS = 0x4000,
	VM_SECTION_ROOT = 0x5000,
	VM_PRB_POINTER = 0x6000,
	VM_PRB = 0x6100,
	VM_DESCS = 0x7000,
	VM_INFOS = 0x8000,
	VM_TEXT = 0x9000,
	VM_UTS = 0xb000,
	VM_MEM_MAP = 0x10000,
};

#define VM_DESC_SIZE 24
#define VM_INFO_SIZE 88
#define VM_PAGE_SIZE 64 /* of a struct page */

static inline void vm_put64(uint8_t *ram, uint64_t at, uint64_t v)
{
	bytes_put_le64(ram + at, v);
}

static inline void vm_page_tables(uint8_t *ram, uint64_t size)
{
	vm_put64(ram, VM_PGD + 511 * 8, VM_PUD | 1);
	vm_put64(ram, VM_PUD + 510 * 8, VM_PMD | 1);
	for (uint64_t i = 0; i < size >> 21; i++)
		vm_put64(ram, VM_PMD + i * 8, i << 21 | 0x81);
}

static inline void vm_mem_map(uint8_t *ram, const struct vmcore_file *f, uint64_t size)
{
	vm_put64(ram, VM_SECTIONS,
		 VMCORE_KERNEL + (f->bad_mem_section ? 1ULL << 30 : VM_SECTION_ROOT));
	vm_put64(ram, VM_SECTION_ROOT, (VMCORE_KERNEL + VM_MEM_MAP) | 7);
	for (uint64_t pfn = 0; pfn < size >> 12; pfn++)
		bytes_put_le32(ram + VM_MEM_MAP + pfn * VM_PAGE_SIZE + 48, UINT32_MAX);
}

static inline void vm_log(uint8_t *ram, const struct vmcore_file *f)
{
	uint64_t base = VMCORE_KERNEL + (f->unreadable_log ? 1ULL << 30 : 0);
	uint64_t n = 0, at = 0;

	for (; f->lines && f->lines[n]; n++) {
		size_t len = strlen(f->lines[n]);
		uint64_t desc = VM_DESCS + n * VM_DESC_SIZE, info = VM_INFOS + n * VM_INFO_SIZE;
		uint64_t next = (at + 8 + len + 7) & ~7ULL;

		vm_put64(ram, desc, n | 2ULL << 62); /* finalized */
		vm_put64(ram, desc + 8, at);
		vm_put64(ram, desc + 16, next);
		vm_put64(ram, info + 8, (n + 1) * 1000000000);
		vm_put64(ram, info + 16, len); /* text_len is its low 16 bits */
		memcpy(ram + VM_TEXT + at + 8, f->lines[n], len);
		at = next;
	}
	vm_put64(ram, VM_PRB_POINTER, VMCORE_KERNEL + VM_PRB);
	vm_put64(ram, VM_PRB, 5); /* 32 descriptors */
	vm_put64(ram, VM_PRB + 8, base + VM_DESCS);
	vm_put64(ram, VM_PRB + 16, base + VM_INFOS);
	vm_put64(ram, VM_PRB + 24, n ? n - 1 : 0); /* head_id */
	vm_put64(ram, VM_PRB + 32, 0);             /* tail_id */
	vm_put64(ram, VM_PRB + 48, 12);            /* 4 KiB of text */
	vm_put64(ram, VM_PRB + 56, base + VM_TEXT);
}

static inline void vm_uts(uint8_t *ram)
{
	static const char *const fields[] = {"Linux",   "node.example", VMCORE_RELEASE,
					     "#1 Unit", "x86_64",       "(none)"};

	for (size_t i = 0; i < 6; i++)
		strcpy((char *)ram + VM_UTS + i * 65, fields[i]);
}

static inline size_t vm_vmcoreinfo(const struct vmcore_file *f, char *buf, size_t size)
{
	int n = snprintf(
		buf, size,
		"OSRELEASE=" VMCORE_RELEASE "\nPAGESIZE=4096\n"
		"SYMBOL(init_uts_ns)=%llx\nOFFSET(uts_namespace.name)=0\n"
		"SYMBOL(init_top_pgt)=%llx\nNUMBER(phys_base)=0\n"
		"SYMBOL(mem_section)=%llx\nSIZE(mem_section)=16\n"
		"OFFSET(mem_section.section_mem_map)=0\n"
		"NUMBER(SECTION_SIZE_BITS)=30\nNUMBER(MAX_PHYSMEM_BITS)=46\nSIZE(page)=%d\n"
		"OFFSET(page.flags)=0\nOFFSET(page.compound_head)=8\nOFFSET(page.mapping)=24\n"
		"OFFSET(page.private)=40\nOFFSET(page._mapcount)=48\n"
		"LENGTH(zone.free_area)=11\nNUMBER(PG_lru)=4\nNUMBER(PG_slab)=9\n"
		"NUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\nNUMBER(PG_swapbacked)=19\n"
		"NUMBER(PG_hwpoison)=23\nNUMBER(PG_head_mask)=65536\n"
		"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\n",
		VMCORE_KERNEL + VM_UTS, VMCORE_KERNEL + VM_PGD, VMCORE_KERNEL + VM_SECTIONS,
		VM_PAGE_SIZE);

	if (f->time)
		n += snprintf(buf + n, size - (size_t)n, "CRASHTIME=%llu\n",
			      (unsigned long long)f->time);
	if (!f->no_log_ring)
		n += snprintf(
			buf + n, size - (size_t)n,
			"SYMBOL(prb)=%llx\n"
			"OFFSET(printk_ringbuffer.desc_ring)=0\n"
			"OFFSET(printk_ringbuffer.text_data_ring)=48\n"
			"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
			"OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
			"OFFSET(prb_desc_ring.tail_id)=32\n"
			"OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
			"SIZE(prb_desc)=%d\nOFFSET(prb_desc.state_var)=0\n"
			"OFFSET(prb_desc.text_blk_lpos)=8\n"
			"OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
			"SIZE(printk_info)=%d\nOFFSET(printk_info.ts_nsec)=8\n"
			"OFFSET(printk_info.text_len)=16\nOFFSET(atomic_long_t.counter)=0\n",
			VMCORE_KERNEL + VM_PRB_POINTER, VM_DESC_SIZE, VM_INFO_SIZE);
	return (size_t)n;
}

/* Noise that no codec can make smaller: xorshift64. */
static inline void vm_noise(uint8_t *p, uint64_t len)
{
	uint64_t x = 88172645463325252ULL;

	for (uint64_t i = 0; i + 8 <= len; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, 8);
	}
}

static inline void vm_headers(uint8_t *file, const struct vmcore_file *f, uint64_t size)
{
	Elf64_Ehdr e = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(e),
		.e_ehsize = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr ph[2] = {
		{.p_type = PT_NOTE, .p_offset = 0x200},
		{.p_type = PT_LOAD,
		 .p_offset = VMCORE_DATA,
		 .p_vaddr = VMCORE_KERNEL,
		 .p_filesz = size - (f->lost_page ? 4096 : 0),
		 .p_memsz = size},
	};
	char *desc = (char *)file + 0x200 + 12 + 12;
	size_t len = f->no_vmcoreinfo ? 0 : vm_vmcoreinfo(f, desc, VMCORE_DATA - 0x300);

	bytes_put_le32(file + 0x200, 11);
	bytes_put_le32(file + 0x204, (uint32_t)len);
	memcpy(file + 0x20c, f->no_vmcoreinfo ? "SOMETHING\0" : "VMCOREINFO", 11);
	ph[0].p_filesz = ph[0].p_memsz = (24 + len + 3) & ~3ULL;
	memcpy(file, &e, sizeof(e));
	memcpy(file + sizeof(e), ph, sizeof(ph));
}

static inline void vmcore_write(const struct vmcore_file *f, const char *path)
{
	uint64_t size = f->ram ? f->ram : 2 << 20;
	uint8_t *file = calloc(1, VMCORE_DATA + size);
	uint8_t *ram = file + VMCORE_DATA;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(file && fd >= 0);
	vm_headers(file, f, size);
	vm_page_tables(ram, size);
	vm_mem_map(ram, f, size);
	vm_log(ram, f);
	vm_uts(ram);
	vm_noise(ram + size - f->noise, f->noise);
	assert_int_equal(write(fd, file, VMCORE_DATA + size), VMCORE_DATA + size);
	close(fd);
	free(file);
}

#endif
