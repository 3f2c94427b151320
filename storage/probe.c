// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "storage/device.h"
#include "storage/dm.h"
#include "storage/luks.h"
#include "storage/lvm.h"
#include "storage/mdraid.h"
#include "storage/walk.h"

#define SYS_BLOCK "/sys/class/block"
#define VIRTUAL   "/devices/virtual/block/"
#define MAX_NAMES 4096

/* ---- sysfs */

void walk_line(const struct root *root, char ret[WALK_LINE], const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	char path[WALK_PATH];
	struct err ignored;
	va_list args;
	size_t len;
	int n;

	*ret = '\0';
	va_start(args, fmt);
	n = vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (n < 0 || n >= WALK_PATH || root_read(root, path, 4096, &text, &len, &ignored))
		return;
	text[strcspn(text, "\n")] = '\0';
	text_plain(text, ret, WALK_LINE);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void walk_list_free(char **names)
{
	for (char **n = names; n && *n; n++)
		free(*n);
	free(names);
}

char **walk_list(const struct root *root, const char *folder, const char *prefix)
{
	int fd = root_open(root, folder, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char **names = calloc(MAX_NAMES + 1, sizeof(*names));
	struct dirent *e;
	size_t n = 0;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && names && n < MAX_NAMES && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		names[n] = strdup(e->d_name);
		if (names[n++])
			continue;
		walk_list_free(names);
		names = NULL;
	}
	if (dir)
		closedir(dir);
	if (names)
		qsort(names, n, sizeof(*names), compare_names);
	return names;
}

/* "../../devices/pci…/block/sda/sda1" without what leads up; "" if there is none. */
static void read_link(const struct root *root, const char *kernel, char ret[WALK_PATH])
{
	char path[WALK_PATH];
	ssize_t n;

	*ret = '\0';
	snprintf(path, sizeof(path), SYS_BLOCK "/%s", kernel);

	_cleanup_close_ int fd = root_open(root, path, O_PATH | O_NOFOLLOW);

	n = fd < 0 ? -1 : readlinkat(fd, "", path, sizeof(path) - 1);
	if (n <= 0 || n == sizeof(path) - 1)
		return;
	path[n] = '\0';
	if (strstr(path, "/devices/"))
		snprintf(ret, WALK_PATH, "%s", strstr(path, "/devices/"));
}

int walk_open(const struct root *root, const char *kernel, uint64_t *ret_size, struct err *err)
{
	char node[DEVICE_PATH_MAX];
	int fd;

	snprintf(node, sizeof(node), "/dev/%.200s", kernel);
	for (char *p = node; *p; p++)
		if (*p == '!')
			*p = '/';
	fd = root_open(root, node, O_RDONLY);
	if (fd < 0) {
		err_sys(err, errno, "%s", node);
		return -1;
	}
	if (!device_size(fd, node, ret_size, err))
		return fd;
	close(fd);
	return -1;
}

/* ---- whom it tells */

int walk_modules(const struct walk *w, const char *const *names, struct err *err)
{
	for (; *names; names++)
		if (w->env->module(w->env->ctx, *names, err))
			return err->code;
	return 0;
}

int walk_program(const struct walk *w, const char *name, const char *package, struct err *err)
{
	static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[WALK_PATH];

		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (root_exists(w->env->root, path))
			return w->env->program(w->env->ctx, path, err);
	}
	return err_set(err, ERR_NOT_FOUND, "the capture needs %s: it is in the package %s", name,
		       package);
}

int walk_note(const struct walk *w, struct err *err, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return w->env->note(w->env->ctx, text, err);
}

int walk_set(struct layer *l, struct err *err, ...)
{
	const char *key, *value;
	va_list args;
	int r = 0;

	va_start(args, err);
	while (!r && (key = va_arg(args, const char *))) {
		value = va_arg(args, const char *);
		if (value && *value)
			r = layer_set(l, key, value, err);
	}
	va_end(args);
	return r ? err_wrap(err, "%s", l->name) : 0;
}

/* ---- what a member that is no layer is called */

