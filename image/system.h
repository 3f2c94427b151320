/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine and the kernel as a whole: time, command line, taints, hardware, physical address space. */
#ifndef IMAGE_SYSTEM_H
#define IMAGE_SYSTEM_H

#include "image/kernel.h"

#define SYSTEM_MAX_DMI 32

struct system_dmi {
	char name
		[32]; /* enum dmi_field without DMI_, in lower case: "sys_vendor", "product_name", "bios_version" */
	char value[128]; /* as it lies there */
};

struct system_taint {
	char letter;      /* 'G' or blank is none */
	const char *text; /* what it means, a few words */
};

/* Errors of the hardware from which the kernel recovered, of one source: hwerr_data, since v6.19. */
#define SYSTEM_MAX_HWERR 16
struct system_hwerr {
	char name
		[32]; /* enum hwerr_error_type without HWERR_RECOV_, in lower case: "cpu", "memory", "pci" */
	uint64_t count;
	uint64_t time; /* of the last one, seconds since 1970; 0: there was none */
};

struct system_info {
	uint64_t
		uptime_ns; /* of the boot-time clock when the machine died: the latest of timekeeper, run queues and log; 0 not known */
	uint64_t realtime_ns; /* since 1970, of the timekeeper's last update; 0 not known */
	uint64_t boot_time;   /* seconds since 1970; 0 not known */
	char *command_line;   /* saved_command_line; NULL not known; any bytes */
	uint64_t taint_mask;
	bool taint_known;
	struct system_dmi dmi[SYSTEM_MAX_DMI];
	size_t n_dmi;
	unsigned int cpus_possible, cpus_online;
	char cpu_model[128];    /* boot_cpu_data.x86_model_id; "" not known */
	char hypervisor[32];    /* "" none or not known */
	uint64_t panic_on_oops; /* UINT64_MAX: not known */
	struct system_hwerr
		hwerr[SYSTEM_MAX_HWERR]; /* one for each source, those without errors as well */
	size_t n_hwerr;                  /* 0: the kernel does not count them, or it is not known */
};

/* Fails for want of memory only. */
int system_info_create(struct kernel *k, struct system_info **ret, struct err *err) _must_check_;
void system_info_destroy(struct system_info *info); /* NULL is fine */

/* The taints of a mask, kernel's or module's (Documentation/admin-guide/tainted-kernels.rst). Returns how many. */
#define SYSTEM_MAX_TAINTS 32
size_t system_taints(uint64_t mask, struct system_taint ret[SYSTEM_MAX_TAINTS]);
/* Their letters, "OE"; "" none. Returns buf. */
const char *system_taint_letters(uint64_t mask, char buf[SYSTEM_MAX_TAINTS + 1]);

/* ---- physical address space: iomem_resource's tree */
#define IOMEM_MAX       4096
#define IOMEM_MAX_DEPTH 16
struct iomem {
	uint64_t start, end; /* the last byte */
	unsigned int depth;
	char name[64];
};
struct iomem_list {
	struct iomem *v; /* in the order of /proc/iomem */
	size_t n;
	bool cut;
};
int iomem_list_create(struct kernel *k, struct iomem_list **ret, struct err *err) _must_check_;
void iomem_list_destroy(struct iomem_list *list);

#endif
