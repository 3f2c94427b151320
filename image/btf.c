// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/btf.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"

#define BTF_MAGIC     0xeb9f
#define BTF_VERSION   1
#define HEADER_SIZE   24 /* up to str_len; with a layout 32 */
#define LAYOUT_HEADER 32
#define TYPE_SIZE     12
#define MAX_CHAIN     64   /* typedefs, qualifiers, arrays of arrays: the kernel itself allows 32 */
#define MAX_NESTING   32   /* anonymous structs in each other */
#define MAX_NAME      511  /* KSYM_NAME_LEN - 1 (v6.1), which is what the kernel takes */
#define MAX_LOOKS     4096 /* members that a path may go over for each of its pieces */
#define MAX_PROBES    1024 /* a hash that is worse than this was made to be so */
#define CLASH_COST    64   /* probes that a comparison in vain counts as */
#define POINTER_SIZE  8    /* of the architectures that we know */
#define BITS_PER_BYTE 8
#define KIND_SHIFT    24
#define KIND_MASK     0x7f      /* 7 bits since the layout section came, 5 before; the rest was 0 */
#define VLEN_MASK     0xffffff  /* 24, 16 before */
#define MEMBER_OFFSET 0xffffffU /* kind_flag: bits 0 to 23, and the size above */

struct name_slot {
	uint32_t hash;
	uint32_t id; /* 0: free */
};

struct value_slot {
	uint32_t hash;
	uint32_t id; /* of the enum; 0: free */
	uint32_t index;
};

struct btf {
	uint8_t *data;
	const struct btf *base;
	struct bytes types, strs, layout;
	uint32_t start, end; /* ids of its own */
	uint64_t str_start;  /* offset of its own first string */
	uint32_t *at;        /* where each type of its own is in `types` */
	struct name_slot *names;
	struct value_slot *values;
	uint32_t names_mask, values_mask;
};

/* What is behind the 12 bytes of a type: once, and for each of its vlen elements. */
static const struct {
	uint8_t once, each;
} body_size[BTF_KINDS] = {
	[BTF_INT] = {4, 0},     [BTF_ARRAY] = {12, 0},   [BTF_STRUCT] = {0, 12},
	[BTF_UNION] = {0, 12},  [BTF_ENUM] = {0, 8},     [BTF_FUNC_PROTO] = {0, 8},
	[BTF_VAR] = {4, 0},     [BTF_DATASEC] = {0, 12}, [BTF_DECL_TAG] = {4, 0},
	[BTF_ENUM64] = {0, 12},
};

static bool has_target(uint32_t kind)
{
	const uint32_t kinds = 1U << BTF_PTR | 1U << BTF_TYPEDEF | 1U << BTF_VOLATILE |
			       1U << BTF_CONST | 1U << BTF_RESTRICT | 1U << BTF_FUNC |
			       1U << BTF_FUNC_PROTO | 1U << BTF_VAR | 1U << BTF_DECL_TAG |
			       1U << BTF_TYPE_TAG;

	return kind < BTF_KINDS && kinds >> kind & 1;
}

static bool has_size(uint32_t kind)
{
	const uint32_t kinds = 1U << BTF_INT | 1U << BTF_STRUCT | 1U << BTF_UNION | 1U << BTF_ENUM |
			       1U << BTF_ENUM64 | 1U << BTF_FLOAT | 1U << BTF_DATASEC;

	return kind < BTF_KINDS && kinds >> kind & 1;
}

/* For what was checked when it was created; 0 for what was not. */
static uint32_t word(struct bytes b, uint64_t off)
{
	uint32_t v = 0;

	return bytes_le32(b, off, &v) ? v : 0;
}

static const char *string_at(const struct btf *btf, uint32_t off)
{
	while (btf->base && off < btf->str_start)
		btf = btf->base;
	if (off < btf->str_start || off - btf->str_start >= btf->strs.len)
		return NULL;
	return (const char *)btf->strs.data + (off - btf->str_start);
}

