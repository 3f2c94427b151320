// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <time.h>

#include "cmd/service.h"
#include "service/fetch.h"

struct arguments {
	const char *config, *into, *root;
	bool keep, clear, boot, json;
};

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

static void print(void *ctx, const struct fetched *f)
{
	(void)ctx;
	if (f->folder)
		printf("%s: %s\n", f->folder, state_text(f->state, f->dump));
	else
		printf("%s: nothing to collect\n", f->node);
}

/* Into the array of the object that `ctx` is. */
static void put(void *ctx, const struct fetched *f)
{
	static const char *const states[] = {[CRASHPART_WHOLE] = "whole",
					     [CRASHPART_PARTIAL] = "partial",
					     [CRASHPART_WRITING] = "cut-off"};
	struct json *j = ctx;

	if (!f->folder)
		return;
	json_begin_object(j, NULL);
	json_put_string(j, "device", f->node);
	json_put_string(j, "folder", f->folder);
	json_put_string(j, "state", states[f->state]);
	json_put_bool(j, "whole_dump", f->dump);
	json_end_object(j);
}

static int clear(const struct service *s, char *const *devices, bool quiet, struct err *err)
{
	char node[PATH_MAX];

	for (; *devices; devices++) {
		if (fetch_clear(s, *devices, node, err))
			return err->code;
		if (!quiet)
			printf("%s: emptied\n", node);
	}
	return 0;
}

/* `json`: inside of the array; NULL: words for people. */
static int collect(const struct service *s, const struct arguments *a, char *const *devices,
		   const struct config *config, struct json *json, struct err *err)
{
	const struct fetch f = {
		.s = s,
		.config = config,
		.into = a->into,
		.keep = a->keep,
		.now = (uint64_t)time(NULL),
		.found = json ? put : print,
		.ctx = json,
	};
	size_t n;
	int r;

	if (a->clear)
		return clear(s, devices, json, err);
	if (a->boot)
		return fetch_at_boot(&f, err);
	if (!*devices) {
		r = fetch_configured(&f, &n, err);
		if (!n && !json)
			printf("%s has no raw target: nothing to collect\n", config->name);
		return r;
	}
	for (; *devices; devices++)
		if (fetch_device(&f, *devices, err))
			return err->code;
	return 0;
}

/* What was collected before something failed is in it. */
static int collect_json(const struct service *s, const struct arguments *a, char *const *devices,
			const struct config *config, struct err *err)
{
	struct json j;
	int r;

	cmd_begin_json(&j, stdout, "lifeboat-collect-1");
	json_begin_array(&j, "collected");
	r = collect(s, a, devices, config, &j, err);
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
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
		OPT_STRING(0, "root", "DIR", &a.root, "work on the machine whose files are in DIR"),
	};
	struct service_words w;
	struct config *config = NULL;
	struct err broken = {0};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (r || (r = check_arguments(&a, argv + 1, err)))
		return r;
	r = service_words_init(&w, cmd, a.root, a.config, err);
	if (r)
		return r;
	w.quiet =
		true; /* the configuration's notes are `check`'s, and places are looked at twice */
	if (!argv[1] || a.config)
		r = service_config(&w.service, &config, NULL, err);
	/* what happened has to be told, whatever is wrong with the configuration by now */
	if (r && a.boot)
		broken = *err;
	if (!r || a.boot)
		r = a.json ? collect_json(&w.service, &a, argv + 1, config, err)
			   : collect(&w.service, &a, argv + 1, config, NULL, err);
	if (broken.code) {
		*err = broken;
		r = broken.code;
	}
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
