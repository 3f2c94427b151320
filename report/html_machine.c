// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "report/html.h"

#define MAX_STRIP    1024 /* CPUs with a square of their own */
#define MAX_TIMELINE 24
#define MAX_GROUPS   64
#define MAX_MEMBERS  64
#define MAX_SLABS    16
#define MAX_TABLE    64

/* ---- CPUs */

static void put_strip(const struct html *h)
{
	const struct report *r = h->r;

	fputs("<ul class=\"strip\">\n", h->to);
	for (size_t i = 0; i < r->n_cpus && i < MAX_STRIP; i++) {
		const struct report_cpu *c = &r->cpus[i];

		fprintf(h->to, "<li class=\"%s\" title=\"",
			c->panicked                 ? "panic"
			: !c->online                ? "off"
			: c->idle || !c->task_known ? ""
						    : "busy");
		html_textf(h, "CPU %u: %s", c->cpu,
			   !c->online      ? "offline"
			   : c->task_known ? c->task.comm
					   : "its task is not known");
		fprintf(h->to, "\">%u</li>\n", c->cpu);
	}
	fputs("</ul>\n", h->to);
	if (r->n_cpus > MAX_STRIP)
		fprintf(h->to, "<p class=\"dim\">and %zu more</p>\n", r->n_cpus - MAX_STRIP);
}

