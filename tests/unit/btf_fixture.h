/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BTF made by hand, word by word, as Documentation/bpf/btf.rst describes it: nothing of it is taken from the reader.
 *
 *   made_init → made_type, made_member … → made_open → made_deinit
 */
#ifndef TESTS_UNIT_BTF_FIXTURE_H
#define TESTS_UNIT_BTF_FIXTURE_H

#include "image/btf.h"
#include "tests/unit/unit.h"

#define MADE_SIZE   (256U << 10)
#define MADE_HEADER 24

enum {
	K_INT = 1,
	K_PTR,
	K_ARRAY,
	K_STRUCT,
	K_UNION,
	K_ENUM,
	K_FWD,
	K_TYPEDEF,
	K_VOLATILE,
	K_CONST,
	K_RESTRICT,
	K_FUNC,
	K_FUNC_PROTO,
	K_VAR,
	K_DATASEC,
	K_FLOAT,
	K_DECL_TAG,
	K_TYPE_TAG,
	K_ENUM64,
};

#define K_FLAG   (1U << 31)
#define SIGNED   (1U << 24)
#define IS_CHAR  (2U << 24)
#define IS_BOOL  (4U << 24)
#define BITS(n)  ((uint32_t)(n))
#define SHIFT(n) ((uint32_t)(n) << 16)

struct made {
	uint32_t *types; /* little-endian, as the machines of the tests are */
	char *strs;
	uint32_t n_words, n_strs;
	uint32_t next;      /* id */
	uint32_t base_strs; /* of a split one */
	uint32_t n_layout;  /* bytes of a layout section; 0: a header without */
	uint8_t layout_data[256];
	struct btf *btf;
};

static inline void made_init(struct made *m, const struct made *base)
{
	*m = (struct made){.types = calloc(1, MADE_SIZE), .strs = calloc(1, MADE_SIZE), .next = 1};
	assert_non_null(m->types);
	assert_non_null(m->strs);
	m->n_strs = 1; /* the empty one */
	if (base) {
		m->next = base->next;
		m->base_strs = base->base_strs + base->n_strs;
		m->n_strs = 0;
	}
}

static inline void made_deinit(struct made *m)
{
	btf_destroy(m->btf);
	free(m->types);
	free(m->strs);
}

static inline uint32_t made_str(struct made *m, const char *s)
{
	uint32_t at = m->n_strs;

	if (!*s)
		return 0;
	assert_true(at + strlen(s) < MADE_SIZE);
	memcpy(m->strs + at, s, strlen(s) + 1);
	m->n_strs += (uint32_t)strlen(s) + 1;
	return m->base_strs + at;
}

static inline void made_word(struct made *m, uint32_t v)
{
	assert_true((m->n_words + 1) * 4 < MADE_SIZE);
	m->types[m->n_words++] = v;
}

/* `vlen` may have K_FLAG in it; `last` is size or type. Returns the id. */
static inline uint32_t made_type(struct made *m, const char *name, uint32_t kind, uint32_t vlen,
				 uint32_t last)
{
	made_word(m, made_str(m, name));
	made_word(m, kind << 24 | vlen);
	made_word(m, last);
	return m->next++;
}

static inline uint32_t made_int(struct made *m, const char *name, uint32_t size, uint32_t encoding)
{
	uint32_t id = made_type(m, name, K_INT, 0, size);

	made_word(m, encoding | (encoding & 0xff ? 0 : size * 8));
	return id;
}

static inline uint32_t made_array(struct made *m, uint32_t type, uint32_t index, uint32_t n)
{
	uint32_t id = made_type(m, "", K_ARRAY, 0, 0);

	made_word(m, type);
	made_word(m, index);
	made_word(m, n);
	return id;
}

/* Of a struct or union, or a variable of a datasec without the name. */
static inline void made_member(struct made *m, const char *name, uint32_t type, uint32_t offset)
{
	made_word(m, made_str(m, name));
	made_word(m, type);
	made_word(m, offset);
}

/* Of an enum or a function's parameter. */
static inline void made_pair(struct made *m, const char *name, uint32_t v)
{
	made_word(m, made_str(m, name));
	made_word(m, v);
}

/* The bytes, malloc'ed. */
static inline uint8_t *made_bytes(const struct made *m, size_t *ret_len)
{
	uint32_t header[8] = {0x0001eb9f,     MADE_HEADER, 0, m->n_words * 4,
			      m->n_words * 4, m->n_strs,   0, 0};
	size_t types = (size_t)m->n_words * 4, n = MADE_HEADER;
	uint8_t *data = malloc(MADE_SIZE * 3);

	assert_non_null(data);
	if (m->n_layout) {
		n = sizeof(header);
		header[1] = sizeof(header);
		header[6] = (uint32_t)types + m->n_strs;
		header[7] = m->n_layout;
	}
	memcpy(data, header, n);
	memcpy(data + n, m->types, types);
	memcpy(data + n + types, m->strs, m->n_strs);
	memcpy(data + n + types + m->n_strs, m->layout_data, m->n_layout);
	*ret_len = n + types + m->n_strs + m->n_layout;
	return data;
}

/* In memory of exactly its length, so that a sanitizer sees what is read behind it. */
static inline int made_create(struct made *m, const struct made *base, struct err *err)
{
	size_t len;
	uint8_t *big = made_bytes(m, &len), *data = malloc(len);
	int r;

	assert_non_null(data);
	memcpy(data, big, len);
	free(big);
	r = btf_create(data, len, base ? base->btf : NULL, &m->btf, err);
	if (r)
		free(data);
	return r;
}

static inline const struct btf *made_open(struct made *m, const struct made *base)
{
	assert_ok(made_create(m, base, err));
	return m->btf;
}

#endif
