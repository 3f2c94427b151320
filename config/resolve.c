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

static _printf_(3, 0) int add_text_v(char ***list, struct err *err, const char *fmt, va_list args)
{
	char **grown, *text = NULL;
	size_t n = 0;

	while ((*list)[n])
		n++;
	if (n == MAX_NOTES)
		return 0;
	if (vasprintf(&text, fmt, args) < 0)
		return err_nomem(err, 0, "a note");
	grown = reallocarray(*list, n + 2, sizeof(*grown));
	if (!grown) {
		free(text);
		return err_nomem(err, 0, "a note");
	}
	*list = grown;
	grown[n] = text;
	grown[n + 1] = NULL;
	return 0;
}

static _printf_(3, 4) int add_text(char ***list, struct err *err, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = add_text_v(list, err, fmt, args);
	va_end(args);
	return r;
}

int resolver_note(struct resolver *r, struct err *err, const char *fmt, ...)
{
	va_list args;
	int failed;

	va_start(args, fmt);
	failed = add_text_v(&r->notes, err, fmt, args);
	va_end(args);
	return failed;
}

static int add_once(char ***list, const char *text, struct err *err)
{
	for (char **s = *list; *s; s++)
		if (strcmp(*s, text) == 0)
			return 0;
	return recipe_add_string(list, text, err);
}

int resolver_add_program(struct resolver *r, const char *path, struct err *err)
{
	return add_once(&r->recipe->programs, path, err);
}

int resolver_add_file(struct resolver *r, const char *path, struct err *err)
{
	return add_once(&r->recipe->files, path, err);
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
	t->spool = w->spool;
	t->limit = w->spool ? r->config->spool : 0;
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
	case TARGET_NFS:
	case TARGET_SSH:
	case TARGET_SFTP:
	case TARGET_HTTPS:
	case TARGET_S3:
		return resolver_add_remote(r, w, err);
	case TARGET_KINDS:
		break;
	}
	return 0;
}

/* What is behind a web server's URL is said there: a folder for all targets is one of file systems. */
static const char *path_of_target(const struct config *c, const struct config_target *t)
{
	if (t->path)
		return t->path;
	return t->kind == TARGET_HTTPS || t->kind == TARGET_S3 ? "" : path_for_all(c);
}

/* A target that cannot be had now costs no other; whether there is one is seen at the end: check_left(). */
static int leave_out(struct resolver *r, struct err *err)
{
	struct err why = *err;

	*err = (struct err){0};
	if (!r->first_missing.code)
		r->first_missing = why;
	return add_text(&r->missing, err, "left out, so that no dump will go there: %s", why.msg);
}

/* No target for dumps, since what there was is left out: then the reason is the error. */
static int check_left(const struct resolver *r, struct err *err)
{
	const struct config *c = r->config;
	bool wanted = false;

	if (!r->first_missing.code)
		return 0;
	for (size_t i = 0; i < r->recipe->n_targets; i++)
		if (!r->recipe->targets[i].log_only)
			return 0;
	for (size_t i = 0; i < c->n_targets; i++)
		wanted |= !c->targets[i].log_only;
	if (!wanted && r->recipe->n_targets)
		return 0;
	return err_set(err, r->first_missing.code, "%s", r->first_missing.msg);
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
		.path = path_of_target(r->config, t),
		.options = t->mount_options,
		.remote = recipe_is_remote(t->kind) ? t : NULL,
	};

	snprintf(said, sizeof(said), "line %u", t->line);
	r->unreachable = false;
	if (!add_wish(r, &w, err))
		return 0;
	err_wrap(err, "%s: %s: %s %s", r->config->name, said, *t->fstype ? t->fstype : "raw",
		 t->device);
	return r->unreachable ? leave_out(r, err) : err->code;
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

/*
 * What is mounted is the export and, in the source's name already, the folder of it (nfs_show_devname() in fs/nfs/super.c); the
 * address that the mount went to is among its options. The folder is used as it is: it is mounted here for this machine.
 */