/* Which of two CPUs is looked at first: the one that panicked, the busy ones by how long, then by number. */
static int by_interest(const void *a, const void *b)
{
	const struct report_cpu *x = *(const struct report_cpu *const *)a;
	const struct report_cpu *y = *(const struct report_cpu *const *)b;

	if (x->panicked != y->panicked)
		return x->panicked ? -1 : 1;
	if (x->online != y->online)
		return x->online ? -1 : 1;
	if (x->idle != y->idle)
		return x->idle ? 1 : -1;
	if (!x->idle && x->task.ns != y->task.ns)
		return x->task.ns > y->task.ns ? -1 : 1;
	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static void put_timeline(const struct html *h)
{
	const struct report *r = h->r;
	_cleanup_free_ const struct report_cpu **v = calloc(r->n_cpus, sizeof(*v));
	uint64_t latest = 0;

	if (!v)
		return;
	for (size_t i = 0; i < r->n_cpus; i++) {
		v[i] = &r->cpus[i];
		latest = NUM_MAX(latest, v[i]->clock_ns);
	}
	qsort(v, r->n_cpus, sizeof(*v), by_interest);
	html_timeline(h, v, NUM_MIN(r->n_cpus, (size_t)MAX_TIMELINE), latest);
	if (r->n_cpus > MAX_TIMELINE)
		fprintf(h->to, "<p class=\"dim\">and %zu more CPUs</p>\n",
			r->n_cpus - MAX_TIMELINE);
}

/* Where a stack is, in three functions: those behind what only reports a crash or puts a task to sleep. */
static void put_place(const struct html *h, const struct report_stack *s)
{
	size_t shown = 0;

	for (size_t i = 0; i < s->n && shown < 3; i++) {
		const struct report_frame *f = &s->v[i];

		if (!f->function || !f->reliable || signature_is_reporting(f->function))
			continue;
		fputs(shown++ ? " ← <code>" : " <code>", h->to);
		html_text(h, f->function);
		fputs("</code>", h->to);
	}
	if (shown || !s->n || !s->v[0].function)
		return;
	fputs(" <code>", h->to);
	html_text(h, s->v[0].function);
	fputs("</code>", h->to);
}

static void put_cpu_stacks(const struct html *h)
{
	const struct report *r = h->r;
	char cpus[512];

	if (r->n_cpu_groups)
		fputs("<h3>What they were doing</h3>\n", h->to);
	for (size_t i = 0; i < r->n_cpu_groups && i < MAX_GROUPS; i++) {
		const struct report_group *g = &r->cpu_groups[i];

		fprintf(h->to, "<details class=\"group\"><summary><b>%zu×</b> CPU %s", g->n,
			words_cpus(r, g, cpus, sizeof(cpus)));
		put_place(h, &g->stack);
		fputs("</summary>\n", h->to);
		html_stack(h, &g->stack, HTML_MARK_NONE);
		fputs("</details>\n", h->to);
	}
	if (r->n_cpu_groups > MAX_GROUPS)
		fprintf(h->to, "<p class=\"dim\">and %zu more stacks</p>\n",
			r->n_cpu_groups - MAX_GROUPS);
}

static void put_queues(const struct html *h)
{
	const struct report *r = h->r;
	size_t shown = 0;

	html_missing(h, r->queues_missing);
	for (size_t i = 0; i < r->n_cpus && shown < MAX_TABLE; i++) {
		const struct report_cpu *c = &r->cpus[i];

		if (!c->waiting)
			continue;
		if (!shown++)
			fputs("<h3 id=\"queues\">Run queues: who "
			      "waits</h3>\n<table>\n<tr><th>CPU</th>"
			      "<th class=\"n\">waiting</th><th>tasks</th></tr>\n",
			      h->to);
		fprintf(h->to, "<tr><td>%u</td><td class=\"n\">%zu</td><td>", c->cpu, c->waiting);
		for (size_t k = 0; k < c->n_queue; k++)
			html_textf(h, "%s%s (%u)", k ? ", " : "", c->queue[k].comm,
				   c->queue[k].pid);
		fputs(c->waiting > c->n_queue ? ", …</td></tr>\n" : "</td></tr>\n", h->to);
	}
	if (shown)
		fputs("</table>\n", h->to);
	else if (!r->queues_missing)
		fputs("<h3 id=\"queues\">Run queues</h3>\n<p class=\"dim\">Nothing waited for a "
		      "CPU.</p>\n",
		      h->to);
}

void html_cpus(const struct html *h)
{
	const struct report *r = h->r;
	size_t online = 0, idle = 0, known = 0;
	char note[96], text[64] = "what they did is not known";

	for (size_t i = 0; i < r->n_cpus; i++) {
		online += r->cpus[i].online;
		idle += r->cpus[i].online && r->cpus[i].idle;
		known += r->cpus[i].task_known;
	}
	if (known)
		snprintf(text, sizeof(text), "%zu idle", idle);
	snprintf(note, sizeof(note), "%zu possible, %zu online, %s", r->n_cpus, online, text);
	html_begin(h, "cpus", "CPUs", r->cpus_missing ? NULL : note);
	if (!html_missing(h, r->cpus_missing)) {
		put_strip(h);
		put_timeline(h);
		put_cpu_stacks(h);
		put_queues(h);
	}
	html_end(h);
}

/* ---- tasks */

static void put_member(const struct html *h, const struct report_task *t)
{
	char buf[WORDS_DURATION];

	fputs("<tr><td>", h->to);
	html_text(h, t->comm);
	fprintf(h->to, "</td><td class=\"n\">%u</td><td class=\"n\">", t->pid);
	if (t->cpu >= 0)
		fprintf(h->to, "%d", t->cpu);
	fprintf(h->to, "</td><td class=\"n\">%s</td></tr>\n",
		t->ns ? words_duration(t->ns, buf) : "");
}

static void put_members(const struct html *h, const struct report_task *v, const uint64_t *which,
			size_t n, const char *what)
{
	fprintf(h->to,
		"<table><tr><th>task</th><th class=\"n\">pid</th><th class=\"n\">CPU</th><th "
		"class=\"n\">%s</th></tr>\n",
		what);
	for (size_t i = 0; i < n && i < MAX_MEMBERS; i++)
		put_member(h, which ? &v[which[i]] : &v[i]);
	fputs("</table>\n", h->to);
	if (n > MAX_MEMBERS)
		fprintf(h->to, "<p class=\"dim\">and %zu more</p>\n", n - MAX_MEMBERS);
}

/* The names in a group, each once. */
static void put_names(const struct html *h, const struct report_group *g)
{
	const struct report *r = h->r;
	size_t shown = 0;

	for (size_t i = 0; i < g->n && i < MAX_MEMBERS; i++) {
		const char *comm = r->blocked[g->members[i]].comm;
		size_t k = 0;

		while (k < i && strcmp(r->blocked[g->members[k]].comm, comm) != 0)
			k++;
		if (k < i)
			continue;
		if (shown == 3) {
			fputs(", …", h->to);
			return;
		}
		html_textf(h, "%s%s", shown++ ? ", " : "", comm);
	}
}

static void put_group(const struct html *h, const struct report_group *g, bool open)
{
	fprintf(h->to, "<details class=\"group\"%s><summary><b>%zu×</b> ", open ? " open" : "",
		g->n);
	put_names(h, g);
	fputs(" in", h->to);
	put_place(h, &g->stack);
	fputs("</summary>\n", h->to);
	html_stack(h, &g->stack, HTML_MARK_NONE);
	put_members(h, h->r->blocked, g->members, g->n, "since it ran");
	fputs("</details>\n", h->to);
}

void html_blocked(const struct html *h)
{
	const struct report *r = h->r;
	char note[64];

	snprintf(note, sizeof(note), "%zu in D state, %zu different stacks", r->n_blocked,
		 r->n_groups);
	html_begin(h, "blocked", "Blocked tasks", r->tasks_missing ? NULL : note);
	if (!html_missing(h, r->tasks_missing)) {
		if (!r->n_blocked)
			fputs("<p class=\"dim\">None.</p>\n", h->to);
		for (size_t i = 0; i < r->n_groups && i < MAX_GROUPS; i++)
			put_group(h, &r->groups[i], i == 0);
		if (r->n_groups > MAX_GROUPS)
			fprintf(h->to, "<p class=\"dim\">and %zu more stacks</p>\n",
				r->n_groups - MAX_GROUPS);
		if (r->unstacked)
			fprintf(h->to,
				"<p class=\"missing\">%zu more without a stack that could be "
				"read.</p>\n",
				r->unstacked);
	}
	html_end(h);
}

void html_tasks(const struct html *h)
{
	const struct report *r = h->r;
	struct html_part parts[16];
	char note[96];
	size_t n = 0;

	snprintf(note, sizeof(note), "%zu threads, %zu of them the kernel's", r->n_tasks,
		 r->n_kernel_threads);
	html_begin(h, "tasks", "Tasks", r->tasks_missing ? NULL : note);
	if (html_missing(h, r->tasks_missing)) {
		html_end(h);
		return;
	}
	for (const char *s = words_states; *s && n < ARRAY_SIZE(parts); s++) {
		static const char keys[] = "R\0D\0S\0I\0T\0t\0P\0Z\0X\0Q";

		if (r->states[(unsigned char)*s])
			parts[n++] =
				(struct html_part){words_state(*s), keys + 2 * (s - words_states),
						   r->states[(unsigned char)*s]};
	}
	html_bar(h, "states of the tasks", parts, n, r->n_tasks, false);
	if (r->tasks_cut)
		fputs("<p class=\"missing\">There are more: a list could not be followed to its "
		      "end.</p>\n",
		      h->to);
	fputs("<div class=\"beside\"><div>", h->to);
	if (r->n_running) {
		fputs("<h3>Had a CPU for longest</h3>\n", h->to);
		put_members(h, r->running, NULL, r->n_running, "for");
	}
	fputs("</div><div>", h->to);
	if (r->n_waiting) {
		fputs("<h3>Waited for a CPU</h3>\n", h->to);
		put_members(h, r->waiting, NULL, r->n_waiting, "since it ran");
	}
	fputs("</div></div>\n", h->to);
	html_end(h);
}

/* ---- memory */

static void put_slabs(const struct html *h, const struct memory *m)
{
	char a[16], b[16];

	if (!m->n_slabs)
		return;
	fputs("<h3>Largest slab caches</h3>\n<table><tr><th>cache</th><th "
	      "class=\"n\">memory</th><th "
	      "class=\"n\">objects</th><th class=\"n\">in use</th><th class=\"n "
	      "extra\">each</th></tr>\n",
	      h->to);
	for (size_t i = 0; i < m->n_slabs && i < MAX_SLABS; i++) {
		const struct slab *s = &m->slabs[i];

		fputs("<tr><td><code>", h->to);
		html_text(h, s->name);
		fprintf(h->to,
			"</code></td><td class=\"n\">%s</td><td class=\"n\">%" PRIu64
			"</td><td class=\"n\">",
			num_human(s->bytes, a), s->objects);
		if (s->active != UINT64_MAX)
			fprintf(h->to, "%" PRIu64, s->active);
		fprintf(h->to, "</td><td class=\"n extra\">%s</td></tr>\n", num_human(s->size, b));
	}
	fputs("</table>\n", h->to);
}

static void put_counters(const struct html *h, const struct memory *m)
{
	char size[16];

	if (!m->n_counters)
		return;
	fputs("<details><summary>all counters</summary><dl class=\"facts\">\n", h->to);
	for (size_t i = 0; i < m->n_counters; i++)
		html_fact(h, m->counters[i].name, num_human(m->counters[i].bytes, size));
	fputs("</dl></details>\n", h->to);
}

void html_memory(const struct html *h)
{
	const struct memory *m = h->r->memory;
	struct words_part words[WORDS_MAX_PARTS];
	struct html_part parts[WORDS_MAX_PARTS];
	uint64_t total = 0;
	char size[16];
	size_t n;

	n = m ? words_memory(m, words, &total) : 0;
	html_begin(h, "memory", "Memory", n ? num_human(total, size) : NULL);
	if (!html_missing(h, h->r->memory_missing) && m) {
		for (size_t i = 0; i < n; i++)
			parts[i] = (struct html_part){words[i].name, words[i].key, words[i].bytes};
		if (n)
			html_bar(h, "use of memory", parts, n, total, true);
		else
			html_missing(h, "the kernel's counters could not be read");
		put_slabs(h, m);
		put_counters(h, m);
	}
	html_end(h);
}

/* ---- modules and machine */

static void put_module(const struct html *h, const struct module *m)
{
	char taints[SYSTEM_MAX_TAINTS + 1], size[16];

	fputs("<tr><td><code>", h->to);
	html_text(h, m->name);
	fprintf(h->to, "</code></td><td>%s</td><td class=\"n\">%s</td><td class=\"extra\">",
		system_taint_letters(m->taints, taints), num_human(m->size, size));
	html_text(h, m->version);
	fputs("</td></tr>\n", h->to);
}

void html_modules(const struct html *h)
{
	const struct report *r = h->r;
	size_t tainting = 0;
	char note[96];

	while (tainting < r->n_modules && r->modules[tainting]->taints)
		tainting++;
	snprintf(note, sizeof(note), "%zu loaded, %zu of them taint the kernel", r->n_modules,
		 tainting);
	const char *why = r->modules_missing;

	if (!why && !r->n_modules && r->modules_cut)
		why = "the list of modules cannot be followed";
	html_begin(h, "modules", "Modules", why ? NULL : note);
	if (!html_missing(h, why)) {
		static const char head[] =
			"<table><tr><th>module</th><th>taints</th><th "
			"class=\"n\">memory</th><th class=\"extra\">version</th></tr>\n";

		if (tainting)
			fputs(head, h->to);
		for (size_t i = 0; i < tainting; i++)
			put_module(h, r->modules[i]);
		if (tainting)
			fputs("</table>\n", h->to);
		if (tainting < r->n_modules) {
			fprintf(h->to, "<details><summary>%zu others</summary>%s",
				r->n_modules - tainting, head);
			for (size_t i = tainting; i < r->n_modules; i++)
				put_module(h, r->modules[i]);
			fputs("</table></details>\n", h->to);
		}
		if (r->modules_cut)
			html_missing(h,
				     "there are more: the list could not be followed to its end");
	}
	html_end(h);
}

void html_machine(const struct html *h)
{
	const struct system_info *s = h->r->system;
	char buf[64];

	html_begin(h, "machine", "Command line and hardware", NULL);
	if (!html_missing(h, h->r->system_missing) && s) {
		if (s->command_line) {
			fputs("<p class=\"log mono\">", h->to);
			html_text(h, s->command_line);
			fputs("</p>\n", h->to);
		} else {
			html_missing(h, "the command line");
		}
		fputs("<dl class=\"facts\">\n", h->to);
		snprintf(buf, sizeof(buf), "%u possible, %u online", s->cpus_possible,
			 s->cpus_online);
		html_fact(h, "CPUs", s->cpus_possible ? buf : NULL);
		html_fact(h, "model", s->cpu_model);
		html_fact(h, "hypervisor", s->hypervisor);
		for (size_t i = 0; i < s->n_dmi; i++)
			html_fact(h, s->dmi[i].name, s->dmi[i].value);
		fputs("</dl>\n", h->to);
	}
	html_end(h);
}
