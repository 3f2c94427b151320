// SPDX-License-Identifier: GPL-2.0-or-later
/* Stacks of a dump: of the task that panicked, of all CPUs, of tasks that are named, or of all. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cmd/opened.h"
#include "image/stack.h"
#include "image/task.h"

struct bt {
	const struct cmd *cmd;
	const struct opened *o;
	struct debuginfo *d;
	struct json *j; /* NULL: text */
	bool registers;
	const char *states;
	struct cpu_state *cpus;
	size_t n_cpus;
	struct task_list *list; /* NULL: not needed, or there is none */
	struct stack *stack;    /* one at a time: it is large */
	size_t shown;
};

/* Whose stack it is; what is not known is left out. */
struct whose {
	const struct task *task;     /* NULL: not known */
	const struct cpu_state *cpu; /* NULL: it does not run */
	bool panicked;
};

/* ---- text */

static const struct arch_regs *regs_of(const struct bt *bt)
{
	return arch_regs_of(bt->o->img->arch);
}

static void print_registers(const struct bt *bt, const struct regs *regs)
{
	const struct arch_regs *arch = regs_of(bt);
	int column = 0;

	for (unsigned int i = 0; i < arch->n && i < REGS_MAX; i++) {
		if (!(regs->known >> i & 1))
			continue;
		printf("%s%8s: %016" PRIx64, column ? "" : "  ", arch->names[i], regs->v[i]);
		column = (column + 1) % 3;
		if (!column)
			putchar('\n');
	}
	if (column)
		putchar('\n');
}

static void print_head(const struct bt *bt, const struct whose *w)
{
	char comm[4 * TASK_COMM_SIZE + 1];

	if (bt->shown)
		putchar('\n');
	if (w->task)
		printf("PID %-7" PRIu32 " %016" PRIx64 "  %c  ", w->task->pid, w->task->addr,
		       (char)w->task->state);
	if (w->cpu)
		printf("CPU %-4u ", w->cpu->cpu);
	else if (w->task && w->task->cpu >= 0)
		printf("CPU %-4d ", w->task->cpu);
	if (w->task)
		printf("\"%s\"", text_plain(w->task->comm, comm, sizeof(comm)));
	printf("%s\n", w->panicked ? "  (panicked)" : "");
}

/* A call is where the instruction before its return address is; only a new task begins at a function's first one. */
static uint64_t pc_of(const struct frame *f)
{
	return f->kind == FRAME_CALL && f->offset ? f->pc - 1 : f->pc;
}

static void print_frame(const struct bt *bt, const struct stack *s, size_t i)
{
	const struct frame *f = &s->v[i];
	char text[KERNEL_ADDR_SIZE], plain[2 * KERNEL_ADDR_SIZE];

	if (f->kind == FRAME_INTERRUPTED && i) {
		printf("    --- an exception or interrupt came here ---\n");
		if (bt->registers && f->regs >= 0 && (size_t)f->regs < s->n_regs)
			print_registers(bt, &s->regs[f->regs]);
	}
	/* the symbol is that of the call, which may be another than that of where it returns to */
	if (f->symbol.name)
		snprintf(text, sizeof(text), "%s+0x%" PRIx64 "/0x%" PRIx64 "%s%s%s", f->symbol.name,
			 f->offset, f->symbol.size, f->symbol.module ? " [" : "",
			 f->symbol.module ? f->symbol.module : "", f->symbol.module ? "]" : "");
	else
		kernel_format_addr(bt->o->k, f->pc, text, sizeof(text));
	printf("%3zu [%016" PRIx64 "] %s%s\n", i, f->sp, f->reliable ? "" : "? ",
	       text_plain(text, plain, sizeof(plain)));
	opened_print_lines(bt->d, pc_of(f), 8);
}

