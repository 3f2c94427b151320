// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>

#include "arch/arch.h"
#include "arch/x86_64/vtop.h"

const struct arch arch_x86_64 = {
	.name = "x86_64",
	.elf_machine = EM_X86_64,
	.vtop = &x86_64_vtop,
};
