// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/load.h"

#include <stdio.h>
#include <string.h>

static void append(struct err *err, const char *text, const char *more)
{
	size_t len = strlen(err->msg);

	snprintf(err->msg + len, sizeof(err->msg) - len, "%s%s", text, more);
}

/* Load what is on record once more. The record stays as it is. */
static int put_back(const struct state_dirs *dirs, const struct state *s, const struct root *root,
		    const struct sys *sys, struct err *err)
{
	struct state_paths paths;
	struct load_request request = state_request(dirs, s, &paths);
	struct submitted submitted;
	struct plan p;
	int r = plan_make(root, &request, &p, err);

	if (r)
		return r;
	if (memcmp(p.files.kernel_digest, s->kernel_digest, 32))
		r = err_set(err, ERR_CORRUPT, "%s: is not what was loaded", paths.kernel);
	else if (memcmp(p.files.initrd_digest, s->initrd_digest, 32))
		r = err_set(err, ERR_CORRUPT, "%s: %s", paths.initrd,
			    request.n_initrds ? "is not what was loaded" : "is missing");
	else
		r = submit_load(&p, root, sys, &submitted, err);
	plan_deinit(&p);
	return r;
}

/* What submit_load() said is loaded now is not true any more. */
static void replace_state(struct err *err, const char *kernel)
{
	char *state = strrchr(err->msg, '(');

	if (state && strcmp(state, "(no panic kernel is loaded now)") == 0)
		*state = '\0';
	append(err, "(the panic kernel loaded before, ", kernel);
	append(err, ", was put back)", "");
}

/* The load has failed. Is what was there before lost with it, and can it be put back? */
static void recover(const struct load_options *options, const struct root *root,
		    const struct sys *sys, struct err *err)
{
	struct err why = {0};
	struct state s;

	if (fact_is(facts_crash_loaded(root), 1) || state_read(options->dirs, &s, &why))
		return;
	if (!s.known)
		return;
	if (put_back(options->dirs, &s, root, sys, &why))
		append(err, "; the panic kernel loaded before could not be put back: ", why.msg);
	else
		replace_state(err, s.kernel);
	state_deinit(&s);
}

static bool is_unchanged(const struct plan *p, const struct load_options *options)
{
	struct err ignored;
	struct state s;
	bool same;

	if (options->force || !p->panic || !fact_is(p->facts.crash_loaded, 1) ||
	    state_read(options->dirs, &s, &ignored))
		return false;
	same = state_matches(&s, p, p->method) ||
	       (p->may_fall_back && state_matches(&s, p, LOAD_BY_SEGMENTS)); /* it did, then */
	state_deinit(&s);
	return same;
}

static int load_and_record(struct plan *p, const struct load_options *options,
			   const struct root *root, const struct sys *sys, struct load_outcome *ret,
			   struct err *err)
{
	struct load_outcome o = {.unchanged = is_unchanged(p, options)};
	bool was_armed = p->panic && fact_is(p->facts.crash_loaded, 1);
	int r = o.unchanged ? 0 : submit_load(p, root, sys, &o.submitted, err);

	if (r) {
		if (was_armed)
			recover(options, root, sys, err);
		return r;
	}
	if (p->panic && !o.unchanged &&
	    state_write(options->dirs, p, o.submitted.method, &o.record))
		err_wrap(&o.record, "the load is not recorded");
	else
		o.record.code = 0;
	*ret = o;
	return 0;
}

int load_plan(struct plan *p, const struct load_options *options, const struct root *root,
	      const struct sys *sys, struct load_outcome *ret, struct err *err)
{
	sigset_t before = submit_hold_signals();
	int r = load_and_record(p, options, root, sys, ret, err);

	submit_release_signals(&before);
	return r;
}

int load_unload(bool panic, const struct state_dirs *dirs, const struct root *root,
		const struct sys *sys, bool *ret_was_loaded, struct err *err)
{
	_cleanup_close_ int lock = state_lock(dirs);
	bool was_loaded;
	int r = submit_unload(panic, root, sys, &was_loaded, err);

	if (!r && panic && state_forget(dirs, err))
		r = err_wrap(err, "no panic kernel is loaded any more, but the record of it stays");
	if (!r)
		*ret_was_loaded = was_loaded;
	return r;
}
