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
 * What open checks: identification, header sizes, that the program headers and notes lie inside the
 * file (a file whose size fstat gives; /proc/vmcore gives one too), that p_offset + p_filesz and
 * p_paddr + p_memsz do not overflow, that p_filesz <= p_memsz. e_phnum == PN_XNUM takes the count
 * from section header 0; at most 2^17 program headers and 64 MiB of notes.
 * Bytes between p_filesz and p_memsz are not in the dump (ram, not present).
 * PT_LOADs with p_memsz 0 are skipped. A PT_LOAD that reaches past the end of the file: the file was
 * cut; ERR_CORRUPT naming segment, offset, and sizes.
 *
 * PT_LOADs in the same physical memory: /proc/vmcore of x86_64 and arm64 has one for the kernel's
 * text ([_text, _end), p_filesz == p_memsz; crash_prepare_elf64_headers in kernel/kexec_file.c, since
 * v6.6 in kernel/crash_core.c). It lies inside a RAM segment and holds the same bytes at another
 * offset of the file. So a segment that lies wholly in memory which others cover is taken only for
 * bytes that they do not have; any other overlap is ERR_CORRUPT naming both.
 *
 * /proc/kcore, the memory of the running machine, is such a core, too: fs/proc/kcore.c gives the PT_LOADs of
 * RAM and of the kernel's text their physical address since v4.11 (commit 464920104bf7), and those of
 * vmalloc, modules and vmemmap the address -1. What they map lies in RAM as well, so they are left out; that
 * one is there makes source.live. The file's size is that of the address space.
 *
 * Notes: the pieces joined, without the unused room behind the last note of each.
 *
 * Reads: pread; map: windows that never span two PT_LOADs, mapped or read as format/window.h says. A page
 * that the file cannot give (it was cut since it was opened, the disk fails) is an error of that page alone.
 * Pipes are not supported.
 */
extern const struct source_ops elfcore_source;

#endif
