// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "capture/collect.h"
#include "capture/device.h"
#include "capture/modules.h"
#include "capture/target.h"

#define QUICK_SECONDS   30 /* for steps that have no deadline of their own in the recipe */
#define FINISH_SECONDS  20
#define CLOSING_SECONDS 30 /* of the whole time, what is kept for the record and the unmounting */

/* What every step's body gets. */
struct capture {
	const struct capture_env *env;
	const struct recipe *recipe;
	struct record *rec;
	uint64_t end_ms;     /* of the steps up to the dump */
	uint64_t closing_ms; /* what follows them may take so much longer */
	bool mounted;
};

static int step_examine(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return collect_examine(c->env->vmcore, c->rec, err);
}

static int step_modules(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return modules_load(c->env->modules, c->env->sys, c->env->log, err);
}

static int step_device(void *ctx, struct err *err)
{
	const struct capture *c = ctx;
	char found[DEVICE_PATH_MAX];
	int r = device_wait(c->recipe->device, c->env->sys_block, c->env->dev, found, err);

	if (!r)
		strcpy(c->rec->device, found);
	return r;
}

static int step_mount(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return target_mount(c->recipe, c->rec, c->env->sys, c->env->mountpoint, err);
}

static int step_folder(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return target_make_folder(c->recipe, c->rec, c->env->mountpoint, err);
}

static int step_log(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return collect_log(c->env->vmcore, c->rec, err);
}

static int step_note(void *ctx, struct err *err)
{
	const struct capture *c = ctx;
	int r = target_write_record(c->recipe, c->rec, err);

	target_reserve(c->rec);
	return r;
}

static int step_dump(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return collect_dump(c->env->vmcore, c->recipe, c->rec, err);
}

static int step_record(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	target_release_reserve(c->rec);
	return target_write_record(c->recipe, c->rec, err);
}

static int step_unmount(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return target_unmount(c->env->sys, c->env->mountpoint, err);
}

static int step_show_log(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return collect_show_log(c->env->vmcore, c->env->log, err);
}

/* Under its own deadline and the whole capture's; not at all if that one has passed. */
static void run_in_time(struct capture *c, step_fn fn, unsigned int seconds,
			struct step_outcome *ret)
{
	uint64_t now = step_now_ms(), left = c->end_ms > now ? c->end_ms - now : 0;
	uint64_t limit = (uint64_t)seconds * 1000;

	if (!left) {
		*ret = (struct step_outcome){.start_ms = now, .timed_out = true};
		err_set(&ret->err, ERR_TIMEOUT, "not tried: deadline-total has passed");
		return;
	}
	step_run(fn, c, NUM_MIN(limit, left), ret);
	if (ret->timed_out && left < limit)
		err_wrap(&ret->err, "deadline-total");
}

/*
 * Run one step, put the outcome in the record and say it. Returns the step's error code; *first gets
 * the first error of all.
 */
static int run(struct capture *c, const char *name, step_fn fn, unsigned int seconds,
	       struct err *first)
{
	struct step_outcome o;

	run_in_time(c, fn, seconds, &o);
	if (c->rec->n_phases < RECORD_MAX_PHASES)
		c->rec->phases[c->rec->n_phases++] = (struct record_phase){name, o};
	if (o.err.code)
		log_error(c->env->log, "%s FAILED after %" PRIu64 " ms: %s", name, o.took_ms,
			  o.err.msg);
	else
		log_notice(c->env->log, "%s done in %" PRIu64 " ms", name, o.took_ms);
	if (o.err.code && !first->code) {
		*first = o.err;
		err_wrap(first, "%s", name);
	}
	return o.err.code;
}

static bool reach_target(struct capture *c, struct err *first)
{
	const struct recipe *r = c->recipe;

	run(c, "modules", step_modules, r->deadline_device, first);
	c->mounted = !run(c, "device", step_device, r->deadline_device, first) &&
		     !run(c, "mount", step_mount, r->deadline_mount, first);
	return c->mounted && !run(c, "folder", step_folder, r->deadline_mount, first);
}

