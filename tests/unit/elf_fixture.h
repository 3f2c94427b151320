/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs and libraries of our own making, as far as a dynamic linker's search looks at them. */
#ifndef TESTS_UNIT_ELF_FIXTURE_H
#define TESTS_UNIT_ELF_FIXTURE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct elf_what {
	const char *interp, *soname, *rpath, *runpath;
	const char *needed[4];
	uint16_t machine; /* 0: x86_64 */
	uint64_t flags_1;
};

#define ELF_FIXTURE_ADDRESS 0x400000

struct elf_fixture {
	Elf64_Ehdr e;
	Elf64_Phdr load, dynamic, interp;
	Elf64_Dyn dyn[16];
	char strings[512];
};

static inline struct elf_fixture elf_fixture_make(const struct elf_what *w)
{
	struct elf_fixture f = {
		.e = {.e_type = ET_DYN,
		      .e_machine = w->machine ? w->machine : EM_X86_64,
		      .e_phoff = offsetof(struct elf_fixture, load),
		      .e_phentsize = sizeof(Elf64_Phdr),
		      .e_phnum = w->interp ? 3 : 2},
		.load = {.p_type = PT_LOAD, .p_vaddr = ELF_FIXTURE_ADDRESS, .p_filesz = sizeof(f)},
		.dynamic = {.p_type = PT_DYNAMIC,
			    .p_offset = offsetof(struct elf_fixture, dyn),
			    .p_filesz = sizeof(f.dyn)},
		.interp = {.p_type = PT_INTERP},
	};
	size_t n = 0, at = 1;

#define ELF_PUT(tag, text)                                                          \
	do {                                                                        \
		if (text) {                                                         \
			f.dyn[n++] = (Elf64_Dyn){.d_tag = (tag), .d_un.d_val = at}; \
			strcpy(f.strings + at, text);                               \
			at += strlen(text) + 1;                                     \
		}                                                                   \
	} while (0)
	memcpy(f.e.e_ident, ELFMAG, SELFMAG);
	f.e.e_ident[EI_CLASS] = ELFCLASS64;
	f.e.e_ident[EI_DATA] = ELFDATA2LSB;
	ELF_PUT(DT_SONAME, w->soname);
	ELF_PUT(DT_RPATH, w->rpath);
	ELF_PUT(DT_RUNPATH, w->runpath);
	for (size_t i = 0; i < 4; i++)
		ELF_PUT(DT_NEEDED, w->needed[i]);
	if (w->interp) {
		f.interp.p_offset = offsetof(struct elf_fixture, strings) + at;
		f.interp.p_filesz = strlen(w->interp) + 1;
		strcpy(f.strings + at, w->interp);
	}
	f.dyn[n++] = (Elf64_Dyn){.d_tag = DT_FLAGS_1, .d_un.d_val = w->flags_1};
	f.dyn[n++] = (Elf64_Dyn){.d_tag = DT_STRTAB,
				 .d_un.d_val = ELF_FIXTURE_ADDRESS +
					       offsetof(struct elf_fixture, strings)};
	f.dyn[n++] = (Elf64_Dyn){.d_tag = DT_STRSZ, .d_un.d_val = sizeof(f.strings)};
#undef ELF_PUT
	return f;
}

#endif
