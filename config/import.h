/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of another kdump, as a text of our own. Pure: texts in, a text and a list out; whatever is found in the
 * files is said to have been carried over, or why it was not. What comes out is a configuration that config_create() takes:
 * each line is tried before it is written.
 *
 * Three families, by where their settings are:
 *   kdump    Fedora, RHEL: /etc/kdump.conf, the syntax of which ours is, and /etc/sysconfig/kdump for the capture kernel
 *            (kdump-utils 1.0.5x: kdumpctl, kdump-lib.sh, gen-kdump-conf.sh, gen-kdump-sysconfig.sh)
 *   debian   Debian, Ubuntu: /etc/default/kdump-tools (kdump-tools 1:1.8.1: kdump-config, kdump-tools.conf(5); KDUMP_SYSCTL
 *            is of 1.6 and before)
 *   suse     openSUSE, SLE: /etc/sysconfig/kdump (kdump 2.1: kdump-read-config.sh, dracut/kdump-save, kdump(5))
 *
 * No password leaves the files: userinfo of a URL is cut, variables and parameters with such a name are named only.
 */
#ifndef CONFIG_IMPORT_H
#define CONFIG_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

enum import_family {
	IMPORT_KDUMP,
	IMPORT_DEBIAN,
	IMPORT_SUSE,
};

#define IMPORT_FAMILIES 3

struct import_file {
	const char *name; /* for messages and comments */
	struct bytes text;
};

struct import_source {
	enum import_family family;
	const struct import_file *conf; /* of IMPORT_KDUMP: kdump.conf, or NULL */
	const struct import_file
		*variables; /* the shell assignments, or NULL; one of both is there */
	/* Of IMPORT_KDUMP: paths of the programs in /etc/kdump/pre.d and post.d, in their order, NULL-terminated; or NULL. */
	char *const *pre, *const *post;
};

enum import_outcome {
	IMPORT_CARRIED,  /* it says the same */
	IMPORT_CHANGED,  /* it is there, but not quite the same: `why` */
	IMPORT_NEEDLESS, /* it has no place here and none is missing: `why` */
	IMPORT_LOST,     /* what it did is not done here: `why` */
};

struct import_entry {
	enum import_outcome outcome;
	const char *
		file; /* borrowed from the source; NULL: it stands in none, the program did it by itself */
	unsigned int line; /* 0: none */
	char *what;        /* "KDUMP_NUM_DUMPS=5"; what is secret is cut */
	char *became;      /* "keep_count 5"; NULL: nothing */
	char *why;         /* NULL: nothing to say */
};

struct import {
	char *text; /* of the configuration, with a comment above each line */
	size_t len;
	struct import_entry *entries;
	size_t n;
	size_t n_lost;
	char *warning; /* where dumps go now that their target is lost; NULL: it is not */
};

/*
 * ERR_USAGE, ERR_UNSUPPORTED: a file cannot be read as what it is said to be (config/shellvars.h), or its settings make no
 * configuration.
 */
int import_create(const struct import_source *source, struct import **ret,
		  struct err *err) _must_check_;
void import_destroy(struct import *import); /* NULL is fine */

const char *import_family_name(enum import_family family);
int import_family_from_name(const char *name, enum import_family *ret,
			    struct err *err) _must_check_;
const char *import_outcome_name(enum import_outcome outcome); /* "carried", … */

#endif
