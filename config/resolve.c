// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/resolve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/mountopts.h"
#include "config/realpath.h"
#include "config/resolver.h"

#define DEFAULT_PATH "/var/crash"
#define MAX_NOTES    256

/* ---- small parts */

int resolver_note(struct resolver *r, struct err *err, const char *fmt, ...)
{
	char **grown, *text = NULL;
	size_t n = 0;
	va_list args;
	int len;

	while (r->notes[n])
		n++;
	if (n == MAX_NOTES)
		return 0;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	grown = len < 0 ? NULL : reallocarray(r->notes, n + 2, sizeof(*grown));
	if (!grown) {
		if (len >= 0)
			free(text);
		return err_nomem(err, 0, "a note");
	}
	r->notes = grown;
	grown[n] = text;
	grown[n + 1] = NULL;
	return 0;
}

int resolver_set(char **at, const char *text, struct err *err)
{
	char *copy = strdup(text);

	if (!copy)
		return err_nomem(err, strlen(text) + 1, "a target");
	free(*at);
	*at = copy;
	return 0;
}

int resolver_add_target(struct resolver *r, const struct wish *w, const char *place,
			struct recipe_target **ret, struct err *err)
{
	size_t n = r->recipe->n_targets;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(r->places[i], place) != 0)
			continue;
		*ret = NULL;
		if (w->implied)
			return resolver_note(r, err, "%s: it is target %zu already", w->said,
					     i + 1);
		return err_set(err, ERR_USAGE,
			       "this is the same place as target %zu: remove one of them", i + 1);
	}
	if (recipe_add_target(r->recipe, w->kind, ret, err))
		return err->code;
	(*ret)->log_only = w->log_only;
	r->places[n] = strdup(place);
	return r->places[n] ? 0 : err_nomem(err, strlen(place) + 1, "a target");
}

/* ---- shares */

static const struct mount *mount_of_share(const struct resolver *r, const char *type,
					  const char *tag)
{
	for (size_t i = 0; i < r->mounts.n; i++)
		if (strcmp(r->mounts.v[i].type, type) == 0 &&
		    strcmp(r->mounts.v[i].source, tag) == 0)
			return &r->mounts.v[i];
	return NULL;
}

static int share_options(const struct wish *w, const struct mount *m, char **ret, struct err *err)
{
	_cleanup_free_ char *dropped = NULL;

	if (w->options)
		return mountopts_of_config(w->options, ret, &dropped, err);
	if (m)
		return mountopts_of_mounted(w->fstype, m->options, ret, err);
	return mountopts_default(w->fstype, ret, err);
}

static int add_share(struct resolver *r, const struct wish *w, struct err *err)
{
	const struct mount *m = w->mount ? w->mount : mount_of_share(r, w->fstype, w->device);
	_cleanup_free_ char *options = NULL, *place = NULL;
	struct recipe_target *t;
	bool sure;

	if (share_options(w, m, &options, err) ||
	    chain_add_share(&r->chain, w->fstype, w->device, &sure, err) ||
	    chain_add_fs(&r->chain, r->kernel, w->fstype, options, err))
		return err->code;
	if (asprintf(&place, "%s %s %s", w->fstype, w->device, w->path) < 0) {
		place = NULL;
		return err_nomem(err, PATH_MAX, "a target");
	}
	if (resolver_add_target(r, w, place, &t, err))
		return err->code;
	if (!t)
		return 0;
	if (resolver_set(&t->device, w->device, err) || resolver_set(&t->fstype, w->fstype, err) ||
	    resolver_set(&t->mount_options, options, err) || resolver_set(&t->path, w->path, err))
		return err->code;
	if (!sure && !m &&
	    resolver_note(r, err,
			  "%s: this kernel does not tell the tags of its shares (is the module %s "
			  "loaded?): whether there is one '%s' was not checked",
			  w->said, w->fstype, w->device))
		return err->code;
	return resolver_note(r, err, "%s: %s share '%s', folder %s%s%s", w->said, w->fstype,
			     w->device, *w->path ? w->path : "/", m ? ", mounted now at " : "",
			     m ? m->at : "");
}

/* ---- targets of the configuration */

static const char *path_for_all(const struct config *c)
{
	return c->path ? c->path : DEFAULT_PATH;
}

