/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF file that has debugging information, or says so: what it is, by which it is told whether it is the right one. */
#ifndef DEBUGINFO_ELFFILE_H
#define DEBUGINFO_ELFFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <libelf.h>

#include "base/err.h"

#define ELFFILE_BUILD_ID 65 /* hexadecimal, up to 32 bytes, and a NUL */

struct elffile {
	char path[PATH_MAX];
	int fd;
	Elf *elf;
	uint16_t machine, type;          /* e_machine, e_type */
	char build_id[ELFFILE_BUILD_ID]; /* "": it has none */
};

/*
 * A regular file that is ELF, of 64 bits; ERR_CORRUPT and ERR_UNSUPPORTED say what else it is, ERR_NOT_FOUND that there is none. It may lie
 * about everything in it.
 */
int elffile_open(const char *path, struct elffile **ret, struct err *err) _must_check_;
void elffile_close(struct elffile *f); /* NULL is fine */

bool elffile_has_dwarf(const struct elffile *f);

/* The value of a symbol of .symtab. */
bool elffile_symbol(const struct elffile *f, const char *name, uint64_t *ret);

/* The text at a symbol, from the section it lies in; false: there is none, or the file has not its bytes. Always ends with a NUL. */
bool elffile_text(const struct elffile *f, const char *name, char *buf, size_t size);

#endif
