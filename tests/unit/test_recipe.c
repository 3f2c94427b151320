// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/recipe.h"

#define HEAD "schema = lifeboat-recipe-1\n"
#define REST "device = UUID=0f2a-1111\nfstype = ext4\n"

static int parse_n(const char *text, size_t len, struct recipe **ret, struct err *err)
{
	return recipe_create((struct bytes){(const uint8_t *)text, len}, "R", ret, err);
}

static struct recipe *parse(const char *text)
{
	struct recipe *r = NULL;
	struct err err = {0};

	if (parse_n(text, strlen(text), &r, &err))
		fail_msg("%s", err.msg);
	return r;
}

static void refuse_n(const char *text, size_t len, const char *part)
{
	struct recipe *untouched = (struct recipe *)&untouched, *r = untouched;
	struct err err = {0};

	assert_int_equal(parse_n(text, len, &r, &err), ERR_USAGE);
	assert_ptr_equal(r, untouched);
	assert_int_equal(err.code, ERR_USAGE);
	if (strncmp(err.msg, "R: ", 3) != 0 || !strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void refuse(const char *text, const char *part)
{
	refuse_n(text, strlen(text), part);
}

static void test_defaults(void **state)
{
	struct recipe *r = parse(HEAD REST);

	(void)state;
	assert_string_equal(r->device, "UUID=0f2a-1111");
	assert_string_equal(r->fstype, "ext4");
	assert_string_equal(r->mount_options, "");
	assert_string_equal(r->path, "/var/crash");
	assert_int_equal(r->level, 31);
	assert_int_equal(r->codec, CODEC_LZO);
	assert_int_equal(r->final, FINAL_REBOOT);
	assert_null(r->modules[0]);
	assert_int_equal(r->deadline_device, 30);
	assert_int_equal(r->deadline_mount, 60);
	assert_int_equal(r->deadline_log, 60);
	assert_int_equal(r->deadline_dump, 3600);
	assert_int_equal(r->deadline_total, 4000);
	recipe_destroy(r);
}

static void test_every_key(void **state)
{
	struct recipe *r = parse("# a comment before the schema\n\n" HEAD "target=fs\n"
				 "\t device\t=  /dev/disk/by-id/a b \t\n"
				 "fstype=xfs\n"
				 "mount-options = data=ordered,discard\n"
				 "  # indented comment\n"
				 "path = /srv/crash dumps//\n"
				 "level = 0x10\n"
				 "module = zzz\n"
				 "compress = zlib\n"
				 "final-action = halt\n"
				 "module = pci:v00001AF4d00001001sv*\n"
				 "module = zzz\n"
				 "deadline-device = 1\n"
				 "deadline-mount = 2\n"
				 "deadline-log = 3\n"
				 "deadline-dump = 86400\n"
				 "deadline-total = 4"); /* no newline at the end */

	(void)state;
	assert_string_equal(r->device, "/dev/disk/by-id/a b");
	assert_string_equal(r->fstype, "xfs");
	assert_string_equal(r->mount_options, "data=ordered,discard");
	assert_string_equal(r->path, "/srv/crash dumps");
	assert_int_equal(r->level, 16);
	assert_int_equal(r->codec, CODEC_ZLIB);
	assert_int_equal(r->final, FINAL_HALT);
	assert_string_equal(r->modules[0], "zzz");
	assert_string_equal(r->modules[1], "pci:v00001AF4d00001001sv*");
	assert_string_equal(r->modules[2], "zzz");
	assert_null(r->modules[3]);
	assert_int_equal(r->deadline_device, 1);
	assert_int_equal(r->deadline_mount, 2);
	assert_int_equal(r->deadline_log, 3);
	assert_int_equal(r->deadline_dump, 86400);
	assert_int_equal(r->deadline_total, 4);
	recipe_destroy(r);
}

static void test_root_of_the_target(void **state)
{
	struct recipe *r = parse(HEAD REST "path = /\nmount-options =\n");

	(void)state;
	assert_string_equal(r->path, "");
	assert_string_equal(r->mount_options, "");
	recipe_destroy(r);
}

static void test_schema_comes_first(void **state)
{
	(void)state;
	refuse("", "'schema' is missing");
	refuse(REST HEAD, "line 1: 'device' stands before 'schema'");
	refuse("schema = lifeboat-recipe-2\n" REST, "line 1: schema: 'lifeboat-recipe-2'");
	refuse(HEAD HEAD REST, "line 2: 'schema' is there a second time");
}

static void test_missing_and_repeated(void **state)
{
	(void)state;
	refuse(HEAD "fstype = ext4\n", "'device' is missing");
	refuse(HEAD "device = /dev/sda\n", "'fstype' is missing");
	refuse(HEAD REST "\n\nlevel = 1\nlevel = 1\n", "line 7: 'level' is there a second time");
}

static void test_malformed_lines(void **state)
{
	static const char nul[] = HEAD REST "path = /a\0b\n";

	(void)state;
	refuse(HEAD "device\n", "line 2: 'device' is not of the form");
	refuse(HEAD "Level = 3\n", "line 2: unknown key 'Level'");
	refuse(HEAD "= 3\n", "line 2: unknown key ''");
	refuse(HEAD "level =\n", "line 2: 'level' has no value");
	refuse(HEAD "level = 3\r\n", "line 2: control character 0x0d at column 10");
	refuse(HEAD "# \x1b[2J\n", "line 2: control character 0x1b");
	refuse_n(nul, sizeof(nul) - 1, "line 4: control character 0x00 at column 10");
}

static void test_bad_values(void **state)
{
	static const char *const bad[][2] = {
		{"target = nfs", "target: 'nfs'"},
		{"device = sda1", "device: 'sda1'"},
		{"device = UUID=", "device: 'UUID='"},
		{"device = UUID=/../x", "device: "},
		{"device = /dev/../etc/passwd", "device: "},
		{"device = /dev/", "device: "},
		{"fstype = ../ext4", "fstype: "},
		{"fstype = abcdefghijklmnopqrstuvwxyz1234567", "fstype: "},
		{"path = var/crash", "path: 'var/crash'"},
		{"path = /var/../crash", "path: "},
		{"path = /var/..", "path: "},
		{"path = /var//crash", "path: "},
		{"path = /./crash", "path: "},
		{"level = 32", "level: 32 is not between 0 and 31"},
		{"level = -1", "level: '-1'"},
		{"level = 18446744073709551617", "level: "},
		{"compress = lz4", "compress: "},
		{"final-action = explode", "final-action: 'explode'"},
		{"module = a b", "module: 'a b'"},
		{"module = ../../evil", "module: "},
		{"deadline-device = 0", "deadline-device: 0 is not between 1 and 86400"},
		{"deadline-total = 86401", "deadline-total: "},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), HEAD "%s\n" REST, bad[i][0]);
		refuse(text, bad[i][1]);
		refuse(text, "line 2");
	}
}

