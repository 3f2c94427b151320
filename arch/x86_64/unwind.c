// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/unwind.h"

#include <inttypes.h>

#include "arch/x86_64/regs.h"

#define BIT(r) (1ULL << (r))

static int read_words(const struct unwind_space *space, uint64_t at, uint64_t *ret, size_t n,
		      const char *what, struct err *err)
{
	uint64_t words[X86_64_PT_REGS];
	int e = space->read(space->ctx, at, words, n * 8, err);

	if (e)
		return err_wrap(err, "%s at 0x%" PRIx64, what, at);
	for (size_t i = 0; i < n; i++)
		ret[i] = le64toh(words[i]);
	return 0;
}

/* Kernel addresses are the upper half of all there are. */
static bool is_kernel(uint64_t addr)
{
	return addr >> 63;
}

/* ---- where a task that was switched out goes on: what __switch_to_asm() pushed, struct inactive_task_frame */

#define FRAME_WORDS_MAX 8

int x86_64_from_switched_out(const struct unwind_space *space, uint64_t sp, uint64_t fp,
			     uint64_t pc, struct regs *ret, struct err *err)
{
	static const uint8_t last[] = {X86_64_R15, X86_64_R14, X86_64_R13, X86_64_R12,
				       X86_64_RBX, X86_64_RBP, X86_64_RIP};
	size_t n = ARRAY_SIZE(last), skip;
	uint64_t v[FRAME_WORDS_MAX] = {0};
	struct regs regs = {0};
	int e;

	(void)fp;
	(void)pc;
	if (space->switch_frame % 8 || space->switch_frame > sizeof(v) ||
	    (space->switch_frame && space->switch_frame < n * 8))
		return err_set(err, ERR_UNSUPPORTED,
			       "struct inactive_task_frame has %" PRIu64
			       " bytes, known are 56 and 64",
			       space->switch_frame);
	e = read_words(space, sp, v, n, "saved registers", err);
	if (e)
		return e;
	/* v5.2 to v5.8 push the flags as well, last (6690e86be83a, 64604d54d311) */
	skip = space->switch_frame ? space->switch_frame / 8 - n
				   : !space->is_text(space->ctx, v[6]);
	if (skip) {
		e = read_words(space, sp + n * 8, v + n, 1, "saved registers", err);
		if (e)
			return e;
	}
	for (size_t i = 0; i < n; i++) {
		regs.v[last[i]] = v[i + skip];
		regs.known |= BIT(last[i]);
	}
	if (!space->is_text(space->ctx, regs.v[X86_64_RIP]))
		return err_set(err, ERR_NOT_FOUND,
			       "no registers at 0x%" PRIx64 ": 0x%" PRIx64 " is not in the text",
			       sp, regs.v[X86_64_RIP]);
	regs.v[X86_64_RSP] = sp + (n + skip) * 8;
	regs.known |= BIT(X86_64_RSP);
	*ret = regs;
	return 0;
}

/* ---- a step */

#define CALL_OPCODE 0xe8 /* and four bytes, the distance from the next instruction */
#define CALL_SIZE   5
#define SEARCH_MAX  128 /* words */

/* Is `addr` the address behind a call of `function`? */
static bool returns_from(const struct unwind_space *space, uint64_t addr, uint64_t function)
{
	struct err ignored;
	uint8_t code[CALL_SIZE];
	uint32_t distance;

	if (!space->is_text(space->ctx, addr) ||
	    space->read(space->ctx, addr - CALL_SIZE, code, sizeof(code), &ignored) ||
	    code[0] != CALL_OPCODE)
		return false;
	memcpy(&distance, code + 1, sizeof(distance));
	return addr + (uint64_t)(int64_t)(int32_t)le32toh(distance) == function;
}

/* The frame pointer that the function left behind whose frame reaches from `sp` to the return address at `slot`. */
static void restore_bp(const struct unwind_space *space, uint64_t sp, uint64_t slot,
		       struct regs *regs)
{
	uint64_t bp = regs->v[X86_64_RBP];
	struct err ignored;

	if (bp < sp || bp > slot)
		return;
	if (bp != slot - 8 || read_words(space, bp, &regs->v[X86_64_RBP], 1, "", &ignored))
		regs->known &= ~BIT(X86_64_RBP);
}

/*
 * The table has nothing of some functions, by their own wish (STACK_FRAME_NON_STANDARD); one is __crash_kexec(), where each panic
 * begins. Their return address is the first one that a call of this very function has pushed.
 */
static int search(const struct unwind_space *space, const struct regs *regs, struct regs *next,
		  enum unwind_step *ret, struct err *err)
{
	uint64_t pc = regs->v[X86_64_RIP], at = regs->v[X86_64_RSP], function, v = 0;
	struct err ignored;

