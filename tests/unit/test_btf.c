// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/btf.h"
#include "tests/unit/btf_fixture.h"

/* ---- every kind */

enum { T_INT = 1, T_CHAR, T_BOOL, T_PTR, T_ARRAY, T_NODE, T_UNION, T_ENUM, T_FWD };

/* The first types of most tests. */
static void add_basics(struct made *m)
{
	assert_int_equal(made_int(m, "int", 4, SIGNED), T_INT);
	assert_int_equal(made_int(m, "char", 1, IS_CHAR), T_CHAR);
	assert_int_equal(made_int(m, "_Bool", 1, IS_BOOL), T_BOOL);
	assert_int_equal(made_type(m, "", K_PTR, 0, T_NODE), T_PTR);
	assert_int_equal(made_array(m, T_INT, T_INT, 4), T_ARRAY);
	assert_int_equal(made_type(m, "node", K_STRUCT, 3, 32), T_NODE);
	made_member(m, "next", T_PTR, 0);
	made_member(m, "v", T_ARRAY, 64);
	made_member(m, "", T_UNION, 192);
	assert_int_equal(made_type(m, "", K_UNION, 2, 8), T_UNION);
	made_member(m, "a", T_INT, 0);
	made_member(m, "b", T_PTR, 0);
	assert_int_equal(made_type(m, "color", K_ENUM, 2 | K_FLAG, 4), T_ENUM);
	made_pair(m, "RED", 0);
	made_pair(m, "BLUE", (uint32_t)-2);
	assert_int_equal(made_type(m, "hidden", K_FWD, K_FLAG, 0), T_FWD);
}

TEST(knows_int_ptr_array)
{
	struct btf_type t;
	struct made m;
	const struct btf *btf;

	made_init(&m, NULL);
	add_basics(&m);
	made_int(&m, "part", 4, BITS(7) | SHIFT(3));
	btf = made_open(&m, NULL);
	assert_int_equal(btf_start(btf), 1);
	assert_int_equal(btf_end(btf), 11);
	assert_true(btf_get(btf, 0, &t));
	assert_int_equal(t.kind, BTF_VOID);
	assert_true(btf_get(btf, T_INT, &t));
	assert_int_equal(t.kind, BTF_INT);
	assert_string_equal(t.name, "int");
	assert_int_equal(t.size, 4);
	assert_int_equal(t.bits, 32);
	assert_true(t.is_signed && !t.is_char && !t.is_bool);
	assert_true(btf_get(btf, T_CHAR, &t));
	assert_true(t.is_char && !t.is_signed);
	assert_true(btf_get(btf, T_BOOL, &t));
	assert_true(t.is_bool);
	assert_true(btf_get(btf, 10, &t));
	assert_int_equal(t.bits, 7);
	assert_int_equal(t.bit_offset, 3);
	assert_true(btf_get(btf, T_PTR, &t));
	assert_int_equal(t.kind, BTF_PTR);
	assert_int_equal(t.target, T_NODE);
	assert_int_equal(t.size, 0);
	assert_string_equal(t.name, "");
	assert_true(btf_get(btf, T_ARRAY, &t));
	assert_int_equal(t.target, T_INT);
	assert_int_equal(t.index, T_INT);
	assert_int_equal(t.elements, 4);
	assert_false(btf_get(btf, 11, &t));
	assert_false(btf_get(btf, UINT32_MAX, &t));
	made_deinit(&m);
}

TEST(knows_structs_and_enums)
{
	struct btf_member mem;
	struct btf_value v;
	struct btf_type t;
	struct made m;
	const struct btf *btf;

	made_init(&m, NULL);
	add_basics(&m);
	made_type(&m, "wide", K_ENUM64, 1, 8);
	made_word(&m, made_str(&m, "FAR"));
	made_word(&m, 0x55667788);
	made_word(&m, 0xf1223344);
	btf = made_open(&m, NULL);
	assert_true(btf_get(btf, T_NODE, &t));
	assert_int_equal(t.kind, BTF_STRUCT);
	assert_int_equal(t.size, 32);
	assert_int_equal(t.vlen, 3);
	assert_true(btf_member(btf, &t, 1, &mem));
	assert_string_equal(mem.name, "v");
	assert_int_equal(mem.type, T_ARRAY);
	assert_int_equal(mem.bit_offset, 64);
	assert_int_equal(mem.bit_size, 0);
	assert_false(btf_member(btf, &t, 3, &mem));
	assert_false(btf_value(btf, &t, 0, &v));
	assert_true(btf_get(btf, T_UNION, &t));
	assert_int_equal(t.kind, BTF_UNION);
	assert_true(btf_get(btf, T_ENUM, &t));
	assert_true(t.is_signed);
	assert_true(btf_value(btf, &t, 1, &v));
	assert_string_equal(v.name, "BLUE");
	assert_int_equal(v.value, -2);
	assert_false(btf_value(btf, &t, 2, &v));
	assert_true(btf_get(btf, T_FWD, &t));
	assert_int_equal(t.kind, BTF_FWD);
	assert_true(t.kind_flag);
	assert_true(btf_get(btf, 10, &t));
	assert_int_equal(t.kind, BTF_ENUM64);
	assert_false(t.is_signed);
	assert_true(btf_value(btf, &t, 0, &v));
	assert_true((uint64_t)v.value == 0xf122334455667788ULL);
	made_deinit(&m);
}

