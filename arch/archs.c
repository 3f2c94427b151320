// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/arch.h"

#include <elf.h>
#include <string.h>
#include <sys/utsname.h>

#include "arch/arm64/regs.h"
#include "arch/x86_64/load.h"
#include "arch/x86_64/regs.h"

static const struct arch *const registry[] = {
	&arch_x86_64,
	&arch_arm64,
};

static const struct {
	const struct arch *arch;
	const struct arch_load *load;
} loaders[] = {
	{&arch_x86_64, &x86_64_load},
};

const struct arch_load *arch_load_of(const struct arch *arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(loaders); i++)
		if (loaders[i].arch == arch)
			return loaders[i].load;
	return NULL;
}

/* By what the dump says, not by the pointer: a test's architecture of its own has a real one's stacks. */
static const struct {
	uint16_t elf_machine;
	const struct arch_regs *regs;
} unwinders[] = {
	{EM_X86_64, &x86_64_regs},
	{EM_AARCH64, &arm64_regs},
};

const struct arch_regs *arch_regs_of(const struct arch *arch)
{
	for (size_t i = 0; arch && i < ARRAY_SIZE(unwinders); i++)
		if (unwinders[i].elf_machine == arch->elf_machine)
			return unwinders[i].regs;
	return NULL;
}

const struct arch *arch_host(void)
{
	struct utsname name;

	if (uname(&name))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++)
		if (strcmp(registry[i]->name, name.machine) == 0)
			return registry[i];
	return NULL;
}

const struct arch *arch_by_elf_machine(uint16_t elf_machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++)
		if (registry[i]->elf_machine == elf_machine)
			return registry[i];
	return NULL;
}
