// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/arm.h"

#include <stdio.h>
#include <string.h>

#include "loader/check.h"
#include "service/cryptkeys.h"
#include "service/sysctl.h"

#define ARM_LOCK \
	"arm.lock" /* of start, stop and reload as a whole; the loader's own is for each load */

static void cleanup_config(struct config **c)
{
	config_destroy(*c);
}

/* ---- loading */

/* An image that was not loaded again has the time and the method of its load. */
static void take_record(const struct state_dirs *dirs, struct arm_outcome *out)
{
	struct err ignored;
	struct state state;

	out->method = out->load.submitted.method;
	out->since = 0;
	if (state_read(dirs, &state, &ignored))
		return;
	if (state.known) {
		out->method = state.method;
		out->since = state.time;
	}
	state_deinit(&state);
}

static int call_kernel(const struct service *s, struct plan *plan, bool force,
		       struct arm_outcome *out, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	const struct load_options options = {.force = force, .dirs = &dirs};
	struct kmsg kmsg;
	int r;

	kmsg_open(&kmsg);
	r = load_plan(plan, &options, s->root, s->sys, &out->load, err);
	if (r && err->sys)
		service_tell_kernel(s, &kmsg);
	kmsg_close(&kmsg);
	if (r)
		return r;
	take_record(&dirs, out);
	out->unarmed_ns += out->load.submitted.unarmed_ns;
	out->region = facts_load_region(&plan->facts);
	out->living = plan->living;
	return 0;
}

static void tell_outcome(const struct service *s, const struct arm_outcome *out)
{
	const struct living *l = &out->living;

	if (out->load.record.code)
		service_tell(s, SERVICE_WARNING, "%s", out->load.record.msg);
	if (out->load.submitted.fell_back)
		service_tell(s, SERVICE_NOTE, "kexec_load was used because of this: %s",
			     out->load.submitted.refusal.msg);
	if (l->region && l->sum > l->region)
		service_tell(s, SERVICE_WARNING,
			     "it may not have the memory to live: it needs about %llu MiB of %llu "
			     "reserved; `lifeboat estimate` shows the sum, `lifeboat "
			     "reset-crashkernel` changes it",
			     (unsigned long long)(l->sum >> 20),
			     (unsigned long long)(l->region >> 20));
}

/*
 * Without them one target is lost, not the machine: so it is armed all the same. What the load would be is no question of
 * keys: *ret_new has to force it.
 */
static bool offer_keys(const struct service *s, const char *version, bool *ret_new)
{
	bool any = false;
	struct err err;

	*ret_new = false;
	if (cryptkeys_offer(s, version, &any, ret_new, &err))
		service_tell(s, SERVICE_WARNING, "%s", err.msg);
	return any;
}

