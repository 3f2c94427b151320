// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walk goes from /sys/devices down to the device: that is the order in which drivers find each other. The driver that a
 * node is bound to now is what it needs; only where the capture kernel is another one, and does not have that
 * driver under its name, the node's modalias decides, as udev would have it.
 */
#include "config/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "capture/recipe.h"
#include "config/realpath.h"

#define DEVICES      "/sys/devices"
#define MAX_VISITED  256 /* nodes, suppliers among them */
#define MAX_DEPTH    16  /* of suppliers of suppliers */
#define MAX_MODALIAS 4096

struct walk {
	const struct chain *c;
	char *visited[MAX_VISITED];
	size_t n_visited;
};

static int walk_device(struct walk *w, const char *device, unsigned int depth, struct err *err);

static void deinit_walk(struct walk *w)
{
	for (size_t i = 0; i < w->n_visited; i++)
		free(w->visited[i]);
}

/* ---- names of modules */

static bool same_module(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

static int append(const struct chain *c, const char *name, struct err *err)
{
	for (char **m = *c->modules; *m; m++)
		if (same_module(*m, name))
			return 0;
	return recipe_add_string(c->modules, name, err);
}

/* Loaded now, as a module: what is built in may have a folder there, but no such state. */
static bool is_loaded(const struct chain *c, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "/sys/module/%s/initstate", name) < PATH_MAX &&
	       root_exists(c->root, path);
}

int chain_add_module(const struct chain *c, const char *name, struct err *err)
{
	bool unknown = !kmods_known(c->kmods) && is_loaded(c, name);

	return kmods_find(c->kmods, name) == KMODS_FILE || unknown ? append(c, name, err) : 0;
}

static int append_alias(void *ctx, const char *module, struct err *err)
{
	return append(ctx, module, err);
}

static int append_alias_if_loaded(void *ctx, const char *module, struct err *err)
{
	const struct chain *c = ctx;

	return is_loaded(c, module) ? append(c, module, err) : 0;
}

/* ---- one node */

/* The last component of where a link leads to. */
static bool link_name(const struct root *root, const char *folder, const char *link,
		      char ret[NAME_MAX + 1])
{
	char path[PATH_MAX], real[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, link) >= PATH_MAX ||
	    !realpath_below(root, path, real))
		return false;
	snprintf(ret, NAME_MAX + 1, "%s", strrchr(real, '/') + 1);
	return true;
}

static int add_by_alias(const struct chain *c, const char *node, bool bound, struct err *err)
{
	_cleanup_free_ char *alias = NULL;
	char path[PATH_MAX];
	struct err ignored;
	bool builtin;
	size_t len;

	if (snprintf(path, sizeof(path), "%s/modalias", node) >= PATH_MAX ||
	    root_read(c->root, path, MAX_MODALIAS, &alias, &len, &ignored))
		return 0;
	alias[strcspn(alias, "\n")] = '\0';
	/* a node that does without a driver now would get one that nothing here needs (a PCI bridge's hotplug) */
	return kmods_aliased(c->kmods, alias, bound ? append_alias : append_alias_if_loaded,
			     (void *)c, &builtin, err);
}

/* `wanted`: this is the device itself, which has to have a driver even if it has none yet. */
static int add_node(const struct chain *c, const char *node, bool wanted, struct err *err)
{
	char driver[NAME_MAX + 1], module[NAME_MAX + 1];

	if (!link_name(c->root, node, "driver", driver))
		return add_by_alias(c, node, wanted, err);
	if (link_name(c->root, node, "driver/module", module)) {
		switch (kmods_find(c->kmods, module)) {
		case KMODS_FILE:
			return append(c, module, err);
		case KMODS_BUILTIN:
			return 0;
		case KMODS_NONE:
			break;
		}
		/* it is loaded, so it is needed: that it has no file is for the image's builder to say */
		if (is_loaded(c, module) && (c->same_kernel || !kmods_known(c->kmods)))
			return append(c, module, err);
	}
	return c->same_kernel ? 0 : add_by_alias(c, node, true, err);
}

/* ---- the walk */

static bool is_visited(const struct walk *w, const char *node)
{
	for (size_t i = 0; i < w->n_visited; i++)
		if (strcmp(w->visited[i], node) == 0)
			return true;
	return false;
}

/*
 * Clocks, regulators, PHYs, IOMMUs: a device waits for those that firmware says it needs
 * (Documentation/driver-api/device_link.rst), and they are elsewhere in the tree.
 */
static int walk_supplier(struct walk *w, const char *node, const char *name, unsigned int depth,
			 struct err *err)
{
	_cleanup_free_ char *link = NULL;
	char real[PATH_MAX];

	if (asprintf(&link, "%s/%s/supplier", node, name) < 0) {
		link = NULL;
		return err_nomem(err, strlen(node), "a device");
	}
	return realpath_below(w->c->root, link, real) ? walk_device(w, real, depth + 1, err) : 0;
}

static int walk_suppliers(struct walk *w, const char *node, unsigned int depth, struct err *err)
{
	char **names = realpath_list(w->c->root, node);
	int r = 0;

	if (!names)
		return err_nomem(err, 0, node);
	for (char **n = names; *n && !r; n++)
		if (strncmp(*n, "supplier:", 9) == 0)
			r = walk_supplier(w, node, *n, depth, err);
	realpath_list_free(names);
	return r;
}

static int walk_node(struct walk *w, const char *node, bool wanted, unsigned int depth,
		     struct err *err)
{
	if (is_visited(w, node) || w->n_visited == MAX_VISITED)
		return 0;
	w->visited[w->n_visited] = strdup(node);
	if (!w->visited[w->n_visited])
		return err_nomem(err, strlen(node) + 1, "a device");
	w->n_visited++;
	if (depth < MAX_DEPTH && walk_suppliers(w, node, depth, err))
		return err->code;
	return add_node(w->c, node, wanted, err);
}

