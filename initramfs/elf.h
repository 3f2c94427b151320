/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the ELF files that go into the image, so that a wrong one is found now and not after a
 * crash. Only 64-bit little-endian files are known; others are ERR_UNSUPPORTED.
 */
#ifndef INITRAMFS_ELF_H
#define INITRAMFS_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * A program that runs with nothing else in its file system: executable, no interpreter, no shared
 * library. A dynamically linked one is ERR_USAGE saying what it wants. *ret_machine is e_machine.
 */
int elf_check_program(struct bytes file, const char *name, uint16_t *ret_machine,
		      struct err *err) _must_check_;

/* A kernel module: a relocatable object. The signature behind it does not matter here. */
int elf_check_module(struct bytes file, const char *name, uint16_t *ret_machine,
		     struct err *err) _must_check_;

/*
 * What the dynamic linker is told by a program or a library. The strings are borrowed from the file and
 * NUL-terminated in it; NULL if there is none.
 */
struct elf_links {
	uint16_t machine;
	const char *interp;  /* PT_INTERP */
	const char *soname;  /* DT_SONAME */
	const char *rpath;   /* DT_RPATH; NULL where there is a runpath, which outweighs it */
	const char *runpath; /* DT_RUNPATH */
	bool no_default;     /* DF_1_NODEFLIB: not by the cache, not in the default folders */
	const char **needed; /* DT_NEEDED; malloc'ed, elf_links_deinit frees it */
	size_t n_needed;
};

/*
 * Read them of an executable or a shared library, static or not. A damaged file is ERR_CORRUPT; after success
 * elf_links_deinit it.
 */
int elf_read_links(struct bytes file, const char *name, struct elf_links *ret,
		   struct err *err) _must_check_;
void elf_links_deinit(struct elf_links *links);

/*
 * The content of the section called `section`, borrowed; *ret is empty if there is none. Section headers outside the file
 * are ERR_CORRUPT.
 */
int elf_find_section(struct bytes file, const char *name, const char *section, struct bytes *ret,
		     struct err *err) _must_check_;

/* "x86_64", "aarch64", …, or "machine 42" put into buf. */
const char *elf_machine_name(uint16_t machine, char buf[24]);

#endif
