// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>
#include <lzma.h>
#include <stddef.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/root.h"
#include "initramfs/elf.h"
#include "initramfs/firmware.h"
#include "tests/unit/unit.h"

#define KERNEL "9.9"

/* The least that has a .modinfo. */
struct object {
	Elf64_Ehdr e;
	Elf64_Shdr sections[3];
	char names[24]; /* "\0.modinfo\0" */
	char info[256];
};

static struct object make_object(const char *const *texts)
{
	struct object o = {
		.e = {.e_type = ET_REL,
		      .e_machine = EM_X86_64,
		      .e_shoff = offsetof(struct object, sections),
		      .e_shentsize = sizeof(Elf64_Shdr),
		      .e_shnum = 3,
		      .e_shstrndx = 2},
		.sections = {{0},
			     {.sh_name = 1,
			      .sh_type = SHT_PROGBITS,
			      .sh_offset = offsetof(struct object, info)},
			     {.sh_type = SHT_STRTAB,
			      .sh_offset = offsetof(struct object, names),
			      .sh_size = sizeof(o.names)}},
	};
	size_t n = 0;

	memcpy(o.e.e_ident, ELFMAG, SELFMAG);
	o.e.e_ident[EI_CLASS] = ELFCLASS64;
	o.e.e_ident[EI_DATA] = ELFDATA2LSB;
	strcpy(o.names + 1, ".modinfo");
	for (; *texts; texts++) {
		strcpy(o.info + n, *texts);
		n += strlen(*texts) + 1;
	}
	o.sections[1].sh_size = n;
	return o;
}

struct tree {
	char dir[64];
	struct root root;
	struct firmware_list list;
};

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct err err;

	strcpy(t->dir, "/tmp/lifeboat-firmware-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(root_init(&t->root, t->dir, &err), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	char command[128];

	root_deinit(&t->root);
	firmware_deinit(&t->list);
	snprintf(command, sizeof(command), "rm -r %s", t->dir);
	assert_int_equal(system(command), 0);
	free(t);
	return 0;
}

