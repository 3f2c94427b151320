// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/path.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINKS 40 /* MAXSYMLINKS of the kernel */

struct walk {
	const char *path;    /* as it was given, for messages */
	char done[PATH_MAX]; /* without links */
	char rest[PATH_MAX]; /* still to go, behind a slash or not */
	char target[PATH_MAX];
	unsigned int links;
};

static int too_long(const struct walk *w, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%.200s: the path is too long", w->path);
}

/* Go on at the link's target, then with `rest`. */
static int follow(struct walk *w, const char *rest, struct err *err)
{
	size_t len = strlen(w->target), more = strlen(rest);

	if (++w->links > MAX_LINKS)
		return err_set(err, ERR_CORRUPT,
			       "%.200s: more than %d symbolic links: do they form a circle?",
			       w->path, MAX_LINKS);
	if (len + more + 2 > sizeof(w->rest))
		return too_long(w, err);
	memmove(w->rest + len + 1, rest, more + 1);
	memcpy(w->rest, w->target, len);
	w->rest[len] = '/';
	if (w->target[0] == '/')
		w->done[0] = '\0';
	return 0;
}

static int step(struct walk *w, const char *part, size_t len, path_look_fn look, void *ctx,
		struct err *err)
{
	const char *rest = part + len;
	size_t had = strlen(w->done);
	int r;

	if (had + len + 2 > sizeof(w->done))
		return too_long(w, err);
	w->done[had] = '/';
	memcpy(w->done + had + 1, part, len);
	w->done[had + 1 + len] = '\0';
	w->target[0] = '\0';
	r = look(ctx, w->done, !rest[strspn(rest, "/")], w->target, err);
	if (r)
		return r;
	if (w->target[0]) {
		w->done[had] = '\0';
		return follow(w, rest, err);
	}
	memmove(w->rest, rest, strlen(rest) + 1);
	return 0;
}

int path_walk(const char *path, path_look_fn look, void *ctx, char ret[PATH_MAX], struct err *err)
{
	struct walk w = {.path = path};
	int r;

	if (path[0] != '/')
		return err_set(err, ERR_USAGE, "'%.200s' is not an absolute path", path);
	if (strlen(path) >= sizeof(w.rest))
		return too_long(&w, err);
	strcpy(w.rest, path);
	for (;;) {
		const char *part = w.rest + strspn(w.rest, "/");
		size_t len = strcspn(part, "/");
		char *slash = strrchr(w.done, '/');

		if (!len)
			break;
		if ((len == 1 && part[0] == '.') || (len == 2 && memcmp(part, "..", 2) == 0)) {
			if (len == 2 && slash)
				*slash = '\0';
			memmove(w.rest, part + len, strlen(part + len) + 1);
			continue;
		}
		r = step(&w, part, len, look, ctx, err);
		if (r)
			return r;
	}
	strcpy(ret, w.done);
	return 0;
}
