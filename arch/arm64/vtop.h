/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arm64 page tables: pages of 4, 16 and 64 KiB, 2 to 5 levels, virtual addresses of 36 to 52 bits,
 * physical ones of up to 52 (FEAT_LPA, FEAT_LPA2). Levels are numbered as Arm and the kernel do:
 * from -1 to 3, and 3 holds the pages.
 *
 * Facts, with files of the kernel (below arch/arm64/) and the commit or version they were read at:
 *
 * - swapper_pg_dir is what TTBR1 points at. It lies in the kernel image, physically at
 *   swapper_pg_dir - kimage_voffset (include/asm/memory.h, __kimg_to_phys). NUMBER(PHYS_OFFSET),
 *   which is "negative" (an s64 printed with 0x%llx) if the linear map is randomised or was laid
 *   out for 52 bits and runs with 48, serves linear-map arithmetic only. Here everything goes
 *   through the tables: it is not read, so its sign cannot matter.
 * - NUMBER(VA_BITS) is what the kernel was built for, 64 - NUMBER(TCR_EL1_T1SZ) what it runs with
 *   (kernel/vmcore_info.c, 60a2f25de7b8); the latter exists since bbdbc11804ff (5.9).
 * - levels = (bits - 4) / (page shift - 3) (include/asm/pgtable-hwdef.h, 0410c6121529).
 * - A kernel built for 52 bits on a CPU without (kernel/pi/map_kernel.c, 030b3ffbdac7):
 *     64 KiB: 48 bits, 3 levels as before. swapper_pg_dir keeps its 1024 entries, of which the last
 *     64 are used; TTBR1 points at those (TTBR1_BADDR_4852_OFFSET). So the index comes from
 *     VA_BITS.
 *     4 KiB: 48 bits, 4 levels. 16 KiB: 47 bits, 3 levels (memory.h, VA_BITS_MIN). swapper_pg_dir
 *     is a table of the next level, used from its beginning (0dd4f60a2c76, 6.9).
 * - Bits 1:0 of an entry: 3 is a table, at level 3 a page; 1 is a block, at level 3 invalid; 0 and
 *   2 are invalid (pgtable-hwdef.h). Blocks begin at level 2, with 4 KiB at level 1, with 52-bit
 *   physical addresses one level earlier (AArch64.BlockDescSupported() of the Arm ARM, DDI 0487, as
 *   in QEMU's lpae_block_desc_valid(), target/arm/ptw.c). The contiguous bit is a hint for the TLB:
 *   each of such entries is complete in itself.
 * - Physical address: bits 47 to page shift of the entry, and (pgtable-hwdef.h, PTE_ADDR_HIGH)
 *     64 KiB with LPA: bits 15:12 are address bits 51:48. Without LPA they are zero: always taken.
 *     4 and 16 KiB with LPA2: bits 49:48 are in place, bits 9:8 are address bits 51:50. Without
 *     LPA2 bits 9:8 are shareability, and not zero.
 * - LPA2 is on (TCR_EL1.DS) iff pages are not of 64 KiB and T1SZ is below 16: the architecture has
 *   no such T1SZ without DS, and early_map_kernel() switches on both or none.
 *   NUMBER(MAX_PHYSMEM_BITS) does not tell: it is CONFIG_ARM64_PA_BITS (include/asm/sparsemem.h),
 *   52 even if the CPU has no LPA2. drgn decides so too (libdrgn/arch_aarch64.c, 01613b0ba33d).
 * - With KASAN_SW_TAGS and KASAN_HW_TAGS the top byte of a pointer is a tag; bit 55 says which half
 *   of the address space it points into (memory.h, __untagged_addr).
 *
 * Not covered: 5.0 to 5.3 with 52-bit user addresses only, with 1024 entries although VA_BITS is
 * 48.
 */
#ifndef ARCH_ARM64_VTOP_H
#define ARCH_ARM64_VTOP_H

#include "arch/arch.h"

extern const struct arch_vtop arm64_vtop;

#endif
