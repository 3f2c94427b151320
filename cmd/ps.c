// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes and threads of a dump. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cmd/opened.h"
#include "image/runqueue.h"
#include "image/task.h"

struct ps {
	const struct opened *o;
	struct task_list *list;
	const struct task **rows;
	size_t n;
	uint64_t now_ns; /* of the clock of `ran_ns`; 0 not known */
	const char *states;
	bool threads;
};

/* ---- which ones, and in which order */

/* Of equal ones that of the lower pid comes first, as in the list that they point into. */
#define BY(name, difference)                                           \
	static int name(const void *a, const void *b)                  \
	{                                                              \
		const struct task *x = *(const struct task *const *)a; \
		const struct task *y = *(const struct task *const *)b; \
		int order = (difference);                              \
                                                                       \
		return order ? order : (x > y) - (x < y);              \
	}
/* What is largest or latest comes first. */
#define MOST(member) (x->member < y->member) - (x->member > y->member)

BY(by_cpu, (x->cpu > y->cpu) - (x->cpu < y->cpu))
BY(by_state, (x->state > y->state) - (x->state < y->state))
BY(by_rss, MOST(rss_bytes))
BY(by_time, MOST(run_ns))
BY(by_ran, MOST(ran_ns))
BY(by_start, MOST(start_ns))
BY(by_name, strcmp(x->comm, y->comm))

#define ORDERS "pid cpu state rss time ran start name"

static void sort(struct ps *ps, const char *order)
{
	static const struct {
		const char *name;
		int (*compare)(const void *a, const void *b);
	} orders[] = {{"cpu", by_cpu}, {"state", by_state}, {"rss", by_rss},  {"time", by_time},
		      {"ran", by_ran}, {"start", by_start}, {"name", by_name}};

	/* "pid" is the list's own */
	for (size_t i = 0; order && i < ARRAY_SIZE(orders); i++)
		if (strcmp(orders[i].name, order) == 0)
			qsort(ps->rows, ps->n, sizeof(*ps->rows), orders[i].compare);
}

static bool is_named(const struct task *t, const char *name)
{
	uint64_t pid;
	struct err ignored;

	if (num_parse_u64(name, &pid, &ignored) == 0)
		return t->pid == pid || t->tgid == pid;
	return strcmp(t->comm, name) == 0;
}

static bool is_wanted(const struct ps *ps, const struct task *t, char **names)
{
	if (ps->states && !strchr(ps->states, t->state))
		return false;
	if (!ps->threads && t->pid != t->tgid)
		return false;
	for (char **name = names; *name; name++)
		if (is_named(t, *name))
			return true;
	return !*names;
}

static int choose(struct ps *ps, char **names, struct err *err)
{
	ps->rows = calloc(ps->list->n + 1, sizeof(*ps->rows));
	if (!ps->rows)
		return err_nomem(err, (ps->list->n + 1) * sizeof(*ps->rows), "a list of tasks");
	for (size_t i = 0; i < ps->list->n; i++)
		if (is_wanted(ps, &ps->list->v[i], names))
			ps->rows[ps->n++] = &ps->list->v[i];
	if (!ps->n && *names)
		return err_set(err, ERR_NOT_FOUND, "%s%s: there is no such %s%s%s", *names,
			       names[1] ? " and the others" : "",
			       ps->threads ? "task" : "process (-t has threads)",
			       ps->states ? " in state " : "", ps->states ? ps->states : "");
	return 0;
}

/* When the machine died, by the latest that a run queue or a task says. */
static uint64_t find_now(const struct ps *ps)
{
	struct runqueue *queues = NULL;
	struct err ignored;
	uint64_t now = 0;
	size_t n;

	if (!runqueues_create(ps->o->k, &queues, &n, &ignored))
		for (size_t i = 0; i < n; i++)
			if (queues[i].known && queues[i].clock_ns > now)
				now = queues[i].clock_ns;
	free(queues);
	for (size_t i = 0; i < ps->list->n; i++)
		if (ps->list->v[i].ran_ns > now)
			now = ps->list->v[i].ran_ns;
	return now;
}

/* ---- text */

