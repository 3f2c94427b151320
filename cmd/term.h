/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Colours and redrawn lines are for people who look at a terminal; files, pipes and logs get plain text. Colours are off, too,
 * with TERM=dumb or none, and where NO_COLOR is set and not empty (no-color.org).
 *
 * A colour never says what the words do not: `armed` stays `armed` without it.
 */
#ifndef CMD_TERM_H
#define CMD_TERM_H

#include <stdbool.h>
#include <stdio.h>

enum term_style {
	TERM_PLAIN,
	TERM_GOOD,
	TERM_WARNING, /* what may cost a dump */
	TERM_BAD,     /* what does */
	TERM_DIM,     /* what most readers skip */
	TERM_HEADING,
};

struct term {
	FILE *to;     /* borrowed */
	bool redraws; /* a line can be drawn again: a terminal that is not dumb */
	bool colour;
};

void term_init(struct term *t, FILE *to);

/* The escape sequence that begins a style, and the one that ends it; "" without colours. For use in a format. */
const char *term_on(const struct term *t, enum term_style style);
const char *term_off(const struct term *t, enum term_style style);

/*
 * Write `text`, filled up with blanks to `width` columns (0: not), in a style; the escape sequences do not count as columns.
 * Text of others (a headline of a crash, a name of a folder) may hold anything: it is written by text_plain() (base/text.h), on a
 * terminal or not, so that it can neither steer the terminal nor forge a line. Returns the columns, if each character takes
 * one.
 */
int term_put(const struct term *t, enum term_style style, int width, const char *text);

#endif
