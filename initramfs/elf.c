// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/elf.h"

#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define EHDR(m) offsetof(Elf64_Ehdr, m)
#define PHDR(m) offsetof(Elf64_Phdr, m)
#define SHDR(m) offsetof(Elf64_Shdr, m)

#define MAX_NEEDED 1024 /* of one file; real ones stay below 200 */

struct header {
	uint16_t type, machine;
	uint64_t phoff;
	uint16_t phentsize, phnum;
};

struct segment {
	uint32_t type;
	uint64_t address;
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
	    !bytes_le64(ph, PHDR(p_filesz), &size) || !bytes_le64(ph, PHDR(p_vaddr), &ret->address))
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

/* Where the file has what will be at this address; `ret` is from there to the end of its segment. */
static int find_address(struct bytes file, const struct header *h, uint64_t address,
			const char *name, struct bytes *ret, struct err *err)
{
	for (unsigned int i = 0; i < h->phnum; i++) {
		struct segment s = {0};

		if (read_segment(file, h, i, name, &s, err))
			return err->code;
		if (s.type == PT_LOAD && address >= s.address &&
		    bytes_sub(s.content, address - s.address,
			      s.content.len - NUM_MIN(address - s.address, s.content.len), ret))
			return 0;
	}
	return err_set(err, ERR_CORRUPT, "%s: no segment has address 0x%" PRIx64, name, address);
}

/* The dynamic segment: the string table first, because what the others say is an offset into it. */
static int read_strings(struct bytes file, const struct header *h, struct bytes dynamic,
			const char *name, struct bytes *ret, struct err *err)
{
	uint64_t tag, value, address = 0, size = 0;

	for (uint64_t at = 0;
	     bytes_le64(dynamic, at, &tag) && bytes_le64(dynamic, at + 8, &value) && tag != DT_NULL;
	     at += sizeof(Elf64_Dyn)) {
		if (tag == DT_STRTAB)
			address = value;
		else if (tag == DT_STRSZ)
			size = value;
	}
	if (!size) {
		*ret = (struct bytes){0};
		return 0;
	}
	if (find_address(file, h, address, name, ret, err))
		return err->code;
	if (!bytes_sub(*ret, 0, size, ret))
		return err_set(err, ERR_CORRUPT,
			       "%s: 0x%" PRIx64 " bytes of dynamic strings are not inside the file",
			       name, size);
	return 0;
}

static int get_string(struct bytes table, uint64_t off, const char *name, const char **ret,
		      struct err *err)
{
	if (off >= table.len || !memchr(table.data + off, 0, table.len - off))
		return err_set(err, ERR_CORRUPT,
			       "%s: no string at 0x%" PRIx64 " of 0x%zx bytes of strings", name,
			       off, table.len);
	*ret = (const char *)table.data + off;
	return 0;
}

static int add_needed(struct elf_links *l, const char *text, const char *name, struct err *err)
{
	const char **grown;

	if (l->n_needed == MAX_NEEDED)
		return err_set(err, ERR_CORRUPT, "%s: needs more than %d libraries", name,
			       MAX_NEEDED);
	grown = reallocarray(l->needed, l->n_needed + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (l->n_needed + 1) * sizeof(*grown), name);
	l->needed = grown;
	grown[l->n_needed++] = text;
	return 0;
}

static int read_dynamic(struct bytes file, const struct header *h, struct bytes dynamic,
			const char *name, struct elf_links *l, struct err *err)
{
	struct bytes strings = {0};
	uint64_t tag, value;

	if (read_strings(file, h, dynamic, name, &strings, err))
		return err->code;
	for (uint64_t at = 0;
	     bytes_le64(dynamic, at, &tag) && bytes_le64(dynamic, at + 8, &value) && tag != DT_NULL;
	     at += sizeof(Elf64_Dyn)) {
		const char **to = tag == DT_SONAME    ? &l->soname
				  : tag == DT_RPATH   ? &l->rpath
				  : tag == DT_RUNPATH ? &l->runpath
						      : NULL;
		const char *text = "";

		if (tag == DT_FLAGS_1)
			l->no_default = value & DF_1_NODEFLIB;
		if (!to && tag != DT_NEEDED)
			continue;
		if (get_string(strings, value, name, &text, err) ||
		    (!to && add_needed(l, text, name, err)))
			return err->code;
		if (to)
			*to = text;
	}
	if (l->runpath)
		l->rpath = NULL;
	return 0;
}

