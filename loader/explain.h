/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an errno of kexec_file_load(2) or kexec_load(2) to one cause and one remedy, by what is known of the machine.
 * Pure: a table, the first row that applies wins, in the kernel's order of refusal.
 */
#ifndef LOADER_EXPLAIN_H
#define LOADER_EXPLAIN_H

#include "loader/probe.h"

enum explain_phase {
	EXPLAIN_LOAD = 1,
	EXPLAIN_UNLOAD = 2,
};

/* The call that failed. */
struct explain_call {
	enum explain_phase phase;
	bool ordinary; /* not a panic kernel */
	bool segments; /* kexec_load(2), not kexec_file_load(2) */
};

struct explanation {
	enum err_code code;
	const char *cause;  /* a clause: "the kernel is locked down and ..." */
	const char *remedy; /* an imperative: "load a signed kernel ..." */
};

/* `facts` is the snapshot taken before the call. There is a row for an unexpected errno, too. */
struct explanation explain(int sys, struct explain_call call, const struct facts *facts);

/* Is it certain from the facts alone that the kernel will refuse the caller (EPERM)? Why? */
bool explain_foreseen(struct explain_call call, const struct facts *facts, struct explanation *ret);

/* The explanation as *err: "kexec_file_load: Device or resource busy (EBUSY):
 * CAUSE; REMEDY". Returns its code. */
int explain_err(int sys, struct explain_call call, const struct facts *facts, struct err *err);

#endif
