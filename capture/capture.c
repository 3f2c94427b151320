// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "capture/budget.h"
#include "capture/collect.h"
#include "capture/modules.h"
#include "capture/pstore.h"
#include "capture/watchdog.h"

#define SLOW_MS         5000 /* an error that took so long is somebody's silence, as a dead NFS server's */
#define QUICK_SECONDS   30    /* for steps that have no deadline of their own in the recipe */
#define MODULE_MS       10000 /* for one of them: others must have a chance */
#define CLOSING_SECONDS 30 /* of the whole time, what is kept for the record and the unmounting */
#define DUMP_MARGIN_MS  10000 /* of a dump's time, at most: to finish a file that is cut off */
#define FEW_LINES       60    /* of the log, where it can be nowhere else */
#define MEMINFO_MAX     65536
#define CLOCK_SET       1577836800    /* 2020: a clock before that is none */
#define CLOCK_POSSIBLE  7258118400ULL /* 2200: nor is one after that */

/*
 * When a step has to be over, whatever its own deadline. What comes later has time of its own that nothing before it
 * can use up.
 */
enum end {
	END_SHARE, /* of the target at hand: up to the log each gets the same, or one that hangs has it all */
	END_DUMP,   /* everything else up to the dump */
	END_RECORD, /* what tells how it went, on the target */
	END_RESCUE, /* the log, where no target has it */
	END_POST,   /* programs */
	END_ALL,    /* the unmounting */
	ENDS,
};

/* The capture at one moment. A step gets a copy of it, since it is a child. */
struct capture {
	const struct capture_env *env;
	const struct recipe *recipe;
	struct record *rec;
	uint64_t ends[ENDS]; /* of step_now_ms() */
	struct watchdog *watchdog;
	bool safe;    /* all that was wanted is */
	bool no_dump; /* a program that runs before it did not agree */
	struct err first;

	/* of the step at hand */
	struct target target;
	struct record_target *rt; /* NULL: it is of no target */
	unsigned int late;        /* of its last steps, how many in a row were not done in time */
	bool stuck;               /* it is no use to try another one */
	char *program;
	bool before; /* it runs before the dump */
	struct collect_limits dump_limits;
	char mountpoint[64];
};

struct task {
	const char *name;
	step_fn fn;
	unsigned int seconds;
	enum end end;
	bool watched; /* must get on all the time */
};

/* ---- running a step */

static size_t number_of(const struct capture *c)
{
	return (size_t)(c->rt - c->rec->targets);
}

/* Under its own deadline and the whole capture's; not at all, which is false, if that one has passed. */
static bool run_in_time(struct capture *c, const struct task *task, struct step_outcome *ret)
{
	uint64_t now = step_now_ms(), end = c->ends[task->end];
	uint64_t left = end > now ? end - now : 0, own = (uint64_t)task->seconds * 1000;
	const struct step_limits limits = {
		.ms = NUM_MIN(own, left),
		.progress = task->watched ? &c->rec->progress : NULL,
		.stall_ms = (uint64_t)c->recipe->deadline_stall * 1000,
		.look = meter_look,
		.look_ctx = &c->rec->meter,
		.look_ms = METER_LOOK_MS,
	};

	if (!left) {
		*ret = (struct step_outcome){.start_ms = now, .timed_out = true};
		err_set(&ret->err, ERR_TIMEOUT, "not tried: deadline-total has passed");
		return false;
	}
	step_run(task->fn, c, &limits, ret);
	if (ret->timed_out && !ret->stalled && left < own)
		err_wrap(&ret->err, "deadline-total");
	return true;
}

static void note_failure(struct capture *c, const char *name, const struct step_outcome *o)
{
	struct err err = o->err;

	err_wrap(&err, "%s", name);
	if (c->rt && !*c->rt->failure)
		snprintf(c->rt->failure, sizeof(c->rt->failure), "%.*s",
			 (int)sizeof(c->rt->failure) - 1, err.msg);
	if (!c->first.code)
		c->first = err;
}

