// SPDX-License-Identifier: GPL-2.0-or-later
/* One table row per key. What the recipe has, too, is checked by the recipe's own parser (recipe_set). */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/collector.h"
#include "config/reading.h"

#define MAX_CPUS    4096
#define MIN_SPOOL   (1ULL << 20)
#define MAX_RELEASE 64 /* of a kernel's version: __NEW_UTS_LEN */

/* ---- values */

static int parse_yes_no(const char *value, bool *ret, struct err *err)
{
	bool yes = strcmp(value, "yes") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcmp(value, "no") != 0 && strcmp(value, "0") != 0)
		return keyvalue_bad(value, "yes or no (or 1 or 0)", err);
	*ret = yes;
	return 0;
}

/* Seconds, or with s, m, h or d behind the number. */
static int parse_time(char *value, uint64_t *ret, struct err *err)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t len = strlen(value);
	char digits[24];
	uint64_t v, unit = 1;

	for (size_t i = 0; len && i < ARRAY_SIZE(units); i++) {
		if (value[len - 1] != units[i].letter)
			continue;
		unit = units[i].seconds;
		len--;
		break;
	}
	if (!len || len >= sizeof(digits) || strspn(value, "0123456789") != len)
		return keyvalue_bad(
			value, "a time: a number of seconds, or with s, m, h or d behind it", err);
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (num_parse_u64(digits, &v, err))
		return err->code;
	if (!num_mul(v, unit, &v))
		return keyvalue_bad(value, "a possible time", err);
	*ret = v;
	return 0;
}

static int set_to_number(struct reading *in, const struct key *key, uint64_t v, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	return recipe_set(in->c->base, key->as, text, err);
}

/* A key that the recipe has, with the same values. */
static int set_plain(struct reading *in, const struct key *key, char *value, struct err *err)
{
	return recipe_set(in->c->base, key->as, value, err);
}

static int set_time(struct reading *in, const struct key *key, char *value, struct err *err)
{
	uint64_t seconds = 0;

	if (parse_time(value, &seconds, err))
		return err->code;
	return set_to_number(in, key, seconds, err) ? err_wrap(err, "%s", value) : 0;
}

static int set_watchdog(struct reading *in, const struct key *key, char *value, struct err *err)
{
	if (strcmp(value, "off") == 0)
		return set_to_number(in, key, 0, err);
	return set_time(in, key, value, err);
}

static int set_size(struct reading *in, const struct key *key, char *value, struct err *err)
{
	uint64_t bytes = 0;

	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a size", err);
	if (strcmp(value, "0") != 0 && num_parse_size(value, &bytes, err))
		return err->code;
	return set_to_number(in, key, bytes, err);
}

static int set_recipes_yes_no(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	bool yes;

	if (parse_yes_no(value, &yes, err))
		return err->code;
	return recipe_set(in->c->base, key->as, yes ? "yes" : "no", err);
}

static int set_own_yes_no(struct reading *in, const struct key *key, char *value, struct err *err)
{
	return parse_yes_no(value, (bool *)((char *)in->c + key->at), err);
}

/* One value of the recipe for each word. */
static int set_words(struct reading *in, const struct key *key, char *value, struct err *err)
{
	_cleanup_free_ char **words = NULL;

	if (collector_split(value, &words, err))
		return err->code;
	for (char **w = words; *w; w++)
		if (recipe_set(in->c->base, key->as, *w, err))
			return err->code;
	return 0;
}

static int set_hook(struct reading *in, const struct key *key, char *value, struct err *err)
{
	if (strpbrk(value, " \t"))
		return keyvalue_bad(value, "a program alone: it gets no arguments of its own", err);
	return recipe_set(in->c->base, key->as, value, err);
}

static int set_failure(struct reading *in, const struct key *key, char *value, struct err *err)
{
	if (strcmp(value, "dump_to_rootfs") == 0) {
		in->c->rootfs_last = true;
		return 0;
	}
	in->c->failure_said = true;
	if (recipe_set(in->c->base, key->as, value, err))
		return keyvalue_bad(value, "reboot, halt, poweroff, shell or dump_to_rootfs", err);
	return 0;
}

