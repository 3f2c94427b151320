/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What text files of "key value" lines have in common, whatever parts the key from the value: configuration, recipe,
 * records. The text is hostile: it may hold any byte and end anywhere. It is cut in place.
 */
#ifndef BASE_KEYVALUE_H
#define BASE_KEYVALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

#define KEYVALUE_QUOTE 80 /* bytes of a bad key or value that a message repeats */

/*
 * A copy of a text of at most `max` bytes, which can be cut; `what` it is ("a recipe") is for the message. *ret is
 * malloc'ed and has a NUL behind its text.len bytes. ERR_USAGE: too long.
 */
int keyvalue_copy(struct bytes text, size_t max, const char *name, const char *what, char **ret,
		  struct err *err) _must_check_;

struct keyvalue_lines {
	char *next, *end;    /* end[0] can be written to */
	unsigned int number; /* of the line that keyvalue_line() gave last, from 1; 0: none yet */
};

/* False at the end. *ret has a NUL in place of its newline; one that is within it is only seen by *ret_len. */
bool keyvalue_line(struct keyvalue_lines *in, char **ret, size_t *ret_len);

static inline bool keyvalue_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cut blanks off both ends; returns the new start. */
char *keyvalue_trim(char *text);

/* ERR_USAGE if there is a control character that is not a tab, naming its column; the first one has the number `column`. */
int keyvalue_check(const char *text, size_t len, size_t column, struct err *err) _must_check_;

/* ERR_USAGE: "'VALUE' is not WANTED". */
int keyvalue_bad(const char *value, const char *wanted, struct err *err);

/* A number of that range, as num_parse_range(); what is too long to be one is cut in the message. */
int keyvalue_number(const char *value, uint64_t min, uint64_t max, uint64_t *ret,
		    struct err *err) _must_check_;

#endif
