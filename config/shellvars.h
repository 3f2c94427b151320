/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of shell assignments, as /etc/default and /etc/sysconfig have them, without a shell: they are written to be sourced,
 * and to source one is to run whatever is in it.
 *
 * Read are assignments that a shell would understand without looking anything up: NAME=value and NAME+=value, several in a
 * line, behind export or readonly; '…', "…", backslashes, continued lines, comments. A value with $…, `…` or ~ in front, an
 * array, an assignment in front of a command or below a condition, and any other statement are given back as what they are:
 * refused, with their line. (What a shell does: POSIX.1-2017, Shell Command Language, 2.2 Quoting, 2.3 Token Recognition,
 * 2.9.1 Simple Commands.)
 */
#ifndef CONFIG_SHELLVARS_H
#define CONFIG_SHELLVARS_H

#include "base/bytes.h"
#include "base/err.h"

#define SHELLVARS_MAX_SIZE 65536
#define SHELLVARS_MAX      1000 /* of assignments and other statements */

struct shellvar {
	char *name;          /* NULL: a statement that is no assignment */
	char *value;         /* NULL: refused; a newline in it is a blank */
	const char *problem; /* why it is refused; static */
	unsigned int line;   /* where it begins */
};

struct shellvars {
	struct shellvar *v; /* in the order of the file; what is assigned twice is there twice */
	size_t n;
};

/*
 * ERR_USAGE: an open quote or substitution, a NUL, too large; ERR_UNSUPPORTED: a here-document, which cannot be told from
 * assignments. Both name file and line.
 */
int shellvars_read(struct bytes text, const char *name, struct shellvars *ret,
		   struct err *err) _must_check_;
void shellvars_deinit(struct shellvars *vars);

/* The one that counts, the last one; NULL: there is none. */
const struct shellvar *shellvars_get(const struct shellvars *vars, const char *name);

#endif
