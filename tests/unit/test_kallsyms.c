// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/kallsyms.h"

#include <elf.h>

#include "tests/unit/fake_kallsyms.h"

#define T FAKE_TEXT

static const enum kallsyms_form all_forms[] = {KALLSYMS_ABSOLUTE, KALLSYMS_RELATIVE,
					       KALLSYMS_PERCPU, KALLSYMS_PLACE};

static struct fake_tables *tables_new(void)
{
	struct fake_tables *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	return t;
}

/* A small kernel: symbols each 16 bytes, of which some are aliases, prefixes, data. */
static struct fake_tables *small(void)
{
	struct fake_tables *t = tables_new();

	fake_sym(t, T, 'T', "_stext");
	fake_sym(t, T, 't', "_text_alias");
	fake_sym(t, T + 0x10, 't', "__pfx_fn_one");
	fake_sym(t, T + 0x20, 'T', "fn_one");
	fake_sym(t, T + 0x40, 't', "same");
	fake_sym(t, T + 0x60, 'W', "same");
	fake_sym(t, T + 0x70, 't', "$x");
	fake_sym(t, T + 0x74, 't', "$d.42");
	fake_sym(t, T + 0x80, 'D', "$dollar");
	fake_sym(t, T + FAKE_DATA_AT, 'D', "init_uts_ns");
	return t;
}

static struct kallsyms *decode(struct fake_tables *t, enum kallsyms_form form)
{
	struct kallsyms *syms = NULL;
	struct kallsyms_tables view;

	fake_pack(t, form, T, T + 0x5000);
	view = fake_view(t, form, T, T + 0x5000);
	assert_ok(kallsyms_decode(&view, &syms, err));
	free(t);
	return syms;
}

static void check(const struct kallsyms *syms, size_t i, uint64_t addr, uint64_t size, char type,
		  const char *name)
{
	struct symbol s;

	assert_true(i < kallsyms_count(syms));
	kallsyms_get(syms, i, &s);
	assert_string_equal(s.name, name);
	assert_int_equal(s.addr, addr);
	assert_int_equal(s.size, size);
	assert_int_equal(s.type, type);
	assert_null(s.module);
}

TEST(forms)
{
	for (size_t f = 0; f < ARRAY_SIZE(all_forms); f++) {
		struct kallsyms *syms = decode(small(), all_forms[f]);

		assert_int_equal(kallsyms_form(syms), all_forms[f]);
		assert_false(kallsyms_searched(syms));
		assert_int_equal(kallsyms_count(syms), 7);
		check(syms, 0, T, 0x10, 'T', "_stext"); /* up to the prefix, which is left out */
		check(syms, 1, T, 0x10, 't', "_text_alias");
		check(syms, 2, T + 0x20, 0x20, 'T', "fn_one");
		check(syms, 3, T + 0x40, 0x20, 't', "same");
		check(syms, 4, T + 0x60, 0x20, 'W', "same"); /* mapping symbols end nothing */
		check(syms, 5, T + 0x80, 0x10000, 'D', "$dollar");
		check(syms, 6, T + FAKE_DATA_AT, 0, 'D', "init_uts_ns");
		kallsyms_destroy(syms);
	}
	assert_string_equal(kallsyms_form_name(KALLSYMS_PERCPU), "absolute-percpu");
	assert_string_equal(kallsyms_form_name((enum kallsyms_form)99), "unknown");
	kallsyms_destroy(NULL);
}