/*
 * A process that cannot be killed is still at work on the target, and whoever comes next would get stuck behind it; two
 * that were late are no accident.
 */
static void judge_target(struct capture *c, const struct step_outcome *o)
{
	bool late = o->timed_out || (o->err.code && o->took_ms >= SLOW_MS);

	c->late = late ? c->late + 1 : 0;
	if (c->stuck || (!o->abandoned && c->late < 2))
		return;
	c->stuck = true;
	log_error(c->env->log, "target %zu hangs and is given up", number_of(c) + 1);
}

/* Run one step, put the outcome in the record and say it. Returns the step's error code. */
static int run_full(struct capture *c, const struct task *task, struct step_outcome *ret)
{
	bool ran = run_in_time(c, task, ret);

	record_add_phase(c->rec, task->name, c->rt ? (int)number_of(c) : -1, ret);
	if (ret->err.code) {
		log_error(c->env->log, "%s FAILED after %" PRIu64 " ms: %s", task->name,
			  ret->took_ms, ret->err.msg);
		note_failure(c, task->name, ret);
	} else {
		log_notice(c->env->log, "%s done in %" PRIu64 " ms", task->name, ret->took_ms);
	}
	if (c->rt && ran)
		judge_target(c, ret);
	return ret->err.code;
}

static int run(struct capture *c, const char *name, step_fn fn, unsigned int seconds, enum end end)
{
	const struct task task = {.name = name, .fn = fn, .seconds = seconds, .end = end};
	struct step_outcome o;

	return run_full(c, &task, &o);
}

/* ---- steps of no target */

static int step_examine(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return collect_examine(c->env->vmcore, c->rec, err);
}

static int step_modules(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return modules_load(c->env->modules, c->env->sys, MODULE_MS, c->env->log, err);
}

static void show_lines(const struct log *log, char *text)
{
	char *line;

	log_error(log, "the end of the crashed kernel's log:");
	while ((line = strsep(&text, "\n")))
		if (*line)
			log_error(log, "| %s", line);
}

static int show_log(const struct capture_env *env, unsigned int lines, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = collect_tail(env->vmcore, lines, &text, &len, err);

	if (text)
		show_lines(env->log, text);
	return r;
}

static int step_console(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return show_log(c->env, c->recipe->console_lines, err);
}

static int step_show_log(void *ctx, struct err *err)
{
	const struct capture *c = ctx;

	return show_log(c->env, FEW_LINES, err);
}

static int step_pstore(void *ctx, struct err *err)
{
	const struct capture *c = ctx;
	unsigned int lines = NUM_MAX(c->recipe->console_lines, (unsigned int)FEW_LINES);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (!pstore_takes_messages(c->env->dev))
		return 0;
	r = collect_tail(c->env->vmcore, lines, &text, &len, err);
	if (!text)
		return r;
	r = pstore_write(c->env->dev, text, len, err);
	c->rec->pstore = !r;
	return r == ERR_NOT_FOUND ? 0 : r; /* a node, and nothing behind it */
}

static int step_keep_log(void *ctx, struct err *err)
{
	const struct capture *c = ctx;
	int r = pstore_keep_kernel_log(c->env->sysfs, err);

	c->rec->pstore |= !r;
	return r;
}

/*
 * As kdump.conf(5) has it: none before the dump; behind it 0 if it is safe, else 1. The word is ours: what it is worth.
 */
static int step_program(void *ctx, struct err *err)
{
	const struct capture *c = ctx;
	char result[32], status[2] = {c->safe ? '0' : '1', '\0'};
	char *const argv[] = {c->program, c->before ? NULL : status, result, NULL};

	snprintf(result, sizeof(result), "%s", record_result_name(record_best(c->rec)));
	return step_exec(argv, err);
}

/* All programs, whatever the others do; the first failure. */
static int run_programs(struct capture *c, const char *name, char *const *programs, enum end end)
{
	int first = 0;

	for (; *programs; programs++) {
		int r;

		c->program = *programs;
		log_notice(c->env->log, "%s: starting %s", name, *programs);
		r = run(c, name, step_program, c->recipe->deadline_hook, end);
		first = first ? first : r;
	}
	return first;
}