TEST(knows_functions_variables_and_tags)
{
	struct btf_param p;
	struct btf_type t;
	struct btf_var v;
	struct made m;
	const struct btf *btf;

	made_init(&m, NULL);
	add_basics(&m);
	assert_int_equal(made_type(&m, "", K_FUNC_PROTO, 2, T_INT), 10);
	made_pair(&m, "fmt", T_PTR);
	made_pair(&m, "", 0);
	made_type(&m, "printk", K_FUNC, 1, 10);
	made_type(&m, "runqueues", K_VAR, 0, T_NODE);
	made_word(&m, 1);
	made_type(&m, ".data..percpu", K_DATASEC, 1, 0x1000);
	made_word(&m, 12);
	made_word(&m, 0x40);
	made_word(&m, 32);
	made_type(&m, "double", K_FLOAT, 0, 8);
	made_type(&m, "user", K_DECL_TAG, 0, T_NODE);
	made_word(&m, 2);
	made_type(&m, "rcu", K_TYPE_TAG, 0, T_NODE);
	btf = made_open(&m, NULL);
	assert_true(btf_get(btf, 10, &t));
	assert_int_equal(t.kind, BTF_FUNC_PROTO);
	assert_int_equal(t.target, T_INT);
	assert_true(btf_param(btf, &t, 0, &p));
	assert_string_equal(p.name, "fmt");
	assert_int_equal(p.type, T_PTR);
	assert_true(btf_param(btf, &t, 1, &p));
	assert_int_equal(p.type, 0);
	assert_false(btf_param(btf, &t, 2, &p));
	assert_true(btf_get(btf, 11, &t));
	assert_int_equal(t.kind, BTF_FUNC);
	assert_int_equal(t.linkage, 1);
	assert_int_equal(t.vlen, 0);
	assert_true(btf_get(btf, 12, &t));
	assert_int_equal(t.kind, BTF_VAR);
	assert_int_equal(t.linkage, 1);
	assert_int_equal(t.target, T_NODE);
	assert_true(btf_get(btf, 13, &t));
	assert_int_equal(t.kind, BTF_DATASEC);
	assert_true(btf_var(btf, &t, 0, &v));
	assert_int_equal(v.type, 12);
	assert_int_equal(v.offset, 0x40);
	assert_int_equal(v.size, 32);
	assert_false(btf_var(btf, &t, 1, &v));
	assert_true(btf_get(btf, 14, &t));
	assert_int_equal(t.kind, BTF_FLOAT);
	assert_int_equal(t.size, 8);
	assert_true(btf_get(btf, 15, &t));
	assert_int_equal(t.component, 2);
	assert_true(btf_get(btf, 16, &t));
	assert_int_equal(t.kind, BTF_TYPE_TAG);
	made_deinit(&m);
}

/* kind_flag: the upper 8 bits of a member's offset are its size in bits. */
TEST(knows_bit_fields)
{
	struct btf_member mem;
	struct btf_type t;
	struct made m;
	const struct btf *btf;

	made_init(&m, NULL);
	add_basics(&m);
	made_type(&m, "bits", K_STRUCT, 2 | K_FLAG, 8);
	made_member(&m, "low", T_INT, 5U << 24 | 3);
	made_member(&m, "whole", T_INT, 32);
	btf = made_open(&m, NULL);
	assert_true(btf_get(btf, 10, &t));
	assert_true(btf_member(btf, &t, 0, &mem));
	assert_int_equal(mem.bit_offset, 3);
	assert_int_equal(mem.bit_size, 5);
	assert_true(btf_member(btf, &t, 1, &mem));
	assert_int_equal(mem.bit_offset, 32);
	assert_int_equal(mem.bit_size, 0);
	assert_true(btf_path(btf, 10, "low", &mem));
	assert_int_equal(mem.bit_size, 5);
	assert_false(btf_path(btf, 10, "low.x", &mem));
	made_deinit(&m);
}

