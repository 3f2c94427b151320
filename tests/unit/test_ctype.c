// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/ctype.h"

#include "image/module.h"
#include "tests/unit/btf_fixture.h"
#include "tests/unit/fake_kallsyms.h"
#include "tests/unit/json_check.h"

#define SIZE (64 * KIB)

static struct {
	struct fake f;
	uint64_t phys, va;
	struct kernel k;
	struct fake_tables tables;
	struct made made;
	struct json j;
	FILE *out;
	char *text;
	size_t len;
} m;

static void begin_text(void)
{
	free(m.text);
	m.text = NULL;
	m.out = open_memstream(&m.text, &m.len);
	assert_non_null(m.out);
	json_init(&m.j, m.out);
}

static void assert_text(const char *want)
{
	fclose(m.out);
	assert_string_equal(m.text, want);
}

/* The types that most tests have; ids are their order. */
enum {
	INT = 1,
	CHAR,
	BOOL,
	U64,
	U8,
	CHAR_PTR,
	CCHAR,
	LIST,
	LIST_PTR,
	NAME,
	STATE,
	FLAGS,
	INNER,
	NUMBERS,
	LISTS,
	VOID_PTR,
	THING,
	ANON,
};

static void add_types(struct made *b)
{
	made_init(b, NULL);
	made_int(b, "int", 4, SIGNED);
	made_int(b, "char", 1, 0);
	made_int(b, "_Bool", 1, IS_BOOL);
	made_int(b, "u64", 8, 0);
	made_int(b, "unsigned char", 1, 0);
	made_type(b, "", K_PTR, 0, CCHAR);
	made_type(b, "", K_CONST, 0, CHAR);
	made_type(b, "list_head", K_STRUCT, 2, 16);
	made_member(b, "next", LIST_PTR, 0);
	made_member(b, "prev", LIST_PTR, 64);
	made_type(b, "", K_PTR, 0, LIST);
	made_array(b, CHAR, INT, 8); /* NAME */
	made_type(b, "state", K_ENUM, 2 | K_FLAG, 4);
	made_pair(b, "THING_DOWN", (uint32_t)-1);
	made_pair(b, "THING_UP", 2);
	made_type(b, "flags", K_STRUCT, 4 | K_FLAG, 8);
	made_member(b, "a", INT, 3U << 24 | 0);
	made_member(b, "b", U64, 30U << 24 | 3);
	made_member(b, "", INT, 2U << 24 | 33);
	made_member(b, "c", INT, 29U << 24 | 35);
	made_type(b, "", K_UNION, 2, 8); /* INNER */
	made_member(b, "word", U64, 0);
	made_member(b, "low", INT, 0);
	made_array(b, INT, INT, 6);
	made_array(b, LIST, INT, 2);
	made_type(b, "", K_PTR, 0, 0);
	made_type(b, "thing", K_STRUCT, 10, 136);
	made_member(b, "name", NAME, 0);
	made_member(b, "state", STATE, 64);
	made_member(b, "ready", BOOL, 96);
	made_member(b, "", INNER, 128);
	made_member(b, "flags", FLAGS, 192);
	made_member(b, "label", CHAR_PTR, 256);
	made_member(b, "ops", VOID_PTR, 320);
	made_member(b, "numbers", NUMBERS, 384);
	made_member(b, "lists", LISTS, 576);
	made_member(b, "letter", CHAR, 1080);
	made_type(b, "", K_STRUCT, 1, 16); /* ANON */
	made_member(b, "x", INNER, 0);
}

