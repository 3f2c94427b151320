/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arm64's registers, in the order of struct user_pt_regs (arch/arm64/include/uapi/asm/ptrace.h): x0 … x30, sp, pc, pstate. */
#ifndef ARCH_ARM64_REGS_H
#define ARCH_ARM64_REGS_H

#include "arch/regs.h"

enum arm64_reg {
	ARM64_X0 = 0,
	ARM64_FP = 29,
	ARM64_LR = 30,
	ARM64_SP,
	ARM64_PC,
	ARM64_PSTATE,
	ARM64_REGS,
};

#define ARM64_PT_REGS_SIZE (ARM64_REGS * 8) /* what of struct pt_regs is read */

extern const struct arch_regs arm64_regs;

int arm64_from_pt_regs(struct bytes pt_regs, struct regs *ret, struct err *err);
bool arm64_in_user_mode(const struct regs *regs);

#endif
