// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/cryptkeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/keyvalue.h"
#include "storage/assemble.h"

#define FOLDER     "/sys/kernel/config/crash_dm_crypt_keys"
#define RECORD_MAX (LAYER_MAX * (LAYER_NAME + 1))
#define CONFIG_MAX ((size_t)16 << 20)

static void record_path(const struct service *s, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/" CRYPTKEYS_FILE, s->run);
}

/* One component of a path, or the record is not ours. */
static bool is_name(const char *name, size_t len)
{
	return len && len < LAYER_NAME && strlen(name) == len && !strchr(name, '/') &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool wants_key(const struct layer *l)
{
	return strncmp(l->key, "kernel ", 7) == 0;
}

static bool is_wanted(const struct layers *layers, const char *name)
{
	const struct layer *l = layers ? layers_find(layers, name) : NULL;

	return l && wants_key(l);
}

/* Those on record that nobody wants any more; `layers` NULL: all. */
static int drop(const struct service *s, const struct layers *layers, struct err *err)
{
	_cleanup_close_ int folder = root_open(s->root, FOLDER, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *text = NULL;
	struct keyvalue_lines lines;
	char path[PATH_MAX], *line;
	struct err why = {0};
	size_t len = 0;

	record_path(s, path);
	if (io_read_file(path, RECORD_MAX, &text, &len, &why))
		return why.code == ERR_NOT_FOUND ? 0 : err_set(err, why.code, "%s", why.msg);
	lines = (struct keyvalue_lines){.next = text, .end = text + len};
	while (folder >= 0 && keyvalue_line(&lines, &line, &len)) {
		if (!is_name(line, len))
			return err_set(err, ERR_CORRUPT,
				       "%s: line %u makes no sense; remove that file", path,
				       lines.number);
		if (!is_wanted(layers, line) && unlinkat(folder, line, AT_REMOVEDIR) &&
		    errno != ENOENT)
			return err_sys(err, errno, "%s" FOLDER "/%s: remove", s->root->path, line);
	}
	return 0;
}

/* Before any of them is named: whatever happens then, stop knows them. *ret_new: it says something else than before. */
static int write_record(const struct service *s, const struct layers *layers, bool *ret_new,
			struct err *err)
{
	_cleanup_free_ char *text = NULL, *before = NULL;
	struct err ignored;
	char path[PATH_MAX];
	size_t len = 0, len_before = 0;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return err_nomem(err, 0, "the record of keys");
	for (size_t i = 0; i < layers->n; i++)
		if (wants_key(&layers->v[i]))
			fprintf(to, "%s\n", layers->v[i].name);
	if (fclose(to))
		return err_nomem(err, 0, "the record of keys");
	record_path(s, path);
	(void)!io_read_file(path, RECORD_MAX, &before, &len_before, &ignored);
	*ret_new = len && (!before || strcmp(before, text) != 0);
	if (len)
		return io_make_folder(s->run, err) || io_write_file(path, text, len, err)
			       ? err->code
			       : 0;
	return unlink(path) && errno != ENOENT ? err_sys(err, errno, "%s: remove", path) : 0;
}

/* A kernel other than the one that runs may lack what restores them. No configuration beside it: nobody knows. */
static int check_taker(const struct service *s, const char *version, struct err *err)
{
	static const char *const places[][2] = {{"/boot/config-", ""},
						{"/lib/modules/", "/config"}};
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct err ignored;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !text; i++) {
		snprintf(path, sizeof(path), "%s%s%s", places[i][0], version, places[i][1]);
		(void)!root_read(s->root, path, CONFIG_MAX, &text, &len, &ignored);
	}
	if (!text || strstr(text, "\nCONFIG_CRASH_DM_CRYPT=y\n"))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		       "%s says that kernel %s takes no keys of LUKS over: capture with one that "
		       "has CONFIG_CRASH_DM_CRYPT=y, or give `luks_key_file` a file",
		       path, version);
}

static int offer(const struct service *s, const char *version, const struct layers *layers,
		 bool *ret_any, bool *ret_new, struct err *err)
{
	bool any = false, new = false;

	for (size_t i = 0; i < layers->n; i++)
		any |= wants_key(&layers->v[i]);
	if (any && check_taker(s, version, err)) {
		struct err ignored;

		(void)!cryptkeys_forget(s, &ignored);
		return err->code;
	}
	if (drop(s, layers, err) || write_record(s, layers, &new, err))
		return err->code;
	if (any && storage_hand_over(layers, s->root, err)) {
		struct err ignored;

		/* one that is named and not there would keep any image from being loaded */
		(void)!cryptkeys_forget(s, &ignored);
		return err->code;
	}
	*ret_any = any;
	*ret_new = new;
	return 0;
}

int cryptkeys_offer(const struct service *s, const char *version, bool *ret_any, bool *ret_new,
		    struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[SERVICE_RECIPE_SIZE];
	struct recipe *recipe = NULL;
	struct err why = {0};
	size_t len = 0;
	int r;

	*ret_any = *ret_new = false;
	if (service_recipe_path(s, version, path, err))
		return err->code;
	/* an image without one is older than layers are */
	if (io_read_file(path, RECIPE_MAX_SIZE, &text, &len, &why) == ERR_NOT_FOUND)
		return cryptkeys_forget(s, err);
	if (why.code)
		return err_set(err, why.code, "%s", why.msg);
	if (recipe_create((struct bytes){(const uint8_t *)text, len}, path, &recipe, err))
		return err->code;
	r = offer(s, version, &recipe->layers, ret_any, ret_new, err);
	recipe_destroy(recipe);
	return r;
}

int cryptkeys_forget(const struct service *s, struct err *err)
{
	char path[PATH_MAX];

	if (drop(s, NULL, err))
		return err->code;
	record_path(s, path);
	return unlink(path) && errno != ENOENT ? err_sys(err, errno, "%s: remove", path) : 0;
}
