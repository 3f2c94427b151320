/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arm64's way from a frame to its caller: frame records {x29 of the caller, return address} that x29 leads to
 * (arch/arm64/kernel/stacktrace.c, entry.S). A function that has not made its record yet, or makes none, is seen only as the
 * first one or behind an exception; the one that called it is then missing.
 *
 * Exceptions: the entry code makes a record inside of struct pt_regs. Since v6.13 (c2c6b27b5aa1) it is empty, and a word behind it says
 * what it is: 1 the stack's end, 2 the registers of an interrupted context. Before, an empty one was the end, and that of an exception
 * had the interrupted x29 and pc in it: such a one is known by the struct pt_regs around it, which has the same two.
 */
#ifndef ARCH_ARM64_UNWIND_H
#define ARCH_ARM64_UNWIND_H

#include "arch/regs.h"

/* arch_regs.from_switched_out and .step */
int arm64_from_switched_out(const struct unwind_space *space, uint64_t sp, uint64_t fp, uint64_t pc,
			    struct regs *ret, struct err *err);
int arm64_step(const struct unwind_space *space, struct regs *regs, bool *exact,
	       enum unwind_step *ret, struct err *err);

#endif
