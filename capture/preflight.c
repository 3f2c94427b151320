// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One child has the mount namespace, and runs each step in a child of its own under a deadline, as PID 1 does. What it
 * mounts is gone when it ends, however it ends.
 */
#include "capture/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "base/step.h"
#include "capture/target.h"
#include "format/crashpart.h"

#define QUICK_SECONDS 30
#define LEAST_ROOM    (1ULL << 20) /* for a dump: a raw partition takes no entry of less */
#define PROBE_TIME    1            /* of the "crash": one that is older than any */
#define PROBE_TEXT    "lifeboat check: this file may be removed\n"
#define AGE_START     "age-encryption.org/v1\n"

/* In shared memory, since steps leave things to each other. */
struct shared {
	struct target_place places[RECIPE_MAX_TARGETS];
	struct preflight_result results[RECIPE_MAX_TARGETS];
	size_t there; /* how much of the path of the folder at hand was there before */
};

struct probe {
	const struct recipe *recipe;
	const struct preflight_env *env;
	struct shared *shared;
	char mountpoint[64];

	/* of the target at hand */
	struct target target;
	struct preflight_result *result;
	const char *mounted_at;
};

/* Where the target's crashes are while it is mounted. */
static bool folder_of(const struct probe *p, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s%s", p->mountpoint, p->target.recipe->path) < PATH_MAX;
}

/* How much of that is there: "/run/x/var" of "/run/x/var/crash". */
static size_t length_there(const struct probe *p)
{
	size_t top = strlen(p->mountpoint), len;
	char path[PATH_MAX];

	if (!folder_of(p, path))
		return SIZE_MAX;
	for (len = strlen(path); len > top && access(path, F_OK) != 0; path[len] = '\0')
		while (path[--len] != '/')
			;
	return len;
}

/* ---- steps */

static int step_network(void *ctx, struct err *err)
{
	struct probe *p = ctx;

	return p->target.ops->network(&p->target, err);
}

static int step_find(void *ctx, struct err *err)
{
	struct probe *p = ctx;

	return p->target.ops->find(&p->target, err);
}

static int step_attach(void *ctx, struct err *err)
{
	struct probe *p = ctx;

	if (!p->mounted_at) {
		int r = p->target.ops->attach(&p->target, err);

		/* one file system cannot be both; after the crash nobody has it mounted */
		if (r && err->sys == EBUSY)
			return err_wrap(err, "in use, perhaps mounted read-only, so that it cannot "
					     "be tried");
		return r;
	}
	if (p->env->sys->mount(p->mounted_at, p->mountpoint, NULL, MS_BIND, NULL))
		return err_sys(err, errno, "mount %s a second time", p->mounted_at);
	return 0;
}

static int compare(struct target *t, struct err *err)
{
	char back[sizeof(PROBE_TEXT)] = "";
	uint64_t offset, len;
	int fd, r = t->ops->open(t, CRASH_LOG, &fd, &offset, &len, err);
	/* nobody here can open it: but it begins as such a file does, and nothing of the text is seen */
	bool encrypted = *t->all->encrypt_to;
	size_t want = strlen(encrypted ? AGE_START : PROBE_TEXT);

	if (r)
		return r;
	if (encrypted ? len > want : len == want)
		r = io_pread_full(fd, back, want, offset, t->place->name, err);
	close(fd);
	if (!r && strcmp(back, encrypted ? AGE_START : PROBE_TEXT) != 0)
		r = err_set(err, ERR_CORRUPT, "what was written is not what is read back");
	return r;
}

/* What is said to be good must be good for more than the probe. */
static int check_room(const struct probe *p, struct err *err)
{
	const struct recipe_target *t = p->target.recipe;

	if (p->result->free >= LEAST_ROOM || (t->log_only && t->kind != TARGET_RAW))
		return 0;
	if (t->kind == TARGET_RAW)
		return err_set(err, ERR_NO_SPACE, "%s is full of crashes: collect them",
			       p->target.place->device);
	return err_set(err, ERR_NO_SPACE,
		       "it can be written to, but a dump may take only %" PRIu64
		       " bytes of what is free: make room",
		       p->result->free);
}

static int step_write(void *ctx, struct err *err)
{
	struct probe *p = ctx;
	struct target *t = &p->target;
	int r;

	p->shared->there = length_there(p);
	r = t->ops->begin(t, PROBE_TIME, err);
	if (!r)
		r = t->ops->space(t, &p->result->free, err);
	if (r)
		return r;
	p->result->free_known = true;
	r = target_put(t, CRASH_LOG, PROBE_TEXT, strlen(PROBE_TEXT), err);
	if (!r)
		r = compare(t, err);
	return r ? r : check_room(p, err);
}

