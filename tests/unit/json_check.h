/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A strict reader of JSON (RFC 8259) for what our writer wrote: is it valid, and what does a path lead
 * to. It shares nothing with base/json.c.
 */
#ifndef TESTS_UNIT_JSON_CHECK_H
#define TESTS_UNIT_JSON_CHECK_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each jc_ function takes the text and returns what follows what it read, NULL if that is not valid. */
static inline const char *jc_value(const char *s);

static inline const char *jc_blank(const char *s)
{
	return s ? s + strspn(s, " \t\r\n") : NULL;
}

static inline const char *jc_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s != '\\')
			continue;
		if (*++s == 'u') {
			for (int i = 0; i < 4; i++)
				if (!isxdigit((unsigned char)*++s))
					return NULL;
		} else if (!*s || !strchr("\"\\/bfnrt", *s)) {
			return NULL;
		}
	}
	return s + 1;
}

static inline const char *jc_number(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && (digits == 1 || *s != '0') ? s + digits : NULL;
}

/* The members of an object or array up to its `end`; keys only in an object. */
static inline const char *jc_members(const char *s, char end)
{
	s = jc_blank(s);
	if (*s == end)
		return s + 1;
	for (;;) {
		if (end == '}') {
			s = jc_blank(jc_string(jc_blank(s)));
			if (!s || *s++ != ':')
				return NULL;
		}
		s = jc_blank(jc_value(s));
		if (!s || (*s != ',' && *s != end))
			return NULL;
		if (*s++ == end)
			return s;
	}
}

static inline const char *jc_value(const char *s)
{
	static const char *const words[] = {"true", "false", "null"};

	s = jc_blank(s);
	if (!s)
		return NULL;
	for (size_t i = 0; i < 3; i++)
		if (strncmp(s, words[i], strlen(words[i])) == 0)
			return s + strlen(words[i]);
	if (*s == '{' || *s == '[')
		return jc_members(s + 1, *s == '{' ? '}' : ']');
	return *s == '"' ? jc_string(s) : jc_number(s);
}

static inline bool json_valid(const char *text)
{
	const char *end = jc_blank(jc_value(text));

	return end && *end == '\0';
}

/* The member `key` (not a number: by name, else by place) of the object or array at s, or NULL. */
static inline const char *jc_member(const char *s, const char *key, size_t len)
{
	long place = isdigit((unsigned char)*key) ? strtol(key, NULL, 10) : -1;
	char end = *s == '{' ? '}' : ']';

	for (s = jc_blank(s + 1); *s != end; s = jc_blank(s)) {
		const char *name = s;

		if (end == '}') {
			s = jc_blank(jc_string(s)) + 1;
			if (strncmp(name + 1, key, len) == 0 && name[len + 1] == '"')
				return jc_blank(s);
		} else if (place-- == 0) {
			return s;
		}
		s = jc_blank(jc_value(s));
		s = jc_blank(*s == ',' ? s + 1 : s);
	}
	return NULL;
}

/*
 * What "capture.phases.0.name" leads to in a valid text, as text: a string with its quotes, a number,
 * null; "absent" if it leads nowhere. In a static buffer.
 */
static inline const char *json_at(const char *text, const char *path)
{
	static char ret[4096];
	const char *s = jc_blank(text);

	while (*path) {
		size_t len = strcspn(path, ".");

		s = *s == '{' || *s == '[' ? jc_member(s, path, len) : NULL;
		if (!s)
			return "absent";
		path += len + (path[len] == '.');
	}
	snprintf(ret, sizeof(ret), "%.*s", (int)(jc_value(s) - s), s);
	return ret;
}

#endif
