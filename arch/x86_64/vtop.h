/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86_64 page tables, 4 and 5 levels, 4 KiB, 2 MiB and 1 GiB pages.
 *
 * Facts: the kernel's map starts at init_top_pgt, which lies in the kernel image at
 * init_top_pgt - __START_KERNEL_map + phys_base (arch/x86/include/asm/page_64.h, __phys_addr_nodebug);
 * arch/x86/kernel/machine_kexec_64.c (v6.1) arch_crash_save_vmcoreinfo exports phys_base,
 * init_top_pgt, pgtable_l5_enabled and sme_mask. Entry bits: Intel SDM vol. 3, 4.5.
 */
#ifndef ARCH_X86_64_VTOP_H
#define ARCH_X86_64_VTOP_H

#include "arch/arch.h"

extern const struct arch_vtop x86_64_vtop;

#endif
