/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges of what the renderers wrote, which share nothing with them: NULL if all is well, else what is not. A text holds 80
 * columns and has nothing that a terminal obeys; a page has only the tags and attributes that are listed here, each in quotes and
 * closed in its order, refers to nothing but itself, and has the style as it was meant.
 */
#ifndef TESTS_UNIT_REPORT_CHECK_H
#define TESTS_UNIT_REPORT_CHECK_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text */

static inline const char *rc_line(const unsigned char *s, const unsigned char *end, bool colour)
{
	size_t columns = 0;

	while (s < end) {
		if (colour && *s == 033) { /* only what sets a colour, and only our own */
			size_t n = strspn((const char *)s + 1, "[0123456789;");

			if (s[n + 1] != 'm' || n > 6)
				return "an escape sequence that sets no colour";
			s += n + 2;
			continue;
		}
		if (*s < 0x20 || *s == 0x7f)
			return "a control character";
		if (*s == 0xc2 && s[1] < 0xa0)
			return "a C1 control character";
		columns += (*s & 0xc0) != 0x80;
		s++;
	}
	return columns > 80 ? "a line of more than 80 columns" : NULL;
}

static inline const char *report_check_text(const char *text, bool colour)
{
	while (*text) {
		const char *end = strchr(text, '\n'), *why;

		if (!end)
			return "the last line has no end";
		why = rc_line((const unsigned char *)text, (const unsigned char *)end, colour);
		if (why)
			return why;
		text = end + 1;
	}
	return NULL;
}

/* ---- the page */

#define RC_DEPTH 64

static inline bool rc_word(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == len && strncmp(at, word, len) == 0)
			return true;
	return false;
}

static inline const char *rc_attribute(const char **at)
{
	static const char names[] =
		"class id href lang charset name content http-equiv title start open role "
		"aria-label viewBox preserveAspectRatio x y x1 x2 y1 y2 width height";
	size_t len = strcspn(*at, "= >");
	const char *name = *at, *value;

	if (!rc_word(names, name, len))
		return "an attribute that is none of ours";
	*at += len;
	if (**at != '=')
		return strncmp(name, "open", 4) == 0 ? NULL : "an attribute without a value";
	if (*++*at != '"')
		return "a value without quotes";
	value = ++*at;
	*at += strcspn(*at, "\"<>");
	if (**at != '"')
		return "a value that does not end, or has a bracket in it";
	if (strncmp(name, "href=", 5) == 0 && *value != '#')
		return "a reference to something else";
	++*at;
	return NULL;
}

struct rc_stack {
	const char *name[RC_DEPTH];
	size_t len[RC_DEPTH], depth;
};

static inline const char *rc_open(struct rc_stack *s, const char **at, size_t len)
{
	static const char tags[] =
		"html head meta title style body header main nav footer section div p span h1 h2 "
		"h3 "
		"a ul ol li dl dt dd code b i small table tr td th details summary svg rect line";
	const char *name = *at;

	if (!rc_word(tags, name, len))
		return "a tag that is none of ours";
	*at += len;
	while (**at == ' ') {
		const char *why;

		++*at;
		why = rc_attribute(at);
		if (why)
			return why;
	}
	if (*(*at)++ != '>')
		return "a tag that does not end";
	if (len == 4 && strncmp(name, "meta", 4) == 0)
		return NULL;
	if (s->depth == RC_DEPTH)
		return "tags nest too deeply";
	s->name[s->depth] = name;
	s->len[s->depth++] = len;
	return NULL;
}

static inline const char *rc_tag(struct rc_stack *s, const char **at, const char *style)
{
	bool end = **at == '/';
	size_t len;

	*at += end;
	len = strcspn(*at, " >");
	if (!end) {
		const char *why = rc_open(s, at, len);

		if (why || len != 5 || strncmp(s->name[s->depth - 1], "style", 5))
			return why;
		*at += strspn(*at, "\n");
		if (strncmp(*at, style, strlen(style)))
			return "the style is another";
		*at += strlen(style);
		return NULL;
	}
	if (!s->depth || s->len[s->depth - 1] != len || strncmp(s->name[s->depth - 1], *at, len))
		return "tags are not closed in their order";
	s->depth--;
	*at += len;
	return *(*at)++ == '>' ? NULL : "an end tag that does not end";
}

static inline const char *report_check_html(const char *page, const char *style)
{
	static const char doctype[] = "<!DOCTYPE html>\n";
	struct rc_stack s = {.depth = 0};

	if (strncmp(page, doctype, strlen(doctype)))
		return "no doctype";
	for (const char *at = page + strlen(doctype); *at;) {
		const unsigned char c = (unsigned char)*at++;
		const char *why = NULL;

		if (c == '<')
			why = rc_tag(&s, &at, style);
		else if (c == '>')
			why = "a bracket that is not escaped";
		else if (c == '&' && strncmp(at, "amp;", 4) && strncmp(at, "lt;", 3) &&
			 strncmp(at, "gt;", 3) && strncmp(at, "quot;", 5) &&
			 strncmp(at, "#39;", 4) && strncmp(at, "nbsp;", 5))
			why = "an entity that is none of ours";
		else if ((c < 0x20 && c != '\n') || c == 0x7f)
			why = "a control character";
		if (why)
			return why;
	}
	return s.depth ? "a tag is not closed" : NULL;
}

#endif
