// SPDX-License-Identifier: GPL-2.0-or-later
#include "debuginfo/debuginfo.h"

#include <string.h>

#include "base/num.h"
#include "debuginfo/find.h"
#include "debuginfo/komodule.h"
#include "debuginfo/lines.h"
#include "image/module.h"

/* Of a module, once it was looked for. */
struct ko {
	bool tried;
	struct komodule *m; /* NULL: there is none */
};

struct debuginfo {
	struct kernel *k;
	struct elffile *vmlinux;
	Dwarf *dwarf;
	uint64_t offset; /* of KASLR: what the dump's addresses are more than vmlinux's */
	char **folders;  /* the options', copied; NULL behind the last */
	struct debuginfo_options options;
	struct ko *kos; /* one for each module of the kernel's list */
	struct find_list files;
	bool listed; /* files */
};

/* ---- vmlinux */

/* By a symbol that both have; else by what VMCOREINFO says. Without either, a kernel that was not moved is not assumed. */
static int find_offset(struct debuginfo *d, struct err *err)
{
	uint64_t here, there;
	bool found;

	if (elffile_symbol(d->vmlinux, "_stext", &there) &&
	    !kernel_symbol(d->k, "_stext", &here, err)) {
		d->offset = here - there;
		return 0;
	}
	if (vmcoreinfo_value(d->k->img->info, "KERNELOFFSET", 16, &d->offset, &found, err))
		return err->code;
	if (!found)
		return err_set(
			err, ERR_NOT_FOUND,
			"%s: where the kernel lay in memory is not known (_stext, KERNELOFFSET)",
			d->vmlinux->path);
	return 0;
}

static int copy_options(struct debuginfo *d, const struct debuginfo_options *options,
			struct err *err)
{
	d->folders = calloc(options->n_folders + 1, sizeof(*d->folders));
	if (!d->folders)
		return err_nomem(err, (options->n_folders + 1) * sizeof(*d->folders), "folders");
	for (size_t i = 0; i < options->n_folders; i++) {
		d->folders[i] = strdup(options->folders[i]);
		if (!d->folders[i])
			return err_nomem(err, strlen(options->folders[i]) + 1, "a folder's name");
	}
	d->options = (struct debuginfo_options){
		.folders = (const char *const *)d->folders,
		.n_folders = options->n_folders,
		.fetch = options->fetch,
	};
	return 0;
}

int debuginfo_create(struct kernel *k, const struct debuginfo_options *options, const char *path,
		     struct debuginfo **ret, struct err *err)
{
	struct debuginfo *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_nomem(err, sizeof(*d), "debugging information");
	d->k = k;
	r = copy_options(d, options, err);
	if (!r)
		r = elffile_open(path, &d->vmlinux, err);
	if (!r)
		r = find_offset(d, err);
	if (!r) {
		d->dwarf = dwarf_begin_elf(d->vmlinux->elf, DWARF_C_READ, NULL);
		if (!d->dwarf)
			r = err_set(err, ERR_CORRUPT, "%s: %s", path, dwarf_errmsg(-1));
	}
	if (!r && k->modules && k->modules->n) {
		d->kos = calloc(k->modules->n, sizeof(*d->kos));
		if (!d->kos)
			r = err_nomem(err, k->modules->n * sizeof(*d->kos), "modules");
	}
	if (r) {
		debuginfo_destroy(d);
		return r;
	}
	*ret = d;
	return 0;
}

void debuginfo_destroy(struct debuginfo *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->kos && i < d->k->modules->n; i++)
		komodule_destroy(d->kos[i].m);
	free(d->kos);
	find_list_deinit(&d->files);
	if (d->dwarf)
		dwarf_end(d->dwarf);
	elffile_close(d->vmlinux);
	for (size_t i = 0; d->folders && d->folders[i]; i++)
		free(d->folders[i]);
	free(d->folders);
	free(d);
}

/* ---- modules */

/* Of `folder` all that is below REST/R. */
static int list_below(struct debuginfo *d, const char *folder, const char *rest, struct err *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s%s%s", folder, rest, d->k->img->uts[UTS_RELEASE]) < 0) {
		path = NULL;
		return err_nomem(err, strlen(folder), "a folder's name");
	}
	return find_add_modules(&d->files, path, err);
}

