// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/ctype.h"

#include <inttypes.h>

#include "base/num.h"
#include "base/text.h"
#include "image/module.h"

#define INDENT        4
#define COMMENT       56 /* the column of the comments */
#define MAX_CHAIN     64
#define MAX_NESTING   16
#define MAX_LINES     65536
#define NAME_SIZE     512
#define ANONYMOUS     "{...}" /* as btf_declaration() writes what has no name */
#define BITS_PER_BYTE 8

bool ctype_find(struct kernel *k, const char *name, const struct btf **ret_btf, uint32_t *ret_id)
{
	uint32_t id = k->btf ? btf_find_type(k->btf, name) : 0;

	if (id) {
		*ret_btf = k->btf;
		*ret_id = id;
		return true;
	}
	for (size_t i = 0; k->modules && i < k->modules->n; i++) {
		const struct btf *btf = module_btf(k, &k->modules->v[i]);

		id = btf ? btf_find_type(btf, name) : 0;
		if (id) {
			*ret_btf = btf;
			*ret_id = id;
			return true;
		}
	}
	return false;
}

/* A struct may be said to consist of itself, and that twice: what has been written counts. */
struct definer {
	const struct btf *btf;
	FILE *to;
	struct json *j;
	uint32_t lines; /* that may still be written */
};

/* Names are the dump's: nothing of them reaches the terminal as it is. */
static void put_plain(struct definer *d, const char *text, size_t *column)
{
	char plain[NAME_SIZE * 2];

	text_plain(text, plain, sizeof(plain));
	fputs(plain, d->to);
	*column += text_columns(plain);
}

static size_t put_indent(struct definer *d, int nesting)
{
	fprintf(d->to, "%*s", nesting * INDENT, "");
	return (size_t)nesting * INDENT;
}

static void pad(struct definer *d, size_t column)
{
	fprintf(d->to, "%*s", column < COMMENT ? (int)(COMMENT - column) : 1, "");
}

static bool is_record(enum btf_kind kind)
{
	return kind == BTF_STRUCT || kind == BTF_UNION;
}

static bool is_enum(enum btf_kind kind)
{
	return kind == BTF_ENUM || kind == BTF_ENUM64;
}

/* The struct, union or enum without a name that a member is, has an array of or points at. */
static bool find_anonymous(const struct btf *btf, uint32_t id, struct btf_type *ret,
			   bool *ret_pointer)
{
	*ret_pointer = false;
	for (int i = 0; i < MAX_CHAIN && btf_get(btf, id, ret); i++, id = ret->target) {
		*ret_pointer |= ret->kind == BTF_PTR;
		if (is_record(ret->kind) || is_enum(ret->kind))
			return !*ret->name;
		if (ret->kind != BTF_PTR && ret->kind != BTF_ARRAY && ret->kind != BTF_CONST &&
		    ret->kind != BTF_VOLATILE && ret->kind != BTF_RESTRICT &&
		    ret->kind != BTF_TYPE_TAG)
			break;
	}
	return false;
}

/* Bits that a member takes; 0: it has none, or it is not known how many. */
static uint64_t member_bits(const struct btf *btf, const struct btf_member *m)
{
	uint64_t size;

	if (m->bit_size)
		return m->bit_size;
	return btf_sizeof(btf, m->type, &size) && num_mul(size, (uint64_t)BITS_PER_BYTE, &size)
		       ? size
		       : 0;
}

/* ---- as C */

static void put_body(struct definer *d, const struct btf_type *t, uint64_t base, int nesting);

/* "name;" with what is before it: `text` is a declaration, whose {...} is written out. */
static void put_declaration(struct definer *d, const struct btf_member *m, const char *text,
			    uint64_t base, int nesting)
{
	size_t column = put_indent(d, nesting);
	uint64_t bits = member_bits(d->btf, m), at = base + m->bit_offset;
	const char *hidden = strstr(text, ANONYMOUS);
	struct btf_type inner;
	bool pointer;

	if (hidden && nesting < MAX_NESTING && find_anonymous(d->btf, m->type, &inner, &pointer)) {
		fprintf(d->to, "%.*s", (int)(hidden - text), text);
		put_body(d, &inner, pointer ? 0 : at, nesting);
		column = (size_t)nesting * INDENT + 1; /* of the brace */
		text = hidden + strlen(ANONYMOUS);
	}
	put_plain(d, text, &column);
	if (m->bit_size)
		column += (size_t)fprintf(d->to, ":%u", m->bit_size);
	fputc(';', d->to);
	pad(d, column + 1);
	fprintf(d->to, "/* %5" PRIu64, at / BITS_PER_BYTE);
	if (m->bit_size || at % BITS_PER_BYTE)
		fprintf(d->to, ":%-2" PRIu64 " %2" PRIu64 " bits */\n", at % BITS_PER_BYTE, bits);
	else
		fprintf(d->to, " %6" PRIu64 " */\n", bits / BITS_PER_BYTE);
}

