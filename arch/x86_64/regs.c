// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/regs.h"

#include <inttypes.h>

#include "arch/x86_64/unwind.h"

/* struct elf_prstatus (include/linux/elfcore.h): where pid and registers are. */
#define PRSTATUS_PID 32
#define PRSTATUS_REG 112

/* As show_regs() calls them (arch/x86/kernel/process_64.c). */
static const char *const names[X86_64_REGS] = {
	"R15",    "R14", "R13", "R12",     "RBP",     "RBX", "R11",      "R10", "R09",
	"R08",    "RAX", "RCX", "RDX",     "RSI",     "RDI", "ORIG_RAX", "RIP", "CS",
	"EFLAGS", "RSP", "SS",  "FS_BASE", "GS_BASE", "DS",  "ES",       "FS",  "GS",
};

static int words(struct bytes b, uint64_t off, unsigned int n, const char *what, struct regs *ret,
		 struct err *err)
{
	struct regs regs = {0};

	for (unsigned int i = 0; i < n; i++)
		if (!bytes_le64(b, off + i * 8, &regs.v[i]))
			return err_set(err, ERR_CORRUPT, "%s has %zu bytes, registers need %u",
				       what, b.len, (unsigned int)off + n * 8);
	regs.known = (1ULL << n) - 1;
	*ret = regs;
	return 0;
}

static int from_prstatus(struct bytes desc, struct regs *ret, uint32_t *ret_pid, struct err *err)
{
	int e = words(desc, PRSTATUS_REG, X86_64_REGS, "NT_PRSTATUS", ret, err);

	if (e)
		return e;
	/* it lies before the registers, which are there */
	(void)!bytes_le32(desc, PRSTATUS_PID, ret_pid);
	return 0;
}

int x86_64_from_pt_regs(struct bytes pt_regs, struct regs *ret, struct err *err)
{
	return words(pt_regs, 0, X86_64_PT_REGS, "struct pt_regs", ret, err);
}

bool x86_64_in_user_mode(const struct regs *regs)
{
	return (regs->known >> X86_64_CS & 1) && (regs->v[X86_64_CS] & 3) == 3;
}

const struct arch_regs x86_64_regs = {
	.names = names,
	.n = X86_64_REGS,
	.pc = X86_64_RIP,
	.sp = X86_64_RSP,
	.fp = X86_64_RBP,
	.flags = X86_64_RFLAGS,
	.from_prstatus = from_prstatus,
	.from_pt_regs = x86_64_from_pt_regs,
	.pt_regs_size = X86_64_PT_REGS_SIZE,
	.from_switched_out = x86_64_from_switched_out,
	.in_user_mode = x86_64_in_user_mode,
	.step = x86_64_step,
};
