/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ELF vmcore as it is being written.
 *
 *   0               Elf64_Ehdr, program headers, section header 0 where there are 65535 headers or more
 *                   (PN_XNUM: its sh_info is their number)
 *                   the notes, as the input has them: one PT_NOTE
 *   page-aligned    the kept pages, in ascending order, each at the place that its rank gives
 *
 * A PT_LOAD is a run of kept page frames, p_filesz == p_memsz. What was left out is in none of them:
 * makedumpfile describes it by a p_memsz beyond p_filesz, and crash(8) and drgn then show zeros for pages
 * that were not zero. The price is that nothing tells memory that was left out from no memory.
 *
 * p_paddr is what the readers of vmcores use. p_vaddr is the address in the kernel's map of all memory,
 * and the runs of the kernel's image come a second time, first, with the addresses that it is linked to:
 * the same bytes of the file. So gdb(1) works, and makedumpfile finds the map. 0 where it is not known.
 */
#ifndef FILTER_SINK_ELF_H
#define FILTER_SINK_ELF_H

#include "filter/sink.h"

/*
 * At most so many program headers: what our reader takes. A file that needs more is ERR_UNSUPPORTED
 * before anything is written.
 */
#define SINK_ELF_PHDRS_MAX (1U << 17)

/*
 * Write all but the page data; the file has its full length from now on, and ELFCORE_INCOMPLETE. Pages of
 * zeros are not written: they are holes, which read as zeros. Lost pages leave their PT_LOADs as far
 * as the program header table has room for the pieces (each piece more needs one); else they are holes.
 */
int sink_elf_create(const struct sink_task *task, struct sink **ret, struct err *err) _must_check_;

#endif
