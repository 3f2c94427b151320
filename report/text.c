// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "base/utc.h"
#include "report/words.h"

#define WIDTH      80
#define MAX_QUEUES 32 /* run queues and groups that a mail has room for */
#define MAX_GROUPS 20
#define MAX_SLABS  12
#define MAX_TABLE  40
#define LOG_LINES  40

enum style {
	PLAIN,
	BOLD,
	DIM,
	RED,
	YELLOW,
	GREEN,
	HEADING,
};

struct text {
	const struct report *r;
	FILE *to;
	bool colour;
};

static const char *begin_style(const struct text *t, enum style style)
{
	static const char *const on[] = {
		[PLAIN] = "",          [BOLD] = "\033[1m",    [DIM] = "\033[2m",
		[RED] = "\033[1;31m",  [YELLOW] = "\033[33m", [GREEN] = "\033[32m",
		[HEADING] = "\033[1m",
	};

	return t->colour ? on[style] : "";
}

static const char *end_style(const struct text *t, enum style style)
{
	return t->colour && style != PLAIN ? "\033[0m" : "";
}

/* ---- lines: everything goes through line(), which is what holds the width and lets no foreign byte through */

/* Bytes of `s` that fit into `columns`, broken behind a blank where there is one in the line's last two thirds. */
static size_t piece(const char *s, size_t columns)
{
	size_t n = 0, at = 0, blank = 0;

	while (s[at] && n < columns) {
		size_t len = text_utf8_len(s + at);

		at += len ? len : 1;
		n++;
		if (s[at - 1] == ' ' && n > columns / 3)
			blank = at;
	}
	if (!s[at])
		return at;
	if (s[at] == ' ')
		return at;
	return blank ? blank : at;
}

/* What follows behind the first line begins at column `indent`. */
static void wrapped(const struct text *t, enum style style, size_t indent, const char *plain)
{
	size_t at = 0;

	if (indent > WIDTH / 2)
		indent = WIDTH / 2;
	for (bool first = true; first || plain[at]; first = false) {
		size_t skip = first ? 0 : indent;
		size_t len = piece(plain + at, WIDTH - skip), end = len;

		while (end && plain[at + end - 1] == ' ')
			end--;
		if (end)
			fprintf(t->to, "%*s%s%.*s%s", (int)skip, "", begin_style(t, style),
				(int)end, plain + at, end_style(t, style));
		fputc('\n', t->to);
		at += len;
		while (plain[at] == ' ')
			at++;
	}
}

static void line(const struct text *t, enum style style, size_t indent, const char *fmt, ...)
	_printf_(4, 5);

static void line(const struct text *t, enum style style, size_t indent, const char *fmt, ...)
{
	_cleanup_free_ char *raw = NULL, *plain = NULL;
	va_list ap;
	size_t size;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (n < 0) {
		raw = NULL;
		return;
	}
	size = 4 * (size_t)n + 1;
	plain = malloc(size);
	if (plain)
		wrapped(t, style, indent, text_plain(raw, plain, size));
}

/* A text in so many columns, for tables; foreign bytes are shown as line() would. */
struct cell {
	char text[4 * WIDTH + 1];
};

static const char *cell(struct cell *c, const char *text, size_t columns)
{
	size_t used, at;

	text_one_line(text, c->text, sizeof(c->text));
	text_cut(c->text, columns);
	used = text_columns(c->text);
	at = strlen(c->text);
	for (; used < columns && at + 1 < sizeof(c->text); used++)
		c->text[at++] = ' ';
	c->text[at] = '\0';
	return c->text;
}

static void heading(const struct text *t, const char *fmt, ...) _printf_(2, 3);

static void heading(const struct text *t, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	fputc('\n', t->to);
	line(t, HEADING, 4, "--- %s", buf);
}

/* True, with its line, if a part is not there. */
static bool missing(const struct text *t, const char *why)
{
	if (why)
		line(t, YELLOW, 2, "  not known: %s", why);
	return why;
}

static void fact(const struct text *t, const char *name, const char *value)
{
	if (value && *value)
		line(t, PLAIN, 14, "  %-11s %s", name, value);
}

/* ---- the head */

