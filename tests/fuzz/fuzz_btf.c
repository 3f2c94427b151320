// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input: 16 bits, the length of a first BTF, that one, and a second one behind it, which is split if the first is not empty.
 *
 * Property: either an error, or every id can be got with all that is in it, every name and enumerator is found (the first
 * of its name), and looking for sizes, paths and names, and showing types and values of them, ends.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "image/ctype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHOWN 8 /* types of an input that are written out: a hostile one has thousands of lines */

static void must(bool good)
{
	if (!good)
		abort();
}

static void found(const struct btf *btf, const struct btf_type *t)
{
	struct btf_type first;
	uint32_t id;

	if (!*t->name || t->kind >= BTF_KINDS)
		return;
	id = btf_find(btf, t->kind, t->name);
	must(id && (id <= t->id || t->id < btf_start(btf)) && btf_get(btf, id, &first));
	must(first.kind == t->kind && !strcmp(first.name, t->name));
}

static void walk(const struct btf *btf, const struct btf_type *t)
{
	struct btf_member m, again;
	struct btf_param p;
	struct btf_value v;
	struct btf_var var;
	uint64_t bytes;
	uint32_t n = 0;
	char name[64];

	for (uint32_t i = 0; btf_member(btf, t, i, &m); i++, n++) {
		must(m.type < btf_end(btf) && m.bit_offset <= (uint64_t)t->size * 8);
		if (i < 4)
			btf_path(btf, t->id, m.name, &again);
	}
	for (uint32_t i = 0; btf_value(btf, t, i, &v); i++, n++) {
		int64_t value;

		must(!*v.name || btf_enumerator(btf, v.name, &value));
	}
	for (uint32_t i = 0; btf_param(btf, t, i, &p); i++, n++)
		must(p.type < btf_end(btf) && p.name);
	for (uint32_t i = 0; btf_var(btf, t, i, &var); i++, n++)
		must(var.type < btf_end(btf));
	if (t->kind == BTF_STRUCT || t->kind == BTF_UNION || t->kind == BTF_ENUM ||
	    t->kind == BTF_ENUM64 || t->kind == BTF_FUNC_PROTO || t->kind == BTF_DATASEC)
		must(n == t->vlen);
	must(t->target < btf_end(btf) && t->index < btf_end(btf));
	btf_sizeof(btf, t->id, &bytes);
	must(strlen(btf_type_name(btf, t->id, name, sizeof(name))) < sizeof(name));
}

static void show(const struct btf *btf, struct bytes memory, FILE *to)
{
	static const char *const paths[] = {"a", "v[1]", "[0].x", "a.b.c", "v[4294967295].next"};
	uint32_t step = btf_end(btf) / SHOWN + 1;
	struct btf_member m;
	struct json j;

	for (uint32_t id = 0; id < btf_end(btf); id += step) {
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			btf_path(btf, id, paths[i], &m);
		ctype_define(btf, id, to);
		ctype_show_bytes(NULL, btf, id, memory, NULL, to);
		json_init(&j, to);
		ctype_define_json(btf, id, &j, NULL);
		ctype_show_bytes_json(NULL, btf, id, memory, NULL, &j, NULL);
	}
}

/* What btf_create() takes over it gets in memory of exactly its size. */
static struct btf *create(struct bytes b, const struct btf *base)
{
	uint8_t *copy = malloc(b.len ? b.len : 1);
	struct btf *btf = NULL;
	struct err err;

	must(copy);
	if (b.len)
		memcpy(copy, b.data, b.len);
	if (btf_create(copy, b.len, base, &btf, &err))
		free(copy);
	return btf;
}

static void all_of(const struct btf *btf, struct bytes memory, FILE *to)
{
	struct btf_type t;

	if (!btf)
		return;
	for (uint32_t id = btf_start(btf); id < btf_end(btf); id++) {
		must(btf_get(btf, id, &t) && t.id == id);
		found(btf, &t);
		walk(btf, &t);
	}
	must(!btf_get(btf, btf_end(btf), &t));
	show(btf, memory, to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes whole = {data, size}, first, second;
	struct btf *base, *btf = NULL;
	uint16_t len;
	FILE *to;

	if (!bytes_le16(whole, 0, &len) || !bytes_sub(whole, 2, NUM_MIN(len, size - 2), &first) ||
	    !bytes_sub(whole, 2 + first.len, size - 2 - first.len, &second))
		return 0;
	to = fopen("/dev/null", "we");
	must(to);
	base = create(first, NULL);
	if (base || !first.len)
		btf = create(second, base);
	all_of(base, whole, to);
	all_of(btf, whole, to);
	btf_destroy(btf);
	btf_destroy(base);
	fclose(to);
	return 0;
}