static int name_by_content(struct walk *w, const char *kernel, enum walk_for what, char *ret,
			   size_t size, struct err *err)
{
	uint64_t bytes;
	_cleanup_close_ int fd = walk_open(w->env->root, kernel, &bytes, err);
	struct mdraid md;
	struct fsid id;
	char name[MDRAID_NAME];

	if (fd < 0)
		return err->code;
	if (what == WALK_FOR_MD) {
		if (mdraid_read(fd, bytes, kernel, &md, err))
			return err->code;
		mdraid_name(&md, name);
		snprintf(ret, size, "MD=%s", name);
		return 0;
	}
	if (fsid_read(fd, bytes, kernel, &id, err))
		return err->code;
	if (what == WALK_FOR_LVM && strcmp(id.type, "LVM2_member") == 0 && *id.uuid)
		snprintf(ret, size, "LVMPV=%s", id.uuid);
	else if (what == WALK_FOR_LUKS && strcmp(id.type, "crypto_LUKS") == 0 && *id.uuid)
		snprintf(ret, size, "LUKS=%s", id.uuid);
	else
		return err_set(err, ERR_UNSUPPORTED, "%s holds no %s", kernel,
			       what == WALK_FOR_LVM
				       ? "label of a physical volume"
				       : "LUKS header: it is elsewhere, or there is none");
	return 0;
}

static int name_disk(struct walk *w, const char *kernel, char *ret, size_t size, struct err *err)
{
	char node[DEVICE_PATH_MAX], uuid[FSID_UUID_SIZE], wwid[DEVICE_WWID_SIZE];
	struct err ignored;

	snprintf(node, sizeof(node), "/dev/%.200s", kernel);
	for (char *p = node; *p; p++)
		if (*p == '!')
			*p = '/';
	if (!device_partuuid(node, w->env->root, uuid, &ignored))
		snprintf(ret, size, "PARTUUID=%s", uuid);
	else if (!device_wwid(kernel, w->env->root, wwid, &ignored))
		snprintf(ret, size, "WWID=%s", wwid);
	else {
		snprintf(ret, size, "%s", node);
		return walk_note(w, err,
				 "%s has neither a PARTUUID nor a WWID: after a crash another disk "
				 "may have its name",
				 node);
	}
	return 0;
}

static int name_plain(struct walk *w, const char *kernel, enum walk_for what, char *ret,
		      size_t size, struct err *err)
{
	char wwid[DEVICE_WWID_SIZE];

	switch (what) {
	case WALK_FOR_LVM:
	case WALK_FOR_LUKS:
	case WALK_FOR_MD:
		return name_by_content(w, kernel, what, ret, size, err);
	case WALK_FOR_MULTIPATH:
		if (device_wwid(kernel, w->env->root, wwid, err))
			return err->code;
		snprintf(ret, size, "WWID=%s", wwid);
		return 0;
	case WALK_FOR_DM:
	default:
		return name_disk(w, kernel, ret, size, err);
	}
}

static bool is_partition(const struct root *root, const char *kernel)
{
	char line[WALK_LINE];

	walk_line(root, line, SYS_BLOCK "/%s/partition", kernel);
	return *line;
}

static int add_member(struct walk *w, const char *kernel, enum walk_for what,
		      struct walk_members *ret, struct err *err)
{
	struct walk_member *m = &ret->v[ret->n];
	char layer[LAYER_NAME], text[512], part[300] = "";

	if (strlen(kernel) >= sizeof(m->kernel))
		return err_set(err, ERR_UNSUPPORTED, "a device with a name of %zu bytes",
			       strlen(kernel));
	if (walk_device(w, kernel, layer, err))
		return err->code;
	if (*layer && is_partition(w->env->root, kernel)) {
		if (name_disk(w, kernel, part + 1, sizeof(part) - 1, err))
			return err->code;
		part[0] = ' ';
		if (strncmp(part + 1, "PARTUUID=", 9) != 0)
			return err_set(err, ERR_UNSUPPORTED, "%s is a partition without a PARTUUID",
				       kernel);
	}
	if (*layer)
		snprintf(text, sizeof(text), "layer:%s%s", layer, part);
	else if (name_plain(w, kernel, what, text, sizeof(text), err))
		return err->code;
	*m = (struct walk_member){.layer = *layer};
	strcpy(m->kernel, kernel);
	walk_line(w->env->root, part, SYS_BLOCK "/%s/dev", kernel);
	snprintf(m->number, sizeof(m->number), "%.23s", part);
	m->text = strdup(text);
	if (!m->text)
		return err_nomem(err, strlen(text), kernel);
	ret->n++;
	return 0;
}