static void write_times(const struct text *t)
{
	const struct report *r = t->r;
	char time[UTC_TEXT], up[WORDS_DURATION], buf[128];
	uint64_t uptime = r->system ? r->system->uptime_ns : 0;
	bool known = r->crash_time && utc_format(r->crash_time, time);

	if (!known && !uptime)
		return;
	if (!known && r->verdict.agreement == REPORT_NEITHER) {
		fact(t, "uptime", words_duration(uptime, up));
		return;
	}
	snprintf(buf, sizeof(buf), "%s%s%s", known ? time : "at an unknown time",
		 uptime ? ", up " : "", uptime ? words_duration(uptime, up) : "");
	fact(t, r->live ? "looked at" : "crashed", buf);
}

static void write_taints(const struct text *t)
{
	struct system_taint taints[SYSTEM_MAX_TAINTS];
	const struct system_info *s = t->r->system;
	char buf[1024] = "";
	size_t n, at = 0;

	if (!s || !s->taint_known)
		return;
	n = system_taints(s->taint_mask, taints);
	for (size_t i = 0; i < n && at < sizeof(buf); i++)
		at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%s%c %s", i ? ", " : "",
				       taints[i].letter, taints[i].text);
	fact(t, "tainted", n ? buf : "no");
}

static void write_head(const struct text *t)
{
	const struct report *r = t->r;
	const struct report_verdict *v = &r->verdict;
	char buf[768];

	line(t, v->agreement == REPORT_NEITHER ? BOLD : RED, 2, "%s",
	     words_title(r, buf, sizeof(buf)));
	if (v->agreement != REPORT_NEITHER) {
		words_headline(r, buf, sizeof(buf));
		line(t, BOLD, 2, "%s", buf);
		if (*v->crash.panic && !strstr(buf, v->crash.panic))
			line(t, PLAIN, 2, "Kernel panic - not syncing: %s", v->crash.panic);
	}
	fputc('\n', t->to);
	fact(t, "task", words_victim(r, buf, sizeof(buf)));
	snprintf(buf, sizeof(buf), "%s %s %s", r->uts[UTS_RELEASE], r->uts[UTS_MACHINE],
		 r->uts[UTS_VERSION]);
	fact(t, "kernel", *r->uts[UTS_RELEASE] ? buf : NULL);
	fact(t, "build id", r->build_id);
	fact(t, "host", r->uts[UTS_NODENAME]);
	write_times(t);
	write_taints(t);
	if (v->agreement != REPORT_NEITHER) {
		fact(t, "class", crash_class_name(v->crash.cls));
		line(t, PLAIN, 14, "  %-11s %s", SIGNATURE_ALG, v->signature.func);
	}
	if (!r->live)
		fact(t, "verdict", words_agreement(v->agreement));
	if (r->dump.incomplete)
		line(t, YELLOW, 14, "  %-11s %s", "INCOMPLETE",
		     "the dump was cut off: what is missing here may be for that");
	for (size_t i = 0; i < v->n_notes; i++)
		line(t, v->agreement == REPORT_DISAGREE ? YELLOW : PLAIN, 16, "              - %s",
		     v->notes[i]);
	if (v->crash.earlier)
		line(t, YELLOW, 14, "  earlier     %zu oopses or warnings before this one",
		     v->crash.earlier);
}

/* ---- stacks */

static void write_frame(const struct text *t, size_t i, const struct report_frame *f, size_t indent)
{
	char where[KERNEL_ADDR_SIZE + 128];
	int pad = (int)indent;

	if (f->function)
		snprintf(where, sizeof(where), "%s+0x%" PRIx64 "/0x%" PRIx64 "%s%s%s", f->function,
			 f->offset, f->size, f->module ? " [" : "", f->module ? f->module : "",
			 f->module ? "]" : "");
	else
		snprintf(where, sizeof(where), "0x%" PRIx64, f->pc);
	line(t,
	     !f->reliable          ? DIM
	     : f->interrupted && i ? BOLD
				   : PLAIN,
	     indent + 5, "%*s%2zu %s%s%s", pad, "", i, f->reliable ? "" : "? ", where,
	     f->interrupted && i ? "  <-- interrupted here" : "");
	for (size_t k = 0; k < f->n_lines; k++)
		line(t, DIM, indent + 9, "%*s     %s%s%s:%u", pad, "",
		     f->lines[k].inlined ? f->lines[k].function : "",
		     f->lines[k].inlined ? " (inlined) " : "", f->lines[k].file, f->lines[k].line);
}

static void write_stack(const struct text *t, const struct report_stack *s, size_t indent)
{
	for (size_t i = 0; i < s->n; i++)
		write_frame(t, i, &s->v[i], indent);
	if (!s->whole && *s->end)
		line(t, DIM, indent + 2, "%*send: %s", (int)indent, "", s->end);
	else if (s->user)
		line(t, DIM, indent + 2, "%*s(user space)", (int)indent, "");
}