static const char *string_or_empty(const struct btf *btf, uint32_t off)
{
	const char *s = string_at(btf, off);

	return s ? s : "";
}

static const struct btf *owner(const struct btf *btf, uint32_t id)
{
	while (btf && id < btf->start)
		btf = btf->base;
	return btf && id < btf->end ? btf : NULL;
}

/* ---- the hash of names */

static uint32_t hash_name(uint32_t seed, const char *name)
{
	uint32_t h = 2166136261U ^ seed * 0x9e3779b1U; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619U;
	return h ^ h >> 15;
}

/* The slot where it is, or the free one where it belongs; NULL: too many others are in the way. */
static struct name_slot *name_slot(const struct btf *btf, enum btf_kind kind, const char *name,
				   uint32_t hash)
{
	uint32_t cost = 0;

	for (uint32_t i = hash & btf->names_mask; cost < MAX_PROBES;
	     i = (i + 1) & btf->names_mask, cost++) {
		struct name_slot *s = &btf->names[i];
		uint64_t at;

		if (!s->id)
			return s;
		if (s->hash != hash)
			continue;
		at = btf->at[s->id - btf->start];
		if ((word(btf->types, at + 4) >> KIND_SHIFT & KIND_MASK) == (uint32_t)kind &&
		    !strcmp(string_or_empty(btf, word(btf->types, at)), name))
			return s;
		cost += CLASH_COST;
	}
	return NULL;
}

static const char *value_name(const struct btf *btf, uint32_t id, uint32_t index)
{
	uint64_t at = btf->at[id - btf->start];
	uint32_t kind = word(btf->types, at + 4) >> KIND_SHIFT & KIND_MASK;

	if (kind >= BTF_KINDS)
		return "";
	return string_or_empty(
		btf, word(btf->types, at + TYPE_SIZE + (uint64_t)index * body_size[kind].each));
}

static struct value_slot *value_slot(const struct btf *btf, const char *name, uint32_t hash)
{
	uint32_t cost = 0;

	for (uint32_t i = hash & btf->values_mask; cost < MAX_PROBES;
	     i = (i + 1) & btf->values_mask, cost++) {
		struct value_slot *s = &btf->values[i];

		if (!s->id)
			return s;
		if (s->hash != hash)
			continue;
		if (!strcmp(value_name(btf, s->id, s->index), name))
			return s;
		cost += CLASH_COST;
	}
	return NULL;
}

/* The first of a name stays. */
static int add_name(struct btf *btf, uint32_t id, uint32_t kind, const char *name, struct err *err)
{
	uint32_t hash = hash_name(kind, name);
	struct name_slot *s = name_slot(btf, kind, name, hash);

	if (!s)
		return err_set(err, ERR_CORRUPT, "its name is one of too many with one hash");
	if (!s->id)
		*s = (struct name_slot){hash, id};
	return 0;
}

static int add_value(struct btf *btf, uint32_t id, uint32_t index, const char *name,
		     struct err *err)
{
	uint32_t hash = hash_name(0, name);
	struct value_slot *s = value_slot(btf, name, hash);

	if (!s)
		return err_set(err, ERR_CORRUPT,
			       "the name of value %u is one of too many with one hash", index);
	if (!s->id)
		*s = (struct value_slot){hash, id, index};
	return 0;
}

/* ---- checking all of it, once */

struct counts {
	uint32_t types, names, values;
};

static int section(struct bytes whole, const char *name, uint32_t header, uint32_t off,
		   uint32_t len, struct bytes *ret, struct err *err)
{
	if (!bytes_sub(whole, (uint64_t)header + off, len, ret))
		return err_set(err, ERR_CORRUPT,
			       "BTF: %u bytes of %s at offset %u behind a header of %u bytes end "
			       "behind the %zu bytes that there are",
			       len, name, off, header, whole.len);
	return 0;
}

