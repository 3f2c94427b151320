/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A module's debugging information. Its file is relocatable: where each of its sections lies in the dump's memory is in
 * module.sect_attrs, which /sys/module/NAME/sections shows.
 */
#ifndef DEBUGINFO_KOMODULE_H
#define DEBUGINFO_KOMODULE_H

#include <elfutils/libdw.h>

#include "debuginfo/elffile.h"
#include "image/module.h"

#define KOMODULE_MAX_SECTIONS 512
#define KOMODULE_SECTION_NAME 64

struct komodule_section {
	char name[KOMODULE_SECTION_NAME];
	uint64_t addr;
};

struct komodule_sections {
	struct komodule_section v[KOMODULE_MAX_SECTIONS];
	size_t n;
};

/* ERR_NOT_FOUND: the dump does not tell; what lies there is not more than read. */
int komodule_read_sections(struct kernel *k, const struct module *mod,
			   struct komodule_sections *ret, struct err *err) _must_check_;

struct komodule;

/* Takes `file` over, also on failure. `sections` is copied. */
int komodule_create(struct elffile *file, const struct module *mod,
		    const struct komodule_sections *sections, struct komodule **ret,
		    struct err *err) _must_check_;
void komodule_destroy(struct komodule *m); /* NULL is fine */

/* Its DWARF, and what is to be taken off an address of the dump for a look-up in it. */
Dwarf *komodule_dwarf(const struct komodule *m, uint64_t *ret_bias);

#endif
