// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/recipe.h"
#include "tests/unit/unit.h"

#define HEAD "schema = " RECIPE_SCHEMA "\n"
#define FS   "target = fs\ndevice = UUID=0f2a-1111\nfstype = ext4\n"

static int parse_n(const char *text, size_t len, struct recipe **ret, struct err *err)
{
	return recipe_create((struct bytes){(const uint8_t *)text, len}, "R", ret, err);
}

static struct recipe *parse(const char *text)
{
	struct recipe *r = NULL;

	assert_ok(parse_n(text, strlen(text), &r, err));
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

static void assert_lists_equal(char *const *a, char *const *b)
{
	for (; *a && *b; a++, b++)
		assert_string_equal(*a, *b);
	assert_ptr_equal(*a, *b);
}

static void assert_targets_equal(const struct recipe_target *a, const struct recipe_target *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->device, b->device);
	assert_string_equal(a->fstype, b->fstype);
	assert_string_equal(a->mount_options, b->mount_options);
	assert_string_equal(a->path, b->path);
	assert_int_equal(a->log_only, b->log_only);
	assert_int_equal(a->size, b->size);
}

static void assert_recipes_equal(const struct recipe *a, const struct recipe *b)
{
	assert_int_equal(a->n_targets, b->n_targets);
	for (size_t i = 0; i < a->n_targets; i++)
		assert_targets_equal(&a->targets[i], &b->targets[i]);
	assert_int_equal(a->n_levels, b->n_levels);
	assert_memory_equal(a->levels, b->levels, a->n_levels * sizeof(a->levels[0]));
	assert_int_equal(a->codec, b->codec);
	assert_int_equal(a->elf, b->elf);
	assert_int_equal(a->threads, b->threads);
	assert_int_equal(a->final, b->final);
	assert_int_equal(a->failure, b->failure);
	assert_lists_equal(a->modules, b->modules);
	assert_lists_equal(a->programs, b->programs);
	assert_lists_equal(a->pre, b->pre);
	assert_lists_equal(a->post, b->post);
	assert_int_equal(a->console_lines, b->console_lines);
	assert_int_equal(a->pstore, b->pstore);
	assert_int_equal(a->watchdog, b->watchdog);
	assert_memory_equal(&a->keep, &b->keep, sizeof(a->keep));
	assert_int_equal(a->deadline_device, b->deadline_device);
	assert_int_equal(a->deadline_mount, b->deadline_mount);
	assert_int_equal(a->deadline_log, b->deadline_log);
	assert_int_equal(a->deadline_dump, b->deadline_dump);
	assert_int_equal(a->deadline_stall, b->deadline_stall);
	assert_int_equal(a->deadline_hook, b->deadline_hook);
	assert_int_equal(a->deadline_total, b->deadline_total);
}

/* What recipe_format() writes of it is read as an equal one. */
static void assert_round_trip(const struct recipe *r)
{
	struct recipe *again = NULL;
	char *text = NULL;
	size_t len = 0;

	assert_ok(recipe_format(r, &text, &len, err));
	assert_int_equal(strlen(text), len);
	again = parse(text);
	assert_recipes_equal(r, again);
	recipe_destroy(again);
	free(text);
}

TEST(defaults)
{
	struct recipe *r = parse(HEAD FS);

	assert_int_equal(r->n_targets, 1);
	assert_int_equal(r->targets[0].kind, TARGET_FS);
	assert_string_equal(r->targets[0].device, "UUID=0f2a-1111");
	assert_string_equal(r->targets[0].fstype, "ext4");
	assert_string_equal(r->targets[0].mount_options, "");
	assert_string_equal(r->targets[0].path, "/var/crash");
	assert_false(r->targets[0].log_only);
	assert_int_equal(r->n_levels, 1);
	assert_int_equal(r->levels[0], 31);
	assert_int_equal(r->codec, CODEC_LZO);
	assert_false(r->elf);
	assert_int_equal(r->threads, 0);
	assert_int_equal(r->final, FINAL_REBOOT);
	assert_int_equal(r->failure, FINAL_REBOOT);
	assert_null(r->modules[0]);
	assert_null(r->programs[0]);
	assert_null(r->pre[0]);
	assert_null(r->post[0]);
	assert_int_equal(r->console_lines, 60);
	assert_true(r->pstore);
	assert_int_equal(r->watchdog, 60);
	assert_int_equal(r->keep.count | r->keep.age | r->keep.bytes | r->keep.free, 0);
	assert_int_equal(r->deadline_device, 30);
	assert_int_equal(r->deadline_mount, 60);
	assert_int_equal(r->deadline_log, 60);
	assert_int_equal(r->deadline_dump, 3600);
	assert_int_equal(r->deadline_stall, 120);
	assert_int_equal(r->deadline_hook, 60);
	assert_int_equal(r->deadline_total, 4000);
	assert_round_trip(r);
	recipe_destroy(r);
}

