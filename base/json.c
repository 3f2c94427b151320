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

/* What lies beyond U+FFFF takes two (RFC 8259, section 7). */
static void escaped(FILE *to, uint32_t c)
{
	if (c >= 0x10000)
		fprintf(to, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	else
		fprintf(to, "\\u%04x", c);
}

/* Somebody looks at it on a terminal as well: what that would obey or hide is escaped, which is the same to a reader of JSON. */
static void quoted(FILE *to, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', to);
	while (*s) {
		size_t n = text_utf8_len((const char *)s);
		uint32_t hidden = n ? text_hidden((const char *)s, n) : 0;

		if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if (hidden)
			escaped(to, hidden);
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

void json_put_int(struct json *j, const char *key, int64_t value)
{
	begin(j, key);
	fprintf(j->to, "%" PRIi64, value);
}

void json_put_known(struct json *j, const char *key, uint64_t value)
{
	if (value)
		json_put_uint(j, key, value);
	else
		json_put_null(j, key);
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