static void put_hole(struct definer *d, uint64_t from, uint64_t to, int nesting)
{
	if (to <= from)
		return;
	put_indent(d, nesting);
	if ((to - from) % BITS_PER_BYTE)
		fprintf(d->to, "/* %" PRIu64 " bits unused */\n", to - from);
	else
		fprintf(d->to, "/* %" PRIu64 " bytes unused */\n", (to - from) / BITS_PER_BYTE);
}

static void put_members(struct definer *d, const struct btf_type *t, uint64_t base, int nesting)
{
	uint64_t end = 0; /* of what was there so far, in bits of this struct */
	struct btf_member m;

	for (uint32_t i = 0; btf_member(d->btf, t, i, &m); i++) {
		char text[NAME_SIZE];

		if (!d->lines) {
			put_indent(d, nesting);
			fputs("...\n", d->to);
			return;
		}
		d->lines--;
		if (t->kind == BTF_STRUCT)
			put_hole(d, end, m.bit_offset, nesting);
		btf_declaration(d->btf, m.type, m.name, text, sizeof(text));
		put_declaration(d, &m, text, base, nesting);
		end = NUM_MAX(end, m.bit_offset + member_bits(d->btf, &m));
	}
	if (t->kind == BTF_STRUCT)
		put_hole(d, end, (uint64_t)t->size * BITS_PER_BYTE, nesting);
}

static void put_values(struct definer *d, const struct btf_type *t, int nesting)
{
	struct btf_value v;

	for (uint32_t i = 0; btf_value(d->btf, t, i, &v); i++) {
		size_t column = put_indent(d, nesting);

		if (!d->lines) {
			fputs("...\n", d->to);
			return;
		}
		d->lines--;
		put_plain(d, v.name, &column);
		if (t->is_signed)
			fprintf(d->to, " = %" PRIi64 ",\n", v.value);
		else
			fprintf(d->to, " = %" PRIu64 ",\n", (uint64_t)v.value);
	}
}

static void put_body(struct definer *d, const struct btf_type *t, uint64_t base, int nesting)
{
	fputs("{\n", d->to);
	if (is_enum(t->kind))
		put_values(d, t, nesting + 1);
	else
		put_members(d, t, base, nesting + 1);
	put_indent(d, nesting);
	fputc('}', d->to);
}

static void put_size(struct definer *d, uint32_t id, size_t column)
{
	uint64_t size;

	if (btf_sizeof(d->btf, id, &size)) {
		pad(d, column);
		fprintf(d->to, "/* %" PRIu64 " bytes */", size);
	}
	fputc('\n', d->to);
}

static void put_type(struct definer *d, uint32_t id, int typedefs)
{
	char text[NAME_SIZE], *hidden;
	struct btf_type t, inner;
	size_t column = 0;
	bool pointer;

	if (!btf_get(d->btf, id, &t))
		return;
	if (is_record(t.kind) || is_enum(t.kind)) {
		put_plain(d, btf_type_name(d->btf, id, text, sizeof(text)), &column);
		fputc(' ', d->to);
		put_body(d, &t, 0, 0);
		fputc(';', d->to);
		put_size(d, id, 2);
		return;
	}
	if (t.kind == BTF_TYPEDEF)
		column += (size_t)fprintf(d->to, "typedef ");
	if (t.kind == BTF_TYPEDEF || t.kind == BTF_VAR || t.kind == BTF_FUNC)
		btf_declaration(d->btf, t.target, t.name, text, sizeof(text));
	else
		btf_type_name(d->btf, id, text, sizeof(text));
	hidden = strstr(text, ANONYMOUS);
	if (t.kind == BTF_TYPEDEF && hidden && find_anonymous(d->btf, t.target, &inner, &pointer)) {
		fprintf(d->to, "%.*s", (int)(hidden - text), text);
		put_body(d, &inner, 0, 0);
		put_plain(d, hidden + strlen(ANONYMOUS), &column);
		fputc(';', d->to);
		put_size(d, id, column + 2 - strlen("typedef "));
		return;
	}
	put_plain(d, text, &column);
	fputc(';', d->to);
	put_size(d, id, column + 1);
	/* what it stands for, if that is more than another word */
	if (t.kind == BTF_TYPEDEF && typedefs < MAX_NESTING && btf_get(d->btf, t.target, &inner) &&
	    (is_record(inner.kind) || is_enum(inner.kind) || inner.kind == BTF_TYPEDEF))
		put_type(d, t.target, typedefs + 1);
}

