// SPDX-License-Identifier: GPL-2.0-or-later
#include "debuginfo/find.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>

#include "base/program.h"

#define FETCH_MS    120000
#define MAX_MODULES 65536 /* files that are listed: distributions have some 5,000 */
#define MAX_DEPTH   16

/* ---- by build id */

static bool join(char ret[PATH_MAX], const char *folder, const char *rest)
{
	return snprintf(ret, PATH_MAX, "%s/%s", folder, rest) < PATH_MAX;
}

static bool has_id(const char *path, const char *id)
{
	struct elffile *f;
	struct err ignored;
	bool same;

	if (elffile_open(path, &f, &ignored))
		return false;
	same = strcmp(f->build_id, id) == 0;
	elffile_close(f);
	return same;
}

static bool in_folder(const char *folder, const char *id, char ret[PATH_MAX])
{
	char rest[32 + ELFFILE_BUILD_ID];

	snprintf(rest, sizeof(rest), ".build-id/%.2s/%s.debug", id, id + 2);
	return join(ret, folder, rest) && has_id(ret, id);
}

/* As debuginfod_find_debuginfo(3) has it: a folder for each build id. */
static bool in_cache(const char *id, char ret[PATH_MAX])
{
	const char *named = getenv("DEBUGINFOD_CACHE_PATH"), *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char rest[ELFFILE_BUILD_ID + 64];

	snprintf(rest, sizeof(rest), "%s/debuginfo", id);
	if (named && *named && join(ret, named, rest) && has_id(ret, id))
		return true;
	snprintf(rest, sizeof(rest), "debuginfod_client/%s/debuginfo", id);
	if (cache && *cache && join(ret, cache, rest) && has_id(ret, id))
		return true;
	snprintf(rest, sizeof(rest), ".cache/debuginfod_client/%s/debuginfo", id);
	if (home && *home && join(ret, home, rest) && has_id(ret, id))
		return true;
	snprintf(rest, sizeof(rest), ".debuginfod_client_cache/%s/debuginfo", id);
	return home && *home && join(ret, home, rest) && has_id(ret, id);
}

struct said {
	char *text; /* of PATH_MAX bytes */
	size_t len;
};

static bool hear(void *ctx, const char *text, size_t len)
{
	struct said *s = ctx;

	if (len > PATH_MAX - 1 - s->len)
		len = PATH_MAX - 1 - s->len;
	memcpy(s->text + s->len, text, len);
	s->len += len;
	return true;
}

/* It prints the path that it saved to, and what went wrong besides; so the last line is it. */
static bool fetch(const char *id, char ret[PATH_MAX])
{
	const char *const argv[] = {"debuginfod-find", "debuginfo", id, NULL};
	const char *servers = getenv("DEBUGINFOD_URLS");
	char text[PATH_MAX], *line;
	struct said said = {.text = text};
	struct program_result result;
	struct err ignored;

	if (!servers || !*servers ||
	    program_watch(&(struct program){.argv = argv, .ms = FETCH_MS}, hear, &said, &result,
			  &ignored) ||
	    result.end != PROGRAM_EXITED || result.status)
		return false;
	text[said.len] = '\0';
	while (said.len && text[said.len - 1] == '\n')
		text[--said.len] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	return *line == '/' && strlen(line) < PATH_MAX && has_id(strcpy(ret, line), id);
}

bool find_by_id(const struct debuginfo_options *options, const char *id, char ret[PATH_MAX])
{
	if (strlen(id) < 4)
		return false;
	for (size_t i = 0; i < options->n_folders; i++)
		if (in_folder(options->folders[i], id, ret))
			return true;
	if (in_folder("/usr/lib/debug", id, ret) || in_cache(id, ret))
		return true;
	return options->fetch && fetch(id, ret);
}

/* ---- modules by their names */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len > n && strcmp(text + len - n, end) == 0;
}

static int add(struct find_list *list, const char *path, struct err *err)
{
	char *copy;

	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		char **v = reallocarray(list->v, room, sizeof(*v));

		if (!v)
			return err_nomem(err, room * sizeof(*v), "names of modules' files");
		list->v = v;
		list->room = room;
	}
	copy = strdup(path);
	if (!copy)
		return err_nomem(err, strlen(path) + 1, "the name of a module's file");
	list->v[list->n++] = copy;
	return 0;
}

int find_add_modules(struct find_list *list, const char *folder, struct err *err)
{
	char *const paths[] = {(char *)folder, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	FTSENT *e;
	int r = 0;

	if (!walk)
		return errno == ENOMEM ? err_nomem(err, 0, "a walk of folders") : 0;
	while (!r && list->n < MAX_MODULES && (e = fts_read(walk))) {
		if (e->fts_info == FTS_D && e->fts_level > MAX_DEPTH)
			fts_set(walk, e, FTS_SKIP);
		else if (e->fts_info != FTS_D && e->fts_info != FTS_DP &&
			 (ends_with(e->fts_name, ".ko") || ends_with(e->fts_name, ".ko.debug")))
			r = add(list, e->fts_path, err);
	}
	fts_close(walk);
	return r;
}

void find_list_deinit(struct find_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct find_list){0};
}

bool find_is_module(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (base[i] != name[i] && !(base[i] == '-' && name[i] == '_'))
			return false;
	return strcmp(base + len, ".ko") == 0 || strcmp(base + len, ".ko.debug") == 0;
}
