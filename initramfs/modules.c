// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order comes from modules.dep and modules.softdep alone, by a depth-first walk that puts a
 * module behind everything it needs.
 */
#include "initramfs/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "initramfs/unpack.h"

#define MAX_DEPTH 128 /* of dependencies; real ones stay below 20 */

enum visit_state {
	VISIT_NEW,
	VISIT_OPEN, /* its dependencies are being walked */
	VISIT_DONE,
};

struct visit {
	char *name;
	enum visit_state state;
};

struct walk {
	struct kmod_ctx *ctx;
	const struct root *root;
	const char *kernel;
	char folder[32];     /* what libkmod takes for the module folder: /proc/self/fd/N */
	char real[PATH_MAX]; /* where it is, below the root */
	struct visit *visits;
	size_t n_visits;
	struct module_list list;
};

void modules_deinit(struct module_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].path);
		free(list->v[i].image_path);
	}
	free(list->v);
	*list = (struct module_list){0};
}

static void cleanup_kmod_list(struct kmod_list **list)
{
	kmod_module_unref_list(*list);
}

static void cleanup_kmod_module(struct kmod_module **mod)
{
	kmod_module_unref(*mod);
}

#define _cleanup_kmod_list_   _cleanup_(cleanup_kmod_list)
#define _cleanup_kmod_module_ _cleanup_(cleanup_kmod_module)

static struct visit *visit_of(const struct walk *w, const char *name)
{
	for (size_t i = 0; i < w->n_visits; i++)
		if (strcmp(w->visits[i].name, name) == 0)
			return &w->visits[i];
	return NULL;
}

static enum visit_state state_of(const struct walk *w, const char *name)
{
	const struct visit *v = visit_of(w, name);

	return v ? v->state : VISIT_NEW;
}

static int open_visit(struct walk *w, const char *name, struct err *err)
{
	struct visit *grown = reallocarray(w->visits, w->n_visits + 1, sizeof(*grown));

	if (!grown)
		return err_nomem(err, (w->n_visits + 1) * sizeof(*grown), "the module list");
	w->visits = grown;
	grown[w->n_visits].name = strdup(name);
	grown[w->n_visits].state = VISIT_OPEN;
	if (!grown[w->n_visits].name)
		return err_nomem(err, strlen(name) + 1, "the module list");
	w->n_visits++;
	return 0;
}

static bool is_listable(const char *path)
{
	for (; *path; path++)
		if ((unsigned char)*path < 0x20 || *path == 0x7f)
			return false;
	return true;
}

/*
 * `path` is as libkmod gives it: our folder and what stands in modules.dep, or just the latter if
 * it is absolute (old depmod, or a folder outside lib/modules by depmod.d "external").
 */
static int append_file(struct walk *w, const char *path, struct err *err)
{
	size_t len = strlen(w->folder), stem;
	struct module_file f = {0};
	struct module_file *grown;

	if (strncmp(path, w->folder, len) == 0 && path[len] == '/') {
		path += len + 1;
		if (asprintf(&f.path, "%s/%s", w->real, path) < 0)
			f.path = NULL;
		unpack_kind_of(path, &stem);
		if (asprintf(&f.image_path, "/lib/modules/%s/%.*s", w->kernel, (int)stem, path) < 0)
			f.image_path = NULL;
	} else {
		unpack_kind_of(path, &stem);
		f.path = strdup(path);
		f.image_path = strndup(path, stem);
	}
	grown = reallocarray(w->list.v, w->list.n + 1, sizeof(*grown));
	if (grown)
		w->list.v = grown;
	if (!grown || !f.path || !f.image_path) {
		free(f.path);
		free(f.image_path);
		return err_nomem(err, (w->list.n + 1) * sizeof(*grown), "the module list");
	}
	grown[w->list.n++] = f; /* the list owns the strings from here on, whatever comes */
	stem = strlen(f.image_path);
	if (stem < 4 || strcmp(f.image_path + stem - 3, ".ko") != 0 || !is_listable(f.path))
		return err_set(err, ERR_CORRUPT, "%s%s/modules.dep: '%.200s' is no module file",
			       w->root->path, w->real, path);
	return 0;
}

