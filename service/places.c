// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "storage/device.h"
#include "format/crashpart.h"

#define MAX_PLACES 64

struct found {
	dev_t dev;
	ino_t ino;
};

struct search {
	const struct service *s;
	const struct config *config;
	struct mounts mounts;
	struct places places;
	struct found found[MAX_PLACES];
	char folder[PATH_MAX]; /* at hand */
};

const char *places_collected(const struct config *config)
{
	return config->path && *config->path ? config->path : PLACES_DEFAULT;
}

void places_deinit(struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct places){0};
}

static void cleanup_search(struct search **f)
{
	if (!*f)
		return;
	mounts_deinit(&(*f)->mounts);
	places_deinit(&(*f)->places);
	free(*f);
}

/* False if it is not there, or is one already; *ret_there says which. */
static bool is_new(struct search *f, const char *folder, bool *ret_there, struct found *ret)
{
	_cleanup_close_ int fd = root_open(f->s->root, folder, O_PATH | O_DIRECTORY);
	struct stat st;

	*ret_there = fd >= 0 && !fstat(fd, &st);
	if (!*ret_there)
		return false;
	for (size_t i = 0; i < f->places.n; i++)
		if (f->found[i].dev == st.st_dev && f->found[i].ino == st.st_ino)
			return false;
	*ret = (struct found){st.st_dev, st.st_ino};
	return true;
}

/* *ret_there: the folder is. */
static int add_folder(struct search *f, const char *folder, bool *ret_there, struct err *err)
{
	struct places *p = &f->places;
	struct found found;
	char **grown;

	if (!is_new(f, *folder ? folder : "/", ret_there, &found) || p->n == MAX_PLACES)
		return 0;
	grown = reallocarray(p->v, p->n + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (p->n + 1) * sizeof(*grown), "the folders of dumps");
	p->v = grown;
	grown[p->n] = strdup(*folder ? folder : "/");
	if (!grown[p->n])
		return err_nomem(err, strlen(folder) + 1, "a folder of dumps");
	f->found[p->n++] = found;
	return 0;
}

/* ---- file systems and shares that are mounted */

/* What of its file system is mounted, as that one's own root sees it: of btrfs without the subvolume's path. */
static const char *top_of(const struct mount *m, const char **ret_subvol, size_t *ret_len)
{
	const char *top = strcmp(m->root, "/") == 0 ? "" : m->root;
	size_t len = 0;
	const char *subvol =
		strcmp(m->type, "btrfs") == 0 ? mounts_option(m->options, "subvol=", &len) : NULL;

	*ret_subvol = subvol;
	*ret_len = len;
	if (subvol && len > 1 && strncmp(top, subvol, len) == 0 &&
	    (top[len] == '/' || top[len] == '\0'))
		top += len;
	return top;
}

/* Of a btrfs another subvolume than the target names is another tree of folders. */
static bool is_other_subvol(const struct config_target *t, const char *subvol, size_t len)
{
	const char *wanted;
	size_t wanted_len;

	if (!subvol || !t->mount_options)
		return false;
	wanted = mounts_option(t->mount_options, "subvol=", &wanted_len);
	if (!wanted)
		return false;
	for (; wanted_len && *wanted == '/'; wanted++)
		wanted_len--;
	for (; len && *subvol == '/'; subvol++)
		len--;
	return wanted_len != len || memcmp(wanted, subvol, len) != 0;
}

