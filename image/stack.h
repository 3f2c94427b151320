/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stacks of tasks and CPUs: addresses, symbols, and how far each is to be trusted. */
#ifndef IMAGE_STACK_H
#define IMAGE_STACK_H

#include "arch/regs.h"
#include "image/kernel.h"

#define STACK_MAX_FRAMES 128

/* The stack that a frame lies on. */
enum stack_kind {
	STACK_UNKNOWN,
	STACK_TASK,
	STACK_IRQ,
	STACK_NMI,
	STACK_DOUBLE_FAULT,
	STACK_DEBUG,
	STACK_MACHINE_CHECK,
	STACK_VC,       /* #VC of a confidential guest */
	STACK_ENTRY,    /* x86: where a system call or interrupt from user space begins */
	STACK_OVERFLOW, /* arm64: where the kernel goes when a stack has overflowed */
};
const char *stack_kind_name(enum stack_kind kind); /* "task", "irq", "nmi", … */

enum frame_kind {
	FRAME_CALL, /* reached by a return address */
	FRAME_INTERRUPTED, /* an exception or interrupt stopped it here: `regs` of the stack are there for it */
};

struct frame {
	uint64_t pc;
	uint64_t sp;
	struct symbol
		symbol; /* all zeros: no symbol covers it. Of a call: of the instruction before pc (a call may be a function's last) */
	uint64_t offset; /* pc - symbol.addr */
	enum frame_kind kind;
	enum stack_kind on;
	bool reliable; /* the tables lead here; false: an address that was found on the stack, or a guess */
	int regs; /* index into stack.regs; -1: none */
};

#define STACK_MAX_REGS 4

struct stack {
	struct frame v[STACK_MAX_FRAMES];
	size_t n;
	struct regs regs[STACK_MAX_REGS]; /* where it began (0), and at each exception */
	size_t n_regs;
	bool whole; /* it ends where a stack ends: at user space, or at a thread's first function */
	bool user;  /* at user space */
	char end[192]; /* why it does not; "" if it is whole */
};

/* What a CPU did when it was stopped. */
struct cpu_state {
	unsigned int cpu;
	bool online;
	bool has_regs; /* by crash_notes and its ELF note; a CPU that never stopped has none */
	struct regs regs;
	uint64_t task; /* its struct task_struct; 0: not known */
};

/*
 * For each CPU that is possible. Registers: crash_notes + __per_cpu_offset[cpu] gives the note of a CPU (NT_PRSTATUS in the
 * kernel's memory, kernel/crash_core.c crash_save_cpu()); where there is none (hypervisors' dumps) and there are as many ELF notes as
 * online CPUs (or those that are present: some were taken offline by the panic), the notes in their order. *ret is malloc'ed, the caller frees it.
 */
int cpu_states_create(struct kernel *k, struct cpu_state **ret, size_t *ret_n,
		      struct err *err) _must_check_;

/* The CPU that panicked: panic_cpu, crashing_cpu. ERR_NOT_FOUND: none did, or it is not known. */
int cpu_panicked(struct kernel *k, unsigned int *ret, struct err *err) _must_check_;

/*
 * The stack that begins with these registers. *ret is always filled in, if with nothing but the first frame: an unwinding that
 * ends early is not an error. Where the tables end before the stack does, the text addresses on the rest of the kernel stack
 * are added, not reliable, at most 16.
 */
void stack_from_regs(struct kernel *k, const struct regs *regs, struct stack *ret);

/* Of a task that does not run. ERR_NOT_FOUND: its registers are not where they ought to be. `task` is the struct's address. */
int stack_of_task(struct kernel *k, uint64_t task, struct stack *ret, struct err *err) _must_check_;

/*
 * Do two stacks go the same way? Same functions in the same order; a number that is equal for those that do, for grouping.
 * Frames that are not reliable do not count.
 */
uint64_t stack_hash(const struct stack *stack);

/* What is known of all stacks of a kernel: kernel.stacks, made when the first one is asked for. */
struct stacks;
void stacks_destroy(struct stacks *stacks); /* NULL is fine */

#endif
