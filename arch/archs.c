// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/arch.h"

static const struct arch *const registry[] = {
	&arch_x86_64,
	&arch_arm64,
};

const struct arch *arch_by_elf_machine(uint16_t elf_machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++)
		if (registry[i]->elf_machine == elf_machine)
			return registry[i];
	return NULL;
}
