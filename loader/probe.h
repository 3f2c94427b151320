/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc and /sys say about staging a panic kernel, as one snapshot. Nothing is judged here.
 * A file that is missing or unreadable makes its fact unknown, never an error.
 */
#ifndef LOADER_PROBE_H
#define LOADER_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/range.h"
#include "base/root.h"

struct fact {
	bool known;
	uint64_t value; /* 0 or 1 for yes and no */
};

static inline bool fact_is(struct fact f, uint64_t value)
{
	return f.known && f.value == value;
}

enum lockdown {
	LOCKDOWN_UNKNOWN, /* no such file: not built in, or securityfs is not mounted */
	LOCKDOWN_NONE,
	LOCKDOWN_INTEGRITY,
	LOCKDOWN_CONFIDENTIALITY,
};

#define LOAD_UNLIMITED UINT64_MAX /* the sysctl reads -1 */

struct facts {
	/* The caller. */
	struct fact euid;         /* /proc/self/status, "Uid:" */
	struct fact cap_sys_boot; /* there, "CapEff:" bit 22 */
	struct fact init_userns;  /* /proc/self/uid_map: is this the first user namespace? */

	/* /sys/kernel/kexec/crash_loaded and _size (6.19+), else /sys/kernel/kexec_crash_*. */
	bool sysfs; /* /sys is mounted */
	struct fact crash_loaded;
	struct fact crash_size; /* bytes; with X,high the sum of both on 6.12, not on 6.1 */

	/* The ordinary image, for kexec -e: /sys/kernel/kexec/loaded (6.19+), else /sys/kernel/kexec_loaded. */
	struct fact ordinary_loaded;

	/*
	 * Does the kernel itself keep the list of memory and CPUs up to date that the panic kernel has (6.6+)?
	 * /sys/devices/system/cpu/crash_hotplug and memory/crash_hotplug: since 6.10 about the panic kernel that is
	 * loaded, and 0 while there is none (kernel/crash_core.c, crash_check_hotplug_support()). Unknown if they do
	 * not exist, and then it does not; on some kernels only root may read that of CPUs.
	 */
	struct fact hotplug_cpu, hotplug_memory;
	/* Bytes of the ELF core header that it wants for that: /sys/kernel/kexec/crash_elfcorehdr_size (6.19+), else
	 * /sys/kernel/crash_elfcorehdr_size; without the ELF header's own 64. */
	struct fact elfcorehdr_size;

	/* Regions called "Crash kernel" in /proc/iomem; CMA ranges are not listed there. */
	struct ranges regions;
	bool regions_hidden;  /* they are there, but without CAP_SYS_ADMIN they read as zero */
	struct err iomem_err; /* why regions is empty, if iomem could not be parsed */
	char *crashkernel;    /* all crashkernel= tokens of /proc/cmdline, or NULL */

	/* Policy. */
	struct fact load_disabled;     /* kernel.kexec_load_disabled */
	struct fact load_limit;        /* kernel.kexec_load_limit_panic; an unload counts as well */
	struct fact load_limit_reboot; /* kernel.kexec_load_limit_reboot: ordinary images */
	enum lockdown lockdown;
	struct fact secure_boot; /* EFI variable SecureBoot */
	struct fact
		dm_keys; /* named in /sys/kernel/config/crash_dm_crypt_keys: kexec_file_load wants them */

	/* The machine. */
	char *release;          /* kernel.osrelease, or NULL */
	struct fact mem_total;  /* bytes, "MemTotal:" of /proc/meminfo = totalram_pages() */
	struct fact cpus;       /* online */
	struct fact bsp_apicid; /* x86: initial APIC id of the CPU that booted the machine */
	struct fact la57; /* x86: 5-level paging is on ("la57" in the flags of /proc/cpuinfo) */
};

/* Does lockdown forbid to load what is not signed? */
static inline bool facts_locked_down(const struct facts *f)
{
	return f->lockdown == LOCKDOWN_INTEGRITY || f->lockdown == LOCKDOWN_CONFIDENTIALITY;
}

/* Fill *ret; the caller ends it with facts_deinit(). Only ERR_NO_MEMORY can happen. */
int facts_probe(const struct root *root, struct facts *ret, struct err *err) _must_check_;
void facts_deinit(struct facts *facts);

/* Only crash_loaded or ordinary_loaded, read again: what became of a load. */
struct fact facts_crash_loaded(const struct root *root);
struct fact facts_ordinary_loaded(const struct root *root);

/*
 * Bytes of the region that a panic kernel is put into (crashk_res of the kernel: the highest one,
 * the low one only serves DMA). From iomem, else crash_size, which may be larger. 0 if unknown.
 */
uint64_t facts_load_region(const struct facts *facts);

#endif
