// SPDX-License-Identifier: GPL-2.0-or-later
/* Where to: targets, and what belongs to them. */
#include <string.h>

#include "config/collector.h"
#include "config/reading.h"

#define MAX_PATH 1024
#define MAX_TAG  255

/* ---- paths */

/*
 * In the recipe's form: absolute, single slashes, none at the end, "" for the root. kdump puts the path behind the mount
 * point, so one without a slash in front works there.
 */
int reading_clean_path(const char *value, char **ret, struct err *err)
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
	if (to > clean && keyvalue_is_blank(to[-1]))
		return err_set(err, ERR_USAGE, "a path cannot end with a blank");
	if (to - clean > MAX_PATH)
		return err_set(err, ERR_USAGE, "a path of %zu bytes; there can be %d",
			       (size_t)(to - clean), MAX_PATH);
	*ret = no_cleanup_ptr(clean);
	return 0;
}

int reading_set_path(struct reading *in, const struct key *key, char *value, struct err *err)
{
	struct config *c = in->c;
	char **at = c->n_targets ? &c->targets[c->n_targets - 1].path : &c->path;
	char *clean;

	(void)key;
	if (*at)
		return err_set(err, ERR_USAGE,
			       c->n_targets && c->targets[c->n_targets - 1].kind == TARGET_S3
				       ? "s3://BUCKET/PREFIX says it already"
			       : c->n_targets ? "this target has one already"
					      : "it is there a second time");
	if (reading_clean_path(value, &clean, err))
		return err->code;
	*at = clean;
	if (c->n_targets)
		in->path_line[c->n_targets - 1] = in->line;
	if (*value != '/')
		return reading_note(in, err, "path: taken as %s", clean);
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
			return keyvalue_bad(device, "the tag of a share", err);
		return 0;
	}
	if (strncmp(device, "/dev/", 5) == 0 && device[5] && !strpbrk(device, " \t"))
		return reading_clean_path(device, &clean, err);
	if (is_tag(device, "PARTUUID=") || is_tag(device, "PARTLABEL="))
		return 0;
	if (kind == TARGET_RAW)
		return keyvalue_bad(device, "a partition: /dev/…, PARTUUID=… or PARTLABEL=…", err);
	if (is_tag(device, "UUID=") || is_tag(device, "LABEL="))
		return 0;
	return keyvalue_bad(device, "a device: /dev/…, UUID=…, LABEL=…, PARTUUID=… or PARTLABEL=…",
			    err);
}

/* Disks are the same thing whatever is on them. */
static bool is_same_sort(enum target_kind a, enum target_kind b)
{
	bool disk_a = a == TARGET_FS || a == TARGET_RAW, disk_b = b == TARGET_FS || b == TARGET_RAW;

	return a == b || (disk_a && disk_b);
}

static int check_not_twice(const struct config *c, enum target_kind kind, const char *device,
			   struct err *err)
{
	for (size_t i = 0; i < c->n_targets; i++) {
		const struct config_target *t = &c->targets[i];

		if (is_same_sort(t->kind, kind) && strcmp(t->device, device) == 0)
			return err_set(err, ERR_USAGE, "'%.*s' is a target already, in line %u",
				       KEYVALUE_QUOTE, device, t->line);
	}
	return 0;
}

void reading_free_target(struct config_target *t)
{
	free(t->device);
	free(t->fstype);
	free(t->path);
	free(t->mount_options);
	free(t->user);
	free(t->host);
	free(t->export);
	free(t->url);
	free(t->bucket);
	free(t->port);
	free(t->key_file);
	free(t->known_hosts);
	free(t->header);
	free(t->credentials);
	free(t->region);
	free(t->path_style);
	free(t->ca);
}

int reading_add_target(struct reading *in, enum target_kind kind, const char *fstype,
		       const char *device, struct config_target **ret, struct err *err)
{
	struct config_target t = {.kind = kind, .log_only = in->log_only, .line = in->line};
	struct config *c = in->c;
	struct config_target *grown;

	if (check_not_twice(c, kind, device, err))
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
	*ret = &grown[c->n_targets];
	grown[c->n_targets++] = t;
	return 0;
}