/* ---- finding */

TEST(finds_by_kind_and_name)
{
	struct made m;
	const struct btf *btf;
	int64_t v = 0;

	made_init(&m, NULL);
	add_basics(&m);
	made_type(&m, "color", K_TYPEDEF, 0, T_ENUM); /* 10 */
	made_type(&m, "node", K_STRUCT, 0, 8);        /* 11: a second of that name */
	made_type(&m, "hidden", K_TYPEDEF, 0, T_FWD); /* 12 */
	made_type(&m, "value", K_TYPEDEF, 0, T_INT);  /* 13 */
	made_type(&m, "value", K_UNION, 0, 8);        /* 14 */
	btf = made_open(&m, NULL);
	assert_int_equal(btf_find(btf, BTF_STRUCT, "node"), T_NODE);
	assert_int_equal(btf_find(btf, BTF_UNION, "node"), 0);
	assert_int_equal(btf_find(btf, BTF_STRUCT, "hidden"), 0);
	assert_int_equal(btf_find(btf, BTF_FWD, "hidden"), T_FWD);
	assert_int_equal(btf_find(btf, BTF_UNION, ""), 0);
	assert_int_equal(btf_find(btf, BTF_INT, "nothing"), 0);
	assert_int_equal(btf_find_type(btf, "node"), T_NODE);
	assert_int_equal(btf_find_type(btf, "struct node"), T_NODE);
	assert_int_equal(btf_find_type(btf, "union node"), 0);
	assert_int_equal(btf_find_type(btf, "color"), 10);
	assert_int_equal(btf_find_type(btf, "enum color"), T_ENUM);
	assert_int_equal(btf_find_type(btf, "hidden"), 12);
	assert_int_equal(btf_find_type(btf, "value"), 14);
	assert_int_equal(btf_find_type(btf, "int"), T_INT);
	assert_int_equal(btf_find_type(btf, ""), 0);
	assert_int_equal(btf_find_type(btf, "struct "), 0);
	assert_true(btf_enumerator(btf, "BLUE", &v));
	assert_int_equal(v, -2);
	assert_false(btf_enumerator(btf, "GREEN", &v));
	assert_false(btf_enumerator(btf, "", &v));
	made_deinit(&m);
}

TEST(finds_each_of_many)
{
	const uint32_t n = 5000;
	struct made m;
	const struct btf *btf;
	char name[24];
	int64_t v;

	made_init(&m, NULL);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		made_type(&m, name, i & 1 ? K_STRUCT : K_TYPEDEF, 0, 0);
	}
	made_type(&m, "e", K_ENUM, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		made_pair(&m, name, i * 3);
	}
	btf = made_open(&m, NULL);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(btf_find(btf, i & 1 ? BTF_STRUCT : BTF_TYPEDEF, name), i + 1);
		assert_int_equal(btf_find(btf, i & 1 ? BTF_TYPEDEF : BTF_STRUCT, name), 0);
		snprintf(name, sizeof(name), "v%u", i);
		assert_true(btf_enumerator(btf, name, &v));
		assert_int_equal(v, i * 3);
	}
	made_deinit(&m);
}

TEST(follows_paths)
{
	struct btf_member mem;
	struct made m;
	const struct btf *btf;

	made_init(&m, NULL);
	add_basics(&m);
	made_array(&m, T_NODE, T_INT, 3);           /* 10 */
	made_array(&m, 10, T_INT, 2);               /* 11: node[2][3] */
	made_type(&m, "nodes_t", K_TYPEDEF, 0, 11); /* 12 */
	made_type(&m, "", K_CONST, 0, 12);          /* 13 */
	made_array(&m, T_NODE, T_INT, 0);           /* 14 */
	made_type(&m, "outer", K_STRUCT, 2, 192);   /* 15 */
	made_member(&m, "n", 13, 0);
	made_member(&m, "more", 14, 1536);
	btf = made_open(&m, NULL);
	assert_true(btf_path(btf, T_NODE, "v", &mem));
	assert_int_equal(mem.bit_offset, 64);
	assert_true(btf_path(btf, T_NODE, "v[3]", &mem));
	assert_int_equal(mem.bit_offset, 64 + 96);
	assert_int_equal(mem.type, T_INT);
	assert_string_equal(mem.name, "v");
	assert_true(btf_path(btf, T_NODE, "b", &mem)); /* in the anonymous union */
	assert_int_equal(mem.bit_offset, 192);
	assert_int_equal(mem.type, T_PTR);
	assert_true(btf_path(btf, 15, "n[1][2].v[1]", &mem));
	assert_int_equal(mem.bit_offset, (5 * 32 + 8 + 4) * 8);
	assert_true(btf_path(btf, 15, "more[100].a", &mem)); /* as many as there are */
	assert_int_equal(mem.bit_offset, (192 + 3200 + 24) * 8);
	assert_true(btf_path(btf, 12, "[1][0].a", &mem));
	assert_int_equal(mem.bit_offset, (96 + 24) * 8);
	made_deinit(&m);
}

