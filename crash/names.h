/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of functions, and what a function on a stack is there for: the tables of docs/signature.md. */
#ifndef CRASH_NAMES_H
#define CRASH_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* `name` without suffixes. It only reports a crash, or goes to sleep. */
bool names_is_reporting(const char *name);

/* The way into the kernel, or what began the task: what is further out has nothing to do with the crash. */
bool names_is_entry(const char *name);

/* The tables; NULL behind the last. */
const char *names_reporting(size_t i);
const char *names_entry(size_t i);

/* A function as it counts: without what the compiler put behind it, and what differs between architectures or boots. */
void names_plain(const char *function, char *ret, size_t size);

/* A text without numbers, addresses, names of devices and the like; at most `size` bytes with the NUL. */
void names_normalize(const char *text, char *ret, size_t size);

#endif