static void check_keys(const struct service *s, const struct arm_outcome *out)
{
	if (out->method != LOAD_BY_FILES)
		service_tell(s, SERVICE_WARNING,
			     "the keys of LUKS are not handed over: the kernel does that for "
			     "kexec_file_load only, and the image was loaded by kexec_load");
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* A kernel that was replaced under its name: none of the image's modules would fit it. */
static void check_release(const struct service *s, const struct plan *plan,
			  const struct build_kernel *kernel)
{
	const char *release = plan->files.image.release;

	if (*release && strcmp(release, kernel->version) != 0)
		service_tell(
			s, SERVICE_WARNING,
			"%s says that it is %s: modules of %s, which are in the image, may not "
			"fit it",
			kernel->path, release, kernel->version);
}

/* The running kernel's command line, changed by the loader's rules and the configuration. */
static int load_image(const struct service *s, const struct config *config, bool force,
		      struct arm_outcome *out, struct err *err)
{
	const char *const initrds[] = {out->image};
	char kernel[PATH_MAX];
	struct load_request request = {
		.panic = true,
		.kernel = kernel,
		.bare = true,
		.initrds = initrds,
		.n_initrds = 1,
		.reuse_cmdline = true,
		.append = config->cmdline_append,
		.remove = (const char *const *)config->cmdline_remove,
		.n_remove = count(config->cmdline_remove),
		.cpus = (unsigned int)config->capture_cpus,
	};
	const struct state_dirs dirs = service_dirs(s);
	struct plan plan;
	int r;

	if (build_kernel_file(s, &out->kernel, kernel, err))
		return err->code;
	service_tell(s, SERVICE_PROGRESS, "loading kernel %s", out->kernel.version);
	/* before the machine is looked at: who comes later must have the newer memory map */
	_cleanup_close_ int lock = state_lock(&dirs);
	r = plan_make(s->root, &request, &plan, err);
	if (r)
		return r;
	check_release(s, &plan, &out->kernel);
	r = call_kernel(s, &plan, force, out, err);
	plan_deinit(&plan);
	return r;
}

/* ---- start */

/* May it be loaded at all? Before an image is built that nobody could load. */
static int check_machine(const struct service *s, struct err *err)
{
	const struct explain_call call = {.phase = EXPLAIN_LOAD};
	struct facts facts;
	int r = facts_probe(s->root, &facts, err);

	if (r)
		return r;
	r = check_permission(&facts, call, err);
	if (!r)
		r = check_reservation(&facts, err);
	facts_deinit(&facts);
	return r;
}

static int keep_image(const struct service *s, const char *version, struct err *err)
{
	return build_check_image(s, version, err)
		       ? err_wrap(err, "force_no_rebuild is set, so `lifeboat rebuild` has to "
				       "build the image")
		       : 0;
}

static int prepare_image(const struct service *s, const struct config *config, const char *version,
			 bool *ret_built, struct err *err)
{
	struct err why;

	if (config->force_no_rebuild)
		return keep_image(s, version, err);
	if (!build_image(s, config, version, config->force_rebuild, ret_built, err))
		return 0;
	if (build_check_image(s, version, &why))
		return err->code;
	service_tell(s, SERVICE_WARNING, "%s: the older image is loaded, which may be stale",
		     err->msg);
	*err = (struct err){0};
	return 0;
}

/* A key that the kernel does not find makes it refuse the image: then it is loaded without any. */
static int load_with_keys(const struct service *s, const struct config *config, bool force,
			  struct arm_outcome *out, struct err *err)
{
	bool new, any = offer_keys(s, out->kernel.version, &new);
	struct err why = {0}, ignored;
	int r = load_image(s, config, force || new, out, any ? &why : err);

	if (!any)
		return r;
	if (r) {
		(void)!cryptkeys_forget(s, &ignored);
		if (load_image(s, config, force, out, err))
			return err->code;
		service_tell(s, SERVICE_WARNING,
			     "the keys of LUKS are not handed over, since the image was refused "
			     "with them: %s",
			     why.msg);
		return 0;
	}
	check_keys(s, out);
	return 0;
}

static int start(const struct service *s, const struct config *config, bool force,
		 struct arm_outcome *out, struct err *err)
{
	if (check_machine(s, err) || build_find_kernel(s, config, NULL, &out->kernel, err) ||
	    build_image_path(s, out->kernel.version, out->image, err) ||
	    prepare_image(s, config, out->kernel.version, &out->built, err))
		return err->code;
	return load_with_keys(s, config, force, out, err);
}

/* After all that can fail: a panic must have somebody who captures it. Not without them, either: it is armed. */
static void set_sysctls(const struct service *s, const struct config *config)
{
	struct err err;

	if (sysctl_apply(s, config, &err))
		service_tell(s, SERVICE_WARNING, "%s", err.msg);
}

static void unset_sysctls_if_unarmed(const struct service *s)
{
	struct err err;

	if (fact_is(facts_crash_loaded(s->root), 0) && sysctl_restore(s, &err))
		service_tell(s, SERVICE_WARNING, "%s", err.msg);
}

int arm_start(const struct service *s, bool force, struct arm_outcome *ret, struct err *err)
{
	_cleanup_(cleanup_config) struct config *config = NULL;
	_cleanup_close_ int lock = service_lock(s, ARM_LOCK);
	_cleanup_free_ struct arm_outcome *out = calloc(1, sizeof(*out));

	if (!out)
		return err_nomem(err, sizeof(*out), "the outcome");
	if (service_config(s, &config, NULL, err) || start(s, config, force, out, err)) {
		unset_sysctls_if_unarmed(s);
		return err->code;
	}
	tell_outcome(s, out);
	set_sysctls(s, config);
	*ret = *out;
	return 0;
}

int arm_preview(const struct service *s, struct arm_preview *ret, struct err *err)
{
	_cleanup_(cleanup_config) struct config *config = NULL;
	struct arm_preview p = {.builds = false};

	if (service_config(s, &config, NULL, err) || check_machine(s, err) ||
	    build_find_kernel(s, config, NULL, &p.kernel, err) ||
	    build_image_path(s, p.kernel.version, p.image, err) ||
	    build_judge(s, config, p.kernel.version, &p.state, p.difference, err))
		return err->code;
	if (config->force_no_rebuild && keep_image(s, p.kernel.version, err))
		return err->code;
	p.builds = !config->force_no_rebuild && (config->force_rebuild || p.state != BUILD_FRESH);
	*ret = p;
	return 0;
}

/* ---- stop */

int arm_stop(const struct service *s, bool *ret_was_armed, struct err *err)
{
	_cleanup_close_ int lock = service_lock(s, ARM_LOCK);
	const struct state_dirs dirs = service_dirs(s);
	struct err sysctls, keys;

	/* one that cannot be put back must not keep the machine armed against the operator's will */
	if (sysctl_restore(s, &sysctls))
		service_tell(s, SERVICE_WARNING, "%s", sysctls.msg);
	if (cryptkeys_forget(s, &keys))
		service_tell(s, SERVICE_WARNING, "%s", keys.msg);
	return load_unload(true, &dirs, s->root, s->sys, ret_was_armed, err);
}

/* ---- reload */

static int read_armed(const struct service *s, struct state *ret, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);

	if (fact_is(facts_crash_loaded(s->root), 0))
		return err_set(err, ERR_NOT_LOADED,
			       "the machine is not armed, so there is nothing to load again; "
			       "`lifeboat start` arms it");
	if (state_read(&dirs, ret, err))
		return err->code;
	if (!ret->known)
		return err_set(err, ERR_NOT_LOADED,
			       "the panic kernel that is loaded is not on record (another program "
			       "has loaded it, or the record was lost), so it stays as it is; "
			       "`lifeboat start --force` loads ours");
	return 0;
}

