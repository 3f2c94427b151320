// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/cmdline.h"

#include <string.h>

/* isspace() of the kernel's lib/ctype.c, which has no locale. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
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

bool cmdline_is(struct bytes token, const char *name)
{
	size_t len = strlen(name);

	if (token.len && token.data[0] == '"')
		token = (struct bytes){token.data + 1, token.len - 1};
	return token.len >= len && memcmp(token.data, name, len) == 0 &&
	       (token.len == len || token.data[len] == '=' || token.data[len] == '"');
}