static void up(void)
{
	struct kallsyms_tables view;

	memset(&m, 0, sizeof(m));
	fake_init(&m.f, 8 * MIB, 4);
	fake_ram(&m.f, 0, m.f.size);
	m.phys = fake_alloc(&m.f, SIZE);
	m.va = fake_va(&m.f, m.phys, SIZE);
	fake_sym(&m.tables, 0x100, 'D', "a_per_cpu_variable");
	fake_sym(&m.tables, m.va + 0x8000, 'D', "thing_ops");
	fake_sym(&m.tables, m.va + 0x8100, 'D', "end");
	fake_pack(&m.tables, KALLSYMS_ABSOLUTE, 0, 0);
	view = fake_view(&m.tables, KALLSYMS_ABSOLUTE, 0, 0);
	assert_ok(kallsyms_decode(&view, &m.k.syms, err));
	add_types(&m.made);
	made_open(&m.made, NULL);
	m.k.btf = m.made.btf;
}

/* The memory is in place: from now on it is read. */
static void up_memory(void)
{
	fake_open(&m.f);
	m.k.img = m.f.img;
	assert_ok(reader_create(m.f.img, 0, &m.k.rd, err));
	begin_text();
}

static void down(void)
{
	free(m.text);
	reader_destroy(m.k.rd);
	kallsyms_destroy(m.k.syms);
	gaps_deinit(&m.k.gaps);
	made_deinit(&m.made);
	fake_deinit(&m.f);
}

static uint8_t *at(uint64_t off)
{
	return m.f.ram + m.phys + off;
}

/* A thing at `off`. */
static void put_thing(uint64_t off)
{
	uint64_t lists[4] = {m.va, 0, 0x10, UINT64_MAX};
	uint32_t numbers[6] = {1, (uint32_t)-2, 0, 0, 0, 7};

	memcpy(at(off), "e\"\n\001\xffz\0x", 8);
	memcpy(at(off + 8), &(uint32_t){2}, 4);
	*at(off + 12) = 1;
	memcpy(at(off + 16), &(uint64_t){0x1122334455667788}, 8);
	/* a = -3, b = 0x2aaaaaaa, c = 5 */
	memcpy(at(off + 24), &(uint64_t){5ULL | 0x2aaaaaaaULL << 3 | 3ULL << 33 | 5ULL << 35}, 8);
	memcpy(at(off + 32), &(uint64_t){m.va + 0x9000}, 8);
	memcpy(at(off + 40), &(uint64_t){m.va + 0x8010}, 8);
	memcpy(at(off + 48), numbers, sizeof(numbers));
	memcpy(at(off + 72), lists, sizeof(lists));
	*at(off + 135) = 'q';
	memcpy(at(0x9000), "a \"label\"", 10);
}

/* ---- definitions */

TEST(defines_a_struct)
{
	up();
	begin_text();
	ctype_define(m.k.btf, THING, m.out);
	assert_text("struct thing {\n"
		    "    char name[8];                                       /*     0      8 */\n"
		    "    enum state state;                                   /*     8      4 */\n"
		    "    _Bool ready;                                        /*    12      1 */\n"
		    "    /* 3 bytes unused */\n"
		    "    union {\n"
		    "        u64 word;                                       /*    16      8 */\n"
		    "        int low;                                        /*    16      4 */\n"
		    "    };                                                  /*    16      8 */\n"
		    "    struct flags flags;                                 /*    24      8 */\n"
		    "    const char *label;                                  /*    32      8 */\n"
		    "    void *ops;                                          /*    40      8 */\n"
		    "    int numbers[6];                                     /*    48     24 */\n"
		    "    struct list_head lists[2];                          /*    72     32 */\n"
		    "    /* 31 bytes unused */\n"
		    "    char letter;                                        /*   135      1 */\n"
		    "};                                                      /* 136 bytes */\n");
	down();
}

TEST(defines_bit_fields_and_holes)
{
	up();
	begin_text();
	ctype_define(m.k.btf, FLAGS, m.out);
	assert_text(
		"struct flags {\n"
		"    int a:3;                                            /*     0:0   3 bits */\n"
		"    u64 b:30;                                           /*     0:3  30 bits */\n"
		"    int:2;                                              /*     4:1   2 bits */\n"
		"    int c:29;                                           /*     4:3  29 bits */\n"
		"};                                                      /* 8 bytes */\n");
	begin_text();
	ctype_define(m.k.btf, ANON, m.out);
	assert_text("struct {...} {\n"
		    "    union {\n"
		    "        u64 word;                                       /*     0      8 */\n"
		    "        int low;                                        /*     0      4 */\n"
		    "    } x;                                                /*     0      8 */\n"
		    "    /* 8 bytes unused */\n"
		    "};                                                      /* 16 bytes */\n");
	down();
}

