/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a file, as they were sent: a text that a plain web server gets beside them. `sha256sum -c` takes it.
 *
 *   # lifeboat-parts-1 BYTES SHA256      of the whole file
 *   # BYTES                              of the next one
 *   SHA256  NAME.part-00001
 *   …
 *
 * `cat NAME.part-*` makes the file of them.
 */
#ifndef SEND_PARTS_H
#define SEND_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"

#define PARTS_MAX      10000 /* as of S3 */
#define PARTS_MAX_TEXT (4u << 20)

struct part {
	uint64_t bytes;
	uint8_t digest[32];
	char *etag; /* as an object store called it; NULL: none */
};

struct parts {
	struct part *v;
	size_t n;
	uint64_t bytes; /* of the whole */
	uint8_t digest[32];
};

/* Append one; its ETag is copied, "" is none. */
int parts_add(struct parts *parts, uint64_t bytes, const uint8_t digest[32], const char *etag,
	      struct err *err) _must_check_;
void parts_deinit(struct parts *parts);

/*
 * Size of a part: the first ones have `first` bytes, then, PARTS_OF_SIZE parts later each time, twice as many: 10000 parts are 5 TB.
 * No more than `most`, but if `first` or `least` is.
 */
#define PARTS_OF_SIZE 1000
size_t parts_size(uint64_t first, size_t number, uint64_t most, size_t least);

/* "NAME.part-00001"; numbers are from 1 on. */
#define PARTS_SUFFIX 16
void parts_suffix(size_t number, char ret[PARTS_SUFFIX]);

/* The text; `name` is the file's, without folders. */
void parts_put(const struct parts *parts, const char *name, FILE *to);
/* It must be whole, and of that name: ERR_CORRUPT. */
int parts_parse(struct bytes text, const char *name, struct parts *ret,
		struct err *err) _must_check_;

#endif