/* *ret_done: what is loaded is what would be loaded now, or nobody can tell. */
static int reload_once(const struct service *s, const struct load_request *request, bool force,
		       struct arm_outcome *out, bool *ret_done, struct err *err)
{
	struct plan plan;
	int r = plan_make(s->root, request, &plan, err);

	if (r)
		return r;
	r = call_kernel(s, &plan, force, out, err);
	/* without a memory map or a record every load looks like a change */
	*ret_done = r || out->load.unchanged || out->load.record.code || !plan.machine.n_areas;
	plan_deinit(&plan);
	return r;
}

static int reload(const struct service *s, const struct state *state, bool force,
		  struct arm_outcome *out, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	struct state_paths paths;
	struct load_request request = state_request(&dirs, state, &paths);
	bool done = false, changed = false;

	request.name = state->kernel;
	for (int round = 0; round < ARM_ROUNDS && !done; round++) {
		if (reload_once(s, &request, force && !round, out, &done, err))
			return err->code;
		changed |= !out->load.unchanged;
	}
	out->load.unchanged = !changed; /* that the last round had nothing more to do is no news */
	if (!done)
		service_tell(s, SERVICE_WARNING,
			     "memory or CPUs still change: what came last may be missing from a "
			     "dump until the next reload");
	snprintf(out->kernel.path, sizeof(out->kernel.path), "%s", state->kernel);
	snprintf(out->kernel.version, sizeof(out->kernel.version), "%s", state->release);
	return 0;
}

int arm_reload(const struct service *s, struct arm_outcome *ret, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	_cleanup_close_ int arm_lock = service_lock(s, ARM_LOCK);
	_cleanup_close_ int lock = state_lock(&dirs);
	_cleanup_free_ struct arm_outcome *out = calloc(1, sizeof(*out));
	struct state state = {0};
	bool new = false;
	int r = out ? read_armed(s, &state, err) : err_nomem(err, sizeof(*out), "the outcome");

	if (!r && offer_keys(s, state.release, &new))
		service_tell(s, SERVICE_PROGRESS, "with the keys of LUKS");
	if (!r)
		r = reload(s, &state, new, out, err);
	if (!r) {
		tell_outcome(s, out);
		*ret = *out;
	}
	state_deinit(&state);
	return r;
}