TEST(percpu_symbols_are_offsets)
{
	struct fake_tables *t = tables_new();
	struct kallsyms *syms;
	struct symbol s;

	fake_sym(t, 0, 'A', "__per_cpu_start");
	fake_sym(t, 0x1000, 'A', "runqueues");
	fake_sym(t, T, 'T', "_stext");
	syms = decode(t, KALLSYMS_PERCPU);
	check(syms, 0, 0, 0x1000, 'A', "__per_cpu_start");
	check(syms, 1, 0x1000, 0x10000, 'A', "runqueues");
	check(syms, 2, T, 0, 'T', "_stext");
	assert_true(kallsyms_find(syms, "runqueues", &s));
	assert_int_equal(s.addr, 0x1000);
	assert_false(kallsyms_at(syms, 0, &s)); /* a null pointer is not in the first of them */
	assert_false(kallsyms_at(syms, 0x1008, &s));
	assert_true(kallsyms_at(syms, T, &s));
	kallsyms_destroy(syms);
}

static const char *name_at(const struct kallsyms *syms, uint64_t addr)
{
	struct symbol s;

	return kallsyms_at(syms, addr, &s) ? s.name : "";
}

TEST(look_ups)
{
	struct kallsyms *syms = decode(small(), KALLSYMS_RELATIVE);
	struct symbol s;

	assert_string_equal(name_at(syms, T - 1), "");
	assert_string_equal(name_at(syms, T), "_stext"); /* the first of two */
	assert_string_equal(name_at(syms, T + 0xf), "_stext");
	assert_string_equal(name_at(syms, T + 0x10), ""); /* in the prefix */
	assert_string_equal(name_at(syms, T + 0x3f), "fn_one");
	assert_string_equal(name_at(syms, T + 0x7f), "same");
	assert_string_equal(name_at(syms, T + 0x1007f), "$dollar");
	assert_string_equal(name_at(syms, T + 0x10080), ""); /* 64 KiB behind it */
	assert_string_equal(name_at(syms, T + FAKE_DATA_AT), "init_uts_ns");
	assert_string_equal(name_at(syms, T + FAKE_DATA_AT + 1), ""); /* its size is not known */
	assert_string_equal(name_at(syms, UINT64_MAX), "");
	assert_true(kallsyms_find(syms, "same", &s));
	assert_int_equal(s.addr, T + 0x40); /* the first of two */
	assert_false(kallsyms_find(syms, "sam", &s));
	assert_false(kallsyms_find(syms, "", &s));
	assert_false(kallsyms_find(syms, "__pfx_fn_one", &s));
	kallsyms_destroy(syms);
}

/* The order of the table decides, also where the addresses are not in it. */
TEST(unsorted_tables)
{
	struct fake_tables *t = tables_new();
	struct kallsyms *syms;
	struct symbol s;

	fake_sym(t, T + 0x30, 'T', "late");
	fake_sym(t, T + 0x10, 'T', "twice");
	fake_sym(t, T + 0x30, 'T', "late_alias");
	fake_sym(t, T, 'T', "twice");
	syms = decode(t, KALLSYMS_ABSOLUTE);
	check(syms, 0, T, 0x10, 'T', "twice");
	check(syms, 2, T + 0x30, 0, 'T', "late");
	assert_true(kallsyms_find(syms, "twice", &s));
	assert_int_equal(s.addr, T + 0x10);
	assert_string_equal(name_at(syms, T + 0x30), "late");
	kallsyms_destroy(syms);
}

TEST(many)
{
	struct fake_tables *t = tables_new();
	struct kallsyms *syms;

	for (unsigned int i = 0; i < FAKE_SYMS; i++)
		fake_sym(t, T + i * 32, 'T', "fn_%u", i);
	syms = decode(t, KALLSYMS_PLACE);
	assert_int_equal(kallsyms_count(syms), FAKE_SYMS);
	for (unsigned int i = 0; i < FAKE_SYMS; i++) {
		struct symbol s;
		char name[32];

		snprintf(name, sizeof(name), "fn_%u", i);
		assert_true(kallsyms_find(syms, name, &s));
		assert_int_equal(s.addr, T + i * 32);
		assert_string_equal(name_at(syms, T + i * 32), name);
	}
	kallsyms_destroy(syms);
}

/* ---- long names */

