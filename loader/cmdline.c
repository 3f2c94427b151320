// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/cmdline.h"

#include <string.h>

/* isspace() of the kernel's lib/ctype.c, which has no locale but Latin-1's hard space. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

bool cmdline_next(const char **pos, struct bytes *ret)
{
	const char *p = *pos, *start;
	bool quoted = false;

	while (is_space(*p))
		p++;
	for (start = p; *p && (quoted || !is_space(*p)); p++)
		if (*p == '"')
			quoted = !quoted;
	*pos = p;
	if (p == start)
		return false;
	*ret = (struct bytes){(const uint8_t *)start, (size_t)(p - start)};
	return true;
}

static struct bytes piece(const uint8_t *start, const uint8_t *end)
{
	return (struct bytes){start, end > start ? (size_t)(end - start) : 0};
}

void cmdline_split(struct bytes token, struct bytes *ret_name, struct bytes *ret_value)
{
	const uint8_t *start = token.data, *end = start + token.len, *equals, *value;
	bool quoted = token.len && *start == '"';
	bool last; /* a quote at the end of the token, which is not the one at its beginning */

	start += quoted;
	last = end > start && end[-1] == '"';
	/* from the second byte on: an index of 0 stands for "none" in next_arg() */
	equals = end - start > 1 ? memchr(start + 1, '=', (size_t)(end - start - 1)) : NULL;
	if (!equals) {
		*ret_name = piece(start, end - (quoted && last));
		*ret_value = (struct bytes){NULL, 0};
		return;
	}
	*ret_name = piece(start, equals);
	value = equals + 1;
	if (value < end && *value == '"') {
		value++;
		quoted = true;
	}
	*ret_value = piece(value, end - (quoted && last));
}

static char plain(uint8_t c)
{
	return c == '-' ? '_' : (char)c;
}

bool cmdline_same_name(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (plain(a.data[i]) != plain(b.data[i]))
			return false;
	return true;
}

bool cmdline_is(struct bytes token, const char *name)
{
	struct bytes own, value;

	cmdline_split(token, &own, &value);
	return cmdline_same_name(own, (struct bytes){(const uint8_t *)name, strlen(name)});
}

bool cmdline_is_dashes(struct bytes token)
{
	struct bytes name, value;

	cmdline_split(token, &name, &value);
	return !value.data && name.len == 2 && memcmp(name.data, "--", 2) == 0;
}

size_t cmdline_open_quote(const char *text)
{
	size_t open = 0;

	for (const char *p = text; *p; p++)
		if (*p == '"')
			open = open ? 0 : (size_t)(p - text) + 1;
	return open;
}
