/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Staging a panic kernel by kexec_file_load(2): prepare (open, probe, check) → submit → verify.
 *
 * The kernel frees the panic kernel in place before it looks at the new one, and it counts each
 * attempt, so all that can fail beforehand fails in load_prepare(), where nothing is touched yet.
 * The files are opened once: what was checked is what the kernel gets.
 */
#ifndef LOADER_LOAD_H
#define LOADER_LOAD_H

#include "base/root.h"
#include "base/sys.h"
#include "loader/kernel.h"
#include "loader/probe.h"

struct load_request {
	const char *kernel; /* paths on this machine, not below the root of the facts */
	const char *initrd;
	const char *cmdline; /* without elfcorehdr=, which the kernel adds */
};

struct load {
	struct load_request request; /* borrowed strings */
	struct facts facts;          /* before the call */
	struct kernel_image kernel;
	uint64_t kernel_size; /* bytes of the files */
	uint64_t initrd_size;
	int kernel_fd;
	int initrd_fd;
};

/*
 * Everything but the system call. On success *ret owns files and facts; end it with load_deinit().
 * Errors: of check.h, of bzimage.h, ERR_NOT_FOUND/ERR_SYSTEM for files, ERR_CORRUPT for an empty
 * or cut one.
 */
int load_prepare(const struct root *root, const struct load_request *request, struct load *ret,
		 struct err *err) _must_check_;
void load_deinit(struct load *load);

/*
 * The system call, and a look at crash_loaded below `root` afterwards. *ret_verified says whether
 * that file could be read; if it contradicts the kernel's answer, that is ERR_SYSTEM.
 * A refusal has the code and text of explain.h, and the message ends in what is loaded now.
 */
int load_submit(const struct load *load, const struct root *root, const struct sys *sys,
		bool *ret_verified, struct err *err) _must_check_;

/* Take the panic kernel out. *ret_was_loaded: whether there was one; if not, nothing is called. */
int load_unload(const struct root *root, const struct sys *sys, bool *ret_was_loaded,
		struct err *err) _must_check_;

#endif
