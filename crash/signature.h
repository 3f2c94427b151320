/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kcs1, the signature of a crash: equal for two crashes that are the same fault, from whatever source. docs/signature.md has
 * the rules; they do not change under this name.
 *
 *   func   class, and the names of at most 5 reliable frames, "module:function": suffixes of the compiler (.constprop .isra
 *          .part .cold .llvm) taken off, functions that only report (panic, die, oops_*, asm_exc_*, watchdogs, sysrq) left
 *          out, up to the entry of a system call, an interrupt or a kernel thread
 *   exact  the same with offsets and the release. Not the build id: a log does not have it, and several series of stable kernels print
 *          garbage for it
 *   class  the class, and the first of these functions: the title by which another kind of failure of the same place is found
 *
 * A crash whose place is chance (sysrq, out of memory, machine checks, NMIs, init's end) and one without frames go by class and
 * normalised text. Each is the SHA-256 of a text that signature_text() gives, in hexadecimal.
 */
#ifndef CRASH_SIGNATURE_H
#define CRASH_SIGNATURE_H

#include "crash/crash.h"

#define SIGNATURE_ALG    "kcs1"
#define SIGNATURE_FRAMES 5

struct signature {
	char exact[65], func[65], cls[65];
	char title
		[256]; /* for people: "null-deref in ext4:ext4_iget"; "panic: VFS: …" without frames */
	size_t n_frames; /* that went in; 0: by class and panic text alone */
};

void signature_make(const struct crash *crash, struct signature *ret);

enum signature_kind { SIGNATURE_EXACT, SIGNATURE_FUNC, SIGNATURE_CLASS };
#define SIGNATURE_TEXT 2048 /* at most, with the NUL */

/* What is hashed. Returns its length. */
size_t signature_text(const struct crash *crash, enum signature_kind kind,
		      char ret[SIGNATURE_TEXT]);

/* Is it a function that only reports a crash, or goes to sleep: panic, oops_end, asm_exc_page_fault, watchdog_timer_fn …? Suffixes may be there. */
bool signature_is_reporting(const char *function);

/* The frames that count, "module:function", in their order. Returns how many. */
size_t signature_frames(const struct crash *crash,
			char ret[SIGNATURE_FRAMES][CRASH_FUNCTION + CRASH_MODULE + 1]);

#endif
