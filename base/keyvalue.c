// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/keyvalue.h"

#include <string.h>

#include "base/num.h"

int keyvalue_copy(struct bytes text, size_t max, const char *name, const char *what, char **ret,
		  struct err *err)
{
	char *copy;

	if (text.len > max)
		return err_set(err, ERR_USAGE, "%s: %zu bytes; %s has at most %zu", name, text.len,
			       what, max);
	copy = malloc(text.len + 1);
	if (!copy)
		return err_nomem(err, text.len + 1, name);
	if (text.len)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	*ret = copy;
	return 0;
}

bool keyvalue_line(struct keyvalue_lines *in, char **ret, size_t *ret_len)
{
	char *newline;

	if (in->next >= in->end)
		return false;
	newline = memchr(in->next, '\n', (size_t)(in->end - in->next));
	if (!newline)
		newline = in->end;
	*newline = '\0';
	*ret = in->next;
	*ret_len = (size_t)(newline - in->next);
	in->next = newline + 1;
	in->number++;
	return true;
}

char *keyvalue_trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && keyvalue_is_blank(text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

int keyvalue_check(const char *text, size_t len, size_t column, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, ERR_USAGE, "control character 0x%02x at column %zu", c,
				       column + i);
	}
	return 0;
}

int keyvalue_bad(const char *value, const char *wanted, struct err *err)
{
	return err_set(err, ERR_USAGE, "'%.*s' is not %s", KEYVALUE_QUOTE, value, wanted);
}

int keyvalue_number(const char *value, uint64_t min, uint64_t max, uint64_t *ret, struct err *err)
{
	/* longer is no number in any range, and num_parse_* quotes its text whole */
	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a number", err);
	return num_parse_range(value, min, max, ret, err);
}
