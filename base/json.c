// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

void json_init(struct json *j, FILE *to)
{
	*j = (struct json){.to = to};
}

static void quoted(FILE *to, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', to);
	while (*s) {
		size_t n = text_utf8_len((const char *)s);

		if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(to, "\\u%04x", *s);
		else if (n)
			fwrite(s, 1, n, to);
		else
			fputs("\\ufffd", to);
		s += n ? n : 1;
	}
	fputc('"', to);
}

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->to);
	if (key) {
		quoted(j->to, key);
		fputc(':', j->to);
	}
	j->comma = true;
}

void json_begin_object(struct json *j, const char *key)
{
	begin(j, key);
	fputc('{', j->to);
	j->comma = false;
}

void json_end_object(struct json *j)
{
	fputc('}', j->to);
	j->comma = true;
}

void json_begin_array(struct json *j, const char *key)
{
	begin(j, key);
	fputc('[', j->to);
	j->comma = false;
}

void json_end_array(struct json *j)
{
	fputc(']', j->to);
	j->comma = true;
}

void json_put_string(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_put_null(j, key);
		return;
	}
	begin(j, key);
	quoted(j->to, value);
}

void json_put_uint(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	fprintf(j->to, "%" PRIu64, value);
}

void json_put_hex(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	fprintf(j->to, "\"0x%" PRIx64 "\"", value);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", j->to);
}

void json_put_null(struct json *j, const char *key)
{
	begin(j, key);
	fputs("null", j->to);
}
