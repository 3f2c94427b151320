/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reader and writer of ELF vmcores share beyond <elf.h>. */
#ifndef FORMAT_ELFCORE_FIELDS_H
#define FORMAT_ELFCORE_FIELDS_H

/*
 * ELF has no flag for a dump that was cut off or is being written. We put this into the padding of
 * e_ident (EI_PAD, 7 bytes), which is zero otherwise and which readers must ignore (gABI, chapter 4).
 */
#define ELFCORE_INCOMPLETE     "PARTIAL"
#define ELFCORE_INCOMPLETE_LEN 7

#endif