static void put(const struct tree *t, const char *path, const void *data, size_t len)
{
	char buf[512];
	FILE *f;

	snprintf(buf, sizeof(buf), "%s%s", t->dir, path);
	for (char *s = strchr(buf + strlen(t->dir) + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		mkdir(buf, 0755);
		*s = '/';
	}
	f = fopen(buf, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put_text(const struct tree *t, const char *path, const char *text)
{
	put(t, path, text, strlen(text));
}

static int add(struct tree *t, struct err *err, const char *const *texts)
{
	struct object o = make_object(texts);

	return firmware_add(&t->list, &t->root, KERNEL, "/lib/modules/9.9/m.ko",
			    (struct bytes){(const uint8_t *)&o, sizeof(o)}, err);
}

#define ADD(t, ...) add(t, err, (const char *const[]){__VA_ARGS__, NULL})

static void expect_file(const struct tree *t, size_t i, const char *name, const char *content)
{
	assert_true(i < t->list.n);
	assert_string_equal(t->list.v[i].name, name);
	assert_int_equal(t->list.v[i].len, strlen(content));
	assert_memory_equal(t->list.v[i].data, content, strlen(content));
}

/* The kernel's order of folders; each next one is seen when the one before it is gone. */
static void test_search_order(void **state)
{
	static const char *const places[] = {
		"/lib/firmware/updates/9.9/v/a.bin", "/lib/firmware/updates/v/a.bin",
		"/lib/firmware/9.9/v/a.bin", "/lib/firmware/v/a.bin", "/usr/lib/firmware/v/a.bin"};
	struct tree *t = *state;
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		put_text(t, places[i], places[i]);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_ok(ADD(t, "license=GPL", "firmware=v/a.bin"));
		expect_file(t, 0, "v/a.bin", places[i]);
		assert_int_equal(t->list.n, 1);
		firmware_deinit(&t->list);
		snprintf(path, sizeof(path), "%s%s", t->dir, places[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_ok(ADD(t, "firmware=v/a.bin"));
	assert_int_equal(t->list.n, 0);
	assert_string_equal(t->list.missing[0], "v/a.bin of m.ko");
}

static void test_packed(void **state)
{
	static const uint8_t text[] = "firmware of a card";
	struct tree *t = *state;
	uint8_t out[512];
	size_t n = 0;

	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, text, sizeof(text) - 1,
						 out, &n, sizeof(out)),
			 LZMA_OK);
	put(t, "/lib/firmware/a.bin.xz", out, n);
	/* one whose own name ends so is not unpacked */
	put(t, "/lib/firmware/b.xz", out, n);
	n = ZSTD_compress(out, sizeof(out), text, sizeof(text) - 1, 3);
	put(t, "/lib/firmware/c.bin.zst", out, n);
	put_text(t, "/lib/firmware/d.bin.zst", "garbage");
	put_text(t, "/lib/firmware/e.bin", "");
	assert_ok(ADD(t, "firmware=a.bin", "firmware=b.xz", "firmware=c.bin", "firmware=e.bin",
		      "firmware=a.bin"));
	assert_int_equal(t->list.n, 4);
	expect_file(t, 0, "a.bin", (const char *)text);
	assert_true(t->list.v[1].len != sizeof(text) - 1);
	expect_file(t, 2, "c.bin", (const char *)text);
	expect_file(t, 3, "e.bin", "");
	assert_fails(ADD(t, "firmware=d.bin"), ERR_CORRUPT, "d.bin.zst: damaged zstd");
}

/* Names come from foreign modules: none may lead out of the folder, and each is noted once. */
static void test_strange_names(void **state)
{
	struct tree *t = *state;

	put_text(t, "/etc/shadow", "x");
	assert_ok(ADD(t, "firmware=../../etc/shadow", "firmware=/etc/shadow", "firmware=",
		      "firmware=a//b", "firmware=\x1b[2J", "firmware=../../etc/shadow"));
	assert_int_equal(t->list.n, 0);
	assert_int_equal(t->list.n_missing, 5);
	assert_string_equal(t->list.missing[4], "?[2J of m.ko");
}

static void test_too_much(void **state)
{
	struct tree *t = *state;
	char path[256];

	put_text(t, "/lib/firmware/a", "x");
	put_text(t, "/lib/firmware/b", "x");
	snprintf(path, sizeof(path), "%s/lib/firmware/a", t->dir);
	assert_int_equal(truncate(path, (off_t)FIRMWARE_MAX_SIZE), 0); /* sparse */
	assert_ok(ADD(t, "firmware=a"));
	assert_fails(ADD(t, "firmware=b"), ERR_UNSUPPORTED, "leave a module out of the recipe");
}

static void test_damaged_module(void **state)
{
	struct object o = make_object((const char *const[]){"firmware=a", NULL});
	struct tree *t = *state;
	struct bytes found;

	assert_ok(elf_find_section((struct bytes){(uint8_t *)&o, sizeof(o)}, "m", ".none", &found,
				   err));
	assert_int_equal(found.len, 0);
	for (size_t cut = 0; cut < offsetof(struct object, info); cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct err err;

		memcpy(copy, &o, cut);
		assert_int_equal(firmware_add(&t->list, &t->root, KERNEL, "m",
					      (struct bytes){copy, cut}, &err),
				 ERR_CORRUPT);
		free(copy);
	}
	o.sections[1].sh_size--; /* the last string has no end: it is none */
	assert_ok(firmware_add(&t->list, &t->root, KERNEL, "m",
			       (struct bytes){(uint8_t *)&o, sizeof(o)}, err));
	assert_int_equal(t->list.n_missing, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_search_order), T(test_packed),
					   T(test_strange_names), T(test_too_much),
					   T(test_damaged_module)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
