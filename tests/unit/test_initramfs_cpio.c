// SPDX-License-Identifier: GPL-2.0-or-later
/* The archives are judged by cpio(1), and byte by byte where cpio would forgive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "initramfs/cpio.h"

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* Run `command` with the archive in a file named by $A; its output goes to `out`. */
static void ask_cpio(struct bytes archive, const char *command, char *out, size_t size)
{
	char path[] = "/tmp/lifeboat-cpio-XXXXXX";
	int fd = mkstemp(path);
	size_t n;
	FILE *p;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, archive.data, archive.len), archive.len);
	close(fd);
	setenv("A", path, 1);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(out, 1, size - 1, p);
	out[n] = '\0';
	assert_int_equal(pclose(p), 0);
	unlink(path);
}

static void add_sample(struct cpio *c)
{
	struct err err;

	assert_int_equal(cpio_add_folder(c, "/proc", 0755, &err), 0);
	assert_int_equal(cpio_add_char_device(c, "/dev/console", 0600, 5, 1, &err), 0);
	/* name and content of every length modulo 4 */
	assert_int_equal(cpio_add_file(c, "/a", 0644, text_bytes(""), &err), 0);
	assert_int_equal(cpio_add_file(c, "/ab", 0600, text_bytes("1"), &err), 0);
	assert_int_equal(cpio_add_file(c, "/abc", 0755, text_bytes("12"), &err), 0);
	assert_int_equal(cpio_add_file(c, "/lib/modules/abcd", 0644, text_bytes("123"), &err), 0);
	assert_int_equal(cpio_add_file(c, "/lib/modules/abcde", 0644, text_bytes("1234"), &err), 0);
	assert_int_equal(cpio_add_folder(c, "/lib", 0700, &err), 0); /* is there already */
}

static void test_cpio_lists_it(void **state)
{
	_cleanup_cpio_ struct cpio c;
	struct bytes archive;
	struct err err;
	char out[4096];

	(void)state;
	cpio_init(&c);
	add_sample(&c);
	assert_int_equal(cpio_finish(&c, &archive, &err), 0);
	ask_cpio(archive, "cpio --quiet -it < $A", out, sizeof(out));
	assert_string_equal(out, "proc\ndev\ndev/console\na\nab\nabc\nlib\nlib/modules\n"
				 "lib/modules/abcd\nlib/modules/abcde\n");
	ask_cpio(archive, "TZ=UTC LC_ALL=C cpio --quiet -itvn < $A | tr -s ' '", out, sizeof(out));
	assert_non_null(strstr(out, "drwxr-xr-x 2 0 0 0 Jan 1 1970 proc\n"));
	assert_non_null(strstr(out, "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console\n"));
	assert_non_null(strstr(out, "-rwxr-xr-x 1 0 0 2 Jan 1 1970 abc\n"));
	assert_non_null(strstr(out, "drwxr-xr-x 2 0 0 0 Jan 1 1970 lib\n"));
	ask_cpio(archive, "cpio --quiet -i --to-stdout 'lib/modules/abcd*' abc < $A", out,
		 sizeof(out));
	assert_string_equal(out, "121231234");
}

/* The kernel insists on 4-byte alignment of headers and data, and ends at the trailer. */
static void test_layout(void **state)
{
	static const char trailer[] = "TRAILER!!!";
	_cleanup_cpio_ struct cpio c;
	struct bytes archive;
	size_t at = 0, entries = 0;
	struct err err;

	(void)state;
	cpio_init(&c);
	add_sample(&c);
	assert_int_equal(cpio_finish(&c, &archive, &err), 0);
	for (;; entries++) {
		char field[9] = "";
		size_t size, name_size, ino;

		assert_int_equal(at % 4, 0);
		assert_true(at + 110 < archive.len);
		assert_memory_equal(archive.data + at, "070701", 6);
		memcpy(field, archive.data + at + 6, 8);
		ino = strtoul(field, NULL, 16);
		assert_int_equal(ino, entries + 1);
		memcpy(field, archive.data + at + 54, 8);
		size = strtoul(field, NULL, 16);
		memcpy(field, archive.data + at + 94, 8);
		name_size = strtoul(field, NULL, 16);
		if (strcmp((const char *)archive.data + at + 110, trailer) == 0)
			break;
		at += (110 + name_size + 3) / 4 * 4;
		at += (size + 3) / 4 * 4;
	}
	assert_int_equal(entries, 10);
	assert_int_equal(archive.len, at + (110 + sizeof(trailer) + 3) / 4 * 4);
}

