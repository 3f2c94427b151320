// SPDX-License-Identifier: GPL-2.0-or-later
#include "debuginfo/elffile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"

static int open_regular(struct elffile *f, struct err *err)
{
	struct stat st;

	/* a pipe must not make us wait */
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0)
		return err_sys(err, errno, "%s", f->path);
	if (fstat(f->fd, &st))
		return err_sys(err, errno, "%s", f->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s: is no regular file", f->path);
	return 0;
}

static int read_head(struct elffile *f, struct err *err)
{
	GElf_Ehdr head;
	const void *id;
	ssize_t len;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, ERR_UNSUPPORTED, "libelf does not know ELF's version");
	f->elf = elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
	if (!f->elf)
		return err_set(err, ERR_CORRUPT, "%s: %s", f->path, elf_errmsg(-1));
	if (elf_kind(f->elf) != ELF_K_ELF)
		return err_set(err, ERR_CORRUPT, "%s: is no ELF file", f->path);
	if (!gelf_getehdr(f->elf, &head))
		return err_set(err, ERR_CORRUPT, "%s: %s", f->path, elf_errmsg(-1));
	if (gelf_getclass(f->elf) != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, ERR_UNSUPPORTED, "%s: is not of 64 bits, little endian",
			       f->path);
	f->machine = head.e_machine;
	f->type = head.e_type;
	len = dwelf_elf_gnu_build_id(f->elf, &id);
	if (len > 0)
		num_hex(id, (size_t)len, f->build_id, sizeof(f->build_id));
	return 0;
}

int elffile_open(const char *path, struct elffile **ret, struct err *err)
{
	struct elffile *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_nomem(err, sizeof(*f), "an ELF file");
	f->fd = -1;
	if (snprintf(f->path, sizeof(f->path), "%s", path) >= (int)sizeof(f->path))
		r = err_set(err, ERR_USAGE, "%s: its path is too long", path);
	else
		r = open_regular(f, err);
	if (!r)
		r = read_head(f, err);
	if (r) {
		elffile_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

void elffile_close(struct elffile *f)
{
	if (!f)
		return;
	elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

/* ---- sections and symbols */

/* The next section for which `wanted` holds; NULL: there are no more. */
static Elf_Scn *find_section(Elf *elf,
			     bool (*wanted)(Elf *elf, const GElf_Shdr *head, const void *ctx),
			     const void *ctx, GElf_Shdr *ret)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, ret) && wanted(elf, ret, ctx))
			return scn;
	return NULL;
}

static bool is_dwarf(Elf *elf, const GElf_Shdr *head, const void *ctx)
{
	const char *name = NULL;
	size_t strings;

	(void)ctx;
	if (!elf_getshdrstrndx(elf, &strings))
		name = elf_strptr(elf, strings, head->sh_name);
	return name && head->sh_type != SHT_NOBITS &&
	       (strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0);
}

static bool is_symtab(Elf *elf, const GElf_Shdr *head, const void *ctx)
{
	(void)elf;
	(void)ctx;
	return head->sh_type == SHT_SYMTAB;
}

static bool has_address(Elf *elf, const GElf_Shdr *head, const void *ctx)
{
	uint64_t addr = *(const uint64_t *)ctx;

	(void)elf;
	return head->sh_flags & SHF_ALLOC && head->sh_type != SHT_NOBITS && addr >= head->sh_addr &&
	       addr - head->sh_addr < head->sh_size;
}

bool elffile_has_dwarf(const struct elffile *f)
{
	GElf_Shdr head;

	return find_section(f->elf, is_dwarf, NULL, &head);
}

bool elffile_symbol(const struct elffile *f, const char *name, uint64_t *ret)
{
	GElf_Shdr head;
	Elf_Scn *scn = find_section(f->elf, is_symtab, NULL, &head);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	size_t n = data ? data->d_size / sizeof(Elf64_Sym) : 0;

	for (size_t i = 0; i < n && i < INT_MAX; i++) {
		const char *found;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF)
			continue;
		found = elf_strptr(f->elf, head.sh_link, sym.st_name);
		if (found && strcmp(found, name) == 0) {
			*ret = sym.st_value;
			return true;
		}
	}
	return false;
}

bool elffile_text(const struct elffile *f, const char *name, char *buf, size_t size)
{
	uint64_t addr, at;
	GElf_Shdr head;
	Elf_Scn *scn;
	Elf_Data *data;
	size_t len;

	if (!elffile_symbol(f, name, &addr))
		return false;
	scn = find_section(f->elf, has_address, &addr, &head);
	data = scn ? elf_rawdata(scn, NULL) : NULL;
	if (!data || !data->d_buf)
		return false;
	at = addr - head.sh_addr;
	if (at >= data->d_size)
		return false;
	len = strnlen((const char *)data->d_buf + at, data->d_size - at);
	if (len >= size)
		len = size - 1;
	memcpy(buf, (const char *)data->d_buf + at, len);
	buf[len] = '\0';
	return true;
}
