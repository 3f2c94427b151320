/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86_64's way from a frame to its caller: ORC (arch/x86/kernel/unwind_orc.c, v4.14 to v7.1). For each address in the text a row
 * says where the caller's stack pointer (CFA) and frame pointer are; what lies there is a return address, a struct pt_regs, or
 * the five words that the CPU pushes for an exception.
 */
#ifndef ARCH_X86_64_UNWIND_H
#define ARCH_X86_64_UNWIND_H

#include "arch/regs.h"

/* Numbers of v1 to v3; ORC_REG_AX is what a fix for v3 gave it (arch/x86/include/asm/orc_types.h). */
enum {
	ORC_REG_UNDEFINED,
	ORC_REG_PREV_SP,
	ORC_REG_DX,
	ORC_REG_DI,
	ORC_REG_BP,
	ORC_REG_SP,
	ORC_REG_R10,
	ORC_REG_R13,
	ORC_REG_BP_INDIRECT,
	ORC_REG_SP_INDIRECT,
	ORC_REG_AX,
};

/* Those of v3. */
enum {
	ORC_TYPE_UNDEFINED,
	ORC_TYPE_END_OF_STACK,
	ORC_TYPE_CALL,
	ORC_TYPE_REGS,
	ORC_TYPE_REGS_PARTIAL,
};

/* arch_regs.from_switched_out and .step */
int x86_64_from_switched_out(const struct unwind_space *space, uint64_t sp, uint64_t fp,
			     uint64_t pc, struct regs *ret, struct err *err);
int x86_64_step(const struct unwind_space *space, struct regs *regs, bool *exact,
		enum unwind_step *ret, struct err *err);

#endif