static int walk_device(struct walk *w, const char *device, unsigned int depth, struct err *err)
{
	size_t len = strlen(device), at = strlen(DEVICES);
	char node[PATH_MAX];

	if (len >= sizeof(node) || strncmp(device, DEVICES "/", at + 1) != 0)
		return 0;
	while (at < len) {
		at += 1 + strcspn(device + at + 1, "/");
		memcpy(node, device, at);
		node[at] = '\0';
		if (walk_node(w, node, at == len, depth, err))
			return err->code;
	}
	return 0;
}

int chain_add_device(const struct chain *c, const char *sysfs, struct err *err)
{
	_cleanup_(deinit_walk) struct walk w = {.c = c};
	char real[PATH_MAX];

	return realpath_below(c->root, sysfs, real) ? walk_device(&w, real, 0, err) : 0;
}

/*
 * An NVMe disk that may have several paths (CMIC, multipath=Y) does not hang on its controllers: these are links
 * "nvme0" … in the subsystem's folder.
 */
static int add_nvme_paths(const struct chain *c, const char *sysfs, struct err *err)
{
	static const char subsystems[] = DEVICES "/virtual/nvme-subsystem/";
	char folder[PATH_MAX], path[PATH_MAX];
	char **names;
	int r = 0;

	if (strncmp(sysfs, subsystems, strlen(subsystems)) != 0)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s",
		 (int)(strlen(subsystems) + strcspn(sysfs + strlen(subsystems), "/")), sysfs);
	names = realpath_list(c->root, folder);
	if (!names)
		return err_nomem(err, 0, folder);
	for (char **n = names; *n && !r; n++) {
		size_t digits = strncmp(*n, "nvme", 4) == 0 ? strspn(*n + 4, "0123456789") : 0;

		if (digits && !(*n)[4 + digits] &&
		    snprintf(path, sizeof(path), "%s/%s", folder, *n) < PATH_MAX)
			r = chain_add_device(c, path, err);
	}
	realpath_list_free(names);
	return r;
}

int chain_add_disk_at(const struct chain *c, const char *sysfs, struct err *err)
{
	if (chain_add_device(c, sysfs, err))
		return err->code;
	return add_nvme_paths(c, sysfs, err);
}

int chain_add_disk(const struct chain *c, const struct chain_disk *disk, struct err *err)
{
	return chain_add_disk_at(c, disk->sysfs, err);
}

/* ---- disks */

static bool flag_of(const struct root *root, const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct err ignored;
	uint64_t v;

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < PATH_MAX &&
	       !root_read_u64(root, path, &v, &ignored) && v;
}

static bool has_file(const struct root *root, const char *folder, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < PATH_MAX &&
	       root_exists(root, path);
}

/* "/usb3/" in the path: of the controller's root hub. */
static bool is_behind_usb(const char *sysfs)
{
	const char *at = sysfs;

	while ((at = strstr(at, "/usb"))) {
		size_t digits = strspn(at + 4, "0123456789");

		if (digits && at[4 + digits] == '/')
			return true;
		at += 4;
	}
	return false;
}

static int look_at_disk(const struct root *root, const char *link, const char *what,
			struct chain_disk *ret, struct err *err)
{
	struct chain_disk d = {0};
	char whole[PATH_MAX];
	const char *name;

	if (!realpath_below(root, link, d.sysfs))
		return err_set(err, ERR_NOT_FOUND,
			       "%s is no block device of this machine: there is no %s", what, link);
	name = strrchr(d.sysfs, '/') + 1;
	if (strncmp(d.sysfs, DEVICES "/", strlen(DEVICES "/")) != 0 ||
	    strlen(name) >= sizeof(d.name))
		return err_set(err, ERR_CORRUPT, "%s leads to %s, which is no device", link,
			       d.sysfs);
	strcpy(d.name, name);
	d.partition = has_file(root, d.sysfs, "partition");
	strcpy(whole, d.sysfs);
	if (d.partition)
		*strrchr(whole, '/') = '\0';
	d.removable = flag_of(root, whole, "removable");
	d.read_only = flag_of(root, whole, "ro") || flag_of(root, d.sysfs, "ro");
	d.usb = is_behind_usb(d.sysfs);
	*ret = d;
	return 0;
}

int chain_disk_by_number(const struct root *root, unsigned int major, unsigned int minor,
			 struct chain_disk *ret, struct err *err)
{
	char link[64], what[32];

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
	snprintf(what, sizeof(what), "device %u:%u", major, minor);
	return look_at_disk(root, link, what, ret, err);
}

int chain_disk_by_node(const struct root *root, const char *node, struct chain_disk *ret,
		       struct err *err)
{
	_cleanup_close_ int fd = root_open(root, node, O_PATH);
	char real[PATH_MAX], link[PATH_MAX + 32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s%s", root->path, node);
	if (S_ISBLK(st.st_mode)) {
		if (chain_disk_by_number(root, major(st.st_rdev), minor(st.st_rdev), ret, err))
			return err_wrap(err, "%s", node);
		return 0;
	}
	/* a recorded machine has no nodes, but files of their names; sysfs has '!' for '/' */
	if (root->fd < 0 || !realpath_below(root, node, real) || strncmp(real, "/dev/", 5) != 0)
		return err_set(err, ERR_USAGE, "%s%s is no block device", root->path, node);
	for (char *p = real + 5; *p; p++)
		if (*p == '/')
			*p = '!';
	snprintf(link, sizeof(link), "/sys/class/block/%s", real + 5);
	return look_at_disk(root, link, node, ret, err);
}