static void check_long(size_t len, bool old_lengths, size_t want)
{
	struct fake_tables *t = tables_new();
	struct kallsyms *syms;
	char name[1024];
	struct symbol s;

	memset(name, 'x', len);
	name[len] = '\0';
	t->old_lengths = old_lengths;
	fake_sym(t, T, 'T', "_stext");
	fake_sym(t, T + 16, 'T', "%s", name);
	fake_sym(t, T + 32, 'T', "behind");
	syms = decode(t, KALLSYMS_RELATIVE);
	assert_int_equal(kallsyms_count(syms), 3);
	kallsyms_get(syms, 1, &s);
	assert_int_equal(strlen(s.name), want);
	assert_memory_equal(s.name, name, want);
	check(syms, 2, T + 32, 0, 'T', "behind");
	kallsyms_destroy(syms);
}

TEST(long_names)
{
	check_long(126, false, 126); /* with the type 127: one byte of length */
	check_long(127, false, 127);
	check_long(300, false, 300);
	check_long(511, false, 511);
	check_long(512, false, 511); /* KSYM_NAME_LEN: the kernel cuts there, too */
	check_long(1000, false, 511);
	check_long(126, true, 126);
	check_long(200, true, 200);
}

/* A name that is long only once it is unpacked. */
TEST(long_tokens)
{
	struct fake_tables *t = tables_new();
	struct kallsyms *syms;
	struct symbol s;
	char name[1000] = "";

	for (size_t i = 0; i < 40; i++)
		strcat(name, fake_tokens[3]);
	fake_sym(t, T, 'T', "%s", name);
	syms = decode(t, KALLSYMS_RELATIVE);
	kallsyms_get(syms, 0, &s);
	assert_int_equal(strlen(s.name), 511);
	assert_memory_equal(s.name, name, 511);
	kallsyms_destroy(syms);
}

/* ---- damaged tables */

static void check_bad(void (*damage)(struct fake_tables *, struct kallsyms_tables *),
		      const char *part)
{
	struct fake_tables *t = small();
	struct kallsyms *syms = NULL;
	struct kallsyms_tables view;

	fake_pack(t, KALLSYMS_RELATIVE, T, 0);
	view = fake_view(t, KALLSYMS_RELATIVE, T, 0);
	damage(t, &view);
	assert_fails(kallsyms_decode(&view, &syms, err), ERR_CORRUPT, part);
	assert_null(syms);
	free(t);
}

static void no_symbols(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)t;
	v->num_syms = 0;
}

static void too_many(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)t;
	v->num_syms = UINT32_MAX;
	v->addresses.len = UINT64_MAX; /* not read: names come first */
}

static void one_too_many(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)t;
	v->num_syms++;
	v->addresses.len += 4;
}

static void few_addresses(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)t;
	v->addresses.len -= 1;
}

static void cut_names(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)t;
	v->names.len -= 3;
}

static void empty_name(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)v;
	t->names[t->names[0] + 1] = 0; /* the second one's length */
}

static void half_length(struct fake_tables *t, struct kallsyms_tables *v)
{
	t->names[t->names_len] = 0x80;
	v->names.len++;
	v->num_syms++;
	v->addresses.len += 4;
}

static void endless_token(struct fake_tables *t, struct kallsyms_tables *v)
{
	t->tokens[t->tokens_len - 1] = 'x';
	(void)v;
}

static void token_beyond(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)v;
	t->index['a' * 2 + 1] = 0xff;
}

static void short_index(struct fake_tables *t, struct kallsyms_tables *v)
{
	(void)t;
	v->token_index.len = 511;
}

TEST(damaged_tables_are_named)
{
	check_bad(no_symbols, "num_syms is 0");
	check_bad(too_many, "num_syms is 4294967295");
	check_bad(one_too_many, "symbol 10 of 11");
	check_bad(few_addresses, "base-relative addresses");
	check_bad(cut_names, "symbol 9 of 10");
	check_bad(empty_name, "symbol 1 of 10");
	check_bad(half_length, "symbol 10 of 11");
	check_bad(endless_token, "token 255 at");
	check_bad(token_beyond, "token_index[97]=");
	check_bad(short_index, "before entry 255");
}