int walk_members(struct walk *w, const char *kernel, enum walk_for what, struct walk_members *ret,
		 struct err *err)
{
	char folder[WALK_PATH];
	char **names;
	size_t n = 0;
	int r = 0;

	*ret = (struct walk_members){0};
	snprintf(folder, sizeof(folder), SYS_BLOCK "/%s/slaves", kernel);
	names = walk_list(w->env->root, folder, "");
	while (names && names[n])
		n++;
	ret->v = calloc(n + 1, sizeof(*ret->v));
	if (!names || !ret->v)
		r = err_nomem(err, n * sizeof(*ret->v), folder);
	for (size_t i = 0; i < n && !r; i++)
		r = add_member(w, names[i], what, ret, err);
	walk_list_free(names);
	if (r)
		walk_members_deinit(ret);
	return r;
}

void walk_members_deinit(struct walk_members *members)
{
	for (size_t i = 0; i < members->n; i++)
		free(members->v[i].text);
	free(members->v);
	*members = (struct walk_members){0};
}

/* ---- MD */

static int md_modules(const struct walk *w, const char *level, struct err *err)
{
	static const char *const parity[] = {"raid456", NULL};
	const char *const names[] = {"md_mod", NULL};
	const char *const own[] = {level, NULL};

	if (walk_modules(w, names, err))
		return err->code;
	if (strcmp(level, "raid4") == 0 || strcmp(level, "raid5") == 0 ||
	    strcmp(level, "raid6") == 0)
		return walk_modules(w, parity, err);
	if (strcmp(level, "linear") == 0)
		return walk_modules(w, (const char *const[]){"md_linear", "linear", NULL}, err);
	return walk_modules(w, own, err);
}

/* The array's uuid, from the superblock of a member. */
static int md_uuid(struct walk *w, const struct walk_members *members, struct mdraid *ret,
		   struct err *err)
{
	int r = err_set(err, ERR_NOT_FOUND, "it has no members");

	for (size_t i = 0; i < members->n && r; i++) {
		uint64_t size;
		_cleanup_close_ int fd = walk_open(w->env->root, members->v[i].kernel, &size, err);

		r = fd < 0 ? err->code : mdraid_read(fd, size, members->v[i].kernel, ret, err);
	}
	return r;
}

static int add_md(struct walk *w, const char *kernel, const struct walk_members *members,
		  struct err *err)
{
	struct mdraid md;
	struct layer *l;

	if (md_uuid(w, members, &md, err) || layers_add(w->layers, kernel, &l, err) ||
	    walk_set(l, err, "kind", "md", "uuid", md.uuid, NULL))
		return err->code;
	for (size_t i = 0; i < members->n; i++)
		if (layer_set(l, "member", members->v[i].text, err))
			return err_wrap(err, "%s", kernel);
	return 0;
}

static int walk_md(struct walk *w, const char *kernel, char ret[LAYER_NAME], struct err *err)
{
	const struct root *root = w->env->root;
	char version[WALK_LINE], level[WALK_LINE];
	struct walk_members members;
	int r;

	snprintf(ret, LAYER_NAME, "%s", kernel);
	if (layers_find(w->layers, kernel))
		return 0;
	walk_line(root, version, SYS_BLOCK "/%s/md/metadata_version", kernel);
	walk_line(root, level, SYS_BLOCK "/%s/md/level", kernel);
	if (strncmp(version, "external:", 9) == 0)
		return err_set(
			err, ERR_UNSUPPORTED,
			"its metadata is that of a firmware (%.60s), which the kernel alone cannot "
			"read: name another target",
			version + 9);
	if (strcmp(version, "none") == 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "it has no superblock that says what it is made of");
	if (walk_members(w, kernel, WALK_FOR_MD, &members, err))
		return err->code;
	r = add_md(w, kernel, &members, err);
	walk_members_deinit(&members);
	return r ? r : md_modules(w, level, err);
}

