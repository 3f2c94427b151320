// SPDX-License-Identifier: GPL-2.0-or-later
/* What memory holds, read as a value of a type: image/ctype.h. */
#include <inttypes.h>

#include "base/num.h"
#include "base/text.h"
#include "image/ctype.h"

#define INDENT        4
#define MAX_NESTING   48          /* of what is in what; `depth` counts structs only */
#define MAX_DEPTH     32          /* that may be asked for */
#define MAX_LOOKS     (1U << 20)  /* enumerators that are gone over for all values of it */
#define MAX_COMPARED  (64U << 20) /* bytes, to find equal elements */
#define MAX_TEXT      4096        /* of a char array */
#define POINTER_TEXT  128         /* of what a char * points at */
#define NAME_SIZE     512
#define PAGE          4096
#define BITS_PER_BYTE 8
#define ROW           8 /* numbers in a line */
#define KERNEL_HALF \
	0x8000000000000000ULL /* addresses of the kernel; per-CPU symbols are far below */
#define EXACT (1ULL << 53)    /* integers up to it survive JSON's usual readers */

/* The bytes, and of which pages of them there are none. */
struct memory {
	struct bytes b;
	uint64_t addr;    /* of the first */
	const bool *gone; /* for each page that they touch; NULL: all are there */
};

struct shower {
	struct kernel *k; /* or NULL */
	const struct btf *btf;
	struct memory mem;
	FILE *to;       /* for text */
	struct json *j; /* else NULL */
	unsigned int depth, elements;
	/* What a hostile type can make of them is much; so much may still be done: */
	uint32_t values, looks;
	uint64_t compared;
	int nesting;
};

/* A value's place. */
struct place {
	uint32_t type;
	uint64_t bit;      /* from the beginning of the memory */
	uint32_t bit_size; /* of a bit field, else 0 */
};

static void show(struct shower *s, const char *key, const struct place *p, unsigned int depth);

/* ---- memory */

static bool is_there(const struct shower *s, uint64_t off, uint64_t len)
{
	const struct memory *m = &s->mem;

	if (!bytes_has(m->b, off, len))
		return false;
	if (m->gone && len) {
		uint64_t first = m->addr / PAGE;

		for (uint64_t p = (m->addr + off) / PAGE; p <= (m->addr + off + len - 1) / PAGE;
		     p++)
			if (m->gone[p - first])
				return false;
	}
	return true;
}

/* Is there anything of [off, off + len)? */
static bool is_some_there(const struct shower *s, uint64_t off, uint64_t len)
{
	uint64_t first = s->mem.addr / PAGE, end;

	if (off >= s->mem.b.len)
		return false;
	if (!s->mem.gone || !len)
		return true;
	end = s->mem.addr + off + NUM_MIN(len, s->mem.b.len - off);
	for (uint64_t p = (s->mem.addr + off) / PAGE; p <= (end - 1) / PAGE; p++)
		if (!s->mem.gone[p - first])
			return true;
	return false;
}

/* Up to 64 bits from any bit on. */
static bool get_bits(const struct shower *s, uint64_t bit, uint32_t n, uint64_t *ret)
{
	uint64_t first = bit / BITS_PER_BYTE, shift = bit % BITS_PER_BYTE;
	uint64_t bytes = (shift + n + BITS_PER_BYTE - 1) / BITS_PER_BYTE, v = 0;

	if (!n || n > 64 || !is_there(s, first, bytes))
		return false;
	for (uint64_t i = 0; i < bytes; i++) {
		uint64_t byte = s->mem.b.data[first + i];

		v |= i * BITS_PER_BYTE >= shift ? byte << (i * BITS_PER_BYTE - shift)
						: byte >> shift;
	}
	*ret = n == 64 ? v : v & ((1ULL << n) - 1);
	return true;
}

/* ---- what is written for a value */

static void put_text(struct shower *s, const char *key, const char *text)
{
	if (s->j)
		json_put_null(s->j, key);
	else
		fputs(text, s->to);
}

static void put_gone(struct shower *s, const char *key)
{
	put_text(s, key, "<not in the dump>");
}