/* A value of any length ends in a message that was cut, not in one that fills the buffer. */
static void test_long_values(void **state)
{
	static const char *const keys[] = {
		"schema",   "target",       "device", "fstype",          "path",    "level",
		"compress", "final-action", "module", "deadline-device", "strange",
	};
	char text[4096 + 64], filler[4096];
	struct recipe *r = NULL;
	struct err err;

	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(text, sizeof(text), HEAD "%s = /%s\n", keys[i], filler);
		assert_int_equal(parse_n(text, strlen(text), &r, &err), ERR_USAGE);
		assert_true(strlen(err.msg) < 300);
	}
}

static void test_size_limit(void **state)
{
	char *text = malloc(RECIPE_MAX_SIZE + 1);
	size_t used = strlen(HEAD REST "#");
	struct recipe *r = NULL;
	struct err err;

	(void)state;
	memcpy(text, HEAD REST "#", used);
	memset(text + used, 'x', RECIPE_MAX_SIZE + 1 - used);
	assert_int_equal(parse_n(text, RECIPE_MAX_SIZE, &r, &err), 0);
	recipe_destroy(r);
	assert_int_equal(parse_n(text, RECIPE_MAX_SIZE + 1, &r, &err), ERR_USAGE);
	free(text);
	recipe_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_root_of_the_target),
		cmocka_unit_test(test_schema_comes_first),
		cmocka_unit_test(test_missing_and_repeated),
		cmocka_unit_test(test_malformed_lines),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_size_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