	for (size_t i = 0;
	     i < SEARCH_MAX && at % 8 == 0 && space->function(space->ctx, pc, &function) &&
	     read_words(space, at, &v, 1, "", &ignored) == 0;
	     i++, at += 8) {
		if (!returns_from(space, v, function))
			continue;
		*next = (struct regs){.known = BIT(X86_64_RIP) | BIT(X86_64_RSP) |
					       (regs->known & BIT(X86_64_RBP))};
		next->v[X86_64_RBP] = regs->v[X86_64_RBP];
		restore_bp(space, regs->v[X86_64_RSP], at, next);
		next->v[X86_64_RIP] = v;
		next->v[X86_64_RSP] = at + 8;
		*ret = UNWIND_GUESS;
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "the unwind table has no way on from 0x%" PRIx64, pc);
}

/* Code that was called where none is: a null pointer or a wild one. All that has happened is that its caller's address was pushed. */
static bool called_nothing(const struct unwind_space *space, const struct regs *regs,
			   struct regs *next, enum unwind_step *ret)
{
	uint64_t pc = regs->v[X86_64_RIP], caller = 0;
	struct err ignored;

	if (space->is_text(space->ctx, pc) ||
	    read_words(space, regs->v[X86_64_RSP], &caller, 1, "", &ignored) ||
	    !space->is_text(space->ctx, caller))
		return false;
	*next = *regs;
	next->v[X86_64_RIP] = caller;
	next->v[X86_64_RSP] += 8;
	*ret = pc ? UNWIND_GUESS
		  : UNWIND_CALL; /* of NULL the kernel itself is sure: null_orc_entry */
	return true;
}

/*
 * Code that no table covers: what the kernel makes while it runs (BPF programs, trampolines of ftrace) keeps a frame pointer. The
 * kernel takes it so, too (orc_fp_entry).
 */
static int guess(const struct unwind_space *space, const struct regs *regs, bool exact,
		 struct regs *next, enum unwind_step *ret, struct err *err)
{
	uint64_t sp = regs->v[X86_64_RSP], bp = regs->v[X86_64_RBP], v[2] = {0};
	struct err ignored;

	if (exact && called_nothing(space, regs, next, ret))
		return 0;
	if (!(regs->known & BIT(X86_64_RBP)) || bp < sp || bp % 8 || bp > UINT64_MAX - 16 ||
	    read_words(space, bp, v, 2, "", &ignored) || !space->is_text(space->ctx, v[1]))
		return err_set(err, ERR_NOT_FOUND, "no unwind table covers 0x%" PRIx64,
			       regs->v[X86_64_RIP]);
	*next = *regs;
	next->v[X86_64_RBP] = v[0];
	next->v[X86_64_RIP] = v[1];
	next->v[X86_64_RSP] = bp + 16;
	*ret = UNWIND_GUESS;
	return 0;
}

/* The register that a row starts from. */
static int base_of(const struct regs *regs, const struct orc_entry *row, uint64_t *ret,
		   struct err *err)
{
	static const int8_t base[] = {
		[ORC_REG_UNDEFINED] = -1,           [ORC_REG_PREV_SP] = -1,
		[ORC_REG_DX] = X86_64_RDX,          [ORC_REG_DI] = X86_64_RDI,
		[ORC_REG_BP] = X86_64_RBP,          [ORC_REG_SP] = X86_64_RSP,
		[ORC_REG_R10] = X86_64_R10,         [ORC_REG_R13] = X86_64_R13,
		[ORC_REG_BP_INDIRECT] = X86_64_RBP, [ORC_REG_SP_INDIRECT] = X86_64_RSP,
		[ORC_REG_AX] = X86_64_RAX,
	};
	int reg = row->sp_reg < ARRAY_SIZE(base) ? base[row->sp_reg] : -1;

	if (reg < 0)
		return err_set(err, ERR_CORRUPT,
			       "the unwind table's row for 0x%" PRIx64 " begins at register %u",
			       regs->v[X86_64_RIP], row->sp_reg);
	if (!(regs->known >> reg & 1))
		return err_set(err, ERR_NOT_FOUND,
			       "the unwind table's row for 0x%" PRIx64
			       " needs %s, which is not known there",
			       regs->v[X86_64_RIP], x86_64_regs.names[reg]);
	*ret = regs->v[reg];
	return 0;
}

/* The canonical frame address: the stack pointer before the call, or where the saved registers are. */
static int cfa_of(const struct unwind_space *space, const struct regs *regs,
		  const struct orc_entry *row, uint64_t *ret, struct err *err)
{
	uint64_t at = 0;
	int e = base_of(regs, row, &at, err);

	if (e)
		return e;
	switch (row->sp_reg) {
	case ORC_REG_SP:
	case ORC_REG_BP:
		*ret = at + (uint64_t)(int64_t)row->sp_offset;
		return 0;
	case ORC_REG_SP_INDIRECT: /* since v5.12 (87ccc826bf1c), and unused before: load, then add */
		e = read_words(space, at, ret, 1, "the stack that it came from", err);
		*ret += (uint64_t)(int64_t)row->sp_offset;
		return e;
	case ORC_REG_BP_INDIRECT:
		return read_words(space, at + (uint64_t)(int64_t)row->sp_offset, ret, 1,
				  "a frame's address", err);
	default: /* DX, DI, R10, R13, AX: a function that realigned its stack keeps the address there */
		*ret = at;
		return 0;
	}
}

