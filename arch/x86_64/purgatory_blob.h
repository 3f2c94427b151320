/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The purgatory as the loader sees it: the flat binary that is built into the program. A program that was built without
 * a compiler for x86_64, or that loads no kernels, has none: both sizes are then 0.
 */
#ifndef ARCH_X86_64_PURGATORY_BLOB_H
#define ARCH_X86_64_PURGATORY_BLOB_H

#include <stddef.h>

#include "arch/x86_64/purgatory/purgatory.h"

/* Bytes of memory that it needs, whole pages: the binary, its stack and its zeroed data. */
size_t purgatory_memory(void);

/* Bytes of the binary. */
size_t purgatory_size(void);

/*
 * Copy the binary to `to` (purgatory_size() bytes, not 0), with these parameters; magic, reserved and self are filled
 * in. n_regions is at most PURGATORY_SEGMENTS.
 */
void purgatory_make(const struct purgatory_params *params, uint8_t *to);

#endif
