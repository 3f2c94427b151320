// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>

#include "base/io.h"
#include "config/collector.h"
#include "config/config.h"
#include "tests/unit/unit.h"

static int parse_n(const char *text, size_t len, struct config **ret, struct err *err)
{
	return config_create((struct bytes){(const uint8_t *)text, len}, "F", ret, err);
}

static struct config *parse(const char *text)
{
	struct config *c = NULL;

	assert_ok(parse_n(text, strlen(text), &c, err));
	return c;
}

static void refuse_n(const char *text, size_t len, int code, const char *message)
{
	struct config *untouched = (struct config *)&untouched, *c = untouched;
	struct err err = {0};

	if (parse_n(text, len, &c, &err) != code || err.code != code)
		fail_msg("'%s' gave %d: %s", text, err.code, err.msg);
	assert_ptr_equal(c, untouched);
	if (strncmp(err.msg, message, strlen(message)) != 0)
		fail_msg("'%s' does not begin with '%s'", err.msg, message);
}

static void refuse(const char *text, const char *message)
{
	refuse_n(text, strlen(text), ERR_USAGE, message);
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* What an empty file says: nothing, so that the resolver takes what kdump would. */
TEST(nothing_said)
{
	struct config *c = parse("");

	assert_string_equal(c->name, "F");
	assert_int_equal(c->n_targets, 0);
	assert_null(c->path);
	assert_false(c->rootfs_last);
	assert_false(c->failure_said);
	assert_int_equal(c->base->n_levels, 1);
	assert_int_equal(c->base->levels[0], 31);
	assert_int_equal(c->base->codec, CODEC_LZO);
	assert_false(c->base->elf);
	assert_int_equal(c->base->failure, FINAL_REBOOT);
	assert_int_equal(c->capture_cpus, 0);
	assert_null(c->capture_kernel);
	assert_int_equal(c->n_sysctls, 0);
	assert_null(c->cmdline_append);
	assert_null(c->cmdline_remove[0]);
	assert_false(c->force_rebuild);
	assert_false(c->force_no_rebuild);
	assert_true(c->auto_reset_crashkernel);
	assert_null(c->notes[0]);
	config_destroy(c);
	config_destroy(NULL);
}

/* The settings that RHEL and Fedora ship. */
TEST(shipped)
{
	struct config *c = parse("# comment\n#ext4 LABEL=/boot\n\nauto_reset_crashkernel yes\n"
				 "path /var/crash\n"
				 "core_collector makedumpfile -l --message-level 7 -d 31\n");

	assert_int_equal(c->n_targets, 0);
	assert_string_equal(c->path, "/var/crash");
	assert_int_equal(c->base->codec, CODEC_LZO);
	assert_int_equal(c->base->levels[0], 31);
	assert_true(c->auto_reset_crashkernel);
	assert_string_equal(c->notes[0],
			    "F: line 6: core_collector: without effect here: --message-level");
	assert_null(c->notes[1]);
	config_destroy(c);
}

TEST(every_key)
{
	struct config *c = parse("compress zstd\n"
				 "core_collector makedumpfile -c -d 1,31 --num-threads 4\n"
				 "threads 2\n"
				 "kdump_pre /bin/pre\n"
				 "kdump_post /bin/post\n"
				 "kdump_post /bin/post2\n"
				 "extra_bins /bin/a \"/bin/b c\"\n"
				 "extra_bins /bin/d\n"
				 "extra_modules zzz pci:v00001AF4*\n"
				 "failure_action shell\n"
				 "final_action poweroff\n"
				 "force_rebuild 1\n"
				 "force_no_rebuild no\n"
				 "auto_reset_crashkernel 0\n"
				 "keep_count 5\n"
				 "keep_age 30d\n"
				 "keep_bytes 10G\n"
				 "keep_free 0\n"
				 "deadline_device 1\n"
				 "deadline_mount 2s\n"
				 "deadline_log 3m\n"
				 "deadline_dump 4h\n"
				 "deadline_stall 7\n"
				 "deadline_hook 1d\n"
				 "deadline_total 6\n"
				 "watchdog off\n"
				 "pstore no\n"
				 "console_lines 7\n"
				 "capture_cpus 8\n"
				 "cmdline_append console=ttyS0 a=\"b c\"\n"
				 "cmdline_append x\n"
				 "cmdline_remove cma quiet\n"
				 "cmdline_remove root\n");
	const struct recipe *r = c->base;

	assert_int_equal(r->codec, CODEC_ZSTD);
	assert_int_equal(r->n_levels, 2);
	assert_int_equal(r->levels[0], 1);
	assert_int_equal(r->levels[1], 31);
	assert_int_equal(r->threads, 2);
	assert_string_equal(r->pre[0], "/bin/pre");
	assert_string_equal(r->post[0], "/bin/post");
	assert_string_equal(r->post[1], "/bin/post2");
	assert_int_equal(count(r->programs), 3);
	assert_string_equal(r->programs[1], "/bin/b c");
	assert_string_equal(r->programs[2], "/bin/d");
	assert_int_equal(count(r->modules), 2);
	assert_string_equal(r->modules[1], "pci:v00001AF4*");
	assert_int_equal(r->failure, FINAL_SHELL);
	assert_int_equal(r->final, FINAL_POWEROFF);
	assert_true(c->failure_said);
	assert_true(c->force_rebuild);
	assert_false(c->force_no_rebuild);
	assert_false(c->auto_reset_crashkernel);
	assert_int_equal(r->keep.count, 5);
	assert_int_equal(r->keep.age, 30 * 86400);
	assert_true(r->keep.bytes == 10ULL << 30);
	assert_int_equal(r->keep.free, 0);
	assert_int_equal(r->deadline_device, 1);
	assert_int_equal(r->deadline_mount, 2);
	assert_int_equal(r->deadline_log, 180);
	assert_int_equal(r->deadline_dump, 14400);
	assert_int_equal(r->deadline_stall, 7);
	assert_int_equal(r->deadline_hook, 86400);
	assert_int_equal(r->deadline_total, 6);
	assert_int_equal(r->watchdog, 0);
	assert_false(r->pstore);
	assert_int_equal(r->console_lines, 7);
	assert_int_equal(c->capture_cpus, 8);
	assert_string_equal(c->cmdline_append, "console=ttyS0 a=\"b c\" x");
	assert_int_equal(count(c->cmdline_remove), 3);
	assert_string_equal(c->cmdline_remove[2], "root");
	config_destroy(c);
}

/* Each with the path that it is written to, in the order of the lines. */
TEST(sysctls)
{
	static const struct config_sysctl want[] = {
		{"vm/panic_on_oom", 2},
		{"kernel/panic", -1},
		{"kernel/panic_on_oops", 1},
		{"kernel/panic_on_warn", 0},
		{"kernel/panic_on_rcu_stall", 1},
		{"kernel/unknown_nmi_panic", 0},
		{"kernel/panic_on_unrecovered_nmi", 1},
		{"kernel/panic_on_io_nmi", 0},
		{"kernel/hung_task_panic", 1},
		{"kernel/softlockup_panic", 0},
		{"kernel/hardlockup_panic", 1},
	};
	struct config *c = parse("panic_on_oom 2\npanic -1\npanic_on_oops 1\npanic_on_warn 0\n"
				 "panic_on_rcu_stall yes\nunknown_nmi_panic no\n"
				 "panic_on_unrecovered_nmi 1\npanic_on_io_nmi 0\n"
				 "hung_task_panic 1\nsoftlockup_panic 0\nhardlockup_panic \"1\"\n");

	assert_int_equal(c->n_sysctls, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_string_equal(c->sysctls[i].path, want[i].path);
		assert_int_equal(c->sysctls[i].value, want[i].value);
	}
	config_destroy(c);
	c = parse("panic 2147483647\n");
	assert_int_equal(c->sysctls[0].value, INT_MAX);
	config_destroy(c);
	refuse("panic_on_oops 1\npanic_on_oops 0",
	       "F: line 2: 'panic_on_oops' is there already, in line 1");
	refuse("panic_on_oops 2", "F: line 1: panic_on_oops: '2' is not yes or no (or 1 or 0)");
	refuse("panic_on_oom 3", "F: line 1: panic_on_oom: 3 is not between 0 and 2");
	refuse("panic_on_oom -1", "F: line 1: panic_on_oom: ");
	refuse("panic -2", "F: line 1: panic: 2 is not between 0 and 1");
	refuse("panic -", "F: line 1: panic: ");
	refuse("panic 2147483648", "F: line 1: panic: 2147483648 is not between 0 and 2147483647");
	refuse("panic 1m", "F: line 1: panic: ");
}

static void assert_capture_kernel(const char *value, const char *want)
{
	struct config *c;
	char line[128];

	snprintf(line, sizeof(line), "capture_kernel %s", value);
	c = parse(line);
	assert_string_equal(c->capture_kernel, want);
	config_destroy(c);
}

TEST(capture_kernels)
{
	assert_capture_kernel("6.1.0-18-amd64", "6.1.0-18-amd64");
	assert_capture_kernel("6.8.5-301.fc40.x86_64+debug", "6.8.5-301.fc40.x86_64+debug");
	assert_capture_kernel("6.9~rc1-1", "6.9~rc1-1");
	assert_capture_kernel("//boot/vmlinuz", "/boot/vmlinuz");
	refuse("capture_kernel /", "F: line 1: capture_kernel: '/' is not the path of a kernel");
	refuse("capture_kernel /boot/../a", "F: line 1: capture_kernel: '.' and '..'");
	/* none of them is the name of a folder in /lib/modules */
	refuse("capture_kernel ..", "F: line 1: capture_kernel: '..' is not a kernel's version");
	refuse("capture_kernel a/b", "F: line 1: capture_kernel: 'a/b' is not");
	refuse("capture_kernel -p", "F: line 1: capture_kernel: '-p' is not");
	refuse("capture_kernel a b", "F: line 1: capture_kernel: 'a b' is not");
	refuse("capture_kernel 12345678901234567890123456789012345678901234567890123456789012345",
	       "F: line 1: capture_kernel: ");
}

TEST(what_wins)
{
	/* the keys of our own, wherever they stand */
	struct config *c = parse("threads 2\ncompress zstd\n"
				 "core_collector makedumpfile -c --num-threads 4 -d 1\n"
				 "final_action halt\n");

	assert_int_equal(c->base->codec, CODEC_ZSTD);
	assert_int_equal(c->base->threads, 2);
	/* not said: as the final one */
	assert_int_equal(c->base->failure, FINAL_HALT);
	config_destroy(c);
}

/* ---- lines */

TEST(lines)
{
	struct config *c = parse("  \t \n"
				 "\tpath\t\t /a b \t# why\r\n"
				 "   # indented\n"
				 "#\x1b[2J \x01 anything\n"
				 "pstore no\r\n"
				 "\r\n"
				 "kdump_pre \"/bin/x\"\n"
				 "final_action halt"); /* no newline at the end */
	assert_string_equal(c->path, "/a b");
	assert_false(c->base->pstore);
	assert_string_equal(c->base->pre[0], "/bin/x");
	assert_int_equal(c->base->final, FINAL_HALT);
	assert_null(c->notes[0]);
	config_destroy(c);
}

/* kdump cuts at every '#', but nobody has to guess that. */
TEST(comments_without_a_blank)
{
	struct config *c = parse("path /crash#2\n");

	assert_string_equal(c->path, "/crash");
	assert_string_equal(c->notes[0],
			    "F: line 1: what begins with '#' in column 12 is taken for a comment");
	config_destroy(c);
}

TEST(malformed_lines)
{
	static const char nul[] = "pstore y\0s\n";

	refuse("\npaht /x\n", "F: line 2: there is no key 'paht'; lifeboat.conf(5)");
	refuse("Path /x\n", "F: line 1: there is no key 'Path'");
	refuse("path=/x\n", "F: line 1: 'path': a blank parts a key and its value");
	refuse("path\n", "F: line 1: 'path' has no value");
	refuse("path \t #/x\n", "F: line 1: 'path' has no value");
	refuse("path \"\"\n", "F: line 1: 'path' has no value");
	refuse("path \" \"\n", "F: line 1: 'path' has no value");
	refuse("\n\npath /\x1b[2J\n", "F: line 3: control character 0x1b at column 7");
	refuse("path /a\rb\n", "F: line 1: control character 0x0d at column 8");
	refuse("pa\x7fth /a\n", "F: line 1: control character 0x7f at column 3");
	refuse_n(nul, sizeof(nul) - 1, ERR_USAGE, "F: line 1: control character 0x00 at column 9");
	refuse("pstore no\n\npstore no\n", "F: line 3: 'pstore' is there already, in line 1");
}

TEST(size_limit)
{
	char *text = malloc(CONFIG_MAX_SIZE + 1);
	struct config *c = NULL;

	memset(text, '#', CONFIG_MAX_SIZE + 1);
	assert_ok(parse_n(text, CONFIG_MAX_SIZE, &c, err));
	config_destroy(c);
	refuse_n(text, CONFIG_MAX_SIZE + 1, ERR_USAGE, "F: 65537 bytes; a configuration has at");
	free(text);
}

/* A value of any length ends in a message that was cut, not in one that fills the buffer. */
TEST(long_values)
{
	static const char *const keys[] = {
		"ext4 /dev",
		"raw UUID=",
		"virtiofs",
		"log_only",
		"log_only ext4",
		"strange",
		"path ",
		"core_collector",
		"compress",
		"threads",
		"kdump_pre",
		"extra_bins",
		"extra_modules",
		"final_action",
		"failure_action",
		"default",
		"force_rebuild",
		"keep_count",
		"keep_age",
		"keep_bytes",
		"deadline_dump",
		"watchdog",
		"pstore",
		"console_lines",
		"capture_cpus",
		"dracut_args --mount",
		"core_collector cp",
		"core_collector makedumpfile",
		"core_collector makedumpfile --",
		"core_collector makedumpfile -d",
		"core_collector makedumpfile --compress",
	};
	char text[4096 + 64], filler[4096];
	struct config *c = NULL;
	struct err err;

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(text, sizeof(text), "%s %s\n", keys[i], filler);
		assert_int_equal(parse_n(text, strlen(text), &c, &err), ERR_USAGE);
		if (strlen(err.msg) >= 400 || strncmp(err.msg, "F: line 1: ", 11) != 0)
			fail_msg("%s: %s", keys[i], err.msg);
	}
	/* a key that is a whole line */
	assert_int_equal(parse_n(filler, sizeof(filler) - 1, &c, &err), ERR_USAGE);
	assert_true(strlen(err.msg) < 400);
}