/* ---- steps of a target */

static int step_network(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return c->target.ops->network(&c->target, err);
}

static int step_find(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return c->target.ops->find(&c->target, err);
}

static int step_attach(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return c->target.ops->attach(&c->target, err);
}

static int step_begin(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return c->target.ops->begin(&c->target, c->rec->crash_time, err);
}

static int step_log(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return collect_log(c->env->vmcore, &c->target, c->rt, err);
}

static int step_note(void *ctx, struct err *err)
{
	struct capture *c = ctx;
	int r = collect_record(c->recipe, c->rec, number_of(c), &c->target, err);

	target_reserve(&c->target);
	return r;
}

static int step_dump(void *ctx, struct err *err)
{
	struct capture *c = ctx;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	_cleanup_free_ char *meminfo = NULL;
	struct err ignored;
	size_t len;

	if (root_read(c->env->root, "/proc/meminfo", MEMINFO_MAX, &meminfo, &len, &ignored) ||
	    !meter_field(meminfo, "MemAvailable:", &c->rec->available))
		c->rec->available = 0;
	c->dump_limits.threads =
		c->dump_limits.lean ? 1
				    : budget_threads(c->recipe, cpus > 0 ? (unsigned int)cpus : 1,
						     c->rec->available);
	c->rec->threads = c->dump_limits.threads;
	return collect_dump(c->env->vmcore, c->recipe, &c->dump_limits, &c->target, c->rt,
			    &c->rec->progress, err);
}

static int step_keep_dump(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return collect_rest(&c->target, c->rt, err);
}

static int step_record(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	target_release_reserve(&c->target);
	return collect_record(c->recipe, c->rec, number_of(c), &c->target, err);
}

static int step_manifest(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return collect_manifest(&c->target, c->rt, err);
}

static int step_seal(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return c->target.ops->seal(&c->target, c->rt->dump_written, err);
}

/*
 * For ages: the earlier of the crashed kernel's clock and ours, unless ours was never set. One that runs ahead would make
 * all older crashes too old at once.
 */
static uint64_t retention_time(uint64_t crash_time)
{
	uint64_t now = (uint64_t)time(NULL);

	return crash_time && (now < CLOCK_SET || crash_time < now) ? crash_time : now;
}

static int step_retain(void *ctx, struct err *err)
{
	struct capture *c = ctx;
	char folder[PATH_MAX];
	char *slash;

	strcpy(folder, c->rt->place.folder);
	slash = strrchr(folder, '/');
	if (!slash)
		return 0; /* raw: nothing there is ever overwritten */
	*slash = '\0';
	return retain_apply(folder, c->rt->place.name, &c->recipe->keep,
			    retention_time(c->rec->crash_time), false, NULL, NULL, &c->rt->retained,
			    err);
}

static int step_detach(void *ctx, struct err *err)
{
	struct capture *c = ctx;

	return c->target.ops->detach(&c->target, err);
}

/* ---- a target */

static void choose_target(struct capture *c, size_t i)
{
	const struct recipe *r = c->recipe;

	c->rt = &c->rec->targets[i];
	c->late = 0;
	c->stuck = false;
	snprintf(c->mountpoint, sizeof(c->mountpoint), "%.50s%zu", c->env->mountpoint, i + 1);
	c->target = (struct target){
		.recipe = &r->targets[i],
		.all = r,
		.ops = target_ops_of(r->targets[i].kind),
		.place = &c->rt->place,
		.sys = c->env->sys,
		.root = c->env->root,
		.mountpoint = c->mountpoint,
		.progress = &c->rec->progress,
	};
}

