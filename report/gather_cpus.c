// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "report/gather.h"

#define MAX_QUEUE 8 /* waiting tasks that are named for each CPU */

/* ---- stacks */

int gather_stack(const struct stack *stack, struct report_stack *ret, struct err *err)
{
	struct report_stack s = {.n = NUM_MIN(stack->n, (size_t)STACK_MAX_FRAMES),
				 .n_regs = NUM_MIN(stack->n_regs, (size_t)STACK_MAX_REGS),
				 .whole = stack->whole,
				 .user = stack->user,
				 .hash = stack_hash(stack)};

	s.v = calloc(s.n ? s.n : 1, sizeof(*s.v));
	if (!s.v)
		return err_nomem(err, s.n * sizeof(*s.v), "a stack");
	snprintf(s.end, sizeof(s.end), "%s", stack->end);
	memcpy(s.regs, stack->regs, s.n_regs * sizeof(s.regs[0]));
	for (size_t i = 0; i < s.n; i++) {
		const struct frame *f = &stack->v[i];

		s.v[i] = (struct report_frame){
			.pc = f->pc,
			.function = f->symbol.name,
			.module = f->symbol.module,
			.offset = f->offset,
			.size = f->symbol.size,
			.reliable = f->reliable,
			.interrupted = f->kind == FRAME_INTERRUPTED,
			.regs = f->regs,
		};
	}
	*ret = s;
	return 0;
}

void gather_stack_deinit(struct report_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++)
		free(stack->v[i].lines);
	free(stack->v);
	*stack = (struct report_stack){0};
}

/* Room for one more, in powers of 2. */
static int grow(struct report_group *g, struct err *err)
{
	uint64_t *v;

	if (!num_is_pow2(g->n) && g->n)
		return 0;
	v = realloc(g->members, (g->n ? 2 * g->n : 1) * sizeof(*v));
	if (!v)
		return err_nomem(err, 2 * g->n * sizeof(*v), "a group of stacks");
	g->members = v;
	return 0;
}

int gather_group(struct report_group **groups, size_t *n_groups, const struct stack *stack,
		 size_t index, size_t *ret_group, struct err *err)
{
	uint64_t hash = stack_hash(stack);
	struct report_group *g;
	size_t i = 0;

	while (i < *n_groups && (*groups)[i].stack.hash != hash)
		i++;
	if (i == REPORT_MAX_GROUPS) {
		*ret_group = SIZE_MAX;
		return 0;
	}
	if (i == *n_groups) {
		g = realloc(*groups, (i + 1) * sizeof(*g));
		if (!g)
			return err_nomem(err, (i + 1) * sizeof(*g), "groups of stacks");
		*groups = g;
		g[i] = (struct report_group){0};
		if (gather_stack(stack, &g[i].stack, err))
			return err->code;
		++*n_groups;
	}
	g = &(*groups)[i];
	if (grow(g, err))
		return err->code;
	g->members[g->n++] = index;
	*ret_group = i;
	return 0;
}

/* ---- CPUs */

struct cpus {
	struct cpu_state *states;
	size_t n_states;
	struct runqueue *queues;
	size_t n_queues;
	uint64_t latest; /* clock of all run queues */
	struct stack *stack;
};

static void cpus_deinit(struct cpus *c)
{
	free(c->states);
	free(c->queues);
	free(c->stack);
}

struct report_task gather_task(const struct task *t, uint64_t latest)
{
	struct report_task ret = {
		.pid = t->pid,
		.cpu = t->cpu,
		.kernel_thread = t->kernel_thread,
		.state = (char)t->state,
		.ns = t->ran_ns && latest > t->ran_ns ? latest - t->ran_ns : 0,
	};

	snprintf(ret.comm, sizeof(ret.comm), "%s", t->comm);
	return ret;
}

static const struct runqueue *queue_of(const struct cpus *c, unsigned int cpu)
{
	if (cpu < c->n_queues && c->queues[cpu].cpu == cpu)
		return c->queues[cpu].known ? &c->queues[cpu] : NULL;
	for (size_t i = 0; i < c->n_queues; i++)
		if (c->queues[i].cpu == cpu)
			return c->queues[i].known ? &c->queues[i] : NULL;
	return NULL;
}

static int put_waiting(struct kernel *k, const struct runqueue *q, uint64_t latest,
		       struct report_cpu *to, struct err *err)
{
	size_t n = NUM_MIN(q->waiting, (size_t)MAX_QUEUE);

