// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration, and the targets that it names. */
#include <stdio.h>
#include <unistd.h>

#include "capture/target.h"
#include "cmd/check.h"
#include "cmd/targets.h"

/* ---- the configuration */

static void put_strings(struct json *j, const char *key, char *const *list)
{
	json_begin_array(j, key);
	for (; *list; list++)
		json_put_string(j, NULL, *list);
	json_end_array(j);
}

static void put_config_json(const struct check_run *run, const char *file)
{
	static char *const none[] = {NULL};
	const struct recipe *r = run->recipe;
	struct json *j = run->json;
	char text[PATH_MAX];

	json_put_string(j, "file", file);
	json_put_string(j, "kernel", run->kernel);
	json_begin_array(j, "targets");
	for (size_t i = 0; i < r->n_targets; i++) {
		target_describe(&r->targets[i], text, sizeof(text));
		json_put_string(j, NULL, text);
	}
	json_end_array(j);
	put_strings(j, "modules", r->modules);
	put_strings(j, "notes", run->notes ? run->notes : none);
	put_strings(j, "missing", run->warnings ? run->warnings : none);
}

static void put_config(const struct check_run *run, const char *file)
{
	const struct recipe *r = run->recipe;
	size_t modules = 0;

	while (r->modules[modules])
		modules++;
	printf("configuration: targets: %zu, modules: %zu (%s, kernel %s)\n", r->n_targets, modules,
	       file ? file : "no " CONFIG_PATH ": the defaults", run->kernel);
	for (char **n = run->warnings; n && *n; n++)
		check_put_note("WARNING", *n);
	for (char **n = run->notes; n && *n; n++)
		check_put_note("note", *n);
}

int check_configuration(struct check_run *run, struct err *err)
{
	const struct service *s = run->service;
	const char *file;
	bool found = false;

	if (service_config(s, &run->config, &found, err) ||
	    build_version(s, run->config, run->kernel, err) ||
	    service_recipe(s, run->config, run->kernel, &run->recipe, err))
		return err->code;
	file = !found ? NULL : s->config_path ? s->config_path : CONFIG_PATH;
	if (run->json)
		put_config_json(run, file);
	else
		put_config(run, file);
	return 0;
}

/* ---- the targets */

/* Why they are not written to, or NULL. */
static const char *why_not(const struct check_run *run)
{
	if (!run->recipe)
		return "the configuration does not say which";
	if (run->service->root->fd >= 0)
		return "a recorded machine has none";
	if (run->no_probe)
		return "as it was asked for (--no-probe)";
	return geteuid() ? "that takes the privileges of root" : NULL;
}

/* No target that takes a dump works: then there will be none. */
static void judge(struct check_run *run, const struct preflight_result *results, size_t *ret_failed)
{
	size_t dumps = 0;

	*ret_failed = 0;
	for (size_t i = 0; i < run->recipe->n_targets; i++) {
		*ret_failed += results[i].err.code != 0;
		dumps += !results[i].err.code && !run->recipe->targets[i].log_only;
	}
	run->fatal |= !dumps;
}

int check_targets(struct check_run *run, struct err *err)
{
	_cleanup_free_ struct preflight_result *results =
		calloc(RECIPE_MAX_TARGETS, sizeof(*results));
	const char *why = why_not(run);
	size_t failed = 0, n = why ? 0 : run->recipe->n_targets;

	if (!results)
		return err_nomem(err, RECIPE_MAX_TARGETS * sizeof(*results), "the targets");
	if (!why && targets_probe(run->service, run->recipe, results, err))
		return err->code;
	if (!why)
		judge(run, results, &failed);
	if (run->json) {
		json_put_bool(run->json, "probed", !why);
		json_put_string(run->json, "why_not", why);
		json_begin_array(run->json, "results");
		for (size_t i = 0; i < n; i++)
			targets_put_json(run->json, &run->recipe->targets[i], &results[i]);
		json_end_array(run->json);
		return 0;
	}
	if (why)
		printf("targets: not written to: %s\n", why);
	else
		printf("targets: %zu of %zu can be written to\n", n - failed, n);
	for (size_t i = 0; i < n; i++)
		targets_put(&run->recipe->targets[i], &results[i]);
	return 0;
}