/*
 * To a far end: it says what it has. One that cannot be asked is taken at its word that it has taken all; that is said
 * then, too.
 */
static int step_send(void *ctx, struct err *err)
{
	struct probe *p = ctx;
	struct target *t = &p->target;
	uint8_t digest[32];
	int r = t->ops->begin(t, PROBE_TIME, err);

	if (!r)
		r = t->ops->space(t, &p->result->free, err);
	if (r)
		return r;
	p->result->free_known = p->result->free != UINT64_MAX;
	r = target_put(t, CRASH_LOG, PROBE_TEXT, strlen(PROBE_TEXT), err);
	if (!r)
		r = t->ops->digest(t, CRASH_LOG, digest, err);
	p->result->unread = r == ERR_UNSUPPORTED;
	if (r && !p->result->unread)
		return r;
	*err = (struct err){0};
	return p->result->free_known ? check_room(p, err) : 0;
}

static int step_take_back(void *ctx, struct err *err)
{
	struct probe *p = ctx;

	return *p->target.place->name ? p->target.ops->remove(&p->target, err) : 0;
}

static int remove_file(const struct target_place *place, const char *name, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", place->folder, name) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.200s…", place->folder);
	return unlink(path) && errno != ENOENT ? err_sys(err, errno, "%s: remove", path) : 0;
}

/* Only what the probe has made: its files by name, and folders, which must be empty to go. */
static int step_remove(void *ctx, struct err *err)
{
	const struct probe *p = ctx;
	const struct target_place *place = p->target.place;
	const char *name = target_file_name(&p->target, CRASH_LOG);
	char path[PATH_MAX], incomplete[64];

	snprintf(incomplete, sizeof(incomplete), "%s.incomplete", name);
	if (*place->folder) {
		if (remove_file(place, name, err) || remove_file(place, incomplete, err))
			return err->code;
		if (rmdir(place->folder))
			return err_sys(err, errno, "%s: remove", place->folder);
	}
	if (folder_of(p, path))
		for (; strlen(path) > p->shared->there; *strrchr(path, '/') = '\0')
			if (rmdir(path))
				break;
	return 0;
}

static int step_detach(void *ctx, struct err *err)
{
	struct probe *p = ctx;

	return p->target.ops->detach(&p->target, err);
}

/* A block that belongs to no entry: whatever happens while it is written, the bytes there are the same. */
static int rewrite_block(int fd, uint64_t at, const char *name, struct err *err)
{
	uint8_t before[CRASHPART_BLOCK], after[CRASHPART_BLOCK];

	if (io_pread_full(fd, before, sizeof(before), at, name, err) ||
	    io_pwrite_full(fd, before, sizeof(before), at, name, err))
		return err->code;
	if (fsync(fd))
		return err_sys(err, errno, "%s: flush", name);
	/* from the device and not from memory */
	(void)posix_fadvise(fd, (off_t)at, sizeof(after), POSIX_FADV_DONTNEED);
	if (io_pread_full(fd, after, sizeof(after), at, name, err))
		return err->code;
	if (memcmp(before, after, sizeof(before)) != 0)
		return err_set(err, ERR_CORRUPT, "%s: what was written is not what is read back",
			       name);
	return 0;
}

/* Where the next crash would begin: collected ones at the end have had their time, and one that was cut off is closed. */
static int note_wanted(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	(void)err;
	if (entry->state == CRASHPART_WRITING)
		*(uint64_t *)ctx = crashpart_content_end(entry);
	else if (entry->state != CRASHPART_COLLECTED)
		*(uint64_t *)ctx = entry->end;
	return 0;
}

static int step_rewrite(void *ctx, struct err *err)
{
	struct probe *p = ctx;
	const char *device = p->target.place->device;
	_cleanup_close_ int fd = root_open(p->env->root, device, O_RDWR);
	uint64_t size, begin = 0, end;

	if (fd < 0)
		return err_sys(err, errno, "%s%s: open", p->env->root->path, device);
	if (device_size(fd, device, &size, err) ||
	    crashpart_walk(fd, size, device, note_wanted, &begin, &end, err))
		return err->code;
	p->result->free = size > begin ? size - begin : 0;
	p->result->free_known = true;
	return check_room(p, err) ? err->code : rewrite_block(fd, begin, device, err);
}

/* ---- one target */

