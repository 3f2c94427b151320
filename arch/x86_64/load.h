/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kexec_load(2) on x86_64: a bzImage, entered in 64-bit mode by our purgatory. What goes where is as the kernel's own
 * loader has it (bzImage64_load() of arch/x86/kernel/kexec-bzimage64.c, crash_load_segments() of crash.c there), so
 * that both ways to load give the next kernel the same machine.
 *
 * Segments of a panic kernel, all in the highest crash region: "core header" lowest, the others as high as
 * possible: "purgatory", "boot params" (with command line, EFI map and setup_data), "kernel", "initramfs". An
 * ordinary kernel has no core header, and all RAM from 1 MiB on but the crash regions.
 */
#ifndef ARCH_X86_64_LOAD_H
#define ARCH_X86_64_LOAD_H

#include "arch/load.h"

extern const struct arch_load x86_64_load;

/* What becomes of the running kernel's parameters in a panic kernel's command line. */
extern const struct cmdline_rule x86_64_cmdline_rules[];

#endif
