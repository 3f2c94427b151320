// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "loader/check.h"

static void cleanup_config(struct config **c)
{
	config_destroy(*c);
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

static void cleanup_status(struct status **st)
{
	status_destroy(*st);
}

void status_destroy(struct status *st)
{
	if (!st)
		return;
	facts_deinit(&st->facts);
	state_deinit(&st->armed);
	free(st->targets);
	free(st->waiting);
	free(st);
}

static bool is_loaded(const struct status *st)
{
	return fact_is(st->facts.crash_loaded, 1);
}

/* ---- what is armed */

static enum status_header judge_header(const struct service *s, const struct state *armed)
{
	enum status_header answer = STATUS_HEADER_UNKNOWN;
	struct machine m;
	struct err ignored;
	uint8_t memory[32];

	if (machine_probe(s->root, &m, &ignored))
		return answer;
	state_memory(&m, memory);
	if (m.elfcorehdr_size)
		answer = STATUS_HEADER_KEPT;
	else if (armed->memory_known)
		answer = memcmp(memory, armed->memory, 32) ? STATUS_HEADER_STALE
							   : STATUS_HEADER_FRESH;
	machine_deinit(&m);
	return answer;
}

static void look_at_armed(const struct service *s, struct status *st)
{
	const struct state_dirs dirs = service_dirs(s);

	if (!is_loaded(st) || state_read(&dirs, &st->armed, &st->record_err))
		return;
	st->record_err.code = 0;
	if (st->armed.known)
		st->header = judge_header(s, &st->armed);
}

/* ---- what would be armed now */

/* The copy of what is loaded, or the image's file; false: there is none. */
static bool find_image(const struct service *s, struct status *st, char ret[256 + 64])
{
	const struct state_dirs dirs = service_dirs(s);
	struct state_paths paths;

	if (st->armed.known) {
		(void)state_request(&dirs, &st->armed, &paths);
		snprintf(ret, 256 + 64, "%s", paths.initrd);
		st->image_is_armed = access(ret, F_OK) == 0;
	}
	return st->image_is_armed;
}

static void judge_image(const struct service *s, const struct recipe *recipe, struct status *st)
{
	static const enum status_image states[] = {
		[BUILD_FRESH] = STATUS_IMAGE_FRESH,
		[BUILD_STALE] = STATUS_IMAGE_STALE,
		[BUILD_MISSING] = STATUS_IMAGE_MISSING,
	};
	enum build_state state;
	char copy[256 + 64];
	const char *path = find_image(s, st, copy) ? copy : st->image;

	if (build_judge_file(s, recipe, st->version, path, &state, st->difference, &st->image_err))
		return;
	st->image_err.code = 0;
	st->image_state = states[state];
}

static void hide(struct err *err)
{
	err_set(err, ERR_REFUSED, "only root can see that");
}

/* What is left out of the recipe is its only warning. */
static void take_warning(void *ctx, enum service_tone tone, const char *text)
{
	struct status *st = ctx;

	if (tone == SERVICE_WARNING && !*st->missing)
		snprintf(st->missing, sizeof(st->missing), "%s", text);
}

static int make_recipe(const struct service *s, const struct config *config, struct status *st,
		       struct recipe **ret, struct err *err)
{
	struct service listening = *s;

	listening.tell = take_warning;
	listening.tell_ctx = st;
	return service_recipe(&listening, config, st->version, ret, err);
}

static void look_at_config(const struct service *s, struct status *st)
{
	_cleanup_(cleanup_config) struct config *config = NULL;
	_cleanup_(cleanup_recipe) struct recipe *recipe = NULL;
	struct err *err = &st->config_err;

	st->config_read = !service_config(s, &config, NULL, err);
	if (!st->config_read || build_version(s, config, st->version, err) ||
	    build_image_path(s, st->version, st->image, err)) {
		st->image_err = *err;
		return;
	}
	/* devices and modules of root are not everybody's to read */
	if (!st->all_seen) {
		hide(&st->image_err);
		return;
	}
	if (make_recipe(s, config, st, &recipe, err) || status_look_at_room(s, recipe, st, err)) {
		st->image_err = *err;
		return;
	}
	err->code = 0;
	judge_image(s, recipe, st);
}

/* ---- what was seen of captures */

static bool is_of_armed(const struct status *st, const struct history_entry *e)
{
	return e->image_known && st->armed.known &&
	       memcmp(e->image, st->armed.initrd_digest, 32) == 0;
}

/*
 * A test that was passed settles earlier failures of its kind, a crash those of all: a look at the targets that went well
 * says nothing of the proof that has failed before it.
 */
static void find_failed(struct status *st, const struct history_entry *v, size_t n)
{
	unsigned int settled = 0;

	while (n-- && !st->failed_known) {
		const struct history_entry *e = &v[n];

		if (e->kind == HISTORY_CRASH || e->pending || !is_of_armed(st, e) ||
		    settled & 1u << e->kind)
			continue;
		settled |= e->kind == HISTORY_CRASH_TEST ? ~0u : 1u << e->kind;
		st->failed_known = !e->good;
		st->failed = *e;
	}
}

static void look_at_history(const struct service *s, struct status *st)
{
	_cleanup_free_ struct history_entry *v = NULL;
	const struct history_entry *test;
	struct err ignored;
	size_t n, damaged;

	if (history_read(s, &v, &n, &damaged, &ignored))
		return;
	test = history_last_test(v, n);
	st->test_state = !test           ? damaged ? STATUS_TEST_UNKNOWN : STATUS_TEST_NONE
			 : test->pending ? STATUS_TEST_PENDING
			 : test->good    ? STATUS_TEST_PASSED
					 : STATUS_TEST_FAILED;
	if (test) {
		st->test = *test;
		st->test_of_this = is_of_armed(st, test);
	}
	find_failed(st, v, n);
	for (size_t i = n; i-- > 0 && !st->crash_known;) {
		if (v[i].kind != HISTORY_CRASH)
			continue;
		st->crash_known = true;
		st->crash = v[i];
	}
}

/* ---- what waits to be sent */

static void look_at_waiting(const struct service *s, struct status *st)
{
	struct err ignored;

	st->now = (uint64_t)time(NULL);
	st->waiting_known = !sending_list(s, &st->waiting, &st->n_waiting, &ignored);
}

/* ---- what is wrong */

static _printf_(2, 3) void add_problem(struct status *st, const char *format, ...)
{
	va_list args;

	if (st->n_problems == STATUS_MAX_PROBLEMS)
		return;
	va_start(args, format);
	vsnprintf(st->problems[st->n_problems++], ERR_MSG_SIZE, format, args);
	va_end(args);
}

/* Is it certain that the kernel refuses to load anything? Then `lifeboat start` is no remedy. */
static bool cannot_load(const struct status *st, struct err *why)
{
	const struct explain_call call = {.phase = EXPLAIN_LOAD};

	return st->all_seen && check_permission(&st->facts, call, why);
}

static void judge_unarmed(struct status *st)
{
	struct err err;

	if (check_reservation(&st->facts, &err))
		add_problem(st, "%s", err.msg);
	else if (cannot_load(st, &err))
		add_problem(st, "no panic kernel is loaded, and none can be: %s", err.msg);
	else
		add_problem(st, "no panic kernel is loaded: `lifeboat start` loads it");
}

static void judge_record(struct status *st)
{
	if (st->record_err.code && st->all_seen)
		add_problem(st,
			    "the record of what is loaded cannot be read: `lifeboat start --force` "
			    "makes it anew (%s)",
			    st->record_err.msg);
	else if (!st->record_err.code && !st->armed.known)
		add_problem(st, "not by lifeboat, or the record was lost, so nobody knows what it "
				"would capture: `lifeboat start --force` loads ours");
	if (st->header == STATUS_HEADER_STALE)
		add_problem(st, "memory or CPUs have changed since, and a dump would lack them: "
				"`lifeboat reload` loads it again");
}

/* Is it certain that no dump would be whole? */
static void judge_room(struct status *st)
{
	size_t dumps = 0, full = 0;

	for (size_t i = 0; i < st->n_targets; i++) {
		dumps += !st->targets[i].log_only;
		full += st->targets[i].fit == STATUS_FIT_NO;
	}
	if (dumps && full == dumps)
		add_problem(st, "no target has room for a dump: `lifeboat prune` removes old ones");
}

static void judge_image_state(struct status *st)
{
	if (st->config_err.code && (st->all_seen || st->config_err.sys != EACCES))
		add_problem(st, "%s: %s",
			    st->config_read ? "where a dump would go cannot be told"
					    : "the configuration cannot be used",
			    st->config_err.msg);
	else if (st->all_seen && st->image_err.code)
		add_problem(st, "the image cannot be built anew: %s", st->image_err.msg);
	if (*st->missing)
		add_problem(st, "a target is %s", st->missing);
	if (st->image_state == STATUS_IMAGE_STALE)
		add_problem(st, "the image is stale (%s): `lifeboat restart` builds and loads it",
			    st->difference);
}

/* What was said so far to load anew cannot be done. */
static void judge_loading(struct status *st)
{
	bool wanted = (!st->record_err.code && !st->armed.known) ||
		      st->header == STATUS_HEADER_STALE || st->image_state == STATUS_IMAGE_STALE;
	struct err err;

	if (is_loaded(st) && wanted && cannot_load(st, &err))
		add_problem(st, "nothing can be loaded in its place: %s", err.msg);
}

static void judge_waiting(struct status *st)
{
	const struct sending *oldest = NULL;
	size_t late = 0;
	char text[512], plain[512];

	for (size_t i = 0; i < st->n_waiting; i++) {
		const struct sending *w = &st->waiting[i];

		if (w->sent || w->since > st->now || st->now - w->since <= SENDING_LATE)
			continue;
		late++;
		if (!oldest)
			oldest = w;
	}
	if (oldest)
		add_problem(st,
			    "%zu crash%s waited to be sent for more than a day, %s first (%s): "
			    "`lifeboat send --now` tries again",
			    late, late == 1 ? " has" : "es have",
			    text_plain(oldest->folder, plain, sizeof(plain)),
			    sending_describe(oldest, st->now, text, sizeof(text)));
}

static void judge(struct status *st)
{
	if (!is_loaded(st))
		judge_unarmed(st);
	else
		judge_record(st);
	judge_room(st);
	judge_image_state(st);
	judge_loading(st);
	if (st->failed_known)
		add_problem(st, "its last test (%s) failed: %s", history_kind_name(st->failed.kind),
			    st->failed.text);
	judge_waiting(st);
}

/* ---- */

int status_create(const struct service *s, struct status **ret, struct err *err)
{
	_cleanup_(cleanup_status) struct status *st = calloc(1, sizeof(*st));
	struct service quiet = *s; /* what there is to tell is in the answer */

	if (!st)
		return err_nomem(err, sizeof(*st), "the status");
	if (facts_probe(s->root, &st->facts, err))
		return err->code;
	quiet.tell = NULL;
	st->all_seen = fact_is(st->facts.euid, 0);
	look_at_armed(&quiet, st);
	look_at_config(&quiet, st);
	look_at_history(&quiet, st);
	look_at_waiting(&quiet, st);
	judge(st);
	*ret = no_cleanup_ptr(st);
	return 0;
}

int status_code(const struct status *st)
{
	const struct facts *f = &st->facts;

	if (is_loaded(st))
		return 0;
	return f->sysfs || f->crash_loaded.known || f->crash_size.known ? ERR_NOT_LOADED
									: ERR_NOT_FOUND;
}

const char *status_verdict(const struct status *st, char buf[STATUS_VERDICT])
{
	if (!is_loaded(st))
		snprintf(buf, STATUS_VERDICT, "NOT ARMED: %s", st->problems[0]);
	else if (st->n_problems)
		snprintf(buf, STATUS_VERDICT, "armed, but %s", st->problems[0]);
	else
		snprintf(buf, STATUS_VERDICT, "armed%s",
			 st->all_seen ? "" : ", as far as this user may see");
	return buf;
}