/* A name of tokens that are nothing has not even a type. */
TEST(empty_tokens)
{
	struct fake_tables *t = small();
	struct kallsyms *syms = NULL;
	struct kallsyms_tables view;
	struct symbol s;

	fake_pack(t, KALLSYMS_ABSOLUTE, 0, 0);
	memset(t->names + 1, 1, t->names[0]); /* code 1 */
	view = fake_view(t, KALLSYMS_ABSOLUTE, 0, 0);
	assert_ok(kallsyms_decode(&view, &syms, err));
	kallsyms_get(syms, 0, &s);
	assert_int_equal(s.type, '?');
	assert_string_equal(s.name, "");
	kallsyms_destroy(syms);
	free(t);
}

/* ---- in an image */

static struct fake_tables *kernel_tables(bool data, bool percpu)
{
	struct fake_tables *t = tables_new();

	if (percpu) {
		fake_sym(t, 0, 'A', "__per_cpu_start");
		fake_sym(t, 0x2000, 'A', "runqueues");
	}
	fake_sym(t, T, 'T', "_stext");
	for (unsigned int i = 0; i < 700; i++)
		fake_sym(t, T + 0x100 + i * 32, i % 3 ? 't' : 'T', "fn_%u_of_init", i);
	if (data)
		fake_sym(t, T + FAKE_DATA_AT, 'D', "init_uts_ns");
	return t;
}

static int create(struct fake_text *x, struct kallsyms **ret, struct err *err)
{
	struct reader *rd = NULL;
	int r;

	fake_open(&x->f);
	r = reader_create(x->f.img, 0, &rd, err);
	assert_int_equal(r, 0);
	r = kallsyms_create(rd, ret, err);
	reader_destroy(rd);
	return r;
}

static void check_kernel(struct fake_text *x, struct fake_tables *t, enum kallsyms_form form,
			 bool searched)
{
	struct kallsyms *syms = NULL;

	assert_ok(create(x, &syms, err));
	assert_int_equal(kallsyms_form(syms), form);
	assert_int_equal(kallsyms_searched(syms), searched);
	assert_int_equal(kallsyms_count(syms), t->n);
	for (size_t i = 0; i < t->n; i++) {
		struct symbol s;

		kallsyms_get(syms, i, &s);
		assert_int_equal(s.addr, t->syms[i].addr);
		assert_int_equal(s.type, t->syms[i].name[0]);
		assert_string_equal(s.name, t->syms[i].name + 1);
	}
	kallsyms_destroy(syms);
}

static const struct {
	enum kallsyms_form form;
	enum fake_order order;
} kernels[] = {
	{KALLSYMS_ABSOLUTE, FAKE_OLD}, {KALLSYMS_ABSOLUTE, FAKE_NEW},
	{KALLSYMS_RELATIVE, FAKE_OLD}, {KALLSYMS_RELATIVE, FAKE_SEQS},
	{KALLSYMS_RELATIVE, FAKE_NEW}, {KALLSYMS_PERCPU, FAKE_OLD},
	{KALLSYMS_PERCPU, FAKE_SEQS},  {KALLSYMS_PERCPU, FAKE_NEW},
	{KALLSYMS_PLACE, FAKE_PACKED},
};

static void each_kernel(bool told, bool data)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		enum kallsyms_form form = kernels[i].form;
		struct fake_tables *t = kernel_tables(data, data && form == KALLSYMS_PERCPU);
		struct fake_text x;

		fake_text_init(&x);
		fake_put_tables(&x, t, form, kernels[i].order);
		if (told)
			fake_tell_tables(&x, form);
		check_kernel(&x, t, form, !told);
		fake_deinit(&x.f);
		free(t);
	}
}