TEST(defines_what_is_no_struct)
{
	struct made b;
	const struct btf *btf;
	uint32_t id[8];

	memset(&m, 0, sizeof(m));
	add_types(&b);
	id[0] = made_type(&b, "thing_t", K_TYPEDEF, 0, THING + 3); /* of the next but one */
	id[1] = made_type(&b, "anon_t", K_TYPEDEF, 0, INNER);
	id[2] = made_type(&b, "list_t", K_TYPEDEF, 0, LIST);
	id[3] = made_type(&b, "x\033[2Jy", K_TYPEDEF, 0, INT); /* a terminal would obey */
	id[4] = made_type(&b, "", K_FUNC_PROTO, 1, INT);
	made_pair(&b, "s", CHAR_PTR);
	id[5] = made_type(&b, "strlen", K_FUNC, 1, id[4]);
	btf = made_open(&b, NULL);
	begin_text();
	for (int i = 1; i < 4; i++)
		ctype_define(btf, id[i], m.out);
	ctype_define(btf, STATE, m.out);
	ctype_define(btf, U64, m.out);
	ctype_define(btf, id[5], m.out);
	ctype_define(btf, 4000, m.out);
	assert_text("typedef union {\n"
		    "    u64 word;                                           /*     0      8 */\n"
		    "    int low;                                            /*     0      4 */\n"
		    "} anon_t;                                               /* 8 bytes */\n"
		    "typedef struct list_head list_t;                        /* 16 bytes */\n"
		    "struct list_head {\n"
		    "    struct list_head *next;                             /*     0      8 */\n"
		    "    struct list_head *prev;                             /*     8      8 */\n"
		    "};                                                      /* 16 bytes */\n"
		    "typedef int x\\x1b[2Jy;                                  /* 4 bytes */\n"
		    "enum state {\n"
		    "    THING_DOWN = -1,\n"
		    "    THING_UP = 2,\n"
		    "};                                                      /* 4 bytes */\n"
		    "u64;                                                    /* 8 bytes */\n"
		    "int strlen(const char *);\n");
	free(m.text);
	made_deinit(&b);
}

TEST(defines_in_json)
{
	up();
	begin_text();
	ctype_define_json(m.k.btf, ANON, &m.j, NULL);
	assert_text("{\"name\":\"struct {...}\",\"kind\":\"struct\",\"size\":16,\"members\":["
		    "{\"name\":\"x\",\"type\":\"union {...}\",\"offset\":0,\"size\":8,\"members\":["
		    "{\"name\":\"word\",\"type\":\"u64\",\"offset\":0,\"size\":8},"
		    "{\"name\":\"low\",\"type\":\"int\",\"offset\":0,\"size\":4}]}]}");
	begin_text();
	ctype_define_json(m.k.btf, STATE, &m.j, NULL);
	assert_text("{\"name\":\"enum state\",\"kind\":\"enum\",\"size\":4,\"values\":["
		    "{\"name\":\"THING_DOWN\",\"value\":-1},{\"name\":\"THING_UP\",\"value\":2}]}");
	begin_text();
	ctype_define_json(m.k.btf, FLAGS, &m.j, NULL);
	fclose(m.out);
	assert_non_null(strstr(m.text, "{\"name\":\"b\",\"type\":\"u64\",\"offset\":0,"
				       "\"bit_offset\":3,\"bit_size\":30}"));
	assert_non_null(strstr(m.text, "{\"name\":null,\"type\":\"int\",\"offset\":4,"));
	begin_text();
	ctype_define_json(m.k.btf, 4000, &m.j, NULL);
	assert_text("null");
	down();
}

/* ---- values */

