/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between architectures, as data: one `struct arch` each, found in the registry of
 * archs.c. Every architecture is compiled on every host, so an x86 machine reads and tests arm64.
 *
 * Porting checklist. A port is a folder arch/NAME/, its struct arch, and one line in archs.c.
 *  1. name, elf_machine, page shifts             → `lifeboat info` knows the dump
 *  2. vtop: page tables                          → filter, dmesg and report can read the image
 *  3. load: kernel images, and the segments of kexec_load(2) → `lifeboat load` (arch/load.h)
 *  4. regs: registers and the way from a frame to its caller → stacks in `lifeboat report` and `bt` (arch/regs.h)
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "format/source.h"
#include "format/vmcoreinfo.h"

/*
 * Where the page tables are and how they look, for one dump. Filled in by arch_vtop.init; what an
 * architecture has only one kind of, it does not use.
 */
struct vtop {
	uint64_t root;       /* physical address of the top-level table of the kernel's own map */
	unsigned int levels; /* of tables, top to leaf */
	uint64_t addr_mask;  /* bits of an entry that are the physical address */
	uint64_t high_mask;  /* bits that are its upper part once shifted left by high_shift */
	unsigned int high_shift;
	unsigned int page_shift;
	unsigned int va_bits; /* significant bits of a virtual address */
	uint64_t top_mask;    /* of the index into the top-level table */
};

struct arch_vtop {
	/* Fill *ret from the dump's VMCOREINFO; ERR_CORRUPT/ERR_NOT_FOUND name the key. */
	int (*init)(const struct vmcoreinfo *info, struct vtop *ret, struct err *err);
	/*
	 * Translate a kernel virtual address. *ret_len is the number of bytes from there to the end
	 * of the page that maps it, be it 4 KiB or 1 GiB, or further: as far as memory goes on in one piece.
	 * ERR_NOT_FOUND: not mapped, or a table is not in the dump; the message names the level.
	 */
	int (*translate)(const struct vtop *vtop, const struct source *src, uint64_t vaddr,
			 uint64_t *ret_phys, uint64_t *ret_len, struct err *err);
};

struct arch_load;
struct arch_regs;

struct arch {
	const char *name; /* utsname.machine */
	uint16_t elf_machine;
	const struct arch_vtop *vtop;
};

/* The one that this program runs on; NULL if it is not in the registry. */
const struct arch *arch_host(void);

/*
 * Its loader (arch/load.h), and its registers and the way through its stacks (arch/regs.h); NULL if it has none yet. No members
 * of struct arch, so that the capture kernel's program, which loads nothing and follows no stack, is linked without them.
 */
const struct arch_load *arch_load_of(const struct arch *arch);
const struct arch_regs *arch_regs_of(const struct arch *arch);

/* NULL if this architecture is not in the registry. */
const struct arch *arch_by_elf_machine(uint16_t elf_machine);

extern const struct arch arch_arm64;
extern const struct arch arch_x86_64;

#endif
