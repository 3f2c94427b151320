// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crash/class.h"
#include "crash/crash.h"
#include "crash/detail.h"
#include "crash/line.h"
#include "crash/trace.h"

#define EVENTS    8                    /* that are kept; the oldest goes */
#define TOGETHER  (2 * 1000000000ULL)  /* ns: one finding told of several tasks or CPUs */
#define AFTERMATH (10 * 1000000000ULL) /* ns: an oops in the wake of one that did not end */

/* Something that went wrong, with the lines that tell of it. */
struct event {
	struct crash crash;
	struct trace trace;
	struct crash_frame hint; /* the function that its title names; reliable: there is one */
	enum class_kind kind;
	uint64_t serial; /* from 1; 0: this place is free */
	uint64_t before; /* others before it that count */
	uint32_t caller,
		also; /* whose lines are its own; `also`: of a CPU that was asked for its stack */
	bool counted; /* "[#1]" was there: an oops has all that makes one */
	bool closed;  /* nothing more of it comes */
	bool ended;   /* and the kernel said so: "---[ end trace" */
	bool aside;   /* what comes now is the stack of one that suffers */
};

/* One run of a kernel. */
struct boot {
	struct event events[EVENTS];
	struct {
		uint64_t serial, counted;
		struct event *panic;
		struct class_panic means; /* of the panic */
		struct detail detail;
		uint64_t last_ns[CRASH_CLASSES]; /* when such a one was last told of */
		bool sysrq;                      /* somebody asked for it */
	} state;
};

struct crash_log {
	struct boot boot;
	struct line line;
	struct crash last; /* of a boot before */
	char last_modules[DETAIL_MODULES];
	bool has_last;
	bool finished_here; /* the crash that was asked for is of `boot` */
	unsigned int pstore;
};

int crash_log_create(struct crash_log **ret, struct err *err)
{
	struct crash_log *log = calloc(1, sizeof(*log));

	if (!log)
		return err_nomem(err, sizeof(*log), "what a log tells of a crash");
	*ret = log;
	return 0;
}

void crash_log_destroy(struct crash_log *log)
{
	free(log);
}

/* ---- events */

/* The newest one whose lines these are; nothing more may come of it. */
static struct event *newest_of(struct boot *b, uint32_t caller)
{
	struct event *best = NULL;

	for (size_t i = 0; i < EVENTS; i++) {
		struct event *e = &b->events[i];

		if (!e->serial || (best && e->serial < best->serial))
			continue;
		/* a line that does not say whose it is belongs to what was told last */
		if (!caller || !e->caller || caller == e->caller || caller == e->also)
			best = e;
	}
	return best;
}

static struct event *event_of(struct boot *b, uint32_t caller)
{
	struct event *e = newest_of(b, caller);

	return e && !e->closed ? e : NULL;
}

/* Where there is no room the oldest goes: it ended well, or so much came of it that nobody can tell. */
static struct event *place_for(struct boot *b)
{
	struct event *best = NULL;

	for (size_t i = 0; i < EVENTS; i++) {
		struct event *e = &b->events[i];

		if (!e->serial)
			return e;
		if (e != b->state.panic && (!best || e->serial < best->serial))
			best = e;
	}
	return best;
}

static struct event *begin(struct boot *b, const struct class_line *what, const struct line *line)
{
	struct event *e = place_for(b);

	/* it is too large for a copy on the stack */
	memset(e, 0, sizeof(*e));
	e->crash.cls = what->cls;
	e->crash.cpu = -1;
	e->crash.pid = -1;
	e->crash.log_ns = line->ns;
	e->kind = what->kind;
	e->serial = ++b->state.serial;
	e->before = b->state.counted;
	e->caller = line->caller;
	e->counted = what->counted;
	b->state.counted += what->kind != CLASS_ASIDE && what->kind != CLASS_PANIC;
	return e;
}

/* "general protection fault, …: 0000 [#1] SMP": how often it happened and how the kernel was built are not what it is. */
static void set_title(struct event *e, const char *text)
{
	const char *end = strstr(text, " [#");
	size_t len = end ? (size_t)(end - text) : strlen(text);

	snprintf(e->crash.title, sizeof(e->crash.title), "%.*s",
		 (int)NUM_MIN(len, sizeof(e->crash.title) - 1), text);
	detail_title(&e->crash, text);
}