static void write_panic_stack(const struct text *t)
{
	const struct report *r = t->r;

	if (r->panic_cpu_known)
		heading(t, "%s of CPU %u", r->live ? "Stack" : "Panicking stack", r->panic_cpu);
	else
		heading(t, "Panicking stack");
	if (missing(t, r->panic_stack_missing))
		return;
	write_stack(t, &r->panic_stack, 2);
}

static void write_registers(const struct text *t)
{
	const struct report_stack *s = &t->r->panic_stack;
	const struct arch_regs *names = t->r->regs;

	if (!names || !s->n_regs)
		return;
	/* those that an exception saved are of the code that failed; the first set is of what stopped the CPU */
	for (size_t set = 0; set < s->n_regs; set++) {
		char buf[WIDTH + 8] = "  ";
		size_t at = 2;

		heading(t, "Registers %s",
			set ? "where it was interrupted" : "when the CPU stopped");
		for (unsigned int i = 0; i < names->n && i < REGS_MAX; i++) {
			if (!(s->regs[set].known & 1ULL << i))
				continue;
			at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%-8s %016" PRIx64 " ",
					       names->names[i], s->regs[set].v[i]);
			if (at + 26 > WIDTH) {
				line(t, PLAIN, 2, "%s", buf);
				at = 2;
				buf[at] = '\0';
			}
		}
		if (at > 2)
			line(t, PLAIN, 2, "%s", buf);
	}
}

/* ---- the log */

static enum style level_style(uint8_t level)
{
	return level <= 3 ? RED : level == 4 ? YELLOW : level == 7 ? DIM : PLAIN;
}

static void write_line(const struct text *t, const struct report_line *l)
{
	char stamp[32];

	words_stamp(l->ts_ns, stamp);
	line(t, level_style(l->level), strlen(stamp) + 1, "%s %s", stamp, l->text);
}

static void write_block(const struct text *t)
{
	const struct report_log *log = &t->r->log;

	if (t->r->log_missing || log->block >= log->block_end)
		return;
	heading(t, "What the log says of it");
	for (size_t i = log->block; i < log->block_end; i++)
		write_line(t, &log->v[i]);
}

static void write_log(const struct text *t, size_t wanted)
{
	const struct report_log *log = &t->r->log;
	size_t first;

	heading(t, "Last lines of the log");
	if (missing(t, t->r->log_missing))
		return;
	first = log->n - NUM_MIN(log->n, wanted);
	if (log->block < log->block_end && log->block_end == log->n && log->block <= first) {
		line(t, DIM, 2, "  they stand above");
		return;
	}
	for (size_t i = first; i < log->n; i++)
		if (i < log->block || i >= log->block_end)
			write_line(t, &log->v[i]);
		else if (i == log->block || i == first)
			line(t, DIM, 2, "  (the crash's lines stand above)");
	if (log->damaged)
		line(t, YELLOW, 2, "  %" PRIu64 " records could not be read", log->damaged);
}

/* ---- CPUs and tasks */

static void write_cpu(const struct text *t, const struct report_cpu *c, uint64_t latest)
{
	struct cell comm;
	char ago[WORDS_DURATION] = "", had[WORDS_DURATION] = "", pid[16] = "";
	char running[16] = "-", waiting[24] = "-";

	if (c->clock_ns && latest >= c->clock_ns)
		words_duration(latest - c->clock_ns, ago);
	if (c->task_known && c->task.ns && !c->idle)
		words_duration(c->task.ns, had);
	if (c->task_known)
		snprintf(pid, sizeof(pid), "%u", c->task.pid);
	if (c->queue_known) {
		snprintf(running, sizeof(running), "%u", c->running);
		snprintf(waiting, sizeof(waiting), "%zu", c->waiting);
	}
	line(t,
	     c->panicked ? RED
	     : c->idle   ? DIM
			 : PLAIN,
	     4, "%c%4u %-7s %7s %s %-12s %-12s %3s %5s", c->panicked ? '*' : ' ', c->cpu,
	     !c->online      ? "offline"
	     : c->idle       ? "idle"
	     : c->task_known ? "busy"
			     : "unknown",
	     pid, cell(&comm, c->task_known ? c->task.comm : "", 16), had, ago, running, waiting);
}