TEST(bad_values)
{
	static const char *const bad[][2] = {
		{"compress lz4", "compress: there is no compression 'lz4'"},
		{"threads 257", "threads: 257 is not between 0 and 256"},
		{"threads two", "threads: 'two' is not a number"},
		{"kdump_pre pre", "kdump_pre: 'pre' is not the absolute path of a program"},
		{"kdump_post /bin/a -x", "kdump_post: '/bin/a -x' is not a program alone"},
		{"extra_bins lftp", "extra_bins: 'lftp' is not the absolute path"},
		{"extra_bins /a \"/b", "extra_bins: a quote (\") is never closed"},
		{"extra_modules ../x", "extra_modules: '../x' is not the name"},
		{"failure_action restart", "failure_action: 'restart' is not reboot, halt,"},
		{"default restart", "default: 'restart' is not reboot"},
		{"final_action shell", "final_action: 'shell' is not reboot"},
		{"final_action dump_to_rootfs", "final_action: 'dump_to_rootfs' is not"},
		{"force_rebuild true", "force_rebuild: 'true' is not yes or no"},
		{"force_no_rebuild 2", "force_no_rebuild: '2' is not yes or no"},
		{"auto_reset_crashkernel on", "auto_reset_crashkernel: 'on' is not"},
		{"keep_count -1", "keep_count: '-1' is not a number"},
		{"keep_age 5w", "keep_age: '5w' is not a time"},
		{"keep_age 0x10", "keep_age: '0x10' is not a time"},
		{"keep_age d", "keep_age: 'd' is not a time"},
		{"keep_age 5 d", "keep_age: '5 d' is not a time"},
		{"keep_age 18446744073709551615d", "keep_age: '18446744073709551615d' is not a "
						   "possible time"},
		{"keep_bytes 5g", "keep_bytes: '5g' is not a size"},
		{"keep_bytes 99999999999T", "keep_bytes: '99999999999T' is no possible size"},
		{"keep_free 5%", "keep_free: '5%' is not a size"},
		{"deadline_device 0", "deadline_device: 0: 0 is not between 1 and 86400"},
		{"deadline_total 2d", "deadline_total: 2d: 172800 is not between 1 and 86400"},
		{"watchdog 2h", "watchdog: 2h: 7200 is not between 0 and 3600"},
		{"watchdog no", "watchdog: 'no' is not a time"},
		{"pstore maybe", "pstore: 'maybe' is not yes or no"},
		{"console_lines 10001", "console_lines: 10001 is not between"},
		{"capture_cpus 0", "capture_cpus: 0 is not between 1 and 4096"},
		{"extra_modules a ''", "extra_modules: '' is no value"},
		{"cmdline_remove a ''", "cmdline_remove: '' is no word"},
		{"cmdline_remove 'a", "cmdline_remove: a quote (') is never closed"},
		{"cmdline_append a=\"b", "cmdline_append: a quote (\") is never closed"},
		{"mount_options ro", "mount_options: it stands before the first target"},
		{"path /a/../b", "path: '.' and '..' cannot be parts"},
		{"path .", "path: '.' and '..' cannot be parts"},
		{"path /a /", "path: a path cannot end with a blank"},
	};
	char text[256], want[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "# one\n%s\n", bad[i][0]);
		snprintf(want, sizeof(want), "F: line 2: %s", bad[i][1]);
		refuse(text, want);
	}
	refuse("force_rebuild 1\nforce_no_rebuild yes\n",
	       "F: line 1: force_rebuild and force_no_rebuild (line 2)");
	refuse("compress zstd\ncore_collector cp\n",
	       "F: line 1: compress: core_collector (line 2) writes ELF");
	config_destroy(parse("compress raw\ncore_collector cp\n"));
}