/* A function that a title names: "BUG: KASAN: use-after-free in f+0x1/0x2 [mod]". */
static void take_hint(struct event *e, const char *text)
{
	for (const char *at = text; !e->hint.reliable && *at; at += strcspn(at, " ")) {
		struct crash_frame f;

		at += strspn(at, " ");
		if (!trace_symbol(at, &f))
			continue;
		f.reliable = true;
		e->hint = f;
	}
}

/* Has its stack not begun yet? Then further lines may still say what it is. Old kernels tell the place first. */
static bool is_head(const struct event *e)
{
	return !e->closed && e->trace.n <= 1 && !e->trace.open && !e->trace.done;
}

/* Is this line another one of the same thing: "BUG: unable to handle …", then "Oops: 0000 [#1]"? */
static bool is_same_thing(const struct event *e, const struct class_line *what)
{
	if (!e || !is_head(e))
		return false;
	if (e->kind == CLASS_BEFORE)
		return what->kind == CLASS_DIE || what->kind == CLASS_WARN;
	return e->kind == CLASS_DIE && what->kind == CLASS_DIE && !e->counted;
}

static bool is_near(uint64_t before, uint64_t now, uint64_t limit)
{
	return !before || !now || now < before || now - before <= limit;
}

/* An oops on the way out of an oops tells of the first one's damage. */
static bool is_secondary(const struct event *e, const struct class_line *what,
			 const struct line *line)
{
	return e && e->kind == CLASS_DIE && what->kind == CLASS_DIE && e->counted && !e->ended &&
	       is_near(e->crash.log_ns, line->ns, AFTERMATH);
}

/* Told again of another task or CPU, within the same look around. */
static bool is_repeated(struct boot *b, const struct class_line *what, const struct line *line)
{
	uint64_t last = b->state.last_ns[what->cls];
	bool repeated;

	if (what->cls != CRASH_HUNG_TASK && what->cls != CRASH_RCU_STALL &&
	    what->cls != CRASH_HARD_LOCKUP && what->cls != CRASH_SOFT_LOCKUP)
		return false;
	repeated = last && (!line->ns || is_near(last, line->ns, TOGETHER));
	b->state.last_ns[what->cls] = line->ns ? line->ns : 1;
	return repeated;
}

static void feed_event(struct boot *b, const struct class_line *what, const struct line *line)
{
	struct event *e = event_of(b, line->caller);

	if (is_same_thing(e, what)) {
		bool told = e->kind == CLASS_BEFORE;

		e->kind = what->kind;
		e->counted |= what->counted;
		if (told || !e->hint.reliable)
			take_hint(e, line->text);
		detail_title(&e->crash, line->text);
		return;
	}
	if (is_secondary(newest_of(b, line->caller), what, line) || is_repeated(b, what, line)) {
		if (e)
			e->closed = true;
		return;
	}
	if (e)
		e->closed = true;
	e = begin(b, what, line);
	set_title(e, line->text);
	take_hint(e, line->text);
}

static void feed_panic(struct boot *b, const struct class_line *what, const struct line *line)
{
	struct event *e = event_of(b, line->caller);

	if (e)
		e->closed = true;
	e = begin(b, what, line);
	set_title(e, line->text);
	take_hint(e, what->panic);
	snprintf(e->crash.panic, sizeof(e->crash.panic), "%.*s", (int)sizeof(e->crash.panic) - 1,
		 what->panic);
	b->state.means = class_of_panic(what->panic);
	e->crash.cls = b->state.means.cls;
	b->state.panic = e;
}

/* ---- lines */

/* "NMI backtrace for cpu 3": another CPU tells its stack, for the one that asked. */
static void adopt(struct boot *b, const struct line *line)
{
	for (size_t i = 0; i < EVENTS; i++) {
		struct event *e = &b->events[i];

		if (e->serial && is_head(e) && !e->also &&
		    (e->crash.cls == CRASH_RCU_STALL || e->crash.cls == CRASH_HARD_LOCKUP ||
		     e->crash.cls == CRASH_SOFT_LOCKUP))
			e->also = line->caller;
	}
}

/*
 * Where the thread that ends RCU's grace periods gets no CPU, its own stack comes first, then that of the CPU on which it has last
 * run, which does something else: rcu_check_gp_kthread_starvation() of kernel/rcu/tree_stall.h. The former is the victim.
 */
