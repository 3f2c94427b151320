/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The deaths for which there is no C. */
#ifndef LAB_CRASHER_ARCH_H
#define LAB_CRASHER_ARCH_H

#if defined(CONFIG_X86_64)

#define CRASHER_HAS_DIVIDE 1 /* arm64 divides by zero without a word */

/* No canonical address, whether there are 48 or 57 bits of them. */
#define CRASHER_ODD_ADDRESS 0x6b6b6b6b6b6b6b6bUL

/* The stack's page faults, and so does what would tell of it. */
static __always_inline void crasher_lose_stack(void)
{
	asm volatile("xorl %%esp, %%esp\n\tmovq %%rax, -8(%%rsp)" ::: "memory");
}

#elif defined(CONFIG_ARM64)

#define CRASHER_ODD_ADDRESS 0x6b6b6b6b6b6b6b6bUL

static __always_inline void crasher_lose_stack(void)
{
	asm volatile("mov sp, xzr\n\tstr x0, [sp, #-16]!" ::: "memory");
}

#else
#error "the crasher does not know this architecture"
#endif

#endif