static const char every_key[] = "# a comment before the schema\n\n" HEAD "level = 0x10,1,31\n"
				"compress=auto\n"
				"\t format\t=  elf \t\n"
				"threads = 3\n"
				"final-action = halt\n"
				"failure-action = shell\n"
				"module = zzz\n"
				"  # indented comment\n"
				"program = /usr/bin/ls blk\n"
				"module = pci:v00001AF4d00001001sv*\n"
				"pre = /a/b\n"
				"pre = /c\n"
				"post = /d\n"
				"module = zzz\n"
				"console-lines = 0\n"
				"pstore = no\n"
				"watchdog = 0\n"
				"keep-count = 5\n"
				"keep-age = 2592000\n"
				"keep-bytes = 18446744073709551615\n"
				"keep-free = 1\n"
				"deadline-device = 1\n"
				"deadline-mount = 2\n"
				"deadline-log = 3\n"
				"deadline-dump = 86400\n"
				"deadline-stall = 6\n"
				"deadline-hook = 5\n"
				"deadline-total = 4\n"
				"target = raw\n"
				"device = PARTUUID=7c-0f\n"
				"size = 9223372036854775807\n"
				"target=fs\n"
				"log-only = yes\n"
				"path = /srv/crash dumps//\n"
				"mount-options = data=ordered,discard\n"
				"fstype=xfs\n"
				"device = /dev/disk/by-id/a b\n"
				"target = share\n"
				"device = the tag\n"
				"fstype = 9p\n"
				"path = /\n"
				"mount-options ="; /* no newline at the end */

TEST(every_key_read)
{
	struct recipe *r = parse(every_key);

	assert_int_equal(r->n_levels, 3);
	assert_int_equal(r->levels[0], 16);
	assert_int_equal(r->levels[1], 1);
	assert_int_equal(r->levels[2], 31);
	assert_int_equal(r->codec, CODEC_AUTO);
	assert_true(r->elf);
	assert_int_equal(r->threads, 3);
	assert_int_equal(r->final, FINAL_HALT);
	assert_int_equal(r->failure, FINAL_SHELL);
	assert_string_equal(r->modules[0], "zzz");
	assert_string_equal(r->modules[1], "pci:v00001AF4d00001001sv*");
	assert_string_equal(r->modules[2], "zzz");
	assert_null(r->modules[3]);
	assert_string_equal(r->programs[0], "/usr/bin/ls blk");
	assert_null(r->programs[1]);
	assert_string_equal(r->pre[0], "/a/b");
	assert_string_equal(r->pre[1], "/c");
	assert_null(r->pre[2]);
	assert_string_equal(r->post[0], "/d");
	assert_null(r->post[1]);
	assert_int_equal(r->console_lines, 0);
	assert_false(r->pstore);
	assert_int_equal(r->watchdog, 0);
	assert_int_equal(r->keep.count, 5);
	assert_int_equal(r->keep.age, 2592000);
	assert_true(r->keep.bytes == UINT64_MAX);
	assert_int_equal(r->keep.free, 1);
	assert_int_equal(r->deadline_device, 1);
	assert_int_equal(r->deadline_mount, 2);
	assert_int_equal(r->deadline_log, 3);
	assert_int_equal(r->deadline_dump, 86400);
	assert_int_equal(r->deadline_stall, 6);
	assert_int_equal(r->deadline_hook, 5);
	assert_int_equal(r->deadline_total, 4);
	assert_round_trip(r);
	recipe_destroy(r);
}

