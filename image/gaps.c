// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/gaps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void add(struct gaps *gaps, const char *text)
{
	char line[ERR_MSG_SIZE];
	char *copy;

	text_one_line(text, line, sizeof(line));
	for (size_t i = 0; i < gaps->n; i++)
		if (strcmp(gaps->v[i], line) == 0)
			return;
	copy = gaps->n < GAPS_MAX ? strdup(line) : NULL;
	if (copy)
		gaps->v[gaps->n++] = copy;
	else
		gaps->more++;
}

void gaps_add(struct gaps *gaps, const char *fmt, ...)
{
	char text[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add(gaps, text);
}

void gaps_add_err(struct gaps *gaps, const char *what, const struct err *err)
{
	gaps_add(gaps, "%s: %s", what, err->msg);
}

void gaps_deinit(struct gaps *gaps)
{
	for (size_t i = 0; i < gaps->n; i++)
		free(gaps->v[i]);
	*gaps = (struct gaps){0};
}
