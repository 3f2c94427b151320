/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What could not be found or read while an image was looked at, a line each: when a new kernel has moved something, this
 * list is the bug report. Bounded; the same line counts once.
 */
#ifndef IMAGE_GAPS_H
#define IMAGE_GAPS_H

#include <stddef.h>

#include "base/err.h"

#define GAPS_MAX 128

struct gaps {
	char *v[GAPS_MAX];
	size_t n;
	size_t more; /* that had no room */
};

/* Adding never fails: where there is no memory it is counted in `more`. Text is made one harmless line (base/text.h). */
void gaps_add(struct gaps *gaps, const char *fmt, ...) _printf_(2, 3);
/* The message of an error, `what` in front of it. */
void gaps_add_err(struct gaps *gaps, const char *what, const struct err *err);
void gaps_deinit(struct gaps *gaps);

#endif
