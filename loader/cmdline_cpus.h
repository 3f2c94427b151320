/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many CPUs a capture kernel is started with. The filter uses all that it finds, so several are faster; each costs
 * memory of the reservation, and has to be woken in a machine that has just crashed.
 */
#ifndef LOADER_CMDLINE_CPUS_H
#define LOADER_CMDLINE_CPUS_H

#include <stdbool.h>
#include <stdint.h>

struct cmdline_cpus {
	unsigned int wanted; /* what the user asked for; 0: decide */
	/* To wake others is known to work here, by a test crash or because the user says so. */
	bool several;
	unsigned int present; /* CPUs online in the running kernel; 0: unknown */
	uint64_t reserved;    /* bytes reserved for the capture kernel; 0: unknown */
	/*
	 * x86: the capture kernel starts on the CPU that crashed. Were that not the one that booted the machine (BSP),
	 * and were the BSP woken like the others, its INIT would reset the machine. disable_cpu_apicid= leaves it out
	 * (kernel commit 151e0c7de616); since 5c5682b9f87a the kernel does so by itself and ignores the parameter.
	 */
	bool apic;
	bool bsp_known;
	uint32_t bsp_apicid; /* its initial APIC id */
};

/*
 * The number, at least 1, and in *ret_why a clause for --plan, static. What the user wants is what he gets. Otherwise
 * it is 1 unless `several`, with enough CPUs and memory present and the BSP known where it matters; then
 * one for each 16 MiB beyond 256 MiB, 8 at most.
 */
unsigned int cmdline_cpus_decide(const struct cmdline_cpus *c, const char **ret_why);

/*
 * "initial apicid" of processor 0 in the text of /proc/cpuinfo, which is the BSP unless the running kernel is a capture
 * kernel itself. False: not there, as on a kernel without SMP.
 */
bool cmdline_cpus_bsp(const char *cpuinfo, uint32_t *ret);

#endif
