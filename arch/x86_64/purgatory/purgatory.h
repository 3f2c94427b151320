/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The purgatory: the few instructions between the crashed kernel and the panic kernel. It checks the digest of
 * everything that was staged, and starts the kernel, or says on the serial line and the screen what is damaged and
 * restarts the machine. Freestanding, position-independent, one flat binary whose first bytes are its
 * entry; the loader fills in struct purgatory_params at PURGATORY_PARAMS. Shared by both sides.
 */
#ifndef ARCH_X86_64_PURGATORY_H
#define ARCH_X86_64_PURGATORY_H

#define PURGATORY_MEMORY 56 /* offset of a uint32_t: bytes of memory it needs, stack and all */
#define PURGATORY_PARAMS 64 /* offset in the binary, behind the entry's jump */

#ifndef __ASSEMBLER__

#include <stdint.h>

#include "base/sha256.h"

#define PURGATORY_MAGIC    0x544f4f424546494cULL /* "LIFEBOOT" */
#define PURGATORY_SEGMENTS 16                    /* KEXEC_SEGMENT_MAX */

struct purgatory_region {
	uint64_t start; /* physical */
	uint64_t size;
};

struct purgatory_params {
	uint64_t magic;       /* so that the loader knows its own binary */
	uint64_t entry;       /* of the kernel, 64-bit */
	uint64_t boot_params; /* physical; goes into %rsi */
	uint16_t serial_port; /* of an 8250, 0: none */
	uint16_t reserved;
	uint32_t n_regions; /* at least 1: what nobody can check is not started */
	struct purgatory_region regions[PURGATORY_SEGMENTS];
	uint8_t digest[SHA256_SIZE]; /* over the bytes of all regions in order */
	/*
	 * Over the bytes of this struct before it: a damaged entry would be jumped to, and a damaged size be read for
	 * hours.
	 */
	uint8_t self[SHA256_SIZE];
};

#endif

#endif