/* Known, but there is nothing behind them: by name, with what to do instead. */
TEST(refused)
{
	static const char *const refused[] = {
		"fence_kdump_args", "fence_kdump_nodes",   "kdump_emergency", "net",
		"options",          "link_delay",          "disk_timeout",    "debug_mem_level",
		"blacklist",        "override_resettable",
	};
	char text[64], want[64];

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		snprintf(want, sizeof(want), "F: line 1: %s: not supported: ", refused[i]);
		snprintf(text, sizeof(text), "%s something\n", refused[i]);
		refuse_n(text, strlen(text), ERR_UNSUPPORTED, want);
		snprintf(text, sizeof(text), "%s\n", refused[i]);
		refuse_n(text, strlen(text), ERR_UNSUPPORTED, want);
	}
	refuse_n("log_only net a:/b\n", 18, ERR_UNSUPPORTED,
		 "F: line 1: log_only: net: not supported: ");
}

TEST(failure_actions)
{
	struct config *c = parse("failure_action dump_to_rootfs\nfinal_action halt\n");

	assert_true(c->rootfs_last);
	assert_false(c->failure_said);
	assert_int_equal(c->base->failure, FINAL_HALT);
	config_destroy(c);
	c = parse("default poweroff\n");
	assert_true(c->failure_said);
	assert_int_equal(c->base->failure, FINAL_POWEROFF);
	assert_string_equal(c->notes[0], "F: line 1: default: the old name of failure_action, "
					 "which it is taken for");
	config_destroy(c);
	refuse("default halt\nfailure_action halt\n",
	       "F: line 2: 'failure_action' is there already, in line 1");
	refuse("failure_action halt\ndefault halt\n",
	       "F: line 2: 'failure_action' is there already, in line 1");
}