static int visit(struct walk *w, struct kmod_module *mod, unsigned int depth, struct err *err);

/* Walk the dependencies of `mod`, which must all be there. */
static int visit_needed(struct walk *w, struct kmod_module *mod, unsigned int depth,
			struct err *err)
{
	_cleanup_kmod_list_ struct kmod_list *deps = kmod_module_get_dependencies(mod);
	struct kmod_list *it;

	for (it = deps; it; it = kmod_list_next(deps, it)) {
		_cleanup_kmod_module_ struct kmod_module *dep = kmod_module_get_module(it);

		if (state_of(w, kmod_module_get_name(dep)) == VISIT_OPEN)
			return err_set(err, ERR_CORRUPT,
				       "%s%s/modules.dep: '%s' and '%s' need each other",
				       w->root->path, w->real, kmod_module_get_name(mod),
				       kmod_module_get_name(dep));
		if (visit(w, dep, depth + 1, err))
			return err_wrap(err, "needed by '%s'", kmod_module_get_name(mod));
	}
	return 0;
}

/* Whether `mod` or a module that it needs is just being walked: then it cannot come first. */
static bool is_open(const struct walk *w, struct kmod_module *mod)
{
	_cleanup_kmod_list_ struct kmod_list *deps = kmod_module_get_dependencies(mod);
	struct kmod_list *it;

	if (state_of(w, kmod_module_get_name(mod)) == VISIT_OPEN)
		return true;
	for (it = deps; it; it = kmod_list_next(deps, it)) {
		_cleanup_kmod_module_ struct kmod_module *dep = kmod_module_get_module(it);

		if (state_of(w, kmod_module_get_name(dep)) == VISIT_OPEN)
			return true;
	}
	return false;
}

/*
 * Walk what `mod` would like to have before it. A circle is harmless here: the wish is left
 * unfulfilled where it contradicts a need.
 */
static int visit_wished(struct walk *w, struct kmod_module *mod, unsigned int depth,
			struct err *err)
{
	_cleanup_kmod_list_ struct kmod_list *pre = NULL;
	_cleanup_kmod_list_ struct kmod_list *post = NULL;
	struct kmod_list *it;

	if (kmod_module_get_softdeps(mod, &pre, &post) < 0)
		return 0; /* a wish that cannot be read is none */
	for (it = pre; it; it = kmod_list_next(pre, it)) {
		_cleanup_kmod_module_ struct kmod_module *dep = kmod_module_get_module(it);

		if (!is_open(w, dep) && visit(w, dep, depth + 1, err))
			return err_wrap(err, "wished by '%s'", kmod_module_get_name(mod));
	}
	return 0;
}

static int visit(struct walk *w, struct kmod_module *mod, unsigned int depth, struct err *err)
{
	const char *name = kmod_module_get_name(mod);
	const char *path = kmod_module_get_path(mod);

	if (state_of(w, name) == VISIT_DONE)
		return 0;
	if (depth > MAX_DEPTH)
		return err_set(err, ERR_CORRUPT, "%s%s/modules.dep: '%s' is dependency number %u",
			       w->root->path, w->real, name, depth);
	/* only now: for a module with a file, libkmod would look at the running kernel's state */
	if (!path && kmod_module_get_initstate(mod) == KMOD_MODULE_BUILTIN)
		return 0;
	if (!path)
		return err_set(err, ERR_NOT_FOUND, "kernel module '%s' has no file in %s%s", name,
			       w->root->path, w->real);
	if (open_visit(w, name, err) || visit_wished(w, mod, depth, err) ||
	    visit_needed(w, mod, depth, err) || append_file(w, path, err))
		return err->code;
	visit_of(w, name)->state = VISIT_DONE;
	return 0;
}

