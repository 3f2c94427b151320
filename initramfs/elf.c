// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/elf.h"

#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/num.h"

#define EHDR(m) offsetof(Elf64_Ehdr, m)
#define PHDR(m) offsetof(Elf64_Phdr, m)

struct header {
	uint16_t type, machine;
	uint64_t phoff;
	uint16_t phentsize, phnum;
};

struct segment {
	uint32_t type;
	struct bytes content;
};

const char *elf_machine_name(uint16_t machine, char buf[24])
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{EM_X86_64, "x86_64"},
		{EM_AARCH64, "aarch64"},
		{EM_RISCV, "riscv"},
		{EM_PPC64, "ppc64"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	snprintf(buf, 24, "machine %u", machine);
	return buf;
}

static int read_header(struct bytes file, const char *name, struct header *ret, struct err *err)
{
	uint8_t class, data;

	if (!bytes_has(file, 0, SELFMAG) || memcmp(file.data, ELFMAG, SELFMAG) != 0)
		return err_set(err, ERR_CORRUPT, "%s: is not an ELF file", name);
	if (!bytes_u8(file, EI_CLASS, &class) || !bytes_u8(file, EI_DATA, &data))
		return err_set(err, ERR_CORRUPT, "%s: the ELF header is cut off", name);
	if (class != ELFCLASS64 || data != ELFDATA2LSB)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: ELF class %u with byte order %u; only 64-bit little-endian "
			       "files are known",
			       name, class, data);
	if (!bytes_le16(file, EHDR(e_type), &ret->type) ||
	    !bytes_le16(file, EHDR(e_machine), &ret->machine) ||
	    !bytes_le64(file, EHDR(e_phoff), &ret->phoff) ||
	    !bytes_le16(file, EHDR(e_phentsize), &ret->phentsize) ||
	    !bytes_le16(file, EHDR(e_phnum), &ret->phnum) ||
	    !bytes_has(file, 0, sizeof(Elf64_Ehdr)))
		return err_set(err, ERR_CORRUPT, "%s: the ELF header is cut off", name);
	return 0;
}

static int read_segment(struct bytes file, const struct header *h, unsigned int i, const char *name,
			struct segment *ret, struct err *err)
{
	uint64_t at, off, size;
	struct bytes ph;

	/* phentsize and phnum have 16 bits: the product cannot overflow, the sum can */
	if (!num_add(h->phoff, (uint64_t)i * h->phentsize, &at) ||
	    !bytes_sub(file, at, sizeof(Elf64_Phdr), &ph) ||
	    !bytes_le32(ph, PHDR(p_type), &ret->type) || !bytes_le64(ph, PHDR(p_offset), &off) ||
	    !bytes_le64(ph, PHDR(p_filesz), &size))
		return err_set(err, ERR_CORRUPT, "%s: program header %u is not inside the file",
			       name, i);
	if (!bytes_sub(file, off, size, &ret->content))
		return err_set(err, ERR_CORRUPT,
			       "%s: program header %u: 0x%" PRIx64 " bytes at 0x%" PRIx64
			       " are not inside the file",
			       name, i, size, off);
	return 0;
}

static bool needs_library(struct bytes dynamic)
{
	uint64_t tag;

	for (uint64_t at = 0; bytes_le64(dynamic, at, &tag) && tag != DT_NULL;
	     at += sizeof(Elf64_Dyn))
		if (tag == DT_NEEDED)
			return true;
	return false;
}

int elf_check_program(struct bytes file, const char *name, uint16_t *ret_machine, struct err *err)
{
	struct header h = {0};
	bool loads = false;

	if (read_header(file, name, &h, err))
		return err->code;
	if (h.type != ET_EXEC && h.type != ET_DYN)
		return err_set(err, ERR_USAGE, "%s: is no program (ELF type %u)", name, h.type);
	if (h.phnum && h.phentsize < sizeof(Elf64_Phdr))
		return err_set(err, ERR_CORRUPT, "%s: program headers of %u bytes", name,
			       h.phentsize);
	for (unsigned int i = 0; i < h.phnum; i++) {
		struct segment s = {0};
		int r = read_segment(file, &h, i, name, &s, err);

		if (r)
			return r;
		if (s.type == PT_INTERP)
			return err_set(err, ERR_USAGE,
				       "%s: is dynamically linked (wants %.*s), but the initramfs "
				       "holds no library: link it with -static",
				       name, (int)NUM_MIN(s.content.len, (size_t)80),
				       (const char *)s.content.data);
		if (s.type == PT_DYNAMIC && needs_library(s.content))
			return err_set(err, ERR_USAGE,
				       "%s: needs shared libraries, but the initramfs holds none: "
				       "link it with -static",
				       name);
		loads |= s.type == PT_LOAD;
	}
	if (!loads)
		return err_set(err, ERR_CORRUPT, "%s: has no PT_LOAD segment", name);
	*ret_machine = h.machine;
	return 0;
}

int elf_check_module(struct bytes file, const char *name, uint16_t *ret_machine, struct err *err)
{
	struct header h = {0};

	if (read_header(file, name, &h, err))
		return err->code;
	if (h.type != ET_REL)
		return err_set(err, ERR_CORRUPT, "%s: is no kernel module (ELF type %u)", name,
			       h.type);
	*ret_machine = h.machine;
	return 0;
}
