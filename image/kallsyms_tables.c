// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a kernel has its tables of symbols, and of which form they are. */
#include "image/kallsyms_tables.h"

#include <inttypes.h>

#include "base/num.h"
#include "image/search.h"

#define MAX_SYMBOLS  (1U << 22)
#define MIN_SYMBOLS  64 /* of a table that is found by its looks alone */
#define MAX_NAMES    (64U << 20)
#define MAX_TOKENS   (1U << 16) /* token_index has 16 bits */
#define TOKENS_ROOM  8192       /* all tokens have some 1,000 bytes */
#define INDEX_SIZE   512        /* 256 of them */
#define BEHIND       (12U << 20) /* names, markers and the order by name lie in front of the tokens */
#define MAX_PER_NAME 100         /* bytes of a packed name, on average; some 15 it is */
#define MAX_TABLES   8           /* of tokens; there is one */
#define MAX_ATTEMPTS 5
#define PER_MARKER   256

/* Addresses of the tables; 0: the kernel has none. */
struct places {
	uint64_t num_syms, names, token_table, token_index, addresses, offsets, base;
};

struct loaded {
	struct kallsyms_tables t;
	uint8_t *names, *tokens, *index;
};

static void loaded_deinit(struct loaded *l)
{
	free(l->names);
	free(l->tokens);
	free(l->index);
}

/* ---- what the form is told by */

/* In VMCOREINFO and, if that has data, in kallsyms: any of them will do. */
static const char *const anchors[] = {"_stext",           "swapper_pg_dir",  "init_top_pgt",
				      "init_uts_ns",      "node_online_map", "vmap_area_list",
				      "printk_rb_static", "clear_seq"};

/* Which of the symbols are anchors: index and which one. A name can be there several times. */
struct known {
	uint64_t addr[ARRAY_SIZE(anchors)];
	struct {
		size_t i;
		size_t anchor;
	} v[64];
	size_t n;
};

static void find_known(const struct image *img, const struct kallsyms_list *list, struct known *ret)
{
	bool there[ARRAY_SIZE(anchors)];

	ret->n = 0;
	for (size_t k = 0; k < ARRAY_SIZE(anchors); k++) {
		struct err ignored;

		there[k] = !image_need_symbol(img, anchors[k], &ret->addr[k], &ignored);
	}
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(anchors); k++)
			if (there[k] && ret->n < ARRAY_SIZE(ret->v) &&
			    strcmp(list->text + list->v[i].name + 1, anchors[k]) == 0) {
				ret->v[ret->n].i = i;
				ret->v[ret->n++].anchor = k;
			}
}

/* Kernels sort the table, so a wrong form makes disorder. Some damage makes little. */
static bool is_sorted(const struct kallsyms_tables *t, enum kallsyms_form form)
{
	uint64_t first = kallsyms_address(t, form, 0), last = first, wrong = 0;

	for (uint64_t i = 1; i < t->num_syms; i++) {
		uint64_t addr = kallsyms_address(t, form, i);

		wrong += addr < last;
		last = addr;
	}
	return wrong <= t->num_syms / 64 && last > first && last >> 63;
}

/* Of the anchors that are there most have their addresses: one alone might be chance, or damage. */
static bool form_fits(const struct kallsyms_tables *t, enum kallsyms_form form,
		      const struct known *known)
{
	bool there[ARRAY_SIZE(anchors)] = {0}, right[ARRAY_SIZE(anchors)] = {0};
	size_t n_there = 0, n_right = 0;

	if (t->num_syms > t->addresses.len / kallsyms_width(form))
		return false;
	for (size_t k = 0; k < known->n; k++) {
		size_t anchor = known->v[k].anchor;

		there[anchor] = true;
		if (kallsyms_address(t, form, known->v[k].i) == known->addr[anchor])
			right[anchor] = true;
	}
	for (size_t k = 0; k < ARRAY_SIZE(anchors); k++) {
		n_there += there[k];
		n_right += right[k];
	}
	return (!n_there || n_right * 2 > n_there) && is_sorted(t, form);
}

/* One place where the addresses may be, and what they may be there. */
struct attempt {
	uint64_t at, base_at;
	bool has_base; /* base_at */
	enum kallsyms_form forms[2];
	size_t n_forms;
};

