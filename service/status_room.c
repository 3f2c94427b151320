// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a dump would go, and whether it would fit. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/num.h"
#include "capture/target.h"
#include "format/crashpart.h"
#include "service/places.h"
#include "service/status.h"

#define LEANEST      31
#define LEVEL_CACHE  4
#define LEVEL_USER   8
#define LEVEL_FREE   16
#define MEMMAP_SHARE 64 /* 64 bytes for each page of 4 KiB */
#define PACKS_TO     4  /* lzo, of kernel memory; seldom better */
#define MEMINFO_MAX  65536

/* ---- how large */

/* "KEY:    123 kB", in bytes. */
static bool field(const char *meminfo, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);
	uint64_t value;
	char *end;

	for (const char *line = meminfo; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		if (*line < '0' || *line > '9')
			return false;
		errno = 0;
		value = strtoull(line, &end, 10);
		return !errno && strncmp(end, " kB", 3) == 0 && num_mul(value, 1024, ret);
	}
	return false;
}

bool status_need(const char *meminfo, unsigned int level, uint64_t *ret)
{
	static const struct {
		const char *key;
		unsigned int bit;
		bool optional; /* a kernel without the feature does not have the line */
	} parts[] = {
		{"MemFree", LEVEL_FREE, false}, {"Buffers", LEVEL_CACHE, false},
		{"Cached", LEVEL_CACHE, false}, {"AnonPages", LEVEL_USER, false},
		{"Hugetlb", LEVEL_USER, true},
	};
	uint64_t total, need, value;

	if (!field(meminfo, "MemTotal", &total) || !num_add(total, total / MEMMAP_SHARE, &need))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!(level & parts[i].bit))
			continue;
		if (!field(meminfo, parts[i].key, &value)) {
			if (!parts[i].optional)
				return false;
			continue;
		}
		/* they are not counted at the same moment; the struct pages are there in any case */
		need -= NUM_MIN(need - total / MEMMAP_SHARE, value);
	}
	*ret = need;
	return true;
}

enum status_fit status_fits(uint64_t free, uint64_t need, uint64_t need_leaner)
{
	if (free >= need)
		return STATUS_FIT_YES;
	if (free >= need_leaner)
		return STATUS_FIT_LEANER;
	return free >= need_leaner / PACKS_TO ? STATUS_FIT_PERHAPS : STATUS_FIT_NO;
}

static void look_at_need(const struct service *s, const struct recipe *recipe, struct status *st)
{
	_cleanup_free_ char *meminfo = NULL;
	struct err ignored;
	size_t len;

	st->level = recipe->levels[0];
	st->need_known =
		!root_read(s->root, "/proc/meminfo", MEMINFO_MAX, &meminfo, &len, &ignored) &&
		status_need(meminfo, st->level, &st->need) &&
		status_need(meminfo, LEANEST, &st->need_leaner);
}

/* ---- where to */

/* Where it is mounted and not hidden by another mount; NULL with *err: nowhere. */
static const struct mount *find_mount(const struct service *s, const struct mounts *mounts,
				      const struct recipe_target *t, struct err *err)
{
	char node[DEVICE_PATH_MAX];
	struct chain_disk disk;
	const char *rest;

	if (t->kind == TARGET_FS && (device_find(t->device, s->root, node, err) ||
				     chain_disk_by_node(s->root, node, &disk, err)))
		return NULL;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct mount *m = &mounts->v[i];
		bool is = t->kind == TARGET_FS ? places_is_of_disk(s->root, m, &disk)
					       : strcmp(m->type, t->fstype) == 0 &&
							 strcmp(m->source, t->device) == 0;

		if (is && mounts_of_path(mounts, m->at, &rest) == m)
			return m;
	}
	err_set(err, ERR_NOT_FOUND, "it is not mounted now; `lifeboat check` mounts it");
	return NULL;
}

/* Of the file system that is there by that number: something may have been mounted over it meanwhile. */
static int read_free(const struct service *s, const struct mount *m, uint64_t *ret, struct err *err)
{
	_cleanup_close_ int fd = root_open(s->root, m->at, O_PATH | O_DIRECTORY);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || fstatfs(fd, &fs))
		return err_sys(err, errno, "%s", m->at);
	if (m->major && (major(st.st_dev) != m->major || minor(st.st_dev) != m->minor))
		return err_set(err, ERR_NOT_FOUND, "%s is something else by now", m->at);
	if (!num_mul((uint64_t)fs.f_bavail, (uint64_t)fs.f_bsize, ret))
		return err_set(err, ERR_CORRUPT, "%s: an impossible size", m->at);
	return 0;
}

static int read_raw(const struct service *s, const char *device, uint64_t *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char node[DEVICE_PATH_MAX];
	uint64_t size, end;

	if (device_find(device, s->root, node, err))
		return err->code;
	fd = root_open(s->root, node, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "%s", node);
	if (device_size(fd, node, &size, err) ||
	    crashpart_walk(fd, size, node, NULL, NULL, &end, err))
		return err->code;
	*ret = end < size ? size - end : 0;
	return 0;
}

static int look(const struct service *s, const struct mounts *mounts, const struct recipe_target *t,
		struct status_target *to, struct err *err)
{
	const struct mount *m;

	if (t->kind == TARGET_RAW)
		return read_raw(s, t->device, &to->free, err);
	m = find_mount(s, mounts, t, err);
	if (!m)
		return err->code;
	snprintf(to->at, sizeof(to->at), "%s", m->at);
	if (*s->root->path)
		return err_set(err, ERR_NOT_FOUND, "of a recorded machine nobody knows");
	return read_free(s, m, &to->free, err);
}

static void look_at_target(const struct service *s, const struct mounts *mounts,
			   const struct recipe *recipe, const struct recipe_target *t,
			   struct status *st, struct status_target *to)
{
	struct err why;

	target_describe(t, to->text, sizeof(to->text));
	to->log_only = t->log_only;
	if (look(s, mounts, t, to, &why)) {
		snprintf(to->why, sizeof(to->why), "%.*s", (int)sizeof(to->why) - 1, why.msg);
		return;
	}
	if (t->kind != TARGET_RAW)
		to->free -= NUM_MIN(to->free, recipe->keep.free);
	to->free_known = true;
	if (st->need_known && !t->log_only)
		to->fit = status_fits(to->free, st->need, st->need_leaner);
}

int status_look_at_room(const struct service *s, const struct recipe *recipe, struct status *st,
			struct err *err)
{
	struct mounts mounts = {0};

	if (mounts_read(s->root, &mounts, err))
		return err->code;
	st->targets = calloc(recipe->n_targets + 1, sizeof(*st->targets));
	if (!st->targets) {
		mounts_deinit(&mounts);
		return err_nomem(err, recipe->n_targets * sizeof(*st->targets), "the targets");
	}
	look_at_need(s, recipe, st);
	st->n_targets = recipe->n_targets;
	for (size_t i = 0; i < recipe->n_targets; i++)
		look_at_target(s, &mounts, recipe, &recipe->targets[i], st, &st->targets[i]);
	mounts_deinit(&mounts);
	return 0;
}