TEST(shows_a_struct)
{
	char want[2048];

	up();
	put_thing(0x100);
	up_memory();
	assert_ok(ctype_show(&m.k, m.k.btf, THING, NULL, m.va + 0x100, NULL, m.out, err));
	snprintf(want, sizeof(want),
		 "(struct thing) {\n"
		 "    .name = \"e\\\"\\n\\x01\\xffz\",\n"
		 "    .state = THING_UP (2),\n"
		 "    .ready = true,\n"
		 "    .word = 1234605616436508552,\n"
		 "    .low = 1432778632,\n"
		 "    .flags = {\n"
		 "        .a = -3,\n"
		 "        .b = 715827882,\n"
		 "        .c = 5,\n"
		 "    },\n"
		 "    .label = 0x%" PRIx64 " \"a \\\"label\\\"\",\n"
		 "    .ops = 0x%" PRIx64 " <thing_ops+0x10/0x100>,\n"
		 "    .numbers = {1, -2, 0 <3 times>, 7},\n"
		 "    .lists = {\n"
		 "        {\n"
		 "            .next = 0x%" PRIx64 ",\n"
		 "            .prev = 0x0,\n"
		 "        },\n"
		 "        {\n"
		 "            .next = 0x10,\n"
		 "            .prev = 0xffffffffffffffff,\n"
		 "        }\n"
		 "    },\n"
		 "    .letter = 113 'q',\n"
		 "}\n",
		 m.va + 0x9000, m.va + 0x8010, m.va);
	assert_text(want);
	down();
}

TEST(shows_a_struct_in_json)
{
	char want[2048];

	up();
	put_thing(0x100);
	up_memory();
	assert_ok(ctype_show_json(&m.k, m.k.btf, THING, NULL, m.va + 0x100, NULL, &m.j, NULL, err));
	snprintf(want, sizeof(want),
		 "{\"name\":\"e\\\"\\u000a\\u0001\\ufffdz\",\"state\":\"THING_UP\",\"ready\":true,"
		 "\"word\":\"0x1122334455667788\",\"low\":1432778632,"
		 "\"flags\":{\"a\":-3,\"b\":715827882,\"c\":5},"
		 "\"label\":{\"address\":\"0x%" PRIx64 "\",\"text\":\"a \\\"label\\\"\"},"
		 "\"ops\":{\"address\":\"0x%" PRIx64 "\",\"symbol\":\"thing_ops+0x10/0x100\"},"
		 "\"numbers\":[1,-2,0,0,0,7],"
		 "\"lists\":[{\"next\":{\"address\":\"0x%" PRIx64
		 "\"},\"prev\":{\"address\":\"0x0\"}},"
		 "{\"next\":{\"address\":\"0x10\"},\"prev\":{\"address\":\"0xffffffffffffffff\"}}],"
		 "\"letter\":113}",
		 m.va + 0x9000, m.va + 0x8010, m.va);
	assert_text(want);
	down();
}

TEST(shows_a_part)
{
	up();
	put_thing(0x100);
	up_memory();
	assert_ok(ctype_show(&m.k, m.k.btf, THING, "flags.b", m.va + 0x100, NULL, m.out, err));
	assert_ok(ctype_show(&m.k, m.k.btf, THING, "numbers[1]", m.va + 0x100, NULL, m.out, err));
	assert_ok(ctype_show(&m.k, m.k.btf, THING, "name", m.va + 0x100, NULL, m.out, err));
	assert_ok(
		ctype_show(&m.k, m.k.btf, THING, "lists[1].next", m.va + 0x100, NULL, m.out, err));
	assert_text("(u64) 715827882\n"
		    "(int) -2\n"
		    "(char [8]) \"e\\\"\\n\\x01\\xffz\"\n"
		    "(struct list_head *) 0x10\n");
	assert_fails(ctype_show(&m.k, m.k.btf, THING, "flags.d", m.va, NULL, m.out, err),
		     ERR_NOT_FOUND, "struct thing has no member d");
	down();
}