/* ---- targets */

TEST(targets)
{
	static const char *const fs[] = {"ext2", "ext3",  "ext4", "xfs", "btrfs",
					 "vfat", "exfat", "f2fs", "jfs", "minix"};
	struct config *c;
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(fs); i++) {
		snprintf(text, sizeof(text), "%s /dev/vg/lv\n", fs[i]);
		c = parse(text);
		assert_int_equal(c->n_targets, 1);
		assert_int_equal(c->targets[0].kind, TARGET_FS);
		assert_string_equal(c->targets[0].fstype, fs[i]);
		assert_string_equal(c->targets[0].device, "/dev/vg/lv");
		assert_null(c->targets[0].path);
		assert_null(c->targets[0].mount_options);
		assert_false(c->targets[0].log_only);
		assert_int_equal(c->targets[0].line, 1);
		config_destroy(c);
	}
	c = parse("ext4 UUID=\"0f-1\"\nxfs LABEL=my disk\nraw PARTLABEL=p q\nvirtiofs tag\n"
		  "9p tag2\nraw PARTUUID=3-4\nlog_only vfat PARTUUID=1-2\n");
	assert_int_equal(c->n_targets, 7);
	assert_string_equal(c->targets[0].device, "UUID=0f-1");
	assert_string_equal(c->targets[1].device, "LABEL=my disk");
	assert_string_equal(c->targets[2].device, "PARTLABEL=p q");
	assert_int_equal(c->targets[2].kind, TARGET_RAW);
	assert_string_equal(c->targets[2].fstype, "");
	assert_int_equal(c->targets[3].kind, TARGET_SHARE);
	assert_string_equal(c->targets[3].fstype, "virtiofs");
	assert_string_equal(c->targets[4].fstype, "9p");
	assert_string_equal(c->targets[4].device, "tag2");
	assert_false(c->targets[5].log_only);
	assert_true(c->targets[6].log_only);
	assert_string_equal(c->targets[6].fstype, "vfat");
	assert_int_equal(c->targets[6].line, 7);
	config_destroy(c);
}

TEST(bad_targets)
{
	static const char *const bad[][2] = {
		{"ext4 sda1", "ext4: 'sda1' is not a device"},
		{"ext4 /dev/", "ext4: '/dev/' is not a device"},
		{"ext4 /dev/sda1 /mnt", "ext4: '/dev/sda1 /mnt' is not a device"},
		{"ext4 /dev/../etc/passwd", "ext4: '.' and '..' cannot be"},
		{"ext4 /mnt", "ext4: '/mnt' is not a device"},
		{"ext4 UUID=", "ext4: 'UUID=' is not a device"},
		{"ext4 UUID=a b", "ext4: 'UUID=a b' is not a device"},
		{"xfs \"\"", "'xfs' has no value"},
		{"xfs UUID=\"\"", "xfs: 'UUID=' is not a device"},
		{"raw UUID=12", "raw: 'UUID=12' is not a partition"},
		{"raw LABEL=x", "raw: 'LABEL=x' is not a partition"},
		{"virtiofs a b", "virtiofs: 'a b' is not the tag"},
		{"log_only ext4", "log_only: ext4: '' is not a device"},
		{"log_only /dev/sda1", "log_only: '/dev/sda1' is not a kind of target"},
		{"log_only path /a", "log_only: 'path' is not a kind of target"},
		{"log_only log_only ext4 /dev/a", "log_only: 'log_only' is not a kind"},
	};
	char text[256], want[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "\n%s\n", bad[i][0]);
		snprintf(want, sizeof(want), "F: line 2: %s", bad[i][1]);
		refuse(text, want);
	}
	refuse("ext4 /dev/sda1\n\next4 /dev/sda1\n",
	       "F: line 3: ext4: '/dev/sda1' is a target already, in line 1");
	refuse("ext4 /dev/sda1\nraw /dev/sda1\n",
	       "F: line 2: raw: '/dev/sda1' is a target already, in line 1");
	refuse("virtiofs a\n9p a\n", "F: line 2: 9p: 'a' is a target already, in line 1");
}