static int add_mounted_nfs(struct resolver *r, struct wish *w, const struct mount *m,
			   const char *rest, struct err *err)
{
	const char *colon = *m->source == '[' ? strstr(m->source, "]:/") : strstr(m->source, ":/");
	char host[256], export[PATH_MAX];
	struct config_target t = {.kind = TARGET_NFS, .device = m->source, .fstype = m->type};
	size_t len = colon ? (size_t)(colon - m->source) : 0;

	if (w->spool)
		return err_set(err, ERR_USAGE,
			       "%s is on %s, mounted at %s: what cannot be sent has to wait on a "
			       "disk of this machine",
			       path_for_all(r->config), m->source, m->at);
	if (!colon || !len || len >= sizeof(host))
		return err_set(err, ERR_UNSUPPORTED, "%s, mounted at %s, does not name a server",
			       m->source, m->at);
	snprintf(host, sizeof(host), "%.*s", (int)(len - (*m->source == '[')),
		 m->source + (*m->source == '['));
	snprintf(export, sizeof(export), "%s", colon + (*m->source == '[') + 1);
	t.host = host;
	t.export = export;
	w->kind = TARGET_NFS;
	w->device = m->source;
	w->path = rest;
	w->fstype = m->type;
	w->remote = &t;
	return add_wish(r, w, err);
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
	if (strcmp(m->type, "nfs") == 0 || strcmp(m->type, "nfs4") == 0)
		return add_mounted_nfs(r, w, m, rest, err);
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
	const struct recipe own = *to;

	*to = *base;
	to->modules = own.modules;
	to->programs = own.programs;
	to->pre = own.pre;
	to->post = own.post;
	to->files = own.files;
	to->encrypt_to = own.encrypt_to;
	to->net = own.net;
	to->layers = own.layers;
	to->targets = NULL;
	to->n_targets = 0;
	if (copy_list(&to->programs, base->programs, err) || copy_list(&to->pre, base->pre, err) ||
	    copy_list(&to->post, base->post, err) || copy_list(&to->files, base->files, err))
		return err->code;
	return copy_list(&to->encrypt_to, base->encrypt_to, err);
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
	recipe_free_strings(r->missing);
	for (size_t i = 0; i < ARRAY_SIZE(r->places); i++)
		free(r->places[i]);
}

/* What no other target took waits here: the last of all, and for this machine only. */
static int add_spool(struct resolver *r, struct err *err)
{
	const char *path = path_for_all(r->config);
	struct wish w = {.said = "spool", .spool = true};
	char real[PATH_MAX];

	if (!realpath_as_far(r->root, *path ? path : "/", real))
		err_sys(err, errno, "%s%s", r->root->path, path);
	else if (!add_holder(r, real, &w, err))
		return 0;
	return err_wrap(err, "%s: spool: %s", r->config->name, *path ? path : "/");
}

static bool is_wanted(const struct resolver *r, const struct config_target *t)
{
	return !r->env->sending || (recipe_is_remote(t->kind) && !t->log_only);
}

static int add_targets(struct resolver *r, struct err *err)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->n_targets; i++)
		if (is_wanted(r, &c->targets[i]) && add_configured(r, &c->targets[i], err))
			return err->code;
	if (r->env->sending)
		return check_left(r, err);
	if (!c->n_targets && add_path(r, err))
		return err->code;
	if (c->spool && c->n_targets && add_spool(r, err))
		return err->code;
	if (c->rootfs_last && add_rootfs(r, err))
		return err->code;
	return check_left(r, err);
}

static int add_all(struct resolver *r, struct err *err)
{
	if (r->env->sending)
		return add_targets(r, err);
	if (add_targets(r, err) || resolver_add_links(r, err) || add_watchdogs(r, err) ||
	    add_pstore(r, err))
		return err->code;
	return add_extra_modules(r, err);
}

static int init_resolver(struct resolver *r, struct err *err)
{
	r->notes = calloc(1, sizeof(*r->notes));
	r->missing = calloc(1, sizeof(*r->missing));
	if (!r->notes || !r->missing)
		return err_nomem(err, sizeof(*r->notes), "notes");
	if (r->env->net)
		r->net = *r->env->net;
	else
		net_source_of_root(r->root, &r->net);
	if (recipe_create_default(&r->recipe, err) || copy_base(r->recipe, r->config->base, err) ||
	    mounts_read(r->root, &r->mounts, err) ||
	    kmods_create(r->root, r->kernel, &r->kmods, err))
		return err->code;
	r->chain = (struct chain){
		.root = r->root,
		.kmods = r->kmods,
		.same_kernel = runs_now(r->root, r->kernel),
		.modules = &r->recipe->modules,
	};
	return 0;
}

int resolve_recipe(const struct config *config, const struct resolve_env *env, struct resolved *ret,
		   struct err *err)
{
	_cleanup_(cleanup_resolver) struct resolver r = {.config = config,
							 .env = env,
							 .root = env->root,
							 .kernel = env->kernel,
							 .memory = memory_of(env->root)};
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (init_resolver(&r, err))
		return err->code;
	if (!kmods_known(r.kmods) && !env->sending &&
	    resolver_note(
		    &r, err,
		    "kernel %s has no module folder (%s/lib/modules/%s): what it needs must be "
		    "built in",
		    r.kernel, r.root->path, r.kernel))
		return err->code;
	if (add_all(&r, err))
		return err->code;
	/* a path or a tag that no recipe can say is better found now */
	if (!env->sending && recipe_format(r.recipe, &text, &len, err))
		return err_wrap(err, "%s", config->name);
	ret->recipe = no_cleanup_ptr(r.recipe);
	ret->notes = no_cleanup_ptr(r.notes);
	ret->missing = no_cleanup_ptr(r.missing);
	return 0;
}

void resolve_deinit(struct resolved *r)
{
	recipe_destroy(r->recipe);
	recipe_free_strings(r->notes);
	recipe_free_strings(r->missing);
	*r = (struct resolved){0};
}
