// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>

#include "arch/arch.h"
#include "arch/arm64/vtop.h"

const struct arch arch_arm64 = {
	.name = "aarch64",
	.elf_machine = EM_AARCH64,
	.vtop = &arm64_vtop,
};