static int read_caller(const struct unwind_space *space, const struct regs *regs, uint64_t cfa,
		       struct regs *next, struct err *err)
{
	uint64_t pc = 0;
	int e = read_words(space, cfa - 8, &pc, 1, "a return address", err);

	if (e)
		return e;
	if (!is_kernel(pc))
		return err_set(err, ERR_CORRUPT,
			       "0x%" PRIx64 " at 0x%" PRIx64 " is not a return address", pc,
			       cfa - 8);
	/* callees may have saved the others, but the tables do not say where */
	*next = (struct regs){.known = BIT(X86_64_RIP) | BIT(X86_64_RSP) |
				       (regs->known & BIT(X86_64_RBP))};
	next->v[X86_64_RBP] = regs->v[X86_64_RBP];
	next->v[X86_64_RIP] = pc;
	next->v[X86_64_RSP] = cfa;
	return 0;
}

static int read_interrupted(const struct unwind_space *space, const struct regs *regs,
			    const struct orc_entry *row, uint64_t cfa, struct regs *next,
			    struct err *err)
{
	unsigned int first = row->type == ORC_TYPE_REGS ? 0 : X86_64_RIP;
	unsigned int n = X86_64_PT_REGS - first;

	/* entry code that has saved the CPU's five words only has not changed the others yet */
	*next = *regs;
	next->known |= (BIT(n) - 1) << first;
	return read_words(space, cfa, next->v + first, n, "saved registers", err);
}

/* The frame pointer: where the row says, or still what it was. */
static int set_bp(const struct unwind_space *space, const struct regs *regs,
		  const struct orc_entry *row, uint64_t cfa, struct regs *next, struct err *err)
{
	uint64_t at = row->bp_reg == ORC_REG_PREV_SP ? cfa : regs->v[X86_64_RBP];
	int e;

	if (row->bp_reg == ORC_REG_UNDEFINED)
		return 0;
	if (row->bp_reg != ORC_REG_PREV_SP && row->bp_reg != ORC_REG_BP)
		return err_set(err, ERR_CORRUPT,
			       "the unwind table's row for 0x%" PRIx64
			       " has the frame pointer in register %u",
			       regs->v[X86_64_RIP], row->bp_reg);
	if (row->bp_reg == ORC_REG_BP && !(regs->known & BIT(X86_64_RBP)))
		return err_set(err, ERR_NOT_FOUND,
			       "the frame pointer at 0x%" PRIx64 " is not known",
			       regs->v[X86_64_RIP]);
	e = read_words(space, at + (uint64_t)(int64_t)row->bp_offset, &next->v[X86_64_RBP], 1,
		       "a saved frame pointer", err);
	if (e == 0)
		next->known |= BIT(X86_64_RBP);
	return e;
}

/* What the row says, with the address that it leads to. */
static int follow(const struct unwind_space *space, const struct regs *regs,
		  const struct orc_entry *row, struct regs *next, struct err *err)
{
	uint64_t cfa = 0;
	int e = cfa_of(space, regs, row, &cfa, err);

	if (e)
		return e;
	e = row->type == ORC_TYPE_CALL ? read_caller(space, regs, cfa, next, err)
				       : read_interrupted(space, regs, row, cfa, next, err);
	return e ? e : set_bp(space, regs, row, cfa, next, err);
}

int x86_64_step(const struct unwind_space *space, struct regs *regs, bool *exact,
		enum unwind_step *ret, struct err *err)
{
	const uint64_t need = BIT(X86_64_RIP) | BIT(X86_64_RSP);
	uint64_t pc = regs->v[X86_64_RIP];
	struct orc_entry row;
	struct regs next;
	bool known;
	int e;

	if ((regs->known & need) != need)
		return err_set(err, ERR_NOT_FOUND, "there is no stack pointer to begin with");
	/* a call may be the last instruction of its function, and the row behind it another one's */
	known = space->orc(space->ctx, *exact ? pc : pc - 1, &row);
	if (!known || row.type == ORC_TYPE_UNDEFINED) {
		e = known ? search(space, regs, &next, ret, err)
			  : guess(space, regs, *exact, &next, ret, err);
		if (e)
			return e;
		*regs = next;
		*exact = false;
		return 0;
	}
	switch (row.type) {
	case ORC_TYPE_END_OF_STACK:
		*ret = UNWIND_END;
		return 0;
	case ORC_TYPE_CALL:
	case ORC_TYPE_REGS:
	case ORC_TYPE_REGS_PARTIAL:
		e = follow(space, regs, &row, &next, err);
		if (e)
			return e;
		break;
	default:
		return err_set(err, ERR_CORRUPT,
			       "the unwind table's row for 0x%" PRIx64 " is of type %u", pc,
			       row.type);
	}
	*regs = next;
	*exact = row.type != ORC_TYPE_CALL && row.signal;
	*ret = row.type == ORC_TYPE_CALL    ? UNWIND_CALL
	       : x86_64_in_user_mode(&next) ? UNWIND_USER
					    : UNWIND_REGS;
	return 0;
}