TEST(says_where_a_path_ends)
{
	static const struct {
		const char *path, *rest;
	} wrong[] = {
		{"", ""},
		{"x", "x"},
		{"v[4]", "[4]"},
		{"v[4294967296]", "[4294967296]"},
		{"v[99999999999999999999]", "[99999999999999999999]"},
		{"v[1", "[1"},
		{"v[]", "[]"},
		{"v[-1]", "[-1]"},
		{"v[1]x", "x"},
		{"v.", ""},
		{".v", ".v"},
		{"next.v", "v"}, /* a pointer is not followed */
		{"v..a", ".a"},
		{"a.b.c", "b.c"},
		{"[0]", "[0]"},
		{"nex", "nex"},
		{"nextt", "nextt"},
	};
	struct made m;
	const struct btf *btf;

	made_init(&m, NULL);
	add_basics(&m);
	btf = made_open(&m, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct btf_member mem = {.name = "?"};

		if (btf_path(btf, T_NODE, wrong[i].path, &mem))
			fail_msg("%s was found", wrong[i].path);
		assert_string_equal(mem.name, wrong[i].rest);
	}
	made_deinit(&m);
}

TEST(knows_sizes)
{
	struct made m;
	const struct btf *btf;
	uint64_t size;

	made_init(&m, NULL);
	add_basics(&m);
	made_array(&m, T_NODE, T_INT, 3);          /* 10 */
	made_array(&m, 10, T_INT, 5);              /* 11 */
	made_type(&m, "arrays", K_TYPEDEF, 0, 11); /* 12 */
	made_type(&m, "", K_FUNC_PROTO, 0, T_INT); /* 13 */
	made_type(&m, "var", K_VAR, 0, T_NODE);    /* 14 */
	made_word(&m, 0);
	btf = made_open(&m, NULL);
	assert_true(btf_sizeof(btf, T_INT, &size) && size == 4);
	assert_true(btf_sizeof(btf, T_PTR, &size) && size == 8);
	assert_true(btf_sizeof(btf, T_ARRAY, &size) && size == 16);
	assert_true(btf_sizeof(btf, T_ENUM, &size) && size == 4);
	assert_true(btf_sizeof(btf, 12, &size) && size == 480);
	assert_true(btf_sizeof(btf, 14, &size) && size == 32);
	assert_false(btf_sizeof(btf, 0, &size));
	assert_false(btf_sizeof(btf, T_FWD, &size));
	assert_false(btf_sizeof(btf, 13, &size));
	assert_false(btf_sizeof(btf, 99, &size));
	made_deinit(&m);
}

static void assert_named(const struct btf *btf, uint32_t id, const char *name, const char *want)
{
	char buf[128];

	assert_string_equal(btf_declaration(btf, id, name, buf, sizeof(buf)), want);
}