static void write_cpus(const struct text *t)
{
	const struct report *r = t->r;
	size_t shown = 0, online = 0, idle = 0, known = 0;
	uint64_t latest = 0;
	char text[64] = "what they did is not known";

	for (size_t i = 0; i < r->n_cpus; i++) {
		online += r->cpus[i].online;
		idle += r->cpus[i].online && r->cpus[i].idle;
		known += r->cpus[i].task_known;
		latest = NUM_MAX(latest, r->cpus[i].clock_ns);
	}
	heading(t, "CPUs");
	if (missing(t, r->cpus_missing))
		return;
	if (known)
		snprintf(text, sizeof(text), "%zu of them idle", idle);
	line(t, PLAIN, 2, "  %zu possible, %zu online, %s", r->n_cpus, online, text);
	missing(t, r->queues_missing);
	line(t, DIM, 4,
	     "   CPU state       pid command          for          clock ago    run  wait");
	for (size_t i = 0; i < r->n_cpus; i++) {
		const struct report_cpu *c = &r->cpus[i];

		if (r->n_cpus > MAX_QUEUES && !c->panicked && (c->idle || !c->online))
			continue;
		if (shown++ < MAX_QUEUES || c->panicked)
			write_cpu(t, c, latest);
	}
	if (shown > MAX_QUEUES)
		line(t, DIM, 2, "  and %zu more that are busy", shown - MAX_QUEUES);
	else if (shown < r->n_cpus)
		line(t, DIM, 2, "  the others are idle or offline");
}

static void write_cpu_stacks(const struct text *t)
{
	const struct report *r = t->r;
	char cpus[256];

	if (!r->n_cpu_groups)
		return;
	heading(t, "Stacks of the CPUs");
	for (size_t i = 0; i < r->n_cpu_groups; i++) {
		const struct report_group *g = &r->cpu_groups[i];

		if (i == MAX_GROUPS) {
			line(t, DIM, 2, "  and %zu more", r->n_cpu_groups - i);
			break;
		}
		if (g->n == 1 && r->cpus[g->members[0]].panicked)
			continue; /* it has its own part */
		line(t, BOLD, 4, "  %zu CPU%s: %s", g->n, g->n == 1 ? "" : "s",
		     words_cpus(r, g, cpus, sizeof(cpus)));
		write_stack(t, &g->stack, 4);
	}
}

static void write_blocked(const struct text *t)
{
	const struct report *r = t->r;
	char buf[WORDS_DURATION];

	heading(t, "Blocked tasks (D state)");
	if (missing(t, r->tasks_missing))
		return;
	if (!r->n_blocked)
		line(t, PLAIN, 2, "  none");
	for (size_t i = 0; i < r->n_groups; i++) {
		const struct report_group *g = &r->groups[i];

		if (i == MAX_GROUPS) {
			line(t, DIM, 2, "  and %zu more stacks", r->n_groups - i);
			break;
		}
		line(t, BOLD, 4, "  %zu task%s", g->n, g->n == 1 ? "" : "s");
		for (size_t k = 0; k < g->n && k < 4; k++) {
			const struct report_task *b = &r->blocked[g->members[k]];

			line(t, PLAIN, 6, "    %s (pid %u)%s%s", b->comm, b->pid,
			     b->ns ? ", for " : "", b->ns ? words_duration(b->ns, buf) : "");
		}
		if (g->n > 4)
			line(t, DIM, 6, "    and %zu more", g->n - 4);
		write_stack(t, &g->stack, 4);
	}
	if (r->unstacked)
		line(t, YELLOW, 2, "  %zu more without a stack that could be read", r->unstacked);
}

static void write_long(const struct text *t, const char *what, const struct report_task *v,
		       size_t n)
{
	char buf[WORDS_DURATION];

	if (n)
		line(t, BOLD, 2, "  %s", what);
	for (size_t i = 0; i < n && i < 8; i++)
		line(t, PLAIN, 6, "    %-12s CPU %-4d %s (pid %u)", words_duration(v[i].ns, buf),
		     v[i].cpu, v[i].comm, v[i].pid);
}

static void write_queue(const struct text *t, const struct report_cpu *c)
{
	char names[512] = "";
	size_t at = 0;

	for (size_t k = 0; k < c->n_queue && k < 6 && at < sizeof(names); k++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s (%u)", k ? ", " : "",
				       c->queue[k].comm, c->queue[k].pid);
	line(t, PLAIN, 12, "  CPU %-5u %zu wait: %s%s", c->cpu, c->waiting, names,
	     c->waiting > c->n_queue || c->n_queue > 6 ? ", …" : "");
}