TEST(every_kind_of_target)
{
	struct recipe *r = parse(every_key);
	const struct recipe_target *t = r->targets;

	assert_int_equal(r->n_targets, 3);
	assert_int_equal(t[0].kind, TARGET_RAW);
	assert_string_equal(t[0].device, "PARTUUID=7c-0f");
	assert_string_equal(t[0].fstype, "");
	assert_true(t[0].size == INT64_MAX);
	assert_false(t[0].log_only);
	assert_int_equal(t[1].kind, TARGET_FS);
	assert_string_equal(t[1].device, "/dev/disk/by-id/a b");
	assert_string_equal(t[1].fstype, "xfs");
	assert_string_equal(t[1].mount_options, "data=ordered,discard");
	assert_string_equal(t[1].path, "/srv/crash dumps");
	assert_true(t[1].log_only);
	assert_int_equal(t[2].kind, TARGET_SHARE);
	assert_string_equal(t[2].device, "the tag");
	assert_string_equal(t[2].fstype, "9p");
	assert_string_equal(t[2].mount_options, "");
	assert_string_equal(t[2].path, "");
	assert_string_equal(target_kind_name(t[0].kind), "raw");
	assert_string_equal(target_kind_name(t[1].kind), "fs");
	assert_string_equal(target_kind_name(t[2].kind), "share");
	recipe_destroy(r);
}

/* Not said, it is the final action; shell is none of the final ones. */
TEST(failure_action)
{
	struct recipe *r = parse(HEAD "final-action = poweroff\n" FS);

	assert_int_equal(r->failure, FINAL_POWEROFF);
	recipe_destroy(r);
	r = parse(HEAD "failure-action = halt\n" FS);
	assert_int_equal(r->final, FINAL_REBOOT);
	assert_int_equal(r->failure, FINAL_HALT);
	assert_round_trip(r);
	recipe_destroy(r);
	refuse(HEAD "final-action = shell\n" FS, "line 2: final-action: 'shell' is not reboot,");
}

TEST(schema_comes_first)
{
	refuse("", "'schema' is missing");
	refuse(FS HEAD, "line 1: 'target' stands before 'schema'");
	refuse("level = 3\n" HEAD, "line 1: 'level' stands before 'schema'");
	refuse("schema = lifeboat-recipe-1\n" FS, "line 1: schema: 'lifeboat-recipe-1'");
	refuse(HEAD HEAD FS, "line 2: 'schema' is there a second time");
	refuse(HEAD FS HEAD, "line 5: 'schema' is there a second time");
}

TEST(missing_and_repeated)
{
	refuse(HEAD, "there is no 'target'");
	refuse(HEAD "target = fs\nfstype = ext4\n", "target 1: 'device' is missing");
	refuse(HEAD "target = fs\ndevice = /dev/sda\n", "target 1: 'fstype' is missing");
	refuse(HEAD "target = share\ndevice = x\n", "target 1: 'fstype' is missing");
	refuse(HEAD "target = raw\n", "target 1: 'device' is missing");
	refuse(HEAD "target = raw\n" FS, "line 3: target: target 1: 'device' is missing");
	refuse(HEAD FS "target = raw\n", "target 2: 'device' is missing");
	refuse(HEAD "\n\nlevel = 1\nlevel = 1\n" FS, "line 5: 'level' is there a second time");
	refuse(HEAD FS "fstype = xfs\n", "line 5: 'fstype' is there a second time");
}

/* A target's keys are its own. */
TEST(keys_and_their_places)
{
	refuse(HEAD "device = /dev/sda1\n" FS, "line 2: 'device' stands before the first 'target'");
	refuse(HEAD FS "level = 1\n", "line 5: 'level' stands behind the first 'target'");
	refuse(HEAD "target = raw\ndevice = /dev/a\nfstype = ext4\n",
	       "line 4: a target of the kind raw has no 'fstype'");
	refuse(HEAD "target = raw\ndevice = /dev/a\npath = /x\n",
	       "line 4: a target of the kind raw has no 'path'");
	refuse(HEAD "target = raw\ndevice = /dev/a\nmount-options = x\n", "no 'mount-options'");
	refuse(HEAD FS "size = 3\n", "line 5: a target of the kind fs has no 'size'");
	recipe_destroy(parse(HEAD FS FS "path = /b\n")); /* each may have each of its keys */
}