static bool is_aside(struct event *e, const char *text)
{
	if (e->crash.cls != CRASH_RCU_STALL)
		return false;
	if (strstr(text, "grace-period kthread stack dump:"))
		e->aside = true;
	else if (strstr(text, "Stack dump where RCU GP kthread last ran"))
		e->aside = false;
	return e->aside;
}

static bool is_sysrq(const char *text)
{
	const char *at = line_after(text, "sysrq: ");

	at = at ? at : text;
	return line_after(at, "Trigger a crash") || line_after(at, "SysRq : Trigger a crash");
}

static void feed_boot(struct boot *b, const struct line *line)
{
	struct class_line what = class_of_line(line->text);
	struct event *e;

	if (line_after(line->text, "NMI backtrace for cpu "))
		adopt(b, line);
	/* what comes after a panic is the panic's doing */
	if (what.kind == CLASS_PANIC && !b->state.panic) {
		feed_panic(b, &what, line);
		return;
	}
	if (what.kind != CLASS_NONE && !b->state.panic) {
		feed_event(b, &what, line);
		return;
	}
	b->state.sysrq |= is_sysrq(line->text);
	e = event_of(b, line->caller);
	if (e && what.kind != CLASS_NONE) {
		e->closed = true;
		return;
	}
	if (e && is_aside(e, line->text))
		return;
	if (detail_feed(&b->state.detail, e ? &e->crash : NULL, line->text) || !e)
		return;
	if (line_after(line->text, "---[ end ")) {
		e->ended = !line_after(line->text, "---[ end Kernel panic");
		e->closed = true;
	} else {
		trace_feed(&e->trace, line->text);
	}
}

/* ---- which one it was */

static bool is_oops(const struct event *e)
{
	return e->kind == CLASS_DIE;
}

/* The last of its kind; of one caller, 0: any. */
static struct event *last_of(struct boot *b, uint32_t classes, bool oops, bool report,
			     uint32_t caller)
{
	struct event *best = NULL;

	for (size_t i = 0; i < EVENTS; i++) {
		struct event *e = &b->events[i];
		bool fits = (oops && is_oops(e)) || (classes & 1U << e->crash.cls) ||
			    (report && (e->kind == CLASS_WARN || e->kind == CLASS_REPORT ||
					e->kind == CLASS_BEFORE));

		if (e->serial && e != b->state.panic && fits &&
		    (!best || e->serial > best->serial) &&
		    (!caller || !e->caller || e->caller == caller))
			best = e;
	}
	return best;
}

/* The oops that init died of: told right before its end. */
static struct event *oops_of_init(struct boot *b)
{
	struct event *e = last_of(b, 0, true, false, b->state.panic->caller);

	if (!e || !is_near(e->crash.log_ns, b->state.panic->crash.log_ns, TOGETHER))
		return NULL;
	return e->crash.pid == 1 || (e->crash.pid < 0 && e->caller == b->state.panic->caller)
		       ? e
		       : NULL;
}

static struct event *cause_of_panic(struct boot *b)
{
	const struct class_panic *p = &b->state.means;
	uint32_t caller = b->state.panic->caller;
	struct event *e = NULL;

	if (p->maybe_die)
		return oops_of_init(b);
	if (!p->die && !p->report && !p->cause)
		return NULL;
	e = last_of(b, p->cause, p->die, p->report, caller);
	return e ? e : last_of(b, p->cause, p->die, p->report, 0);
}

/* Without a panic, as where an oops starts the capture kernel: the first of those that did not end. */
static struct event *oops_at_end(struct boot *b)
{
	struct event *last = last_of(b, 0, true, false, 0), *best = NULL;

	for (size_t i = 0; last && i < EVENTS; i++) {
		struct event *e = &b->events[i];

		if (e->serial && is_oops(e) && !e->ended && e->trace.n &&
		    is_near(e->crash.log_ns, last->crash.log_ns, AFTERMATH) &&
		    (!best || e->serial < best->serial))
			best = e;
	}
	return best ? best : last;
}

/* What is no panic and no oops, but what a machine may have been stopped for. */
static struct event *trouble(struct boot *b)
{
	const uint32_t classes = 1U << CRASH_SOFT_LOCKUP | 1U << CRASH_HARD_LOCKUP |
				 1U << CRASH_RCU_STALL | 1U << CRASH_HUNG_TASK | 1U << CRASH_KASAN;