static void write_tasks(const struct text *t)
{
	const struct report *r = t->r;
	size_t shown = 0;

	heading(t, "Tasks and run queues");
	if (!missing(t, r->tasks_missing)) {
		line(t, PLAIN, 2, "  %zu threads, %zu of them the kernel's%s", r->n_tasks,
		     r->n_kernel_threads, r->tasks_cut ? "; there are more" : "");
		for (const char *s = words_states; *s; s++)
			if (r->states[(unsigned char)*s])
				line(t, PLAIN, 4, "    %-16s %zu", words_state(*s),
				     r->states[(unsigned char)*s]);
		write_long(t, "had a CPU for longest", r->running, r->n_running);
		write_long(t, "waited for a CPU, since they last ran", r->waiting, r->n_waiting);
	}
	for (size_t i = 0; i < r->n_cpus && shown < MAX_QUEUES; i++)
		if (r->cpus[i].waiting) {
			write_queue(t, &r->cpus[i]);
			shown++;
		}
}

/* ---- memory, modules, machine */

static void write_memory(const struct text *t)
{
	const struct memory *m = t->r->memory;
	struct words_part parts[WORDS_MAX_PARTS];
	char size[16], per[16];
	uint64_t total;
	size_t n;

	heading(t, "Memory");
	if (missing(t, t->r->memory_missing) || !m)
		return;
	n = words_memory(m, parts, &total);
	if (n)
		line(t, PLAIN, 2, "  %-22s %10s", "in all", num_human(total, size));
	else
		line(t, YELLOW, 2, "  the kernel's counters are not known");
	for (size_t i = 0; i < n; i++) {
		/* rounded, as on the page */
		unsigned int share =
			(unsigned int)(100.0 * (double)parts[i].bytes / (double)total + 0.5);
		char bar[32] = "";

		for (unsigned int k = 0; k < share / 4 && k + 1 < sizeof(bar); k++) {
			bar[k] = '#';
			bar[k + 1] = '\0';
		}
		line(t, PLAIN, 4, "    %-20s %10s %3u%%  %s", parts[i].name,
		     num_human(parts[i].bytes, size), share, bar);
	}
	if (m->n_slabs)
		line(t, BOLD, 2, "  largest slab caches");
	for (size_t i = 0; i < m->n_slabs && i < MAX_SLABS; i++) {
		struct cell name;

		line(t, PLAIN, 4, "    %s %10s %10" PRIu64 " x %s",
		     cell(&name, m->slabs[i].name, 28), num_human(m->slabs[i].bytes, size),
		     m->slabs[i].objects, num_human(m->slabs[i].size, per));
	}
}

static void write_modules(const struct text *t)
{
	const struct report *r = t->r;
	char taints[SYSTEM_MAX_TAINTS + 1], size[16];
	size_t clean = 0;

	heading(t, "Modules");
	if (missing(t, r->modules_missing))
		return;
	if (!r->n_modules && r->modules_cut) {
		missing(t, "the list of modules cannot be followed");
		return;
	}
	line(t, PLAIN, 2, "  %zu loaded%s", r->n_modules, r->modules_cut ? "; there are more" : "");
	for (size_t i = 0; i < r->n_modules; i++) {
		const struct module *m = r->modules[i];
		struct cell name;

		if (!m->taints) {
			clean++;
			continue;
		}
		if (i < MAX_TABLE)
			line(t, YELLOW, 4, "    %s %10s  taints: %s  %s", cell(&name, m->name, 24),
			     num_human(m->size, size), system_taint_letters(m->taints, taints),
			     m->version);
	}
	if (clean == r->n_modules && clean)
		line(t, PLAIN, 2, "  none of them taints the kernel");
	if (clean) {
		_cleanup_free_ char *names = NULL;
		size_t len = 0;
		FILE *list = open_memstream(&names, &len);

		if (!list)
			return;
		for (size_t i = r->n_modules - clean; i < r->n_modules; i++)
			fprintf(list, "%s%s", i == r->n_modules - clean ? "" : " ",
				r->modules[i]->name);
		if (fclose(list) == 0)
			line(t, PLAIN, 4, "    %s", names);
	}
}

