// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/xml.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"

#define SPACES " \t\r\n"

static const struct {
	const char *name;
	char is;
} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

/* The element's name at `p`, just behind '<'. */
static size_t name_len(const char *p)
{
	return strcspn(p, SPACES "/>");
}

bool xml_root(const char *text, char *ret, size_t size)
{
	const char *p = strchr(text, '<'), *colon;
	size_t len;

	/* prolog and comments come before it */
	while (p && (p[1] == '?' || p[1] == '!')) {
		const char *end =
			strncmp(p, "<!--", 4) == 0 ? strstr(p + 4, "-->") : strchr(p, '>');

		p = end ? strchr(end, '<') : NULL;
	}
	if (!p || p[1] == '/')
		return false;
	len = name_len(++p);
	colon = memchr(p, ':', len);
	if (colon) {
		len -= (size_t)(colon + 1 - p);
		p = colon + 1;
	}
	if (!len || len >= size || !p[len])
		return false;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return true;
}

/* One character of an element's text; the start of the next one, or NULL. */
static const char *character(const char *p, char *ret)
{
	char digits[4] = "", *end;
	long v;

	if (*p != '&') {
		*ret = *p;
		return p + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		size_t len = strlen(entities[i].name);

		if (strncmp(p, entities[i].name, len) == 0) {
			*ret = entities[i].is;
			return p + len;
		}
	}
	if (p[1] != '#')
		return NULL;
	/* an ASCII character by its number: "&#34;", "&#x22;" */
	bool hexadecimal = p[2] == 'x';
	const char *number = p + (hexadecimal ? 3 : 2);
	size_t len = strcspn(number, ";");

	if (!len || len >= sizeof(digits) || number[len] != ';')
		return NULL;
	memcpy(digits, number, len);
	if (strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") != len)
		return NULL;
	v = strtol(digits, &end, hexadecimal ? 16 : 10);
	if (v < 0x20 || v >= 0x7f)
		return NULL;
	*ret = (char)v;
	return number + len + 1;
}

bool xml_text(const char *text, const char *name, char *ret, size_t size)
{
	const char *p = text;
	size_t len = strlen(name), n = 0;

	for (p = strchr(p, '<'); p; p = strchr(p, '<')) {
		p++;
		if (name_len(p) == len && memcmp(p, name, len) == 0)
			break;
	}
	if (!p || !(p = strchr(p, '>')) || p[-1] == '/')
		return false;
	for (p++; *p && *p != '<';) {
		char c;

		p = character(p, &c);
		if (!p || (unsigned char)c < 0x20 || c == 0x7f || n + 1 >= size)
			return false;
		ret[n++] = c;
	}
	if (strncmp(p, "</", 2) != 0 || name_len(p + 2) != len || memcmp(p + 2, name, len) != 0)
		return false;
	ret[n] = '\0';
	return true;
}

void xml_put(const char *text, FILE *to)
{
	for (; *text; text++) {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(entities) && entities[i].is != *text; i++)
			;
		if (i < ARRAY_SIZE(entities))
			fputs(entities[i].name, to);
		else
			fputc(*text, to);
	}
}