TEST(how_many_targets)
{
	char text[256] = "";

	for (int i = 0; i < RECIPE_MAX_TARGETS; i++)
		sprintf(text + strlen(text), "ext4 /dev/sda%d\n", i);
	config_destroy(parse(text));
	strcat(text, "raw /dev/b\n");
	refuse(text, "F: line 9: raw: more than 8 targets");
	strcpy(strstr(text, "raw"), "default dump_to_rootfs\n");
	refuse(text, "F: more than 8 targets, with that of dump_to_rootfs");
}

/* "path = /var/crash" was the folder "/= /var/crash", with a note. */
TEST(equals_signs)
{
	refuse("path = /var/crash\n", "F: line 1: 'path': a blank parts a key and its value");
	refuse("\next4 =/dev/a\n", "F: line 2: 'ext4': a blank parts a key and its value");
	refuse("KDUMP_SAVEDIR=\"file:///var/crash\"\n",
	       "F: line 1: 'KDUMP_SAVEDIR': a blank parts");
}

/* A longer deadline_dump alone was cut off by the default of deadline_total. */
TEST(the_whole_time_is_longer_than_a_dump)
{
	struct config *c = parse("deadline_dump 2h\n");

	assert_int_equal(c->base->deadline_total, 7600);
	assert_null(c->notes[0]);
	config_destroy(c);
	c = parse("deadline_dump 1d\n");
	assert_int_equal(c->base->deadline_total, 86400);
	config_destroy(c);
	c = parse("deadline_dump 10\n");
	assert_int_equal(c->base->deadline_total, 4000);
	config_destroy(c);
	c = parse("deadline_dump 10\ndeadline_total 5\n");
	assert_int_equal(c->base->deadline_total, 5);
	assert_string_equal(c->notes[0],
			    "F: line 2: deadline_total: all is over after 5 s, so a dump has "
			    "less than the 10 s of its own deadline_dump");
	config_destroy(c);
}

TEST(paths)
{
	struct config *c = parse("path //var///crash//\next4 /dev/a\n");

	assert_string_equal(c->path, "/var/crash");
	assert_null(c->targets[0].path);
	config_destroy(c);

	/* with one target, as in kdump's file, the order does not matter */
	c = parse("ext4 /dev/a\npath /var/crash\n");
	assert_string_equal(c->path, "/var/crash");
	assert_null(c->targets[0].path);
	config_destroy(c);

	c = parse("path /all\nraw /dev/c\next4 /dev/a\npath /\nxfs /dev/b\nbtrfs /dev/d\npath d\n");
	assert_string_equal(c->path, "/all");
	assert_string_equal(c->targets[1].path, "");
	assert_null(c->targets[2].path);
	assert_string_equal(c->targets[3].path, "/d");
	assert_string_equal(c->notes[0], "F: line 7: path: taken as /d");
	assert_null(c->notes[1]);
	config_destroy(c);

	refuse("path /a\npath /b\n", "F: line 2: path: it is there a second time");
	refuse("path /a\next4 /dev/a\npath /b\n", "F: line 3: path: it is there a second time");
	refuse("ext4 /dev/a\npath /b\npath /b\n", "F: line 3: path: this target has one already");
}

/* Ignored by kdump, too; but where there are several, the path was meant for another one. */
TEST(paths_of_raw_targets)
{
	struct config *c = parse("raw /dev/a\npath /var/crash\n");

	assert_string_equal(c->notes[0], "F: line 2: path: a raw target has no folders; it is "
					 "where `lifeboat collect` puts its crashes");
	config_destroy(c);
	c = parse("raw /dev/a\npath /var/crash\nfailure_action dump_to_rootfs\n");
	assert_null(c->notes[0]); /* it is the root file system's */
	assert_string_equal(c->path, "/var/crash");
	config_destroy(c);
	refuse("raw /dev/a\npath /x\next4 /dev/b\n",
	       "F: line 2: path: the target above it is raw and has no folders");
}

TEST(mount_options)
{
	struct config *c = parse("ext4 /dev/a\nmount_options data=ordered,ro\n"
				 "virtiofs a\nmount_options \"\"\nxfs /dev/b\n");

	assert_string_equal(c->targets[0].mount_options, "data=ordered,ro");
	assert_string_equal(c->targets[1].mount_options, "");
	assert_null(c->targets[2].mount_options);
	config_destroy(c);
	refuse("raw /dev/a\nmount_options ro\n",
	       "F: line 2: mount_options: a target of the kind raw is not mounted");
	refuse("xfs /dev/a\nmount_options ro\nmount_options rw\n",
	       "F: line 3: mount_options: this target has them already");
	refuse("xfs /dev/a\nmount_options ro, rw\n", "F: line 2: mount_options: 'ro, rw' is not");
}

TEST(only_logs)
{
	struct config *c = parse("pstore no\nlog_only ext4 /dev/a\n");

	assert_string_equal(c->notes[0],
			    "F: line 2: every target is log_only: no dump will be written");
	config_destroy(c);
	c = parse("log_only ext4 /dev/a\nfailure_action dump_to_rootfs\n");
	assert_null(c->notes[0]);
	config_destroy(c);
}

