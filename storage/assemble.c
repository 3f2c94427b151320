// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rounds over the layers, each one looked at as soon as what it stands on is made: none of them waits by itself, so a path that
 * never comes keeps no other from being used.
 */
#include "storage/assemble.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "storage/assemble_layer.h"
#include "storage/dm.h"
#include "storage/md.h"
#include "storage/remote.h"

#define SYS_BLOCK "/sys/class/block"
#define PAUSE_MS  20
#define AGAIN_MS  2000 /* after an attempt that failed */

static uint64_t now_ms(void)
{
	return clock_ns() / 1000000;
}

/* ---- which are needed, and what is there */

static struct one *one_of(struct work *w, const char *layer)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->one[i].layer->name, layer) == 0)
			return &w->one[i];
	return NULL;
}

/* A device-mapper device of this name, as sysfs has it: "/dev/dm-3". */
static bool find_mapped(const struct root *root, const struct layer *l, char ret[DEVICE_PATH_MAX])
{
	int fd = root_open(root, SYS_BLOCK, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool found = false;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && !found && (e = readdir(dir))) {
		char path[PATH_MAX];

		if (strncmp(e->d_name, "dm-", 3) != 0)
			continue;
		snprintf(path, sizeof(path), SYS_BLOCK "/%s/dm/name", e->d_name);
		found = root_has_line(root, path, l->name);
		snprintf(path, sizeof(path), SYS_BLOCK "/%s/dm/uuid", e->d_name);
		found = found && (!*l->uuid || root_has_line(root, path, l->uuid));
		if (found)
			snprintf(ret, DEVICE_PATH_MAX, "/dev/%.200s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Is it there without us? Then *ret is its node. */
static bool is_there(const struct root *root, const struct layer *l, char ret[DEVICE_PATH_MAX])
{
	struct err ignored;

	switch (l->kind) {
	case LAYER_DM:
	case LAYER_CRYPT:
	case LAYER_MULTIPATH:
		return find_mapped(root, l, ret);
	case LAYER_MD:
		snprintf(ret, DEVICE_PATH_MAX, "/dev/%s", l->name);
		return md_runs(root, l->name);
	case LAYER_ISCSI:
		return remote_find_iscsi(l, root, ret);
	case LAYER_NVME_TCP:
		return !device_find(l->members[0], root, ret, &ignored);
	default:
		return false;
	}
}

int storage_find(const struct layers *layers, const char *layer, const struct root *root,
		 char ret[DEVICE_PATH_MAX], struct err *err)
{
	const struct layer *l = layers_find(layers, layer);
	char node[DEVICE_PATH_MAX];

	if (!l)
		return err_set(err, ERR_USAGE, "there is no layer %.100s", layer);
	if (!is_there(root, l, node))
		return err_set(err, ERR_NOT_FOUND, "there is no %s (%s) on this machine", layer,
			       layer_kind_name(l->kind));
	strcpy(ret, node);
	return 0;
}

/* From the top on: below what is there nothing is needed. */
static void find_needed(struct work *w, struct one *top)
{
	top->state = LAYER_NEEDED;
	for (size_t i = w->n; i-- > 0;) {
		struct one *one = &w->one[i];
		char name[LAYER_NAME];

		if (one->state != LAYER_NEEDED)
			continue;
		if (is_there(w->root, one->layer, one->node)) {
			one->state = LAYER_MADE;
			continue;
		}
		for (char **m = one->layer->members; *m; m++)
			if (layer_of_member(*m, name))
				one_of(w, name)->state = LAYER_NEEDED;
	}
}

/* ---- members */

static int watch_members(struct work *w, struct one *one, struct err *err)
{
	const char *names[LAYER_MAX_EACH];
	size_t n = 0;

	for (size_t m = 0; m < one->n_members; m++) {
		const char *device = layer_member_device(one->layer->members[m]);

		if (!*device)
			continue;
		one->of_name[n] = m;
		names[n++] = device;
	}
	if (!n || one->watch)
		return 0;
	return device_watch_create(names, n, w->root, &one->watch, err);
}

static void take_layers(struct work *w, struct one *one)
{
	char name[LAYER_NAME];

	for (size_t m = 0; m < one->n_members; m++) {
		struct member *member = &one->members[m];
		struct one *below;

		if (!layer_of_member(one->layer->members[m], name))
			continue;
		below = one_of(w, name);
		member->dead = below->state == LAYER_DEAD;
		member->waits = below->state != LAYER_MADE;
		member->below = below;
		if (below->state == LAYER_MADE && !*layer_member_device(one->layer->members[m]))
			strcpy(member->node, below->node);
	}
}

/* What is known of the members now. *ret_busy: more will be, very soon. */
static int find_members(struct work *w, struct one *one, bool *ret_busy, struct err *err)
{
	struct device_match *found;
	size_t n = 0;
	int r;

	for (size_t m = 0; m < one->n_members; m++)
		one->members[m] = (struct member){0};
	one->n_paths = 0;
	*ret_busy = false;
	take_layers(w, one);
	if (!one->watch)
		return 0;
	found = calloc(PATHS_MAX, sizeof(*found));
	if (!found)
		return err_nomem(err, PATHS_MAX * sizeof(*found), "members");
	r = device_watch_look(one->watch, found, PATHS_MAX, &n, ret_busy, err);
	for (size_t i = 0; !r && i < n; i++) {
		struct member *member = &one->members[one->of_name[found[i].name]];

		if (member->waits)
			continue;
		if (!*member->node)
			strcpy(member->node, found[i].node);
		else if (one->layer->kind != LAYER_MULTIPATH)
			r = err_set(err, ERR_USAGE, "%.100s is the name of both %s and %s",
				    one->layer->members[one->of_name[found[i].name]], member->node,
				    found[i].node);
		else if (one->n_paths < PATHS_MAX)
			strcpy(one->paths[one->n_paths++], found[i].node);
	}
	free(found);
	return r;
}

/* ---- one layer */

static bool is_enough(const struct layer *l, size_t present, size_t dead, size_t n, uint64_t waited)
{
	if (l->kind == LAYER_MULTIPATH)
		/* of one with a WWID there may be more */
		return present && waited >= LAYER_GRACE_MS;
	if (l->kind == LAYER_MD)
		return present && (present + dead == n || waited >= LAYER_GRACE_MS);
	return present == n;
}

/* 0: whatever it takes is there; ERR_NOT_FOUND: not yet; else never. */
static int check_members(struct one *one, struct err *err)
{
	bool partial = one->layer->kind == LAYER_MD || one->layer->kind == LAYER_MULTIPATH;
	const char *missing = NULL;
	size_t present = 0, dead = 0;

	for (size_t m = 0; m < one->n_members; m++) {
		const struct member *member = &one->members[m];

		present += *member->node != '\0';
		if (!*member->node && !missing)
			missing = one->layer->members[m];
		if (!member->dead)
			continue;
		dead++;
		*err = member->below->why;
	}
	if (dead && (!partial || dead == one->n_members))
		return err_wrap(err, "%s", one->layer->name);
	if (present && !one->since_ms)
		one->since_ms = now_ms();
	if (is_enough(one->layer, present, dead, one->n_members,
		      one->since_ms ? now_ms() - one->since_ms : 0))
		return 0;
	return err_set(err, ERR_NOT_FOUND, "layer %s waits for %.100s%s", one->layer->name,
		       missing ? missing : "more of its members",
		       present && partial ? ", then goes without" : "");
}

static int try_remote(struct work *w, struct one *one, struct err *err)
{
	const struct layer *l = one->layer;

	if (is_there(w->root, l, one->node))
		return 0;
	if (l->kind == LAYER_ISCSI && remote_has_session(l, w->root))
		return err_set(err, ERR_NOT_FOUND, "iSCSI target %.100s has no LUN %u yet",
			       l->target, l->lun);
	if (one->tried_ms && now_ms() - one->tried_ms < AGAIN_MS) {
		*err = one->why;
		return err->code;
	}
	if (l->kind == LAYER_ISCSI ? remote_login_iscsi(l, w->root, err)
				   : remote_connect_nvme(l, w->root, err)) {
		one->why = *err;
		one->tried_ms = now_ms();
		one->why.code = err->code = ERR_NOT_FOUND; /* a server may come back */
		return err->code;
	}
	one->why = (struct err){0};
	err_set(&one->why, ERR_NOT_FOUND, "%.100s at %s does not show the disk yet", l->target,
		l->server);
	one->tried_ms = now_ms();
	return is_there(w->root, l, one->node) ? 0
					       : err_set(err, ERR_NOT_FOUND, "%s", one->why.msg);
}

static int try_layer(struct work *w, struct one *one, bool *ret_busy, struct err *err)
{
	*ret_busy = false;
	if (one->layer->kind == LAYER_ISCSI || one->layer->kind == LAYER_NVME_TCP)
		return try_remote(w, one, err);
	if (one->tried_ms && now_ms() - one->tried_ms < AGAIN_MS) {
		*err = one->why;
		return err->code;
	}
	if (watch_members(w, one, err) || find_members(w, one, ret_busy, err) ||
	    check_members(one, err))
		return err->code;
	/* one that is not looked at yet may have the same name */
	if (*ret_busy)
		return err_set(err, ERR_NOT_FOUND, "layer %s: disks are being looked at",
			       one->layer->name);
	if (!layer_make(w, one, err))
		return 0;
	if (one->layer->kind != LAYER_MD && one->layer->kind != LAYER_MULTIPATH)
		return err->code;
	/* what it still lacks may come */
	one->tried_ms = now_ms();
	err->code = ERR_NOT_FOUND;
	one->why = *err;
	return err->code;
}

/* ---- all */

/* One round from the bottom on; *ret_busy: the next one may find more at once. *err: why the lowest one waits. */
static void go_round(struct work *w, bool *ret_busy, struct err *err)
{
	struct err now;

	*ret_busy = false;
	for (size_t i = 0; i < w->n; i++) {
		struct one *one = &w->one[i];
		bool busy;
		int r;

		if (one->state != LAYER_NEEDED)
			continue;
		now = (struct err){0};
		r = try_layer(w, one, &busy, &now);
		*ret_busy |= busy;
		if (!r) {
			one->state = LAYER_MADE;
			*ret_busy = true;
		} else if (r != ERR_NOT_FOUND) {
			one->state = LAYER_DEAD;
			one->why = now;
		} else if (!err->code) {
			*err = now;
		}
	}
}

static int assemble(struct work *w, struct one *top, char ret[DEVICE_PATH_MAX], struct err *err)
{
	find_needed(w, top);
	for (;;) {
		struct err now = {0};
		bool busy = false;

		if (top->state == LAYER_NEEDED)
			go_round(w, &busy, &now);
		if (top->state == LAYER_MADE) {
			strcpy(ret, top->node);
			*err = (struct err){0};
			return 0;
		}
		if (top->state == LAYER_DEAD) {
			*err = top->why;
			return err->code;
		}
		*err = now; /* becomes part of the step's timeout */
		nanosleep(&(struct timespec){.tv_nsec = (busy ? 1 : PAUSE_MS) * 1000000}, NULL);
	}
}

static void deinit_work(struct work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		device_watch_destroy(w->one[i].watch);
		free(w->one[i].members);
		free(w->one[i].of_name);
		free(w->one[i].paths);
	}
	free(w->one);
}

static int init_work(struct work *w, const struct layers *layers, struct err *err)
{
	w->one = calloc(layers->n ? layers->n : 1, sizeof(*w->one));
	if (!w->one)
		return err_nomem(err, layers->n * sizeof(*w->one), "the layers");
	for (size_t i = 0; i < layers->n; i++, w->n++) {
		struct one *one = &w->one[i];

		one->layer = &layers->v[i];
		while (one->layer->members[one->n_members])
			one->n_members++;
		one->members = calloc(one->n_members + 1, sizeof(*one->members));
		one->of_name = calloc(one->n_members + 1, sizeof(*one->of_name));
		one->paths = calloc(one->layer->kind == LAYER_MULTIPATH ? PATHS_MAX : 1,
				    sizeof(*one->paths));
		if (!one->members || !one->of_name || !one->paths) {
			w->n++;
			return err_nomem(err, one->n_members * sizeof(*one->members), "the layers");
		}
	}
	return 0;
}

int storage_assemble(const struct layers *layers, const char *layer, const struct root *root,
		     const struct sys *sys, char ret[DEVICE_PATH_MAX], struct err *err)
{
	struct work w = {.root = root, .sys = sys};
	struct one *top;
	int r;

	r = init_work(&w, layers, err);
	if (!r) {
		top = one_of(&w, layer);
		r = top ? assemble(&w, top, ret, err)
			: err_set(err, ERR_USAGE, "there is no layer %.100s", layer);
	}
	deinit_work(&w);
	return r;
}

/* ---- away again */

static int release(const struct layer *l, const struct root *root, const struct sys *sys,
		   struct err *err)
{
	struct dm_device dm;
	bool busy;
	int r;

	switch (l->kind) {
	case LAYER_DM:
	case LAYER_CRYPT:
	case LAYER_MULTIPATH:
		r = dm_find(root, sys, l->name, &dm, err);
		if (!r)
			r = dm_remove(root, sys, l->name, &busy, err);
		return r == ERR_NOT_FOUND ? 0 : r;
	case LAYER_MD:
		return md_runs(root, l->name) ? md_stop(root, sys, l->name, &busy, err) : 0;
	case LAYER_ISCSI:
	case LAYER_NVME_TCP:
	default:
		/* a session holds nothing back that was written: the server has it */
		return 0;
	}
}

int storage_release(const struct layers *layers, const char *layer, const struct root *root,
		    const struct sys *sys, struct err *err)
{
	bool needed[LAYER_MAX] = {false};
	int r = 0;

	for (size_t i = layers->n; i-- > 0;) {
		const struct layer *l = &layers->v[i];
		char name[LAYER_NAME];
		struct err one = {0};

		needed[i] |= strcmp(l->name, layer) == 0;
		if (!needed[i])
			continue;
		if (release(l, root, sys, &one) && !r) {
			*err = one;
			r = one.code;
		}
		for (char **m = l->members; *m; m++)
			if (layer_of_member(*m, name))
				needed[layers_find(layers, name) - layers->v] = true;
	}
	return r;
}
