/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two small texts, as `diff -u` shows it (POSIX, diff: "Diff -u Output Format"). */
#ifndef BASE_DIFF_H
#define BASE_DIFF_H

#include "base/bytes.h"
#include "base/err.h"

/*
 * Three lines of context; "" if they are equal. Data NULL: there is no such file, it is called /dev/null. *ret is
 * malloc'ed. It is the shortest one as long as what differs is within 1000 lines; beyond that it is shown as replaced.
 */
int diff_unified(const char *name, struct bytes was, struct bytes will, char **ret,
		 struct err *err) _must_check_;

#endif