static void print(const struct bt *bt, const struct whose *w, const struct stack *s,
		  const char *why)
{
	char plain[4 * sizeof(s->end)];

	print_head(bt, w);
	if (why) {
		printf("    no stack: ");
		cmd_print_plain(stdout, why);
		putchar('\n');
		return;
	}
	if (bt->registers && s->n_regs)
		print_registers(bt, &s->regs[0]);
	for (size_t i = 0; i < s->n; i++)
		print_frame(bt, s, i);
	if (s->user)
		printf("    (user space)\n");
	else if (!s->whole)
		printf("    ends here: %s\n", text_plain(s->end, plain, sizeof(plain)));
}

/* ---- JSON */

static void put_registers(const struct bt *bt, const char *key, const struct regs *regs)
{
	const struct arch_regs *arch = regs_of(bt);

	json_begin_object(bt->j, key);
	for (unsigned int i = 0; i < arch->n && i < REGS_MAX; i++)
		if (regs->known >> i & 1)
			json_put_hex(bt->j, arch->names[i], regs->v[i]);
	json_end_object(bt->j);
}

static void put_frame(const struct bt *bt, const struct stack *s, size_t i)
{
	const struct frame *f = &s->v[i];
	struct json *j = bt->j;

	json_begin_object(j, NULL);
	json_put_hex(j, "pc", f->pc);
	json_put_hex(j, "sp", f->sp);
	json_put_string(j, "function", f->symbol.name);
	json_put_string(j, "module", f->symbol.module);
	if (f->symbol.name) {
		json_put_uint(j, "offset", f->offset);
		json_put_uint(j, "size", f->symbol.size);
	} else {
		json_put_null(j, "offset");
		json_put_null(j, "size");
	}
	json_put_bool(j, "reliable", f->reliable);
	json_put_bool(j, "interrupted", f->kind == FRAME_INTERRUPTED);
	if (f->regs >= 0 && (size_t)f->regs < s->n_regs)
		put_registers(bt, "registers", &s->regs[f->regs]);
	opened_put_lines(j, bt->d, pc_of(f));
	json_end_object(j);
}

static void put_whose(struct json *j, const struct whose *w)
{
	const struct task *t = w->task;
	const char state[] = {t ? (char)t->state : '\0', '\0'};

	if (t) {
		json_put_uint(j, "pid", t->pid);
		json_put_uint(j, "tgid", t->tgid);
		json_put_string(j, "comm", t->comm);
		json_put_hex(j, "task", t->addr);
	} else {
		json_put_null(j, "pid");
		json_put_null(j, "tgid");
		json_put_null(j, "comm");
		json_put_null(j, "task");
	}
	json_put_string(j, "state", t ? state : NULL);
	if (w->cpu)
		json_put_uint(j, "cpu", w->cpu->cpu);
	else if (t && t->cpu >= 0)
		json_put_uint(j, "cpu", (uint64_t)t->cpu);
	else
		json_put_null(j, "cpu");
	json_put_bool(j, "on_cpu", w->cpu != NULL);
	json_put_bool(j, "panicked", w->panicked);
}

static void put(const struct bt *bt, const struct whose *w, const struct stack *s, const char *why)
{
	struct json *j = bt->j;

	json_begin_object(j, NULL);
	put_whose(j, w);
	json_put_string(j, "error", why);
	json_begin_array(j, "frames");
	for (size_t i = 0; i < s->n && !why; i++)
		put_frame(bt, s, i);
	json_end_array(j);
	json_put_bool(j, "whole", !why && s->whole);
	json_put_bool(j, "user", !why && s->user);
	json_put_string(j, "end", !why && *s->end ? s->end : NULL);
	json_end_object(j);
}

/* ---- whose */

static void show(struct bt *bt, const struct whose *w)
{
	struct err err = {0};
	const char *why = NULL;

	if (w->cpu && w->cpu->has_regs)
		stack_from_regs(bt->o->k, &w->cpu->regs, bt->stack);
	else if (w->cpu)
		why = "this CPU left no registers: it did not stop when it was told to, or the "
		      "dump's maker had none";
	else if (stack_of_task(bt->o->k, w->task->addr, bt->stack, &err))
		why = err.msg;
	(bt->j ? put : print)(bt, w, bt->stack, why);
	bt->shown++;
}