/* A dump's step, for which the filter is told when to make an end by itself. */
static void run_dump_step(struct capture *c, const char *name, struct step_outcome *ret)
{
	const struct task task = {
		.name = name,
		.fn = step_dump,
		.seconds = c->recipe->deadline_dump,
		.end = END_DUMP,
		.watched = true,
	};
	uint64_t now = step_now_ms(), end = c->ends[END_DUMP], left = end > now ? end - now : 0;
	uint64_t ms = NUM_MIN((uint64_t)task.seconds * 1000, left);

	ms -= NUM_MIN(ms / 10, (uint64_t)DUMP_MARGIN_MS);
	c->dump_limits.until_ns = clock_ns() + ms * 1000000;
	run_full(c, &task, ret);
}

/*
 * A dump that was killed, most likely because memory ran out, gets a second chance with less; one that crashed over what it
 * read, without looking at the struct pages.
 */
static void run_dump(struct capture *c)
{
	struct step_outcome o;

	c->dump_limits = (struct collect_limits){0};
	run_dump_step(c, "dump", &o);
	if (!c->rt->dump_written && !o.timed_out &&
	    (o.killed || o.crashed || o.err.code == ERR_NO_MEMORY)) {
		c->dump_limits.lean = !o.crashed;
		c->dump_limits.unfiltered = o.crashed;
		run_dump_step(c, "dump again", &o);
	}
	/* what made an end of its own has tidied up behind it */
	if (!c->stuck && (o.timed_out || o.killed || o.crashed))
		run(c, "keep dump", step_keep_dump, QUICK_SECONDS, END_RECORD);
}

/*
 * Digests of what is read back; what cannot be read is not safe, and the record has to say so. Where there is no time
 * for it, the dump is there all the same.
 */
static void check_target(struct capture *c)
{
	if (c->stuck || !run(c, "manifest", step_manifest, c->recipe->deadline_dump, END_DUMP))
		return;
	if (c->rt->unreadable && !c->stuck)
		run(c, "record again", step_record, QUICK_SECONDS, END_RECORD);
}

static void seal_target(struct capture *c)
{
	/* an entry of a raw partition that is not sealed is one that was cut off */
	if ((c->stuck || run(c, "seal", step_seal, c->recipe->deadline_mount, END_RECORD)) &&
	    c->target.recipe->kind == TARGET_RAW)
		c->rt->dump_written = false;
}

static bool is_safe(const struct record_target *rt)
{
	return rt->dump_written && !rt->unreadable;
}

static void retain(struct capture *c)
{
	const struct retain_stats *stats = &c->rt->retained;

	run(c, "retain", step_retain, c->recipe->deadline_mount, END_DUMP);
	if (stats->removed || stats->failed)
		log_notice(c->env->log,
			   "of %" PRIu64 " crashes removed: %" PRIu64 " (%" PRIu64
			   " bytes), could not be: %" PRIu64 " %s",
			   stats->crashes, stats->removed, stats->removed_bytes, stats->failed,
			   stats->first_failure);
}

/* Its driver may take a while to open; what guards the capture is known once it does. */
static void look_at_watchdog(struct capture *c)
{
	struct record *rec = c->rec;
	unsigned int seconds;

	if (*rec->watchdog || !c->watchdog ||
	    !watchdog_running(c->watchdog, rec->watchdog, sizeof(rec->watchdog), &seconds))
		return;
	log_notice(c->env->log, "guarded by the watchdog %s, %u s", rec->watchdog, seconds);
}

/* Everything on a target that is attached and begun. */
static void fill_target(struct capture *c)
{
	struct record_target *rt = c->rt;

	run(c, "log", step_log, c->recipe->deadline_log, END_SHARE);
	if (rt->log_written)
		c->ends[END_SHARE] = c->ends[END_DUMP];
	if (!c->stuck)
		run(c, "note", step_note, QUICK_SECONDS, END_SHARE);
	if (!c->stuck && !c->no_dump && !c->target.recipe->log_only)
		run_dump(c);
	rt->closing = true;
	look_at_watchdog(c);
	if (!c->stuck)
		run(c, "record", step_record, QUICK_SECONDS, END_RECORD);
	check_target(c);
	seal_target(c);
	if (is_safe(rt) && !c->stuck)
		retain(c);
}

