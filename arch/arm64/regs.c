// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/arm64/regs.h"

#include "arch/arm64/unwind.h"

/* struct elf_prstatus (include/linux/elfcore.h): where pid and registers are. */
#define PRSTATUS_PID 32
#define PRSTATUS_REG 112

#define PSR_MODE_MASK \
	0xf /* exception level and stack; 0 is EL0t (arch/arm64/include/uapi/asm/ptrace.h) */

static const char *const names[ARM64_REGS] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",     "x10", "x11",
	"x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",    "x22", "x23",
	"x24", "x25", "x26", "x27", "x28", "x29", "lr",  "sp",  "pc",  "pstate",
};

static int words(struct bytes b, uint64_t off, const char *what, struct regs *ret, struct err *err)
{
	struct regs regs = {.known = (1ULL << ARM64_REGS) - 1};

	for (unsigned int i = 0; i < ARM64_REGS; i++)
		if (!bytes_le64(b, off + i * 8, &regs.v[i]))
			return err_set(err, ERR_CORRUPT, "%s has %zu bytes, registers need %u",
				       what, b.len, (unsigned int)off + ARM64_PT_REGS_SIZE);
	*ret = regs;
	return 0;
}

static int from_prstatus(struct bytes desc, struct regs *ret, uint32_t *ret_pid, struct err *err)
{
	int e = words(desc, PRSTATUS_REG, "NT_PRSTATUS", ret, err);

	if (e)
		return e;
	/* it lies before the registers, which are there */
	(void)!bytes_le32(desc, PRSTATUS_PID, ret_pid);
	return 0;
}

int arm64_from_pt_regs(struct bytes pt_regs, struct regs *ret, struct err *err)
{
	return words(pt_regs, 0, "struct pt_regs", ret, err);
}

bool arm64_in_user_mode(const struct regs *regs)
{
	return (regs->known >> ARM64_PSTATE & 1) && (regs->v[ARM64_PSTATE] & PSR_MODE_MASK) == 0;
}

const struct arch_regs arm64_regs = {
	.names = names,
	.n = ARM64_REGS,
	.pc = ARM64_PC,
	.sp = ARM64_SP,
	.fp = ARM64_FP,
	.flags = ARM64_PSTATE,
	.from_prstatus = from_prstatus,
	.from_pt_regs = arm64_from_pt_regs,
	.pt_regs_size = ARM64_PT_REGS_SIZE,
	.from_switched_out = arm64_from_switched_out,
	.in_user_mode = arm64_in_user_mode,
	.step = arm64_step,
};