void ctype_define(const struct btf *btf, uint32_t id, FILE *to)
{
	struct definer d = {.btf = btf, .to = to, .lines = MAX_LINES};

	put_type(&d, id, 0);
}

/* ---- as JSON */

static const char *kind_name(enum btf_kind kind)
{
	static const char *const names[BTF_KINDS] = {
		"void", "int",     "pointer",  "array",    "struct",   "union", "enum",
		"fwd",  "typedef", "volatile", "const",    "restrict", "func",  "func_proto",
		"var",  "datasec", "float",    "decl_tag", "type_tag", "enum",
	};

	return kind < BTF_KINDS ? names[kind] : "unknown";
}

static void list_body(struct definer *d, const struct btf_type *t, uint64_t base, int nesting);

static void list_member(struct definer *d, const struct btf_member *m, uint64_t base, int nesting)
{
	uint64_t at = base + m->bit_offset, bits = member_bits(d->btf, m);
	struct btf_type inner;
	char text[NAME_SIZE];
	bool pointer;

	json_begin_object(d->j, NULL);
	json_put_string(d->j, "name", *m->name ? m->name : NULL);
	json_put_string(d->j, "type", btf_type_name(d->btf, m->type, text, sizeof(text)));
	json_put_uint(d->j, "offset", at / BITS_PER_BYTE);
	if (m->bit_size) {
		json_put_uint(d->j, "bit_offset", at % BITS_PER_BYTE);
		json_put_uint(d->j, "bit_size", m->bit_size);
	} else {
		json_put_uint(d->j, "size", bits / BITS_PER_BYTE);
	}
	if (nesting < MAX_NESTING && find_anonymous(d->btf, m->type, &inner, &pointer))
		list_body(d, &inner, pointer ? 0 : at, nesting + 1);
	json_end_object(d->j);
}

static void list_body(struct definer *d, const struct btf_type *t, uint64_t base, int nesting)
{
	struct btf_member m;
	struct btf_value v;

	json_begin_array(d->j, is_enum(t->kind) ? "values" : "members");
	for (uint32_t i = 0; d->lines && btf_member(d->btf, t, i, &m); i++) {
		d->lines--;
		list_member(d, &m, base, nesting);
	}
	for (uint32_t i = 0; d->lines && btf_value(d->btf, t, i, &v); i++) {
		d->lines--;
		json_begin_object(d->j, NULL);
		json_put_string(d->j, "name", v.name);
		if (t->is_signed)
			json_put_int(d->j, "value", v.value);
		else
			json_put_uint(d->j, "value", (uint64_t)v.value);
		json_end_object(d->j);
	}
	json_end_array(d->j);
}

void ctype_define_json(const struct btf *btf, uint32_t id, struct json *j, const char *key)
{
	struct definer d = {.btf = btf, .j = j, .lines = MAX_LINES};
	struct btf_type t, inner;
	char text[NAME_SIZE];
	uint64_t size;

	if (!btf_get(btf, id, &t)) {
		json_put_null(j, key);
		return;
	}
	json_begin_object(j, key);
	json_put_string(j, "name", btf_type_name(btf, id, text, sizeof(text)));
	json_put_string(j, "kind", kind_name(t.kind));
	if (btf_sizeof(btf, id, &size))
		json_put_uint(j, "size", size);
	else
		json_put_null(j, "size");
	if (t.kind == BTF_TYPEDEF)
		json_put_string(j, "target", btf_type_name(btf, t.target, text, sizeof(text)));
	if (btf_strip(btf, id, &inner) && (is_record(inner.kind) || is_enum(inner.kind)))
		list_body(&d, &inner, 0, 0);
	json_end_object(j);
}