/* The kernel's own begin with the empty string, and every one has an end; none is longer than a name can be. */
static int check_strings(const struct btf *btf, struct err *err)
{
	const uint8_t *p = btf->strs.data, *end = p + btf->strs.len;

	if (!btf->strs.len && btf->base)
		return 0;
	if (!btf->strs.len || end[-1] || (!btf->base && p[0]))
		return err_set(err, ERR_CORRUPT,
			       "BTF: its %zu bytes of strings do not begin and end with a NUL",
			       btf->strs.len);
	while (p < end) {
		const uint8_t *nul = memchr(p, 0, (size_t)(end - p));

		if (nul - p > MAX_NAME)
			return err_set(err, ERR_CORRUPT,
				       "BTF: the string at offset %zu has %zu bytes, more than a "
				       "name's %d",
				       (size_t)(p - btf->strs.data), (size_t)(nul - p), MAX_NAME);
		p = nul + 1;
	}
	return 0;
}

static int parse_header(struct btf *btf, struct bytes whole, struct err *err)
{
	uint32_t header = word(whole, 4);
	uint16_t magic = 0;
	int r;

	if (whole.len < HEADER_SIZE || !bytes_le16(whole, 0, &magic))
		return err_set(err, ERR_CORRUPT, "BTF: %zu bytes have no room for a header",
			       whole.len);
	if (magic == __builtin_bswap16(BTF_MAGIC))
		return err_set(err, ERR_UNSUPPORTED, "BTF: written by a big-endian machine");
	if (magic != BTF_MAGIC)
		return err_set(err, ERR_CORRUPT, "BTF: its magic is 0x%04x, not 0x%04x", magic,
			       BTF_MAGIC);
	if (whole.data[2] != BTF_VERSION)
		return err_set(err, ERR_UNSUPPORTED, "BTF: version %u, of which only 1 is known",
			       whole.data[2]);
	if (header < HEADER_SIZE)
		return err_set(err, ERR_CORRUPT, "BTF: a header of %u bytes", header);
	r = section(whole, "types", header, word(whole, 8), word(whole, 12), &btf->types, err);
	if (!r)
		r = section(whole, "strings", header, word(whole, 16), word(whole, 20), &btf->strs,
			    err);
	if (!r && header >= LAYOUT_HEADER)
		r = section(whole, "layout", header, word(whole, 24), word(whole, 28), &btf->layout,
			    err);
	return r ? r : check_strings(btf, err);
}

/*
 * Bytes of the type at `at`, all of which are there. A kind that we do not know is as long as the layout section says,
 * which lists for each kind the sizes that body_size has for ours.
 */
static int record_size(const struct btf *btf, uint64_t at, uint64_t *ret, struct err *err)
{
	uint32_t info, kind;
	uint64_t size;

	if (!bytes_le32(btf->types, at + 4, &info) || !bytes_has(btf->types, at, TYPE_SIZE))
		return err_set(err, ERR_CORRUPT, "it is cut off");
	kind = info >> KIND_SHIFT & KIND_MASK;
	size = TYPE_SIZE;
	if (kind == BTF_VOID) {
		return err_set(err, ERR_CORRUPT, "it has kind 0, which no type has");
	} else if (kind < BTF_KINDS) {
		size += body_size[kind].once + (uint64_t)(info & VLEN_MASK) * body_size[kind].each;
	} else {
		struct bytes layout;

		if (!bytes_sub(btf->layout, (uint64_t)kind * 4, 4, &layout))
			return err_set(err, ERR_UNSUPPORTED,
				       "it has kind %u, and nothing says how long one of those is",
				       kind);
		size += layout.data[0] + (uint64_t)(info & VLEN_MASK) * layout.data[1];
	}
	if (!bytes_has(btf->types, at, size))
		return err_set(err, ERR_CORRUPT,
			       "kind %u with %u elements has %" PRIu64 " bytes, and %" PRIu64
			       " are left",
			       kind, info & VLEN_MASK, size, btf->types.len - at);
	*ret = size;
	return 0;
}