/* From here on nothing new is tried, and the time kept back for the end is there to be used. */
static void begin_closing(struct capture *c)
{
	c->rec->finished = true;
	c->end_ms += c->closing_ms;
}

static void collect_all(struct capture *c, struct err *first)
{
	const struct recipe *r = c->recipe;

	/* the console now, not after a dump that may take the machine with it */
	if (run(c, "log", step_log, r->deadline_log, first))
		run(c, "show log", step_show_log, r->deadline_log, first);
	run(c, "note", step_note, QUICK_SECONDS, first);
	run(c, "dump", step_dump, r->deadline_dump, first);
	begin_closing(c);
	run(c, "record", step_record, QUICK_SECONDS, first);
}

static void say_result(const struct capture *c)
{
	const struct record *rec = c->rec;
	char human[16];

	log_notice(c->env->log, "result: %s, log %" PRIu64 " bytes, dump %s, in %s",
		   record_result(rec), rec->log_bytes,
		   rec->dump_written ? num_human(rec->stats.file_bytes, human) : "none",
		   *rec->folder ? rec->folder + strlen(c->env->mountpoint) : "no folder");
}

int capture_run(const struct capture_env *env, const struct recipe *recipe, struct record *rec,
		struct err *err)
{
	const uint64_t total_ms = (uint64_t)recipe->deadline_total * 1000;
	const uint64_t closing_ms = NUM_MIN(total_ms / 4, (uint64_t)CLOSING_SECONDS * 1000);
	struct capture c = {
		.env = env,
		.recipe = recipe,
		.rec = rec,
		.end_ms = step_now_ms() + total_ms - closing_ms,
		.closing_ms = closing_ms,
	};
	struct err first = {0};

	run(&c, "examine", step_examine, recipe->deadline_log, &first);
	if (rec->examined)
		log_notice(env->log, "crashed kernel %s: %s", rec->uts[UTS_RELEASE],
			   printk_headline_get(&rec->headline));
	if (reach_target(&c, &first)) {
		collect_all(&c, &first);
	} else {
		begin_closing(&c);
		run(&c, "show log", step_show_log, recipe->deadline_log, &first);
	}
	if (c.mounted)
		run(&c, "unmount", step_unmount, recipe->deadline_mount, &first);
	say_result(&c);
	if (rec->log_written && rec->dump_written)
		return 0;
	*err = first;
	return first.code;
}

void capture_show_log(const struct capture_env *env)
{
	struct capture c = {.env = env};
	struct step_outcome o;

	step_run(step_show_log, &c, QUICK_SECONDS * 1000, &o);
	if (o.err.code)
		log_error(env->log, "show log FAILED: %s", o.err.msg);
}

/* ---- the final action */

struct finish {
	const struct sys *sys;
	unsigned int how;
};

static int step_reboot(void *ctx, struct err *err)
{
	const struct finish *f = ctx;

	f->sys->reboot(f->how);
	return err_set(err, ERR_SYSTEM, "the kernel did not obey");
}

void capture_finish(const struct capture_env *env, enum final_action action)
{
	static const unsigned int hows[] = {
		[FINAL_REBOOT] = LINUX_REBOOT_CMD_RESTART,
		[FINAL_POWEROFF] = LINUX_REBOOT_CMD_POWER_OFF,
		[FINAL_HALT] = LINUX_REBOOT_CMD_HALT,
	};
	struct finish f = {env->sys, hows[action]};
	struct step_outcome o;

	log_notice(env->log, "final action: %s",
		   action == FINAL_REBOOT     ? "reboot"
		   : action == FINAL_POWEROFF ? "power off"
					      : "halt");
	/* a driver's shutdown hook may hang, so this too is done by a child */
	step_run(step_reboot, &f, FINISH_SECONDS * 1000, &o);
	log_error(env->log, "final action failed: %s",
		  o.err.code ? o.err.msg : "the machine still runs");
	if (action == FINAL_HALT)
		return; /* whoever wants it halted does not want it restarted */
	log_error(env->log, "restarting the hard way");

	_cleanup_close_ int fd = open(env->sysrq, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "b", 1) != 1)
		log_error(env->log, "%s: %s", env->sysrq, strerror(errno));
}