TEST(told_by_vmcoreinfo)
{
	each_kernel(true, true);
}

TEST(searched)
{
	each_kernel(false, true);
}

/* arm64 without KALLSYMS_ALL: text alone, so _stext is all that tells the form. */
TEST(text_only)
{
	each_kernel(true, false);
	each_kernel(false, false);
}

/* Nothing of VMCOREINFO is in the table: the form is the one that gives sorted addresses. */
TEST(form_by_order)
{
	for (size_t f = 0; f < ARRAY_SIZE(all_forms); f++) {
		struct fake_tables *t = kernel_tables(true, all_forms[f] == KALLSYMS_PERCPU);
		struct fake_text x;

		for (size_t i = 0; i < t->n; i++)
			if (strcmp(t->syms[i].name, "T_stext") == 0)
				strcpy(t->syms[i].name, "T_other");
		strcpy(t->syms[t->n - 1].name, "Ddata");
		fake_text_init(&x);
		fake_put_tables(&x, t, all_forms[f], FAKE_NEW);
		fake_tell_tables(&x, all_forms[f]);
		check_kernel(&x, t, all_forms[f], false);
		fake_deinit(&x.f);
		free(t);
	}
}

/* Which lengths are meant is told by the markers. */
TEST(lengths_by_markers)
{
	for (int old = 0; old < 2; old++) {
		struct fake_tables *t = kernel_tables(true, false);
		struct fake_text x;

		memset(t->syms[300].name + 1, 'x', 180);
		t->syms[300].name[181] = '\0';
		t->old_lengths = old;
		fake_text_init(&x);
		fake_put_tables(&x, t, KALLSYMS_RELATIVE, FAKE_OLD);
		check_kernel(&x, t, KALLSYMS_RELATIVE, true);
		fake_tell_tables(&x, KALLSYMS_RELATIVE);
		check_kernel(&x, t, KALLSYMS_RELATIVE, false);
		/* damaged ones tell nothing: taken as it is today */
		memset(fake_text_at(&x, x.token_table - 16), 0xff, 16);
		if (!old)
			check_kernel(&x, t, KALLSYMS_RELATIVE, false);
		fake_deinit(&x.f);
		free(t);
	}
}

/* A wrong VMCOREINFO is no reason to go without symbols. */
TEST(wrong_places_are_searched_for)
{
	static const char *const keys[] = {
		"SYMBOL(kallsyms_names)",       "SYMBOL(kallsyms_token_table)",
		"SYMBOL(kallsyms_token_index)", "SYMBOL(kallsyms_num_syms)",
		"SYMBOL(kallsyms_offsets)",     "SYMBOL(kallsyms_relative_base)"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct fake_tables *t = kernel_tables(true, true);
		struct fake_text x;

		fake_text_init(&x);
		fake_put_tables(&x, t, KALLSYMS_PERCPU, FAKE_NEW);
		fake_tell_tables(&x, KALLSYMS_PERCPU);
		fake_set(&x.f, keys[i], "%llx", FAKE_TEXT + 0x40000 + i * 8);
		check_kernel(&x, t, KALLSYMS_PERCPU, true);
		fake_deinit(&x.f);
		free(t);
	}
}

static void check_no_table(void (*damage)(struct fake_text *, struct fake_tables *), int code,
			   const char *part)
{
	struct fake_tables *t = kernel_tables(true, true);
	struct kallsyms *syms = NULL;
	struct fake_text x;

	fake_text_init(&x);
	fake_put_tables(&x, t, KALLSYMS_PERCPU, FAKE_NEW);
	fake_tell_tables(&x, KALLSYMS_PERCPU);
	damage(&x, t);
	assert_fails(create(&x, &syms, err), code, part);
	assert_null(syms);
	fake_deinit(&x.f);
	free(t);
}

