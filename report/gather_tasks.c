// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/num.h"
#include "report/gather.h"

#define MAX_BLOCKED 65536 /* whose stacks are looked at */

/* ---- tasks */

/* Put `t` among the longest, if it is. */
static void put_longest(struct report_task *v, size_t *n, const struct report_task *t)
{
	size_t at = *n;

	if (!t->ns || (at == REPORT_MAX_LONG && v[at - 1].ns >= t->ns))
		return;
	if (at < REPORT_MAX_LONG)
		++*n;
	else
		at--;
	for (; at && v[at - 1].ns < t->ns; at--)
		v[at] = v[at - 1];
	v[at] = *t;
}

static int put_blocked(struct report *r, struct kernel *k, const struct task *t,
		       const struct report_task *as, struct stack *stack, struct err *err)
{
	struct err why = {0};
	size_t group = SIZE_MAX;

	if (r->n_blocked == MAX_BLOCKED) {
		r->unstacked++;
		return 0;
	}
	if (!r->n_blocked || num_is_pow2(r->n_blocked)) {
		size_t room = r->n_blocked ? 2 * r->n_blocked : 1;
		struct report_task *v = realloc(r->blocked, room * sizeof(*v));

		if (!v)
			return err_nomem(err, room * sizeof(*v), "blocked tasks");
		r->blocked = v;
	}
	r->blocked[r->n_blocked++] = *as;
	if (!stack_of_task(k, t->addr, stack, &why) &&
	    gather_group(&r->groups, &r->n_groups, stack, r->n_blocked - 1, &group, err))
		return err->code;
	r->unstacked += group == SIZE_MAX;
	return 0;
}

static int put_task(struct report *r, struct kernel *k, const struct task *t, uint64_t latest,
		    struct stack *stack, struct err *err)
{
	struct report_task as = gather_task(t, latest);

	if (!t->pid)
		return 0; /* idle tasks are a matter of the CPUs */
	r->n_tasks++;
	r->n_kernel_threads += t->kernel_thread;
	r->states[(unsigned char)t->state & 127]++;
	if (t->on_cpu)
		put_longest(r->running, &r->n_running, &as);
	else if (t->state == TASK_RUNNING)
		put_longest(r->waiting, &r->n_waiting, &as);
	else if (t->state == TASK_BLOCKED)
		return put_blocked(r, k, t, &as, stack, err);
	return 0;
}

static int by_members(const void *a, const void *b)
{
	const struct report_group *x = a, *y = b;

	return (x->n < y->n) - (x->n > y->n);
}

int gather_tasks(struct report *r, struct kernel *k, struct err *err)
{
	struct task_list *list;
	struct stack *stack;
	uint64_t latest = 0;
	int ret = 0;

	if (task_list_create(k, &list, err))
		return gather_missing(&r->tasks_missing, err);
	for (size_t i = 0; i < r->n_cpus; i++)
		latest = NUM_MAX(latest, r->cpus[i].clock_ns);
	stack = malloc(sizeof(*stack));
	if (!stack)
		ret = err_nomem(err, sizeof(*stack), "a stack");
	for (size_t i = 0; !ret && i < list->n; i++)
		ret = put_task(r, k, &list->v[i], latest, stack, err);
	r->tasks_cut = list->cut;
	if (r->n_groups)
		qsort(r->groups, r->n_groups, sizeof(*r->groups), by_members);
	free(stack);
	task_list_destroy(list);
	return ret;
}

/* ---- modules */

/* What is not of the kernel's own tree comes first: bits 0 (proprietary), 12 (out of tree) and 13 (unsigned). */
static int rank(const struct module *m)
{
	return !m->taints ? 0 : m->taints & (1U << 0 | 1U << 12 | 1U << 13) ? 2 : 1;
}

static int by_taint(const void *a, const void *b)
{
	const struct module *x = *(struct module *const *)a, *y = *(struct module *const *)b;

	if (rank(x) != rank(y))
		return rank(y) - rank(x);
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return strcmp(x->name, y->name);
}

int gather_modules(struct report *r, struct kernel *k, struct err *err)
{
	const struct module_list *list = k->modules;

	if (!list) {
		err_set(err, ERR_NOT_FOUND, "the list of modules could not be read");
		return gather_missing(&r->modules_missing, err);
	}
	r->modules = calloc(list->n ? list->n : 1, sizeof(*r->modules));
	if (!r->modules)
		return err_nomem(err, list->n * sizeof(*r->modules), "modules");
	for (size_t i = 0; i < list->n; i++)
		r->modules[r->n_modules++] = &list->v[i];
	r->modules_cut = list->cut;
	qsort(r->modules, r->n_modules, sizeof(*r->modules), by_taint);
	return 0;
}