TEST(names_types_as_c_does)
{
	struct made m;
	const struct btf *btf;
	char buf[8];

	made_init(&m, NULL);
	add_basics(&m);
	made_type(&m, "", K_CONST, 0, T_CHAR);  /* 10 */
	made_type(&m, "", K_PTR, 0, 10);        /* 11: const char * */
	made_type(&m, "", K_CONST, 0, 11);      /* 12: const char * const */
	made_type(&m, "", K_FUNC_PROTO, 2, 11); /* 13 */
	made_pair(&m, "x", T_INT);
	made_pair(&m, "", 0);
	made_type(&m, "", K_PTR, 0, 13);       /* 14 */
	made_array(&m, 14, T_INT, 2);          /* 15: array of pointers to functions */
	made_type(&m, "", K_PTR, 0, T_ARRAY);  /* 16: pointer to an array */
	made_type(&m, "", K_FUNC_PROTO, 1, 0); /* 17 */
	made_pair(&m, "handler", 14);
	made_type(&m, "", K_PTR, 0, 17);          /* 18 */
	made_type(&m, "", K_TYPE_TAG, 0, T_NODE); /* 19 */
	made_type(&m, "", K_PTR, 0, 19);          /* 20 */
	made_type(&m, "", K_PTR, 0, 0);           /* 21 */
	made_type(&m, "", K_FUNC_PROTO, 0, 0);    /* 22 */
	made_type(&m, "", K_VOLATILE, 0, 10);     /* 23 */
	btf = made_open(&m, NULL);
	assert_named(btf, 0, "", "void");
	assert_named(btf, T_INT, "x", "int x");
	assert_named(btf, T_PTR, "next", "struct node *next");
	assert_named(btf, T_PTR, "", "struct node *");
	assert_named(btf, T_ARRAY, "v", "int v[4]");
	assert_named(btf, T_UNION, "u", "union {...} u");
	assert_named(btf, T_ENUM, "", "enum color");
	assert_named(btf, T_FWD, "", "union hidden");
	assert_named(btf, 11, "s", "const char *s");
	assert_named(btf, 12, "s", "const char * const s");
	assert_named(btf, 12, "", "const char * const");
	assert_named(btf, 14, "f", "const char *(*f)(int, ...)");
	assert_named(btf, 15, "f", "const char *(*f[2])(int, ...)");
	assert_named(btf, 16, "p", "int (*p)[4]");
	assert_named(btf, 18, "h", "void (*h)(const char *(*)(int, ...))");
	assert_named(btf, 20, "t", "struct node *t");
	assert_named(btf, 21, "p", "void *p");
	assert_named(btf, 22, "f", "void f(void)");
	assert_named(btf, 23, "c", "volatile const char c");
	assert_string_equal(btf_type_name(btf, T_NODE, buf, sizeof(buf)), "struct ");
	made_deinit(&m);
}

/* ---- split BTF */

TEST(goes_on_where_its_base_ends)
{
	struct btf_member mem;
	struct btf_type t;
	struct made base, m;
	const struct btf *btf;
	int64_t v;

	made_init(&base, NULL);
	add_basics(&base);
	made_open(&base, NULL);
	made_init(&m, &base);
	made_type(&m, "driver", K_STRUCT, 2, 40); /* 10 */
	made_member(&m, "node", T_NODE, 0);
	made_member(&m, "ready", T_BOOL, 256);
	made_type(&m, "node", K_STRUCT, 0, 4); /* 11: one of its own */
	made_type(&m, "speed", K_ENUM, 1, 4);
	made_pair(&m, "FAST", 9);
	/* a name that is among the base's strings */
	made_word(&m, 1);
	made_word(&m, K_TYPEDEF << 24);
	made_word(&m, T_INT);
	m.next++;
	btf = made_open(&m, &base);
	assert_int_equal(btf_start(btf), 10);
	assert_int_equal(btf_end(btf), 14);
	assert_true(btf_get(btf, 10, &t));
	assert_string_equal(t.name, "driver");
	assert_true(btf_get(btf, T_NODE, &t)); /* of the base */
	assert_int_equal(t.size, 32);
	assert_true(btf_member(btf, &t, 0, &mem));
	assert_string_equal(mem.name, "next");
	assert_int_equal(btf_find_type(btf, "driver"), 10);
	assert_int_equal(btf_find_type(btf, "node"), 11);
	assert_int_equal(btf_find_type(btf, "color"), T_ENUM);
	assert_int_equal(btf_find(btf, BTF_TYPEDEF, "int"), 13);
	assert_true(btf_path(btf, 10, "node.v[2]", &mem));
	assert_int_equal(mem.bit_offset, 64 + 64);
	assert_true(btf_enumerator(btf, "FAST", &v) && v == 9);
	assert_true(btf_enumerator(btf, "BLUE", &v) && v == -2);
	assert_int_equal(btf_find_type(base.btf, "driver"), 0);
	made_deinit(&m);
	made_deinit(&base);
}

TEST(a_split_one_may_be_empty)
{
	struct made base, m;

	made_init(&base, NULL);
	add_basics(&base);
	made_open(&base, NULL);
	made_init(&m, &base);
	made_open(&m, &base);
	assert_int_equal(btf_end(m.btf), btf_start(m.btf));
	made_deinit(&m);
	made_deinit(&base);
}

/* ---- what newer kernels may bring */

