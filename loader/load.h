/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arming a machine: a plan, the system call, the record of it; and never a machine unarmed that was armed, if that
 * can be helped: what is loaded already is not loaded again, and what cannot be loaded is followed by what was
 * there before.
 */
#ifndef LOADER_LOAD_H
#define LOADER_LOAD_H

#include "loader/state.h"
#include "loader/submit.h"

struct load_options {
	bool force; /* load although nothing has changed */
	const struct state_dirs *dirs;
};

struct load_outcome {
	bool unchanged; /* what was asked for was loaded already: nothing was called */
	struct submitted submitted;
	struct err record; /* code != 0: it is loaded, but could not be recorded; why */
};

/*
 * Give a plan of plan_make() to the kernel. Errors: of submit_load(). If the panic kernel that was in place is
 * lost with them, the one on record is put back, and the message says so, or why that failed, too. Signals wait until
 * it is over: an interrupted load would leave the machine unarmed, or a record of another image.
 */
int load_plan(struct plan *p, const struct load_options *options, const struct root *root,
	      const struct sys *sys, struct load_outcome *ret, struct err *err) _must_check_;

/* submit_unload(), and no record any more. */
int load_unload(bool panic, const struct state_dirs *dirs, const struct root *root,
		const struct sys *sys, bool *ret_was_loaded, struct err *err) _must_check_;

#endif
