// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One table row per key. What the recipe has, too, is checked by the recipe's own parser (recipe_set); how lines are cut
 * is kdump_read_conf() and kdump_get_conf_val() of kdump-utils (kdump-lib-initramfs.sh, commit 002337c6715e): a '#'
 * anywhere begins a comment, blanks go, and so does a pair of double quotes around a value.
 */
#include "config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/collector.h"

#define QUOTE_MAX    80 /* bytes of a bad key or value that a message repeats */
#define MAX_PATH     1024
#define MAX_TAG      255
#define MAX_CPUS     4096
#define MAX_DEADLINE 86400U /* seconds (capture/recipe.h) */
#define TOTAL_MARGIN 400U   /* that all but a dump may take, as between the defaults */

struct reading;

struct key {
	const char *name;
	/* `value` is NUL-terminated, without blanks at its ends, and may be written into. */
	int (*set)(struct reading *in, const struct key *key, char *value, struct err *err);
	const char *as; /* the recipe's key, or what to do instead of it */
	size_t at;      /* of a member of the configuration */
	bool repeats;
	bool may_be_empty; /* as "" */
};

#define MAX_KEYS 80

struct reading {
	struct config *c;
	unsigned int line;
	unsigned int said[MAX_KEYS]; /* by row of keys[]: in which line; 0: not yet */
	unsigned int path_line[RECIPE_MAX_TARGETS];
	bool log_only; /* the target being read */
};

static const struct key *find_key(const char *name);
static unsigned int line_of(const struct reading *in, const char *name);

static int bad_value(const char *value, const char *wanted, struct err *err)
{
	return err_set(err, ERR_USAGE, "'%.*s' is not %s", QUOTE_MAX, value, wanted);
}

static _printf_(3, 4) int add_note(struct reading *in, struct err *err, const char *format, ...)
{
	_cleanup_free_ char *what = NULL, *note = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&what, format, args);
	va_end(args);
	if (len < 0 || asprintf(&note, "%s: line %u: %s", in->c->name, in->line, what) < 0)
		return err_nomem(err, 256, "a note");
	return recipe_add_string(&in->c->notes, note, err);
}

static int copy_string(const char *value, char **ret, struct err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return err_nomem(err, strlen(value) + 1, "the configuration");
	free(*ret);
	*ret = copy;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ---- values */

static int parse_yes_no(const char *value, bool *ret, struct err *err)
{
	bool yes = strcmp(value, "yes") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcmp(value, "no") != 0 && strcmp(value, "0") != 0)
		return bad_value(value, "yes or no (or 1 or 0)", err);
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
		return bad_value(
			value, "a time: a number of seconds, or with s, m, h or d behind it", err);
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (num_parse_u64(digits, &v, err))
		return err->code;
	if (!num_mul(v, unit, &v))
		return bad_value(value, "a possible time", err);
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

	if (strlen(value) > QUOTE_MAX)
		return bad_value(value, "a size", err);
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
		return bad_value(value, "a program alone: it gets no arguments of its own", err);
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
		return bad_value(value, "reboot, halt, poweroff, shell or dump_to_rootfs", err);
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
	if (!line_of(in, "compress"))
		r->codec = c.codec;
	if (!line_of(in, "threads"))
		r->threads = (unsigned int)c.threads;
	return *c.ignored ? add_note(in, err, "core_collector: without effect here: %s", c.ignored)
			  : 0;
}

