/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command-line options as a table: one row gives the parser, the range check and the help text.
 *
 * Accepted forms: -d 31, -d31, --name value, --name=value, bundled flags (-pv), "--" ends options.
 * Options and operands may be mixed. An unknown option, a missing or superfluous value and a value
 * out of range are ERR_USAGE naming the option; an option that is known but refused is ERR_UNSUPPORTED.
 *
 * What a value is, is known by the name that the help gives it (opt_takes()), so that shells can complete it: DIR is a folder in
 * every table.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum opt_kind {
	OPT_KIND_FLAG,    /* bool *dest = true */
	OPT_KIND_CHOICE,  /* int *dest = choice */
	OPT_KIND_STRING,  /* const char **dest = value (borrowed from argv) */
	OPT_KIND_NUMBER,  /* uint64_t *dest = value within [min, max] */
	OPT_KIND_LIST,    /* struct opt_list *dest: value appended */
	OPT_KIND_REFUSED, /* known elsewhere, not here: ERR_UNSUPPORTED with `help` as the reason */
};

/* What stands for a value or an operand. */
enum opt_takes {
	OPT_TAKES_ANY, /* nothing that could be completed: a number, a text */
	OPT_TAKES_FILE,
	OPT_TAKES_FOLDER,
	OPT_TAKES_DEVICE,
	OPT_TAKES_KERNEL,  /* version of a kernel, as below /lib/modules */
	OPT_TAKES_CRASH,   /* a captured crash, as `lifeboat list` names it */
	OPT_TAKES_COMMAND, /* of this program */
	OPT_TAKES_WORD,    /* one of a list */
};

struct opt_list {
	const char **v; /* strings borrowed from argv */
	size_t n;
};

struct opt {
	char letter;       /* 0: no short form */
	const char *name;  /* NULL: no long form */
	const char *value; /* what the help calls the value; NULL: takes none */
	const char *words; /* the values that there are, separated by blanks; NULL: no such list */
	const char *help;
	enum opt_kind kind;
	void *dest;
	int choice;
	uint64_t min, max;
};

#define OPT_FLAG(l, n, dst, h)                                                                \
	{                                                                                     \
		.letter = (l), .name = (n), .help = (h), .kind = OPT_KIND_FLAG, .dest = (dst) \
	}
/* An option of a program whose command lines we take; `h` says what there is instead, or "". */
#define OPT_REFUSED(l, n, h)                                                      \
	{                                                                         \
		.letter = (l), .name = (n), .help = (h), .kind = OPT_KIND_REFUSED \
	}
#define OPT_CHOICE(l, n, dst, c, h)                                                              \
	{                                                                                        \
		.letter = (l), .name = (n), .help = (h), .kind = OPT_KIND_CHOICE, .dest = (dst), \
		.choice = (c)                                                                    \
	}
#define OPT_STRING(l, n, val, dst, h)                                                             \
	{                                                                                         \
		.letter = (l), .name = (n), .value = (val), .help = (h), .kind = OPT_KIND_STRING, \
		.dest = (dst)                                                                     \
	}
/* A string that has to be one of `w`; anything else is ERR_USAGE naming them. */
#define OPT_WORD(l, n, val, dst, w, h)                                                 \
	{                                                                              \
		.letter = (l), .name = (n), .value = (val), .words = (w), .help = (h), \
		.kind = OPT_KIND_STRING, .dest = (dst)                                 \
	}
#define OPT_NUMBER(l, n, val, dst, lo, hi, h)                                                     \
	{                                                                                         \
		.letter = (l), .name = (n), .value = (val), .help = (h), .kind = OPT_KIND_NUMBER, \
		.dest = (dst), .min = (lo), .max = (hi)                                           \
	}
#define OPT_LIST(l, n, val, dst, h)                                                             \
	{                                                                                       \
		.letter = (l), .name = (n), .value = (val), .help = (h), .kind = OPT_KIND_LIST, \
		.dest = (dst)                                                                   \
	}

/*
 * Parse argv[1..argc). Operands are moved to the front of argv, from argv[1] on, and counted in
 * *ret_operands.
 */
int opt_parse(const struct opt *opts, size_t n_opts, int argc, char **argv, int *ret_operands,
	      struct err *err) _must_check_;

/* What a value or operand of this name is: "DIR", "VMCORE". A name that is not known is OPT_TAKES_ANY. */
enum opt_takes opt_takes(const char *name, size_t len);

/*
 * Print `text` from column `at`, where the line is, broken at blanks before column 80; what follows an empty line begins a
 * paragraph. Other line breaks are blanks. A word that is too long stays whole. Ends the line.
 */
#define OPT_HELP_WIDTH 80
void opt_print_wrapped(FILE *to, const char *text, int at);

/* Print the table as the option part of a help text, in 80 columns. */
void opt_print_help(FILE *to, const struct opt *opts, size_t n_opts);

void opt_list_deinit(struct opt_list *list);

#endif