static void put_line(struct shower *s)
{
	fprintf(s->to, "\n%*s", s->nesting * INDENT, "");
}

/* Bytes up to the first NUL, as a C string in quotes. */
static void put_string(struct shower *s, const char *text, size_t len, bool cut)
{
	fputc('"', s->to);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(s->to, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", s->to);
		else if (c == '\t')
			fputs("\\t", s->to);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(s->to, "\\x%02x", c);
		else
			fputc(c, s->to);
	}
	fputs(cut ? "\"..." : "\"", s->to);
}

static void put_name(struct shower *s, const char *name)
{
	char plain[NAME_SIZE];

	fputs(text_plain(name, plain, sizeof(plain)), s->to);
}

static void put_signed(struct shower *s, const char *key, int64_t v)
{
	if (!s->j)
		fprintf(s->to, "%" PRIi64, v);
	else if (v > -(int64_t)EXACT && v < (int64_t)EXACT)
		json_put_int(s->j, key, v);
	else
		json_put_hex(s->j, key, (uint64_t)v);
}

/* The symbol that an address is in; false: none, or it is no kernel address. */
static bool name_address(const struct shower *s, uint64_t addr, char *buf, size_t size)
{
	struct symbol sym;

	if (!s->k || addr < KERNEL_HALF || !kernel_symbol_at(s->k, addr, &sym))
		return false;
	kernel_format_addr(s->k, addr, buf, size);
	return true;
}

static void put_unsigned(struct shower *s, const char *key, uint64_t v)
{
	char name[KERNEL_ADDR_SIZE];

	if (s->j) {
		if (v < EXACT)
			json_put_uint(s->j, key, v);
		else
			json_put_hex(s->j, key, v);
	} else if (name_address(s, v, name, sizeof(name))) {
		fprintf(s->to, "0x%" PRIx64 " <", v);
		put_name(s, name);
		fputc('>', s->to);
	} else {
		fprintf(s->to, v >= KERNEL_HALF ? "0x%" PRIx64 : "%" PRIu64, v);
	}
}

/* ---- scalars */

static bool is_char(const struct btf_type *t)
{
	return t->kind == BTF_INT && t->size == 1 && (t->is_char || !strcmp(t->name, "char"));
}

static void show_wide(struct shower *s, const char *key, const struct place *p)
{
	char buf[40];
	uint64_t lo, hi;

	if (!get_bits(s, p->bit, 64, &lo) || !get_bits(s, p->bit + 64, 64, &hi)) {
		put_gone(s, key);
		return;
	}
	snprintf(buf, sizeof(buf), "0x%016" PRIx64 "%016" PRIx64, hi, lo);
	if (s->j)
		json_put_string(s->j, key, buf);
	else
		fputs(buf, s->to);
}

static void show_int(struct shower *s, const char *key, const struct place *p,
		     const struct btf_type *t)
{
	uint32_t n = p->bit_size ? p->bit_size : t->bits;
	uint64_t v;

	if (!n || n > 128 || (n > 64 && n < 128)) {
		put_text(s, key, "<an integer of no size>");
		return;
	}
	if (n == 128) {
		show_wide(s, key, p);
		return;
	}
	if (!get_bits(s, p->bit + (p->bit_size ? 0 : t->bit_offset), n, &v)) {
		put_gone(s, key);
		return;
	}
	if (t->is_bool && v <= 1) {
		if (s->j)
			json_put_bool(s->j, key, v);
		else
			fputs(v ? "true" : "false", s->to);
	} else if (t->is_signed) {
		put_signed(s, key, (int64_t)(v << (64 - n)) >> (64 - n));
	} else {
		put_unsigned(s, key, v);
	}
	if (!s->j && is_char(t) && v >= 0x20 && v < 0x7f)
		fprintf(s->to, " '%c'", (char)v);
}

