/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of symbols as scripts/kallsyms.c of the kernel writes them, in all forms, and a kernel's image around them.
 * Written down once more, so nothing of the code under test is in it.
 */
#ifndef TESTS_UNIT_FAKE_KALLSYMS_H
#define TESTS_UNIT_FAKE_KALLSYMS_H

#include "image/kallsyms.h"
#include "tests/unit/fake_image.h"

#define FAKE_SYMS 4096

struct fake_sym {
	uint64_t addr;
	char name[1024]; /* type first: "T_stext" */
};

struct fake_tables {
	struct fake_sym syms[FAKE_SYMS]; /* by address */
	size_t n;
	bool old_lengths; /* before v6.1: one byte, whatever its value */
	/* what fake_tables_pack() makes of them */
	uint8_t names[1 << 18], tokens[8192], index[512], addresses[FAKE_SYMS * 8];
	uint32_t markers[FAKE_SYMS / 256];
	size_t names_len, tokens_len, addresses_len;
};

/* Codes of these are from 128 on; a printable character stands for itself, every other code for nothing. */
static const char *const fake_tokens[] = {"__pfx_", "Tfn_", "init", "_a_rather_long_token_"};

static inline void _printf_(4, 5)
	fake_sym(struct fake_tables *t, uint64_t addr, char type, const char *fmt, ...)
{
	struct fake_sym *s = &t->syms[t->n++];
	va_list ap;

	assert_true(t->n <= FAKE_SYMS);
	s->addr = addr;
	s->name[0] = type;
	va_start(ap, fmt);
	vsnprintf(s->name + 1, sizeof(s->name) - 1, fmt, ap);
	va_end(ap);
}

static inline void fake_pack_tokens(struct fake_tables *t)
{
	t->tokens_len = 0;
	for (unsigned int code = 0; code < 256; code++) {
		char one[2] = {0};
		const char *text = one;
		uint16_t at = htole16((uint16_t)t->tokens_len);

		if (code > ' ' && code < 127)
			one[0] = (char)code;
		if (code >= 128 && code - 128 < ARRAY_SIZE(fake_tokens))
			text = fake_tokens[code - 128];
		memcpy(t->index + code * 2UL, &at, 2);
		strcpy((char *)t->tokens + t->tokens_len, text);
		t->tokens_len += strlen(text) + 1;
	}
}

/* One name, packed; returns its length. */
static inline size_t fake_pack_name(const char *name, uint8_t *to)
{
	size_t n = 0;

	while (*name) {
		uint8_t code = (uint8_t)*name;
		size_t len = 1;

		for (size_t k = 0; k < ARRAY_SIZE(fake_tokens); k++)
			if (strncmp(name, fake_tokens[k], strlen(fake_tokens[k])) == 0) {
				code = (uint8_t)(128 + k);
				len = strlen(fake_tokens[k]);
			}
		to[n++] = code;
		name += len;
	}
	return n;
}

static inline void fake_pack_names(struct fake_tables *t)
{
	t->names_len = 0;
	for (size_t i = 0; i < t->n; i++) {
		uint8_t packed[1024];
		size_t len = fake_pack_name(t->syms[i].name, packed);

		if (i % 256 == 0)
			t->markers[i / 256] = htole32((uint32_t)t->names_len);
		if (len > 127 && !t->old_lengths) {
			t->names[t->names_len++] = (uint8_t)(len | 0x80);
			t->names[t->names_len++] = (uint8_t)(len >> 7);
		} else {
			t->names[t->names_len++] = (uint8_t)len;
		}
		memcpy(t->names + t->names_len, packed, len);
		t->names_len += len;
	}
}

/* Addresses of the form; the table itself lies at `at`. */
static inline void fake_pack(struct fake_tables *t, enum kallsyms_form form, uint64_t base,
			     uint64_t at)
{
	fake_pack_tokens(t);
	fake_pack_names(t);
	for (size_t i = 0; i < t->n; i++) {
		uint64_t a = t->syms[i].addr, v = 0;

		if (form == KALLSYMS_ABSOLUTE) {
			bytes_put_le64(t->addresses + i * 8, a);
			continue;
		}
		if (form == KALLSYMS_RELATIVE)
			v = a - base;
		if (form == KALLSYMS_PERCPU)
			v = a >> 63 ? base - a - 1 : a;
		if (form == KALLSYMS_PLACE)
			v = a - (at + i * 4);
		bytes_put_le32(t->addresses + i * 4, (uint32_t)v);
	}
	t->addresses_len = t->n * (form == KALLSYMS_ABSOLUTE ? 8 : 4);
}

static inline struct kallsyms_tables fake_view(const struct fake_tables *t, enum kallsyms_form form,
					       uint64_t base, uint64_t at)
{
	return (struct kallsyms_tables){
		.names = {t->names, t->names_len},
		.token_table = {t->tokens, t->tokens_len},
		.token_index = {t->index, sizeof(t->index)},
		.addresses = {t->addresses, t->addresses_len},
		.num_syms = t->n,
		.base = base,
		.at = at,
		.form = form,
		.big_lengths = !t->old_lengths,
	};
}