TEST(skips_a_kind_that_the_layout_describes)
{
	const uint32_t kind = 20;
	struct btf_type t;
	struct made m;
	const struct btf *btf;
	uint64_t size;

	made_init(&m, NULL);
	made_type(&m, "loc", kind, 2, 8);
	for (int i = 0; i < 1 + 2 * 2; i++)
		made_word(&m, 0xffffffff);
	made_int(&m, "int", 4, SIGNED);
	m.n_layout = 4 * (kind + 1);
	m.layout_data[4 * kind] = 4;
	m.layout_data[4 * kind + 1] = 8;
	btf = made_open(&m, NULL);
	assert_int_equal(btf_end(btf), 3);
	assert_int_equal(btf_find_type(btf, "int"), 2);
	assert_true(btf_get(btf, 1, &t));
	assert_int_equal(t.kind, BTF_KINDS);
	assert_false(btf_sizeof(btf, 1, &size));
	m.n_layout = 4 * kind; /* and without it */
	btf_destroy(m.btf);
	m.btf = NULL;
	assert_fails(made_create(&m, NULL, err), ERR_UNSUPPORTED, "kind 20, and nothing says how");
	made_deinit(&m);
}

/* ---- damaged */

static int create_from(const void *data, size_t len, struct err *err)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct btf *btf = NULL;
	int r;

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	r = btf_create(copy, len, NULL, &btf, err);
	if (r)
		free(copy);
	btf_destroy(btf);
	return r;
}

TEST(refuses_headers)
{
	static const uint8_t zeros[4096];
	struct made m;
	uint8_t *data;
	size_t len;

	assert_fails(create_from(NULL, 0, err), ERR_CORRUPT, "no room for a header");
	assert_fails(create_from(zeros, 23, err), ERR_CORRUPT, "no room for a header");
	assert_fails(create_from(zeros, sizeof(zeros), err), ERR_CORRUPT, "magic is 0x0000");
	made_init(&m, NULL);
	add_basics(&m);
	data = made_bytes(&m, &len);
	assert_ok(create_from(data, len, err));
	data[2] = 2;
	assert_fails(create_from(data, len, err), ERR_UNSUPPORTED, "version 2");
	data[2] = 1;
	data[4] = 20;
	assert_fails(create_from(data, len, err), ERR_CORRUPT, "a header of 20 bytes");
	data[4] = 24;
	data[0] = 0xeb;
	data[1] = 0x9f;
	assert_fails(create_from(data, len, err), ERR_UNSUPPORTED, "big-endian");
	data[0] = 0x9f;
	data[1] = 0xeb;
	for (size_t n = 0; n < len; n++)
		assert_fails(create_from(data, n, err), ERR_CORRUPT, "BTF: ");
	data[len - 1] = 'x';
	assert_fails(create_from(data, len, err), ERR_CORRUPT, "begin and end with a NUL");
	free(data);
	made_deinit(&m);
}

TEST(refuses_sections_outside)
{
	static const struct {
		size_t at;
		const char *said;
	} words[] = {{8, "of types"}, {12, "of types"}, {16, "of strings"}, {20, "of strings"}};
	struct made m;
	uint8_t *data;
	size_t len;

	made_init(&m, NULL);
	add_basics(&m);
	data = made_bytes(&m, &len);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		uint32_t was;

		memcpy(&was, data + words[i].at, 4);
		memcpy(data + words[i].at, &(uint32_t){0xfffffff0}, 4);
		assert_fails(create_from(data, len, err), ERR_CORRUPT, words[i].said);
		memcpy(data + words[i].at, &was, 4);
	}
	memcpy(data + 20, &(uint32_t){0}, 4);
	assert_fails(create_from(data, len, err), ERR_CORRUPT, "0 bytes of strings");
	free(data);
	made_deinit(&m);
}

/* One type that is wrong behind the basics; its id is 10. */
static void refuses(void (*add)(struct made *m), const char *said)
{
	struct made m;

	made_init(&m, NULL);
	add_basics(&m);
	add(&m);
	assert_fails(made_create(&m, NULL, err), ERR_CORRUPT, said);
	assert_fails(made_create(&m, NULL, err), ERR_CORRUPT, "BTF type 10 (kind ");
	made_deinit(&m);
}

static void add_void(struct made *m)
{
	made_type(m, "", 0, 0, 0);
}

static void add_far_target(struct made *m)
{
	made_type(m, "", K_PTR, 0, 11);
}

static void add_far_element(struct made *m)
{
	made_array(m, 4000, T_INT, 1);
}

static void add_far_index(struct made *m)
{
	made_array(m, T_INT, 11, 1);
}

static void add_far_name(struct made *m)
{
	made_word(m, 0x10000);
	made_word(m, K_FLOAT << 24);
	made_word(m, 8);
}

static void add_far_member_name(struct made *m)
{
	made_type(m, "s", K_STRUCT, 1, 8);
	made_word(m, UINT32_MAX);
	made_word(m, T_INT);
	made_word(m, 0);
}

static void add_far_member_type(struct made *m)
{
	made_type(m, "s", K_STRUCT, 1, 8);
	made_member(m, "m", 11, 0);
}

