/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be loaded, how, and why so: made of a request, the files it names and a snapshot of the machine,
 * and of nothing else, so that a recorded machine gives the plan that the machine itself would get.
 *
 * The kernel frees the image in place before it looks at the new one, and counts each attempt: all that can
 * be known to fail fails in plan_make(), where nothing has been touched. The files are opened once: what was checked
 * is what the kernel gets.
 */
#ifndef LOADER_PLAN_H
#define LOADER_PLAN_H

#include "arch/arch.h"
#include "arch/load.h"
#include "base/root.h"
#include "loader/check.h"
#include "loader/cmdline_plan.h"
#include "loader/files.h"
#include "loader/machine.h"
#include "loader/probe.h"

/* How the kernel is given the image. */
enum load_method {
	LOAD_AUTO,        /* by files, by segments if the kernel cannot take files */
	LOAD_BY_FILES,    /* kexec_file_load(2): the kernel makes the segments; signatures count */
	LOAD_BY_SEGMENTS, /* kexec_load(2): we do */
};

/* Paths are on this machine, not below the root of the snapshot. All strings are borrowed. */
struct load_request {
	bool panic; /* a panic kernel, else an ordinary one */
	const char *kernel;
	const char *name; /* what the record shall call the kernel; NULL: its path */
	bool bare;        /* of a UKI the kernel alone (files_open_bare) */
	const char *const *initrds;
	size_t n_initrds;
	bool reuse_cmdline;        /* begin with the running kernel's command line */
	const char *cmdline;       /* the whole of it; NULL: a UKI's own, or what is reused */
	const char *append;        /* put behind */
	bool no_rules;             /* the command line is taken as it is */
	const char *const *remove; /* see struct cmdline_input */
	size_t n_remove;
	enum load_method method;
	unsigned int cpus; /* of a capture kernel; 0: decide */
};

struct plan {
	bool panic;
	const char *kernel; /* as it was named; borrowed */
	const struct arch *arch;
	const struct arch_load *load; /* its loader */
	struct facts facts;
	struct files files;
	struct cmdline_plan cmdline;
	enum load_method method; /* never LOAD_AUTO */
	bool may_fall_back;      /* to LOAD_BY_SEGMENTS, if the kernel takes no files */
	const char *why;         /* this method; a clause, static */

	struct living living;   /* of a panic kernel */
	struct machine machine; /* empty if it could not be read */
	struct err machine_err; /* why */

	/* plan_segments() fills these: */
	bool placed;
	uint8_t *core_header; /* of a panic kernel; owned */
	size_t core_header_size;
	bool hotplug; /* the kernel will update the core header by itself */
	struct segments segments;
};

/*
 * Errors: of check.h and files.h; ERR_UNSUPPORTED where no method works on this machine. On success *ret owns
 * all it points to; end it with plan_deinit().
 */
int plan_make(const struct root *root, const struct load_request *request, struct plan *ret,
	      struct err *err) _must_check_;
void plan_deinit(struct plan *p);

/*
 * Place the segments as kexec_load(2) would get them; once, a second call does nothing. For an image that
 * the kernel places itself (LOAD_BY_FILES) this is what we would have done, for printing.
 * Errors: of machine.h, core_header.h, arch_load.place.
 */
int plan_segments(struct plan *p, const struct root *root, struct err *err) _must_check_;

const char *load_method_name(enum load_method method); /* "kexec_file_load" … */

#endif