/* After a failure only what cleans up is still run, and the first error stays. */
static void run(struct probe *p, const char *name, step_fn fn, unsigned int seconds)
{
	const struct step_limits limits = {.ms = (uint64_t)seconds * 1000};
	struct preflight_result *r = p->result;
	struct step_outcome o;

	if (r->err.code && fn != step_remove && fn != step_take_back && fn != step_detach)
		return;
	if (!r->err.code)
		r->step = name;
	step_run(fn, p, &limits, &o);
	r->took_ms += o.took_ms;
	if (o.err.code && !r->err.code)
		r->err = o.err;
}

/* What is done with it once it is there. */
static void probe_writing(struct probe *p)
{
	const struct recipe *r = p->recipe;

	if (p->target.recipe->kind == TARGET_RAW) {
		run(p, "rewrite", step_rewrite, r->deadline_log);
	} else if (p->result->err.code) {
		return;
	} else if (p->target.ops->open) {
		p->shared->there = SIZE_MAX;
		run(p, "write", step_write, r->deadline_log);
		run(p, "remove", step_remove, QUICK_SECONDS);
	} else {
		run(p, "send", step_send, r->deadline_log);
		run(p, "remove", step_take_back, QUICK_SECONDS);
	}
}

static void probe_target(struct probe *p, size_t i)
{
	const struct recipe_target *t = &p->recipe->targets[i];
	const struct target_place *place = &p->shared->places[i];
	bool attached;

	p->target = (struct target){
		.recipe = t,
		.all = p->recipe,
		.healthy = true,
		.ops = target_ops_of(t->kind),
		.place = &p->shared->places[i],
		.sys = p->env->sys,
		.root = p->env->root,
		.mountpoint = p->mountpoint,
	};
	p->result = &p->shared->results[i];
	p->mounted_at =
		p->env->mounted_at && strcmp(t->fstype, "9p") == 0 ? p->env->mounted_at[i] : NULL;
	/* nothing has to come up first, so a server that does not answer soon does not answer */
	if (recipe_is_remote(t->kind))
		run(p, "network", step_network,
		    NUM_MIN(p->recipe->deadline_network, (unsigned int)QUICK_SECONDS));
	run(p, "find", step_find, p->recipe->deadline_device);
	snprintf(p->result->device, sizeof(p->result->device), "%s",
		 *place->device ? place->device : place->server);
	run(p, "attach", step_attach, p->recipe->deadline_mount);
	attached = !p->result->err.code;
	probe_writing(p);
	if (attached)
		run(p, "detach", step_detach, QUICK_SECONDS);
}

/* ---- all of them */

static int probe_all(void *ctx, struct err *err)
{
	struct probe *p = ctx;

	if (p->env->sys->unshare(CLONE_NEWNS))
		return err_sys(err, errno, "a mount namespace for the probe");
	if (p->env->sys->mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_sys(err, errno, "a mount namespace for the probe: make it private");
	for (size_t i = 0; i < p->recipe->n_targets; i++)
		probe_target(p, i);
	return 0;
}

/* What all steps together may take; the child itself never waits for longer. */
static uint64_t limit_of(const struct recipe *r)
{
	uint64_t one = (uint64_t)r->deadline_device + r->deadline_mount + r->deadline_log +
		       3 * QUICK_SECONDS + 5;

	return one * 1000 * (r->n_targets + 1);
}

int preflight_run(const struct recipe *recipe, const struct preflight_env *env,
		  struct preflight_result *ret, struct err *err)
{
	struct probe p = {.recipe = recipe, .env = env};
	const struct step_limits limits = {.ms = limit_of(recipe)};
	struct step_outcome o;

	if (snprintf(p.mountpoint, sizeof(p.mountpoint), "%s/lifeboat-check-XXXXXX", env->folder) >=
	    (int)sizeof(p.mountpoint))
		return err_sys(err, ENAMETOOLONG, "%s", env->folder);
	p.shared = step_shared_alloc(sizeof(*p.shared));
	if (!p.shared)
		return err_nomem(err, sizeof(*p.shared), "the probe");
	if (!mkdtemp(p.mountpoint)) {
		err_sys(err, errno, "%s: make a mount point", env->folder);
		step_shared_free(p.shared, sizeof(*p.shared));
		return err->code;
	}
	step_run(probe_all, &p, &limits, &o);
	rmdir(p.mountpoint);
	if (o.err.code)
		*err = o.err;
	else
		memcpy(ret, p.shared->results, recipe->n_targets * sizeof(*ret));
	step_shared_free(p.shared, sizeof(*p.shared));
	return o.err.code;
}
