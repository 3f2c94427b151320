/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running kernel's configuration, as far as capturing a crash depends on it: what each option that
 * is missing costs, and what can stand in for it.
 */
#ifndef LOADER_KCONFIG_H
#define LOADER_KCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"

#define KCONFIG_MAX ((size_t)16 << 20) /* bytes, packed or not; real ones have 300 KB */

enum kconfig_value {
	KCONFIG_UNKNOWN, /* no configuration was found, or it does not tell */
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
	const char *option; /* "CONFIG_KEXEC_FILE": the name that this kernel has for it; static */
	enum kconfig_value value;
	enum kconfig_weight weight; /* of this finding, by the values of all */
	bool good;                  /* nothing is wrong with it; false if it is unknown */
	const char *effect; /* a clause: what its value gives or, if not good, costs; static */
	const char *remedy; /* what replaces it or can be done, or NULL; static */
};

/*
 * All options that count on this architecture, in a fixed order. One that does not exist in this kernel
 * has no entry if it could do nothing there, else it is a KCONFIG_NO: what it would give is missing.
 */
struct kconfig_report {
	char source[128]; /* "/proc/config.gz", "/boot/config-6.1.0", or "" */
	struct kconfig_finding *v;
	size_t n;
};

/*
 * From /proc/config.gz, else /boot/config-RELEASE, else /lib/modules/RELEASE/config, below `root`; RELEASE is
 * kernel.osrelease. No configuration is no error: all values are unknown then. A file that is damaged is ERR_CORRUPT,
 * also if it is larger than KCONFIG_MAX. One that may not be read is passed over for the next, and an error if there is none.
 */
int kconfig_check(const struct root *root, struct kconfig_report *ret,
		  struct err *err) _must_check_;

/*
 * The same for the content of such a file, as text or as gzip. Messages call it `name`, which also
 * becomes the source. Of options that occur several times the last line counts, as in the kernel's build. What the text
 * does not mention is KCONFIG_NO if the kernel's build wrote it, which mentions all that could be set:
 * it has "is not set" lines and its last line ends. Else it is unknown (defconfig, a cut file).
 */
int kconfig_judge(struct bytes file, const char *name, struct kconfig_report *ret,
		  struct err *err) _must_check_;

void kconfig_deinit(struct kconfig_report *r);

#endif
