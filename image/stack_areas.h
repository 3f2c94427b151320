/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the stacks of a kernel lie, for those that unwind them: which one an address is in, and where that one ends.
 *
 * Facts: a task's stack has THREAD_SIZE bytes and is aligned to them (kernel/fork.c; VMAP_STACK: THREAD_ALIGN). x86: per-CPU
 * hardirq_stack_ptr (v5.2; a member of pcpu_hot from v6.2 to v6.14) is 8 bytes below the end of a struct irq_stack; cea_exception_stacks leads to
 * struct cea_exception_stacks, a part of struct cpu_entry_area (arch/x86/include/asm/cpu_entry_area.h). arm64: per-CPU
 * irq_stack_ptr (as large as a task's), overflow_stack (4096 bytes, arch/arm64/kernel/traps.c).
 */
#ifndef IMAGE_STACK_AREAS_H
#define IMAGE_STACK_AREAS_H

#include "image/stack.h"

struct stack_area {
	uint64_t start, end;
	enum stack_kind kind;
};

struct stacks {
	uint64_t task_size;
	struct field task_stack;       /* task_struct.stack */
	struct field task_sp;          /* x86: task_struct.thread.sp */
	struct field task_fp, task_pc; /* arm64: thread.cpu_context; task_sp is from there, too */
	uint64_t switch_frame;         /* of struct unwind_space */
	uint64_t pac_mask, regs_offset;
	bool areas_tried;
	struct stack_area *areas; /* of the CPUs, by address */
	size_t n_areas;
};

/* Made at the first call; NULL: no memory. */
const struct stacks *stack_areas_get(struct kernel *k);

/*
 * The stack that an address is in. One that is no CPU's is taken for a task's: *ret is then the piece of memory that a task's
 * stack would be.
 */
void stack_areas_find(struct kernel *k, uint64_t addr, struct stack_area *ret);

#endif