TEST(dracut_args)
{
	struct config *c = parse("dracut_args --mount \"/dev/sda1 /mnt xfs noatime,ro 0 0\"\n");

	assert_int_equal(c->n_targets, 1);
	assert_string_equal(c->targets[0].device, "/dev/sda1");
	assert_string_equal(c->targets[0].fstype, "xfs");
	assert_string_equal(c->targets[0].mount_options, "noatime,ro");
	assert_null(c->notes[0]);
	config_destroy(c);
	c = parse("dracut_args --add-drivers \"ext2 ext3\" --mount='tag /mnt virtiofs defaults' "
		  "-v\n");
	assert_int_equal(c->targets[0].kind, TARGET_SHARE);
	assert_string_equal(c->targets[0].device, "tag");
	assert_null(c->targets[0].mount_options);
	assert_string_equal(c->notes[0], "F: line 1: dracut_args: there is no dracut here, so they "
					 "are without effect, but for --mount");
	config_destroy(c);
	c = parse("dracut_args --omit-drivers \"cfg80211 snd\"\n");
	assert_int_equal(c->n_targets, 0);
	assert_int_equal(count(c->notes), 1);
	config_destroy(c);
	refuse("dracut_args --mount\n", "F: line 1: dracut_args: --mount has no value");
	refuse("dracut_args --mount /dev/sda1\n",
	       "F: line 1: dracut_args: --mount: '/dev/sda1' is");
	refuse("dracut_args --mount \"/dev/sda1 /mnt nilfs\"\n",
	       "F: line 1: dracut_args: --mount: 'nilfs' is not a kind of target");
	refuse("dracut_args --mount=\"/dev/a /m xfs\" --mount \"/dev/b /m xfs\"\n",
	       "F: line 1: dracut_args: more than one --mount");
	refuse("dracut_args -a \"b\n", "F: line 1: dracut_args: a quote (\") is never closed");
	refuse("dracut_args --mount \"u@h /mnt ssh\"\n",
	       "F: line 1: dracut_args: --mount: ssh is no file system");
	c = parse("dracut_args --mount=\"a:/b /m nfs4 soft\"\n");
	assert_int_equal(c->targets[0].kind, TARGET_NFS);
	assert_string_equal(c->targets[0].fstype, "nfs4");
	assert_string_equal(c->targets[0].mount_options, "soft");
	config_destroy(c);
}

/* ---- targets beyond this machine */

TEST(remote_targets)
{
	struct config *c = parse("nfs nas.example.com:/srv//crash/\nmount_options vers=3\n"
				 "nfs4 [2001:db8::7]:/\nssh kdump@dumps\npath /in\n"
				 "sftp up@192.0.2.9\nhttps https://u.example.com:8443/in?sig=a&x\n"
				 "s3 s3://dumps/all//here/\nlog_only ssh b@c\n");
	const struct config_target *t = c->targets;

	assert_int_equal(c->n_targets, 7);
	assert_int_equal(t[0].kind, TARGET_NFS);
	assert_string_equal(t[0].host, "nas.example.com");
	assert_string_equal(t[0].export, "/srv/crash");
	assert_string_equal(t[0].mount_options, "vers=3");
	assert_string_equal(t[1].host, "2001:db8::7");
	assert_string_equal(t[1].export, "/");
	assert_int_equal(t[2].kind, TARGET_SSH);
	assert_string_equal(t[2].user, "kdump");
	assert_string_equal(t[2].path, "/in");
	assert_int_equal(t[3].kind, TARGET_SFTP);
	assert_string_equal(t[3].host, "192.0.2.9");
	assert_int_equal(t[4].kind, TARGET_HTTPS);
	assert_string_equal(t[4].url, "https://u.example.com:8443/in/?sig=a&x");
	assert_string_equal(t[4].device, "https://u.example.com:8443/in"); /* without the secret */
	assert_string_equal(t[4].port, "8443");
	assert_int_equal(t[5].kind, TARGET_S3);
	assert_string_equal(t[5].bucket, "dumps");
	assert_string_equal(t[5].path, "/all/here");
	assert_string_equal(t[5].url, "https://s3.us-east-1.amazonaws.com");
	assert_string_equal(t[5].host, "s3.us-east-1.amazonaws.com");
	assert_true(t[6].log_only);
	config_destroy(c);
	/* one remote target's path is its own, and not where a spool would be */
	c = parse("path /a\nssh a@b\npath /c\nspool 1G\n");
	assert_string_equal(c->path, "/a");
	assert_string_equal(c->targets[0].path, "/c");
	assert_int_equal(c->spool, 1 << 30);
	config_destroy(c);
}

/* kdump.conf's sshkey may stand anywhere; behind several targets each can have its own. */
TEST(what_belongs_to_remote_targets)
{
	struct config *c = parse("sshkey /k1\ns3_endpoint https://[2001:db8::8]:9000/\n"
				 "ssh a@b\nsftp c@d\nssh_port 2222\nssh_known_hosts /h\n"
				 "ssh e@f\nsshkey //k2/\ns3 s3://bbb\ns3_credentials /c\n"
				 "s3_path_style no\ns3_region eu-1\nhttps https://x/\n"
				 "https_header /hd\ntls_ca /ca\n");
	const struct config_target *t = c->targets;

	assert_string_equal(t[0].key_file, "/k2"); /* all above that had none */
	assert_string_equal(t[2].key_file, "/k2");
	assert_string_equal(t[1].port, "2222");
	assert_string_equal(t[1].known_hosts, "/h");
	assert_null(t[2].port);
	assert_string_equal(t[3].url, "https://[2001:db8::8]:9000");
	assert_string_equal(t[3].host, "2001:db8::8");
	assert_string_equal(t[3].port, "9000");
	assert_string_equal(t[3].credentials, "/c");
	assert_string_equal(t[3].path_style, "no");
	assert_string_equal(t[3].ca, "/ca");
	assert_string_equal(t[4].header, "/hd");
	assert_string_equal(t[4].ca, "/ca");
	assert_null(t[4].credentials);
	config_destroy(c);
	c = parse("sshkey /k1\nssh a@b\n");
	assert_string_equal(c->targets[0].key_file, "/k1");
	config_destroy(c);
	refuse("ssh a@b\nsshkey /a\nsshkey /b\n",
	       "F: line 3: sshkey: the targets above it have one already");
	refuse("tls_ca /a\ntls_ca /b\n", "F: line 2: tls_ca: it is there a second time");
}

