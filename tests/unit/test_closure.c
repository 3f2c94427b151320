// SPDX-License-Identifier: GPL-2.0-or-later
/* Each test has a small root of its own; what is expected is what ld.so(8) and execve(2) say. */
#include <ftw.h>
#include <sys/stat.h>

#include "base/root.h"
#include "tests/unit/elf_fixture.h"
#include "initramfs/closure.h"
#include "initramfs/elf.h"
#include "initramfs/ldcache.h"
#include "tests/unit/unit.h"

#define INTERP "/lib64/ld.so"

struct tree {
	char dir[64];
	struct root root;
};

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct err err;

	strcpy(t->dir, "/tmp/lifeboat-closure-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(root_init(&t->root, t->dir, &err), 0);
	*state = t;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct tree *t = *state;

	root_deinit(&t->root);
	nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

/* The path below the root, with the folders above it made. */
static const char *place(const struct tree *t, const char *path, char buf[512])
{
	snprintf(buf, 512, "%s%s", t->dir, path);
	for (char *slash = strchr(buf + strlen(t->dir) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(buf, 0755);
		*slash = '/';
	}
	return buf;
}

static void put(const struct tree *t, const char *path, const void *data, size_t len, int mode)
{
	char buf[512];
	FILE *f = fopen(place(t, path, buf), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(buf, mode), 0);
}

static void put_elf(const struct tree *t, const char *path, struct elf_what what)
{
	struct elf_fixture f = elf_fixture_make(&what);

	put(t, path, &f, sizeof(f), 0755);
}

static void put_text(const struct tree *t, const char *path, const char *text)
{
	put(t, path, text, strlen(text), 0755);
}

static void put_link(const struct tree *t, const char *path, const char *target)
{
	char buf[512];

	assert_int_equal(symlink(target, place(t, path, buf)), 0);
}

/* Files and links in the order of the closure: "/lib->usr/lib /bin/x". */
static void expect(const struct tree *t, const char *program, const char *expected)
{
	struct closure c;
	char out[2048] = "";
	size_t n = 0;

	closure_init(&c, &t->root, EM_X86_64);
	assert_ok(closure_add(&c, program, err));
	for (size_t i = 0; i < c.n; i++) {
		const struct closure_entry *e = &c.v[i];

		if (e->kind != CLOSURE_FOLDER)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s%s%s", n ? " " : "",
					      e->path, e->target ? "->" : "",
					      e->target ? e->target : "");
	}
	assert_string_equal(out, expected);
	closure_deinit(&c);
}

static void refuse(const struct tree *t, const char *program, int code, const char *part)
{
	struct closure c;

	closure_init(&c, &t->root, EM_X86_64);
	assert_fails(closure_add(&c, program, err), code, part);
	closure_deinit(&c);
}

static void test_static_program(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/bin/x", (struct elf_what){0});
	expect(t, "/bin/x", "/bin/x");
	expect(t, "/bin/../bin//./x", "/bin/x");
}

static void test_default_folders(void **state)
{
	struct tree *t = *state;

	/* the merged /usr, by an absolute link that would lead out of the root */
	put_elf(t, "/usr/bin/x", (struct elf_what){.interp = INTERP, .needed = {"a", "b"}});
	put_elf(t, "/usr/lib64/ld.so", (struct elf_what){.soname = "linker"});
	put_elf(t, "/usr/lib64/a.1", (struct elf_what){.soname = "a", .needed = {"c", "linker"}});
	put_elf(t, "/usr/lib/b", (struct elf_what){.needed = {"c", "a"}});
	put_elf(t, "/usr/lib/x86_64-linux-gnu/c", (struct elf_what){.needed = {"b"}});
	put_link(t, "/bin", "usr/bin");
	put_link(t, "/lib", "/usr/lib");
	put_link(t, "/lib64", "/usr/lib64");
	put_link(t, "/usr/lib64/a", "a.1");
	expect(t, "/bin/x",
	       "/bin->usr/bin /lib->/usr/lib /lib64->/usr/lib64 /usr/bin/x /usr/lib64/ld.so "
	       "/usr/lib64/a->a.1 /usr/lib64/a.1 /usr/lib/b /usr/lib/x86_64-linux-gnu/c");
}

/* DT_RUNPATH is the asking file's own; DT_RPATH also that of those that loaded it. */
static void test_rpath_and_runpath(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/opt/app/bin/x",
		(struct elf_what){.rpath = "/none:$ORIGIN/../lib", .needed = {"a"}});
	put_elf(t, "/opt/app/lib/a", (struct elf_what){.needed = {"b"}});
	put_elf(t, "/opt/app/lib/b", (struct elf_what){0});
	put_elf(t, "/lib/b", (struct elf_what){0});
	expect(t, "/opt/app/bin/x", "/opt/app/bin/x /opt/app/lib/a /opt/app/lib/b");

	put_elf(t, "/opt/app/bin/x",
		(struct elf_what){.runpath = "${ORIGIN}/../lib", .needed = {"a"}});
	expect(t, "/opt/app/bin/x", "/opt/app/bin/x /opt/app/lib/a /lib/b");

	/* a's own runpath switches the program's rpath off */
	put_elf(t, "/opt/app/bin/x", (struct elf_what){.rpath = "$ORIGIN/../lib", .needed = {"a"}});
	put_elf(t, "/opt/app/lib/a", (struct elf_what){.runpath = "/none", .needed = {"b"}});
	expect(t, "/opt/app/bin/x", "/opt/app/bin/x /opt/app/lib/a /lib/b");
}

