/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the families of import.h share. Nobody else includes this. */
#ifndef CONFIG_IMPORTING_H
#define CONFIG_IMPORTING_H

#include "base/keyvalue.h"
#include "config/config.h"
#include "config/import.h"
#include "config/shellvars.h"

struct importing {
	struct import *import;
	const struct import_source *source;
	struct shellvars vars;
	char *body; /* of the text: lines that were tried */
	size_t len;
	size_t n_notes; /* that config_create() has for it */
	char *lost_target; /* "nfs server:/export", shown: the first one that is not supported; NULL: none */
};

/* Where a setting stands, and how it is shown. */
struct importing_from {
	const char *file; /* NULL: in none */
	unsigned int line;
	const char *what; /* shown already */
};

/*
 * What may be shown of a text: one line of limited length, without passwords. Malloc'ed; NULL: no memory.
 */
char *importing_shown(const char *text);
bool importing_is_secret(const char *name); /* of a variable or parameter */

/* "NAME=value" as it may be shown. */
int importing_show(const struct shellvar *v, char **ret, struct err *err) _must_check_;

/*
 * Write "KEY value" if that is a configuration with what there is, with `why` (NULL: the same is said) as a comment; else
 * the setting is lost, with the parser's reason. *ret_done (may be NULL): was it written?
 */
int importing_carry(struct importing *in, const struct importing_from *from, const char *why,
		    const char *key, const char *value, bool *ret_done,
		    struct err *err) _must_check_;

/* Nothing is written for it: it is NEEDLESS, or LOST and then said in a comment. */
int importing_leave(struct importing *in, const struct importing_from *from,
		    enum import_outcome outcome, const char *why, struct err *err) _must_check_;

/* What all say of a host's key: it is asked for nowhere but there. */
#define IMPORTING_HOST_KEY \
	"the server's key has to be pinned here, which `lifeboat propagate` does, too"

/* A target that is not supported: commented, lost, and told once more if none is left. */
int importing_lose_target(struct importing *in, const struct importing_from *from, const char *line,
			  struct err *err) _must_check_;

/* ---- variables */

struct importing_variable {
	const char *name;
	int (*take)(struct importing *in, const struct importing_from *from,
		    const struct importing_variable *row, const char *value, struct err *err);
	const char *as;      /* a key, or why it is left */
	const char *shipped; /* the value of the package: nobody chose it */
};

/* Each that has a value, in the order of the table; what is not in it, and what was refused, is lost. */
int importing_variables(struct importing *in, const struct importing_variable *table, size_t n,
			struct err *err) _must_check_;

/* The value of one; NULL: not there, refused or empty. */
const char *importing_value(const struct importing *in, const char *name);

#define IMPORTING_TAKE(name)                                              \
	int name(struct importing *in, const struct importing_from *from, \
		 const struct importing_variable *row, const char *value, struct err *err)

IMPORTING_TAKE(importing_take_key);      /* the value as it is, to the key `as` */
IMPORTING_TAKE(importing_take_needless); /* `as` says why */
IMPORTING_TAKE(importing_take_lost);     /* needless if it is `shipped`; `as` says why it is lost */
IMPORTING_TAKE(
	importing_take_cmdline); /* words of a command line to append, less those of `shipped` */
IMPORTING_TAKE(importing_take_remove);  /* likewise, to remove */
IMPORTING_TAKE(importing_take_kexec);   /* options of kexec(8) */
IMPORTING_TAKE(importing_take_nothing); /* dealt with elsewhere */

/* ---- families */

int importing_kdump(struct importing *in, struct err *err) _must_check_;
int importing_debian(struct importing *in, struct err *err) _must_check_;
int importing_suse(struct importing *in, struct err *err) _must_check_;

#endif
