// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration, and the targets that it names. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sys.h"
#include "capture/preflight.h"
#include "capture/target.h"
#include "cmd/check.h"
#include "cmd/config.h"
#include "config/mounts.h"
#include "config/resolve.h"

#define PROBE_FOLDER "/run"

/* ---- the configuration */

struct sources {
	struct config *config;
	char **notes;
};

static void cleanup_sources(struct sources *s)
{
	config_destroy(s->config);
	recipe_free_strings(s->notes);
}

/* The running kernel captures, too, unless `load` is told otherwise. */
static int read_release(const struct root *root, char ret[128], struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (root_read(root, "/proc/sys/kernel/osrelease", 4096, &text, &len, err))
		return err->code;
	snprintf(ret, 128, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

/* *ret is NULL if there is no file and none was asked for. */
static int read_config(const struct check_run *run, char **ret, size_t *ret_len, struct err *err)
{
	int r = config_read_text(run->root, run->config, ret, ret_len, err);

	if (r != ERR_NOT_FOUND || run->config)
		return r;
	*err = (struct err){0};
	*ret = NULL;
	return 0;
}

static void put_strings(struct json *j, const char *key, char *const *list)
{
	json_begin_array(j, key);
	for (; *list; list++)
		json_put_string(j, NULL, *list);
	json_end_array(j);
}

static void put_config_json(const struct check_run *run, const char *file, const struct sources *s)
{
	const struct recipe *r = run->recipe;
	struct json *j = run->json;
	char text[PATH_MAX];

	json_put_string(j, "file", file);
	json_put_string(j, "kernel", *run->kernel ? run->kernel : NULL);
	json_begin_array(j, "targets");
	for (size_t i = 0; r && i < r->n_targets; i++) {
		target_describe(&r->targets[i], text, sizeof(text));
		json_put_string(j, NULL, text);
	}
	json_end_array(j);
	put_strings(j, "modules", r ? r->modules : (char *const[]){NULL});
	json_begin_array(j, "notes");
	for (char **n = s->config ? s->config->notes : NULL; n && *n; n++)
		json_put_string(j, NULL, *n);
	for (char **n = s->notes; n && *n; n++)
		json_put_string(j, NULL, *n);
	json_end_array(j);
}

static void put_config(const struct check_run *run, const char *file, const struct sources *s)
{
	const struct recipe *r = run->recipe;
	size_t modules = 0;

	if (!r) {
		printf("configuration: there is none (%s)\n", CONFIG_PATH);
		return;
	}
	while (r->modules[modules])
		modules++;
	printf("configuration: targets: %zu, modules: %zu (%s, kernel %s)\n", r->n_targets, modules,
	       file, run->kernel);
	for (char **n = s->config->notes; *n; n++)
		check_put_note("note", *n);
	for (char **n = s->notes; *n; n++)
		check_put_note("note", *n);
}

int check_configuration(struct check_run *run, struct err *err)
{
	_cleanup_(cleanup_sources) struct sources s = {0};
	const char *file = run->config ? run->config : CONFIG_PATH;
	_cleanup_free_ char *text = NULL;
	size_t len;

	run->configured = true;
	if (read_config(run, &text, &len, err))
		return err->code;
	run->configured = text;
	if (text &&
	    (config_create((struct bytes){(const uint8_t *)text, len}, file, &s.config, err) ||
	     read_release(run->root, run->kernel, err) ||
	     resolve_recipe(s.config, run->root, run->kernel, &run->recipe, &s.notes, err)))
		return err->code;
	if (run->json)
		put_config_json(run, text ? file : NULL, &s);
	else
		put_config(run, file, &s);
	return 0;
}

/* ---- the targets */

/* Why they are not written to, or NULL. */
static const char *why_not(const struct check_run *run)
{
	if (!run->configured)
		return "there is no configuration that names any";
	if (!run->recipe)
		return "the configuration does not say which";
	if (run->root->fd >= 0)
		return "a recorded machine has none";
	if (run->no_probe)
		return "as it was asked for (--no-probe)";
	return geteuid() ? "that takes the privileges of root" : NULL;
}

static void put_result_json(struct json *j, const struct recipe_target *t,
			    const struct preflight_result *r)
{
	char text[PATH_MAX];

	target_describe(t, text, sizeof(text));
	json_begin_object(j, NULL);
	json_put_string(j, "target", text);
	json_put_bool(j, "log_only", t->log_only);
	json_put_string(j, "device", *r->device ? r->device : NULL);
	json_put_bool(j, "good", !r->err.code);
	json_put_string(j, "step", r->err.code ? r->step : NULL);
	json_put_string(j, "error", r->err.code ? r->err.msg : NULL);
	json_put_uint(j, "took_ms", r->took_ms);
	if (r->free_known)
		json_put_uint(j, "free_bytes", r->free);
	else
		json_put_null(j, "free_bytes");
	json_end_object(j);
}

static void put_result(const struct recipe_target *t, const struct preflight_result *r)
{
	char what[PATH_MAX], text[PATH_MAX + ERR_MSG_SIZE + 64], human[16];

	target_describe(t, what, sizeof(what));
	if (r->err.code)
		snprintf(text, sizeof(text), "%s: %s: %s", what, r->step ? r->step : "begin",
			 r->err.msg);
	else
		snprintf(text, sizeof(text),
			 "%s: written and read back in %" PRIu64 " ms; %s free%s", what, r->took_ms,
			 r->free_known ? num_human(r->free, human) : "?",
			 t->log_only ? "; for the log only" : "");
	check_put_note(r->err.code ? "FAILED" : "good", text);
}

/* Where each 9p share is mounted now as a whole. */
static void find_mounts(const struct recipe *r, const struct mounts *m,
			const char *ret[RECIPE_MAX_TARGETS])
{
	for (size_t i = 0; i < r->n_targets; i++) {
		ret[i] = NULL;
		for (size_t k = 0; k < m->n; k++)
			if (strcmp(m->v[k].type, "9p") == 0 && strcmp(m->v[k].root, "/") == 0 &&
			    strcmp(m->v[k].source, r->targets[i].device) == 0)
				ret[i] = m->v[k].at;
	}
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

static int probe(struct check_run *run, struct preflight_result results[RECIPE_MAX_TARGETS],
		 struct err *err)
{
	_cleanup_(mounts_deinit) struct mounts mounts = {0};
	const char *at[RECIPE_MAX_TARGETS];
	const struct preflight_env env = {
		.root = run->root, .sys = &sys_kernel, .folder = PROBE_FOLDER, .mounted_at = at};

	if (mounts_read(run->root, &mounts, err))
		return err->code;
	find_mounts(run->recipe, &mounts, at);
	fflush(stdout); /* children must not print it a second time */
	return preflight_run(run->recipe, &env, results, err);
}

int check_targets(struct check_run *run, struct err *err)
{
	_cleanup_free_ struct preflight_result *results =
		calloc(RECIPE_MAX_TARGETS, sizeof(*results));
	const char *why = why_not(run);
	size_t failed = 0, n = why ? 0 : run->recipe->n_targets;

	if (!results)
		return err_nomem(err, RECIPE_MAX_TARGETS * sizeof(*results), "the targets");
	if (!why && probe(run, results, err))
		return err->code;
	if (!why)
		judge(run, results, &failed);
	if (run->json) {
		json_put_bool(run->json, "probed", !why);
		json_put_string(run->json, "why_not", why);
		json_begin_array(run->json, "results");
		for (size_t i = 0; i < n; i++)
			put_result_json(run->json, &run->recipe->targets[i], &results[i]);
		json_end_array(run->json);
		return 0;
	}
	if (why)
		printf("targets: not written to: %s\n", why);
	else
		printf("targets: %zu of %zu can be written to\n", n - failed, n);
	for (size_t i = 0; i < n; i++)
		put_result(&run->recipe->targets[i], &results[i]);
	return 0;
}