	to->waiting = q->waiting;
	to->queue = n ? calloc(n, sizeof(*to->queue)) : NULL;
	if (n && !to->queue)
		return err_nomem(err, n * sizeof(*to->queue), "a run queue");
	for (size_t i = 0; i < n; i++) {
		struct err why = {0};
		struct task t;

		if (!task_read(k, q->tasks[i], &t, &why))
			to->queue[to->n_queue++] = gather_task(&t, latest);
	}
	return 0;
}

/* What runs on a CPU says so itself; of another one it is only where a CPU's memory was not found. */
static bool is_elsewhere(struct kernel *k, const struct task *t, unsigned int cpu)
{
	if (t->cpu < 0 || (unsigned int)t->cpu == cpu)
		return false;
	gaps_add(&k->gaps,
		 "what runs on CPU %u is not known: the task at 0x%" PRIx64 " is on CPU %d", cpu,
		 t->addr, t->cpu);
	return true;
}

static int put_cpu(struct kernel *k, const struct cpus *c, const struct cpu_state *state,
		   struct report_cpu *to, struct err *err)
{
	const struct runqueue *q = queue_of(c, state->cpu);
	uint64_t current = q && q->current ? q->current : state->task;
	struct err why = {0};
	struct task t;

	*to = (struct report_cpu){
		.cpu = state->cpu,
		.online = state->online,
		.has_regs = state->has_regs,
		.group = SIZE_MAX,
	};
	if (current && !task_read(k, current, &t, &why) && !is_elsewhere(k, &t, state->cpu)) {
		to->task_known = true;
		to->task = gather_task(&t, c->latest);
		to->task.cpu = (int)state->cpu;
		to->idle = t.pid == 0 || (q && q->idle == current);
	}
	if (!q)
		return 0;
	to->queue_known = true;
	to->running = q->running;
	to->clock_ns = q->clock_ns;
	return put_waiting(k, q, c->latest, to, err);
}

static int put_stacks(struct report *r, struct kernel *k, struct cpus *c, struct err *err)
{
	for (size_t i = 0; i < c->n_states; i++) {
		if (!c->states[i].has_regs)
			continue;
		stack_from_regs(k, &c->states[i].regs, c->stack);
		if (r->panic_cpu_known && r->panic_cpu == c->states[i].cpu && !r->panic_stack.v &&
		    gather_stack(c->stack, &r->panic_stack, err))
			return err->code;
		if (gather_group(&r->cpu_groups, &r->n_cpu_groups, c->stack, i, &r->cpus[i].group,
				 err))
			return err->code;
	}
	return 0;
}

static int find_panicked(struct report *r, struct kernel *k, struct err *err)
{
	struct err why = {0};

	if (!cpu_panicked(k, &r->panic_cpu, &why)) {
		r->panic_cpu_known = true;
		for (size_t i = 0; i < r->n_cpus; i++)
			r->cpus[i].panicked = r->cpus[i].cpu == r->panic_cpu;
		return 0;
	}
	*err = why;
	return gather_missing(&r->panic_stack_missing, err);
}

static int no_panic_stack(struct report *r, struct err *err)
{
	if (r->panic_stack.v || r->panic_stack_missing)
		return 0;
	err_set(err, ERR_NOT_FOUND, "CPU %u left no registers", r->panic_cpu);
	return gather_missing(&r->panic_stack_missing, err);
}

int gather_cpus(struct report *r, struct kernel *k, struct err *err)
{
	_cleanup_(cpus_deinit) struct cpus c = {0};

	c.stack = calloc(1, sizeof(*c.stack));
	if (!c.stack)
		return err_nomem(err, sizeof(*c.stack), "a stack");
	if (runqueues_create(k, &c.queues, &c.n_queues, err) &&
	    gather_missing(&r->queues_missing, err))
		return err->code;
	for (size_t i = 0; i < c.n_queues; i++)
		if (c.queues[i].known)
			c.latest = NUM_MAX(c.latest, c.queues[i].clock_ns);
	if (cpu_states_create(k, &c.states, &c.n_states, err)) {
		if (gather_missing(&r->cpus_missing, err))
			return err->code;
		c.n_states = 0;
	}
	r->cpus = calloc(c.n_states ? c.n_states : 1, sizeof(*r->cpus));
	if (!r->cpus)
		return err_nomem(err, c.n_states * sizeof(*r->cpus), "CPUs");
	for (size_t i = 0; i < c.n_states; i++) {
		r->n_cpus = i + 1;
		if (put_cpu(k, &c, &c.states[i], &r->cpus[i], err))
			return err->code;
	}
	if (find_panicked(r, k, err) || put_stacks(r, k, &c, err))
		return err->code;
	return no_panic_stack(r, err);
}
