// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/mounts.h"
#include "tests/unit/unit.h"

static struct mounts mounts;

static struct bytes text_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static int parse(const char *text, struct err *err)
{
	mounts_deinit(&mounts);
	return mounts_parse(text_of(text), "mountinfo", &mounts, err);
}

static int forget(void **state)
{
	(void)state;
	mounts_deinit(&mounts);
	return 0;
}

/* Where a path leads to: "SOURCE|REST", or "nowhere". */
static const char *holder(const char *path)
{
	static char found[256];
	const char *rest;
	const struct mount *m = mounts_of_path(&mounts, path, &rest);

	if (!m)
		return "nowhere";
	snprintf(found, sizeof(found), "%s|%s", m->source, rest);
	return found;
}

TEST(all_fields)
{
	assert_ok(parse(
		"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root "
		"rw,errors=continue\n",
		err));
	assert_int_equal(mounts.n, 1);
	assert_int_equal(mounts.v[0].id, 36);
	assert_int_equal(mounts.v[0].parent, 35);
	assert_int_equal(mounts.v[0].major, 98);
	assert_int_equal(mounts.v[0].minor, 0);
	assert_string_equal(mounts.v[0].root, "/mnt1");
	assert_string_equal(mounts.v[0].at, "/mnt2");
	assert_string_equal(mounts.v[0].flags, "rw,noatime");
	assert_string_equal(mounts.v[0].type, "ext3");
	assert_string_equal(mounts.v[0].source, "/dev/root");
	assert_string_equal(mounts.v[0].options, "rw,errors=continue");
}

/* The last line may have no end, and a kernel that adds a field behind the last is no error. */
TEST(without_newline_and_with_more)
{
	assert_ok(parse("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\n2 1 8:2 / /a rw - xfs s rw more",
			err));
	assert_int_equal(mounts.n, 2);
	assert_string_equal(mounts.v[1].options, "rw");
}

TEST(escapes)
{
	assert_ok(parse(
		"1 0 8:1 / /a\\040b\\011c\\012d\\134e rw - fuse.x\\043y a\\054b rw,x=a\\054b\n",
		err));
	assert_string_equal(mounts.v[0].at, "/a b\tc\nd\\e");
	assert_string_equal(mounts.v[0].type, "fuse.x#y");
	assert_string_equal(mounts.v[0].source, "a,b");
	/* an escaped comma parts no options */
	assert_string_equal(mounts.v[0].options, "rw,x=a\\054b");
}

/* What no kernel writes: nothing is read beyond the end, and no NUL gets into a string. */
TEST(odd_escapes)
{
	assert_ok(parse("1 0 8:1 / /a\\0 rw - t s\\ o\n2 0 8:1 / /\\000\\400\\189 rw - t s o\\04",
			err));
	assert_string_equal(mounts.v[0].at, "/a\\0");
	assert_string_equal(mounts.v[0].source, "s\\");
	assert_string_equal(mounts.v[1].at, "/\\000\\400\\189");
	assert_string_equal(mounts.v[1].options, "o\\04");
}

TEST(bad_lines)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"x", "mount id 'x' is no number"},
		{"-1 0 8:1 / / rw - t s o", "mount id '-1'"},
		{"99999999999 0 8:1 / / rw - t s o", "mount id"},
		{"1", "no parent's id"},
		{"1 0", "no device number"},
		{"1 0 81 / / rw - t s o", "no device number"},
		{"1 0 8: / / rw - t s o", "device number '' is no number"},
		{"1 0 8:1", "no root"},
		{"1 0 8:1 /", "no mount point"},
		{"1 0 8:1 / / rw", "no '-' before the type"},
		{"1 0 8:1 / / rw shared:1 -", "no type"},
		{"1 0 8:1 / / rw - t", "no source"},
		{"1 0 8:1 / / rw - t s", "no options"},
		{"1 0 8:1 / a rw - t s o", "'a' is no absolute path"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[256];

		snprintf(text, sizeof(text), "1 0 8:1 / / rw - t s o\n%s\n", bad[i].line);
		assert_fails(parse(text, err), ERR_CORRUPT, "mountinfo: line 2: ");
		assert_fails(parse(text, err), ERR_CORRUPT, bad[i].says);
	}
	assert_fails(
		mounts_parse((struct bytes){(const uint8_t *)"1 0\0 8:1", 8}, "m", &mounts, err),
		ERR_CORRUPT, "a NUL byte");
}