static void show_enum(struct shower *s, const char *key, const struct place *p,
		      const struct btf_type *t)
{
	uint32_t n = p->bit_size ? p->bit_size : t->size * BITS_PER_BYTE;
	uint64_t v, mask = n < 64 ? (1ULL << n) - 1 : UINT64_MAX;
	struct btf_value value;

	if (!get_bits(s, p->bit, n, &v)) {
		put_gone(s, key);
		return;
	}
	for (uint32_t i = 0; s->looks && btf_value(s->btf, t, i, &value); i++, s->looks--) {
		if (((uint64_t)value.value & mask) != v)
			continue;
		if (s->j) {
			json_put_string(s->j, key, value.name);
		} else {
			put_name(s, value.name);
			fprintf(s->to, t->is_signed ? " (%" PRIi64 ")" : " (%" PRIu64 ")",
				value.value);
		}
		return;
	}
	if (t->is_signed)
		put_signed(s, key, (int64_t)(v << (64 - n)) >> (64 - n));
	else
		put_unsigned(s, key, v);
}

/* What a char * points at; false: it is none, or nothing is there. */
static bool get_pointed(const struct shower *s, const struct btf_type *t, uint64_t addr, char *buf,
			size_t size)
{
	struct btf_type target;
	struct err err;

	return s->k && s->k->rd && addr >= KERNEL_HALF && btf_strip(s->btf, t->target, &target) &&
	       is_char(&target) && !reader_string(s->k->rd, addr, buf, size, &err);
}

static void show_pointer(struct shower *s, const char *key, const struct place *p,
			 const struct btf_type *t)
{
	char name[KERNEL_ADDR_SIZE], text[POINTER_TEXT];
	bool has_name, has_text;
	uint64_t v;

	if (!get_bits(s, p->bit, 64, &v)) {
		put_gone(s, key);
		return;
	}
	/* where its text lies is of no interest: symbols of constants have no end of their own */
	has_text = get_pointed(s, t, v, text, sizeof(text));
	has_name = !has_text && name_address(s, v, name, sizeof(name));
	if (s->j) {
		json_begin_object(s->j, key);
		json_put_hex(s->j, "address", v);
		if (has_name)
			json_put_string(s->j, "symbol", name);
		if (has_text)
			json_put_string(s->j, "text", text);
		json_end_object(s->j);
		return;
	}
	fprintf(s->to, "0x%" PRIx64, v);
	if (has_name) {
		fputs(" <", s->to);
		put_name(s, name);
		fputc('>', s->to);
	}
	if (has_text) {
		fputc(' ', s->to);
		put_string(s, text, strlen(text), strlen(text) == sizeof(text) - 1);
	}
}

static void show_float(struct shower *s, const char *key, const struct place *p,
		       const struct btf_type *t)
{
	uint64_t v;
	double d;
	char buf[40];

	if (t->size != 4 && t->size != 8) {
		put_text(s, key, "<a number of another machine>");
		return;
	}
	if (!get_bits(s, p->bit, t->size * BITS_PER_BYTE, &v)) {
		put_gone(s, key);
		return;
	}
	if (t->size == 4) {
		uint32_t bits = (uint32_t)v;
		float f;

		memcpy(&f, &bits, sizeof(f));
		d = (double)f;
	} else {
		memcpy(&d, &v, sizeof(d));
	}
	snprintf(buf, sizeof(buf), "%.17g", d);
	if (s->j)
		json_put_string(s->j, key, buf);
	else
		fputs(buf, s->to);
}

/* ---- arrays */

static void show_chars(struct shower *s, const char *key, uint64_t off, uint64_t n)
{
	size_t size = (size_t)NUM_MIN(n, (uint64_t)MAX_TEXT), len;
	char text[MAX_TEXT + 1];

	if (!is_there(s, off, size)) {
		put_gone(s, key);
		return;
	}
	memcpy(text, s->mem.b.data + off, size);
	text[size] = '\0';
	len = strlen(text);
	if (s->j)
		json_put_string(s->j, key, text);
	else
		put_string(s, text, len, len == size && size < n);
}

/* How many of n elements from `off` on are equal, or are not there. */
static uint64_t run_length(struct shower *s, uint64_t off, uint64_t size, uint64_t n)
{
	bool there = is_there(s, off, size);
	uint64_t run = 1;

	if (off >= s->mem.b.len)
		return n;
	while (run < n && s->compared >= size && is_there(s, off + size * run, size) == there &&
	       (!there ||
		!memcmp(s->mem.b.data + off, s->mem.b.data + off + size * run, (size_t)size))) {
		s->compared -= size;
		run++;
	}
	return run;
}