static void test_no_default(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/x", (struct elf_what){.needed = {"a"}, .flags_1 = DF_1_NODEFLIB});
	put_elf(t, "/lib/a", (struct elf_what){0});
	refuse(t, "/x", ERR_NOT_FOUND, "/x needs the library a");
	put_elf(t, "/x", (struct elf_what){.needed = {"a"}});
	expect(t, "/x", "/x /lib/a");
}

/* Only where there is no copy for every processor: then all of the others. */
static void test_hwcaps(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/x", (struct elf_what){.needed = {"a"}});
	put_elf(t, "/lib64/glibc-hwcaps/x86-64-v2/a", (struct elf_what){0});
	put_elf(t, "/lib64/glibc-hwcaps/x86-64-v3/a", (struct elf_what){.needed = {"b"}});
	put_elf(t, "/lib/b", (struct elf_what){0});
	expect(t, "/x",
	       "/x /lib64/glibc-hwcaps/x86-64-v3/a /lib64/glibc-hwcaps/x86-64-v2/a /lib/b");
	put_elf(t, "/lib64/a", (struct elf_what){0});
	expect(t, "/x", "/x /lib64/a");
}

/* ---- the cache */

static size_t put_u32(uint8_t *to, size_t at, uint32_t v)
{
	bytes_put_le32(to + at, v);
	return at + 4;
}

/* `old` entries of the old format in front; paths and names alternate. */
static size_t make_cache(uint8_t buf[2048], uint32_t old, const char *const *texts, uint64_t hwcap)
{
	size_t base = 0, at, text;
	uint32_t n = 0;

	memset(buf, 0, 2048);
	while (texts[2 * n])
		n++;
	if (old) {
		strcpy((char *)buf, "ld.so-1.7.0");
		put_u32(buf, 12, old);
		base = (16 + 12 * old + 7) / 8 * 8;
	}
	memcpy(buf + base, "glibc-ld.so.cache1.1", 20);
	put_u32(buf, base + 20, n);
	at = base + 48;
	text = at + 24 * n;
	for (uint32_t i = 0; i < 2 * n; i++) {
		put_u32(buf, at + 24 * (i / 2) + 4 + 4 * (i % 2), (uint32_t)(text - base));
		strcpy((char *)buf + text, texts[i]);
		text += strlen(texts[i]) + 1;
	}
	bytes_put_le64(buf + at + 16, hwcap); /* of the first one */
	return text;
}

static void test_cache(void **state)
{
	static const char *const texts[] = {"a",       "/opt/fast/a", "a",      "/opt/a", "ab",
					    "/opt/ab", "c",           "/lib/c", NULL};
	struct tree *t = *state;
	uint8_t buf[2048];

	put_elf(t, "/opt/a", (struct elf_what){0});
	put_elf(t, "/opt/fast/a", (struct elf_what){0});
	put_elf(t, "/lib/c", (struct elf_what){0});
	put_elf(t, "/x", (struct elf_what){.needed = {"a"}});
	refuse(t, "/x", ERR_NOT_FOUND, "needs the library a, which is nowhere");
	for (uint32_t old = 0; old < 3; old++) {
		put(t, "/etc/ld.so.cache", buf, make_cache(buf, old, texts, 1), 0644);
		put_elf(t, "/x", (struct elf_what){.needed = {"a"}});
		/* without the cache, nothing in the image would find it */
		expect(t, "/x", "/x /opt/a /etc/ld.so.cache");
		put_elf(t, "/x", (struct elf_what){.needed = {"c"}});
		expect(t, "/x", "/x /lib/c");
	}
	put_text(t, "/etc/ld.so.cache", "garbage");
	refuse(t, "/x", ERR_CORRUPT, "/etc/ld.so.cache: is no cache");
}

/* The copy has exactly its size, for the sanitizer. */
static void test_damaged_cache(void **state)
{
	static const char *const texts[] = {"a", "/opt/a", "b", "/opt/b", NULL};
	uint8_t buf[2048];
	size_t len = make_cache(buf, 1, texts, 0);

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct ldcache cache;
		struct err err;
		uint32_t pos = 0;
		bool some;

		memcpy(copy, buf, cut);
		if (ldcache_read((struct bytes){copy, cut}, &cache, &err) == 0) {
			const char *path = ldcache_next(&cache, "b", &pos, &some);

			assert_true((cut == len) == (path != NULL));
			if (path)
				assert_string_equal(path, "/opt/b");
		} else {
			assert_int_equal(err.code, ERR_CORRUPT);
		}
		free(copy);
	}
}

