/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that somebody else wrote (a crashed kernel's log, a file's name), for a terminal or a log: what would move the
 * cursor, hide or turn round the text beside it is shown as \xNN instead.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Copy `from` so: control characters (C0, DEL, C1), what is not UTF-8, and characters that are not seen or change the
 * direction of writing become \xNN for each byte. Blanks and tabs become blanks. Cut at a whole character if `to` is
 * too small. Returns `to`.
 */
const char *text_plain(const char *from, char *to, size_t size);

/* The same of several lines, as one: the ends of lines become blanks, and blanks at either end are left out. */
const char *text_one_line(const char *from, char *to, size_t size);

/* Columns that plain text takes on a terminal: a character each. */
size_t text_columns(const char *plain);

/* Cut plain text to so many columns, the last of them "~" if something was cut off. */
void text_cut(char *plain, size_t columns);

/* The code point of the valid character of `len` bytes at `s` if text_plain() does not let it through; else 0 (as for NUL). */
uint32_t text_hidden(const char *s, size_t len);

/* Length of the UTF-8 sequence at `s`, which ends with a NUL somewhere; 0 if it is none. */
size_t text_utf8_len(const char *s);

#endif