static void add_member_outside(struct made *m)
{
	made_type(m, "s", K_STRUCT, 1, 8);
	made_member(m, "m", T_INT, 65);
}

static void add_too_many_members(struct made *m)
{
	made_type(m, "s", K_STRUCT, 2, 8);
	made_member(m, "m", T_INT, 0);
}

static void add_cut_type(struct made *m)
{
	made_word(m, 0);
	made_word(m, K_PTR << 24);
}

static void add_odd_enum(struct made *m)
{
	made_type(m, "e", K_ENUM, 0, 3);
}

static void add_far_value_name(struct made *m)
{
	made_type(m, "e", K_ENUM, 1, 4);
	made_word(m, UINT32_MAX);
	made_word(m, 0);
}

static void add_far_param(struct made *m)
{
	made_type(m, "", K_FUNC_PROTO, 1, 0);
	made_pair(m, "p", 11);
}

static void add_far_var(struct made *m)
{
	made_type(m, "sec", K_DATASEC, 1, 8);
	made_word(m, 11);
	made_word(m, 0);
	made_word(m, 0);
}

static void add_wide_int(struct made *m)
{
	made_int(m, "i", 4, BITS(31) | SHIFT(2));
}

TEST(refuses_types)
{
	refuses(add_void, "kind 0");
	refuses(add_far_target, "is of type 11, and there are 11");
	refuses(add_far_element, "is of type 4000");
	refuses(add_far_index, "the index of array 10 is of type 11");
	refuses(add_far_name, "the name of type 10 is at offset 65536");
	refuses(add_far_member_name, "the name of member 0");
	refuses(add_far_member_type, "member 0 is of type 11");
	refuses(add_member_outside, "member 0 (m) is at bit 65 of 8 bytes");
	refuses(add_too_many_members, "with 2 elements has 36 bytes, and 24 are left");
	refuses(add_cut_type, "it is cut off");
	refuses(add_odd_enum, "an enum of 3 bytes");
	refuses(add_far_value_name, "the name of value 0");
	refuses(add_far_param, "parameter 0 is of type 11");
	refuses(add_far_var, "variable 0 is of type 11");
	refuses(add_wide_int, "31 bits from bit 2 on in an integer of 4 bytes");
}

TEST(refuses_a_name_that_is_none)
{
	char name[600];
	struct made m;

	memset(name, 'n', sizeof(name));
	name[511] = '\0';
	made_init(&m, NULL);
	made_type(&m, name, K_FLOAT, 0, 8);
	made_open(&m, NULL);
	assert_int_equal(btf_find(m.btf, BTF_FLOAT, name), 1);
	made_deinit(&m);
	name[511] = 'n';
	name[512] = '\0';
	made_init(&m, NULL);
	made_type(&m, name, K_FLOAT, 0, 8);
	assert_fails(made_create(&m, NULL, err), ERR_CORRUPT, "has 512 bytes, more than a name's");
	made_deinit(&m);
}

TEST(refuses_a_split_one_that_points_behind_itself)
{
	struct made base, m;

	made_init(&base, NULL);
	add_basics(&base);
	made_open(&base, NULL);
	made_init(&m, &base);
	made_type(&m, "p", K_TYPEDEF, 0, 11);
	assert_fails(made_create(&m, &base, err), ERR_CORRUPT, "type 11, and there are 11");
	made_deinit(&m);
	made_init(&m, &base);
	made_type(&m, "p", K_TYPEDEF, 0, 9);
	m.types[0] += 2; /* behind the end of its strings */
	assert_fails(made_create(&m, &base, err), ERR_CORRUPT, "of the strings, which end at");
	made_deinit(&m);
	made_deinit(&base);
}

/* ---- types that never end */

TEST(ends_in_circles)
{
	struct btf_member mem;
	struct btf_type t;
	struct made m;
	const struct btf *btf;
	uint64_t size;
	char buf[64];

	made_init(&m, NULL);
	made_type(&m, "a", K_TYPEDEF, 0, 2);   /* 1 */
	made_type(&m, "b", K_TYPEDEF, 0, 1);   /* 2 */
	made_type(&m, "", K_PTR, 0, 4);        /* 3 */
	made_type(&m, "", K_CONST, 0, 3);      /* 4 */
	made_array(&m, 5, 1, 2);               /* 5: of itself */
	made_type(&m, "", K_FUNC_PROTO, 2, 6); /* 6: takes and gives itself */
	made_pair(&m, "x", 6);
	made_pair(&m, "y", 6);
	made_type(&m, "s", K_STRUCT, 3, 8); /* 7: three times itself, without a name */
	made_member(&m, "", 7, 0);
	made_member(&m, "", 7, 0);
	made_member(&m, "", 7, 0);
	btf = made_open(&m, NULL);
	assert_false(btf_strip(btf, 1, &t));
	assert_false(btf_sizeof(btf, 1, &size));
	assert_false(btf_sizeof(btf, 5, &size));
	assert_false(btf_path(btf, 1, "x", &mem));
	assert_false(btf_path(btf, 7, "x", &mem)); /* 3^32 of them */
	assert_named(btf, 1, "x", "a x");
	for (uint32_t id = 0; id < btf_end(btf); id++)
		assert_true(strlen(btf_type_name(btf, id, buf, sizeof(buf))) < sizeof(buf));
	made_deinit(&m);
}

