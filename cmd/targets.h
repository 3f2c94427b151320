/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The targets of a recipe, written to for a trial: what `check` and `test` share. */
#ifndef CMD_TARGETS_H
#define CMD_TARGETS_H

#include "base/json.h"
#include "capture/preflight.h"
#include "service/service.h"

/* preflight_run() on this machine; a 9p share that is mounted is looked for. */
int targets_probe(const struct service *s, const struct recipe *recipe,
		  struct preflight_result results[RECIPE_MAX_TARGETS],
		  struct err *err) _must_check_;

/* One of them, as a row of text or as an object of JSON. */
void targets_put(const struct recipe_target *t, const struct preflight_result *r);
void targets_put_json(struct json *j, const struct recipe_target *t,
		      const struct preflight_result *r);

#endif