static bool has_panicked(const struct bt *bt, unsigned int cpu)
{
	struct err ignored;
	unsigned int panicked;

	return !cpu_panicked(bt->o->k, &panicked, &ignored) && cpu == panicked;
}

static void show_cpu(struct bt *bt, const struct cpu_state *cpu)
{
	struct err ignored;
	struct task task;
	bool known = cpu->task && !task_read(bt->o->k, cpu->task, &task, &ignored);

	show(bt, &(struct whose){known ? &task : NULL, cpu, has_panicked(bt, cpu->cpu)});
}

/* A CPU that a panic has taken offline may have its registers in the dump, too. */
static bool is_stopped(const struct cpu_state *cpu)
{
	return cpu->online || cpu->has_regs;
}

/* What runs has its registers in the CPU's note; what was saved in its task is of long ago. */
static const struct cpu_state *cpu_of(const struct bt *bt, uint64_t task)
{
	for (size_t i = 0; i < bt->n_cpus; i++)
		if (is_stopped(&bt->cpus[i]) && bt->cpus[i].task == task)
			return &bt->cpus[i];
	return NULL;
}

static void show_task(struct bt *bt, const struct task *task)
{
	const struct cpu_state *cpu = cpu_of(bt, task->addr);

	show(bt, &(struct whose){task, cpu, cpu && has_panicked(bt, cpu->cpu)});
}

static int show_panicked(struct bt *bt, struct err *err)
{
	unsigned int panicked;

	if (cpu_panicked(bt->o->k, &panicked, err)) {
		if (err->code == ERR_NOT_FOUND)
			err_set(err, ERR_NOT_FOUND,
				"no CPU panicked, or which one is not known; -a shows all of them");
		return opened_fail(bt->o, err);
	}
	for (size_t i = 0; i < bt->n_cpus; i++) {
		if (bt->cpus[i].cpu != panicked)
			continue;
		show_cpu(bt, &bt->cpus[i]);
		return 0;
	}
	return err_set(err, ERR_CORRUPT, "CPU %u is said to have panicked, and there is none",
		       panicked);
}

static int show_all_tasks(struct bt *bt)
{
	for (size_t i = 0; i < bt->list->n; i++)
		if (!bt->states || strchr(bt->states, bt->list->v[i].state))
			show_task(bt, &bt->list->v[i]);
	return 0;
}

/* A PID, or the address of a task. */
static int show_named(struct bt *bt, const char *name, struct err *err)
{
	const struct task *task = NULL;
	struct err ignored;
	struct task one;
	uint64_t n;

	if (!num_parse_u64(name, &n, &ignored) && n <= TASK_MAX) {
		task = bt->list ? task_find(bt->list, (uint32_t)n) : NULL;
		if (!task)
			return err_set(err, ERR_NOT_FOUND, "%s: there is no such task", name);
	} else {
		if (opened_address(bt->o, name, -1, &n, err))
			return err->code == ERR_NOT_FOUND && bt->o->k->syms
				       ? err_set(err, ERR_NOT_FOUND,
						 "%s: neither a PID nor the address of a task; "
						 "`lifeboat ps` has both",
						 name)
				       : err->code;
		if (task_read(bt->o->k, n, &one, err))
			return err->code;
		/* of any memory something can be read, and would be taken for a task */
		if (one.pid > TASK_MAX || (bt->list && !bt->list->cut && !task_at(bt->list, n)))
			return err_set(err, ERR_NOT_FOUND,
				       "%s: at 0x%" PRIx64 " is no task of the kernel's lists",
				       name, n);
		task = &one;
	}
	show_task(bt, task);
	return 0;
}

/* ---- the command */

struct choice {
	bool all_cpus, all_tasks;
	char **names;
};