	return last_of(b, classes, false, false, 0);
}

static void take_frames(struct crash *c, const struct event *e)
{
	memcpy(c->frames, e->trace.frames, e->trace.n * sizeof(c->frames[0]));
	c->n_frames = e->trace.n;
	if (!c->n_frames && e->hint.reliable) {
		c->frames[0] = e->hint;
		c->n_frames = 1;
	}
}

/* Where the report of the cause has no stack, the panic's has it, if both are of the same place. */
static bool is_panics_stack_better(const struct boot *b, const struct event *cause)
{
	return b->state.panic && b->state.panic != cause && cause->trace.n <= 1 &&
	       b->state.panic->trace.n > 1 && cause->crash.cls != CRASH_HUNG_TASK &&
	       cause->crash.cls != CRASH_RCU_STALL &&
	       (!b->state.panic->caller || !cause->caller ||
		b->state.panic->caller == cause->caller);
}

static bool choose(struct boot *b, struct crash *ret)
{
	struct event *e = b->state.panic ? cause_of_panic(b) : oops_at_end(b);

	if (!e)
		e = b->state.panic ? b->state.panic : trouble(b);
	if (!e)
		return false;
	*ret = e->crash;
	ret->earlier = e->before;
	take_frames(ret, is_panics_stack_better(b, e) ? b->state.panic : e);
	detail_fill(&b->state.detail, ret);
	if (b->state.panic) {
		memcpy(ret->panic, b->state.panic->crash.panic, sizeof(ret->panic));
		if (ret->cpu < 0 && ret->cls != CRASH_HUNG_TASK && ret->cls != CRASH_RCU_STALL)
			ret->cpu = b->state.panic->crash.cpu;
	}
	/* before it called panic() for that the key's handler wrote to NULL: drivers/tty/sysrq.c, v4.4 to v4.20 */
	if (b->state.sysrq && ret->n_frames &&
	    strcmp(ret->frames[0].function, "sysrq_handle_crash") == 0)
		ret->cls = CRASH_SYSRQ;
	return true;
}

static void next_boot(struct crash_log *log)
{
	if (choose(&log->boot, &log->last)) {
		log->has_last = true;
		memcpy(log->last_modules, log->boot.state.detail.modules,
		       sizeof(log->last_modules));
	}
	/* not all of it: most places for events have never been touched, and take no memory yet */
	for (size_t i = 0; i < EVENTS; i++)
		if (log->boot.events[i].serial)
			memset(&log->boot.events[i], 0, sizeof(log->boot.events[i]));
	memset(&log->boot.state, 0, sizeof(log->boot.state));
}

/* ---- outside */

static void feed_line(struct crash_log *log)
{
	const struct line *line = &log->line;
	unsigned int count, part;

	if (line_is_pstore(line->text, &count, &part)) {
		/* another dump of the same log, which has all of this one again */
		if (log->pstore && count != log->pstore)
			next_boot(log);
		log->pstore = count;
		return;
	}
	if (line_after(line->text, "Linux version "))
		next_boot(log);
	if (line->len)
		feed_boot(&log->boot, line);
}

void crash_log_feed(struct crash_log *log, const char *line, size_t len)
{
	line_parse(line, len, &log->line);
	feed_line(log);
}

void crash_log_feed_record(struct crash_log *log, uint64_t ts_ns, uint32_t caller, const char *text,
			   size_t len)
{
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		/* what the capture kernel quotes, and what programs write, may have prefixes of its own */
		line_parse(text, n, &log->line);
		if (!log->line.ns)
			log->line.ns = ts_ns;
		if (!log->line.caller)
			log->line.caller = caller;
		feed_line(log);
		n += end != NULL;
		text += n;
		len -= n;
	}
}

bool crash_log_finish(struct crash_log *log, struct crash *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->cpu = -1;
	ret->pid = -1;
	log->finished_here = choose(&log->boot, ret);
	if (!log->finished_here && log->has_last)
		*ret = log->last;
	return log->finished_here || log->has_last;
}

const char *crash_log_modules(const struct crash_log *log)
{
	return log->finished_here ? log->boot.state.detail.modules : log->last_modules;
}