/* ---- dispatch */

static const struct virtual
{
	const char *prefix, *what, *instead;
}
virtuals[] = {
	{"loop", "a loop device", "name the file system that its file is in"},
	{"zram", "compressed memory (zram)", "it is lost with the memory"},
	{"ram", "a RAM disk", "it is lost with the memory"},
	{"nbd", "a network block device (nbd)", "name an iSCSI disk, or a target that is a server"},
	{"drbd", "a DRBD device",
	 "its peer would have to agree: name a target that is not replicated"},
	{"bcache", "a bcache device",
	 "what is in the cache only would be missing: name another target"},
	{"zd", "a ZFS volume", "the capture kernel has no ZFS: name another target"},
	{"rbd", "a Ceph block device (rbd)",
	 "its cluster would have to be joined: name another target"},
	{"", "a virtual disk", "name another target"},
};

static int refuse_virtual(const char *kernel, const struct root *root, struct err *err)
{
	const struct virtual *v = virtuals;
	char file[WALK_LINE] = "";

	while (strncmp(kernel, v->prefix, strlen(v->prefix)) != 0)
		v++;
	if (strcmp(v->prefix, "loop") == 0)
		walk_line(root, file, SYS_BLOCK "/%s/loop/backing_file", kernel);
	return err_set(err, ERR_UNSUPPORTED, "%s is %s%s%.100s: %s", kernel, v->what,
		       *file ? " of the file " : "", file, v->instead);
}

/* "dm-1 (vg-root)" */
static void describe(const struct root *root, const char *kernel, char ret[WALK_LINE])
{
	char name[WALK_LINE];

	walk_line(root, name, SYS_BLOCK "/%s/dm/name", kernel);
	if (*name)
		snprintf(ret, WALK_LINE, "%.60s (%.130s)", kernel, name);
	else
		snprintf(ret, WALK_LINE, "%.60s", kernel);
}

/* A component "session7": an iSCSI disk hangs on one (drivers/scsi/scsi_transport_iscsi.c). */
static bool has_session(const char *link)
{
	for (const char *at = link; (at = strstr(at, "/session")); at += 8) {
		size_t digits = strspn(at + 8, "0123456789");

		if (digits && at[8 + digits] == '/')
			return true;
	}
	return false;
}

/*
 * The controller of an NVMe disk behind a network: the first one of its subsystem, or what it hangs on. False: it is a disk
 * of this machine, or none of NVMe.
 */
static bool find_controller(const struct root *root, const char *kernel, const char *link,
			    char ret[WALK_LINE], char transport[WALK_LINE])
{
	char folder[WALK_PATH + 16];
	char **names;
	bool found = false;

	if (strncmp(kernel, "nvme", 4) != 0)
		return false;
	/* …/nvme-subsystem/nvme-subsys0/nvme0n1 or …/nvme-fabrics/ctl/nvme0/nvme0n1 */
	snprintf(folder, sizeof(folder), "/sys%s", link);
	*strrchr(folder, '/') = '\0';
	if (!strstr(folder, "/nvme-subsystem/")) {
		snprintf(ret, WALK_LINE, "%.200s", strrchr(folder, '/') + 1);
		walk_line(root, transport, "/sys/class/nvme/%s/transport", ret);
		return *transport && strcmp(transport, "pcie") != 0;
	}
	names = walk_list(root, folder, "nvme");
	for (char **n = names; n && *n && !found; n++) {
		walk_line(root, transport, "/sys/class/nvme/%s/transport", *n);
		found = *transport && strcmp(transport, "pcie") != 0;
		if (found)
			snprintf(ret, WALK_LINE, "%.200s", *n);
	}
	walk_list_free(names);
	return found;
}