static int set_cpus(struct reading *in, const struct key *key, char *value, struct err *err)
{
	(void)key;
	if (strlen(value) > QUOTE_MAX)
		return bad_value(value, "a number", err);
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
	return copy_string(joined, &in->c->cmdline_append, err);
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

static int refuse(struct reading *in, const struct key *key, char *value, struct err *err)
{
	(void)in;
	(void)value;
	return err_set(err, ERR_UNSUPPORTED, "not supported: %s", key->as);
}

/* ---- paths */

/*
 * In the recipe's form: absolute, single slashes, none at the end, "" for the root. kdump puts the path behind the mount
 * point, so one without a slash in front works there.
 */
static int clean_path(const char *value, char **ret, struct err *err)
{
	_cleanup_free_ char *clean = malloc(strlen(value) + 2);
	char *to = clean;

	if (!clean)
		return err_nomem(err, strlen(value) + 2, "a path");
	for (;;) {
		size_t len;

		value += strspn(value, "/");
		len = strcspn(value, "/");
		if (!len)
			break;
		if ((len == 1 && value[0] == '.') || (len == 2 && memcmp(value, "..", 2) == 0))
			return err_set(err, ERR_USAGE, "'.' and '..' cannot be parts of a path");
		*to++ = '/';
		memcpy(to, value, len);
		to += len;
		value += len;
	}
	*to = '\0';
	if (to > clean && is_blank(to[-1]))
		return err_set(err, ERR_USAGE, "a path cannot end with a blank");
	if (to - clean > MAX_PATH)
		return err_set(err, ERR_USAGE, "a path of %zu bytes; there can be %d",
			       (size_t)(to - clean), MAX_PATH);
	*ret = no_cleanup_ptr(clean);
	return 0;
}

static int set_path(struct reading *in, const struct key *key, char *value, struct err *err)
{
	struct config *c = in->c;
	char **at = c->n_targets ? &c->targets[c->n_targets - 1].path : &c->path;
	char *clean;

	(void)key;
	if (*at)
		return err_set(err, ERR_USAGE,
			       c->n_targets ? "this target has one already"
					    : "it is there a second time");
	if (clean_path(value, &clean, err))
		return err->code;
	*at = clean;
	if (c->n_targets)
		in->path_line[c->n_targets - 1] = in->line;
	if (*value != '/')
		return add_note(in, err, "path: taken as %s", clean);
	return 0;
}

/* ---- targets */

/* "UUID=…" and the like; with a label blanks are fine. */
static bool is_tag(const char *device, const char *name)
{
	size_t len = strlen(name);
	bool label = strstr(name, "LABEL");

	return strncmp(device, name, len) == 0 && device[len] && strlen(device + len) <= MAX_TAG &&
	       (label || !strpbrk(device + len, " \t"));
}

static int check_device(enum target_kind kind, const char *device, struct err *err)
{
	_cleanup_free_ char *clean = NULL;

	if (kind == TARGET_SHARE) {
		if (!*device || strlen(device) > MAX_TAG || strpbrk(device, " \t"))
			return bad_value(device, "the tag of a share", err);
		return 0;
	}
	if (strncmp(device, "/dev/", 5) == 0 && device[5] && !strpbrk(device, " \t"))
		return clean_path(device, &clean, err);
	if (is_tag(device, "PARTUUID=") || is_tag(device, "PARTLABEL="))
		return 0;
	if (kind == TARGET_RAW)
		return bad_value(device, "a partition: /dev/…, PARTUUID=… or PARTLABEL=…", err);
	if (is_tag(device, "UUID=") || is_tag(device, "LABEL="))
		return 0;
	return bad_value(device, "a device: /dev/…, UUID=…, LABEL=…, PARTUUID=… or PARTLABEL=…",
			 err);
}

static int check_not_twice(const struct config *c, enum target_kind kind, const char *device,
			   struct err *err)
{
	for (size_t i = 0; i < c->n_targets; i++) {
		const struct config_target *t = &c->targets[i];

		if ((t->kind == TARGET_SHARE) == (kind == TARGET_SHARE) &&
		    strcmp(t->device, device) == 0)
			return err_set(err, ERR_USAGE, "'%.*s' is a target already, in line %u",
				       QUOTE_MAX, device, t->line);
	}
	return 0;
}

/* The device as written, but without double quotes: kdump takes UUID="…", as blkid prints it. */
static int add_target(struct reading *in, enum target_kind kind, const char *fstype, char *device,
		      struct err *err)
{
	struct config_target t = {.kind = kind, .log_only = in->log_only, .line = in->line};
	struct config *c = in->c;
	struct config_target *grown;
	char *to = device;

	for (const char *p = device; *p; p++)
		if (*p != '"')
			*to++ = *p;
	*to = '\0';
	if (check_device(kind, device, err) || check_not_twice(c, kind, device, err))
		return err->code;
	if (c->n_targets == RECIPE_MAX_TARGETS)
		return err_set(err, ERR_USAGE, "more than %d targets", RECIPE_MAX_TARGETS);
	grown = reallocarray(c->targets, c->n_targets + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (c->n_targets + 1) * sizeof(*grown), "a target");
	c->targets = grown;
	t.device = strdup(device);
	t.fstype = strdup(fstype);
	if (!t.device || !t.fstype) {
		free(t.device);
		free(t.fstype);
		return err_nomem(err, strlen(device) + 1, "a target");
	}
	grown[c->n_targets++] = t;
	return 0;
}

static int set_fs(struct reading *in, const struct key *key, char *value, struct err *err)
{
	return add_target(in, TARGET_FS, key->name, value, err);
}

static int set_share(struct reading *in, const struct key *key, char *value, struct err *err)
{
	return add_target(in, TARGET_SHARE, key->name, value, err);
}

static int set_raw(struct reading *in, const struct key *key, char *value, struct err *err)
{
	(void)key;
	return add_target(in, TARGET_RAW, "", value, err);
}

/* A kind of target by its name; one that is refused says so. */
static int set_target(struct reading *in, const char *kind, char *device, struct err *err)
{
	const struct key *key = find_key(kind);

	if (strcmp(kind, "nfs4") == 0)
		key = find_key("nfs");
	if (!key || (key->set != set_fs && key->set != set_share && key->set != set_raw &&
		     key->set != refuse))
		return bad_value(kind,
				 "a kind of target: there are ext2, ext3, ext4, xfs, btrfs, vfat, "
				 "exfat, f2fs, jfs, minix, raw, virtiofs and 9p",
				 err);
	if (key->set(in, key, device, err))
		return err_wrap(err, "%s", key->name);
	return 0;
}

static int set_log_only(struct reading *in, const struct key *key, char *value, struct err *err)
{
	char *device = value + strcspn(value, " \t");
	int r;

	(void)key;
	if (*device)
		*device++ = '\0';
	device += strspn(device, " \t");
	in->log_only = true;
	r = set_target(in, value, device, err);
	in->log_only = false;
	return r;
}

static int set_mount_options(struct reading *in, const struct key *key, char *value,
			     struct err *err)
{
	struct config *c = in->c;
	struct config_target *t = c->n_targets ? &c->targets[c->n_targets - 1] : NULL;

	(void)key;
	if (!t)
		return err_set(err, ERR_USAGE,
			       "it stands before the first target: write it behind one's line");
	if (t->kind == TARGET_RAW)
		return err_set(err, ERR_USAGE, "a raw target is not mounted");
	if (t->mount_options)
		return err_set(err, ERR_USAGE, "this target has them already");
	if (strpbrk(value, " \t"))
		return bad_value(value, "a list of options with commas and without blanks", err);
	return copy_string(value, &t->mount_options, err);
}

/* ---- dracut_args */

/* "DEVICE MOUNTPOINT FSTYPE OPTIONS", as behind dracut's --mount; where it would be mounted does not matter. */
static int add_mount(struct reading *in, const char *text, struct err *err)
{
	_cleanup_free_ char **field = NULL;
	size_t n = 0;

	if (collector_split(text, &field, err))
		return err->code;
	while (field[n])
		n++;
	if (n < 3)
		return bad_value(text, "\"DEVICE MOUNTPOINT FSTYPE OPTIONS\"", err);
	if (set_target(in, field[2], field[0], err))
		return err->code;
	if (n == 3 || strcmp(field[3], "defaults") == 0)
		return 0;
	return set_mount_options(in, NULL, field[3], err);
}

/* Of the words the argument of --mount, NULL if there is none. *ret_rest: are there others? */
static int find_mount(char **words, const char **ret, bool *ret_rest, struct err *err)
{
	const char *mount = NULL;
	bool rest = false;

	for (; *words; words++) {
		bool alone = strcmp(*words, "--mount") == 0;

		if (!alone && strncmp(*words, "--mount=", 8) != 0) {
			rest = true;
			continue;
		}
		if (mount)
			return err_set(err, ERR_USAGE,
				       "more than one --mount: write a line for each target");
		if (alone && !words[1])
			return err_set(err, ERR_USAGE, "--mount has no value");
		mount = alone ? *++words : *words + 8;
	}
	*ret = mount;
	*ret_rest = rest;
	return 0;
}

static int set_dracut_args(struct reading *in, const struct key *key, char *value, struct err *err)
{
	_cleanup_free_ char **words = NULL;
	const char *mount = NULL;
	bool rest = false;

	(void)key;
	if (collector_split(value, &words, err) || find_mount(words, &mount, &rest, err))
		return err->code;
	if (mount && add_mount(in, mount, err))
		return err_wrap(err, "--mount");
	if (!rest)
		return 0;
	return add_note(in, err,
			"dracut_args: there is no dracut here, so they are without effect%s",
			mount ? ", but for --mount" : "");
}

/* ---- the keys */

#define REMOTE                                                                                        \
	"there are no remote targets; write a local one, as ext4 UUID=…, raw /dev/… or virtiofs " \
	"TAG"
#define FENCE "no cluster is told of a crash; remove the line"

#define FS(n)                                             \
	{                                                 \
		.name = n, .set = set_fs, .repeats = true \
	}
#define SHARE(n)                                             \
	{                                                    \
		.name = n, .set = set_share, .repeats = true \
	}
#define REFUSED(n, h)                                              \
	{                                                          \
		.name = n, .set = refuse, .as = h, .repeats = true \
	}
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
	{.name = "raw", .set = set_raw, .repeats = true},
	{.name = "log_only", .set = set_log_only, .repeats = true},
	{.name = "path", .set = set_path, .repeats = true},
	{.name = "mount_options", .set = set_mount_options, .repeats = true, .may_be_empty = true},
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
	{.name = "dracut_args", .set = set_dracut_args},
	PLAIN("keep_count", "keep-count"),
	TIME("keep_age", "keep-age"),
	SIZE("keep_bytes", "keep-bytes"),
	SIZE("keep_free", "keep-free"),
	TIME("deadline_device", "deadline-device"),
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
	REFUSED("nfs", REMOTE),
	REFUSED("ssh", REMOTE),
	REFUSED("sshkey", "there are no remote targets; remove the line"),
	REFUSED("fence_kdump_args", FENCE),
	REFUSED("fence_kdump_nodes", FENCE),
	REFUSED("kdump_emergency",
		"write the program behind kdump_post, which runs after a failure, too"),
	/* what kdump itself has given up */
	REFUSED("net", REMOTE),
	REFUSED("options", "write MODULE.OPTION=VALUE behind cmdline_append"),
	REFUSED("link_delay", "there is no network; remove the line"),
	REFUSED("disk_timeout", "write deadline_device TIME"),
	REFUSED("debug_mem_level", "crash.json tells the memory used; remove the line"),
	REFUSED("blacklist", "write module_blacklist=NAME behind cmdline_append"),
	REFUSED("override_resettable", "every device is tried; remove the line"),
};