static bool is_flat(const struct btf *btf, uint32_t id)
{
	struct btf_type t;

	return btf_strip(btf, id, &t) && t.kind != BTF_STRUCT && t.kind != BTF_UNION &&
	       t.kind != BTF_ARRAY;
}

static void list_elements(struct shower *s, const char *key, const struct place *p,
			  const struct btf_type *t, uint64_t size, unsigned int depth)
{
	struct place element = {.type = t->target, .bit = p->bit};
	uint64_t shown = NUM_MIN((uint64_t)t->elements, (uint64_t)s->elements);

	json_begin_array(s->j, key);
	for (uint64_t i = 0; i < shown && s->values; i++) {
		show(s, NULL, &element, depth);
		element.bit += size * BITS_PER_BYTE;
	}
	if (shown < t->elements)
		json_put_null(s->j, NULL);
	json_end_array(s->j);
}

static void print_elements(struct shower *s, const struct place *p, const struct btf_type *t,
			   uint64_t size, unsigned int depth)
{
	uint64_t off = p->bit / BITS_PER_BYTE, n = t->elements, i = 0;
	bool flat = is_flat(s->btf, t->target);
	unsigned int items = 0;

	fputc('{', s->to);
	s->nesting++;
	while (i < n && items < s->elements && s->values) {
		struct place element = {.type = t->target, .bit = (off + i * size) * BITS_PER_BYTE};
		uint64_t run = run_length(s, off + i * size, size, n - i);

		if (items)
			fputs(",", s->to);
		if (!flat || (items && items % ROW == 0))
			put_line(s);
		else if (items)
			fputc(' ', s->to);
		show(s, NULL, &element, depth);
		if (run > 1)
			fprintf(s->to, " <%" PRIu64 " times>", run);
		i += run;
		items++;
	}
	if (i < n)
		fputs(", ...", s->to);
	s->nesting--;
	if (!flat)
		put_line(s);
	fputc('}', s->to);
}

static void show_array(struct shower *s, const char *key, const struct place *p,
		       const struct btf_type *t, unsigned int depth)
{
	uint64_t off = p->bit / BITS_PER_BYTE, size, whole;
	struct btf_type element;

	if (!btf_sizeof(s->btf, t->target, &size) || !num_mul(size, t->elements, &whole) ||
	    p->bit % BITS_PER_BYTE || p->bit_size) {
		put_text(s, key, "<an array of no size>");
	} else if (!whole) {
		if (s->j) {
			json_begin_array(s->j, key);
			json_end_array(s->j);
		} else {
			fputs("{}", s->to);
		}
	} else if (!is_some_there(s, off, whole)) {
		put_gone(s, key);
	} else if (btf_strip(s->btf, t->target, &element) && is_char(&element)) {
		show_chars(s, key, off, t->elements);
	} else if (s->j) {
		list_elements(s, key, p, t, size, depth);
	} else {
		print_elements(s, p, t, size, depth);
	}
}

/* ---- structs */

static bool is_record(const struct btf *btf, uint32_t id, struct btf_type *ret)
{
	return btf_strip(btf, id, ret) && (ret->kind == BTF_STRUCT || ret->kind == BTF_UNION);
}

/* The members, those of anonymous structs among them; at most as deep in each other as what has names. */
static void show_members(struct shower *s, const struct btf_type *t, uint64_t bit,
			 unsigned int depth, int anonymous)
{
	struct btf_member m;

	for (uint32_t i = 0; s->values && btf_member(s->btf, t, i, &m); i++) {
		struct place p = {m.type, bit + m.bit_offset, m.bit_size};
		struct btf_type inner;

		if (!*m.name && is_record(s->btf, m.type, &inner)) {
			s->values--;
			if (anonymous < MAX_DEPTH)
				show_members(s, &inner, p.bit, depth, anonymous + 1);
			continue;
		}
		if (!*m.name) /* a bit field that is there for its room */
			continue;
		if (!s->j) {
			put_line(s);
			fputc('.', s->to);
			put_name(s, m.name);
			fputs(" = ", s->to);
		}
		show(s, m.name, &p, depth);
		if (!s->j)
			fputc(',', s->to);
	}
}

