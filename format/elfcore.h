/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF vmcores: ET_CORE, ELFCLASS64, little endian, PT_NOTE and PT_LOAD with physical addresses in
 * p_paddr, as /proc/vmcore, QEMU's dump-guest-memory and makedumpfile -E write them.
 * Source of the layout: elf(5); fs/proc/vmcore.c (v6.1) for what /proc/vmcore promises.
 */
#ifndef FORMAT_ELFCORE_H
#define FORMAT_ELFCORE_H

#include "format/source.h"

/*
 * What the probe and open check: identification, header sizes, that the program headers and notes
 * lie inside the file (a file whose size fstat gives; /proc/vmcore gives one too), that
 * p_offset + p_filesz and p_paddr + p_memsz do not overflow, that PT_LOADs do not overlap in
 * physical memory. e_phnum == PN_XNUM takes the count from section header 0.
 * Bytes between p_filesz and p_memsz are not in the dump (ram, not present).
 * PT_LOADs with p_memsz 0 are skipped. A PT_LOAD that reaches past the end of a regular file: the
 * file was cut; ERR_CORRUPT naming segment, offset, and sizes.
 *
 * Reads: pread; map: mmap in windows that never span two PT_LOADs, pread into a buffer where mmap
 * is refused (old kernels' /proc/vmcore, pipes are not supported).
 */
extern const struct source_ops elfcore_source;

#endif
