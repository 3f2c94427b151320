/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbols that a kernel carries of itself: kallsyms.
 *
 * Facts (kernel/kallsyms.c, scripts/kallsyms.c): names are compressed by a table of 256 tokens, the first decoded
 * character is the type as nm(1) prints it; since v6.1 (73bbb94466fd) a length with bit 7 has a second byte.
 * Addresses are of one of four forms: absolute (u64, without KALLSYMS_BASE_RELATIVE, until v6.11), base-relative (u32,
 * v4.6 to v6.19), absolute-percpu (s32: >= 0 is the value itself, < 0 is base - 1 - value; v4.6 to v6.14) and
 * place-relative (s32, relative to the entry itself; v7.0 on). None is told by a version: the one that gives VMCOREINFO's
 * addresses of the symbols that are in both (_stext, init_uts_ns, swapper_pg_dir …) is it.
 * Where the tables lie is in VMCOREINFO since v6.0 (5fd8fea935a1, f09bddbd8661); else they are looked for in the
 * kernel's image by the shape of the token table.
 */
#ifndef IMAGE_KALLSYMS_H
#define IMAGE_KALLSYMS_H

#include "image/reader.h"

enum kallsyms_form {
	KALLSYMS_ABSOLUTE,
	KALLSYMS_RELATIVE,
	KALLSYMS_PERCPU,
	KALLSYMS_PLACE,
};

struct kallsyms;

struct symbol {
	uint64_t addr;
	uint64_t
		size; /* to the next symbol's address, at most 64 KiB: kallsyms has none of its own; 0: not known */
	char type;          /* nm(1)'s letter */
	const char *name;   /* borrowed from the table */
	const char *module; /* name of the module, borrowed; NULL: of the kernel itself */
};

/*
 * Read and decode all of it, once: some 100,000 symbols in a few milliseconds and megabytes. Kept out: __pfx_* (a symbol's
 * size ends before them, as the kernel prints it), arm64's mapping symbols $x and $d, and .L*. A name is cut after 511 bytes.
 * ERR_NOT_FOUND: neither VMCOREINFO nor the image has the tables. ERR_CORRUPT names table, index and value.
 */
int kallsyms_create(struct reader *rd, struct kallsyms **ret, struct err *err) _must_check_;

/*
 * The same from pieces, for those that have them: no image is read. All are borrowed for the call only. `addresses` has
 * num_syms entries of 8 (absolute) or 4 bytes; `at` is its address in the kernel, for the place-relative form.
 */
struct kallsyms_tables {
	struct bytes names, token_table, token_index, addresses;
	uint64_t num_syms, base, at;
	enum kallsyms_form form;
	bool big_lengths; /* a length byte with bit 7 set has another one behind it */
};
int kallsyms_decode(const struct kallsyms_tables *tables, struct kallsyms **ret,
		    struct err *err) _must_check_;

/*
 * The symbols of a module, as its struct mod_kallsyms has them: ELF's, of 24 bytes, of which the first is none. `types` has
 * nm's letter of each, or is empty ('?' then). All borrowed for the call only, but for `module`, its name: it is copied.
 * `end` is where the module's memory ends. What is undefined or has no name is left out; a name beyond `strings` as well.
 */
struct kallsyms_elf {
	struct bytes symtab, strings, types;
	const char *module;
	uint64_t end;
};
int kallsyms_decode_elf(const struct kallsyms_elf *elf, struct kallsyms **ret,
			struct err *err) _must_check_;

void kallsyms_destroy(struct kallsyms *syms); /* NULL is fine */

enum kallsyms_form kallsyms_form(const struct kallsyms *syms);
const char *kallsyms_form_name(enum kallsyms_form form);
bool kallsyms_searched(
	const struct kallsyms *syms); /* VMCOREINFO did not say where the tables are */

/* All symbols in the order of their addresses: i from 0 to count - 1. Per-CPU and absolute symbols come first. */
size_t kallsyms_count(const struct kallsyms *syms);
void kallsyms_get(const struct kallsyms *syms, size_t i, struct symbol *ret);

/*
 * The symbol that covers `addr`: the one with the greatest address up to it. Of several with the same address the first of
 * the table: as the kernel chooses (get_symbol_pos(), find_kallsyms_symbol()), so that its log has the same names. False:
 * none is near enough, or it is no kernel address: per-CPU symbols are offsets, and a null pointer is none of them.
 */
bool kallsyms_at(const struct kallsyms *syms, uint64_t addr, struct symbol *ret);

/* The first of that name in the order of the kernel's table; false: there is none. By a hash or a search, not by going over all. */
bool kallsyms_find(const struct kallsyms *syms, const char *name, struct symbol *ret);

#endif