_Static_assert(ARRAY_SIZE(keys) <= MAX_KEYS, "`said` has an entry per row");

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static unsigned int line_of(const struct reading *in, const char *name)
{
	return in->said[find_key(name) - keys];
}

/* ---- lines */

static int check_characters(const char *text, size_t len, size_t column, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, ERR_USAGE, "control character 0x%02x at column %zu", c,
				       column + i);
	}
	return 0;
}

/* Cut blanks off both ends; returns the new start. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && is_blank(text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* A pair of double quotes around the whole value goes, unless there are others inside. */
static char *unquote(char *value, bool *ret_quoted)
{
	size_t len = strlen(value);

	*ret_quoted = len >= 2 && value[0] == '"' && strchr(value + 1, '"') == value + len - 1;
	if (!*ret_quoted)
		return value;
	value[len - 1] = '\0';
	return trim(value + 1);
}

static int set_key(struct reading *in, const char *name, char *value, struct err *err)
{
	bool old = strcmp(name, "default") == 0;
	const struct key *key = find_key(old ? "failure_action" : name);
	unsigned int *said;
	bool quoted;

	if (*value == '=' || (!key && strchr(name, '=')))
		return err_set(err, ERR_USAGE,
			       "'%.*s': a blank parts a key and its value here, and no '='",
			       (int)NUM_MIN(strcspn(name, "="), (size_t)QUOTE_MAX), name);
	if (!key)
		return err_set(err, ERR_USAGE,
			       "there is no key '%.*s'; lifeboat.conf(5) lists what there is",
			       QUOTE_MAX, name);
	said = &in->said[key - keys];
	if (*said && !key->repeats)
		return err_set(err, ERR_USAGE, "'%s' is there already, in line %u", key->name,
			       *said);
	if (old &&
	    add_note(in, err, "default: the old name of failure_action, which it is taken for"))
		return err->code;
	*said = in->line;
	value = unquote(value, &quoted);
	if (!*value && !(quoted && key->may_be_empty) && key->set != refuse)
		return err_set(err, ERR_USAGE, "'%s' has no value", name);
	return key->set(in, key, value, err) ? err_wrap(err, "%s", name) : 0;
}