static int walk_whole(struct walk *w, const char *kernel, char ret[LAYER_NAME], struct err *err)
{
	const struct root *root = w->env->root;
	char link[WALK_PATH], controller[WALK_LINE], transport[WALK_LINE], path[WALK_PATH + 8];

	read_link(root, kernel, link);
	if (!*link)
		return err_set(err, ERR_NOT_FOUND, "there is no " SYS_BLOCK "/%.100s", kernel);
	if (strncmp(link, VIRTUAL "dm-", strlen(VIRTUAL "dm-")) == 0)
		return walk_mapped(w, kernel, ret, err);
	if (strncmp(link, VIRTUAL "md", strlen(VIRTUAL "md")) == 0)
		return walk_md(w, kernel, ret, err);
	if (has_session(link))
		return walk_iscsi(w, kernel, link, ret, err);
	if (find_controller(root, kernel, link, controller, transport)) {
		if (strcmp(transport, "tcp") == 0)
			return walk_nvme(w, kernel, controller, ret, err);
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is an NVMe disk behind a network of the kind %.20s: TCP is what the "
			"capture brings up",
			transport);
	}
	if (strncmp(link, VIRTUAL, strlen(VIRTUAL)) == 0 ||
	    strncmp(link, "/devices/rbd/", strlen("/devices/rbd/")) == 0)
		return refuse_virtual(kernel, root, err);
	*ret = '\0';
	snprintf(path, sizeof(path), "/sys%s", link);
	return w->env->disk(w->env->ctx, path, err);
}

int walk_device(struct walk *w, const char *kernel, char ret[LAYER_NAME], struct err *err)
{
	char link[WALK_PATH], whole[64], text[WALK_LINE];
	char *slash;
	int r;

	if (w->depth == WALK_MAX_DEPTH)
		return err_set(err, ERR_UNSUPPORTED, "more than %d layers on each other",
			       WALK_MAX_DEPTH);
	if (strlen(kernel) >= sizeof(whole))
		return err_set(err, ERR_UNSUPPORTED, "a device with a name of %zu bytes",
			       strlen(kernel));
	strcpy(whole, kernel);
	if (is_partition(w->env->root, kernel)) {
		read_link(w->env->root, kernel, link);
		slash = strrchr(link, '/');
		if (slash)
			*slash = '\0';
		slash = strrchr(link, '/');
		if (!slash || strlen(slash + 1) >= sizeof(whole))
			return err_set(err, ERR_CORRUPT, "%s is a partition of no disk", kernel);
		strcpy(whole, slash + 1);
	}
	w->depth++;
	r = walk_whole(w, whole, ret, err);
	w->depth--;
	if (!r || strstr(err->msg, whole) == err->msg)
		return r;
	describe(w->env->root, whole, text);
	return err_wrap(err, "%s", text);
}

int probe_dm_table(const struct probe_env *env, const char *name, char **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[WALK_PATH];
	size_t len;

	if (env->root->fd < 0)
		return dm_table(env->root, &sys_kernel, name, ret, err);
	snprintf(path, sizeof(path), "/dm/%.128s", name);
	if (root_read(env->root, path, 1 << 20, &text, &len, err))
		return err->code;
	*ret = text;
	text = NULL;
	return 0;
}

int storage_probe(const struct probe_env *env, const char *sysfs, struct layers *layers,
		  char ret_layer[LAYER_NAME], struct err *err)
{
	const char *kernel = strrchr(sysfs, '/');
	struct walk w = {.env = env, .layers = layers};
	size_t before = layers->n;
	char layer[LAYER_NAME];
	int r;

	if (!kernel)
		return err_set(err, ERR_USAGE, "'%.100s' is no folder of sysfs", sysfs);
	r = walk_device(&w, kernel + 1, layer, err);
	if (!r)
		r = layers_check(layers, err); /* what a recipe could not say */
	if (r) {
		/* half of a stack would be found by the next one that stands on it */
		layers_cut(layers, before);
		return r;
	}
	strcpy(ret_layer, layer);
	return 0;
}