static void show_record(struct shower *s, const char *key, const struct place *p,
			const struct btf_type *t, unsigned int depth)
{
	if (p->bit_size || (t->size && !is_some_there(s, p->bit / BITS_PER_BYTE, t->size))) {
		put_gone(s, key);
	} else if (depth >= s->depth) {
		put_text(s, key, "{...}");
	} else if (s->j) {
		json_begin_object(s->j, key);
		show_members(s, t, p->bit, depth + 1, 0);
		json_end_object(s->j);
	} else {
		fputc('{', s->to);
		s->nesting++;
		show_members(s, t, p->bit, depth + 1, 0);
		s->nesting--;
		if (t->vlen)
			put_line(s);
		fputc('}', s->to);
	}
}

static void show_kind(struct shower *s, const char *key, const struct place *p,
		      const struct btf_type *t, unsigned int depth)
{
	switch (t->kind) {
	case BTF_INT:
		show_int(s, key, p, t);
		break;
	case BTF_PTR:
		show_pointer(s, key, p, t);
		break;
	case BTF_ARRAY:
		show_array(s, key, p, t, depth);
		break;
	case BTF_STRUCT:
	case BTF_UNION:
		show_record(s, key, p, t, depth);
		break;
	case BTF_ENUM:
	case BTF_ENUM64:
		show_enum(s, key, p, t);
		break;
	case BTF_FLOAT:
		show_float(s, key, p, t);
		break;
	case BTF_VOID:
	case BTF_FWD:
	case BTF_TYPEDEF:
	case BTF_VOLATILE:
	case BTF_CONST:
	case BTF_RESTRICT:
	case BTF_FUNC:
	case BTF_FUNC_PROTO:
	case BTF_VAR:
	case BTF_DATASEC:
	case BTF_DECL_TAG:
	case BTF_TYPE_TAG:
	case BTF_KINDS:
		put_text(s, key, "<a type without values>");
		break;
	}
}

static void show(struct shower *s, const char *key, const struct place *p, unsigned int depth)
{
	struct btf_type t;

	if (s->values)
		s->values--;
	if (!s->values || s->nesting >= MAX_NESTING) {
		put_text(s, key, "...");
	} else if (!btf_strip(s->btf, p->type, &t)) {
		put_text(s, key, "<a type that leads nowhere>");
	} else {
		s->nesting += s->j != NULL; /* the text counts where it indents */
		show_kind(s, key, p, &t, depth);
		s->nesting -= s->j != NULL;
	}
}

/* ---- from outside */

static struct shower make_shower(struct kernel *k, const struct btf *btf, struct memory mem,
				 const struct ctype_options *opt)
{
	unsigned int depth = opt && opt->depth ? opt->depth : CTYPE_DEPTH;

	return (struct shower){
		.k = k,
		.btf = btf,
		.mem = mem,
		.depth = NUM_MIN(depth, (unsigned int)MAX_DEPTH),
		.elements = opt && opt->elements ? opt->elements : CTYPE_ELEMENTS,
		.values = CTYPE_VALUES,
		.looks = MAX_LOOKS,
		.compared = MAX_COMPARED,
	};
}

/* Either to `to`, with its type in front, or to `j`. */
static void show_top(struct shower *s, const struct place *p, FILE *to, struct json *j,
		     const char *key)
{
	char name[NAME_SIZE];

	s->to = to;
	s->j = j;
	if (!j) {
		fputc('(', to);
		put_name(s, btf_type_name(s->btf, p->type, name, sizeof(name)));
		fputs(") ", to);
	}
	show(s, key, p, 0);
	if (!j)
		fputc('\n', to);
}

void ctype_show_bytes(struct kernel *k, const struct btf *btf, uint32_t id, struct bytes data,
		      const struct ctype_options *opt, FILE *to)
{
	struct shower s = make_shower(k, btf, (struct memory){.b = data}, opt);

	show_top(&s, &(struct place){.type = id}, to, NULL, NULL);
}

