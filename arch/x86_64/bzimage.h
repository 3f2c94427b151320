/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header of an x86 bzImage, as far as a 64-bit kexec needs it.
 * Layout: Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". What is refused here is
 * what bzImage64_probe() and bzImage64_load() of arch/x86/kernel/kexec-bzimage64.c refuse, and
 * besides a file that was cut off, which the kernel would load and which would die at the crash.
 */
#ifndef ARCH_X86_64_BZIMAGE_H
#define ARCH_X86_64_BZIMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * How much of the file's beginning bzimage_parse() looks at: at most 255 sectors of setup code
 * behind the boot sector (the release text lies in there).
 */
#define BZIMAGE_HEAD_SIZE ((255 + 1) * 512)

/*
 * What kexec_file_load() keeps free of the command line for the "elfcorehdr=0x... " that it puts in
 * front (MAX_ELFCOREHDR_STR_LEN there).
 */
#define BZIMAGE_CRASH_CMDLINE 30

struct bzimage {
	char release[65];      /* "6.1.0-18-cloud-amd64"; "" if the file does not say */
	uint16_t protocol;     /* boot protocol, 0x020f is 2.15 */
	uint32_t setup_size;   /* bytes before the protected-mode kernel */
	uint32_t init_size;    /* bytes of memory from its load address on that it needs to start */
	uint32_t alignment;    /* of the load address, a power of two */
	uint64_t pref_address; /* lowest load address that avoids moving */
	uint32_t cmdline_size; /* longest command line, without its NUL */
	bool five_level;       /* can be started with 5-level paging on */
};

/*
 * Parse the first BZIMAGE_HEAD_SIZE bytes (or all, if the file is shorter) of a file that has
 * `file_size` bytes. Not a bzImage, or one without the 64-bit entry: ERR_UNSUPPORTED, saying what
 * the file looks like. Cut off or contradicting itself: ERR_CORRUPT naming field and value.
 */
int bzimage_parse(struct bytes head, uint64_t file_size, struct bzimage *ret,
		  struct err *err) _must_check_;

#endif