static int wrap_type(const struct btf *btf, uint32_t id, uint64_t at, struct err *err)
{
	return err_wrap(err, "BTF type %u (kind %u) at offset 0x%" PRIx64, id,
			word(btf->types, at + 4) >> KIND_SHIFT & KIND_MASK, at);
}

static int count_types(const struct btf *btf, struct counts *ret, struct err *err)
{
	struct counts n = {0};

	for (uint64_t at = 0, size; at < btf->types.len; at += size) {
		uint32_t kind;
		int r = record_size(btf, at, &size, err);

		if (r)
			return wrap_type(btf, btf->start + n.types, at, err);
		kind = word(btf->types, at + 4) >> KIND_SHIFT & KIND_MASK;
		n.types++;
		n.names += word(btf->types, at) != 0;
		if (kind == BTF_ENUM || kind == BTF_ENUM64)
			n.values += word(btf->types, at + 4) & VLEN_MASK;
	}
	*ret = n;
	return 0;
}

static int check_id(const struct btf *btf, uint32_t id, const char *what, uint32_t index,
		    struct err *err)
{
	if (id < btf->end)
		return 0;
	return err_set(err, ERR_CORRUPT, "%s %u is of type %u, and there are %u", what, index, id,
		       btf->end);
}

static int check_string(const struct btf *btf, uint32_t off, const char *what, uint32_t index,
			const char **ret, struct err *err)
{
	const char *s = string_at(btf, off);

	if (!s)
		return err_set(
			err, ERR_CORRUPT,
			"the name of %s %u is at offset %u of the strings, which end at %" PRIu64,
			what, index, off, btf->str_start + btf->strs.len);
	*ret = s;
	return 0;
}

static int check_members(const struct btf *btf, const struct btf_type *t, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < t->vlen && !r; i++) {
		uint64_t at = t->body + (uint64_t)i * 12;
		uint32_t off = word(btf->types, at + 8);
		const char *name = "";

		if (t->kind_flag)
			off &= MEMBER_OFFSET;
		r = check_string(btf, word(btf->types, at), "member", i, &name, err);
		if (!r)
			r = check_id(btf, word(btf->types, at + 4), "member", i, err);
		if (!r && off > (uint64_t)t->size * BITS_PER_BYTE)
			r = err_set(err, ERR_CORRUPT, "member %u (%s) is at bit %u of %u bytes", i,
				    name, off, t->size);
	}
	return r;
}

static int check_enum(struct btf *btf, const struct btf_type *t, struct err *err)
{
	int r = 0;

	if (!num_is_pow2(t->size) || t->size > 8)
		return err_set(err, ERR_CORRUPT, "an enum of %u bytes", t->size);
	for (uint32_t i = 0; i < t->vlen && !r; i++) {
		uint64_t at = t->body + (uint64_t)i * body_size[t->kind].each;
		const char *name = "";

		r = check_string(btf, word(btf->types, at), "value", i, &name, err);
		if (!r && *name)
			r = add_value(btf, t->id, i, name, err);
	}
	return r;
}

static int check_params(const struct btf *btf, const struct btf_type *t, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < t->vlen && !r; i++) {
		uint64_t at = t->body + (uint64_t)i * 8;
		const char *name = "";

		r = check_string(btf, word(btf->types, at), "parameter", i, &name, err);
		if (!r)
			r = check_id(btf, word(btf->types, at + 4), "parameter", i, err);
	}
	return r;
}

static int check_vars(const struct btf *btf, const struct btf_type *t, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < t->vlen && !r; i++)
		r = check_id(btf, word(btf->types, t->body + (uint64_t)i * 12), "variable", i, err);
	return r;
}

