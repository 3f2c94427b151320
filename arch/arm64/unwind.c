// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/arm64/unwind.h"

#include <inttypes.h>

#include "arch/arm64/regs.h"

#define BIT(r) (1ULL << (r))

#define META_PT_REGS \
	2 /* FRAME_META_TYPE_PT_REGS; of the end, which is 1, nothing has to be known */

/* A return address without its signature. Bit 55 is never one: it says whose address it is (ptrauth_strip_kernel_insn_pac()). */
static uint64_t strip(const struct unwind_space *space, uint64_t addr)
{
	return addr >> 55 & 1 ? addr | space->pac_mask : addr;
}

static bool is_kernel(uint64_t addr)
{
	return (addr >> 63) && (addr >> 55 & 1);
}

int arm64_from_switched_out(const struct unwind_space *space, uint64_t sp, uint64_t fp, uint64_t pc,
			    struct regs *ret, struct err *err)
{
	struct regs regs = {.known = BIT(ARM64_FP) | BIT(ARM64_SP) | BIT(ARM64_PC)};

	pc = strip(space, pc);
	if (!space->is_text(space->ctx, pc))
		return err_set(err, ERR_NOT_FOUND,
			       "no saved context: 0x%" PRIx64 " is not in the text", pc);
	regs.v[ARM64_FP] = fp;
	regs.v[ARM64_SP] = sp;
	regs.v[ARM64_PC] = pc;
	*ret = regs;
	return 0;
}

/* The struct pt_regs around a record. */
static int regs_around(const struct unwind_space *space, uint64_t record, struct regs *ret,
		       struct err *err)
{
	uint8_t buf[ARM64_PT_REGS_SIZE];
	int e;

	if (space->regs_offset > record)
		return err_set(err, ERR_NOT_FOUND,
			       "where struct pt_regs has its frame record is not known");
	e = space->read(space->ctx, record - space->regs_offset, buf, sizeof(buf), err);
	if (e)
		return err_wrap(err, "struct pt_regs around 0x%" PRIx64, record);
	return arm64_from_pt_regs((struct bytes){buf, sizeof(buf)}, ret, err);
}

/* An empty record: the stack ends here, or registers follow. */
static int empty_record(const struct unwind_space *space, uint64_t record, struct regs *regs,
			bool *exact, enum unwind_step *ret, struct err *err)
{
	struct regs around;
	uint64_t meta = 0;
	int e;

	/* what it is in kernels that do not say so: a flag of lockdep, 0 or 1, or nothing */
	e = space->read(space->ctx, record + 16, &meta, 8, err);
	if (e == 0 && le64toh(meta) == META_PT_REGS) {
		e = regs_around(space, record, &around, err);
		if (e)
			return e;
		*regs = around;
		*exact = true;
		*ret = arm64_in_user_mode(&around) ? UNWIND_USER : UNWIND_REGS;
		return 0;
	}
	/* a thread of the kernel has no registers of a user there, or zeros */
	if (regs_around(space, record, &around, err) == 0 && arm64_in_user_mode(&around) &&
	    around.v[ARM64_PC]) {
		*regs = around;
		*exact = true;
		*ret = UNWIND_USER;
		return 0;
	}
	*ret = UNWIND_END;
	return 0;
}

int arm64_step(const struct unwind_space *space, struct regs *regs, bool *exact,
	       enum unwind_step *ret, struct err *err)
{
	uint64_t record = regs->v[ARM64_FP], words[2], fp, pc;
	struct regs around;
	struct err ignored;
	int e;

	if (!(regs->known & BIT(ARM64_FP)))
		return err_set(err, ERR_NOT_FOUND, "there is no frame pointer to begin with");
	if (record == 0) {
		*ret = UNWIND_END;
		return 0;
	}
	if (record % 8 || record > UINT64_MAX - 24)
		return err_set(err, ERR_CORRUPT, "frame pointer 0x%" PRIx64 " is not aligned",
			       record);
	e = space->read(space->ctx, record, words, sizeof(words), err);
	if (e)
		return err_wrap(err, "frame record at 0x%" PRIx64, record);
	fp = le64toh(words[0]);
	pc = le64toh(words[1]);
	if (fp == 0 && pc == 0)
		return empty_record(space, record, regs, exact, ret, err);
	pc = strip(space, pc);
	if (!is_kernel(pc))
		return err_set(err, ERR_CORRUPT,
			       "0x%" PRIx64 " at 0x%" PRIx64 " is not a return address", pc,
			       record + 8);
	if (regs_around(space, record, &around, &ignored) == 0 && around.v[ARM64_FP] == fp &&
	    around.v[ARM64_PC] == pc && !arm64_in_user_mode(&around)) {
		*regs = around;
		*exact = true;
		*ret = UNWIND_REGS;
		return 0;
	}
	*regs = (struct regs){.known = BIT(ARM64_FP) | BIT(ARM64_SP) | BIT(ARM64_PC)};
	regs->v[ARM64_FP] = fp;
	regs->v[ARM64_PC] = pc;
	regs->v[ARM64_SP] = record + 16;
	*exact = false;
	*ret = UNWIND_CALL;
	return 0;
}
