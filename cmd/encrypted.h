/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps and logs that are encrypted (crypt/age.h): what can be said of them here, and what opens them. */
#ifndef CMD_ENCRYPTED_H
#define CMD_ENCRYPTED_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

/* Is it such a file, by its first bytes? What cannot be read is none. */
bool encrypted_is(const char *path);

/*
 * ERR_UNSUPPORTED: to whom this file is encrypted, and the command that lets `lifeboat VERB` see what is in it; ERR_CORRUPT if it is
 * none, or damaged.
 */
int encrypted_refuse(const char *path, const char *verb, struct err *err);

/* "age -d -i KEY PATH | lifeboat VERB -", or what shows a log, for a shell. */
void encrypted_print_command(FILE *to, const char *path, const char *verb);

/*
 * Check what can be checked without a key and print it (or, with `json`, put it into that object), with what only the key tells.
 * ERR_CORRUPT if something is wrong, ERR_PARTIAL if its name says that it is not whole.
 */
int encrypted_verify(const char *path, struct json *json, struct err *err) _must_check_;

/* The same, without a word. */
int encrypted_check(const char *path, struct err *err) _must_check_;

#endif
