// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab-btf: all that image/btf.h says of a file of BTF, for tests/system/types.py.
 *
 *     lab-btf FILE [BASE]
 *
 * One line for each type, in the form of `bpftool btf dump file FILE format raw`; of a module's BTF only its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "image/btf.h"

static const char *const kinds[BTF_KINDS + 1] = {
	"UNKNOWN", "INT",     "PTR",      "ARRAY",    "STRUCT",   "UNION",  "ENUM",
	"FWD",     "TYPEDEF", "VOLATILE", "CONST",    "RESTRICT", "FUNC",   "FUNC_PROTO",
	"VAR",     "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG", "ENUM64", "UNKNOWN",
};

static const char *anon(const char *name)
{
	return *name ? name : "(anon)";
}

static const char *linkage(const struct btf_type *t)
{
	static const char *const names[] = {"static", "global", "extern"};

	return t->linkage < ARRAY_SIZE(names) ? names[t->linkage] : "(unknown)";
}

static void say_int(const struct btf_type *t)
{
	const char *encoding = t->is_signed ? "SIGNED"
			       : t->is_char ? "CHAR"
			       : t->is_bool ? "BOOL"
					    : "(none)";

	printf(" size=%u bits_offset=%u nr_bits=%u encoding=%s", t->size, t->bit_offset, t->bits,
	       encoding);
}

static void say_members(const struct btf *btf, const struct btf_type *t)
{
	struct btf_member m;

	printf(" size=%u vlen=%u", t->size, t->vlen);
	for (uint32_t i = 0; btf_member(btf, t, i, &m); i++) {
		printf("\n\t'%s' type_id=%u bits_offset=%" PRIu64, anon(m.name), m.type,
		       m.bit_offset);
		if (m.bit_size)
			printf(" bitfield_size=%u", m.bit_size);
	}
}

static void say_values(const struct btf *btf, const struct btf_type *t)
{
	const char *suffix = t->kind == BTF_ENUM ? "" : t->is_signed ? "LL" : "ULL";
	struct btf_value v;

	printf(" encoding=%s size=%u vlen=%u", t->is_signed ? "SIGNED" : "UNSIGNED", t->size,
	       t->vlen);
	for (uint32_t i = 0; btf_value(btf, t, i, &v); i++) {
		printf("\n\t'%s' val=", anon(v.name));
		if (t->is_signed)
			printf("%" PRIi64 "%s", v.value, suffix);
		else
			printf("%" PRIu64 "%s", (uint64_t)v.value, suffix);
	}
}

static void say_params(const struct btf *btf, const struct btf_type *t)
{
	struct btf_param p;

	printf(" ret_type_id=%u vlen=%u", t->target, t->vlen);
	for (uint32_t i = 0; btf_param(btf, t, i, &p); i++)
		printf("\n\t'%s' type_id=%u", anon(p.name), p.type);
}

static void say_vars(const struct btf *btf, const struct btf_type *t)
{
	struct btf_type of;
	struct btf_var v;

	printf(" size=%u vlen=%u", t->size, t->vlen);
	for (uint32_t i = 0; btf_var(btf, t, i, &v); i++) {
		printf("\n\ttype_id=%u offset=%u size=%u", v.type, v.offset, v.size);
		if (btf_get(btf, v.type, &of))
			printf(" (%s '%s')", kinds[of.kind], anon(of.name));
	}
}

static void say(const struct btf *btf, const struct btf_type *t)
{
	printf("[%u] %s '%s'", t->id, kinds[t->kind], anon(t->name));
	switch (t->kind) {
	case BTF_INT:
		say_int(t);
		break;
	case BTF_ARRAY:
		printf(" type_id=%u index_type_id=%u nr_elems=%u", t->target, t->index,
		       t->elements);
		break;
	case BTF_STRUCT:
	case BTF_UNION:
		say_members(btf, t);
		break;
	case BTF_ENUM:
	case BTF_ENUM64:
		say_values(btf, t);
		break;
	case BTF_FWD:
		printf(" fwd_kind=%s", t->kind_flag ? "union" : "struct");
		break;
	case BTF_FUNC_PROTO:
		say_params(btf, t);
		break;
	case BTF_DATASEC:
		say_vars(btf, t);
		break;
	case BTF_FLOAT:
		printf(" size=%u", t->size);
		break;
	case BTF_DECL_TAG:
		printf(" type_id=%u component_idx=%d", t->target, t->component);
		break;
	case BTF_VAR:
		printf(" type_id=%u, linkage=%s", t->target, linkage(t));
		break;
	case BTF_FUNC:
		printf(" type_id=%u linkage=%s", t->target, linkage(t));
		break;
	case BTF_PTR:
	case BTF_TYPEDEF:
	case BTF_VOLATILE:
	case BTF_CONST:
	case BTF_RESTRICT:
	case BTF_TYPE_TAG:
		printf(" type_id=%u", t->target);
		break;
	case BTF_VOID:
	case BTF_KINDS:
		break;
	}
	printf("\n");
}

static int read_btf(const char *path, const struct btf *base, struct btf **ret, struct err *err)
{
	uint8_t *data = malloc(BTF_MAX_SIZE);
	FILE *f = fopen(path, "rbe");
	int r = 0;

	if (!data)
		r = err_nomem(err, BTF_MAX_SIZE, "BTF");
	else if (!f)
		r = err_sys(err, errno, "open %s", path);
	if (!r)
		r = btf_create(data, fread(data, 1, BTF_MAX_SIZE, f), base, ret, err);
	if (f)
		fclose(f);
	if (r)
		free(data);
	return r;
}

int main(int argc, char **argv)
{
	struct btf *base = NULL, *btf = NULL;
	struct err err = {0};
	int r = 0;

	if (argc < 2 || argc > 3) {
		fputs("usage: lab-btf FILE [BASE]\n", stderr);
		return ERR_USAGE;
	}
	if (argc == 3)
		r = read_btf(argv[2], NULL, &base, &err);
	if (!r)
		r = read_btf(argv[1], base, &btf, &err);
	if (r)
		fprintf(stderr, "lab-btf: %s\n", err.msg);
	for (uint32_t id = r ? 0 : btf_start(btf); !r && id < btf_end(btf); id++) {
		struct btf_type t;

		if (btf_get(btf, id, &t))
			say(btf, &t);
	}
	btf_destroy(btf);
	btf_destroy(base);
	return r;
}