static bool has_log(const struct record *rec)
{
	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++)
		if (rec->targets[i].log_written)
			return true;
	return false;
}

/* Until one has the log, no target may have the time of those behind it. */
static void share_time(struct capture *c)
{
	uint64_t now = step_now_ms(), end = c->ends[END_DUMP], left = end > now ? end - now : 0;
	size_t n = 0;

	for (size_t i = 0; i < c->recipe->n_targets; i++)
		n += !c->rec->targets[i].tried;
	c->ends[END_SHARE] = has_log(c->rec) || !n ? end : now + left / n;
}

static int reach_target(struct capture *c)
{
	const struct recipe_target *t = c->target.recipe;

	if (!c->target.ops->network || (!recipe_is_remote(t->kind) && !*t->needs))
		return 0;
	return run(c, "network", step_network, c->recipe->deadline_network, END_SHARE);
}

/* Returns true if it has all that can be had; then it is still attached. */
static bool try_target(struct capture *c, size_t i)
{
	const struct recipe *r = c->recipe;
	char what[512];
	bool attached;

	choose_target(c, i);
	c->rt->level = r->levels[0];
	c->rt->codec = r->elf ? CODEC_RAW : r->codec;
	share_time(c);
	c->rt->tried = true;
	look_at_watchdog(c);
	target_describe(c->target.recipe, what, sizeof(what));
	log_notice(c->env->log, "target %zu of %zu: %s", i + 1, r->n_targets, what);
	attached = !reach_target(c) && !run(c, "find", step_find, r->deadline_device, END_SHARE) &&
		   !run(c, "attach", step_attach, r->deadline_mount, END_SHARE);
	c->rt->begun = attached && !run(c, "begin", step_begin, r->deadline_mount, END_SHARE);
	if (c->rt->begun)
		fill_target(c);
	c->rt->closing = true;
	if (c->no_dump && !c->target.recipe->log_only ? c->rt->log_written : is_safe(c->rt))
		return true;
	if (attached && !c->stuck)
		run(c, "detach", step_detach, r->deadline_mount, END_RECORD);
	c->rt = NULL;
	return false;
}

/* ---- all of it */

/*
 * A machine without a clock that runs on begins in 1970, where no certificate is valid yet, and no signed request recent: the
 * crashed kernel knew better.
 */
static void set_clock(const struct capture *c)
{
	const struct timespec then = {.tv_sec = (time_t)c->rec->crash_time};

	if (time(NULL) >= CLOCK_SET || c->rec->crash_time < CLOCK_SET ||
	    c->rec->crash_time > CLOCK_POSSIBLE)
		return;
	if (c->env->sys->set_clock(&then))
		log_error(c->env->log, "set the clock: %s", strerror(errno));
	else
		log_notice(c->env->log, "the clock was not set: it is now that of the crash");
}

static void prepare(struct capture *c)
{
	const struct recipe *r = c->recipe;

	run(c, "examine", step_examine, r->deadline_log, END_DUMP);
	set_clock(c);
	if (c->rec->examined)
		log_notice(c->env->log, "crashed kernel %s: %s", c->rec->uts[UTS_RELEASE],
			   printk_headline_get(&c->rec->headline));
	if (r->console_lines)
		run(c, "console", step_console, r->deadline_log, END_DUMP);
	run(c, "modules", step_modules, r->deadline_device, END_DUMP);
	if (r->watchdog)
		c->watchdog =
			watchdog_start(c->env->dev, r->watchdog, c->ends[END_ALL], c->env->log);
	if (r->pstore)
		run(c, "pstore", step_pstore, QUICK_SECONDS, END_DUMP);
	c->before = true;
	c->no_dump = run_programs(c, "pre", r->pre, END_DUMP) != 0;
	c->before = false;
}