static void spoil_index(struct fake_text *x, struct fake_tables *t)
{
	(void)t;
	*fake_text_at(x, x->token_index + 'a' * 2 + 1) = 0xff;
}

static void spoil_names(struct fake_text *x, struct fake_tables *t)
{
	(void)t;
	memset(fake_text_at(x, x->names + 1000), 0, 100);
}

static void spoil_addresses(struct fake_text *x, struct fake_tables *t)
{
	for (size_t i = 0; i < t->n; i++)
		bytes_put_le32(fake_text_at(x, x->addresses + i * 4), 7);
}

static void take_names_away(struct fake_text *x, struct fake_tables *t)
{
	uint64_t at = x->phys + (x->names - FAKE_TEXT);

	(void)t;
	fake_absent(&x->f, at & ~4095ULL, (at & ~4095ULL) + 4096);
}

static void forget_and_clear(struct fake_text *x, struct fake_tables *t)
{
	(void)t;
	fake_unset(&x->f, "SYMBOL(kallsyms_names)");
	memset(x->f.ram + x->phys, 0, FAKE_IMAGE);
}

static void forget_stext(struct fake_text *x, struct fake_tables *t)
{
	(void)t;
	fake_unset(&x->f, "SYMBOL(kallsyms_names)");
	fake_unset(&x->f, "SYMBOL(_stext)");
}

TEST(damaged_images)
{
	check_no_table(spoil_index, ERR_CORRUPT, "kallsyms_token_index[97]=");
	check_no_table(spoil_names, ERR_CORRUPT, "kallsyms_names: symbol");
	check_no_table(spoil_addresses, ERR_CORRUPT, "none of the known forms");
	check_no_table(take_names_away, ERR_NOT_FOUND, "kallsyms_num_syms: address");
	check_no_table(forget_and_clear, ERR_NOT_FOUND, "CONFIG_KALLSYMS");
	check_no_table(forget_stext, ERR_NOT_FOUND, "_stext");
}

/* Holes in the image, and a table that lies where two pieces of the search meet. */
TEST(search_goes_on_behind_holes)
{
	struct fake_tables *t = kernel_tables(true, true);
	uint64_t digits;
	struct fake_text x;

	fake_text_init(&x);
	fake_put_tables(&x, t, KALLSYMS_PERCPU, FAKE_NEW);
	digits = x.token_table + (uint64_t)(t->index['0' * 2] | t->index['0' * 2 + 1] << 8);
	for (uint64_t cut = 1; cut < 40; cut += 6) {
		/* the piece after the hole begins so that it ends within the digits */
		uint64_t hole = (digits + cut - (256 * KIB)) & ~4095ULL;

		fake_absent(&x.f, x.phys + (hole - FAKE_TEXT) - 4096, x.phys + (hole - FAKE_TEXT));
		check_kernel(&x, t, KALLSYMS_PERCPU, true);
	}
	fake_deinit(&x.f);
	free(t);
}

/* ---- a module's */

static void put_symbol(uint8_t *symtab, size_t i, uint32_t name, uint16_t section, uint64_t value)
{
	Elf64_Sym s = {
		.st_name = htole32(name), .st_shndx = htole16(section), .st_value = htole64(value)};

	memcpy(symtab + i * sizeof(s), &s, sizeof(s));
}

