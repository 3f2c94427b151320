// SPDX-License-Identifier: GPL-2.0-or-later
/* After a crash: what the capture left on raw partitions becomes folders like any other. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "base/root.h"
#include "capture/device.h"
#include "capture/retain.h"
#include "capture/salvage.h"
#include "cmd/service.h"
#include "service/aftermath.h"
#include "service/dumps.h"
#include "service/places.h"

struct arguments {
	const char *config, *into, *root;
	bool keep, clear, boot, as_json;
	struct json *json; /* of --json: inside of its array; NULL: words for people */
};

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

/* `dump`: it is whole as a file, too. */
static const char *state_text(enum crashpart_state state, bool dump)
{
	switch (state) {
	case CRASHPART_WHOLE:
		return dump ? "whole"
			    : "its dump was whole, but cannot be read any more, or not as it was "
			      "written";
	case CRASHPART_PARTIAL:
		return "partial";
	case CRASHPART_WRITING:
		return "cut off while it was written";
	case CRASHPART_COLLECTED:
		break;
	}
	return "collected before";
}

static void put_entry(const struct store *s, const struct crashpart_entry *entry,
		      const struct arguments *a, const char *folder, bool dump)
{
	static const char *const states[] = {[CRASHPART_WHOLE] = "whole",
					     [CRASHPART_PARTIAL] = "partial",
					     [CRASHPART_WRITING] = "cut-off"};

	if (!a->json) {
		printf("%s: %s\n", folder, state_text(entry->state, dump));
		return;
	}
	json_begin_object(a->json, NULL);
	json_put_string(a->json, "device", s->node);
	json_put_string(a->json, "folder", folder);
	json_put_string(a->json, "state", states[entry->state]);
	json_put_bool(a->json, "whole_dump", dump);
	json_end_object(a->json);
}

/* Old crashes go once a new dump is safe. */
static void retain(const char *into, const char *folder, const struct recipe_retention *keep)
{
	const char *name = strrchr(folder, '/');
	struct retain_stats stats = {0};
	struct err err = {0};

	if (retain_apply(into, name ? name + 1 : folder, keep, (uint64_t)time(NULL), false, NULL,
			 NULL, &stats, &err))
		fprintf(stderr, "lifeboat collect: warning: old crashes were kept: %s\n", err.msg);
	else if (stats.failed)
		fprintf(stderr, "lifeboat collect: warning: %s\n", stats.first_failure);
}

static int collect_entry(struct store *s, const struct crashpart_entry *entry,
			 const struct arguments *a, const struct recipe_retention *keep,
			 struct err *err)
{
	_cleanup_free_ char *folder = NULL;
	bool dump;
	int r = salvage_copy(s->fd, entry, s->node, a->into, &folder, &dump, err);

	if (r)
		return r;
	put_entry(s, entry, a, folder, dump);
	if (dump)
		retain(a->into, folder, keep);
	return a->keep ? 0 : salvage_mark(s->fd, entry, s->node, err);
}

static int collect_store(const char *device, const struct root *root, const struct arguments *a,
			 const struct recipe_retention *keep, struct err *err)
{
	size_t collected = 0;
	struct store s;
	int r = store_init(&s, device, root, err);

	if (r)
		return r;
	if (a->clear) {
		r = salvage_clear(s.fd, s.size, true, s.node, err);
		if (!r && !a->json)
			printf("%s: emptied\n", s.node);
		store_deinit(&s);
		return r;
	}
	r = store_read(&s, err);
	for (size_t i = 0; i < s.n && !r; i++) {
		if (s.entries[i].state == CRASHPART_COLLECTED)
			continue;
		r = collect_entry(&s, &s.entries[i], a, keep, err);
		collected += !r;
	}
	if (!r && !collected && !a->json)
		printf("%s: nothing to collect\n", s.node);
	/* the next crash has all the room again */
	if (!r && s.n && !a->keep)
		r = salvage_clear(s.fd, s.size, false, s.node, err);
	store_deinit(&s);
	return r;
}

static void complain(const struct err *err)
{
	fputs("lifeboat collect: ", stderr);
	cmd_print_plain(stderr, err->msg);
	fputc('\n', stderr);
}

/* The raw targets of the configuration; a failure of one does not keep the others. */
static int collect_configured(const struct config *config, const struct root *root,
			      const struct arguments *a, struct err *err)
{
	const struct recipe_retention *keep = &config->base->keep;
	struct err other, *to = err;
	size_t n = 0;
	int first = 0;

	for (size_t i = 0; i < config->n_targets; i++) {
		int r;

		if (config->targets[i].kind != TARGET_RAW)
			continue;
		n++;
		r = collect_store(config->targets[i].device, root, a, keep, to);
		if (r && first)
			complain(to);
		if (r && !first) {
			first = r;
			to = &other;
		}
	}
	if (!n && !a->boot && !a->json)
		printf("%s has no raw target: nothing to collect\n", config->name);
	return first;
}