/* ---- in a kernel's image: text at its beginning, tables in the middle, data at the end */

#define FAKE_TEXT      (FAKE_KERNEL_MAP + 0x1000000)
#define FAKE_IMAGE     (2 * MIB)
#define FAKE_TABLES_AT 0x100000 /* where the tables begin */
#define FAKE_DATA_AT   0x1f0000 /* what VMCOREINFO names of the data */

enum fake_order {
	FAKE_OLD,    /* until v6.1: addresses first */
	FAKE_SEQS,   /* v6.2 to v6.4: the order by name in front of the tokens */
	FAKE_NEW,    /* v6.4 on: addresses behind the tokens */
	FAKE_PACKED, /* v7.0: the same, by 4 bytes */
};

struct fake_text {
	struct fake f;
	uint64_t phys;                                                       /* of FAKE_TEXT */
	uint64_t names, num_syms, token_table, token_index, addresses, base; /* addresses */
};

static inline uint8_t *fake_text_at(struct fake_text *x, uint64_t vaddr)
{
	return x->f.ram + x->phys + (vaddr - FAKE_TEXT);
}

static inline uint64_t fake_text_put(struct fake_text *x, uint64_t *at, uint64_t align,
				     const void *data, size_t len)
{
	uint64_t start = (*at + align - 1) & ~(align - 1);

	assert_true(start + len <= FAKE_TEXT + FAKE_DATA_AT);
	memcpy(fake_text_at(x, start), data, len);
	*at = start + len;
	return start;
}

static inline void fake_text_init(struct fake_text *x)
{
	fake_init(&x->f, 16 * MIB, 4);
	fake_ram(&x->f, 0, x->f.size);
	x->phys = fake_alloc(&x->f, FAKE_IMAGE);
	fake_map_range(&x->f, FAKE_TEXT, x->phys, FAKE_IMAGE);
	fake_set(&x->f, "SYMBOL(_stext)", "%llx", FAKE_TEXT);
	fake_set(&x->f, "SYMBOL(init_uts_ns)", "%llx", FAKE_TEXT + FAKE_DATA_AT);
}

static inline void fake_put_addresses(struct fake_text *x, uint64_t *at, struct fake_tables *t,
				      enum kallsyms_form form, uint64_t align)
{
	uint8_t base[8];

	x->addresses = (*at + align - 1) & ~(align - 1);
	fake_pack(t, form, FAKE_TEXT, x->addresses);
	fake_text_put(x, at, align, t->addresses, t->addresses_len);
	bytes_put_le64(base, FAKE_TEXT);
	if (form == KALLSYMS_RELATIVE || form == KALLSYMS_PERCPU)
		x->base = fake_text_put(x, at, 8, base, sizeof(base));
}

static inline void fake_put_tables(struct fake_text *x, struct fake_tables *t,
				   enum kallsyms_form form, enum fake_order order)
{
	uint64_t at = FAKE_TEXT + FAKE_TABLES_AT, align = order == FAKE_PACKED ? 4 : 8;
	uint8_t num[4], *seqs = calloc(t->n, 3);

	assert_non_null(seqs);
	fake_pack(t, form, FAKE_TEXT, 0);
	x->base = 0;
	if (order == FAKE_OLD || order == FAKE_SEQS)
		fake_put_addresses(x, &at, t, form, align);
	bytes_put_le32(num, (uint32_t)t->n);
	x->num_syms = fake_text_put(x, &at, align, num, sizeof(num));
	x->names = fake_text_put(x, &at, align, t->names, t->names_len);
	fake_text_put(x, &at, align, t->markers, (t->n + 255) / 256 * 4);
	if (order == FAKE_SEQS)
		fake_text_put(x, &at, align, seqs, t->n * 3);
	x->token_table = fake_text_put(x, &at, align, t->tokens, t->tokens_len);
	x->token_index = fake_text_put(x, &at, align, t->index, sizeof(t->index));
	if (order == FAKE_NEW || order == FAKE_PACKED) {
		fake_put_addresses(x, &at, t, form, align);
		fake_text_put(x, &at, align, seqs, t->n * 3);
	}
	free(seqs);
}

/* What VMCOREINFO says of them since v6.0. */
static inline void fake_tell_tables(struct fake_text *x, enum kallsyms_form form)
{
	fake_set(&x->f, "SYMBOL(kallsyms_names)", "%" PRIx64, x->names);
	fake_set(&x->f, "SYMBOL(kallsyms_num_syms)", "%" PRIx64, x->num_syms);
	fake_set(&x->f, "SYMBOL(kallsyms_token_table)", "%" PRIx64, x->token_table);
	fake_set(&x->f, "SYMBOL(kallsyms_token_index)", "%" PRIx64, x->token_index);
	fake_set(&x->f,
		 form == KALLSYMS_ABSOLUTE ? "SYMBOL(kallsyms_addresses)"
					   : "SYMBOL(kallsyms_offsets)",
		 "%" PRIx64, x->addresses);
	if (x->base)
		fake_set(&x->f, "SYMBOL(kallsyms_relative_base)", "%" PRIx64, x->base);
}

#endif