TEST(how_many_targets)
{
	char text[4096] = HEAD;
	struct recipe *r;

	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++)
		strcat(text, FS);
	r = parse(text);
	assert_int_equal(r->n_targets, RECIPE_MAX_TARGETS);
	assert_round_trip(r);
	recipe_destroy(r);
	strcat(text, FS);
	refuse(text, "line 26: target: more than 8 targets");
}

TEST(malformed_lines)
{
	static const char nul[] = HEAD FS "path = /a\0b\n";

	refuse(HEAD "device\n", "line 2: 'device' is not of the form");
	refuse(HEAD "Level = 3\n", "line 2: unknown key 'Level'");
	refuse(HEAD "= 3\n", "line 2: unknown key ''");
	refuse(HEAD "level =\n", "line 2: 'level' has no value");
	refuse(HEAD "target =\n", "line 2: target: '' is not a kind of target");
	refuse(HEAD "level = 3\r\n", "line 2: control character 0x0d at column 10");
	refuse(HEAD "# \x1b[2J\n", "line 2: control character 0x1b");
	refuse_n(nul, sizeof(nul) - 1, "line 5: control character 0x00 at column 10");
}

TEST(bad_values)
{
	static const char *const bad[][2] = {
		{"target = ftp", "target: 'ftp' is not a kind of target"},
		{"level = 32", "level: 32 is not between 0 and 31"},
		{"level = -1", "level: '-1'"},
		{"level = 18446744073709551617", "level: "},
		{"level = 31,", "level: '' is not a number"},
		{"level = 1, 31", "level: ' 31' is not a number"},
		{"level = 1,31,1", "level: 1 is there twice"},
		{"level = 0,1,2,3,4,5,6,7,8", "level: more than 8 levels"},
		{"compress = lz4", "compress: there is no compression 'lz4'"},
		{"format = ELF", "format: 'ELF' is not kdump or elf"},
		{"threads = 257", "threads: 257 is not between 0 and 256"},
		{"final-action = explode", "final-action: 'explode'"},
		{"failure-action = dump_to_rootfs", "failure-action: 'dump_to_rootfs' is not"},
		{"module = a b", "module: 'a b'"},
		{"module = ../../evil", "module: "},
		{"program = ls", "program: 'ls' is not the absolute path of a program"},
		{"program = /", "program: "},
		{"pre = /bin/../sh", "pre: "},
		{"post = /bin/", "post: "},
		{"console-lines = 10001", "console-lines: "},
		{"pstore = 1", "pstore: '1' is not yes or no"},
		{"watchdog = 3601", "watchdog: "},
		{"keep-count = 1K", "keep-count: '1K' is not a number"},
		{"keep-bytes = 18446744073709551616", "keep-bytes: "},
		{"deadline-device = 0", "deadline-device: 0 is not between 1 and 86400"},
		{"deadline-hook = 0", "deadline-hook: "},
		{"deadline-stall = 0", "deadline-stall: "},
		{"deadline-total = 86401", "deadline-total: "},
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), HEAD "%s\n" FS, bad[i][0]);
		refuse(text, bad[i][1]);
		refuse(text, "line 2");
	}
}

TEST(bad_values_of_targets)
{
	static const char *const bad[][3] = {
		{"fs", "device = sda1\nfstype = x", "target 1: device: 'sda1' is not UUID="},
		{"fs", "device = UUID=\nfstype = x", "device: 'UUID='"},
		{"fs", "device = UUID=/../x\nfstype = x", "device: "},
		{"fs", "device = LABEL=x\nfstype = x", "device: 'LABEL=x'"},
		{"fs", "device = /dev/../etc/passwd\nfstype = x", "device: "},
		{"fs", "device = /dev/\nfstype = x", "device: "},
		{"fs", "fstype = ../ext4", "fstype: "},
		{"fs", "fstype = abcdefghijklmnopqrstuvwxyz1234567", "fstype: "},
		{"fs", "fstype = a b", "fstype: "},
		{"fs", "path = var/crash", "path: 'var/crash'"},
		{"fs", "path = /var/../crash", "path: "},
		{"fs", "path = /var/..", "path: "},
		{"fs", "path = /var//crash", "path: "},
		{"fs", "path = /./crash", "path: "},
		{"fs", "path = /crash /", "path: "}, /* would be read back without the blank */
		{"fs", "log-only = true", "log-only: 'true' is not yes or no"},
		{"raw", "device = UUID=0f", "target 1: device: 'UUID=0f' is not PARTUUID="},
		{"raw", "size = -1", "size: '-1'"},
		{"raw", "size = 9223372036854775808", "size: "},
		{"share", "device = x\nfstype = nfs", "fstype: 'nfs' is not virtiofs or 9p"},
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), HEAD "target = %s\n%s\n", bad[i][0], bad[i][1]);
		refuse(text, bad[i][2]);
	}
}

