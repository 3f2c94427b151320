/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running kernel's configuration, as far as capturing a crash depends on it: what each option that
 * is missing costs, and what can stand in for it.
 */
#ifndef LOADER_KCONFIG_H
#define LOADER_KCONFIG_H

#include "base/err.h"
#include "base/root.h"

enum kconfig_value {
	KCONFIG_UNKNOWN, /* no configuration was found */
	KCONFIG_NO,
	KCONFIG_MODULE,
	KCONFIG_YES,
};

enum kconfig_weight {
	KCONFIG_FATAL,   /* without it no crash is captured on this kernel at all */
	KCONFIG_WARNING, /* something is lost */
	KCONFIG_INFO,    /* said for completeness: it restricts or enables something */
};

struct kconfig_finding {
	const char *option; /* "CONFIG_KEXEC_FILE"; static */
	enum kconfig_value value;
	enum kconfig_weight weight; /* of this finding, by the values of all */
	bool good;                  /* nothing is wrong with it */
	const char *effect;         /* a clause: what it gives, or what its absence costs; static */
	const char *remedy;         /* what replaces it, or NULL; static */
};

struct kconfig_report {
	char source[128]; /* "/proc/config.gz", "/boot/config-6.1.0", or "" */
	struct kconfig_finding *v;
	size_t n;
};

/*
 * From /proc/config.gz, else /boot/config-RELEASE, else /lib/modules/RELEASE/config, below `root`; RELEASE is
 * kernel.osrelease. No configuration is no error: all values are unknown then. A file that is damaged is ERR_CORRUPT.
 */
int kconfig_check(const struct root *root, struct kconfig_report *ret,
		  struct err *err) _must_check_;
void kconfig_deinit(struct kconfig_report *r);

#endif