static void test_same_calls_same_bytes(void **state)
{
	_cleanup_cpio_ struct cpio a, b;
	struct bytes x, y;
	struct err err;

	(void)state;
	cpio_init(&a);
	cpio_init(&b);
	add_sample(&a);
	add_sample(&b);
	assert_int_equal(cpio_finish(&a, &x, &err), 0);
	assert_int_equal(cpio_finish(&b, &y, &err), 0);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
}

static void test_bad_paths(void **state)
{
	static const char *const bad[] = {"",      "/",     "a",     "/a/",  "//a",
					  "/a//b", "/../a", "/a/..", "/./a", "/a/."};
	_cleanup_cpio_ struct cpio c;
	struct err err;

	(void)state;
	cpio_init(&c);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpio_add_file(&c, bad[i], 0644, text_bytes("x"), &err),
				 ERR_CORRUPT);
	assert_int_equal(c.out.len, 0);
}

/* The merged /usr: what goes below a link goes where it leads, as the kernel unpacks it. */
static void test_links(void **state)
{
	_cleanup_cpio_ struct cpio c;
	struct bytes archive;
	struct err err;
	char out[4096];

	(void)state;
	cpio_init(&c);
	assert_int_equal(cpio_add_link(&c, "/lib", "usr/lib", &err), 0);
	assert_int_equal(cpio_add_link(&c, "/usr/sbin", "/usr/bin/../bin", &err), 0);
	assert_int_equal(cpio_add_link(&c, "/a", "b", &err), 0);
	assert_int_equal(cpio_add_link(&c, "/b", "a", &err), 0);
	assert_int_equal(cpio_add_file(&c, "/lib/modules/m.ko", 0644, text_bytes("1"), &err), 0);
	assert_int_equal(cpio_add_file(&c, "/usr/sbin/x", 0755, text_bytes("2"), &err), 0);
	/* there already, by its other name; below a file; where links lead in circles */
	assert_int_equal(cpio_add_file(&c, "/usr/lib/modules/m.ko", 0644, text_bytes("1"), &err),
			 ERR_CORRUPT);
	assert_int_equal(cpio_add_file(&c, "/lib/modules/m.ko/x", 0644, text_bytes("1"), &err),
			 ERR_CORRUPT);
	assert_int_equal(cpio_add_folder(&c, "/lib", 0755, &err), ERR_CORRUPT);
	assert_int_equal(cpio_add_file(&c, "/a/x", 0644, text_bytes("1"), &err), ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "circle"));
	assert_int_equal(cpio_add_link(&c, "/e", "", &err), ERR_CORRUPT);
	assert_int_equal(c.content, 2);
	assert_int_equal(c.pages, 2);
	assert_int_equal(cpio_finish(&c, &archive, &err), 0);
	ask_cpio(archive, "TZ=UTC LC_ALL=C cpio --quiet -itvn < $A | tr -s ' ' | cut -d' ' -f1,9-",
		 out, sizeof(out));
	assert_string_equal(out, "lrwxrwxrwx lib -> usr/lib\ndrwxr-xr-x usr\n"
				 "lrwxrwxrwx usr/sbin -> /usr/bin/../bin\nlrwxrwxrwx a -> b\n"
				 "lrwxrwxrwx b -> a\ndrwxr-xr-x usr/lib\n"
				 "drwxr-xr-x usr/lib/modules\n-rw-r--r-- usr/lib/modules/m.ko\n"
				 "drwxr-xr-x usr/bin\n-rwxr-xr-x usr/bin/x\n");
}

static void test_too_large(void **state)
{
	_cleanup_cpio_ struct cpio c;
	uint8_t byte = 0;
	struct err err;

	(void)state;
	cpio_init(&c);
	/* checked before it is read or cut to the field's 32 bits */
	assert_int_equal(
		cpio_add_file(&c, "/a", 0644, (struct bytes){&byte, (size_t)UINT32_MAX + 2}, &err),
		ERR_CORRUPT);
	assert_int_equal(cpio_add_file(&c, "/a", 0644, (struct bytes){&byte, CPIO_MAX_SIZE}, &err),
			 ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "is larger than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpio_lists_it),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_same_calls_same_bytes),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
