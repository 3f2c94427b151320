// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * C's names of types. C writes them from the inside out: what is said of the name itself stands next to it, a pointer
 * before it, an array or a function behind it, and what all of it is made of at the very left.
 */
#include "image/btf.h"

#include <string.h>

#define MAX_STEPS      256 /* pointers, qualifiers, typedefs … of all that is in one name */
#define MAX_PROTOS     3   /* functions that take functions */
#define MAX_PARAMS     32
#define NAME_SIZE      512
#define MAX_QUALIFIERS 64

/* A function may be said to take itself, many times over: what was gone over counts. */
struct namer {
	const struct btf *btf;
	int steps; /* that are left */
};

static const char *declare(struct namer *n, uint32_t id, const char *name, char *buf, size_t size,
			   int depth);

/* Text that grows at both ends; what has no room is left out. */
struct growing {
	char text[NAME_SIZE];
	size_t len;
};

static void prepend(struct growing *g, const char *s)
{
	size_t n = strlen(s);

	if (n >= sizeof(g->text) - g->len)
		return;
	memmove(g->text + n, g->text, g->len + 1);
	memcpy(g->text, s, n);
	g->len += n;
}

static void append(struct growing *g, const char *s)
{
	size_t n = strlen(s);

	if (n >= sizeof(g->text) - g->len)
		return;
	memcpy(g->text + g->len, s, n + 1);
	g->len += n;
}

static void append_params(struct growing *g, struct namer *n, const struct btf_type *proto,
			  int depth)
{
	struct btf_param p;

	append(g, "(");
	for (uint32_t i = 0; btf_param(n->btf, proto, i, &p); i++) {
		char buf[NAME_SIZE / 4];

		if (i)
			append(g, ", ");
		if (i == MAX_PARAMS || !n->steps || depth >= MAX_PROTOS || (!p.type && !*p.name)) {
			append(g, "...");
			break;
		}
		append(g, declare(n, p.type, "", buf, sizeof(buf), depth + 1));
	}
	if (!proto->vlen)
		append(g, "void");
	append(g, ")");
}

static const char *qualifier(enum btf_kind kind)
{
	return kind == BTF_CONST ? "const" : kind == BTF_VOLATILE ? "volatile" : "restrict";
}

/* What a type is called that no other is part of. */
static void name_leaf(const struct btf_type *t, char *buf, size_t size)
{
	const char *word = "";

	if (t->kind == BTF_STRUCT || (t->kind == BTF_FWD && !t->kind_flag))
		word = "struct ";
	else if (t->kind == BTF_UNION || t->kind == BTF_FWD)
		word = "union ";
	else if (t->kind == BTF_ENUM || t->kind == BTF_ENUM64)
		word = "enum ";
	if (*t->name)
		snprintf(buf, size, "%s%s", word, t->name);
	else
		snprintf(buf, size, "%s{...}", word);
}

/* Go from the name outwards; what is left at the end is the leaf, and the qualifiers that go with it. */
static uint32_t wind(struct namer *n, uint32_t id, struct growing *g, char *qualifiers, size_t size,
		     int depth)
{
	bool pointer = false; /* the last that was put to the name */
	struct btf_type t;

	*qualifiers = '\0';
	for (; n->steps > 0; id = t.target) {
		char word[24];

		n->steps--;
		if (!btf_get(n->btf, id, &t))
			return id;
		if (t.kind == BTF_PTR) {
			/* those so far were the pointer's, not the leaf's */
			if (*qualifiers && g->len && g->text[0] != '*' && g->text[0] != '(' &&
			    g->text[0] != '[')
				prepend(g, " ");
			prepend(g, qualifiers);
			prepend(g, *qualifiers ? "* " : "*");
			*qualifiers = '\0';
			pointer = true;
		} else if (t.kind == BTF_ARRAY || t.kind == BTF_FUNC_PROTO) {
			if (pointer) {
				prepend(g, "(");
				append(g, ")");
			}
			pointer = false;
			snprintf(word, sizeof(word), "[%u]", t.elements);
			if (t.kind == BTF_ARRAY)
				append(g, t.elements ? word : "[]");
			else
				append_params(g, n, &t, depth);
		} else if (t.kind == BTF_CONST || t.kind == BTF_VOLATILE ||
			   t.kind == BTF_RESTRICT) {
			size_t len = strlen(qualifiers);

			snprintf(qualifiers + len, size - len, "%s%s", len ? " " : "",
				 qualifier(t.kind));
		} else if (t.kind != BTF_TYPE_TAG) {
			return id;
		}
	}
	return UINT32_MAX; /* round in a circle */
}

static const char *declare(struct namer *n, uint32_t id, const char *name, char *buf, size_t size,
			   int depth)
{
	char qualifiers[MAX_QUALIFIERS], leaf[NAME_SIZE + 16];
	struct growing g = {.len = 0};
	struct btf_type t;

	append(&g, name);
	id = wind(n, id, &g, qualifiers, sizeof(qualifiers), depth);
	if (btf_get(n->btf, id, &t))
		name_leaf(&t, leaf, sizeof(leaf));
	else
		snprintf(leaf, sizeof(leaf), "?");
	snprintf(buf, size, "%s%s%s%s%s", qualifiers, *qualifiers ? " " : "", leaf,
		 g.len ? " " : "", g.text);
	return buf;
}

const char *btf_declaration(const struct btf *btf, uint32_t id, const char *name, char *buf,
			    size_t size)
{
	return declare(&(struct namer){btf, MAX_STEPS}, id, name, buf, size, 0);
}

const char *btf_type_name(const struct btf *btf, uint32_t id, char *buf, size_t size)
{
	return declare(&(struct namer){btf, MAX_STEPS}, id, "", buf, size, 0);
}