TEST(goes_as_deep_and_as_far_as_was_asked)
{
	struct ctype_options opt = {.depth = 1, .elements = 2};

	up();
	put_thing(0x100);
	up_memory();
	assert_ok(ctype_show(&m.k, m.k.btf, THING, NULL, m.va + 0x100, &opt, m.out, err));
	fclose(m.out);
	assert_non_null(strstr(m.text, "    .flags = {...},\n"));
	assert_non_null(strstr(m.text, "    .numbers = {1, -2, ...},\n"));
	begin_text();
	assert_ok(ctype_show_json(&m.k, m.k.btf, THING, NULL, m.va + 0x100, &opt, &m.j, NULL, err));
	fclose(m.out);
	assert_non_null(strstr(m.text, "\"flags\":null,"));
	assert_non_null(strstr(m.text, "\"numbers\":[1,-2,null],"));
	down();
}

/* The second of two pages is not in the dump. */
TEST(says_what_is_not_in_the_dump)
{
	up();
	put_thing(0x1000 - 64);
	fake_absent(&m.f, m.phys + 0x1000, m.phys + 0x2000);
	up_memory();
	assert_ok(ctype_show(&m.k, m.k.btf, THING, NULL, m.va + 0x1000 - 64, NULL, m.out, err));
	fclose(m.out);
	assert_non_null(strstr(m.text, "    .state = THING_UP (2),\n"));
	assert_non_null(strstr(m.text, "    .numbers = {1, -2, 0 <2 times>, "
				       "<not in the dump> <2 times>},\n"));
	assert_non_null(strstr(m.text, "    .lists = <not in the dump>,\n"));
	assert_non_null(strstr(m.text, "    .letter = <not in the dump>,\n"));
	begin_text();
	assert_ok(ctype_show_json(&m.k, m.k.btf, THING, NULL, m.va + 0x1000 - 64, NULL, &m.j, NULL,
				  err));
	fclose(m.out);
	assert_non_null(strstr(m.text, "\"numbers\":[1,-2,0,0,null,null],\"lists\":null,"));
	begin_text();
	assert_fails(ctype_show(&m.k, m.k.btf, THING, NULL, m.va + 0x1100, NULL, m.out, err),
		     ERR_NOT_FOUND, "value at 0x");
	assert_fails(ctype_show(&m.k, m.k.btf, THING, NULL, UINT64_MAX - 8, NULL, m.out, err),
		     ERR_NOT_FOUND, "behind all memory");
	assert_fails(ctype_show(&m.k, m.k.btf, 0, NULL, m.va, NULL, m.out, err), ERR_CORRUPT,
		     "void has no size");
	fclose(m.out);
	down();
}

TEST(shows_bytes_without_a_kernel)
{
	static const uint8_t data[16] = {1, 2, 3, 4, 5, 6, 7, 0x80, [15] = 0xff};

	up();
	begin_text();
	ctype_show_bytes(NULL, m.k.btf, LIST, (struct bytes){data, 16}, NULL, m.out);
	ctype_show_bytes(NULL, m.k.btf, LIST, (struct bytes){data, 12}, NULL, m.out);
	ctype_show_bytes(NULL, m.k.btf, INT, (struct bytes){data, 3}, NULL, m.out);
	assert_text("(struct list_head) {\n"
		    "    .next = 0x8007060504030201,\n"
		    "    .prev = 0xff00000000000000,\n"
		    "}\n"
		    "(struct list_head) {\n"
		    "    .next = 0x8007060504030201,\n"
		    "    .prev = <not in the dump>,\n"
		    "}\n"
		    "(int) <not in the dump>\n");
	down();
}

