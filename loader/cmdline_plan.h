/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second kernel's command line, put together from what there is, with a reason for each token: for the line
 * itself, for the diff of --plan and for --json. Pure.
 *
 * Who is heard: the running kernel's line (--reuse-cmdline), --command-line and --append are joined in this order. The
 * line that a UKI brings counts only where neither of the first two is given.
 *
 * What is left out: of the running kernel's and the UKI's line, what cannot be true of the next kernel (BOOT_IMAGE=,
 * initrd=, elfcorehdr=, dmcryptkeys=), crashkernel= for a panic kernel, what the architecture's rules drop, and
 * parameters for which a rule has another value. What the user wrote is never left out. If a rule speaks against it,
 * the token is kept and marked as doubtful: an explicit crashkernel= as well, since there may be a reason to stage a
 * panic kernel for the capture kernel. Only elfcorehdr= for a panic kernel is an error, as no value can be right.
 *
 * What is added: the rules' tokens, and for a panic kernel under rules how many CPUs it uses, unless the user's text
 * has the parameter with any value. What the kernel adds up (CMDLINE_ADD_TOO) comes from everybody.
 *
 * What is removed at the user's wish (--no-rule): neither added by a rule nor taken from the running kernel's or the
 * UKI's line. His own text stays, so that a parameter can be replaced.
 *
 * What stands behind a "--" is init's: it is never judged, and stays behind everything else in its order.
 */
#ifndef LOADER_CMDLINE_PLAN_H
#define LOADER_CMDLINE_PLAN_H

#include "arch/load.h"
#include "loader/cmdline_cpus.h"

enum cmdline_origin {
	CMDLINE_FROM_RUNNING,
	CMDLINE_FROM_UKI,
	CMDLINE_FROM_COMMAND_LINE,
	CMDLINE_FROM_APPEND,
	CMDLINE_FROM_RULE,
};

enum cmdline_verdict { CMDLINE_KEPT, CMDLINE_DROPPED, CMDLINE_ADDED };

/* Texts that are absent are NULL; a --command-line that is given but empty is not. */
struct cmdline_input {
	bool panic;               /* a panic kernel, else an ordinary one */
	const char *running;      /* /proc/cmdline, only with --reuse-cmdline */
	const char *uki;          /* section .cmdline */
	const char *command_line; /* --command-line */
	const char *append;       /* --append */
	const struct cmdline_rule
		*rules;           /* arch_load.rules; NULL: none; they are for panic kernels */
	struct cmdline_cpus cpus; /* matters only together with rules */
	/* Names of parameters, which may end in '*', or with a '=' whole tokens. */
	const char *const *remove;
	size_t n_remove;
};

struct cmdline_token {
	char *text; /* as it was written, with its quotes */
	enum cmdline_origin origin;
	enum cmdline_verdict verdict;
	bool doubtful; /* worth a warning: it is in the line, but should perhaps not be */
	char *why;     /* a clause */
};

struct cmdline_plan {
	struct cmdline_token *v; /* in the order of the line, dropped ones where they would be */
	size_t n, cap;
	char *line; /* what is kept and added, separated by single spaces */
};

/*
 * ERR_USAGE: an explicit elfcorehdr= for a panic kernel; a quote in the user's text that is never closed (the
 * message names the column). ERR_CORRUPT: such a quote in the running kernel's or the UKI's line. ERR_NO_MEMORY.
 * The length is check_cmdline()'s business.
 */
int cmdline_plan_init(struct cmdline_plan *ret, const struct cmdline_input *in,
		      struct err *err) _must_check_;
void cmdline_plan_deinit(struct cmdline_plan *plan);

/* For people and --json: "running", "uki", "command-line", "append", "rule". */
const char *cmdline_origin_name(enum cmdline_origin origin);
/* "kept", "dropped", "added". */
const char *cmdline_verdict_name(enum cmdline_verdict verdict);

#endif
