// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/crashes.h"
#include "service/places.h"

struct arguments {
	bool dry, json;
	const char *limits[4]; /* as the configuration's values; NULL: its own */
};

static const char *const keys[] = {"keep_count", "keep_age", "keep_bytes", "keep_free"};

/* What the options say goes through the configuration's own parser: the same forms, and the same limits. */
static int parse_limits(const struct arguments *a, struct recipe_retention *keep, struct err *err)
{
	uint64_t *const to[] = {&keep->count, &keep->age, &keep->bytes, &keep->free};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char text[128];
		struct config *c;
		const struct recipe_retention *said;
		struct err why;

		if (!a->limits[i])
			continue;
		if (strlen(a->limits[i]) > 64 || strpbrk(a->limits[i], "\n#"))
			return err_set(err, ERR_USAGE, "%s: '%.64s' is no limit", keys[i],
				       a->limits[i]);
		snprintf(text, sizeof(text), "%s %s\n", keys[i], a->limits[i]);
		if (config_create((struct bytes){(const uint8_t *)text, strlen(text)},
				  "command line", &c, &why)) {
			const char *at = strstr(why.msg, keys[i]); /* no file, no line */

			return err_set(err, why.code, "%s", at ? at : why.msg);
		}
		said = &c->base->keep;
		*to[i] = i == 0   ? said->count
			 : i == 1 ? said->age
			 : i == 2 ? said->bytes
				  : said->free;
		config_destroy(c);
	}
	return 0;
}

struct output {
	const struct arguments *a;
	const char *folder;
	struct json json; /* of --json: inside of its array */
	uint64_t kept;
};

static void hear(void *ctx, const char *name, uint64_t bytes, bool pinned, const char *why)
{
	struct output *o = ctx;
	char size[16];

	o->kept += !why;
	if (o->a->json) {
		json_begin_object(&o->json, NULL);
		json_put_string(&o->json, "name", name);
		json_put_string(&o->json, "folder", o->folder);
		json_put_uint(&o->json, "bytes", bytes);
		json_put_bool(&o->json, "pinned", pinned);
		json_put_string(&o->json, "goes_for", why);
		json_end_object(&o->json);
		return;
	}
	if (!why && !pinned)
		return;
	crashes_print(stdout, o->folder);
	printf("/%s: %s, %s%s%s\n", name, num_human(bytes, size),
	       why ? o->a->dry ? "would go" : "goes" : "pinned: stays", why ? ", for keep_" : "",
	       why ? why : "");
}

static int prune_folder(struct crashes *c, const char *folder, const struct recipe_retention *keep,
			struct output *o, struct retain_stats *sum, struct err *err)
{
	struct retain_stats stats = {0};
	int r;

	o->folder = folder;
	r = dumps_prune(&c->words.service, folder, keep, o->a->dry, hear, o, &stats, err);
	if (r)
		return r;
	sum->removed += stats.removed;
	sum->removed_bytes += stats.removed_bytes;
	sum->failed += stats.failed;
	if (stats.failed)
		fprintf(stderr, "lifeboat prune: %s: not removed: %s\n", folder,
			stats.first_failure);
	return 0;
}

static void finish(struct output *o, const struct retain_stats *sum, bool failed)
{
	char size[16];

	if (o->a->json) {
		json_end_array(&o->json);
		json_put_bool(&o->json, "dry_run", o->a->dry);
		json_put_uint(&o->json, "removed", sum->removed);
		json_put_uint(&o->json, "removed_bytes", sum->removed_bytes);
		json_put_uint(&o->json, "failed", sum->failed);
		cmd_end_json(&o->json);
		return;
	}
	if (failed && !sum->removed)
		return;
	printf("%" PRIu64 " %s (%s), %" PRIu64 " stay%s\n", sum->removed,
	       o->a->dry ? "would go" : "removed", num_human(sum->removed_bytes, size), o->kept,
	       o->kept == 1 ? "s" : "");
}

static int prune(struct crashes *c, const struct arguments *a, char *const *folders,
		 struct err *err)
{
	struct recipe_retention keep = c->config->base->keep;
	struct places places = {0};
	struct retain_stats sum = {0};
	struct output o = {.a = a};
	int r;

	if (parse_limits(a, &keep, err))
		return err->code;
	if (!keep.count && !keep.age && !keep.bytes && !keep.free)
		return err_set(err, ERR_USAGE,
			       "there is no limit: set keep_count, keep_age, keep_bytes or "
			       "keep_free in %s, "
			       "or give one as an option",
			       c->config->name);
	if (!*folders && places_find(&c->words.service, c->config, &places, err))
		return err->code;
	if (a->json) {
		cmd_begin_json(&o.json, stdout, "lifeboat-prune-1");
		json_begin_array(&o.json, "crashes");
	}
	r = 0;
	for (size_t i = 0; !r && folders[i]; i++)
		r = prune_folder(c, folders[i], &keep, &o, &sum, err);
	for (size_t i = 0; !r && i < places.n; i++)
		r = prune_folder(c, places.v[i], &keep, &o, &sum, err);
	finish(&o, &sum, r);
	places_deinit(&places);
	if (!r && sum.failed)
		r = err_set(err, ERR_SYSTEM, "%" PRIu64 " could not be removed", sum.failed);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root = NULL, *config = NULL;
	struct arguments a = {0};
	const struct opt opts[] = {
		OPT_FLAG('n', "dry-run", &a.dry, "remove nothing, say what would go"),
		OPT_STRING(0, "keep-count", "N", &a.limits[0], "so many crashes stay in a folder"),
		OPT_STRING(0, "keep-age", "TIME", &a.limits[1], "what is older goes: 30d"),
		OPT_STRING(0, "keep-bytes", "SIZE", &a.limits[2], "all of a folder together: 20G"),
		OPT_STRING(0, "keep-free", "SIZE", &a.limits[3], "so much shall be free"),
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &root, "work on the machine whose files are in DIR"),
	};
	struct crashes c;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (r)
		return r;
	r = crashes_init(&c, cmd, root, config, false, err);
	if (!r)
		r = prune(&c, &a, argv + 1, err);
	crashes_deinit(&c);
	return r;
}

const struct cmd cmd_prune = {
	.name = "prune",
	.operands = "[FOLDER...]",
	.summary = "remove old crashes by the configured limits",
	.details =
		"Applies the limits of the configuration (keep_count, keep_age, keep_bytes,\n"
		"keep_free) to each folder of crashes, or to FOLDER; an option stands in for the\n"
		"limit of its name. The newest crash, the newest one with a whole dump, and those\n"
		"that are pinned (a file named \"pinned\" in them) always stay.",
	.run = run,
	.group = CMD_DUMPS,
};