static int set_collector(struct reading *in, const struct key *key, char *value, struct err *err)
{
	struct recipe *r = in->c->base;
	struct collector c;

	(void)key;
	if (collector_parse(value, &c, err) || recipe_set(r, "level", c.levels, err))
		return err->code;
	r->elf = c.elf;
	if (!reading_line_of(in, "compress"))
		r->codec = c.codec;
	if (!reading_line_of(in, "threads"))
		r->threads = (unsigned int)c.threads;
	return *c.ignored
		       ? reading_note(in, err, "core_collector: without effect here: %s", c.ignored)
		       : 0;
}

static int set_cpus(struct reading *in, const struct key *key, char *value, struct err *err)
{
	(void)key;
	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a number", err);
	return num_parse_range(value, 1, MAX_CPUS, &in->c->capture_cpus, err);
}

static int set_cmdline_append(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	_cleanup_free_ char *joined = NULL;
	const char *before = in->c->cmdline_append;
	bool open = false;

	(void)key;
	for (const char *p = value; *p; p++)
		open ^= *p == '"';
	if (open)
		return err_set(err, ERR_USAGE, "a quote (\") is never closed");
	if (asprintf(&joined, "%s%s%s", before ? before : "", before ? " " : "", value) < 0) {
		joined = NULL;
		return err_nomem(err, strlen(value), "the command line");
	}
	return reading_copy(joined, &in->c->cmdline_append, err);
}

static int set_cmdline_remove(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	_cleanup_free_ char **words = NULL;

	(void)key;
	if (collector_split(value, &words, err))
		return err->code;
	for (char **w = words; *w; w++)
		if (!**w)
			return err_set(err, ERR_USAGE, "'' is no word of a command line");
		else if (recipe_add_string(&in->c->cmdline_remove, *w, err))
			return err->code;
	return 0;
}

/* As in the name of its modules' folder, which it is to find; or the path of its image. */
static int set_capture_kernel(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._+~-";
	_cleanup_free_ char *clean = NULL;

	(void)key;
	if (*value == '/') {
		if (reading_clean_path(value, &clean, err))
			return err->code;
		return *clean ? reading_copy(clean, &in->c->capture_kernel, err)
			      : keyvalue_bad(value, "the path of a kernel", err);
	}
	if (strspn(value, chars) != strlen(value) || strlen(value) > MAX_RELEASE || *value == '.' ||
	    *value == '-')
		return keyvalue_bad(
			value, "a kernel's version (as `uname -r` tells it) or an absolute path",
			err);
	return reading_copy(value, &in->c->capture_kernel, err);
}

static int add_sysctl(struct reading *in, const char *path, int64_t value, struct err *err)
{
	struct config *c = in->c;
	size_t size = (c->n_sysctls + 1) * sizeof(*c->sysctls);
	struct config_sysctl *grown = realloc(c->sysctls, size);

	if (!grown)
		return err_nomem(err, size, "the configuration");
	c->sysctls = grown;
	grown[c->n_sysctls++] = (struct config_sysctl){path, value};
	return 0;
}

static int set_sysctl_switch(struct reading *in, const struct key *key, char *value,
			     struct err *err)
{
	bool yes;

	if (parse_yes_no(value, &yes, err))
		return err->code;
	return add_sysctl(in, key->as, yes, err);
}

static int set_sysctl_number(struct reading *in, const struct key *key, char *value,
			     struct err *err)
{
	bool minus = *value == '-' && key->min < 0;
	uint64_t most = minus ? -(int64_t)key->min : key->max, v;

	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a number", err);
	if (num_parse_range(value + minus, 0, most, &v, err))
		return err->code;
	return add_sysctl(in, key->as, minus ? -(int64_t)v : (int64_t)v, err);
}

static int set_spool(struct reading *in, const struct key *key, char *value, struct err *err)
{
	uint64_t bytes;

	(void)key;
	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a size", err);
	if (num_parse_size(value, &bytes, err))
		return err->code;
	if (bytes < MIN_SPOOL)
		return keyvalue_bad(value, "a size of 1M or more", err);
	in->c->spool = bytes;
	return 0;
}

static int set_spool_keep(struct reading *in, const struct key *key, char *value, struct err *err)
{
	static const char *const words[] = {
		[CONFIG_KEEP_LOG] = "log",
		[CONFIG_KEEP_ALL] = "all",
		[CONFIG_KEEP_NOTHING] = "nothing",
	};

	(void)key;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i]) != 0)
			continue;
		in->c->spool_keep = (enum config_keep)i;
		return 0;
	}
	return keyvalue_bad(value, "log, all or nothing", err);
}