TEST(the_longest_prefix)
{
	assert_ok(parse("30 1 8:1 / / rw - ext4 root rw\n"
			"31 30 8:2 / /var rw - xfs var rw\n"
			"32 31 8:3 / /var/crash rw - xfs crash rw\n"
			"33 30 8:4 / /va rw - xfs va rw\n",
			err));
	assert_string_equal(holder("/"), "root|/");
	assert_string_equal(holder("/etc"), "root|/etc");
	assert_string_equal(holder("/var"), "var|");
	assert_string_equal(holder("/variable/x"), "root|/variable/x");
	assert_string_equal(holder("/var/log"), "var|/log");
	assert_string_equal(holder("/var/crash"), "crash|");
	assert_string_equal(holder("/var/crash/a/b"), "crash|/a/b");
}

/* A mount over another one's folder hides what was mounted below it: by the names alone "crash" would be taken. */
TEST(a_hidden_mount)
{
	assert_ok(parse("30 1 8:1 / / rw - ext4 root rw\n"
			"32 30 8:3 / /var/crash rw - xfs crash rw\n"
			"31 30 8:2 / /var rw - xfs var rw\n",
			err));
	assert_string_equal(holder("/var/crash"), "var|/crash");
}

TEST(mounted_over_each_other)
{
	assert_ok(parse("30 1 8:1 / / rw - ext4 root rw\n"
			"31 30 8:2 / /var rw - xfs old rw\n"
			"32 31 8:3 / /var rw - xfs new rw\n"
			"33 30 8:4 / / rw - tmpfs over rw\n",
			err));
	assert_string_equal(holder("/var/x"), "new|/x");
	/* whoever has "/" as its root sees nothing of what is mounted over it */
	assert_string_equal(holder("/etc"), "root|/etc");
}

TEST(circles_end)
{
	assert_ok(parse("30 31 8:1 / / rw - ext4 a rw\n31 30 8:2 / / rw - ext4 b rw\n", err));
	assert_non_null(holder("/x"));
	assert_ok(parse("30 30 8:1 / / rw - ext4 a rw\n30 30 8:1 / / rw - ext4 a rw\n", err));
	assert_string_equal(holder("/x"), "a|/x");
	assert_ok(parse("30 1 8:1 / /x rw - ext4 a rw\n", err));
	assert_string_equal(holder("/x"), "nowhere");
}

static const char *option(const char *options, const char *word)
{
	static char value[64];
	size_t len;
	const char *found = mounts_option(options, word, &len);

	if (!found)
		return "none";
	snprintf(value, sizeof(value), "=%.*s", (int)len, found);
	return value;
}

TEST(options)
{
	assert_string_equal(option("rw,subvolid=256,subvol=/@", "subvol="), "=/@");
	assert_string_equal(option("rw,subvolid=256,subvol=/@", "subvolid="), "=256");
	assert_string_equal(option("rw,subvolid=256", "subvol="), "none");
	assert_string_equal(option("rw,a=", "a="), "=");
	assert_string_equal(option("errors=ro,rw", "ro"), "none");
	assert_string_equal(option("errors=ro,rw", "rw"), "=");
	assert_string_equal(option("", "rw"), "none");
	assert_string_equal(option(",,rw", "rw"), "=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_fields, forget),
		cmocka_unit_test_teardown(without_newline_and_with_more, forget),
		cmocka_unit_test_teardown(escapes, forget),
		cmocka_unit_test_teardown(odd_escapes, forget),
		cmocka_unit_test_teardown(bad_lines, forget),
		cmocka_unit_test_teardown(the_longest_prefix, forget),
		cmocka_unit_test_teardown(a_hidden_mount, forget),
		cmocka_unit_test_teardown(mounted_over_each_other, forget),
		cmocka_unit_test_teardown(circles_end, forget),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