static int add_wish(struct resolver *r, const struct wish *w, struct err *err)
{
	switch (w->kind) {
	case TARGET_FS:
		return resolver_add_fs(r, w, err);
	case TARGET_SHARE:
		return add_share(r, w, err);
	case TARGET_RAW:
		return resolver_add_raw(r, w, err);
	}
	return 0;
}

static int add_configured(struct resolver *r, const struct config_target *t, struct err *err)
{
	char said[32];
	const struct wish w = {
		.kind = t->kind,
		.log_only = t->log_only,
		.said = said,
		.device = t->device,
		.fstype = t->fstype,
		.path = t->path ? t->path : path_for_all(r->config),
		.options = t->mount_options,
	};

	snprintf(said, sizeof(said), "line %u", t->line);
	if (add_wish(r, &w, err))
		return err_wrap(err, "%s: %s: %s %s", r->config->name, said,
				*t->fstype ? t->fstype : "raw", t->device);
	return 0;
}

/* ---- the folder where something is now */

/* What holds a folder and is no target, by the type of its file system; one that ends in '.' is a prefix. */
static const struct {
	const char *type, *why;
} no_holders[] = {
	{"overlay", "an overlay, of which the capture kernel sees only the layers"},
	{"aufs", "a union of folders, of which the capture kernel sees only the layers"},
	{"tmpfs", "memory, which does not outlive the restart"},
	{"ramfs", "memory, which does not outlive the restart"},
	{"rootfs", "memory, which does not outlive the restart"},
	{"devtmpfs", "memory, which does not outlive the restart"},
	{"nfs", "behind a network, which is not written to yet"},
	{"nfs4", "behind a network, which is not written to yet"},
	{"cifs", "behind a network, which is not written to yet"},
	{"smb3", "behind a network, which is not written to yet"},
	{"ceph", "behind a network, which is not written to yet"},
	{"afs", "behind a network, which is not written to yet"},
	{"fuse.", "a file system of a program, which does not run in the capture kernel"},
	{"fuse", "a file system of a program, which does not run in the capture kernel"},
	{"fuseblk", "a file system of a program, which does not run in the capture kernel"},
	{"zfs", "ZFS, which is not written to yet"},
	{"squashfs", "read-only"},
	{"erofs", "read-only"},
	{"iso9660", "read-only"},
};

static int check_holder(const struct mount *m, const char *path, struct err *err)
{
	const char *why = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(no_holders) && !why; i++) {
		const char *type = no_holders[i].type;
		size_t len = strlen(type);

		if (strcmp(type, m->type) == 0 ||
		    (type[len - 1] == '.' && strncmp(type, m->type, len) == 0))
			why = no_holders[i].why;
	}
	if (!why && !m->major && strcmp(m->type, "btrfs") != 0)
		why = "on no disk of this machine";
	if (!why)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		       "%s is in %s (mounted at %s), which is %s: name a target, as in "
		       "`ext4 UUID=…` or `raw PARTUUID=…`",
		       path, m->type, m->at, why);
}

/*
 * The folder of a mount's `rest` as its file system's root sees it. Of btrfs the subvolume is mounted, and what mountinfo
 * calls the root is the path from the top: "/@var/lib" is "/lib" of the subvolume "/@var".
 */