/* Each bit of each width, against a plain loop. */
TEST(takes_any_bits)
{
	uint8_t data[17];
	struct made b;

	memset(&m, 0, sizeof(m));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (uint32_t n = 1; n <= 64; n++)
		for (uint32_t first = 0; first < 16; first += 5) {
			char want[64];
			uint64_t v = 0;

			for (uint32_t i = 0; i < n; i++)
				v |= (uint64_t)(data[(first + i) / 8] >> (first + i) % 8 & 1) << i;
			made_init(&b, NULL);
			made_int(&b, "u64", 8, 0);
			made_type(&b, "s", K_STRUCT, 1 | K_FLAG, 16);
			made_member(&b, "x", 1, n << 24 | first);
			made_open(&b, NULL);
			begin_text();
			ctype_show_bytes_json(NULL, b.btf, 2, (struct bytes){data, 17}, NULL, &m.j,
					      NULL);
			if (v < 1ULL << 53)
				snprintf(want, sizeof(want), "{\"x\":%" PRIu64 "}", v);
			else
				snprintf(want, sizeof(want), "{\"x\":\"0x%" PRIx64 "\"}", v);
			assert_text(want);
			made_deinit(&b);
		}
	free(m.text);
}

TEST(shows_rare_types)
{
	static const uint8_t data[64] = {0x00, 0x00, 0xc0, 0x3f, [8] = 1, [15] = 0x80, [16] = 7};
	struct made b;

	memset(&m, 0, sizeof(m));
	add_types(&b);
	made_type(&b, "float", K_FLOAT, 0, 4);            /* 19 */
	made_type(&b, "long double", K_FLOAT, 0, 16);     /* 20 */
	made_int(&b, "__int128", 16, SIGNED | BITS(128)); /* 21 */
	made_type(&b, "", K_FUNC_PROTO, 0, 0);            /* 22 */
	made_type(&b, "wide", K_ENUM64, 1, 8);            /* 23 */
	made_pair(&b, "FAR", 1);
	made_word(&b, 0x80000000);
	made_array(&b, U8, INT, 0);             /* 24 */
	made_type(&b, "empty", K_STRUCT, 0, 0); /* 25 */
	made_array(&b, 25, INT, 1000);          /* 26 */
	made_array(&b, U8, INT, 12);            /* 27 */
	made_type(&b, "old", K_STRUCT, 1, 8);   /* 28: a bit field before v4.20 */
	made_member(&b, "bits", 29, 5);
	made_int(&b, "part", 4, BITS(3) | SHIFT(0)); /* 29 */
	made_open(&b, NULL);
	begin_text();
	ctype_show_bytes(NULL, b.btf, 19, (struct bytes){data, 4}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 20, (struct bytes){data, 16}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 21, (struct bytes){data, 16}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 22, (struct bytes){data, 16}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 23, (struct bytes){data + 8, 8}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 24, (struct bytes){data, 0}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 25, (struct bytes){data, 0}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 26, (struct bytes){data, 0}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 27, (struct bytes){data + 8, 12}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 28, (struct bytes){&(uint8_t){0xa7}, 1}, NULL, m.out);
	ctype_show_bytes(NULL, b.btf, 4000, (struct bytes){data, 8}, NULL, m.out);
	assert_text("(float) 1.5\n"
		    "(long double) <a number of another machine>\n"
		    "(__int128) 0x80000000000000010000"
		    "00003fc00000\n"
		    "(void (void)) <a type without values>\n"
		    "(enum wide) FAR (9223372036854775809)\n"
		    "(unsigned char []) {}\n"
		    "(struct empty) {}\n"
		    "(struct empty [1000]) {}\n"
		    "(unsigned char [12]) {1, 0 <6 times>, 128, 7, 0 <3 times>}\n"
		    "(struct old) {\n"
		    "    .bits = 5,\n"
		    "}\n"
		    "(?) <a type that leads nowhere>\n");
	free(m.text);
	made_deinit(&b);
}

/* ---- hostile */