/* f->folder: where the target's folder is below this mount; false: it does not show it. */
static bool path_in_mount(struct search *f, const struct mount *m, const struct config_target *t,
			  const char *path)
{
	const char *subvol, *top, *rest;
	size_t len;

	top = top_of(m, &subvol, &len);
	if (is_other_subvol(t, subvol, len))
		return false;
	len = strlen(top);
	if (strncmp(path, top, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return false;
	if (snprintf(f->folder, PATH_MAX, "%s%s", strcmp(m->at, "/") == 0 ? "" : m->at,
		     path + len) >= PATH_MAX)
		return false;
	return mounts_of_path(&f->mounts, *f->folder ? f->folder : "/", &rest) ==
	       m; /* else it is hidden */
}

bool places_is_of_disk(const struct root *root, const struct mount *m,
		       const struct chain_disk *disk)
{
	struct chain_disk other;
	struct err ignored;
	int failed = -1;

	if (m->major)
		failed = chain_disk_by_number(root, m->major, m->minor, &other, &ignored);
	else if (strcmp(m->type, "btrfs") == 0) /* numbers of its own for each subvolume */
		failed = chain_disk_by_node(root, m->source, &other, &ignored);
	return !failed && strcmp(other.sysfs, disk->sysfs) == 0;
}

static bool is_of_target(const struct search *f, const struct mount *m,
			 const struct config_target *t, const struct chain_disk *disk)
{
	if (t->kind == TARGET_SHARE)
		return strcmp(m->type, t->fstype) == 0 && strcmp(m->source, t->device) == 0;
	return places_is_of_disk(f->s->root, m, disk);
}

static int add_mounted(struct search *f, const struct config_target *t,
		       const struct chain_disk *disk, const char *path, bool *ret_shown,
		       struct err *err)
{
	bool there = false;

	for (size_t i = 0; i < f->mounts.n && !there; i++) {
		const struct mount *m = &f->mounts.v[i];

		if (!is_of_target(f, m, t, disk) || !path_in_mount(f, m, t, path))
			continue;
		*ret_shown = true;
		if (add_folder(f, f->folder, &there, err))
			return err->code;
	}
	return 0;
}

static void tell_hidden(struct search *f, const struct config_target *t, const char *why)
{
	f->places.hidden++;
	service_tell(f->s, SERVICE_NOTE, "%s %s: its dumps cannot be looked at: %s", t->fstype,
		     t->device, why);
}

/* Of one that is mounted here all the same (NFS) nobody knows that it is the same. */
static void tell_remote(struct search *f, const struct config_target *t)
{
	bool web = t->kind == TARGET_HTTPS || t->kind == TARGET_S3; /* the device says it */
	const char *path = t->path           ? t->path
			   : web             ? ""
			   : f->config->path ? f->config->path
					     : PLACES_DEFAULT;

	f->places.hidden++;
	service_tell(f->s, SERVICE_NOTE,
		     "%s %s: its dumps are on another machine%s%s, in a folder with this one's "
		     "name, and are not looked at from here",
		     target_kind_name(t->kind), t->device, *path ? ", below " : "", path);
}

static int add_target(struct search *f, const struct config_target *t, struct err *err)
{
	const char *path = t->path ? t->path : f->config->path ? f->config->path : PLACES_DEFAULT;
	char node[DEVICE_PATH_MAX], why[ERR_MSG_SIZE];
	struct chain_disk disk = {.name = ""};
	struct err no_device;
	bool shown = false;

	if (t->kind == TARGET_FS && (device_find(t->device, f->s->root, node, &no_device) ||
				     chain_disk_by_node(f->s->root, node, &disk, &no_device))) {
		tell_hidden(f, t, no_device.msg);
		return 0;
	}
	if (add_mounted(f, t, &disk, path, &shown, err))
		return err->code;
	if (shown)
		return 0;
	snprintf(why, sizeof(why),
		 "it is not mounted, or not with the folder %s: mount it read-only on an empty "
		 "folder DIR (mount -t %s -o ro%s %.300s DIR), then `lifeboat list DIR%s`",
		 *path ? path : "/", t->fstype,
		 t->kind == TARGET_SHARE && strcmp(t->fstype, "9p") == 0 ? ",trans=virtio" : "",
		 t->device, path);
	tell_hidden(f, t, why);
	return 0;
}

/* What a dump_to_rootfs writes: below the root's own file system, whatever is mounted over it. */
static int add_rootfs(struct search *f, struct err *err)
{
	const char *path = f->config->path ? f->config->path : PLACES_DEFAULT, *rest;
	const struct mount *m = mounts_of_path(&f->mounts, *path ? path : "/", &rest);
	bool there;

	if (m && strcmp(m->at, "/") == 0)
		return add_folder(f, path, &there, err);
	f->places.hidden++;
	service_tell(
		f->s, SERVICE_NOTE,
		"dump_to_rootfs: %s of the root's file system is hidden by what is mounted at %s: "
		"its dumps cannot be looked at; bind-mount / elsewhere to see them",
		path, m ? m->at : "?");
	return 0;
}

/* ---- raw partitions */

static int count_waiting(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	size_t *n = ctx;

	(void)err;
	*n += entry->state != CRASHPART_COLLECTED;
	return 0;
}

static int count_raw(const struct search *f, const char *device, size_t *ret, struct err *err)
{
	char node[DEVICE_PATH_MAX];
	_cleanup_close_ int fd = -1;
	uint64_t size, end;

	if (device_find(device, f->s->root, node, err))
		return err->code;
	fd = root_open(f->s->root, node, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "%s%s: open", f->s->root->path, node);
	if (device_size(fd, node, &size, err))
		return err->code;
	return crashpart_walk(fd, size, node, count_waiting, ret, &end, err);
}

static void look_at_raw(struct search *f, const struct config_target *t)
{
	struct err why;
	size_t n = 0;

	if (count_raw(f, t->device, &n, &why)) {
		f->places.hidden++;
		service_tell(f->s, SERVICE_NOTE, "raw %s: its crashes cannot be looked at: %s",
			     t->device, why.msg);
	} else if (n) {
		f->places.waiting += n;
		service_tell(f->s, SERVICE_NOTE,
			     "raw %s: %zu crash%s not collected yet: `lifeboat collect` copies %s "
			     "to %s",
			     t->device, n, n == 1 ? " is" : "es are", n == 1 ? "it" : "them",
			     places_collected(f->config));
	}
}

/* ---- all of them */

static int add_all(struct search *f, struct err *err)
{
	const struct config *c = f->config;
	bool there;

	for (size_t i = 0; i < c->n_targets; i++) {
		if (c->targets[i].kind == TARGET_RAW)
			look_at_raw(f, &c->targets[i]);
		else if (recipe_is_remote(c->targets[i].kind))
			tell_remote(f, &c->targets[i]);
		else if (add_target(f, &c->targets[i], err))
			return err->code;
	}
	if (c->rootfs_last && add_rootfs(f, err))
		return err->code;
	if (add_folder(f, places_collected(c), &there, err))
		return err->code;
	return add_folder(f, PLACES_DEFAULT, &there, err);
}

int places_find(const struct service *s, const struct config *config, struct places *ret,
		struct err *err)
{
	_cleanup_(cleanup_search) struct search *f = calloc(1, sizeof(*f));
	struct err no_mounts;

	if (!f)
		return err_nomem(err, sizeof(*f), "the folders of dumps");
	f->s = s;
	f->config = config;
	if (mounts_read(s->root, &f->mounts, &no_mounts) && config->n_targets)
		service_tell(s, SERVICE_NOTE, "only the default folder is looked at: %s",
			     no_mounts.msg);
	if (add_all(f, err))
		return err->code;
	*ret = f->places;
	f->places = (struct places){0};
	return 0;
}