static int path_on_fs(const struct mount *m, const char *rest, char ret[PATH_MAX], struct err *err)
{
	const char *top = strcmp(m->root, "/") == 0 ? "" : m->root, *subvol;
	size_t len, gone = strlen("//deleted");

	subvol = strcmp(m->type, "btrfs") == 0 ? mounts_option(m->options, "subvol=", &len) : NULL;
	if (subvol && len > 1 && strncmp(top, subvol, len) == 0 &&
	    (top[len] == '/' || top[len] == '\0'))
		top += len;
	if (strlen(top) >= gone && strcmp(top + strlen(top) - gone, "//deleted") == 0)
		return err_set(err, ERR_USAGE, "the folder that is mounted at %s has been deleted",
			       m->at);
	if (snprintf(ret, PATH_MAX, "%s%s", top, rest) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.200s%.200s", top, rest);
	for (len = strlen(ret); len && ret[len - 1] == '/'; len--)
		ret[len - 1] = '\0';
	return 0;
}

/* A target where `path`, which has no links, is now. */
static int add_holder(struct resolver *r, const char *path, struct wish *w, struct err *err)
{
	char node[DEVICE_PATH_MAX], on_fs[PATH_MAX];
	struct chain_disk disk;
	const struct mount *m;
	const char *rest;

	m = mounts_of_path(&r->mounts, *path ? path : "/", &rest);
	if (!m)
		return err_set(err, ERR_NOT_FOUND,
			       "nothing is mounted at / (/proc/self/mountinfo)");
	/* dump_to_rootfs: what is mounted further down is not there then */
	if (w->implied)
		rest = w->path;
	if (path_on_fs(m, rest, on_fs, err))
		return err->code;
	w->path = on_fs;
	w->mount = m;
	w->fstype = m->type;
	if (strcmp(m->type, "virtiofs") == 0 || strcmp(m->type, "9p") == 0) {
		w->kind = TARGET_SHARE;
		w->device = m->source;
		return add_wish(r, w, err);
	}
	if (check_holder(m, *path ? path : "/", err))
		return err->code;
	if (m->major ? chain_disk_by_number(r->root, m->major, m->minor, &disk, err)
		     : chain_disk_by_node(r->root, m->source, &disk, err))
		return err_wrap(err, "%s, mounted at %s", m->source, m->at);
	resolver_node_of(&disk, node);
	w->kind = TARGET_FS;
	w->device = node;
	return add_wish(r, w, err);
}

static int add_path(struct resolver *r, struct err *err)
{
	const char *path = path_for_all(r->config);
	struct wish w = {.said = "path"};
	char real[PATH_MAX];

	if (!realpath_as_far(r->root, *path ? path : "/", real))
		err_sys(err, errno, "%s%s", r->root->path, path);
	else if (!add_holder(r, real, &w, err))
		return 0;
	return err_wrap(err, "%s: path %s", r->config->name, *path ? path : "/");
}

static int add_rootfs(struct resolver *r, struct err *err)
{
	struct wish w = {
		.said = "dump_to_rootfs", .implied = true, .path = path_for_all(r->config)};

	if (add_holder(r, "/", &w, err))
		return err_wrap(err, "%s: dump_to_rootfs", r->config->name);
	return 0;
}

/* ---- modules that are no target's */

static int add_watchdogs(struct resolver *r, struct err *err)
{
	char unknown[64];

	if (!r->recipe->watchdog)
		return 0;
	if (chain_add_watchdogs(&r->chain, unknown, err))
		return err->code;
	if (!*unknown)
		return 0;
	return resolver_note(
		r, err, "the watchdog '%s' does not tell its module: extra_modules can name it",
		unknown);
}

/* Parameters by which a module was told where its memory is; a capture kernel would not tell it. */
static bool was_told_memory(const struct root *root)
{
	struct err ignored;
	uint64_t size;

	return !root_read_u64(root, "/sys/module/ramoops/parameters/mem_size", &size, &ignored) &&
	       size && root_exists(root, "/sys/module/ramoops/initstate");
}

/* fs/pstore: the backend calls itself as its module, or as it did before ("efi"). */
static int add_pstore(struct resolver *r, struct err *err)
{
	_cleanup_free_ char *backend = NULL;
	struct err ignored;
	size_t len;

	if (!r->recipe->pstore || root_read(r->root, "/sys/module/pstore/parameters/backend", 4096,
					    &backend, &len, &ignored))
		return 0;
	backend[strcspn(backend, "\n")] = '\0';
	if (strcmp(backend, "ramoops") == 0) {
		if (was_told_memory(r->root) &&
		    resolver_note(
			    r, err,
			    "pstore: ramoops was loaded with parameters, which are not handed "
			    "on: where its memory is can stand in cmdline_append only if ramoops "
			    "is built in"))
			return err->code;
		return chain_add_module(&r->chain, "ramoops", err);
	}
	if (strcmp(backend, "efi") == 0 || strcmp(backend, "efi_pstore") == 0)
		return chain_add_module(&r->chain, "efi_pstore", err);
	return 0;
}

/* ---- all of it */

static int copy_list(char ***to, char *const *from, struct err *err)
{
	for (; *from; from++)
		if (recipe_add_string(to, *from, err))
			return err->code;
	return 0;
}

/* All of the configuration's own recipe but targets and modules: extra modules come behind what is needed. */
static int copy_base(struct recipe *to, const struct recipe *base, struct err *err)
{
	char **modules = to->modules, **programs = to->programs, **pre = to->pre, **post = to->post;

	*to = *base;
	to->modules = modules;
	to->programs = programs;
	to->pre = pre;
	to->post = post;
	to->targets = NULL;
	to->n_targets = 0;
	if (copy_list(&to->programs, base->programs, err) || copy_list(&to->pre, base->pre, err))
		return err->code;
	return copy_list(&to->post, base->post, err);
}

static int add_extra_modules(struct resolver *r, struct err *err)
{
	for (char **m = r->config->base->modules; *m; m++) {
		bool there = false;

		for (char **have = r->recipe->modules; *have && !there; have++)
			there = strcmp(*have, *m) == 0;
		if (!there && recipe_add_string(&r->recipe->modules, *m, err))
			return err->code;
	}
	return 0;
}

static uint64_t memory_of(const struct root *root)
{
	static const char key[] = "MemTotal:";
	_cleanup_free_ char *text = NULL;
	const char *at;
	struct err ignored;
	uint64_t kib;
	size_t len;

	if (root_read(root, "/proc/meminfo", 65536, &text, &len, &ignored))
		return 0;
	at = strstr(text, key);
	if (!at)
		return 0;
	at += strlen(key);
	at += strspn(at, " ");
	text[(size_t)(at - text) + strspn(at, "0123456789")] = '\0';
	return num_parse_u64(at, &kib, &ignored) || kib > UINT64_MAX / 1024 ? 0 : kib * 1024;
}

/* Is the kernel that runs now the one that will capture? */
static bool runs_now(const struct root *root, const char *kernel)
{
	_cleanup_free_ char *release = NULL;
	struct err ignored;
	size_t len;

	if (root_read(root, "/proc/sys/kernel/osrelease", 4096, &release, &len, &ignored))
		return false;
	release[strcspn(release, "\n")] = '\0';
	return strcmp(release, kernel) == 0;
}

static void cleanup_resolver(struct resolver *r)
{
	mounts_deinit(&r->mounts);
	kmods_destroy(r->kmods);
	recipe_destroy(r->recipe);
	recipe_free_strings(r->notes);
	for (size_t i = 0; i < ARRAY_SIZE(r->places); i++)
		free(r->places[i]);
}

static int add_all(struct resolver *r, struct err *err)
{
	const struct config *c = r->config;
	int failed = 0;

	for (size_t i = 0; i < c->n_targets && !failed; i++)
		failed = add_configured(r, &c->targets[i], err);
	if (!failed && !c->n_targets)
		failed = add_path(r, err);
	if (!failed && c->rootfs_last)
		failed = add_rootfs(r, err);
	if (failed || add_watchdogs(r, err) || add_pstore(r, err))
		return err->code;
	return add_extra_modules(r, err);
}

int resolve_recipe(const struct config *config, const struct root *root, const char *kernel,
		   struct recipe **ret, char ***ret_notes, struct err *err)
{
	_cleanup_(cleanup_resolver) struct resolver r = {
		.config = config, .root = root, .kernel = kernel, .memory = memory_of(root)};
	_cleanup_free_ char *text = NULL;
	size_t len;

	r.notes = calloc(1, sizeof(*r.notes));
	if (!r.notes)
		return err_nomem(err, sizeof(*r.notes), "notes");
	if (recipe_create_default(&r.recipe, err) || copy_base(r.recipe, config->base, err) ||
	    mounts_read(root, &r.mounts, err) || kmods_create(root, kernel, &r.kmods, err))
		return err->code;
	r.chain = (struct chain){.root = root,
				 .kmods = r.kmods,
				 .same_kernel = runs_now(root, kernel),
				 .modules = &r.recipe->modules};
	if (!kmods_known(r.kmods) &&
	    resolver_note(
		    &r, err,
		    "kernel %s has no module folder (%s/lib/modules/%s): what it needs must be "
		    "built in",
		    kernel, root->path, kernel))
		return err->code;
	if (add_all(&r, err))
		return err->code;
	/* a path or a tag that no recipe can say is better found now */
	if (recipe_format(r.recipe, &text, &len, err))
		return err_wrap(err, "%s", config->name);
	*ret = no_cleanup_ptr(r.recipe);
	*ret_notes = no_cleanup_ptr(r.notes);
	return 0;
}