/* The device as written, but without double quotes: kdump takes UUID="…", as blkid prints it. */
static int add_target(struct reading *in, enum target_kind kind, const char *fstype, char *device,
		      struct err *err)
{
	struct config_target *t;
	char *to = device;

	for (const char *p = device; *p; p++)
		if (*p != '"')
			*to++ = *p;
	*to = '\0';
	if (check_device(kind, device, err))
		return err->code;
	return reading_add_target(in, kind, fstype, device, &t, err);
}

int reading_set_fs(struct reading *in, const struct key *key, char *value, struct err *err)
{
	return add_target(in, TARGET_FS, key->name, value, err);
}

int reading_set_share(struct reading *in, const struct key *key, char *value, struct err *err)
{
	return add_target(in, TARGET_SHARE, key->name, value, err);
}

int reading_set_raw(struct reading *in, const struct key *key, char *value, struct err *err)
{
	(void)key;
	return add_target(in, TARGET_RAW, "", value, err);
}

static bool is_target(const struct key *key)
{
	return key->set == reading_set_fs || key->set == reading_set_share ||
	       key->set == reading_set_raw || key->set == reading_set_nfs ||
	       key->set == reading_set_ssh || key->set == reading_set_https ||
	       key->set == reading_set_s3;
}

/* A kind of target by its name; one that is refused says so. */
static int set_target(struct reading *in, const char *kind, char *device, struct err *err)
{
	const struct key *key = reading_find_key(kind);

	if (!key || (!is_target(key) && key->set != reading_refuse))
		return keyvalue_bad(
			kind,
			"a kind of target: there are ext2, ext3, ext4, xfs, btrfs, vfat, "
			"exfat, f2fs, jfs, minix, raw, virtiofs, 9p, nfs, ssh, sftp, https and s3",
			err);
	if (key->set(in, key, device, err))
		return err_wrap(err, "%s", key->name);
	return 0;
}

int reading_set_log_only(struct reading *in, const struct key *key, char *value, struct err *err)
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

int reading_set_mount_options(struct reading *in, const struct key *key, char *value,
			      struct err *err)
{
	struct config *c = in->c;
	struct config_target *t = c->n_targets ? &c->targets[c->n_targets - 1] : NULL;

	(void)key;
	if (!t)
		return err_set(err, ERR_USAGE,
			       "it stands before the first target: write it behind one's line");
	if (t->kind != TARGET_FS && t->kind != TARGET_SHARE && t->kind != TARGET_NFS)
		return err_set(err, ERR_USAGE, "a target of the kind %s is not mounted",
			       *t->fstype ? t->fstype : "raw");
	if (t->mount_options)
		return err_set(err, ERR_USAGE, "this target has them already");
	if (strpbrk(value, " \t"))
		return keyvalue_bad(value, "a list of options with commas and without blanks", err);
	return reading_copy(value, &t->mount_options, err);
}

/* ---- dracut_args */

/* "DEVICE MOUNTPOINT FSTYPE OPTIONS", as behind dracut's --mount; where it would be mounted does not matter. */
static int add_mount(struct reading *in, const char *text, struct err *err)
{
	_cleanup_free_ char **field = NULL;
	const struct key *kind;
	size_t n = 0;

	if (collector_split(text, &field, err))
		return err->code;
	while (field[n])
		n++;
	if (n < 3)
		return keyvalue_bad(text, "\"DEVICE MOUNTPOINT FSTYPE OPTIONS\"", err);
	kind = reading_find_key(field[2]);
	if (kind && is_target(kind) && kind->set != reading_set_fs &&
	    kind->set != reading_set_share && kind->set != reading_set_nfs)
		return err_set(err, ERR_USAGE, "%s is no file system", field[2]);
	if (set_target(in, field[2], field[0], err))
		return err->code;
	if (n == 3 || strcmp(field[3], "defaults") == 0)
		return 0;
	return reading_set_mount_options(in, NULL, field[3], err);
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

int reading_set_dracut_args(struct reading *in, const struct key *key, char *value, struct err *err)
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
	return reading_note(in, err,
			    "dracut_args: there is no dracut here, so they are without effect%s",
			    mount ? ", but for --mount" : "");
}
