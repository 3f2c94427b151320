// SPDX-License-Identifier: GPL-2.0-or-later
/* Can the image of the capture kernel be built: are the modules and programs there that the configuration takes? */
#include <stdio.h>
#include <string.h>

#include "cmd/check.h"

/* Why it is not looked at, or NULL. */
static const char *why_not(const struct check_run *run)
{
	if (!run->recipe)
		return "the configuration does not say what is in it";
	return run->service->root->fd >= 0 ? "of a recorded machine not all files are there" : NULL;
}

struct found {
	enum build_state state;
	char difference[INPUTS_DIFFERENCE];
	struct err err; /* code != 0: why it cannot be built */
};

/* The recipe is made once more, and its notes are those that are there already. */
static void look(const struct check_run *run, struct found *ret)
{
	struct service quiet = *run->service;

	quiet.tell = NULL;
	*ret = (struct found){.state = BUILD_MISSING};
	if (!build_judge(&quiet, run->config, run->kernel, &ret->state, ret->difference, &ret->err))
		ret->err.code = 0;
}

static const char *state_name(const struct found *f)
{
	static const char *const names[] = {
		[BUILD_FRESH] = "fresh", [BUILD_STALE] = "stale", [BUILD_MISSING] = "missing"};

	return names[f->state];
}

static void put_json(struct json *j, const char *why, const struct found *f)
{
	bool known = !why && !f->err.code;

	if (why)
		json_put_null(j, "can_be_built");
	else
		json_put_bool(j, "can_be_built", !f->err.code);
	json_put_string(j, "why_not", why ? why : f->err.code ? f->err.msg : NULL);
	json_put_string(j, "state", known ? state_name(f) : NULL);
	json_put_string(j, "difference", known && *f->difference ? f->difference : NULL);
}

static void put_text(const char *why, const struct found *f)
{
	if (why)
		printf("image: not looked at: %s\n", why);
	else if (f->err.code)
		printf("image: CANNOT BE BUILT\n");
	else if (f->state == BUILD_FRESH)
		printf("image: is built, and up to date\n");
	else if (f->state == BUILD_MISSING)
		printf("image: not built yet; all that goes into it is there\n");
	else
		printf("image: is stale; all that goes into it is there\n");
	if (f->err.code)
		check_put_note("FAILED", f->err.msg);
	else if (*f->difference)
		check_put_note("stale", f->difference);
}

int check_image(struct check_run *run, struct err *err)
{
	const char *why = why_not(run);
	struct found found = {0};

	(void)err; /* what is missing is what was looked for, and no failure of the look */
	if (!why)
		look(run, &found);
	run->fatal |= found.err.code;
	if (run->json)
		put_json(run->json, why, &found);
	else
		put_text(why, &found);
	return 0;
}