void ctype_show_bytes_json(struct kernel *k, const struct btf *btf, uint32_t id, struct bytes data,
			   const struct ctype_options *opt, struct json *j, const char *key)
{
	struct shower s = make_shower(k, btf, (struct memory){.b = data}, opt);

	show_top(&s, &(struct place){.type = id}, NULL, j, key);
}

/* What there is of it, page by page; the error of the first if there is nothing. */
static int read_pages(struct kernel *k, uint64_t addr, uint8_t *data, uint64_t len, bool *gone,
		      struct err *err)
{
	uint64_t first = addr / PAGE, some = 0;
	int r = 0;

	for (uint64_t off = 0, n; off < len; off += n) {
		struct err e = {0};

		n = NUM_MIN(PAGE - (addr + off) % PAGE, len - off);
		if (reader_read(k->rd, addr + off, data + off, (size_t)n, &e)) {
			gone[(addr + off) / PAGE - first] = true;
			if (!r)
				r = err_set(err, e.code, "%s", e.msg);
		} else {
			some++;
		}
	}
	return some || !len ? 0 : r;
}

static int find_place(const struct btf *btf, uint32_t id, const char *path, struct place *ret_place,
		      uint64_t *ret_size, struct err *err)
{
	struct btf_member m = {.type = id};
	char name[NAME_SIZE];
	uint64_t size;

	if (path && !btf_path(btf, id, path, &m))
		return err_set(err, ERR_NOT_FOUND, "%s has no member %s",
			       btf_type_name(btf, id, name, sizeof(name)), m.name);
	*ret_place = (struct place){m.type, m.bit_offset, m.bit_size};
	*ret_size = num_div_up(m.bit_offset % BITS_PER_BYTE + m.bit_size, BITS_PER_BYTE);
	if (!m.bit_size && (!btf_sizeof(btf, m.type, &size) || !num_add(*ret_size, size, ret_size)))
		return err_set(err, ERR_CORRUPT, "%s has no size",
			       btf_type_name(btf, m.type, name, sizeof(name)));
	return 0;
}

/* Both forms: `to` or `j` is NULL. */
static int show_at(struct kernel *k, const struct btf *btf, uint32_t id, const char *path,
		   uint64_t addr, const struct ctype_options *opt, FILE *to, struct json *j,
		   const char *key, struct err *err)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ bool *gone = NULL;
	struct place p;
	struct shower s;
	uint64_t size = 0;
	int r = find_place(btf, id, path, &p, &size, err);

	if (r)
		return r;
	size = NUM_MIN(size, (uint64_t)CTYPE_SIZE);
	if (!num_add(addr, p.bit / BITS_PER_BYTE, &addr) || size > UINT64_MAX - addr)
		return err_set(err, ERR_NOT_FOUND,
			       "0x%" PRIx64 ": the value ends behind all memory", addr);
	p.bit %= BITS_PER_BYTE;
	data = calloc(1, (size_t)size + 1);
	gone = calloc((size_t)size / PAGE + 2, sizeof(*gone));
	if (!data || !gone)
		return err_nomem(err, (size_t)size, "a value");
	r = k->rd ? read_pages(k, addr, data, size, gone, err)
		  : err_set(err, ERR_NOT_FOUND, "the image cannot be read");
	if (r)
		return err_wrap(err, "value at 0x%" PRIx64, addr);
	s = make_shower(k, btf, (struct memory){{data, (size_t)size}, addr, gone}, opt);
	show_top(&s, &p, to, j, key);
	return 0;
}

int ctype_show(struct kernel *k, const struct btf *btf, uint32_t id, const char *path,
	       uint64_t addr, const struct ctype_options *opt, FILE *to, struct err *err)
{
	return show_at(k, btf, id, path, addr, opt, to, NULL, NULL, err);
}

int ctype_show_json(struct kernel *k, const struct btf *btf, uint32_t id, const char *path,
		    uint64_t addr, const struct ctype_options *opt, struct json *j, const char *key,
		    struct err *err)
{
	return show_at(k, btf, id, path, addr, opt, NULL, j, key, err);
}