static int check_int(const struct btf_type *t, struct err *err)
{
	if ((uint32_t)t->bits + t->bit_offset > (uint64_t)t->size * BITS_PER_BYTE)
		return err_set(err, ERR_CORRUPT, "%u bits from bit %u on in an integer of %u bytes",
			       t->bits, t->bit_offset, t->size);
	return 0;
}

static int check_body(struct btf *btf, const struct btf_type *t, struct err *err)
{
	int r = has_target(t->kind) ? check_id(btf, t->target, "it", t->id, err) : 0;

	if (r)
		return r;
	switch (t->kind) {
	case BTF_INT:
		return check_int(t, err);
	case BTF_ARRAY:
		r = check_id(btf, t->target, "an element of array", t->id, err);
		return r ? r : check_id(btf, t->index, "the index of array", t->id, err);
	case BTF_STRUCT:
	case BTF_UNION:
		return check_members(btf, t, err);
	case BTF_ENUM:
	case BTF_ENUM64:
		return check_enum(btf, t, err);
	case BTF_FUNC_PROTO:
		return check_params(btf, t, err);
	case BTF_DATASEC:
		return check_vars(btf, t, err);
	case BTF_VOID:
	case BTF_PTR:
	case BTF_FWD:
	case BTF_TYPEDEF:
	case BTF_VOLATILE:
	case BTF_CONST:
	case BTF_RESTRICT:
	case BTF_FUNC:
	case BTF_VAR:
	case BTF_FLOAT:
	case BTF_DECL_TAG:
	case BTF_TYPE_TAG:
	case BTF_KINDS:
		break;
	}
	return 0;
}

static int index_types(struct btf *btf, struct err *err)
{
	uint32_t id = btf->start;

	for (uint64_t at = 0, size; at < btf->types.len; at += size, id++) {
		struct btf_type t;
		const char *name = "";
		int r = record_size(btf, at, &size, err);

		btf->at[id - btf->start] = (uint32_t)at;
		if (!r)
			r = check_string(btf, word(btf->types, at), "type", id, &name, err);
		if (!r && !btf_get(btf, id, &t))
			r = err_set(err, ERR_CORRUPT, "it cannot be read");
		if (!r)
			r = check_body(btf, &t, err);
		if (!r && *name && t.kind < BTF_KINDS)
			r = add_name(btf, id, t.kind, name, err);
		if (r)
			return wrap_type(btf, id, at, err);
	}
	return 0;
}

/* At most half of the slots are ever taken, so a search always comes to a free one. */
static uint32_t slots_for(uint32_t n)
{
	uint32_t slots = 16;

	while (slots < (uint64_t)n * 2)
		slots *= 2;
	return slots;
}

static int make_index(struct btf *btf, struct err *err)
{
	struct counts n = {0};
	uint32_t names, values;
	int r = count_types(btf, &n, err);

	if (r)
		return r;
	if (!num_add(btf->start, n.types, &btf->end))
		return err_set(err, ERR_CORRUPT, "BTF: %u types behind %u of its base", n.types,
			       btf->start);
	names = slots_for(n.names);
	values = slots_for(n.values);
	btf->at = calloc((size_t)n.types + 1, sizeof(*btf->at));
	btf->names = calloc(names, sizeof(*btf->names));
	btf->values = calloc(values, sizeof(*btf->values));
	if (!btf->at || !btf->names || !btf->values)
		return err_nomem(err,
				 (size_t)names * sizeof(*btf->names) +
					 (size_t)values * sizeof(*btf->values),
				 "the index of BTF");
	btf->names_mask = names - 1;
	btf->values_mask = values - 1;
	return index_types(btf, err);
}

