/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory map that the next kernel is given, in the terms of /proc/iomem, and the numbers that an e820 table
 * has for them (arch/x86/include/asm/e820/types.h).
 */
#ifndef ARCH_X86_64_E820_H
#define ARCH_X86_64_E820_H

#include "arch/load.h"

/*
 * The map for an ordinary kernel: all areas. For a panic kernel: what crash_setup_memmap_entries() of
 * arch/x86/kernel/crash.c gives it, and the persistent memory, which must not be taken for a hole: RAM below 1 MiB and
 * the crash regions without `hole` (the core header, which the kernel must not use), and what firmware keeps.
 * Sorted; becomes map and n_map of `ret`, whose memory it is.
 */
int e820_make(const struct load_input *in, struct range hole, struct segments *ret,
	      struct err *err) _must_check_;

/* The type of such an area in an e820 table. */
uint32_t e820_type(enum area_kind kind);

#endif