/* Fills in addresses, base, at and form of `t`; *ret_data is what `t->addresses` lies in. */
static int try_place(struct reader *rd, const struct attempt *a, const struct known *known,
		     struct kallsyms_tables *t, uint8_t **ret_data, struct err *err)
{
	size_t width = kallsyms_width(a->forms[0]);
	_cleanup_free_ uint8_t *data = NULL;
	int r = 0;

	if (a->has_base)
		r = reader_u64(rd, a->base_at, &t->base, err);
	if (!r)
		r = reader_bulk(rd, a->at, t->num_syms * width, (uint64_t)MAX_SYMBOLS * width,
				"kallsyms' addresses", &data, err);
	if (r)
		return r;
	t->addresses = (struct bytes){data, t->num_syms * width};
	t->at = a->at;
	for (size_t f = 0; f < a->n_forms; f++)
		if (form_fits(t, a->forms[f], known)) {
			t->form = a->forms[f];
			*ret_data = no_cleanup_ptr(data);
			return 0;
		}
	t->addresses = (struct bytes){0};
	return err_set(err, ERR_CORRUPT,
		       "kallsyms' addresses at 0x%" PRIx64
		       " are of none of the known forms: none gives VMCOREINFO's addresses",
		       a->at);
}

/* All that is possible where VMCOREINFO or the search say that they are. */
static size_t list_attempts(const struct places *p, uint64_t n, struct attempt v[MAX_ATTEMPTS])
{
	uint64_t behind = p->token_index + INDEX_SIZE;
	size_t k = 0;

	if (p->addresses) {
		v[k++] = (struct attempt){
			.at = p->addresses, .forms = {KALLSYMS_ABSOLUTE}, .n_forms = 1};
		return k;
	}
	if (p->offsets && p->base) {
		v[k++] = (struct attempt){.at = p->offsets,
					  .base_at = p->base,
					  .has_base = true,
					  .forms = {KALLSYMS_RELATIVE, KALLSYMS_PERCPU},
					  .n_forms = 2};
		return k;
	}
	if (p->offsets) {
		v[k++] =
			(struct attempt){.at = p->offsets, .forms = {KALLSYMS_PLACE}, .n_forms = 1};
		return k;
	}
	/* found by its looks: in front of everything until v6.4, behind the tokens since (404bad70fcf7) */
	v[k++] = (struct attempt){.at = p->num_syms - 8 - num_align_up(n * 4, 8),
				  .base_at = p->num_syms - 8,
				  .has_base = true,
				  .forms = {KALLSYMS_PERCPU, KALLSYMS_RELATIVE},
				  .n_forms = 2};
	v[k++] = (struct attempt){.at = behind,
				  .base_at = num_align_up(behind + n * 4, 8),
				  .has_base = true,
				  .forms = {KALLSYMS_PERCPU, KALLSYMS_RELATIVE},
				  .n_forms = 2};
	v[k++] = (struct attempt){.at = behind, .forms = {KALLSYMS_PLACE}, .n_forms = 1};
	v[k++] = (struct attempt){
		.at = p->num_syms - n * 8, .forms = {KALLSYMS_ABSOLUTE}, .n_forms = 1};
	v[k++] = (struct attempt){.at = behind, .forms = {KALLSYMS_ABSOLUTE}, .n_forms = 1};
	return k;
}

static int find_addresses(struct reader *rd, const struct places *p, const struct known *known,
			  struct kallsyms_tables *t, uint8_t **ret_data, struct err *err)
{
	struct attempt v[MAX_ATTEMPTS];
	size_t n = list_attempts(p, t->num_syms, v);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		r = try_place(rd, &v[i], known, t, ret_data, err);
		if (!r || r == ERR_NO_MEMORY)
			return r;
	}
	return r;
}

/* ---- names */

/*
 * Where the names end, and whether the markers stand behind them: for each 256th symbol the offset of its name, aligned
 * to 8 bytes, to 4 since v7.0. *ret_end: of the markers. `budget` is of names: what was made to look like many tables must
 * not take forever.
 */
