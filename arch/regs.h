/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a CPU or of an interrupted context, and the way from a frame to its caller. Found by arch_regs_of(); the
 * image room brings memory, symbols and tables (struct unwind_space), the architecture knows what they mean.
 */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define REGS_MAX 40

struct regs {
	uint64_t v[REGS_MAX]; /* in the order of arch_regs.names */
	uint64_t known;       /* a bit for each */
};

/* One row of x86's ORC tables, in the form of v3 whatever form the kernel's has (image/orc.h). */
struct orc_entry {
	int16_t sp_offset, bp_offset;
	uint8_t sp_reg, bp_reg; /* ORC_REG_* of arch/x86_64/unwind.h */
	uint8_t type;           /* ORC_TYPE_* there */
	bool signal;
};

/* What an unwinder may ask for. */
struct unwind_space {
	void *ctx;
	int (*read)(void *ctx, uint64_t vaddr, void *buf, size_t len, struct err *err);
	bool (*is_text)(void *ctx, uint64_t addr);
	/* The ORC row for an address in the text; false: there is none. */
	bool (*orc)(void *ctx, uint64_t pc, struct orc_entry *ret);
	/* Where the function begins that an address is in; false: it is not known. */
	bool (*function)(void *ctx, uint64_t pc, uint64_t *ret);
	uint64_t switch_frame; /* x86: bytes of struct inactive_task_frame; 0: not known */
	uint64_t pac_mask;     /* arm64: bits of a pointer that are a signature; 0: none */
	uint64_t regs_offset;  /* arm64: of pt_regs.stackframe; UINT64_MAX: not known */
};

enum unwind_step {
	UNWIND_CALL, /* regs are now the caller's, at the return address */
	UNWIND_REGS, /* regs are those of the context that an exception or interrupt stopped: complete */
	UNWIND_GUESS, /* as UNWIND_CALL, but no table covers the frame that was left: its caller was looked for */
	UNWIND_USER, /* the next frame is in user space: this was the last; regs are the user's, if they are known */
	UNWIND_END, /* the first function of the stack: the end that ought to be */
};

struct arch_regs {
	const char *const *names; /* "RIP", "RSP", …: as the kernel's own oopses call them */
	unsigned int n;
	unsigned int pc, sp, fp; /* their numbers */
	unsigned int flags;      /* RFLAGS, PSTATE */

	/* NT_PRSTATUS's descriptor: registers and the pid that it says. ERR_CORRUPT if it is too short. */
	int (*from_prstatus)(struct bytes desc, struct regs *ret, uint32_t *ret_pid,
			     struct err *err);
	/* A struct pt_regs as the kernel saves it. */
	int (*from_pt_regs)(struct bytes pt_regs, struct regs *ret, struct err *err);
	size_t pt_regs_size;
	/* A task that was switched out: its saved stack pointer (x86: thread.sp; the frame there is read) or context (arm64: cpu_context). */
	int (*from_switched_out)(const struct unwind_space *space, uint64_t sp, uint64_t fp,
				 uint64_t pc, struct regs *ret, struct err *err);
	bool (*in_user_mode)(const struct regs *regs);
	/*
	 * From a frame to its caller. `*exact`: pc is where the frame's execution stopped (the first frame, and nearly all those
	 * behind UNWIND_REGS), not a return address; set for the new frame. ERR_NOT_FOUND/ERR_CORRUPT: no way on from here, and
	 * why; nothing is changed then. A step may lead anywhere: that stacks are left behind and never entered again is for
	 * the caller to see to.
	 */
	int (*step)(const struct unwind_space *space, struct regs *regs, bool *exact,
		    enum unwind_step *ret, struct err *err);
};

#endif
