/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small JSON writer over a FILE. Strings are escaped; bytes that are not UTF-8 become U+FFFD, so the
 * result is always valid JSON. Check ferror() of the stream at the end. Keys may be NULL inside an
 * array. Addresses and other 64-bit values that must not lose bits go out as strings (json_put_hex).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *to;
	bool comma; /* a value was written at this depth */
};

void json_init(struct json *j, FILE *to);
void json_begin_object(struct json *j, const char *key); /* opens; close with json_end_object */
void json_end_object(struct json *j);
void json_begin_array(struct json *j, const char *key);
void json_end_array(struct json *j);
void json_put_string(struct json *j, const char *key, const char *value); /* NULL writes null */
void json_put_uint(struct json *j, const char *key, uint64_t value);
void json_put_known(struct json *j, const char *key, uint64_t value); /* 0 writes null */
void json_put_int(struct json *j, const char *key, int64_t value);
void json_put_hex(struct json *j, const char *key, uint64_t value); /* "0x1f" */
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_null(struct json *j, const char *key);

#endif