static bool names_fit(struct bytes names, uint64_t n, bool big_lengths, size_t *ret_end,
		      uint64_t *budget)
{
	size_t at = 0;
	uint64_t i;

	for (i = 0; i < n; i++) {
		struct bytes ignored;

		if (!*budget || !kallsyms_next_name(names, big_lengths, &at, &ignored))
			return false;
		--*budget;
	}
	for (size_t align = 8; align >= 4; align /= 2) {
		size_t markers = num_align_up(at, align), off = 0;
		bool fits = true;

		for (i = 0; i < n && fits; i++) {
			struct bytes ignored;
			uint32_t marker;

			if (i % PER_MARKER == 0)
				fits = bytes_le32(names, markers + i / PER_MARKER * 4, &marker) &&
				       marker == off;
			fits = fits && kallsyms_next_name(names, big_lengths, &off, &ignored);
		}
		*ret_end = markers + num_div_up(n, PER_MARKER) * 4;
		if (fits)
			return true;
	}
	return false;
}

/*
 * Long names have two bytes of length since v6.1. Before, a length of more than 127 was one byte; the markers tell. If they
 * are damaged it is taken as it is today.
 */
static bool has_big_lengths(struct bytes names, uint64_t n)
{
	uint64_t budget = 2ULL * MAX_SYMBOLS;
	size_t end;

	return names_fit(names, n, true, &end, &budget) ||
	       !names_fit(names, n, false, &end, &budget);
}

static int load(struct reader *rd, const struct places *p, struct loaded *l, struct err *err)
{
	uint32_t num;
	int r = reader_u32(rd, p->num_syms, &num, err);

	if (r)
		return err_wrap(err, "kallsyms_num_syms");
	if (p->token_table <= p->names || p->token_index <= p->token_table)
		return err_set(err, ERR_CORRUPT,
			       "kallsyms_names at 0x%" PRIx64 ", kallsyms_token_table at 0x%" PRIx64
			       " and kallsyms_token_index at 0x%" PRIx64 " are not in this order",
			       p->names, p->token_table, p->token_index);
	l->t.num_syms = num;
	l->t.names.len = p->token_table - p->names;
	l->t.token_table.len = p->token_index - p->token_table;
	l->t.token_index.len = INDEX_SIZE;
	if ((r = reader_bulk(rd, p->names, l->t.names.len, MAX_NAMES, "kallsyms_names", &l->names,
			     err)) ||
	    (r = reader_bulk(rd, p->token_table, l->t.token_table.len, MAX_TOKENS,
			     "kallsyms_token_table", &l->tokens, err)) ||
	    (r = reader_bulk(rd, p->token_index, INDEX_SIZE, INDEX_SIZE, "kallsyms_token_index",
			     &l->index, err)))
		return r;
	l->t.names.data = l->names;
	l->t.token_table.data = l->tokens;
	l->t.token_index.data = l->index;
	l->t.big_lengths = has_big_lengths(l->t.names, num);
	return 0;
}

static int decode_at(struct reader *rd, const struct places *p, bool searched,
		     struct kallsyms **ret, struct err *err)
{
	_cleanup_free_ uint8_t *addresses = NULL;
	struct kallsyms_list list = {0};
	struct loaded l = {0};
	struct known known;
	int r = load(rd, p, &l, err);

	if (!r)
		r = kallsyms_read_names(&l.t, &list, err);
	loaded_deinit(&l);
	if (!r) {
		find_known(reader_image(rd), &list, &known);
		r = find_addresses(rd, p, &known, &l.t, &addresses, err);
	}
	if (!r)
		r = kallsyms_finish_tables(&l.t, &list, searched, ret, err);
	kallsyms_list_deinit(&list);
	return r;
}

/* ---- first rung: VMCOREINFO says where */

static int places_of_info(const struct image *img, struct places *ret, struct err *err)
{
	struct places p = {0};
	struct err ignored;
	int r;

	if ((r = image_need_symbol(img, "kallsyms_names", &p.names, err)) ||
	    (r = image_need_symbol(img, "kallsyms_num_syms", &p.num_syms, err)) ||
	    (r = image_need_symbol(img, "kallsyms_token_table", &p.token_table, err)) ||
	    (r = image_need_symbol(img, "kallsyms_token_index", &p.token_index, err)))
		return r;
	if (image_need_symbol(img, "kallsyms_addresses", &p.addresses, &ignored)) {
		r = image_need_symbol(img, "kallsyms_offsets", &p.offsets, err);
		if (r)
			return r;
		if (image_need_symbol(img, "kallsyms_relative_base", &p.base, &ignored))
			p.base = 0; /* none since v7.0 */
	}
	*ret = p;
	return 0;
}

