/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the kernel is to panic at all: sysctls of the configuration, written while the machine is armed. A panic that nobody
 * captures is worse than an oops, so they are set after loading and put back by stop; what they were is in
 * /run/lifeboat/sysctls, a line for each: "kernel/panic_on_oops=WAS NOW". Its reader trusts none of them.
 */
#ifndef SERVICE_SYSCTL_H
#define SERVICE_SYSCTL_H

#include "service/service.h"

#define SYSCTL_FILE  "sysctls"
#define SYSCTL_MAX   32 /* of them */
#define SYSCTL_VALUE 24 /* bytes of a value, with the NUL: a number, which may be negative */
#define SYSCTL_NAME  64 /* of a path below /proc/sys, likewise */

struct sysctl {
	char path[SYSCTL_NAME];
	char was[SYSCTL_VALUE]; /* before we wrote */
	char now[SYSCTL_VALUE]; /* what we wrote */
};

struct sysctl_list {
	struct sysctl v[SYSCTL_MAX];
	size_t n;
};

/* Take a record apart. ERR_CORRUPT naming the line, and nothing of it is used then. */
int sysctl_parse(const char *text, size_t len, const char *name, struct sysctl_list *ret,
		 struct err *err) _must_check_;

/*
 * Set them. What they were is recorded before that, once: called again it keeps the first record, and puts back what the
 * configuration does not name any more. Each that cannot be written (this kernel has no such thing) is a warning, told, and no
 * error; without a record nothing is written.
 */
int sysctl_apply(const struct service *s, const struct config *config,
		 struct err *err) _must_check_;

/* Put back what they were and forget it. One that somebody else has changed meanwhile is left as it is, which is told. */
int sysctl_restore(const struct service *s, struct err *err) _must_check_;

#endif
