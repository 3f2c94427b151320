/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel's debugging information, where somebody has it: vmlinux by its build id, modules' .debug files, and libdw, which tells
 * files, lines and the functions that were inlined. Nothing else needs it.
 */
#ifndef DEBUGINFO_DEBUGINFO_H
#define DEBUGINFO_DEBUGINFO_H

#include <limits.h>

#include "image/kernel.h"

struct debuginfo_options {
	const char *vmlinux;        /* a file that somebody names; NULL: it is looked for */
	const char *const *folders; /* that are looked in besides the usual ones */
	size_t n_folders;
	bool fetch; /* ask the debuginfod servers of $DEBUGINFOD_URLS, which may take long */
};

/*
 * The vmlinux of a kernel: by its build id below /usr/lib/debug/.build-id, by its release in /usr/lib/debug/boot/vmlinux-R,
 * /usr/lib/debug/lib/modules/R/vmlinux, /lib/modules/R/build/vmlinux and the like, then from debuginfod's cache and servers. One
 * with another build id is never taken, unless the dump's own is not to be trusted (VMCOREINFO's BUILD-ID is wrong in some kernels): then
 * the kernel's own notes decide, and without those its banner (linux_banner). ERR_NOT_FOUND names what was looked for.
 */
int debuginfo_find_vmlinux(struct kernel *k, const struct debuginfo_options *options,
			   char ret[PATH_MAX], struct err *err) _must_check_;

struct debuginfo;

/* `k` is borrowed. `path` is of a vmlinux; modules' files are looked for when they are needed. */
int debuginfo_create(struct kernel *k, const struct debuginfo_options *options, const char *path,
		     struct debuginfo **ret, struct err *err) _must_check_;
void debuginfo_destroy(struct debuginfo *d); /* NULL is fine */

struct source_line {
	char function[128];
	char file[256]; /* as the compiler was given it, ./ in front taken off */
	unsigned int line;
	bool inlined; /* into the next one */
};

/* What stands at an address (of a call: that of the instruction before its return address): the innermost first. Returns how many; 0: not known. */
size_t debuginfo_lines(struct debuginfo *d, uint64_t addr, struct source_line *ret, size_t max);

/* The build id of the kernel in hexadecimal: of its own notes in memory, else VMCOREINFO's; "" not known. */
void debuginfo_build_id(struct kernel *k, char ret[65]);

#endif