void elf_links_deinit(struct elf_links *links)
{
	free(links->needed);
	*links = (struct elf_links){0};
}

int elf_read_links(struct bytes file, const char *name, struct elf_links *ret, struct err *err)
{
	_cleanup_(elf_links_deinit) struct elf_links l = {0};
	bool dynamic = false;
	struct header h = {0};

	if (read_header(file, name, &h, err))
		return err->code;
	if (h.type != ET_EXEC && h.type != ET_DYN)
		return err_set(err, ERR_USAGE, "%s: is no program (ELF type %u)", name, h.type);
	if (h.phnum && h.phentsize < sizeof(Elf64_Phdr))
		return err_set(err, ERR_CORRUPT, "%s: program headers of %u bytes", name,
			       h.phentsize);
	l.machine = h.machine;
	for (unsigned int i = 0; i < h.phnum; i++) {
		struct segment s = {0};

		if (read_segment(file, &h, i, name, &s, err))
			return err->code;
		if (s.type == PT_INTERP && get_string(s.content, 0, name, &l.interp, err))
			return err_wrap(err, "PT_INTERP");
		if (s.type != PT_DYNAMIC || dynamic)
			continue;
		dynamic = true; /* there is one; thousands of them would be an attack */
		if (read_dynamic(file, &h, s.content, name, &l, err))
			return err->code;
	}
	*ret = l;
	l = (struct elf_links){0};
	return 0;
}

static int read_section(struct bytes file, uint64_t at, const char *name, uint32_t *ret_name,
			struct bytes *ret, struct err *err)
{
	uint64_t off, size;
	uint32_t type;
	struct bytes sh;

	if (!bytes_sub(file, at, sizeof(Elf64_Shdr), &sh) ||
	    !bytes_le32(sh, SHDR(sh_name), ret_name) || !bytes_le32(sh, SHDR(sh_type), &type) ||
	    !bytes_le64(sh, SHDR(sh_offset), &off) || !bytes_le64(sh, SHDR(sh_size), &size))
		return err_set(err, ERR_CORRUPT, "%s: a section header is not inside the file",
			       name);
	if (type == SHT_NOBITS || type == SHT_NULL)
		*ret = (struct bytes){0};
	else if (!bytes_sub(file, off, size, ret))
		return err_set(err, ERR_CORRUPT,
			       "%s: section of 0x%" PRIx64 " bytes at 0x%" PRIx64
			       " is not inside the file",
			       name, size, off);
	return 0;
}

int elf_find_section(struct bytes file, const char *name, const char *section, struct bytes *ret,
		     struct err *err)
{
	uint16_t size, n, names_index;
	struct bytes names, content = {0};
	uint32_t name_off = 0;
	struct header h = {0};
	uint64_t at;

	if (read_header(file, name, &h, err))
		return err->code;
	if (!bytes_le64(file, EHDR(e_shoff), &at) || !bytes_le16(file, EHDR(e_shentsize), &size) ||
	    !bytes_le16(file, EHDR(e_shnum), &n) ||
	    !bytes_le16(file, EHDR(e_shstrndx), &names_index))
		return err_set(err, ERR_CORRUPT, "%s: the ELF header is cut off", name);
	if (!n) {
		*ret = (struct bytes){0};
		return 0;
	}
	if (at > file.len || size < sizeof(Elf64_Shdr) || names_index >= n)
		return err_set(err, ERR_CORRUPT, "%s: %u section headers of %u bytes at 0x%" PRIx64,
			       name, n, size, at);
	if (read_section(file, at + (uint64_t)names_index * size, name, &name_off, &names, err))
		return err->code;
	for (unsigned int i = 0; i < n; i++) {
		const char *text = "";

		if (read_section(file, at + (uint64_t)i * size, name, &name_off, &content, err) ||
		    (names.len && get_string(names, name_off, name, &text, err)))
			return err->code;
		if (names.len && strcmp(text, section) == 0) {
			*ret = content;
			return 0;
		}
	}
	*ret = (struct bytes){0};
	return 0;
}