TEST(bad_remote_targets)
{
	static const char *const bad[][2] = {
		{"nfs nas", "nfs: 'nas' is not SERVER:/EXPORT"},
		{"nfs nas:export", "nfs: 'nas:export' is not SERVER:/EXPORT"},
		{"nfs -o:/x", "nfs: '-o' is no name or address"},
		{"nfs [nas]:/x", "nfs: 'nas' is no name or address"},
		{"nfs a:/b/../c", "nfs: '.' and '..' cannot be parts of a path"},
		{"ssh dumps", "ssh: 'dumps' is not USER@HOST"},
		{"ssh -oProxyCommand=x@h", "ssh: '-oProxyCommand=x' is no user's name"},
		{"ssh a@-oX", "ssh: '-oX' is no name or address"},
		{"ssh a b@c", "ssh: 'a b@c' is not USER@HOST"},
		{"sftp @h", "sftp: '' is no user's name"},
		{"ssh_port 0", "ssh_port: 0"},
		{"ssh_port x", "ssh_port: 'x' is not a port"},
		{"sshkey key", "sshkey: 'key' is not an absolute path"},
		{"https http://x/", "https: http:// would send the machine's memory in the clear"},
		{"https ftp://x/", "https: 'ftp://x/' is not https://"},
		{"https https://u:p@x/", "https: it has a user or password in it"},
		{"https https://x y/", "https: a URL cannot have the character in column 10"},
		{"https https:///x", "https: there is no host in it"},
		{"s3 dumps", "s3: 'dumps' is not s3://BUCKET/PREFIX"},
		{"s3 s3://D_/x", "s3: 'D_' is no name of a bucket"},
		{"s3 s3://bbb/x\npath /y", "path: s3://BUCKET/PREFIX says it already"},
		{"s3_endpoint https://x/y", "s3_endpoint: an endpoint has no path"},
		{"s3_region a/b", "s3_region: 'a/b' is not the name of a region"},
		{"ssh a@b\nmount_options x", "mount_options: a target of the kind ssh is not"},
		{"encrypt_to age1x", "encrypt_to: "},
		{"ssh a@b\nspool 1K", "spool: '1K' is not a size of 1M or more"},
		{"spool 1G", "spool: no target is remote"},
		{"ext4 /dev/a\nspool 1G", "spool: no target is remote"},
		{"luks_key_file x", "luks_key_file: 'x' is not an absolute path"},
		{"nfs a:/b\nnfs a:/b", "nfs: 'a:/b' is a target already, in line 1"},
	};
	char text[128], want[160];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bool two = strchr(bad[i][0], '\n');
		int code = strstr(bad[i][0], "http://") ? ERR_UNSUPPORTED : ERR_USAGE;

		snprintf(text, sizeof(text), "%s\n", bad[i][0]);
		snprintf(want, sizeof(want), "F: line %d: %s", two ? 2 : 1, bad[i][1]);
		refuse_n(text, strlen(text), code, want);
	}
}

/* ---- core_collector */

struct golden {
	const char *command;
	const char *levels;
	enum codec codec;
	bool elf;
	uint64_t threads;
	const char *ignored;
};