static int set_file(struct reading *in, const struct key *key, char *value, struct err *err)
{
	_cleanup_free_ char *clean = NULL;

	if (*value != '/')
		return keyvalue_bad(value, "an absolute path", err);
	if (reading_clean_path(value, &clean, err))
		return err->code;
	return reading_copy(clean, (char **)((char *)in->c + key->at), err);
}

int reading_refuse(struct reading *in, const struct key *key, char *value, struct err *err)
{
	(void)in;
	(void)value;
	return err_set(err, ERR_UNSUPPORTED, "not supported: %s", key->as);
}
/* ---- the keys */

#define FENCE "no cluster is told of a crash; remove the line"

#define FS(n)                                                     \
	{                                                         \
		.name = n, .set = reading_set_fs, .repeats = true \
	}
#define SHARE(n)                                                     \
	{                                                            \
		.name = n, .set = reading_set_share, .repeats = true \
	}
#define REFUSED(n, h)                                                      \
	{                                                                  \
		.name = n, .set = reading_refuse, .as = h, .repeats = true \
	}
#define REMOTE(n, s, m, k)                                                                  \
	{                                                                                   \
		.name = n, .set = s, .at = offsetof(struct config_target, m), .kinds = (k), \
		.repeats = true                                                             \
	}
#define SHELLS (1U << TARGET_SSH | 1U << TARGET_SFTP)
#define HTTPS  (1U << TARGET_HTTPS)
#define S3     (1U << TARGET_S3)
#define OWN_YES_NO(n, m)                                                           \
	{                                                                          \
		.name = n, .set = set_own_yes_no, .at = offsetof(struct config, m) \
	}
#define TIME(n, a)                                  \
	{                                           \
		.name = n, .set = set_time, .as = a \
	}
#define SIZE(n, a)                                  \
	{                                           \
		.name = n, .set = set_size, .as = a \
	}
#define SYSCTL(n)                                                      \
	{                                                              \
		.name = n, .set = set_sysctl_switch, .as = "kernel/" n \
	}
#define PLAIN(n, a)                                  \
	{                                            \
		.name = n, .set = set_plain, .as = a \
	}