TEST(sizes_do_not_overflow)
{
	struct btf_member mem;
	struct made m;
	const struct btf *btf;
	uint64_t size;

	made_init(&m, NULL);
	made_int(&m, "int", 4, SIGNED);
	made_array(&m, 1, 1, UINT32_MAX); /* 2 */
	made_array(&m, 2, 1, UINT32_MAX); /* 3: 4 * (2^32 - 1)^2 */
	made_type(&m, "s", K_STRUCT, 2, 8);
	made_member(&m, "v", 3, 0);
	made_member(&m, "w", 2, 0);
	btf = made_open(&m, NULL);
	assert_true(btf_sizeof(btf, 2, &size) && size == 4ULL * UINT32_MAX);
	assert_false(btf_sizeof(btf, 3, &size));
	assert_true(btf_path(btf, 4, "v[3]", &mem));
	assert_int_equal(mem.bit_offset, 3 * 32ULL * UINT32_MAX);
	assert_false(btf_path(btf, 4, "v[4294967294][4294967294]", &mem));
	made_deinit(&m);
}

TEST(many_of_one_name_cost_nothing)
{
	const uint32_t n = 10000;
	uint32_t name;
	struct made m;

	made_init(&m, NULL);
	name = made_str(&m, "same");
	for (uint32_t i = 0; i < n; i++) {
		made_word(&m, name);
		made_word(&m, K_STRUCT << 24);
		made_word(&m, 0);
	}
	made_open(&m, NULL);
	assert_int_equal(btf_end(m.btf), n + 1);
	assert_int_equal(btf_find_type(m.btf, "same"), 1);
	made_deinit(&m);
}

/* Names that were made to meet in one slot: without an end to it each costs as much as all before it. */
TEST(refuses_names_that_meet_in_one_slot)
{
	const uint32_t n = 1100, slots = 4096;
	struct made m;

	made_init(&m, NULL);
	for (uint32_t i = 0, found = 0; found < n; i++) {
		uint32_t h =
			2166136261U ^ (uint32_t)BTF_FLOAT * 0x9e3779b1U; /* as the reader has it */
		char name[24];

		snprintf(name, sizeof(name), "n%u", i);
		for (const char *p = name; *p; p++)
			h = (h ^ (uint8_t)*p) * 16777619U;
		if (((h ^ h >> 15) & (slots - 1)) != 7)
			continue;
		made_type(&m, name, K_FLOAT, 0, 8);
		found++;
	}
	assert_fails(made_create(&m, NULL, err), ERR_CORRUPT, "one of too many with one hash");
	made_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_int_ptr_array),
		cmocka_unit_test(knows_structs_and_enums),
		cmocka_unit_test(knows_functions_variables_and_tags),
		cmocka_unit_test(knows_bit_fields),
		cmocka_unit_test(finds_by_kind_and_name),
		cmocka_unit_test(finds_each_of_many),
		cmocka_unit_test(follows_paths),
		cmocka_unit_test(says_where_a_path_ends),
		cmocka_unit_test(knows_sizes),
		cmocka_unit_test(names_types_as_c_does),
		cmocka_unit_test(goes_on_where_its_base_ends),
		cmocka_unit_test(a_split_one_may_be_empty),
		cmocka_unit_test(skips_a_kind_that_the_layout_describes),
		cmocka_unit_test(refuses_headers),
		cmocka_unit_test(refuses_sections_outside),
		cmocka_unit_test(refuses_types),
		cmocka_unit_test(refuses_a_name_that_is_none),
		cmocka_unit_test(refuses_a_split_one_that_points_behind_itself),
		cmocka_unit_test(ends_in_circles),
		cmocka_unit_test(sizes_do_not_overflow),
		cmocka_unit_test(many_of_one_name_cost_nothing),
		cmocka_unit_test(refuses_names_that_meet_in_one_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
