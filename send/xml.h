/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few words that are wanted of an object store's answers. No parser: what is not found is not there, whatever else the text
 * is. It is hostile, and ends with a NUL.
 */
#ifndef SEND_XML_H
#define SEND_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Name of the outermost element, without a namespace's prefix; false: there is none that fits. */
bool xml_root(const char *text, char *ret, size_t size);

/*
 * The text in the first element of that name, with its entities replaced; false: there is none, it has elements or
 * control characters in it, or does not fit.
 */
bool xml_text(const char *text, const char *name, char *ret, size_t size);

/* Write text such that it can stand in an element. */
void xml_put(const char *text, FILE *to);

#endif
