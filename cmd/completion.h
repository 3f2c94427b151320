/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion scripts for shells, made of the tables that the commands parse by. */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include <stdio.h>

#include "cmd/cmd.h"

/* What an operand or value can be: `words` are separated by `|` or a blank, and of OPT_TAKES_WORD only. */
struct completion_kind {
	enum opt_takes takes;
	const char *words;
	size_t words_len;
};

#define COMPLETION_MAX_KINDS 8

/* Of a command's operands, each once; what cannot be completed is left out. Returns how many. */
size_t completion_operands(const struct cmd *cmd, struct completion_kind ret[COMPLETION_MAX_KINDS]);
struct completion_kind completion_value(const struct opt *o);
/* "file", "folder", …; the names that bash's script and the JSON object use. */
const char *completion_kind_name(enum opt_takes takes);
/* The words of a kind, separated by blanks. */
void completion_put_words(FILE *to, const struct completion_kind *k);
/* A text for the inside of '…': a ' becomes '\''. */
void completion_put_quoted(FILE *to, const char *text);

void completion_bash(FILE *to);
void completion_zsh(FILE *to);
void completion_fish(FILE *to);

#endif
