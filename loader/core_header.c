// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/core_header.h"

#include <elf.h>
#include <inttypes.h>

#include "base/num.h"

/* A program header as the kernel writes it: p_filesz is p_memsz, p_offset is p_paddr, p_align is 0. */
struct phdr {
	uint32_t type, flags;
	uint64_t vaddr, paddr, size;
};

static void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_ehdr(uint8_t *p, uint16_t machine, uint16_t phnum)
{
	static const uint8_t ident[] = {0x7f,       'E',         'L',        'F',
					ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE};

	memcpy(p, ident, sizeof(ident));
	put_le16(p + offsetof(Elf64_Ehdr, e_type), ET_CORE);
	put_le16(p + offsetof(Elf64_Ehdr, e_machine), machine);
	bytes_put_le32(p + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
	bytes_put_le64(p + offsetof(Elf64_Ehdr, e_phoff), sizeof(Elf64_Ehdr));
	put_le16(p + offsetof(Elf64_Ehdr, e_ehsize), sizeof(Elf64_Ehdr));
	put_le16(p + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
	put_le16(p + offsetof(Elf64_Ehdr, e_phnum), phnum);
}

/* Returns where the next one goes. */
static uint8_t *put_phdr(uint8_t *p, const struct phdr *h)
{
	bytes_put_le32(p + offsetof(Elf64_Phdr, p_type), h->type);
	bytes_put_le32(p + offsetof(Elf64_Phdr, p_flags), h->flags);
	bytes_put_le64(p + offsetof(Elf64_Phdr, p_offset), h->paddr);
	bytes_put_le64(p + offsetof(Elf64_Phdr, p_vaddr), h->vaddr);
	bytes_put_le64(p + offsetof(Elf64_Phdr, p_paddr), h->paddr);
	bytes_put_le64(p + offsetof(Elf64_Phdr, p_filesz), h->size);
	bytes_put_le64(p + offsetof(Elf64_Phdr, p_memsz), h->size);
	return p + sizeof(Elf64_Phdr);
}

static uint8_t *put_note(uint8_t *p, uint64_t addr, uint64_t size)
{
	return put_phdr(p, &(struct phdr){.type = PT_NOTE, .paddr = addr, .size = size});
}

static uint8_t *put_load(uint8_t *p, uint64_t vaddr, uint64_t paddr, uint64_t size)
{
	return put_phdr(p, &(struct phdr){.type = PT_LOAD,
					  .flags = PF_R | PF_W | PF_X,
					  .vaddr = vaddr,
					  .paddr = paddr,
					  .size = size});
}

static int check(const struct machine *m, struct err *err)
{
	if (!m->n_cpus)
		return err_set(
			err, ERR_NOT_FOUND,
			"no CPU has /sys/devices/system/cpu/cpuN/crash_notes: the dump would "
			"have no registers (is the kernel built with CONFIG_KEXEC_CORE or "
			"CONFIG_CRASH_DUMP, is /sys mounted?)");
	if (!m->vmcoreinfo_size)
		return err_set(err, ERR_NOT_FOUND,
			       "/sys/kernel/vmcoreinfo is not there: the dump could not be read "
			       "(is the kernel built with CONFIG_VMCORE_INFO or CONFIG_CRASH_CORE, "
			       "is /sys mounted?)");
	if (!m->text_size)
		return err_set(err, ERR_NOT_FOUND,
			       "/proc/iomem does not say where \"Kernel code\" is");
	if (!m->text_vaddr)
		return err_set(err, ERR_NOT_FOUND,
			       "neither /proc/kcore nor /proc/kallsyms says at which address the "
			       "kernel runs: lockdown or kptr_restrict hides it; use "
			       "kexec_file_load, where the kernel needs neither");
	if (!m->page_offset_known)
		return err_set(err, ERR_NOT_FOUND,
			       "/proc/kcore does not say where the linear map is: it is missing "
			       "(CONFIG_PROC_KCORE) or refused (lockdown, CAP_SYS_RAWIO); use "
			       "kexec_file_load, where the kernel needs no such file");
	return 0;
}

/* RAM that goes into the dump. */
static int dumped_ram(const struct machine *m, uint64_t low_excluded, struct ranges *ret,
		      struct err *err)
{
	for (size_t i = 0; i < m->n_areas; i++) {
		const struct mem_area *a = &m->areas[i];

		if ((a->kind == AREA_RAM || a->kind == AREA_DRIVER_RAM) &&
		    ranges_add(ret, a->range.start, a->range.end, err))
			return err->code;
	}
	for (size_t i = 0; i < m->crash.n; i++)
		if (ranges_sub(ret, m->crash.v[i].start, m->crash.v[i].end, err))
			return err->code;
	ranges_clip(ret, low_excluded, UINT64_MAX);
	if (!ret->n)
		return err_set(err, ERR_NOT_FOUND,
			       "/proc/iomem lists no \"System RAM\" above 0x%" PRIx64
			       " but that of the \"Crash kernel\": there would be nothing to dump",
			       low_excluded);
	return 0;
}

static int build(const struct machine *m, uint16_t elf_machine, const struct ranges *ram,
		 uint8_t **ret, size_t *ret_size, struct err *err)
{
	size_t n = m->n_cpus + 2 + ram->n, size;
	uint8_t *buf, *p;

	/* PN_XNUM itself means that the count is elsewhere; fs/proc/vmcore.c does not look there */
	if (n >= PN_XNUM)
		return err_set(err, ERR_UNSUPPORTED,
			       "the core header needs %zu program headers (%zu CPUs, %zu ranges of "
			       "RAM), an ELF header counts at most %d",
			       n, m->n_cpus, ram->n, PN_XNUM - 1);
	size = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
	buf = calloc(1, size);
	if (!buf)
		return err_nomem(err, size, "the core header");
	put_ehdr(buf, elf_machine, (uint16_t)n);
	p = buf + sizeof(Elf64_Ehdr);
	for (size_t i = 0; i < m->n_cpus; i++)
		p = put_note(p, m->cpus[i].addr, m->cpus[i].size);
	p = put_note(p, m->vmcoreinfo, m->vmcoreinfo_size);
	p = put_load(p, m->text_vaddr, m->text_phys, m->text_size);
	for (size_t i = 0; i < ram->n; i++)
		p = put_load(p, m->page_offset + ram->v[i].start, ram->v[i].start,
			     ram->v[i].end - ram->v[i].start);
	*ret = buf;
	*ret_size = size;
	return 0;
}

int core_header_make(const struct machine *m, uint16_t elf_machine, uint64_t low_excluded,
		     uint8_t **ret, size_t *ret_size, struct err *err)
{
	struct ranges ram;
	int r = check(m, err);

	ranges_init(&ram);
	if (!r)
		r = dumped_ram(m, low_excluded, &ram, err);
	if (!r)
		r = build(m, elf_machine, &ram, ret, ret_size, err);
	ranges_deinit(&ram);
	return r;
}
