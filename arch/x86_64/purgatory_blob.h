/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The purgatory as the loader sees it: the flat binary that is built into the program.
 */
#ifndef ARCH_X86_64_PURGATORY_BLOB_H
#define ARCH_X86_64_PURGATORY_BLOB_H

#include <stddef.h>

#include "arch/x86_64/purgatory/purgatory.h"

/* Bytes of memory that it needs, whole pages: the binary, its stack and its zeroed data. */
size_t purgatory_memory(void);

/* Bytes of the binary. */
size_t purgatory_size(void);

/* Copy the binary to `to` (purgatory_size() bytes), with these parameters; magic is filled in. */
void purgatory_make(const struct purgatory_params *params, uint8_t *to);

#endif
