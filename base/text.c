// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SPACE " \t\n\v\f\r"

size_t text_utf8_len(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0; /* overlong, surrogate or beyond U+10FFFF */
	return n;
}

static uint32_t code_point(const char *s, size_t len)
{
	uint32_t v = (unsigned char)s[0];

	if (len > 1)
		v &= 0x7fU >> len;
	for (size_t i = 1; i < len; i++)
		v = v << 6 | ((unsigned char)s[i] & 0x3f);
	return v;
}

/* Unicode, chapter 23.2 and 23.4 on: controls, marks of direction, what has no width, tags, private use and no characters. */
static bool is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

uint32_t text_hidden(const char *s, size_t len)
{
	uint32_t c = code_point(s, len);

	return is_hidden(c) ? c : 0;
}

/* Copy so; each of `blanks` becomes a blank. */
static const char *show(const char *from, const char *blanks, char *to, size_t size)
{
	size_t at = 0;

	if (!size)
		return to;
	for (; *from; from++) {
		size_t n = text_utf8_len(from);

		if (strchr(blanks, *from)) {
			if (at + 1 >= size)
				break;
			to[at++] = ' ';
		} else if (n && !is_hidden(code_point(from, n))) {
			if (at + n >= size)
				break;
			memcpy(to + at, from, n);
			at += n;
			from += n - 1;
		} else {
			if (at + 4 >= size)
				break;
			snprintf(to + at, 5, "\\x%02x", (unsigned char)*from);
			at += 4;
		}
	}
	to[at] = '\0';
	return to;
}

const char *text_plain(const char *from, char *to, size_t size)
{
	return show(from, "\t", to, size);
}

const char *text_one_line(const char *from, char *to, size_t size)
{
	size_t len;

	show(from + strspn(from, SPACE), SPACE, to, size);
	for (len = size ? strlen(to) : 0; len && to[len - 1] == ' '; len--)
		to[len - 1] = '\0';
	return to;
}

static bool is_start(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t text_columns(const char *plain)
{
	size_t n = 0;

	for (; *plain; plain++)
		n += is_start(*plain);
	return n;
}

void text_cut(char *plain, size_t columns)
{
	size_t n = 0;
	char *last = plain;

	if (text_columns(plain) <= columns)
		return;
	for (char *p = plain; *p && n <= columns; p++) {
		if (!is_start(*p))
			continue;
		if (++n == columns)
			last = p;
	}
	snprintf(last, 2, "%s", columns ? "~" : "");
}