static int visit_name(struct walk *w, const char *name, struct err *err)
{
	_cleanup_kmod_list_ struct kmod_list *found = NULL;
	struct kmod_list *it;
	int r = kmod_module_new_from_lookup(w->ctx, name, &found);

	if (r == -ENOMEM)
		return err_nomem(err, 0, "a module look-up");
	if (r < 0 || !found)
		return err_set(err, ERR_NOT_FOUND,
			       "kernel module '%s' is neither in %s%s nor built into the kernel; "
			       "`find %s%s/ -name '*.ko*'` shows what there is; after adding a "
			       "module run `depmod%s%s %s`",
			       name, w->root->path, w->real, w->root->path, w->real,
			       *w->root->path ? " -b " : "", w->root->path, w->kernel);
	for (it = found; it; it = kmod_list_next(found, it)) {
		_cleanup_kmod_module_ struct kmod_module *mod = kmod_module_get_module(it);

		if (visit(w, mod, 0, err))
			return err->code;
	}
	return 0;
}

/* Find the module folder; returns a descriptor that must stay open as long as libkmod is used. */
static int open_folder(struct walk *w, struct err *err)
{
	static const char *const places[] = {"/lib/modules", "/usr/lib/modules"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd;

		if (snprintf(w->real, sizeof(w->real), "%s/%s", places[i], w->kernel) >=
		    (int)sizeof(w->real))
			break;
		fd = root_open(w->root, w->real, O_PATH | O_DIRECTORY);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT && errno != ENOTDIR) {
			err_sys(err, errno, "%s%s: open", w->root->path, w->real);
			return -1;
		}
	}
	err_set(err, ERR_NOT_FOUND,
		"no modules of kernel '%.80s': %s/lib/modules and %s/usr/lib/modules have no such "
		"folder; `ls %s/lib/modules` shows the versions that there are",
		w->kernel, w->root->path, w->root->path, w->root->path);
	return -1;
}

/*
 * libkmod opens its index files itself, by path. Under a root the folder may lie behind absolute
 * symbolic links (/lib -> /usr/lib), which would lead it to the host's files: so it gets the
 * descriptor that was resolved inside the root, as /proc/self/fd/N.
 *
 * The empty list of configuration paths keeps it from modprobe.d: a recipe names its modules
 * outright, so a blacklist (which stops loading by alias) or an administrator's alias or "install"
 * command has nothing to say here, and an image must not depend on the machine that builds it.
 * modules.softdep, which depmod made from the modules themselves, is read all the same.
 */
static int open_kmod(struct walk *w, int fd, struct err *err)
{
	static const char *const no_config[] = {NULL};

	if (faccessat(fd, "modules.dep.bin", F_OK, 0))
		return err_set(err, ERR_NOT_FOUND,
			       "%s%s has no modules.dep.bin: run `depmod%s%s %s`", w->root->path,
			       w->real, *w->root->path ? " -b " : "", w->root->path, w->kernel);
	snprintf(w->folder, sizeof(w->folder), "/proc/self/fd/%d", fd);
	if (access(w->folder, F_OK))
		return err_sys(err, errno, "%s (is /proc mounted?)", w->folder);
	w->ctx = kmod_new(w->folder, no_config);
	if (!w->ctx)
		return err_nomem(err, 0, "libkmod");
	kmod_set_log_priority(w->ctx, -1); /* it would write to standard error */
	return 0;
}

static void cleanup_walk(struct walk **w)
{
	if (!*w)
		return;
	for (size_t i = 0; i < (*w)->n_visits; i++)
		free((*w)->visits[i].name);
	free((*w)->visits);
	modules_deinit(&(*w)->list);
	kmod_unref((*w)->ctx);
	free(*w);
}

int modules_resolve(const struct root *root, const char *kernel, char *const *names,
		    struct module_list *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_(cleanup_walk) struct walk *w = NULL;

	if (!*kernel || *kernel == '.' || strchr(kernel, '/') || !is_listable(kernel))
		return err_set(err, ERR_USAGE, "'%.80s' is not the version of a kernel", kernel);
	if (!*names) {
		*ret = (struct module_list){0};
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_nomem(err, sizeof(*w), "the module list");
	w->root = root;
	w->kernel = kernel;
	fd = open_folder(w, err);
	if (fd < 0 || open_kmod(w, fd, err))
		return err->code;
	for (; *names; names++)
		if (visit_name(w, *names, err))
			return err->code;
	*ret = w->list;
	w->list = (struct module_list){0};
	return 0;
}