/* ---- scripts */

static void test_scripts(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/bin/sh", (struct elf_what){0});
	put_elf(t, "/usr/bin/env", (struct elf_what){0});
	put_elf(t, "/usr/bin/python3", (struct elf_what){0});
	put_text(t, "/s1", "#!/bin/sh -e\necho\n");
	put_text(t, "/s2", "#! /s1");
	put_text(t, "/s3", "#!/usr/bin/env -S A=1 python3 -u\n");
	put_text(t, "/s4", "#!/usr/bin/env gone\n");
	put_text(t, "/s5", "#!/s5\n");
	put_text(t, "/s6", "#!\n");
	put_text(t, "/s7", "#!sh\n");
	expect(t, "/s1", "/s1 /bin/sh");
	expect(t, "/s2", "/s2 /s1 /bin/sh");
	expect(t, "/s3", "/s3 /usr/bin/env /usr/bin/python3");
	refuse(t, "/s4", ERR_NOT_FOUND, "/s4: its interpreter: no 'gone' in /usr/sbin");
	refuse(t, "/s5", ERR_CORRUPT, "interpret each other");
	refuse(t, "/s6", ERR_USAGE, "names no interpreter");
	refuse(t, "/s7", ERR_USAGE, "'sh' is not an absolute path");
}

/* ---- what cannot work */

static void test_wrong_programs(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/arm", (struct elf_what){.machine = EM_AARCH64});
	put_elf(t, "/plain", (struct elf_what){0});
	put_elf(t, "/lost", (struct elf_what){.interp = INTERP});
	put_elf(t, "/odd", (struct elf_what){.interp = "ld.so"});
	put_elf(t, "/run/x", (struct elf_what){0});
	put_link(t, "/hidden", "run/x");
	put_link(t, "/round", "around");
	put_link(t, "/around", "round");
	put_text(t, "/text", "hello\n");
	put_text(t, "/empty", "");
	put(t, "/data", "x", 1, 0644);
	refuse(t, "/gone", ERR_NOT_FOUND, "program '/gone': ");
	refuse(t, "relative", ERR_USAGE, "not an absolute path");
	refuse(t, "/arm", ERR_USAGE, "/arm is for aarch64");
	refuse(t, "/plain/x", ERR_SYSTEM, "Not a directory");
	refuse(t, "/lost", ERR_NOT_FOUND, "its dynamic linker " INTERP " is not there");
	refuse(t, "/odd", ERR_CORRUPT, "'ld.so' is no absolute path");
	refuse(t, "/hidden", ERR_USAGE, "mounted over");
	refuse(t, "/round", ERR_CORRUPT, "circle");
	refuse(t, "/text", ERR_USAGE, "/text: is not an ELF file");
	refuse(t, "/empty", ERR_USAGE, "cannot be run");
	refuse(t, "/data", ERR_USAGE, "is not executable; `chmod +x`");
	refuse(t, "/", ERR_USAGE, "is no regular file");
}

/* ld.so passes over a file of another machine, and so do we; the message says what was there. */
static void test_wrong_library(void **state)
{
	struct tree *t = *state;

	put_elf(t, "/x", (struct elf_what){.needed = {"a"}});
	put_elf(t, "/lib64/a", (struct elf_what){.machine = EM_AARCH64});
	refuse(t, "/x", ERR_NOT_FOUND, "nowhere but: /lib64/a is for aarch64");
	put_elf(t, "/lib/a", (struct elf_what){0});
	expect(t, "/x", "/x /lib/a");
}

static void test_damaged_elf(void **state)
{
	struct elf_what what = {.interp = INTERP, .soname = "s", .needed = {"a", "b"}};
	struct elf_fixture f = elf_fixture_make(&what);
	struct elf_links links;
	struct err err;

	(void)state;
	assert_int_equal(
		elf_read_links((struct bytes){(uint8_t *)&f, sizeof(f)}, "x", &links, &err), 0);
	assert_int_equal(links.n_needed, 2);
	assert_string_equal(links.needed[1], "b");
	assert_string_equal(links.soname, "s");
	assert_string_equal(links.interp, INTERP);
	elf_links_deinit(&links);
	for (size_t cut = 0; cut < sizeof(f); cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, &f, cut);
		assert_int_equal(elf_read_links((struct bytes){copy, cut}, "x", &links, &err),
				 ERR_CORRUPT);
		free(copy);
	}
	memset(f.strings, 'x', sizeof(f.strings)); /* no end */
	assert_int_equal(
		elf_read_links((struct bytes){(uint8_t *)&f, sizeof(f)}, "x", &links, &err),
		ERR_CORRUPT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_static_program), T(test_default_folders), T(test_rpath_and_runpath),
		T(test_no_default),     T(test_hwcaps),          T(test_cache),
		T(test_damaged_cache),  T(test_scripts),         T(test_wrong_programs),
		T(test_wrong_library),  T(test_damaged_elf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