int btf_create(uint8_t *data, size_t len, const struct btf *base, struct btf **ret, struct err *err)
{
	struct btf *btf;
	int r;

	if (len > BTF_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "BTF: %zu bytes are more than the limit of %u",
			       len, BTF_MAX_SIZE);
	btf = calloc(1, sizeof(*btf));
	if (!btf)
		return err_nomem(err, sizeof(*btf), "BTF");
	btf->base = base;
	btf->start = base ? base->end : 1;
	btf->str_start = base ? base->str_start + base->strs.len : 0;
	r = parse_header(btf, (struct bytes){data, len}, err);
	if (!r)
		r = make_index(btf, err);
	if (r) {
		btf_destroy(btf); /* without the data, which stay the caller's */
		return r;
	}
	btf->data = data;
	*ret = btf;
	return 0;
}

void btf_destroy(struct btf *btf)
{
	if (!btf)
		return;
	free(btf->at);
	free(btf->names);
	free(btf->values);
	free(btf->data);
	free(btf);
}

/* ---- a type and what is in it */

uint32_t btf_end(const struct btf *btf)
{
	return btf->end;
}

uint32_t btf_start(const struct btf *btf)
{
	return btf->start;
}

static void get_body(struct bytes types, struct btf_type *t)
{
	uint32_t v = word(types, t->body);

	switch (t->kind) {
	case BTF_INT:
		t->bits = (uint8_t)v;
		t->bit_offset = (uint8_t)(v >> 16);
		t->is_signed = v >> 24 & 1;
		t->is_char = v >> 25 & 1;
		t->is_bool = v >> 26 & 1;
		break;
	case BTF_ARRAY:
		t->target = v;
		t->index = word(types, t->body + 4);
		t->elements = word(types, t->body + 8);
		break;
	case BTF_ENUM:
	case BTF_ENUM64:
		t->is_signed = t->kind_flag;
		break;
	case BTF_FUNC: /* its linkage is where others have their vlen */
		t->linkage = t->vlen;
		t->vlen = 0;
		break;
	case BTF_VAR:
		t->linkage = v;
		break;
	case BTF_DECL_TAG:
		t->component = (int32_t)v;
		break;
	case BTF_VOID:
	case BTF_PTR:
	case BTF_STRUCT:
	case BTF_UNION:
	case BTF_FWD:
	case BTF_TYPEDEF:
	case BTF_VOLATILE:
	case BTF_CONST:
	case BTF_RESTRICT:
	case BTF_FUNC_PROTO:
	case BTF_DATASEC:
	case BTF_FLOAT:
	case BTF_TYPE_TAG:
	case BTF_KINDS:
		break;
	}
}

bool btf_get(const struct btf *btf, uint32_t id, struct btf_type *ret)
{
	const struct btf *own = owner(btf, id);
	uint32_t info, kind, last;
	uint64_t at;

	if (id == 0) {
		*ret = (struct btf_type){.kind = BTF_VOID, .name = "void"};
		return true;
	}
	if (!own)
		return false;
	at = own->at[id - own->start];
	info = word(own->types, at + 4);
	last = word(own->types, at + 8);
	kind = info >> KIND_SHIFT & KIND_MASK;
	*ret = (struct btf_type){
		.id = id,
		.kind = kind < BTF_KINDS ? kind : BTF_KINDS,
		.name = string_or_empty(own, word(own->types, at)),
		.size = has_size(kind) ? last : 0,
		.target = has_target(kind) ? last : 0,
		.vlen = info & VLEN_MASK,
		.kind_flag = info >> 31,
		.body = at + TYPE_SIZE,
	};
	get_body(own->types, ret);
	return true;
}

/* The type's element i, of `size` bytes each; false: there are not so many. */
static bool element(const struct btf *btf, const struct btf_type *type, uint32_t i, uint32_t size,
		    const struct btf **ret_own, struct bytes *ret)
{
	const struct btf *own = owner(btf, type->id);

	*ret_own = own;
	return own && i < type->vlen &&
	       bytes_sub(own->types, type->body + (uint64_t)i * size, size, ret);
}

bool btf_member(const struct btf *btf, const struct btf_type *type, uint32_t i,
		struct btf_member *ret)
{
	const struct btf *own;
	struct bytes b;
	uint32_t off;

