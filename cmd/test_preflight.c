// SPDX-License-Identifier: GPL-2.0-or-later
/* The targets as they are now, and whether what is armed is what would be built for them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "capture/target.h"
#include "cmd/check.h"
#include "cmd/targets.h"
#include "cmd/test.h"
#include "proof/armed.h"

struct preflight {
	struct service_words *words;
	struct service *service;
	struct config *config;
	struct recipe *recipe;
	struct preflight_result *results;
	bool armed; /* `image` is there */
	struct armed image;
	char difference[INPUTS_DIFFERENCE];
	struct err why;       /* the first that is not good; code 0: all is */
	struct err not_armed; /* why nothing of the image is known; code 0: it is */
};

static void cleanup_preflight(struct preflight *p)
{
	if (p->armed)
		armed_deinit(&p->image);
	recipe_destroy(p->recipe);
	config_destroy(p->config);
	free(p->results);
}

static void note(struct preflight *p, const struct err *err, const char *what)
{
	if (p->why.code)
		return;
	p->why = *err;
	if (*what)
		err_wrap(&p->why, "%s", what);
}

/* Each step has its own deadline. */
static void limit_steps(struct recipe *r, uint64_t seconds)
{
	unsigned int *const steps[] = {&r->deadline_device, &r->deadline_mount, &r->deadline_log};

	for (size_t i = 0; seconds && i < ARRAY_SIZE(steps); i++)
		*steps[i] = (unsigned int)NUM_MIN((uint64_t)*steps[i], seconds);
}

/* One that takes a dump is enough, as it is after a crash; the others' failures are told. */
static void judge_targets(struct preflight *p)
{
	const struct recipe *r = p->recipe;
	size_t first = r->n_targets;
	bool dumps = false;
	char what[512];

	for (size_t i = 0; i < r->n_targets; i++)
		dumps |= !r->targets[i].log_only;
	for (size_t i = 0; i < r->n_targets; i++) {
		if (!p->results[i].err.code && (!dumps || !r->targets[i].log_only))
			return;
		if (p->results[i].err.code && first == r->n_targets)
			first = i;
	}
	if (first == r->n_targets)
		return;
	target_describe(&r->targets[first], what, sizeof(what));
	note(p, &p->results[first].err, what);
}

static int probe(struct preflight *p, uint64_t timeout, struct err *err)
{
	char kernel[BUILD_VERSION_SIZE];
	struct service *s = p->service;

	p->results = calloc(RECIPE_MAX_TARGETS, sizeof(*p->results));
	if (!p->results)
		return err_nomem(err, RECIPE_MAX_TARGETS * sizeof(*p->results), "the targets");
	if (service_config(s, &p->config, NULL, err) || build_version(s, p->config, kernel, err) ||
	    service_recipe(s, p->config, kernel, &p->recipe, err))
		return err->code;
	limit_steps(p->recipe, timeout);
	if (targets_probe(s, p->recipe, p->results, err))
		return err->code;
	judge_targets(p);
	return 0;
}

static void look_at_image(struct preflight *p)
{
	struct err err = {0};

	if (armed_read(p->service, &p->image, &err)) {
		p->not_armed = err;
		note(p, &err, "");
		return;
	}
	p->armed = true;
	p->words->quiet = true; /* it was all told when the targets were resolved */
	if (armed_compare(p->service, &p->image, p->config, p->difference, &err)) {
		p->not_armed = err;
		note(p, &err, "what is armed");
	} else if (*p->difference) {
		err_set(&err, ERR_STALE, "what is armed is stale: %s; `lifeboat restart` renews it",
			p->difference);
		note(p, &err, "");
	}
}

static void put_json(const struct preflight *p)
{
	struct json j;

	cmd_begin_json(&j, stdout, TEST_SCHEMA);
	json_put_string(&j, "level", history_kind_name(HISTORY_PREFLIGHT));
	json_put_bool(&j, "passed", !p->why.code);
	json_put_string(&j, "error", p->why.code ? p->why.msg : NULL);
	json_put_bool(&j, "armed", p->armed);
	if (p->not_armed.code)
		json_put_null(&j, "stale");
	else
		json_put_bool(&j, "stale", *p->difference);
	json_begin_array(&j, "targets");
	for (size_t i = 0; i < p->recipe->n_targets; i++)
		targets_put_json(&j, &p->recipe->targets[i], &p->results[i]);
	json_end_array(&j);
	cmd_end_json(&j);
}

static void put_text(const struct preflight *p)
{
	size_t n = p->recipe->n_targets, failed = 0;

	for (size_t i = 0; i < n; i++)
		failed += p->results[i].err.code != 0;
	printf("targets: %zu of %zu can be written to\n", n - failed, n);
	for (size_t i = 0; i < n; i++)
		targets_put(&p->recipe->targets[i], &p->results[i]);
	printf("what is armed: %s\n", p->not_armed.code ? p->not_armed.msg
				      : *p->difference  ? "stale"
							: "what would be built now");
	if (!p->why.code)
		printf("test: passed%s\n", failed ? ", though not by all targets" : "");
}

static void record(const struct preflight *p)
{
	struct history_entry e = {
		.kind = HISTORY_PREFLIGHT, .time = (uint64_t)time(NULL), .good = !p->why.code};
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = e.time;
	snprintf(e.id, sizeof(e.id), "preflight-%016" PRIx64, random);
	snprintf(e.text, sizeof(e.text), "%.250s", p->why.msg);
	target_describe(&p->recipe->targets[0], e.where, sizeof(e.where));
	if (p->armed) {
		snprintf(e.kernel, sizeof(e.kernel), "%.127s", p->image.inputs.kernel);
		memcpy(e.image, p->image.state.initrd_digest, sizeof(e.image));
		e.image_known = true;
		e.reserved = p->image.reserved;
	}
	test_record(p->service, &e);
}

int test_preflight(struct service_words *w, const struct test_arguments *a, struct err *err)
{
	_cleanup_(cleanup_preflight) struct preflight p = {.words = w, .service = &w->service};

	if (w->root.fd >= 0)
		return err_set(err, ERR_USAGE,
			       "a recorded machine has no targets that could be written to; "
			       "--proof does without them");
	if (geteuid())
		return err_set(err, ERR_REFUSED,
			       "writing to the targets takes the privileges of root");
	if (probe(&p, a->timeout, err))
		return err->code;
	look_at_image(&p);
	record(&p);
	if (a->json)
		put_json(&p);
	else
		put_text(&p);
	*err = p.why;
	return p.why.code;
}
