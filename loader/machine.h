/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine that a second kernel takes over: its memory, CPUs, kernel and firmware, as one snapshot of
 * /proc and /sys. Facts that decide whether something may be loaded are in probe.h; this is what is handed over.
 * Only kexec_load(2) and --plan need it: kexec_file_load(2) lets the kernel find all of it by itself.
 */
#ifndef LOADER_MACHINE_H
#define LOADER_MACHINE_H

#include "arch/load.h"
#include "base/root.h"

/* A CPU's note of the crash: /sys/devices/system/cpu/cpuN/crash_notes and crash_notes_size. */
struct cpu_note {
	unsigned int cpu; /* its number; numbers may be sparse */
	uint64_t addr;    /* physical */
	uint64_t size;
};

struct machine {
	struct mem_area *areas; /* sorted, disjoint; RAM wins over what encloses it */
	size_t n_areas;
	struct ranges crash;   /* "Crash kernel" */
	struct cpu_note *cpus; /* all possible ones that sysfs has, by number */
	size_t n_cpus;
	uint64_t vmcoreinfo, vmcoreinfo_size; /* /sys/kernel/vmcoreinfo; 0: none */
	/* the kernel's image: virtual and physical address of _text and the bytes to _end; size 0: unknown */
	uint64_t text_vaddr, text_phys, text_size;
	bool page_offset_known;
	uint64_t page_offset; /* virtual address of physical 0 in the linear map */
	/* /sys/kernel/kexec/crash_elfcorehdr_size (or the old name): bytes of program headers; 0: no hotplug support */
	uint64_t elfcorehdr_size;
	struct firmware firmware; /* its bytes are owned by the machine */
	char *cmdline;            /* /proc/cmdline without the newline */
};

/*
 * Read it all below `root`. What does not exist is empty or unknown; what is there but makes no sense
 * is ERR_CORRUPT naming file, line and value. /proc/iomem with its addresses hidden is
 * ERR_REFUSED (needs CAP_SYS_ADMIN), without the file ERR_NOT_FOUND.
 */
int machine_probe(const struct root *root, struct machine *ret, struct err *err) _must_check_;
void machine_deinit(struct machine *m);

#endif
