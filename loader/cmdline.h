/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel command line taken apart as the kernel does it: next_arg() of lib/cmdline.c separates at
 * white space outside of double quotes.
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

/* Is this token the parameter `name`, with a value or without? Quoted names count too. */
bool cmdline_is(struct bytes token, const char *name);

#endif
