// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "storage/device.h"
#include "capture/retain.h"
#include "capture/salvage.h"
#include "service/aftermath.h"
#include "service/dumps.h"
#include "service/places.h"
#include "service/send.h"

/* What is on one partition. */
struct store {
	char node[DEVICE_PATH_MAX];
	int fd;
	uint64_t size;
	struct crashpart_entry *entries;
	size_t n;
};

static void store_deinit(struct store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->entries);
	*s = (struct store){.fd = -1};
}

static int add_entry(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	struct store *s = ctx;
	struct crashpart_entry *grown = reallocarray(s->entries, s->n + 1, sizeof(*grown));

	if (!grown)
		return err_nomem(err, (s->n + 1) * sizeof(*grown), "the list of crashes");
	s->entries = grown;
	grown[s->n++] = *entry;
	return 0;
}

/* O_EXCL: not while it is mounted or otherwise in use. */
static int store_init(struct store *s, const char *device, const struct root *root, struct err *err)
{
	int r;

	*s = (struct store){.fd = -1};
	r = device_find(device, root, s->node, err);
	if (r)
		return r;
	s->fd = root_open(root, s->node, O_RDWR | O_EXCL);
	if (s->fd < 0 && errno == EINVAL)
		s->fd = root_open(root, s->node, O_RDWR); /* a plain file that stands for one */
	if (s->fd < 0)
		return err_sys(err, errno, "%s: open", s->node);
	r = device_size(s->fd, s->node, &s->size, err);
	if (r)
		store_deinit(s);
	return r;
}

/* A store with a damaged header has no entries to show, but is not empty: captures refuse it as well. */
static int store_read(struct store *s, struct err *err)
{
	uint8_t block[CRASHPART_BLOCK];
	uint64_t end;
	int r = crashpart_walk(s->fd, s->size, s->node, add_entry, s, &end, err);

	if (r || s->n)
		return r;
	r = io_pread_full(s->fd, block, sizeof(block), 0, s->node, err);
	if (!r && crashpart_has_magic((struct bytes){block, sizeof(block)}))
		r = err_set(
			err, ERR_CORRUPT,
			"%s: the first header of its crashes is damaged: they cannot be collected, "
			"and captures will not write here; save an image of it if they matter, "
			"then "
			"`lifeboat collect --clear %s`",
			s->node, s->node);
	return r;
}

/* Old crashes go once a new dump is safe. */
static void retain(const struct fetch *f, const char *into, const char *folder)
{
	static const struct recipe_retention all = {0};
	const struct recipe_retention *keep = f->config ? &f->config->base->keep : &all;
	const char *name = strrchr(folder, '/');
	struct retain_stats stats = {0};
	struct err err = {0};

	if (retain_apply(into, name ? name + 1 : folder, keep, f->now, false, NULL, NULL, &stats,
			 &err))
		service_tell(f->s, SERVICE_WARNING, "old crashes were kept: %s", err.msg);
	else if (stats.failed)
		service_tell(f->s, SERVICE_WARNING, "%s", stats.first_failure);
}

static int fetch_entry(const struct fetch *f, struct store *s, const struct crashpart_entry *entry,
		       const char *into, struct err *err)
{
	struct fetched found = {.node = s->node, .state = entry->state};
	_cleanup_free_ char *folder = NULL;
	int r = salvage_copy(s->fd, entry, s->node, into, &folder, &found.dump, err);

	if (r)
		return r;
	found.folder = folder;
	f->found(f->ctx, &found);
	if (found.dump && !f->retain_later)
		retain(f, into, folder);
	return f->keep ? 0 : salvage_mark(s->fd, entry, s->node, err);
}

static int fetch_store(const struct fetch *f, struct store *s, const char *into, struct err *err)
{
	size_t fetched = 0;
	int r = store_read(s, err);

	for (size_t i = 0; i < s->n && !r; i++) {
		if (s->entries[i].state == CRASHPART_COLLECTED)
			continue;
		r = fetch_entry(f, s, &s->entries[i], into, err);
		fetched += !r;
	}
	if (!r && !fetched)
		f->found(f->ctx, &(struct fetched){.node = s->node});
	/* the next crash has all the room again */
	if (!r && s->n && !f->keep)
		r = salvage_clear(s->fd, s->size, false, s->node, err);
	return r;
}

int fetch_device(const struct fetch *f, const char *device, struct err *err)
{
	_cleanup_free_ char *into = NULL;
	struct store s;
	int r;

	if (asprintf(&into, "%s%s", f->into ? "" : f->s->root->path,
		     f->into     ? f->into
		     : f->config ? places_collected(f->config)
				 : PLACES_DEFAULT) < 0) {
		into = NULL;
		return err_nomem(err, PATH_MAX, "a folder's name");
	}
	r = store_init(&s, device, f->s->root, err);
	if (r)
		return r;
	r = fetch_store(f, &s, into, err);
	store_deinit(&s);
	return r;
}

int fetch_clear(const struct service *s, const char *device, char ret_node[PATH_MAX],
		struct err *err)
{
	struct store store;
	int r = store_init(&store, device, s->root, err);

	if (r)
		return r;
	r = salvage_clear(store.fd, store.size, true, store.node, err);
	if (!r)
		snprintf(ret_node, PATH_MAX, "%s", store.node);
	store_deinit(&store);
	return r;
}

int fetch_configured(const struct fetch *f, size_t *ret_n, struct err *err)
{
	const struct config *config = f->config;
	struct err other;
	int first = 0;

	*ret_n = 0;
	for (size_t i = 0; i < config->n_targets; i++) {
		int r;

		if (config->targets[i].kind != TARGET_RAW)
			continue;
		++*ret_n;
		r = fetch_device(f, config->targets[i].device, first ? &other : err);
		if (r && first)
			service_tell(f->s, SERVICE_WARNING, "%s", other.msg);
		first = first ? first : r;
	}
	return first;
}

/* ---- at boot */

static void prune(const struct fetch *f)
{
	const struct recipe_retention *keep = &f->config->base->keep;
	struct places places = {0};
	struct err err = {0};

	if (!keep->count && !keep->age && !keep->bytes && !keep->free)
		return;
	if (places_find(f->s, f->config, &places, &err))
		service_tell(f->s, SERVICE_WARNING, "%s", err.msg);
	for (size_t i = 0; i < places.n; i++) {
		struct retain_stats stats = {0};

		if (dumps_prune(f->s, places.v[i], keep, false, NULL, NULL, &stats, &err))
			service_tell(f->s, SERVICE_WARNING, "%s", err.msg);
		else if (stats.failed)
			service_tell(f->s, SERVICE_WARNING, "%s", stats.first_failure);
	}
	places_deinit(&places);
}

int fetch_at_boot(const struct fetch *f, struct err *err)
{
	struct fetch fetch = *f;
	struct aftermath told;
	struct err other;
	size_t n;
	int first, r;

	fetch.retain_later = true;
	first = f->config ? fetch_configured(&fetch, &n, err) : 0;
	r = aftermath_tell(f->s, f->config, f->now, &told, first ? &other : err);

	if (r && first)
		service_tell(f->s, SERVICE_WARNING, "%s", other.msg);
	/* by what is on record the service knows that there is something to send */
	if (f->config && send_enqueue(f->s, f->config, f->now, NULL, &other))
		service_tell(f->s, SERVICE_WARNING, "%s", other.msg);
	if (f->config)
		prune(f);
	return first ? first : r;
}