/* The name of an iSCSI target was a key "target" once, and so began a target of the recipe. */
TEST(layer_behind_a_network)
{
	static const char text[] =
		HEAD "link = eth0\nkind = physical\nmac = 52:54:00:12:34:01\n"
		     "layer = san\nkind = iscsi\nserver = 192.0.2.1\nport = 3260\n"
		     "target-name = iqn.2026-01.org.example:dumps\n"
		     "initiator = iqn.2026-01.org.example:me\nlun = 1\nnetwork = eth0\n"
		     "target = fs\ndevice = UUID=0f2a\nfstype = ext4\nneeds = san\n";
	struct recipe *r = parse(text);

	assert_int_equal(r->n_targets, 1);
	assert_string_equal(r->layers.v[0].target, "iqn.2026-01.org.example:dumps");
	assert_round_trip(r);
	recipe_destroy(r);
}

/* A message shows a URL up to its query: a password in front of the host stood on the console. */
TEST(a_password_in_a_url)
{
	static const char text[] =
		HEAD "link = eth0\nkind = physical\nmac = 52:54:00:12:34:01\n"
		     "target = https\nurl = https://kdump:s3cret@dumps.example.org/in/\n";
	struct recipe *r = NULL;
	struct err err;

	refuse(text, "no name and password");
	assert_int_equal(parse_n(text, strlen(text), &r, &err), ERR_USAGE);
	assert_null(strstr(err.msg, "s3cret"));
}

/* A value of any length ends in a message that was cut, not in one that fills the buffer. */
TEST(long_values)
{
	static const char *const keys[] = {
		"schema",       "target",         "level",           "compress", "format",
		"threads",      "final-action",   "failure-action",  "module",   "program",
		"pre",          "post",           "console-lines",   "pstore",   "watchdog",
		"keep-count",   "keep-age",       "keep-bytes",      "strange",  "keep-free",
		"deadline-log", "deadline-total", "deadline-device",
	};
	static const char *const of_targets[] = {"device", "fstype", "path", "log-only"};
	char text[4096 + 64], filler[4096];
	struct recipe *r = NULL;
	struct err err;

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys) + ARRAY_SIZE(of_targets); i++) {
		bool of_target = i >= ARRAY_SIZE(keys);

		snprintf(text, sizeof(text), HEAD "%s%s = /%s\n", of_target ? "target = fs\n" : "",
			 of_target ? of_targets[i - ARRAY_SIZE(keys)] : keys[i], filler);
		assert_int_equal(parse_n(text, strlen(text), &r, &err), ERR_USAGE);
		if (strlen(err.msg) >= 300 || !strstr(err.msg, "line "))
			fail_msg("%s", err.msg);
	}
}

TEST(size_limit)
{
	char *text = malloc(RECIPE_MAX_SIZE + 1);
	size_t used = strlen(HEAD FS "#");
	struct recipe *r = NULL;

	memcpy(text, HEAD FS "#", used);
	memset(text + used, 'x', RECIPE_MAX_SIZE + 1 - used);
	assert_ok(parse_n(text, RECIPE_MAX_SIZE, &r, err));
	recipe_destroy(r);
	assert_fails(parse_n(text, RECIPE_MAX_SIZE + 1, &r, err), ERR_USAGE, "262145 bytes");
	free(text);
	recipe_destroy(NULL);
}

/* ---- recipes made by a program */

static struct recipe *made(void)
{
	struct recipe_target *t = NULL;
	struct recipe *r = NULL;

