/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BTF, the types that a kernel carries of itself: a reader of its own, over bytes that may be anything.
 * Format: Documentation/bpf/btf.rst, include/uapi/linux/btf.h. Magic 0xeb9f, version 1; kinds 1 to 19. A module's BTF
 * is split: its ids and string offsets go on where the kernel's (`base`) end.
 * Facts: a struct with kind_flag packs a member's bit size into the upper 8 bits of its offset (v4.20). No global variable
 * has a type but those of the per-CPU DATASEC.
 */
#ifndef IMAGE_BTF_H
#define IMAGE_BTF_H

#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"

#define BTF_MAX_SIZE (64U << 20) /* of what is taken as BTF: the kernels of today have 4 to 10 MB */

enum btf_kind {
	BTF_VOID,
	BTF_INT,
	BTF_PTR,
	BTF_ARRAY,
	BTF_STRUCT,
	BTF_UNION,
	BTF_ENUM,
	BTF_FWD,
	BTF_TYPEDEF,
	BTF_VOLATILE,
	BTF_CONST,
	BTF_RESTRICT,
	BTF_FUNC,
	BTF_FUNC_PROTO,
	BTF_VAR,
	BTF_DATASEC,
	BTF_FLOAT,
	BTF_DECL_TAG,
	BTF_TYPE_TAG,
	BTF_ENUM64,
	BTF_KINDS, /* and of a type: a newer one, whose size the layout section says, and nothing else is known */
};

struct btf;

/*
 * Takes `data` over on success (malloc'ed; btf_destroy frees it). `base` is NULL or the kernel's, borrowed: it outlives the
 * split one. All records are gone over once, so that every id, name, offset and count that is used later lies inside: a
 * type that does not fit ends in ERR_CORRUPT, which names id, kind and offset.
 */
int btf_create(uint8_t *data, size_t len, const struct btf *base, struct btf **ret,
	       struct err *err) _must_check_;
void btf_destroy(struct btf *btf); /* NULL is fine */

uint32_t btf_end(const struct btf *btf);   /* ids are below; those of the base are among them */
uint32_t btf_start(const struct btf *btf); /* the first of its own: 1 without a base */

struct btf_type {
	uint32_t id;
	enum btf_kind kind;
	const char *name; /* "" for an anonymous one; borrowed */
	uint32_t size;    /* bytes: int, struct, union, enum, float, datasec; else 0 */
	uint32_t
		target; /* id: what a pointer, typedef, qualifier, var, func, array points at or consists of */
	uint32_t vlen;                    /* members, values, parameters, variables */
	uint32_t elements;                /* of an array */
	uint32_t index;                   /* id of an array's index type */
	uint8_t bits, bit_offset;         /* of an int */
	bool is_signed, is_char, is_bool; /* of an int; is_signed of an enum as well */
	bool kind_flag;                   /* fwd: it is a union */
	uint32_t linkage;                 /* of a var or func: 0 static, 1 global, 2 extern */
	int32_t component; /* of a decl_tag: the member or parameter that it is for; -1: the whole */
	uint64_t body;     /* where its members are; for btf_member() and the like */
};

/* False: no such id. id 0 is void. */
bool btf_get(const struct btf *btf, uint32_t id, struct btf_type *ret);

struct btf_member {
	const char *name;    /* "" for an anonymous struct or union in it */
	uint32_t type;       /* id */
	uint64_t bit_offset; /* from the beginning of the struct that was asked */
	uint32_t bit_size;   /* of a bit field; 0: it is none */
};

bool btf_member(const struct btf *btf, const struct btf_type *type, uint32_t i,
		struct btf_member *ret); /* of a struct or union */

struct btf_value {
	const char *name;
	int64_t value; /* the bits of a uint64_t if the enum is not signed */
};
bool btf_value(const struct btf *btf, const struct btf_type *type, uint32_t i,
	       struct btf_value *ret); /* of an enum or enum64 */

struct btf_param {
	const char *name;
	uint32_t type; /* 0, and no name, of the last: varargs */
};
bool btf_param(const struct btf *btf, const struct btf_type *type, uint32_t i,
	       struct btf_param *ret);

struct btf_var {
	uint32_t type; /* id of a VAR or FUNC */
	uint32_t offset, size;
};
bool btf_var(const struct btf *btf, const struct btf_type *type, uint32_t i,
	     struct btf_var *ret); /* of a datasec */

/* The first of that kind and name, of its own types before the base's; 0: none. By a hash. A FWD never counts as its struct. */
uint32_t btf_find(const struct btf *btf, enum btf_kind kind, const char *name);

/* Of a struct, union, typedef or enum of this name, whichever there is: "task_struct", "struct task_struct", "pid_t". 0: none */
uint32_t btf_find_type(const struct btf *btf, const char *name);

/* Through typedefs, qualifiers and tags to what it really is. False: they go round in a circle, or lead nowhere. */
bool btf_strip(const struct btf *btf, uint32_t id, struct btf_type *ret);

/* Bytes of a value of this type, arrays and pointers (8) included; false: it has no size, or one that overflows. */
bool btf_sizeof(const struct btf *btf, uint32_t id, uint64_t *ret);

/*
 * A member by its path, "a.b.c", "a[3].b": goes into anonymous structs and unions. bit_offset is from the beginning of `id`.
 * False: no such member; `ret->name` is then where in the path the piece begins that was not found.
 */
bool btf_path(const struct btf *btf, uint32_t id, const char *path, struct btf_member *ret);

/* An enumerator of whatever enum has it: "NR_FREE_PAGES". False: none. By a hash. */
bool btf_enumerator(const struct btf *btf, const char *name, int64_t *ret);

/* C's name of a type: "struct list_head *", "int [3]", "void (*)(int)"; cut to the buffer. Returns buf. */
const char *btf_type_name(const struct btf *btf, uint32_t id, char *buf, size_t size);

/* The same as what declares `name`: "struct list_head *next", "char comm[16]", "void (*func)(int)". */
const char *btf_declaration(const struct btf *btf, uint32_t id, const char *name, char *buf,
			    size_t size);

#endif