static int choose(struct bt *bt, const struct choice *c, struct err *err)
{
	int r = 0;

	for (char **name = c->names; *name && !r; name++)
		r = show_named(bt, *name, err);
	if (*c->names)
		return r;
	if (c->all_tasks)
		return show_all_tasks(bt);
	if (!c->all_cpus)
		return show_panicked(bt, err);
	for (size_t i = 0; i < bt->n_cpus; i++)
		if (is_stopped(&bt->cpus[i]))
			show_cpu(bt, &bt->cpus[i]);
	return 0;
}

/* Whoever names no task does without the list of them. */
static int prepare(struct bt *bt, const struct choice *c, struct err *err)
{
	int r;

	if (!regs_of(bt))
		return err_set(err, ERR_UNSUPPORTED, "stacks of %s cannot be read",
			       bt->o->img->arch->name);
	bt->stack = malloc(sizeof(*bt->stack));
	if (!bt->stack)
		return err_nomem(err, sizeof(*bt->stack), "a stack");
	r = cpu_states_create(bt->o->k, &bt->cpus, &bt->n_cpus, err);
	if (r)
		return r;
	if (c->all_tasks || *c->names)
		r = task_list_create(bt->o->k, &bt->list, err);
	/* by its address one is found without the list */
	if (r == ERR_NOT_FOUND && !c->all_tasks)
		return 0;
	return r ? opened_fail(bt->o, err) : 0;
}

static int look(struct bt *bt, const struct choice *c, struct err *err)
{
	int r = prepare(bt, c, err);

	if (r)
		return r;
	if (bt->j) {
		cmd_begin_json(bt->j, stdout, "lifeboat-bt-1");
		opened_put(bt->j, bt->o);
		json_begin_array(bt->j, "stacks");
	}
	r = choose(bt, c, err);
	if (bt->j) {
		json_end_array(bt->j);
		json_put_bool(bt->j, "cut", bt->list && bt->list->cut);
		opened_put_gaps(bt->j, bt->o);
		cmd_end_json(bt->j);
	} else if (bt->list && bt->list->cut) {
		opened_tell_gaps(bt->cmd, bt->o, 5);
	}
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	_cleanup_(opened_debug_deinit) struct opened_debug debug = {0};
	_cleanup_(opened_deinit) struct opened o = {0};
	struct bt bt = {.cmd = cmd, .o = &o};
	struct choice choice = {0};
	bool as_json = false;
	struct json json;
	const struct opt opts[] = {
		OPT_FLAG('a', "all-cpus", &choice.all_cpus, "of all CPUs"),
		OPT_FLAG(0, "all-tasks", &choice.all_tasks, "of all tasks, threads among them"),
		OPT_STRING('s', "state", "LETTERS", &bt.states,
			   "of all tasks only those in one of these states, as ps has them"),
		OPT_FLAG('r', "registers", &bt.registers, "registers, too"),
		OPT_FLAG('l', "lines", &debug.lines, "files and lines of the source"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
		OPENED_DEBUG_OPTS(&debug),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_check_states(bt.states, err);
	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, &choice.names, err);
	if (r)
		return r;
	choice.all_tasks |= bt.states != NULL;
	if (choice.all_cpus + choice.all_tasks + (*choice.names != NULL) > 1)
		return err_set(err, ERR_USAGE,
			       "-a, --all-tasks and tasks by name exclude each other");
	bt.j = as_json ? &json : NULL;
	bt.d = opened_debuginfo(cmd, &o, &debug);
	r = look(&bt, &choice, err);
	debuginfo_destroy(bt.d);
	task_list_destroy(bt.list);
	free(bt.cpus);
	free(bt.stack);
	return r;
}

const struct cmd cmd_bt = {
	.name = "bt",
	.operands = "DUMP [PID|TASK...]",
	.summary = "the stack that panicked, those of all CPUs, or of tasks",
	.details = "Without more, the stack of the CPU that panicked. TASK is the address of a "
		   "task_struct.\nA '?' marks what was found on a stack, and may have nothing to "
		   "do with "
		   "it.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