	if ((type->kind != BTF_STRUCT && type->kind != BTF_UNION) ||
	    !element(btf, type, i, 12, &own, &b))
		return false;
	off = word(b, 8);
	*ret = (struct btf_member){
		.name = string_or_empty(own, word(b, 0)),
		.type = word(b, 4),
		.bit_offset = type->kind_flag ? off & MEMBER_OFFSET : off,
		.bit_size = type->kind_flag ? off >> 24 : 0,
	};
	return true;
}

bool btf_value(const struct btf *btf, const struct btf_type *type, uint32_t i,
	       struct btf_value *ret)
{
	const struct btf *own;
	struct bytes b;
	uint64_t value;

	if ((type->kind != BTF_ENUM && type->kind != BTF_ENUM64) ||
	    !element(btf, type, i, body_size[type->kind].each, &own, &b))
		return false;
	value = word(b, 4);
	if (type->kind == BTF_ENUM64)
		value |= (uint64_t)word(b, 8) << 32;
	else if (type->is_signed)
		value = (uint64_t)(int64_t)(int32_t)value;
	*ret = (struct btf_value){string_or_empty(own, word(b, 0)), (int64_t)value};
	return true;
}

bool btf_param(const struct btf *btf, const struct btf_type *type, uint32_t i,
	       struct btf_param *ret)
{
	const struct btf *own;
	struct bytes b;

	if (type->kind != BTF_FUNC_PROTO || !element(btf, type, i, 8, &own, &b))
		return false;
	*ret = (struct btf_param){string_or_empty(own, word(b, 0)), word(b, 4)};
	return true;
}

bool btf_var(const struct btf *btf, const struct btf_type *type, uint32_t i, struct btf_var *ret)
{
	const struct btf *own;
	struct bytes b;

	if (type->kind != BTF_DATASEC || !element(btf, type, i, 12, &own, &b))
		return false;
	*ret = (struct btf_var){word(b, 0), word(b, 4), word(b, 8)};
	return true;
}

/* ---- finding */

uint32_t btf_find(const struct btf *btf, enum btf_kind kind, const char *name)
{
	uint32_t hash = hash_name(kind, name);

	if (!*name)
		return 0;
	for (; btf; btf = btf->base) {
		const struct name_slot *s = name_slot(btf, kind, name, hash);

		if (s && s->id)
			return s->id;
	}
	return 0;
}

uint32_t btf_find_type(const struct btf *btf, const char *name)
{
	static const struct {
		const char *word;
		enum btf_kind kind;
	} kinds[] = {
		{"struct ", BTF_STRUCT}, {"union ", BTF_UNION}, {"", BTF_TYPEDEF},
		{"enum ", BTF_ENUM},     {"enum ", BTF_ENUM64}, {"", BTF_INT},
		{"", BTF_FLOAT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].word);
		uint32_t id = 0;

		if (len && !strncmp(name, kinds[i].word, len))
			id = btf_find(btf, kinds[i].kind, name + len);
		if (!id)
			id = btf_find(btf, kinds[i].kind, name);
		if (id)
			return id;
	}
	return 0;
}

bool btf_enumerator(const struct btf *btf, const char *name, int64_t *ret)
{
	uint32_t hash = hash_name(0, name);

	if (!*name)
		return false;
	for (; btf; btf = btf->base) {
		const struct value_slot *s = value_slot(btf, name, hash);
		struct btf_value value;
		struct btf_type t;

		if (!s || !s->id || !btf_get(btf, s->id, &t) ||
		    !btf_value(btf, &t, s->index, &value))
			continue;
		*ret = value.value;
		return true;
	}
	return false;
}