TEST(module_tables)
{
	static const char strings[] = "\0init_one\0__pfx_init_one\0$x\0extern\0data";
	static const char types[] = "\0ttt?Ud";
	const uint64_t m = 0xffffffffc0000000;
	uint8_t symtab[7 * 24] = {0};
	struct kallsyms_elf elf = {.symtab = {symtab, sizeof(symtab)},
				   .strings = {(const uint8_t *)strings, sizeof(strings)},
				   .types = {(const uint8_t *)types, 7},
				   .module = "virtio_blk",
				   .end = m + 0x4000};
	struct kallsyms *syms = NULL;
	struct symbol s;

	put_symbol(symtab, 1, 1, 3, m + 0x10);    /* init_one */
	put_symbol(symtab, 2, 10, 3, m);          /* its prefix */
	put_symbol(symtab, 3, 25, 3, m + 0x20);   /* $x */
	put_symbol(symtab, 4, 1000, 3, m + 0x30); /* a name beyond the strings */
	put_symbol(symtab, 5, 28, SHN_UNDEF, 0);  /* extern */
	put_symbol(symtab, 6, 35, 4, m + 0x3000);
	assert_ok(kallsyms_decode_elf(&elf, &syms, err));
	assert_int_equal(kallsyms_count(syms), 2);
	kallsyms_get(syms, 0, &s);
	assert_string_equal(s.name, "init_one");
	assert_string_equal(s.module, "virtio_blk");
	assert_int_equal(s.size, 0x2ff0);
	assert_int_equal(s.type, 't');
	kallsyms_get(syms, 1, &s);
	assert_string_equal(s.name, "data");
	assert_int_equal(s.size, 0x1000); /* to the end of the module */
	assert_int_equal(s.type, 'd');
	assert_true(kallsyms_at(syms, m + 0x3fff, &s));
	assert_false(kallsyms_at(syms, m + 0x4000, &s));
	kallsyms_destroy(syms);
	/* no types (before v5.2), a name that the strings end in */
	elf.types.len = 0;
	elf.strings.len = 39;
	assert_ok(kallsyms_decode_elf(&elf, &syms, err));
	kallsyms_get(syms, 1, &s);
	assert_string_equal(s.name, "data");
	assert_int_equal(s.type, '?');
	kallsyms_destroy(syms);
	elf.symtab.len = 0;
	assert_ok(kallsyms_decode_elf(&elf, &syms, err));
	assert_int_equal(kallsyms_count(syms), 0);
	assert_false(kallsyms_at(syms, m, &s));
	assert_false(kallsyms_find(syms, "data", &s));
	kallsyms_destroy(syms);
}

/* Many symbols with one long name: what is written out may not be many times what is there. */
TEST(shared_names_do_not_multiply)
{
	static uint8_t symtab[1000 * 24], strings[402];
	struct kallsyms_elf elf = {.symtab = {symtab, sizeof(symtab)},
				   .strings = {strings, sizeof(strings)},
				   .module = "bomb"};
	struct kallsyms *syms = NULL;

	memset(strings + 1, 'A', sizeof(strings) - 2);
	for (uint32_t i = 1; i < 1000; i++)
		put_symbol(symtab, i, i % 8 + 1, 1, 0xffffffffc0000000 + i);
	assert_fails(kallsyms_decode_elf(&elf, &syms, err), ERR_CORRUPT, "names: ");
	for (uint32_t i = 4; i < 1000; i++)
		put_symbol(symtab, i, 0, SHN_UNDEF, 0);
	assert_ok(kallsyms_decode_elf(&elf, &syms, err));
	assert_int_equal(kallsyms_count(syms), 3);
	kallsyms_destroy(syms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(percpu_symbols_are_offsets),
		cmocka_unit_test(look_ups),
		cmocka_unit_test(unsorted_tables),
		cmocka_unit_test(many),
		cmocka_unit_test(long_names),
		cmocka_unit_test(long_tokens),
		cmocka_unit_test(damaged_tables_are_named),
		cmocka_unit_test(empty_tokens),
		cmocka_unit_test(told_by_vmcoreinfo),
		cmocka_unit_test(searched),
		cmocka_unit_test(text_only),
		cmocka_unit_test(form_by_order),
		cmocka_unit_test(lengths_by_markers),
		cmocka_unit_test(wrong_places_are_searched_for),
		cmocka_unit_test(damaged_images),
		cmocka_unit_test(search_goes_on_behind_holes),
		cmocka_unit_test(module_tables),
		cmocka_unit_test(shared_names_do_not_multiply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
