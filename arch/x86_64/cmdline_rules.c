// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Left out on purpose: mce=off (a halted CPU of the crashed kernel leaves a broadcast machine check to others since
 * kernel commit 5bc329503e81, and without handler one would just shut the machine down), nokaslr, pcie_ports=compat
 * (nothing here suffers from them), acpi=off, nolapic and no_timer_check (milliseconds, at the risk of a machine that
 * does not start).
 */
#include "arch/cmdline_rules.h"

const struct cmdline_rule x86_64_cmdline_rules[] = {
	CMDLINE_DROP_COMMON,
	{CMDLINE_DROP, "possible_cpus", "nr_cpus= says how many CPUs are used"},
	{CMDLINE_DROP, "disable_cpu_apicid", "it names a CPU of an earlier crash"},
	{CMDLINE_DROP, "unknown_nmi_panic", "a stray NMI must not end the capture"},
	CMDLINE_ADD_COMMON,
	{CMDLINE_ADD, "irqpoll", "a device may have left an interrupt on that no driver knows"},
	{CMDLINE_ADD, "numa=off",
	 "the reservation is on one node or two; for each of the others the kernel takes 2 MiB"},
	{0},
};
