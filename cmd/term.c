// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"

/* ECMA-48, 8.3.117 SGR; the eight colours that every terminal has, in its own shades. */
static const char *const styles[] = {
	[TERM_PLAIN] = "",         [TERM_GOOD] = "\033[32m", [TERM_WARNING] = "\033[33m",
	[TERM_BAD] = "\033[1;31m", [TERM_DIM] = "\033[2m",   [TERM_HEADING] = "\033[1m",
};

void term_init(struct term *t, FILE *to)
{
	const char *kind = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	bool able = kind && *kind && strcmp(kind, "dumb") != 0;

	*t = (struct term){.to = to, .redraws = able && isatty(fileno(to))};
	t->colour = t->redraws && !(no_colour && *no_colour);
}

const char *term_on(const struct term *t, enum term_style style)
{
	return t->colour ? styles[style] : "";
}

const char *term_off(const struct term *t, enum term_style style)
{
	return t->colour && style != TERM_PLAIN ? "\033[0m" : "";
}

int term_put(const struct term *t, enum term_style style, int width, const char *text)
{
	int columns = 0;

	fputs(term_on(t, style), t->to);
	while (*text) {
		size_t n = NUM_MAX(text_utf8_len(text), (size_t)1);
		char one[8] = {0}, plain[40];

		memcpy(one, text, n);
		fputs(text_plain(one, plain, sizeof(plain)), t->to);
		columns += (int)text_columns(plain);
		text += n;
	}
	fputs(term_off(t, style), t->to);
	for (; columns < width; columns++)
		fputc(' ', t->to);
	return columns;
}