/* ---- second rung: they are looked for */

/* The digits are used in names and so are tokens themselves, at their places. */
#define DIGITS "0\0001\0002\0003\0004\0005\0006\0007\0008\0009"

struct found {
	struct reader *rd;
	struct range span;
	struct places p;
	uint64_t budget; /* names that are looked at */
	int tables;      /* of tokens that were tried */
	int r;           /* not 0: no memory */
	struct err err;
};

/*
 * A token table whose digits are at `digits`? Then its index follows, at a multiple of 4 or 8: 256 offsets, each of which
 * is that of the token after the one before.
 */
static bool is_token_table(struct bytes there, uint64_t digits, struct places *ret)
{
	size_t at = 0;
	uint16_t zero, value;
	unsigned int i;

	for (i = '0'; i < 256; i++) { /* to the end of the last token */
		const uint8_t *end =
			at < there.len ? memchr(there.data + at, '\0', there.len - at) : NULL;

		if (!end)
			return false;
		at = (size_t)(end - there.data) + 1;
	}
	for (uint64_t align = 4; align <= 8; align *= 2) {
		uint64_t index = num_align_up(digits + at, align);
		size_t off = (size_t)(index - digits), token = 0;

		if (!bytes_le16(there, off + '0' * 2, &zero))
			return false;
		for (i = '0'; i < 256; i++) {
			if (!bytes_le16(there, off + i * 2UL, &value) || value != zero + token)
				break;
			token += strlen((const char *)there.data + token) + 1;
		}
		if (i < 256 || zero < '0')
			continue;
		ret->token_table = digits - zero;
		ret->token_index = index;
		return true;
	}
	return false;
}

/*
 * Do the first names begin with a type, as nm(1) has them? Almost any bytes look like lengths and tokens, so this keeps the
 * search from following most of what are no names.
 */
static bool begins_with_types(struct bytes names, struct bytes tokens, struct bytes index)
{
	size_t at = 0;

	for (unsigned int i = 0; i < MIN_SYMBOLS; i++) {
		struct bytes name;
		uint16_t token;
		uint8_t type;

		/* short lengths are the same in both forms, and most are short */
		if (!kallsyms_next_name(names, true, &at, &name) ||
		    !bytes_le16(index, name.data[0] * 2UL, &token) ||
		    !bytes_u8(tokens, token, &type) || !type ||
		    !strchr("aAbBcCdDgGiNnpPrRsStTuvVwW?", type))
			return false;
	}
	return true;
}

/* Is this kallsyms_num_syms, with names, markers and perhaps the order by name up to the tokens? */
static bool is_num_syms(struct bytes before, size_t at, struct bytes tokens, struct bytes index,
			uint64_t *budget, size_t *ret_names)
{
	uint32_t n, zero;

	if (!bytes_le32(before, at, &n) || n < MIN_SYMBOLS || n > MAX_SYMBOLS ||
	    n > (before.len - at) / 2 || n < (before.len - at) / MAX_PER_NAME)
		return false;
	for (size_t gap = 8; gap >= 4; gap -= 4) {
		struct bytes names;
		size_t end, rest;
		bool fits;

		if (gap == 8 && (!bytes_le32(before, at + 4, &zero) || zero))
			continue;
		if (!bytes_sub(before, at + gap, before.len - at - gap, &names) ||
		    !begins_with_types(names, tokens, index))
			continue;
		fits = names_fit(names, n, true, &end, budget) ||
		       names_fit(names, n, false, &end, budget);
		rest = names.len - end;
		/* v6.2 to v6.4: kallsyms_seqs_of_names, of 3 bytes each (19bd8981dc2e), lies between */
		if (fits && (rest < 8 || (rest >= n * 3UL && rest < n * 4UL + 16))) {
			*ret_names = at + gap;
			return true;
		}
	}
	return false;
}