/* Types that are said to be in themselves, many times over: both forms end, and soon. */
TEST(ends_where_types_do_not)
{
	static const uint8_t data[4096];
	struct made b;

	memset(&m, 0, sizeof(m));
	made_init(&b, NULL);
	made_int(&b, "int", 4, SIGNED);
	made_type(&b, "s", K_STRUCT, 8, 8); /* 2 */
	for (int i = 0; i < 4; i++) {
		made_member(&b, "m", 2, 0);
		made_member(&b, "", 2, 0);
	}
	made_type(&b, "", K_UNION, 8, 8); /* 3: without any name */
	for (int i = 0; i < 8; i++)
		made_member(&b, "", 3, 0);
	made_type(&b, "t", K_STRUCT, 4, 4096); /* 4: large arrays of itself */
	for (int i = 0; i < 4; i++)
		made_member(&b, "a", 5, 0);
	made_array(&b, 4, 1, 100000000);        /* 5 */
	made_type(&b, "loop", K_TYPEDEF, 0, 6); /* 6 */
	made_type(&b, "p", K_STRUCT, 2, 8);     /* 7: anonymous ones behind pointers */
	made_member(&b, "x", 8, 0);
	made_member(&b, "y", 8, 0);
	made_type(&b, "", K_PTR, 0, 9);    /* 8 */
	made_type(&b, "", K_STRUCT, 2, 8); /* 9 */
	made_member(&b, "x", 8, 0);
	made_member(&b, "y", 8, 0);
	made_open(&b, NULL);
	for (uint32_t id = 0; id < btf_end(b.btf); id++) {
		struct ctype_options opt = {.depth = UINT32_MAX, .elements = UINT32_MAX};

		begin_text();
		ctype_show_bytes(NULL, b.btf, id, (struct bytes){data, sizeof(data)}, &opt, m.out);
		ctype_define(b.btf, id, m.out);
		fclose(m.out);
		assert_true(m.len < 64 * MIB);
		begin_text();
		ctype_show_bytes_json(NULL, b.btf, id, (struct bytes){data, sizeof(data)}, &opt,
				      &m.j, NULL);
		fclose(m.out);
		assert_true(json_valid(m.text));
		begin_text();
		ctype_define_json(b.btf, id, &m.j, NULL);
		fclose(m.out);
		assert_true(json_valid(m.text));
	}
	free(m.text);
	made_deinit(&b);
}

/* ---- modules */

TEST(finds_the_types_of_modules)
{
	const struct btf *btf;
	struct made split;
	struct module mods[2];
	struct module_list list = {.v = mods, .n = 2};
	uint32_t id;

	up();
	made_init(&split, &m.made);
	made_type(&split, "driver", K_STRUCT, 1, 16);
	made_member(&split, "list", LIST, 0);
	made_open(&split, &m.made);
	memset(mods, 0, sizeof(mods));
	mods[1].btf = split.btf;
	mods[0].btf_tried = mods[1].btf_tried = true; /* or they would be looked for in the image */
	m.k.modules = &list;
	assert_true(ctype_find(&m.k, "struct thing", &btf, &id));
	assert_ptr_equal(btf, m.k.btf);
	assert_int_equal(id, THING);
	assert_true(ctype_find(&m.k, "driver", &btf, &id));
	assert_ptr_equal(btf, split.btf);
	assert_int_equal(id, btf_start(split.btf));
	assert_false(ctype_find(&m.k, "union driver", &btf, &id));
	m.k.modules = NULL;
	assert_false(ctype_find(&m.k, "driver", &btf, &id));
	made_deinit(&split);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defines_a_struct),
		cmocka_unit_test(defines_bit_fields_and_holes),
		cmocka_unit_test(defines_what_is_no_struct),
		cmocka_unit_test(defines_in_json),
		cmocka_unit_test(shows_a_struct),
		cmocka_unit_test(shows_a_struct_in_json),
		cmocka_unit_test(shows_a_part),
		cmocka_unit_test(goes_as_deep_and_as_far_as_was_asked),
		cmocka_unit_test(says_what_is_not_in_the_dump),
		cmocka_unit_test(shows_bytes_without_a_kernel),
		cmocka_unit_test(takes_any_bits),
		cmocka_unit_test(shows_rare_types),
		cmocka_unit_test(ends_where_types_do_not),
		cmocka_unit_test(finds_the_types_of_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