/* PREFIX/boot/vmlinux-R and PREFIX/lib/modules/R/vmlinux belong to PREFIX/lib/modules/R. */
static int list_beside_vmlinux(struct debuginfo *d, struct err *err)
{
	_cleanup_free_ char *folder = strdup(d->vmlinux->path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return err_nomem(err, PATH_MAX, "a folder's name");
	if (!slash)
		return 0;
	*slash = '\0';
	if (strstr(folder, "/lib/modules/"))
		return find_add_modules(&d->files, folder, err);
	slash = strrchr(folder, '/');
	if (!slash || strcmp(slash, "/boot") != 0)
		return 0;
	*slash = '\0';
	return list_below(d, folder, "/lib/modules/", err);
}

/* All files of modules that there are for this kernel. */
static int list_files(struct debuginfo *d, struct err *err)
{
	static const char *const usual[] = {"/usr/lib/debug", "/usr/lib/debug/usr", ""};
	const char *release = d->k->img->uts[UTS_RELEASE];
	int r = 0;

	d->listed = true;
	if (!*release || strchr(release, '/') || *release == '.')
		return 0;
	for (size_t i = 0; i < d->options.n_folders && !r; i++)
		r = find_add_modules(&d->files, d->options.folders[i], err);
	if (!r)
		r = list_beside_vmlinux(d, err);
	for (size_t i = 0; i < ARRAY_SIZE(usual) && !r; i++)
		r = list_below(d, usual[i], "/lib/modules/", err);
	return r;
}

/* A file with this build id that has debugging information. */
static int try_file(const char *path, const char *id, struct elffile **ret, struct err *err)
{
	struct elffile *f;
	int r = elffile_open(path, &f, err);

	if (r)
		return r;
	if (strcmp(f->build_id, id) == 0 && elffile_has_dwarf(f)) {
		*ret = f;
		return 0;
	}
	r = strcmp(f->build_id, id) == 0
		    ? err_set(err, ERR_NOT_FOUND, "%s: has no debugging information", path)
		    : err_set(err, ERR_NOT_FOUND, "%s: has another build id", path);
	elffile_close(f);
	return r;
}

static int find_file(struct debuginfo *d, const struct module *mod, struct elffile **ret,
		     struct err *err)
{
	char id[ELFFILE_BUILD_ID], path[PATH_MAX];
	struct err why;

	num_hex(mod->build_id, mod->build_id_len, id, sizeof(id));
	if (!*id)
		return err_set(err, ERR_NOT_FOUND, "its build id is not known");
	if (find_by_id(&d->options, id, path) && !try_file(path, id, ret, &why))
		return 0;
	if (!d->listed && list_files(d, err))
		return err->code;
	for (size_t i = 0; i < d->files.n; i++)
		if (find_is_module(d->files.v[i], mod->name) &&
		    !try_file(d->files.v[i], id, ret, &why))
			return 0;
	return err_set(err, ERR_NOT_FOUND, "there is no file with build id %s", id);
}

static int open_module(struct debuginfo *d, const struct module *mod, struct komodule **ret,
		       struct err *err)
{
	_cleanup_free_ struct komodule_sections *sections = malloc(sizeof(*sections));
	struct elffile *file;

	if (!sections)
		return err_nomem(err, sizeof(*sections), "sections");
	if (find_file(d, mod, &file, err))
		return err->code;
	if (komodule_read_sections(d->k, mod, sections, err)) {
		elffile_close(file);
		return err->code;
	}
	return komodule_create(file, mod, sections, ret, err);
}

/* NULL: it has none, and the gaps say why. */
static const struct komodule *module_of(struct debuginfo *d, const struct module *mod)
{
	struct ko *ko = &d->kos[mod - d->k->modules->v];
	struct err why = {0};

	if (!ko->tried) {
		ko->tried = true;
		if (open_module(d, mod, &ko->m, &why))
			gaps_add(&d->k->gaps, "debugging information of module %s: %s", mod->name,
				 why.msg);
	}
	return ko->m;
}

size_t debuginfo_lines(struct debuginfo *d, uint64_t addr, struct source_line *ret, size_t max)
{
	const struct module *mod = d->kos ? module_at(d->k->modules, addr) : NULL;
	const struct komodule *m;
	uint64_t bias;
	Dwarf *dwarf;

	if (!mod)
		return lines_at(d->dwarf, addr - d->offset, ret, max);
	m = module_of(d, mod);
	if (!m)
		return 0;
	dwarf = komodule_dwarf(m, &bias);
	return lines_at(dwarf, addr - bias, ret, max);
}