/* The piece in front of the tokens, as far back as it can be read. */
static int read_before(struct found *f, uint64_t *ret_start, uint8_t **ret)
{
	uint64_t start = f->p.token_table - f->span.start > BEHIND ? f->p.token_table - BEHIND
								   : f->span.start;

	while (start < f->p.token_table) {
		int r = reader_bulk(f->rd, start, f->p.token_table - start, BEHIND, "names", ret,
				    &f->err);

		if (!r || r == ERR_NO_MEMORY) {
			*ret_start = start;
			return r;
		}
		start += (f->p.token_table - start) / 2 + 1;
	}
	return ERR_NOT_FOUND;
}

/* Going back from the tokens: num_syms, with the names behind it. */
static bool find_num_syms(struct found *f, struct bytes before, uint64_t start, struct bytes tokens,
			  struct bytes index)
{
	size_t names;

	for (uint64_t at = num_align_down(f->p.token_table - 4, 4); at > start && at - start >= 4;
	     at -= 4)
		if (is_num_syms(before, (size_t)(at - start), tokens, index, &f->budget, &names)) {
			f->p.num_syms = at;
			f->p.names = start + names;
			return true;
		}
	return false;
}

static bool take_tokens(void *ctx, uint64_t vaddr, struct bytes there)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ uint8_t *more = NULL;
	_cleanup_free_ uint8_t *table = NULL;
	struct bytes tokens, index;
	struct found *f = ctx;
	uint64_t start, len;
	int r;

	if (there.len < TOKENS_ROOM && /* the piece that was searched may end too soon */
	    !reader_bulk(f->rd, vaddr, TOKENS_ROOM, TOKENS_ROOM, "tokens", &more, &f->err))
		there = (struct bytes){more, TOKENS_ROOM};
	if (!is_token_table(there, vaddr, &f->p) || f->p.token_table <= f->span.start ||
	    f->tables++ >= MAX_TABLES)
		return false;
	len = f->p.token_index - f->p.token_table;
	r = reader_bulk(f->rd, f->p.token_table, len + INDEX_SIZE, MAX_TOKENS + INDEX_SIZE,
			"tokens", &table, &f->err);
	if (!r)
		r = read_before(f, &start, &data);
	if (r == ERR_NO_MEMORY)
		f->r = r;
	if (r)
		return f->r;
	tokens = (struct bytes){table, len};
	index = (struct bytes){table + len, INDEX_SIZE};
	return find_num_syms(f, (struct bytes){data, f->p.token_table - start}, start, tokens,
			     index);
}

static int search_places(struct reader *rd, struct places *ret, struct err *err)
{
	static const uint8_t digits[] = DIGITS; /* with the NUL behind the last */
	struct found f = {.rd = rd, .budget = 16ULL * MAX_SYMBOLS};
	int r = search_span(reader_image(rd), &f.span, err);

	if (r)
		return r;
	if (!search_bytes(reader_image(rd), f.span, (struct bytes){digits, sizeof(digits)},
			  take_tokens, &f, err))
		return err->code ? err->code
				 : err_set(err, ERR_NOT_FOUND,
					   "the kernel's image, from 0x%" PRIx64 " to 0x%" PRIx64
					   ", has no table of symbols (CONFIG_KALLSYMS)",
					   f.span.start, f.span.end);
	if (f.r) {
		*err = f.err;
		return f.r;
	}
	*ret = f.p;
	return 0;
}

int kallsyms_create(struct reader *rd, struct kallsyms **ret, struct err *err)
{
	struct places p;
	struct err second;
	bool told;
	int r, s;

	r = places_of_info(reader_image(rd), &p, err);
	told = !r;
	if (told)
		r = decode_at(rd, &p, false, ret, err);
	if (!r || r == ERR_NO_MEMORY)
		return r;
	s = search_places(rd, &p, &second);
	if (!s)
		s = decode_at(rd, &p, true, ret, &second);
	if (!s)
		return 0;
	if (!told || s == ERR_NO_MEMORY) {
		*err = second;
		return s;
	}
	return r; /* of what VMCOREINFO pointed to */
}
