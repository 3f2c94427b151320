/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel command line taken apart as the kernel does it. next_arg() of lib/cmdline.c separates at white space
 * outside of double quotes; a quote cannot be escaped, and one that is never closed takes the rest of the line.
 * White space is what lib/ctype.c calls so, the byte 0xa0 (a hard space of Latin-1, half a letter of UTF-8)
 * included. In names, '-' and '_' are the same (parameq() of kernel/params.c).
 */
#ifndef LOADER_CMDLINE_H
#define LOADER_CMDLINE_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * The next token from *pos on, quotes included; *pos moves behind it. False at the end.
 * The token is borrowed from the text.
 */
bool cmdline_next(const char **pos, struct bytes *ret);

/*
 * Name and value of a token without the quotes that the kernel takes off; borrowed from it. Without a '=' the value
 * is {NULL, 0}. A '=' at the very beginning belongs to the name.
 */
void cmdline_split(struct bytes token, struct bytes *ret_name, struct bytes *ret_value);

/* Do these two name the same parameter? */
bool cmdline_same_name(struct bytes a, struct bytes b);

/* Is this token the parameter `name`, with a value or without? Quoted names count too. */
bool cmdline_is(struct bytes token, const char *name);

/* Is this the "--" behind which all words are init's (parse_args() of kernel/params.c)? */
bool cmdline_is_dashes(struct bytes token);

/* Column, from 1, of the quote that is never closed; 0: all are. */
size_t cmdline_open_quote(const char *text);

#endif