/* One line without its newline; it is ours to write into, and line[len] may be overwritten. */
static int parse_line(struct reading *in, char *line, size_t len, struct err *err)
{
	char *comment = memchr(line, '#', len), *name, *value;
	size_t n = comment ? (size_t)(comment - line) : len;

	/* of a file with Windows' line ends */
	if (!comment && n && line[n - 1] == '\r')
		n--;
	if (check_characters(line, n, 1, err))
		return err->code;
	line[n] = '\0';
	if (comment && n && !is_blank(line[n - 1]) &&
	    add_note(in, err, "what begins with '#' in column %zu is taken for a comment", n + 1))
		return err->code;
	name = trim(line);
	if (!*name)
		return 0;
	value = name + strcspn(name, " \t");
	if (*value)
		*value++ = '\0';
	return set_key(in, name, trim(value), err);
}

static int parse_text(struct reading *in, char *text, size_t len, struct err *err)
{
	for (size_t at = 0; at < len; in->line++) {
		char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (parse_line(in, text + at, n, err))
			return err_wrap(err, "line %u", in->line);
		at += n + 1;
	}
	return 0;
}

/* ---- once all lines have been read */

/* With one target, a path is for all of them wherever its line stands. */
static int finish_paths(struct reading *in, struct err *err)
{
	struct config *c = in->c;
	struct config_target *t = c->targets;

	if (c->n_targets == 1 && t->path) {
		if (c->path)
			return err_set(err, ERR_USAGE, "line %u: path: it is there a second time",
				       in->path_line[0]);
		c->path = no_cleanup_ptr(t->path);
		in->line = in->path_line[0];
	}
	if (c->n_targets == 1 && t->kind == TARGET_RAW && c->path && !c->rootfs_last) {
		in->line = line_of(in, "path");
		return add_note(in, err,
				"path: a raw target has no folders; it is where `lifeboat collect` "
				"puts its crashes");
	}
	for (size_t i = 0; i < c->n_targets; i++)
		if (t[i].kind == TARGET_RAW && t[i].path)
			return err_set(err, ERR_USAGE,
				       "line %u: path: the target above it is raw and has no "
				       "folders; write it behind its own target's line, or before "
				       "the first target for all of them",
				       in->path_line[i]);
	return 0;
}

