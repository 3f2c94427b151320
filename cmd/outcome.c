// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/outcome.h"

#include <stdio.h>

#include "base/num.h"
#include "base/utc.h"
#include "cmd/service.h"

static void print_json(const struct arm_outcome *o)
{
	char since[UTC_TEXT];
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-start-1");
	json_put_bool(&j, "unchanged", o->load.unchanged);
	json_put_string(&j, "kernel", o->kernel.path);
	json_put_string(&j, "release", *o->kernel.version ? o->kernel.version : NULL);
	json_put_string(&j, "image", *o->image ? o->image : NULL);
	json_put_bool(&j, "image_built", o->built);
	json_put_string(&j, "method", load_method_name(o->method));
	json_put_string(&j, "since", o->since && utc_format(o->since, since) ? since : NULL);
	json_put_known(&j, "reserved_bytes", o->region);
	json_put_known(&j, "needed_bytes", o->living.sum);
	json_put_uint(&j, "unarmed_ns", o->unarmed_ns);
	cmd_end_json(&j);
}

static void print_memory(const struct arm_outcome *o)
{
	char need[16], region[16];

	if (o->living.sum && o->region)
		printf("memory: about %s of %s reserved\n", num_human(o->living.sum, need),
		       num_human(o->region, region));
}

static void print_text(const struct arm_outcome *o)
{
	char since[UTC_TEXT];

	if (o->load.unchanged)
		printf("already armed, nothing changed\n");
	else if (o->unarmed_ns)
		printf("armed; while it was loaded there was none for %.1f ms\n",
		       (double)o->unarmed_ns / 1e6);
	else
		printf("armed\n");
	printf("kernel: %s, %s, by %s\n", *o->kernel.version ? o->kernel.version : "?",
	       o->kernel.path, load_method_name(o->method));
	if (*o->image)
		printf("image:  %s%s\n", o->image, o->built ? ", built now" : "");
	if (o->since && utc_format(o->since, since))
		printf("since:  %s\n", since);
	print_memory(o);
}

void outcome_print(const struct arm_outcome *o, bool json)
{
	if (json)
		print_json(o);
	else
		print_text(o);
}

/* ---- start */

static void print_preview(const struct arm_preview *p, const char *root, bool json)
{
	static const char *const states[] = {
		[BUILD_FRESH] = "fresh", [BUILD_STALE] = "stale", [BUILD_MISSING] = "missing"};
	struct json j;

	if (json) {
		cmd_begin_json(&j, stdout, "lifeboat-start-preview-1");
		json_put_string(&j, "kernel", p->kernel.path);
		json_put_string(&j, "release", p->kernel.version);
		json_put_string(&j, "image", p->image);
		json_put_string(&j, "image_state", states[p->state]);
		json_put_string(&j, "difference", *p->difference ? p->difference : NULL);
		json_put_bool(&j, "would_build", p->builds);
		cmd_end_json(&j);
		return;
	}
	printf("on the machine recorded in %s, nothing was done; kernel %s (%s) would be loaded "
	       "with %s, which is %s%s%s and %s be built\n",
	       root, p->kernel.version, p->kernel.path, p->image, states[p->state],
	       *p->difference ? ": " : "", p->difference, p->builds ? "would" : "would not");
}

static int start(const struct service *s, bool force, bool json, struct err *err)
{
	struct arm_outcome *o;
	struct arm_preview p;
	int r;

	if (*s->root->path) {
		if (arm_preview(s, &p, err))
			return err->code;
		print_preview(&p, s->root->path, json);
		return 0;
	}
	o = calloc(1, sizeof(*o));
	if (!o)
		return err_nomem(err, sizeof(*o), "the outcome");
	r = arm_start(s, force, o, err);
	if (!r)
		outcome_print(o, json);
	free(o);
	return r;
}

int outcome_start(const struct cmd *cmd, int argc, char **argv, bool force, struct err *err)
{
	const char *root = NULL, *config = NULL;
	bool json = false, again = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &root,
			   "say what would be done on the machine recorded in DIR, and do nothing"),
		OPT_FLAG('f', "force", &again, "load although nothing has changed"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts) - force, argc, argv, 0, 0, err);

	if (!r)
		r = service_words_init(&w, cmd, root, config, err);
	if (r)
		return r;
	r = start(&w.service, force || again, json, err);
	service_words_deinit(&w);
	return r;
}