static void prune(const struct service *s, const struct config *config)
{
	const struct recipe_retention *keep = &config->base->keep;
	struct places places = {0};
	struct err err = {0};

	if (!keep->count && !keep->age && !keep->bytes && !keep->free)
		return;
	if (places_find(s, config, &places, &err))
		complain(&err);
	for (size_t i = 0; i < places.n; i++) {
		struct retain_stats stats = {0};

		if (dumps_prune(s, places.v[i], keep, false, NULL, NULL, &stats, &err))
			complain(&err);
		else if (stats.failed)
			fprintf(stderr, "lifeboat collect: warning: %s\n", stats.first_failure);
	}
	places_deinit(&places);
}

/* Whatever fails, the rest is done: what happened is told before anything old may go. */
static int after_boot(struct service_words *w, const struct config *config, int collected,
		      struct err *err)
{
	struct aftermath told;
	struct err why;
	int r;

	w->quiet = true; /* places are looked at twice */
	r = aftermath_tell(&w->service, config, (uint64_t)time(NULL), &told, &why);
	if (r && collected)
		complain(&why);
	else if (r)
		*err = why;
	prune(&w->service, config);
	return collected ? collected : r;
}

static int collect(struct service_words *w, struct arguments *a, char *const *devices,
		   const struct config *config, struct err *err)
{
	static const struct recipe_retention all = {0};
	_cleanup_free_ char *into = NULL;
	int r = 0;

	if (asprintf(&into, "%s%s", a->into ? "" : w->root.path,
		     a->into  ? a->into
		     : config ? places_collected(config)
			      : PLACES_DEFAULT) < 0) {
		into = NULL;
		return err_nomem(err, PATH_MAX, "a folder's name");
	}
	a->into = into;
	if (!*devices)
		r = collect_configured(config, &w->root, a, err);
	for (; *devices && !r; devices++)
		r = collect_store(*devices, &w->root, a, config ? &config->base->keep : &all, err);
	a->into = NULL;
	return a->boot ? after_boot(w, config, r, err) : r;
}

/* What was collected before something failed is in it. */
static int collect_json(struct service_words *w, struct arguments *a, char *const *devices,
			const struct config *config, struct err *err)
{
	struct json j;
	int r;

	a->json = &j;
	cmd_begin_json(&j, stdout, "lifeboat-collect-1");
	json_begin_array(&j, "collected");
	r = collect(w, a, devices, config, err);
	json_end_array(&j);
	json_put_bool(&j, "kept", a->keep);
	cmd_end_json(&j);
	return r;
}

static int check_arguments(const struct arguments *a, char *const *devices, struct err *err)
{
	if (a->clear && !*devices)
		return err_set(err, ERR_USAGE, "--clear needs the DEVICE that is to be emptied");
	if (a->boot && (*devices || a->keep || a->into))
		return err_set(
			err, ERR_USAGE,
			"--boot is for what the configuration says: no DEVICE, --keep or --into");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {0};
	const struct opt opts[] = {
		OPT_STRING(0, "config", "FILE", &a.config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "into", "DIR", &a.into,
			   "where the folders go (default: the configured path)"),
		OPT_FLAG('k', "keep", &a.keep, "leave the partition as it is"),
		OPT_FLAG(0, "clear", &a.clear, "collect nothing, empty DEVICE"),
		OPT_FLAG(0, "boot", &a.boot,
			 "and tell the journal of crashes that it was not told of yet"),
		OPT_FLAG(0, "json", &a.as_json, "print a JSON object"),
		OPT_STRING(0, "root", "DIR", &a.root, "work on the machine whose files are in DIR"),
	};
	struct service_words w;
	struct config *config = NULL;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (r || (r = check_arguments(&a, argv + 1, err)))
		return r;
	r = service_words_init(&w, cmd, a.root, a.config, err);
	if (r)
		return r;
	w.quiet = true; /* the configuration's notes are `check`'s */
	if (!argv[1] || a.config)
		r = service_config(&w.service, &config, NULL, err);
	if (!r)
		r = a.as_json ? collect_json(&w, &a, argv + 1, config, err)
			      : collect(&w, &a, argv + 1, config, err);
	config_destroy(config);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_collect = {
	.name = "collect",
	.operands = "[DEVICE...]",
	.summary = "fetch what captures have left on raw partitions",
	.details =
		"Copies each crash on the raw partitions of the configuration (or on DEVICE) to a\n"
		"folder of its own, checks it against its digests, and then empties the "
		"partition.\n"
		"A crash that was cut off or does not match becomes files named .incomplete.\n"
		"With --boot, what the service does once at each boot: then each crash on any of "
		"the\n"
		"configured targets that was not told yet gets one entry in the journal and one "
		"in\n"
		"the history, a crash test gets its outcome, and retention is applied.",
	.run = run,
	.group = CMD_DUMPS,
};