static int finish_targets(struct reading *in, struct err *err)
{
	struct config *c = in->c;
	size_t dumps = c->rootfs_last;

	if (finish_paths(in, err))
		return err->code;
	if (c->rootfs_last && c->n_targets == RECIPE_MAX_TARGETS)
		return err_set(err, ERR_USAGE, "more than %d targets, with that of dump_to_rootfs",
			       RECIPE_MAX_TARGETS);
	for (size_t i = 0; i < c->n_targets; i++)
		dumps += !c->targets[i].log_only;
	if (dumps || !c->n_targets)
		return 0;
	in->line = c->targets[0].line;
	return add_note(in, err, "every target is log_only: no dump will be written");
}

/*
 * The whole time has to be longer than a dump's, or that one's deadline means nothing: the default one grows with it, and
 * what is said is done, but said back.
 */
static int finish_deadlines(struct reading *in, struct err *err)
{
	struct recipe *r = in->c->base;
	unsigned int wanted = r->deadline_dump + TOTAL_MARGIN;

	in->line = line_of(in, "deadline_total");
	if (in->line)
		return r->deadline_total > r->deadline_dump
			       ? 0
			       : add_note(in, err,
					  "deadline_total: all is over after %u s, so a dump has "
					  "less than the %u s of its own deadline_dump",
					  r->deadline_total, r->deadline_dump);
	r->deadline_total = NUM_MAX(r->deadline_total, NUM_MIN(wanted, MAX_DEADLINE));
	return 0;
}