/* The log is on no target: whatever else might keep it. */
static void save_log_elsewhere(struct capture *c)
{
	const struct recipe *r = c->recipe;

	for (size_t i = 0; i < r->n_targets; i++) {
		if (!r->targets[i].log_only)
			continue;
		try_target(c, i);
		if (c->rec->targets[i].log_written)
			return;
	}
	run(c, "show log", step_show_log, r->deadline_log, END_RESCUE);
	if (r->pstore)
		run(c, "keep log", step_keep_log, QUICK_SECONDS, END_RESCUE);
}

static void say_result(const struct capture *c)
{
	for (size_t i = 0; i < c->recipe->n_targets; i++) {
		const struct record_target *rt = &c->rec->targets[i];
		char human[16];

		if (rt->tried)
			log_notice(
				c->env->log,
				"result: %s, log %" PRIu64 " bytes, dump %s, in %s of target %zu",
				record_result_name(record_result(rt)), rt->log_bytes,
				rt->dump_written ? num_human(rt->stats.file_bytes, human) : "none",
				*rt->place.name ? rt->place.name : "nothing", i + 1);
	}
	if (c->rec->meter.lowest)
		log_notice(c->env->log,
			   "memory: %" PRIu64 " of %" PRIu64 " bytes were free at the worst moment",
			   c->rec->meter.lowest, c->rec->meter.ram);
}

/* Each target in turn, until one has it all: its number, or -1. */
static int try_targets(struct capture *c)
{
	for (size_t i = 0; i < c->recipe->n_targets; i++)
		if (!c->recipe->targets[i].log_only && try_target(c, i))
			return (int)i;
	return -1;
}

static void set_ends(struct capture *c)
{
	const uint64_t total = (uint64_t)c->recipe->deadline_total * 1000;
	const uint64_t closing = NUM_MIN(total / 4, (uint64_t)CLOSING_SECONDS * 1000);
	const uint64_t end = step_now_ms() + total;

	c->ends[END_SHARE] = c->ends[END_DUMP] = end - closing;
	c->ends[END_RECORD] = end - closing / 2;
	c->ends[END_RESCUE] = end - closing / 3;
	c->ends[END_POST] = end - closing / 6;
	c->ends[END_ALL] = end;
}

static bool wants_dump(const struct recipe *r)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i].log_only)
			return true;
	return false;
}

static bool stands_still(enum final_action action)
{
	return action == FINAL_HALT || action == FINAL_SHELL;
}

/* Which kernel the measured memory is of. */
static void note_kernel(const struct capture_env *env, struct record *rec)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t len;

	if (!root_read(env->root, "/proc/sys/kernel/osrelease", 4096, &text, &len, &ignored))
		snprintf(rec->kernel, sizeof(rec->kernel), "%.*s", (int)strcspn(text, "\n"), text);
}

int capture_run(const struct capture_env *env, const struct recipe *recipe, struct record *rec,
		struct err *err)
{
	struct capture c = {.env = env, .recipe = recipe, .rec = rec};
	int last;

	set_ends(&c);
	meter_init(&rec->meter, env->root);
	note_kernel(env, rec);
	prepare(&c);
	last = try_targets(&c);
	c.safe = last >= 0 && is_safe(&rec->targets[last]);
	c.rt = NULL;
	if (!has_log(rec))
		save_log_elsewhere(&c);
	c.safe |= !wants_dump(recipe) && has_log(rec);
	c.rt = NULL;
	run_programs(&c, "post", recipe->post, END_POST);
	if (last >= 0) {
		choose_target(&c, (size_t)last);
		run(&c, "detach", step_detach, recipe->deadline_mount, END_ALL);
	}
	say_result(&c);
	/* a machine that is to stand still must not be restarted by its watchdog */
	watchdog_end(c.watchdog, stands_still(c.safe ? recipe->final : recipe->failure));
	if (c.safe)
		return 0;
	*err = c.first;
	return c.first.code;
}

void capture_show_log(const struct capture_env *env)
{
	const struct step_limits limits = {.ms = QUICK_SECONDS * 1000};
	struct capture c = {.env = env};
	struct step_outcome o;

	step_run(step_show_log, &c, &limits, &o);
	if (o.err.code)
		log_error(env->log, "show log FAILED: %s", o.err.msg);
}