/* "12.3s", "4m05s", "3h02m", "12d03h" */
static const char *format_time(uint64_t ns, char buf[24])
{
	uint64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(buf, 24, "%" PRIu64 ".%" PRIu64 "s", s, ns / 100000000 % 10);
	else if (s < 3600)
		snprintf(buf, 24, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, 24, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(buf, 24, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return buf;
}

static void print_row(const struct ps *ps, const struct task *t)
{
	char rss[16] = "-", time[24], ago[24] = "-", cpu[16] = "-", comm[4 * TASK_COMM_SIZE + 1];

	if (t->rss_bytes)
		num_human(t->rss_bytes, rss);
	if (t->cpu >= 0)
		snprintf(cpu, sizeof(cpu), "%d", t->cpu);
	if (t->ran_ns)
		format_time(ps->now_ns - t->ran_ns, ago);
	printf("%c%7" PRIu32 " ", t->on_cpu ? '>' : ' ', t->pid);
	if (ps->threads)
		printf("%7" PRIu32 " ", t->tgid);
	text_plain(t->comm, comm, sizeof(comm));
	printf("%7" PRIu32 " %4s %c %10s %7s %7s %016" PRIx64 " %s%s%s\n", t->ppid, cpu,
	       (char)t->state, rss, format_time(t->run_ns, time), ago, t->addr,
	       t->kernel_thread ? "[" : "", comm, t->kernel_thread ? "]" : "");
}

static void print_text(const struct ps *ps)
{
	printf(" %7s ", "PID");
	if (ps->threads)
		printf("%7s ", "PROCESS");
	printf("%7s %4s %c %10s %7s %7s %-16s %s\n", "PARENT", "CPU", 'S', "RSS", "TIME", "AGO",
	       "TASK", "COMMAND");
	for (size_t i = 0; i < ps->n; i++)
		print_row(ps, ps->rows[i]);
}

/* ---- JSON */

static void put(struct json *j, const struct task *t)
{
	const char state[] = {(char)t->state, '\0'};

	json_begin_object(j, NULL);
	json_put_uint(j, "pid", t->pid);
	json_put_uint(j, "tgid", t->tgid);
	json_put_uint(j, "ppid", t->ppid);
	json_put_string(j, "comm", t->comm);
	json_put_hex(j, "task", t->addr);
	json_put_string(j, "state", state);
	json_put_hex(j, "raw_state", t->raw_state);
	json_put_hex(j, "flags", t->flags);
	json_put_bool(j, "kernel_thread", t->kernel_thread);
	if (t->cpu >= 0)
		json_put_uint(j, "cpu", (uint64_t)t->cpu);
	else
		json_put_null(j, "cpu");
	json_put_bool(j, "on_cpu", t->on_cpu);
	json_put_known(j, "start_ns", t->start_ns);
	json_put_known(j, "ran_ns", t->ran_ns);
	json_put_uint(j, "run_ns", t->run_ns);
	json_put_known(j, "rss_bytes", t->rss_bytes);
	json_put_known(j, "vm_bytes", t->vm_bytes);
	json_put_hex(j, "stack", t->stack);
	json_end_object(j);
}

static void print_json(const struct ps *ps)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-ps-1");
	opened_put(&j, ps->o);
	json_put_known(&j, "now_ns", ps->now_ns);
	json_put_bool(&j, "cut", ps->list->cut);
	json_begin_array(&j, "tasks");
	for (size_t i = 0; i < ps->n; i++)
		put(&j, ps->rows[i]);
	json_end_array(&j);
	opened_put_gaps(&j, ps->o);
	cmd_end_json(&j);
}

static int look(const struct cmd *cmd, struct ps *ps, char **names, const char *order, bool json,
		struct err *err)
{
	int r = task_list_create(ps->o->k, &ps->list, err);

	if (r)
		return opened_fail(ps->o, err);
	r = choose(ps, names, err);
	if (r)
		return r;
	ps->now_ns = find_now(ps);
	sort(ps, order);
	if (json) {
		print_json(ps);
	} else {
		print_text(ps);
		if (ps->list->cut)
			opened_tell_gaps(cmd, ps->o, 5);
	}
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	const char *order = NULL;
	bool as_json = false;
	struct ps ps = {0};
	const struct opt opts[] = {
		OPT_FLAG('t', "threads", &ps.threads, "threads, not processes only"),
		OPT_STRING('s', "state", "LETTERS", &ps.states,
			   "only those in one of these states: " OPENED_STATES),
		OPT_WORD(0, "sort", "BY", &order, ORDERS,
			 "order: pid, cpu, state, rss, time (used), ran (last), start or name"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	char **names;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_check_states(ps.states, err);
	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, &names, err);
	if (r)
		return r;
	ps.o = &o;
	r = look(cmd, &ps, names, order, as_json, err);
	free(ps.rows);
	task_list_destroy(ps.list);
	return r;
}

const struct cmd cmd_ps = {
	.name = "ps",
	.operands = "DUMP [PID|NAME...]",
	.summary = "processes and threads of a dump",
	.details =
		"'>' runs on a CPU. TIME is what it has used of CPUs; AGO, how long before the end "
		"it "
		"last got\none. A NAME is compared with all of a command's name; in brackets are "
		"kernel threads.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
