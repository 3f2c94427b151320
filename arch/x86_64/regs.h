/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86_64's registers, in the order of struct pt_regs and of NT_PRSTATUS's user_regs_struct (arch/x86/include/asm/ptrace.h,
 * user_64.h): one is the beginning of the other.
 */
#ifndef ARCH_X86_64_REGS_H
#define ARCH_X86_64_REGS_H

#include "arch/regs.h"

enum x86_64_reg {
	X86_64_R15,
	X86_64_R14,
	X86_64_R13,
	X86_64_R12,
	X86_64_RBP,
	X86_64_RBX,
	X86_64_R11,
	X86_64_R10,
	X86_64_R9,
	X86_64_R8,
	X86_64_RAX,
	X86_64_RCX,
	X86_64_RDX,
	X86_64_RSI,
	X86_64_RDI,
	X86_64_ORIG_RAX,
	X86_64_RIP, /* from here on the CPU itself saves: the frame of iretq */
	X86_64_CS,
	X86_64_RFLAGS,
	X86_64_RSP,
	X86_64_SS, /* the last of struct pt_regs */
	X86_64_FS_BASE,
	X86_64_GS_BASE,
	X86_64_DS,
	X86_64_ES,
	X86_64_FS,
	X86_64_GS,
	X86_64_REGS,
};

#define X86_64_PT_REGS      (X86_64_SS + 1) /* registers */
#define X86_64_PT_REGS_SIZE (X86_64_PT_REGS * 8)

extern const struct arch_regs x86_64_regs;

/* A struct pt_regs' bytes; arch_regs.from_pt_regs. */
int x86_64_from_pt_regs(struct bytes pt_regs, struct regs *ret, struct err *err);
bool x86_64_in_user_mode(const struct regs *regs);

#endif
