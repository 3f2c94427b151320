// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/kmods.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_SIZE ((size_t)32 << 20) /* of a file; a distribution's modules.alias has 2 MB */
#define MAX_NAME 256                /* of a module, as in the kernel 64 - sizeof(long) */
#define MAX_LINE 4096               /* what sysfs shows of a modalias at most */

struct text {
	char *data; /* "" if there is no such file */
	size_t len;
};

struct kmods {
	bool known;
	struct text dep, alias, builtin, modinfo;
};

static int read_text(const struct root *root, const char *folder, const char *file,
		     struct text *ret, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path))
		return err_sys(err, ENAMETOOLONG, "%s/%s", folder, file);
	if (!root_read(root, path, MAX_SIZE, &ret->data, &ret->len, err))
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return err->code;
	*err = (struct err){0};
	ret->data = strdup("");
	return ret->data ? 0 : err_nomem(err, 1, path);
}

void kmods_destroy(struct kmods *k)
{
	if (!k)
		return;
	free(k->dep.data);
	free(k->alias.data);
	free(k->builtin.data);
	free(k->modinfo.data);
	free(k);
}

static void cleanup_kmods(struct kmods **k)
{
	kmods_destroy(*k);
}

static bool find_folder(const struct root *root, const char *kernel, char ret[PATH_MAX])
{
	static const char *const places[] = {"/lib/modules", "/usr/lib/modules"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (snprintf(ret, PATH_MAX, "%s/%s", places[i], kernel) < PATH_MAX &&
		    root_exists(root, ret))
			return true;
	return false;
}

int kmods_create(const struct root *root, const char *kernel, struct kmods **ret, struct err *err)
{
	_cleanup_(cleanup_kmods) struct kmods *k = calloc(1, sizeof(*k));
	char folder[PATH_MAX];

	if (!*kernel || *kernel == '.' || strchr(kernel, '/'))
		return err_set(err, ERR_USAGE, "'%.80s' is not the version of a kernel", kernel);
	if (!k)
		return err_nomem(err, sizeof(*k), "the list of modules");
	k->known = find_folder(root, kernel, folder);
	if (read_text(root, folder, "modules.dep", &k->dep, err) ||
	    read_text(root, folder, "modules.alias", &k->alias, err) ||
	    read_text(root, folder, "modules.builtin", &k->builtin, err) ||
	    read_text(root, folder, "modules.builtin.modinfo", &k->modinfo, err))
		return err->code;
	*ret = no_cleanup_ptr(k);
	return 0;
}

bool kmods_known(const struct kmods *k)
{
	return k->known;
}

/* "nls_iso8859-1" and "nls_iso8859_1" are the same; what stands in brackets is a range. */
static void normalize(const char *s, size_t len, char *ret)
{
	bool in_brackets = false;

	for (size_t i = 0; i < len; i++) {
		in_brackets = s[i] == '[' || (in_brackets && s[i] != ']');
		ret[i] = s[i] == '-' && !in_brackets ? '_' : s[i];
	}
	ret[len] = '\0';
}

/* Is "kernel/fs/ext4/ext4.ko.xz" (its length `len`) the file of the module? */
static bool is_file_of(const char *path, size_t len, const char *name)
{
	char base[MAX_NAME];
	const char *dot;

	for (size_t i = len; i > 0; i--) {
		if (path[i - 1] != '/')
			continue;
		path += i;
		len -= i;
		break;
	}
	dot = memmem(path, len, ".ko", 3);
	if (!dot || (size_t)(dot - path) >= sizeof(base))
		return false;
	normalize(path, (size_t)(dot - path), base);
	return strcmp(base, name) == 0;
}

/* A line of a list of files: up to ':' in modules.dep, whole in modules.builtin. */
static bool has_file(const struct text *t, const char *name)
{
	for (size_t at = 0; at < t->len;) {
		size_t n = strcspn(t->data + at, "\n");

		if (is_file_of(t->data + at, strcspn(t->data + at, ":\n"), name))
			return true;
		at += n + 1;
	}
	return false;
}

enum kmods_kind kmods_find(const struct kmods *k, const char *name)
{
	char plain[MAX_NAME];

	if (strlen(name) >= sizeof(plain))
		return KMODS_NONE;
	normalize(name, strlen(name), plain);
	if (has_file(&k->dep, plain))
		return KMODS_FILE;
	return has_file(&k->builtin, plain) ? KMODS_BUILTIN : KMODS_NONE;
}

static bool matches(const char *pattern, size_t len, const char *alias)
{
	char plain[MAX_LINE];

	if (len >= sizeof(plain))
		return false;
	normalize(pattern, len, plain);
	return fnmatch(plain, alias, 0) == 0;
}

/* "MODULE.alias=PATTERN" entries, a NUL behind each. */
static bool is_builtin_alias(const struct text *t, const char *alias)
{
	static const char key[] = ".alias=";

	for (size_t at = 0; at < t->len;) {
		const char *entry = t->data + at, *found = strstr(entry, key);
		size_t n = strlen(entry);

		if (found && found - entry < MAX_NAME &&
		    matches(found + strlen(key), strlen(found + strlen(key)), alias))
			return true;
		at += n + 1;
	}
	return false;
}

/* "alias PATTERN MODULE": the module if the pattern is the alias, else false. */
static bool module_of_line(const char *line, size_t len, const char *alias, char ret[MAX_NAME])
{
	static const char word[] = "alias ";
	const char *pattern = line + strlen(word), *blank, *end = line + len;

	if (len < sizeof(word) || memcmp(line, word, strlen(word)) != 0)
		return false;
	blank = memrchr(pattern, ' ', (size_t)(end - pattern));
	if (!blank || blank + 1 == end || (size_t)(end - blank - 1) >= MAX_NAME)
		return false;
	if (!matches(pattern, (size_t)(blank - pattern), alias))
		return false;
	normalize(blank + 1, (size_t)(end - blank - 1), ret);
	return true;
}

int kmods_aliased(const struct kmods *k, const char *alias, kmods_fn fn, void *ctx,
		  bool *ret_builtin, struct err *err)
{
	char plain[MAX_LINE], module[MAX_NAME], last[MAX_NAME] = "";

	*ret_builtin = false;
	if (strlen(alias) >= sizeof(plain))
		return 0;
	normalize(alias, strlen(alias), plain);
	*ret_builtin = is_builtin_alias(&k->modinfo, plain);
	for (size_t at = 0; at < k->alias.len;) {
		const char *line = k->alias.data + at;
		size_t n = strcspn(line, "\n");

		at += n + 1;
		/* a module's aliases stand together, and many of them may match */
		if (!module_of_line(line, n, plain, module) || strcmp(module, last) == 0)
			continue;
		strcpy(last, module);
		if (fn(ctx, module, err))
			return err->code;
	}
	return 0;
}