static const struct key keys[] = {
	FS("ext2"),
	FS("ext3"),
	FS("ext4"),
	FS("xfs"),
	FS("btrfs"),
	FS("vfat"),
	FS("exfat"),
	FS("f2fs"),
	FS("jfs"),
	FS("minix"),
	SHARE("virtiofs"),
	SHARE("9p"),
	{.name = "raw", .set = reading_set_raw, .repeats = true},
	{.name = "nfs", .set = reading_set_nfs, .repeats = true},
	{.name = "nfs4", .set = reading_set_nfs, .repeats = true},
	{.name = "ssh", .set = reading_set_ssh, .repeats = true},
	{.name = "sftp", .set = reading_set_ssh, .repeats = true},
	{.name = "https", .set = reading_set_https, .repeats = true},
	{.name = "s3", .set = reading_set_s3, .repeats = true},
	REMOTE("sshkey", reading_set_remote_file, key_file, SHELLS),
	REMOTE("ssh_port", reading_set_remote_port, port, SHELLS),
	REMOTE("ssh_known_hosts", reading_set_remote_file, known_hosts, SHELLS),
	REMOTE("https_header", reading_set_remote_file, header, HTTPS),
	REMOTE("s3_endpoint", reading_set_endpoint, url, S3),
	REMOTE("s3_region", reading_set_remote_region, region, S3),
	REMOTE("s3_credentials", reading_set_remote_file, credentials, S3),
	REMOTE("s3_path_style", reading_set_remote_yes_no, path_style, S3),
	REMOTE("tls_ca", reading_set_remote_file, ca, HTTPS | S3),
	{.name = "encrypt_to", .set = set_plain, .as = "encrypt-to", .repeats = true},
	{.name = "spool", .set = set_spool},
	{.name = "spool_keep", .set = set_spool_keep},
	{.name = "luks_key_file", .set = set_file, .at = offsetof(struct config, luks_key_file)},
	{.name = "iscsi_secret_file",
	 .set = set_file,
	 .at = offsetof(struct config, iscsi_secret_file)},
	{.name = "log_only", .set = reading_set_log_only, .repeats = true},
	{.name = "path", .set = reading_set_path, .repeats = true},
	{.name = "mount_options",
	 .set = reading_set_mount_options,
	 .repeats = true,
	 .may_be_empty = true},
	{.name = "core_collector", .set = set_collector},
	PLAIN("compress", "compress"),
	PLAIN("threads", "threads"),
	{.name = "kdump_pre", .set = set_hook, .as = "pre", .repeats = true},
	{.name = "kdump_post", .set = set_hook, .as = "post", .repeats = true},
	{.name = "extra_bins", .set = set_words, .as = "program", .repeats = true},
	{.name = "extra_modules", .set = set_words, .as = "module", .repeats = true},
	{.name = "failure_action", .set = set_failure, .as = "failure-action"},
	PLAIN("final_action", "final-action"),
	OWN_YES_NO("force_rebuild", force_rebuild),
	OWN_YES_NO("force_no_rebuild", force_no_rebuild),
	OWN_YES_NO("auto_reset_crashkernel", auto_reset_crashkernel),
	{.name = "dracut_args", .set = reading_set_dracut_args},
	PLAIN("keep_count", "keep-count"),
	TIME("keep_age", "keep-age"),
	SIZE("keep_bytes", "keep-bytes"),
	SIZE("keep_free", "keep-free"),
	TIME("deadline_device", "deadline-device"),
	TIME("deadline_network", "deadline-network"),
	TIME("deadline_mount", "deadline-mount"),
	TIME("deadline_log", "deadline-log"),
	TIME("deadline_dump", "deadline-dump"),
	TIME("deadline_stall", "deadline-stall"),
	TIME("deadline_hook", "deadline-hook"),
	TIME("deadline_total", "deadline-total"),
	{.name = "watchdog", .set = set_watchdog, .as = "watchdog"},
	{.name = "pstore", .set = set_recipes_yes_no, .as = "pstore"},
	PLAIN("console_lines", "console-lines"),
	{.name = "capture_cpus", .set = set_cpus},
	{.name = "cmdline_append", .set = set_cmdline_append, .repeats = true},
	{.name = "cmdline_remove", .set = set_cmdline_remove, .repeats = true},
	{.name = "capture_kernel", .set = set_capture_kernel},
	/* sysctls */
	SYSCTL("panic_on_oops"),
	SYSCTL("panic_on_warn"),
	SYSCTL("panic_on_rcu_stall"),
	SYSCTL("unknown_nmi_panic"),
	SYSCTL("panic_on_unrecovered_nmi"),
	SYSCTL("panic_on_io_nmi"),
	SYSCTL("hung_task_panic"),
	SYSCTL("softlockup_panic"),
	SYSCTL("hardlockup_panic"),
	{.name = "panic_on_oom", .set = set_sysctl_number, .as = "vm/panic_on_oom", .max = 2},
	{.name = "panic",
	 .set = set_sysctl_number,
	 .as = "kernel/panic",
	 .min = -1,
	 .max = INT_MAX},
	REFUSED("fence_kdump_args", FENCE),
	REFUSED("fence_kdump_nodes", FENCE),
	REFUSED("kdump_emergency",
		"write the program behind kdump_post, which runs after a failure, too"),
	/* what kdump itself has given up */
	REFUSED("net", "write nfs SERVER:/EXPORT or ssh USER@HOST"),
	REFUSED("options", "write MODULE.OPTION=VALUE behind cmdline_append"),
	REFUSED("link_delay", "write deadline_network TIME"),
	REFUSED("disk_timeout", "write deadline_device TIME"),
	REFUSED("debug_mem_level", "crash.json tells the memory used; remove the line"),
	REFUSED("blacklist", "write module_blacklist=NAME behind cmdline_append"),
	REFUSED("override_resettable", "every device is tried; remove the line"),
};

_Static_assert(ARRAY_SIZE(keys) <= READING_MAX_KEYS, "`said` has an entry per row");

const struct key *reading_find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

unsigned int reading_line_of(const struct reading *in, const char *name)
{
	return in->said[reading_find_key(name) - keys];
}

unsigned int *reading_said(struct reading *in, const struct key *key)
{
	return &in->said[key - keys];
}
