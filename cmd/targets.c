// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/targets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "capture/target.h"
#include "cmd/check.h"
#include "config/mounts.h"

#define PROBE_FOLDER "/run"

void targets_put_json(struct json *j, const struct recipe_target *t,
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
	json_put_bool(j, "read_back", !r->err.code && !r->unread);
	if (r->free_known)
		json_put_uint(j, "free_bytes", r->free);
	else
		json_put_null(j, "free_bytes");
	json_end_object(j);
}

void targets_put(const struct recipe_target *t, const struct preflight_result *r)
{
	char what[PATH_MAX], text[PATH_MAX + ERR_MSG_SIZE + 64], human[16];

	target_describe(t, what, sizeof(what));
	if (r->err.code)
		snprintf(text, sizeof(text), "%s: %s: %s", what, r->step ? r->step : "begin",
			 r->err.msg);
	else
		snprintf(text, sizeof(text), "%s: written and %s in %" PRIu64 " ms; %s%s%s", what,
			 r->unread ? "not read back, which this server cannot be asked for,"
				   : "read back",
			 r->took_ms, r->free_known ? num_human(r->free, human) : "room not known",
			 r->free_known ? " free" : "", t->log_only ? "; for the log only" : "");
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

int targets_probe(const struct service *s, const struct recipe *recipe,
		  struct preflight_result results[RECIPE_MAX_TARGETS], struct err *err)
{
	_cleanup_(mounts_deinit) struct mounts mounts = {0};
	const char *at[RECIPE_MAX_TARGETS];
	const struct preflight_env env = {
		.root = s->root, .sys = s->sys, .folder = PROBE_FOLDER, .mounted_at = at};

	if (mounts_read(s->root, &mounts, err))
		return err->code;
	find_mounts(recipe, &mounts, at);
	fflush(stdout); /* children must not print it a second time */
	return preflight_run(recipe, &env, results, err);
}
