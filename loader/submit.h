/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls: a plan to the kernel, an image out of it, and a rehearsal that leaves nothing behind.
 */
#ifndef LOADER_SUBMIT_H
#define LOADER_SUBMIT_H

#include <signal.h>

#include "base/sys.h"
#include "loader/plan.h"

struct submitted {
	enum load_method method; /* that the kernel took */
	bool verified;           /* sysfs could be read, and says that the image is there */
	bool fell_back;
	struct err refusal; /* fell_back: why the first method failed */
	uint64_t
		unarmed_ns; /* from the call that may have freed the panic kernel in place to success; 0: none was */
};

/*
 * Give the plan to the kernel. Where the plan may fall back and the kernel knows no kexec_file_load, or not this
 * format (ENOSYS, EINVAL, ENOEXEC, ENOTSUP), kexec_load(2) is tried with the same files.
 * A refusal has the code and text of explain.h, and the message ends in what is loaded now. If sysfs
 * contradicts the kernel's answer, that is ERR_SYSTEM.
 */
int submit_load(struct plan *p, const struct root *root, const struct sys *sys,
		struct submitted *ret, struct err *err) _must_check_;

/* Make signals wait, in this thread: what must be done to its end begins. Returns those that waited already. */
sigset_t submit_hold_signals(void);
void submit_release_signals(const sigset_t *before);

/*
 * Load the same files as an ordinary image, and take it out again: the format, the signature and IMA
 * are tried while the panic kernel stays. Only kexec_file_load(2) can: ERR_UNSUPPORTED for LOAD_BY_SEGMENTS.
 * ERR_REFUSED if an ordinary image is loaded, which would be lost.
 */
int submit_rehearse(const struct plan *p, const struct root *root, const struct sys *sys,
		    struct err *err) _must_check_;

/*
 * Take the panic kernel, or the ordinary image, out. *ret_was_loaded: whether there was one; if not, nothing is
 * called.
 */
int submit_unload(bool panic, const struct root *root, const struct sys *sys, bool *ret_was_loaded,
		  struct err *err) _must_check_;

#endif