bool btf_strip(const struct btf *btf, uint32_t id, struct btf_type *ret)
{
	struct btf_type t;

	for (int i = 0; i < MAX_CHAIN && btf_get(btf, id, &t); i++) {
		if (t.kind != BTF_TYPEDEF && t.kind != BTF_VOLATILE && t.kind != BTF_CONST &&
		    t.kind != BTF_RESTRICT && t.kind != BTF_TYPE_TAG) {
			*ret = t;
			return true;
		}
		id = t.target;
	}
	return false;
}

bool btf_sizeof(const struct btf *btf, uint32_t id, uint64_t *ret)
{
	uint64_t n = 1;
	struct btf_type t;

	for (int i = 0; i < MAX_CHAIN && btf_get(btf, id, &t); i++) {
		bool ends = has_size(t.kind) || t.kind == BTF_PTR;

		if (ends) {
			if (!num_mul(n, t.kind == BTF_PTR ? POINTER_SIZE : t.size, &n))
				return false;
			*ret = n;
			return true;
		}
		if (t.kind == BTF_ARRAY && !num_mul(n, t.elements, &n))
			return false;
		if (t.kind != BTF_ARRAY && (!has_target(t.kind) || t.kind == BTF_FUNC ||
					    t.kind == BTF_FUNC_PROTO || t.kind == BTF_DECL_TAG))
			return false;
		id = t.target;
	}
	return false;
}

/* ---- paths */

struct search {
	const struct btf *btf;
	const char *name;
	size_t len;
	uint32_t
		looks; /* that are left: a struct may be said to contain itself, and twice at that */
};

static bool find_member(struct search *s, uint32_t id, uint64_t bit_offset, int depth,
			struct btf_member *ret)
{
	struct btf_member m;
	struct btf_type t;

	if (depth > MAX_NESTING || !btf_strip(s->btf, id, &t))
		return false;
	for (uint32_t i = 0; btf_member(s->btf, &t, i, &m); i++) {
		if (!s->looks)
			return false;
		s->looks--;
		m.bit_offset += bit_offset;
		if (!strncmp(m.name, s->name, s->len) && !m.name[s->len]) {
			*ret = m;
			return true;
		}
		if (!*m.name && !m.bit_size && find_member(s, m.type, m.bit_offset, depth + 1, ret))
			return true;
	}
	return false;
}

/* "[12]" behind what is in `m`; *path goes on behind it. An array without elements is one that has any number. */
static bool take_index(const struct btf *btf, const char **path, struct btf_member *m)
{
	uint64_t index = 0, size;
	struct btf_type t;
	const char *p = *path + 1;

	if (*p < '0' || *p > '9' || m->bit_size || !btf_strip(btf, m->type, &t) ||
	    t.kind != BTF_ARRAY || !btf_sizeof(btf, t.target, &size))
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (!num_mul(index, 10U, &index) || !num_add(index, (uint64_t)(*p - '0'), &index))
			return false;
	if (*p != ']' || (t.elements && index >= t.elements) || !num_mul(index, size, &index) ||
	    !num_mul(index, (uint64_t)BITS_PER_BYTE, &index) ||
	    !num_add(m->bit_offset, index, &m->bit_offset))
		return false;
	m->type = t.target;
	*path = p + 1;
	return true;
}

bool btf_path(const struct btf *btf, uint32_t id, const char *path, struct btf_member *ret)
{
	struct btf_member m = {.name = "", .type = id};
	const char *piece = path;

	for (;;) {
		struct search s = {btf, piece, strcspn(piece, ".["), MAX_LOOKS};

		if (s.len) {
			if (m.bit_size || !find_member(&s, m.type, m.bit_offset, 0, &m))
				break;
		} else if (*piece != '[' || piece != path) {
			break; /* nothing between two dots, or at the end */
		}
		path = piece + s.len;
		piece = path;
		while (*path == '[' && take_index(btf, &path, &m))
			piece = path;
		if (!*path) {
			*ret = m;
			return true;
		}
		if (*path != '.')
			break;
		piece = ++path;
	}
	*ret = (struct btf_member){.name = piece};
	return false;
}