	assert_ok(recipe_create_default(&r, err));
	assert_ok(recipe_add_target(r, TARGET_FS, &t, err));
	free(t->device);
	t->device = strdup("UUID=0f");
	free(t->fstype);
	t->fstype = strdup("ext4");
	return r;
}

/* final and failure are two members: one of them changed is not the other one changed. */
TEST(made_by_hand)
{
	struct recipe *r = made();
	struct recipe_target *t = NULL;

	r->final = FINAL_HALT;
	assert_ok(recipe_add_string(&r->modules, "virtio_blk", err));
	assert_ok(recipe_add_target(r, TARGET_RAW, &t, err));
	free(t->device);
	t->device = strdup("/dev/sdb1");
	t->log_only = true;
	assert_round_trip(r);
	assert_int_equal(r->failure, FINAL_REBOOT);
	recipe_destroy(r);
}

TEST(set)
{
	struct recipe *r = made();

	assert_ok(recipe_set(r, "level", "1,17", err));
	assert_ok(recipe_set(r, "deadline-hook", "7", err));
	assert_ok(recipe_set(r, "pre", "/bin/a", err));
	assert_ok(recipe_set(r, "pre", "/bin/b", err));
	assert_int_equal(r->n_levels, 2);
	assert_int_equal(r->levels[1], 17);
	assert_int_equal(r->deadline_hook, 7);
	assert_string_equal(r->pre[1], "/bin/b");
	assert_fails(recipe_set(r, "level", "3,32", err), ERR_USAGE, "32 is not between");
	assert_int_equal(r->levels[0], 1); /* as it was */
	assert_fails(recipe_set(r, "module", "a\nmodule = b", err), ERR_USAGE, "control character");
	assert_fails(recipe_set(r, "module", "", err), ERR_USAGE, "'' is no value");
	assert_fails(recipe_set(r, "program", "/bin/a ", err), ERR_USAGE, "blanks at an end");
	assert_fails(recipe_set(r, "device", "/dev/a", err), ERR_USAGE, "no key 'device'");
	assert_fails(recipe_set(r, "schema", RECIPE_SCHEMA, err), ERR_USAGE, "no key 'schema'");
	assert_round_trip(r);
	recipe_destroy(r);
}

static void refuse_to_format(struct recipe *r, const char *part)
{
	char *text = NULL;
	size_t len;

	assert_fails(recipe_format(r, &text, &len, err), ERR_USAGE, part);
	assert_null(text);
	recipe_destroy(r);
}

/* A newline in a value once made another recipe, with modules and programs that nobody had asked for. */
TEST(not_formatted)
{
	struct recipe *r = made();

	assert_ok(recipe_add_string(&r->modules, "a\nmodule = b", err));
	refuse_to_format(r, "the recipe: module: control character 0x0a at column 2");
	r = made();
	assert_ok(recipe_add_string(&r->post, " /bin/a", err));
	refuse_to_format(r, "the recipe: post: ' /bin/a' has blanks at an end");
	r = made();
	assert_ok(recipe_add_string(&r->post, "", err));
	refuse_to_format(r, "the recipe: line ");
	r = made();
	free(r->targets[0].mount_options);
	r->targets[0].mount_options = strdup("ro\nlog-only = yes");
	refuse_to_format(r, "the recipe: target: control character 0x0a");
	r = made();
	free(r->targets[0].device);
	r->targets[0].device = strdup("sda");
	refuse_to_format(r, "the recipe: target 1: device: 'sda'");
	assert_ok(recipe_create_default(&r, err));
	refuse_to_format(r, "there is no 'target'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_key_read),
		cmocka_unit_test(every_kind_of_target),
		cmocka_unit_test(failure_action),
		cmocka_unit_test(schema_comes_first),
		cmocka_unit_test(missing_and_repeated),
		cmocka_unit_test(keys_and_their_places),
		cmocka_unit_test(how_many_targets),
		cmocka_unit_test(malformed_lines),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(bad_values_of_targets),
		cmocka_unit_test(layer_behind_a_network),
		cmocka_unit_test(a_password_in_a_url),
		cmocka_unit_test(long_values),
		cmocka_unit_test(size_limit),
		cmocka_unit_test(made_by_hand),
		cmocka_unit_test(set),
		cmocka_unit_test(not_formatted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