TEST(collectors)
{
	static const struct golden cases[] = {
		{"makedumpfile", "0", CODEC_RAW, false, 0, ""},
		{"makedumpfile -l -d 31", "31", CODEC_LZO, false, 0, ""},
		{"/usr/sbin/makedumpfile\t -c  -d1,17,31", "1,17,31", CODEC_ZLIB, false, 0, ""},
		{"makedumpfile -pd 31 --num-threads=8", "31", CODEC_SNAPPY, false, 8, ""},
		{"makedumpfile -z", "0", CODEC_ZSTD, false, 0, ""},
		{"makedumpfile --compress auto", "0", CODEC_AUTO, false, 0, ""},
		{"makedumpfile -E -d 31", "31", CODEC_RAW, true, 0, ""},
		{"makedumpfile -F -l --message-level 7 -D -d 31 -f --non-mmap --show-stats", "31",
		 CODEC_LZO, false, 0, "-F, --message-level, -D, -f, --show-stats, --non-mmap"},
		{"'makedumpfile' '-d' \"31\"", "31", CODEC_RAW, false, 0, ""},
		{"cp", "0", CODEC_RAW, true, 0, ""},
		{"/bin/cp --sparse=always", "0", CODEC_RAW, true, 0, "--sparse"},
		{"dd bs=1M", "0", CODEC_RAW, true, 0, "bs="},
		{"cat", "0", CODEC_RAW, true, 0, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct golden *g = &cases[i];
		struct collector c = {.threads = 99};

		assert_ok(collector_parse(g->command, &c, err));
		assert_string_equal(c.levels, g->levels);
		assert_int_equal(c.codec, g->codec);
		assert_int_equal(c.elf, g->elf);
		assert_int_equal(c.threads, g->threads);
		assert_string_equal(c.ignored, g->ignored);
	}
}

TEST(refused_collectors)
{
	static const struct {
		const char *command;
		int code;
		const char *message;
	} cases[] = {
		{"", ERR_USAGE, "no program is named"},
		{"gzip -9", ERR_USAGE, "'gzip' is not known: there are makedumpfile, and cp,"},
		{"scp", ERR_UNSUPPORTED, "scp goes with ssh targets"},
		{"makedumpfile --fast", ERR_USAGE, "unknown option --fast; there are -d"},
		{"makedumpfile -lq", ERR_USAGE, "unknown option -q; there are -d"},
		{"makedumpfile -d", ERR_USAGE, "option -d needs a value"},
		{"makedumpfile -b 4", ERR_UNSUPPORTED, "option -b: not supported: buffers"},
		{"makedumpfile --cyclic-buffer=4", ERR_UNSUPPORTED, "option --cyclic-buffer: not"},
		{"makedumpfile -i vmcoreinfo", ERR_UNSUPPORTED, "option -i: not supported"},
		{"makedumpfile --split", ERR_UNSUPPORTED, "option --split: not supported: a crash"},
		{"makedumpfile --num-threads 999", ERR_USAGE, "option --num-threads: 999 is not"},
		{"makedumpfile --compress lz4", ERR_USAGE, "option --compress: there is no"},
		{"makedumpfile -E -l", ERR_USAGE, "-E writes ELF, which is never compressed"},
		{"makedumpfile -l /proc/vmcore", ERR_USAGE, "'/proc/vmcore' is no option"},
		{"makedumpfile \"-l", ERR_USAGE, "a quote (\") is never closed"},
		{"cp -a", ERR_USAGE, "'-a' is not known here: cp only says"},
		{"dd of=/dev/sda", ERR_USAGE, "'of=/dev/sda' is not known here"},
		{"cat -n", ERR_USAGE, "'-n' is not known here"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct collector c = {.threads = 99};

		assert_fails(collector_parse(cases[i].command, &c, err), cases[i].code,
			     cases[i].message);
		assert_int_equal(c.threads, 99);
	}
	refuse("core_collector makedumpfile -d 32\n",
	       "F: line 1: core_collector: 32 is not between 0 and 31");
	refuse("core_collector makedumpfile -d 31,31\n",
	       "F: line 1: core_collector: 31 is there twice");
}

/* kdump takes a pair of quotes off first. */
TEST(quoted_collector)
{
	struct config *c = parse("core_collector \"makedumpfile -c -d 17\"\n");

	assert_int_equal(c->base->codec, CODEC_ZLIB);
	assert_int_equal(c->base->levels[0], 17);
	config_destroy(c);
}

TEST(words)
{
	char **words = NULL;

	assert_ok(collector_split(" a\t'b c'\"d\"  '' \"e'f\" ", &words, err));
	assert_int_equal(count(words), 4);
	assert_string_equal(words[0], "a");
	assert_string_equal(words[1], "b cd");
	assert_string_equal(words[2], "");
	assert_string_equal(words[3], "e'f");
	free(words);
	assert_ok(collector_split("  ", &words, err));
	assert_null(words[0]);
	free(words);
}

/* ---- the example */

/* All of it can be used at once, and stands in the manual. */
TEST(example)
{
	_cleanup_free_ char *text = NULL, *manual = NULL;
	struct config *c;
	size_t len;
	char *p;

	assert_ok(io_read_file("docs/lifeboat.conf.example", CONFIG_MAX_SIZE, &text, &len, err));
	assert_ok(io_read_file("docs/man/lifeboat.conf.5", CONFIG_MAX_SIZE, &manual, &len, err));
	for (p = text; *p; p += strcspn(p, "\n") + 1)
		assert_true(*p == '#' || *p == '\n');
	c = parse(text);
	assert_int_equal(c->n_targets, 0);
	config_destroy(c);
	for (p = text; *p; p += strcspn(p, "\n") + 1)
		if (*p == '#' && p[1] != ' ' && p[1] != '\n') {
			char key[64];

			*p = ' ';
			snprintf(key, sizeof(key), "Cm %.*s ", (int)strcspn(p + 1, " "), p + 1);
			if (!strstr(manual, key))
				fail_msg("lifeboat.conf(5) lacks %s", key);
		}
	c = parse(text);
	assert_int_equal(c->n_targets, 7);
	assert_int_equal(c->targets[6].kind, TARGET_SSH);
	assert_true(c->spool);
	assert_string_equal(c->targets[0].path, "/crash");
	assert_true(c->targets[5].log_only);
	assert_int_equal(c->base->n_levels, 2);
	assert_int_equal(c->base->codec, CODEC_AUTO);
	assert_int_equal(c->base->deadline_total, 4000);
	assert_int_equal(c->capture_cpus, 1);
	assert_string_equal(c->capture_kernel, "6.1.0-18-amd64");
	assert_int_equal(c->n_sysctls, 11);
	assert_null(c->notes[0]);
	config_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(shipped),
		cmocka_unit_test(every_key),
		cmocka_unit_test(sysctls),
		cmocka_unit_test(capture_kernels),
		cmocka_unit_test(what_wins),
		cmocka_unit_test(lines),
		cmocka_unit_test(comments_without_a_blank),
		cmocka_unit_test(malformed_lines),
		cmocka_unit_test(size_limit),
		cmocka_unit_test(long_values),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(refused),
		cmocka_unit_test(failure_actions),
		cmocka_unit_test(targets),
		cmocka_unit_test(bad_targets),
		cmocka_unit_test(how_many_targets),
		cmocka_unit_test(equals_signs),
		cmocka_unit_test(the_whole_time_is_longer_than_a_dump),
		cmocka_unit_test(paths),
		cmocka_unit_test(paths_of_raw_targets),
		cmocka_unit_test(mount_options),
		cmocka_unit_test(only_logs),
		cmocka_unit_test(dracut_args),
		cmocka_unit_test(remote_targets),
		cmocka_unit_test(what_belongs_to_remote_targets),
		cmocka_unit_test(bad_remote_targets),
		cmocka_unit_test(collectors),
		cmocka_unit_test(refused_collectors),
		cmocka_unit_test(quoted_collector),
		cmocka_unit_test(words),
		cmocka_unit_test(example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
