/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times as records have them: seconds since 1970, and RFC 3339 in UTC, "2026-11-22T15:06:54Z". */
#ifndef BASE_UTC_H
#define BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#define UTC_TEXT 32

/* False, and "?" in buf, for a year of more than four digits. */
bool utc_format(uint64_t seconds, char buf[UTC_TEXT]);

/* The whole of `text`, in exactly that form; false: it is not. */
bool utc_parse(const char *text, uint64_t *ret);

#endif