static int finish(struct reading *in, struct err *err)
{
	struct config *c = in->c;

	if (finish_targets(in, err) || finish_deadlines(in, err))
		return err->code;
	if (c->force_rebuild && c->force_no_rebuild)
		return err_set(err, ERR_USAGE,
			       "line %u: force_rebuild and force_no_rebuild (line %u)",
			       line_of(in, "force_rebuild"), line_of(in, "force_no_rebuild"));
	if (c->base->elf && c->base->codec != CODEC_RAW && line_of(in, "compress"))
		return err_set(err, ERR_USAGE,
			       "line %u: compress: core_collector (line %u) writes ELF, which is "
			       "never compressed: remove one of them",
			       line_of(in, "compress"), line_of(in, "core_collector"));
	if (!c->failure_said)
		c->base->failure = c->base->final;
	return 0;
}

static void cleanup_config(struct config **c)
{
	config_destroy(*c);
}

static int create_empty(const char *name, struct config **ret, struct err *err)
{
	_cleanup_(cleanup_config) struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return err_nomem(err, sizeof(*c), "the configuration");
	c->name = strdup(name);
	c->cmdline_remove = calloc(1, sizeof(*c->cmdline_remove));
	c->notes = calloc(1, sizeof(*c->notes));
	if (!c->name || !c->cmdline_remove || !c->notes)
		return err_nomem(err, sizeof(*c), "the configuration");
	if (recipe_create_default(&c->base, err))
		return err->code;
	c->auto_reset_crashkernel = true;
	*ret = no_cleanup_ptr(c);
	return 0;
}

int config_create(struct bytes text, const char *name, struct config **ret, struct err *err)
{
	_cleanup_(cleanup_config) struct config *c = NULL;
	_cleanup_free_ char *copy = NULL;
	struct reading in = {.line = 1};

	if (text.len > CONFIG_MAX_SIZE)
		return err_set(err, ERR_USAGE, "%s: %zu bytes; a configuration has at most %d",
			       name, text.len, CONFIG_MAX_SIZE);
	copy = malloc(text.len + 1);
	if (!copy)
		return err_nomem(err, text.len + 1, name);
	if (text.len)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (create_empty(name, &c, err))
		return err->code;
	in.c = c;
	if (parse_text(&in, copy, text.len, err) || finish(&in, err))
		return err_wrap(err, "%s", name);
	*ret = no_cleanup_ptr(c);
	return 0;
}

void config_destroy(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_targets; i++) {
		free(c->targets[i].device);
		free(c->targets[i].fstype);
		free(c->targets[i].path);
		free(c->targets[i].mount_options);
	}
	free(c->targets);
	free(c->name);
	free(c->path);
	recipe_destroy(c->base);
	free(c->cmdline_append);
	recipe_free_strings(c->cmdline_remove);
	recipe_free_strings(c->notes);
	free(c);
}
