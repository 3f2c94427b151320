/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types for people: a definition as C with offsets and sizes, and what memory holds, read as a value of a type. Both as
 * text and as JSON. Neither ends in an error for what a type or the memory lacks: that is said where it would stand.
 *
 * Text of a value, where `name` is a char array, `next` a pointer, `ops` one that a symbol covers, `state` an enum:
 *
 *   (struct thing) {
 *       .name = "eth0",
 *       .next = 0xffff888003a40000,
 *       .ops = 0xffffffff82012340 <thing_ops+0x0/0x80>,
 *       .label = 0xffffffff82201230 "text that a char * points at",
 *       .state = THING_UP (2),
 *       .counts = {1, 0 <31 times>},
 *       .list = {...},                     deeper than was asked for
 *       .gone = <not in the dump>,
 *   }
 *
 * Members of anonymous structs and unions stand among those of the struct around them. Arrays are cut behind
 * `elements`; equal neighbours are shown once.
 *
 * JSON of a value: a struct or union is an object by member; an array a list, cut as above, so that of a longer one the last
 * item is null; a char array a string (bytes that are not UTF-8 are replaced); a pointer {"address": "0x…"} with "symbol" or
 * "text" where there is such; an enum its name, or the number if it has none; an integer a number, or a "0x…" string beyond
 * 2^53; what is not in the dump or deeper than was asked for null.
 */
#ifndef IMAGE_CTYPE_H
#define IMAGE_CTYPE_H

#include <stdio.h>

#include "base/json.h"
#include "image/btf.h"
#include "image/kernel.h"

#define CTYPE_DEPTH    8       /* structs in structs, unless said otherwise */
#define CTYPE_ELEMENTS 32      /* of an array */
#define CTYPE_VALUES   65536   /* of all in one value; behind that "..." */
#define CTYPE_SIZE     1048576 /* bytes of a value, the rest is not looked at */

/*
 * A type by its name, "task_struct", "struct rq", "pid_t", in the kernel's BTF or, if it is not there, in a module's: reads
 * the types of one module after the other until it is found. False: nobody has it.
 */
bool ctype_find(struct kernel *k, const char *name, const struct btf **ret_btf, uint32_t *ret_id);

/*
 * The definition, with the offset and size of each member in bytes, holes and bit fields; an anonymous struct or union
 * in it likewise. Of a typedef the line, and what it stands for.
 */
void ctype_define(const struct btf *btf, uint32_t id, FILE *to);
/*
 * {"name", "kind", "size", "members": [{"name", "type", "offset", "size", "bit_offset", "bit_size", "members"}]} or, of an
 * enum, "values": [{"name", "value"}]; of a typedef "target".
 */
void ctype_define_json(const struct btf *btf, uint32_t id, struct json *j, const char *key);

struct ctype_options {
	unsigned int depth;    /* 0: CTYPE_DEPTH */
	unsigned int elements; /* 0: CTYPE_ELEMENTS */
};

/*
 * The value at `addr`. `path` as btf_path() takes it, for a part of it, else NULL: `(struct list_head) {…}` of "tasks",
 * not the whole struct. `opt` NULL: as usual. ERR_NOT_FOUND: no such member (named), or nothing of it is in the dump;
 * ERR_CORRUPT: the type has no size. A text ends with a line's end.
 */
int ctype_show(struct kernel *k, const struct btf *btf, uint32_t id, const char *path,
	       uint64_t addr, const struct ctype_options *opt, FILE *to,
	       struct err *err) _must_check_;
int ctype_show_json(struct kernel *k, const struct btf *btf, uint32_t id, const char *path,
		    uint64_t addr, const struct ctype_options *opt, struct json *j, const char *key,
		    struct err *err) _must_check_;

/* The same of bytes that one has: `k` may be NULL, then pointers have no symbols and no text. */
void ctype_show_bytes(struct kernel *k, const struct btf *btf, uint32_t id, struct bytes data,
		      const struct ctype_options *opt, FILE *to);
void ctype_show_bytes_json(struct kernel *k, const struct btf *btf, uint32_t id, struct bytes data,
			   const struct ctype_options *opt, struct json *j, const char *key);

#endif