static void write_machine(const struct text *t)
{
	const struct system_info *s = t->r->system;
	char buf[128];

	heading(t, "Command line and hardware");
	if (missing(t, t->r->system_missing) || !s)
		return;
	line(t, PLAIN, 4, "  %s", s->command_line ? s->command_line : "(not known)");
	snprintf(buf, sizeof(buf), "%u possible, %u online", s->cpus_possible, s->cpus_online);
	fact(t, "CPUs", s->cpus_possible ? buf : NULL);
	fact(t, "model", s->cpu_model);
	fact(t, "hypervisor", s->hypervisor);
	for (size_t i = 0; i < s->n_dmi; i++)
		if (*s->dmi[i].value)
			line(t, PLAIN, 24, "  %-21s %s", s->dmi[i].name, s->dmi[i].value);
}

/* ---- the dump */

static void write_dump(const struct text *t)
{
	const struct report_dump *d = &t->r->dump;
	char a[16], b[16];

	heading(t, "The dump");
	fact(t, "file", d->path);
	line(t, PLAIN, 14, "  %-11s %s%s%s", "format", d->format ? d->format : "not known",
	     *d->codec ? ", " : "", d->codec);
	if (d->file_bytes)
		fact(t, "size", num_human(d->file_bytes, a));
	if (d->has_level)
		line(t, PLAIN, 14, "  %-11s %u", "level", d->level);
	line(t, PLAIN, 14, "  %-11s %s, of which %s is in the dump", "memory", num_human(d->ram, a),
	     num_human(d->present, b));
	if (d->zero_known)
		line(t, PLAIN, 14, "  %-11s %s", "zeros", num_human(d->zero, a));
	if (d->incomplete)
		line(t, RED, 14, "  %-11s the dump is; not all of it could be written or is left",
		     "INCOMPLETE");
	for (size_t i = 0; i < d->n_absent; i++) {
		const struct report_fact *f = &d->absent[i];

		line(t, PLAIN, 14, "  %-11s %s%s%s", i ? "" : "not in it", f->text,
		     f->bytes ? ": " : "", f->bytes ? num_human(f->bytes, a) : "");
	}
}

static void write_capture(const struct text *t)
{
	const struct report_capture *c = t->r->capture;
	char buf[WORDS_DURATION];

	if (!c)
		return;
	heading(t, "The capture");
	fact(t, "result", c->result);
	fact(t, "device", c->device);
	fact(t, "kernel", c->release);
	fact(t, "cut off", c->cut);
	fact(t, "doubt", c->warning);
	fact(t, "unfiltered", c->unfiltered);
	for (size_t i = 0; i < c->n_phases && i < MAX_TABLE; i++) {
		const struct report_phase *p = &c->phases[i];
		struct cell name;

		line(t, PLAIN, 4, "    %s %8.2f s  %10s  %s%s%s",
		     cell(&name, p->name ? p->name : "?", 14), (double)p->start_ms / 1000,
		     words_duration(NUM_MIN(p->took_ms, UINT64_MAX / 1000000) * 1000000, buf),
		     p->result ? p->result : "", p->error ? ": " : "", p->error ? p->error : "");
	}
}

static void write_analysis(const struct text *t)
{
	const struct report *r = t->r;
	char buf[WORDS_DURATION];

	heading(t, "The analysis");
	fact(t, "level", r->level);
	fact(t, "vmlinux", *r->vmlinux ? r->vmlinux : r->vmlinux_missing);
	fact(t, "took", r->took_ns ? words_duration(r->took_ns, buf) : NULL);
	if (!r->gaps || !r->gaps->n) {
		line(t, PLAIN, 2, "  everything that was looked for was found");
		return;
	}
	line(t, BOLD, 2, "  what could not be found or read");
	for (size_t i = 0; i < r->gaps->n; i++)
		line(t, PLAIN, 6, "    - %s", r->gaps->v[i]);
	if (r->gaps->more)
		line(t, PLAIN, 6, "    and %zu more", r->gaps->more);
}

void report_write_text(const struct report *r, const struct report_text_options *options, FILE *to)
{
	const struct text t = {.r = r, .to = to, .colour = options && options->colour};

	write_head(&t);
	write_panic_stack(&t);
	write_block(&t);
	write_registers(&t);
	write_cpus(&t);
	write_cpu_stacks(&t);
	write_blocked(&t);
	write_tasks(&t);
	write_memory(&t);
	write_modules(&t);
	write_log(&t, options && options->log_lines ? options->log_lines : LOG_LINES);
	write_machine(&t);
	write_dump(&t);
	write_capture(&t);
	write_analysis(&t);
	fputc('\n', to);
	line(&t, DIM, 2, "%s", r->tool);
}
