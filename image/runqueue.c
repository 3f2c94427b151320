// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/runqueue.h"

#include <inttypes.h>

#include "base/num.h"
#include "image/addr_set.h"

/* A tree of 2^32 nodes is 64 high, and groups are nested a few deep. */
#define MAX_DEPTH     256
#define MAX_NODES     (1U << 20) /* of all CPUs: entities, groups among them */
#define MAX_LISTS     256        /* of the real-time class: MAX_RT_PRIO is 100 */
#define RB_COLOR_BITS 3U

struct rq_fields {
	struct field curr, idle, stop, running, clock, cpu;
	struct field node_parent, node_left, node_right;
	struct field cfs, timeline, cfs_curr, run_node, my_q, delayed, task_se;
	struct field cfs_tasks, group_node, task_delayed;
	struct field rt, rt_lists, rt_running, rt_node, rt_my_q, task_rt;
	struct field dl, dl_root, dl_node, dl_server, task_dl;
	struct field scx_list, scx_node;
	struct field on_rq, tick;
};

struct queue_walk {
	struct kernel *k;
	struct rq_fields f;
	struct runqueue *rq;
	struct addr_set queues; /* of groups, that have been walked: for this CPU */
	size_t nodes;
};

/* Called with the address of a node of a tree. */
typedef int (*node_fn)(struct queue_walk *w, uint64_t node, unsigned int depth, struct err *err);

static void find_fields(struct kernel *k, struct rq_fields *f)
{
	const struct field_wish wishes[] = {
		{"rq", "curr", &f->curr, false},
		{"rq", "idle", &f->idle, false},
		{"rq", "stop", &f->stop, true},
		{"rq", "nr_running", &f->running, false},
		{"rq", "clock", &f->clock, false},
		{"rq", "cpu", &f->cpu, true},
		{"rb_node", "__rb_parent_color", &f->node_parent, false},
		{"rb_node", "rb_left", &f->node_left, false},
		{"rb_node", "rb_right", &f->node_right, false},
		{"rq", "cfs", &f->cfs, false},
		{"cfs_rq", "tasks_timeline.rb_root.rb_node", &f->timeline, false},
		{"cfs_rq", "curr", &f->cfs_curr, false},
		{"sched_entity", "run_node", &f->run_node, false},
		{"sched_entity", "my_q", &f->my_q, true}, /* CONFIG_FAIR_GROUP_SCHED */
		{"sched_entity", "sched_delayed", &f->delayed, true},
		{"task_struct", "se", &f->task_se, false},
		{"rq", "cfs_tasks", &f->cfs_tasks, true},
		{"task_struct", "se.group_node", &f->group_node, true},
		{"task_struct", "se.sched_delayed", &f->task_delayed, true},
		{"rq", "rt", &f->rt, false},
		{"rt_rq", "active.queue", &f->rt_lists, false},
		{"rt_rq", "rt_nr_running", &f->rt_running, false},
		{"sched_rt_entity", "run_list", &f->rt_node, false},
		{"sched_rt_entity", "my_q", &f->rt_my_q, true}, /* CONFIG_RT_GROUP_SCHED */
		{"task_struct", "rt", &f->task_rt, false},
		{"rq", "dl", &f->dl, false},
		{"dl_rq", "root.rb_root.rb_node", &f->dl_root, false},
		{"sched_dl_entity", "rb_node", &f->dl_node, false},
		{"sched_dl_entity", "dl_server", &f->dl_server, true},
		{"task_struct", "dl", &f->task_dl, false},
		{"rq", "scx.runnable_list", &f->scx_list, true}, /* CONFIG_SCHED_CLASS_EXT */
		{"task_struct", "scx.runnable_node", &f->scx_node, true},
		{"task_struct", "on_rq", &f->on_rq, false},
		{"tick_sched", "sched_timer.node.expires", &f->tick, true},
	};

	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
}

static bool all_known(const struct field *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!field_known(fields[i]))
			return false;
	return true;
}

static void add_waiting(struct queue_walk *w, uint64_t task)
{
	struct runqueue *rq = w->rq;

	if (task == rq->current)
		return;
	if (rq->waiting < RUNQUEUE_MAX_WAITING)
		rq->tasks[rq->waiting] = task;
	rq->waiting++;
}

static bool is_set(struct queue_walk *w, uint64_t object, const struct field *f)
{
	struct err ignored;
	uint64_t v = 0;

	return field_known(f) && !kernel_get(w->k, object, f, &v, &ignored) && v;
}

/* ---- trees */

/*
 * In the order of the tree. Each node has to say that it was reached from its parent, and its sides have to differ: so nothing is visited
 * twice, whatever the pointers are.
 */
static int walk_node(struct queue_walk *w, uint64_t node, uint64_t parent, unsigned int depth,
		     node_fn fn, struct err *err)
{
	uint64_t up, left, right;
	int r;

	if (!node)
		return 0;
	if (depth >= MAX_DEPTH || w->nodes >= MAX_NODES)
		return err_set(err, ERR_CORRUPT, "the tree at 0x%" PRIx64 " does not end", node);
	w->nodes++;
	if ((r = kernel_get(w->k, node, &w->f.node_parent, &up, err)) ||
	    (r = kernel_get(w->k, node, &w->f.node_left, &left, err)) ||
	    (r = kernel_get(w->k, node, &w->f.node_right, &right, err)))
		return r;
	if ((up & ~(uint64_t)RB_COLOR_BITS) != parent || (left && left == right))
		return err_set(err, ERR_CORRUPT,
			       "the node at 0x%" PRIx64 " is none of the tree of 0x%" PRIx64, node,
			       parent);
	if ((r = walk_node(w, left, node, depth + 1, fn, err)) || (r = fn(w, node, depth + 1, err)))
		return r;
	return walk_node(w, right, node, depth + 1, fn, err);
}

static int walk_tree(struct queue_walk *w, uint64_t root, unsigned int depth, node_fn fn,
		     struct err *err)
{
	uint64_t node;
	int r = reader_u64(w->k->rd, root, &node, err);

	return r ? r : walk_node(w, node, 0, depth, fn, err);
}

/* ---- fair */

static int walk_cfs(struct queue_walk *w, uint64_t queue, unsigned int depth, struct err *err);

static int hear_fair(struct queue_walk *w, uint64_t node, unsigned int depth, struct err *err)
{
	const struct rq_fields *f = &w->f;
	uint64_t entity = node - f->run_node.offset, group = 0;
	int r = 0;

	if (field_known(&f->my_q))
		r = kernel_get(w->k, entity, &f->my_q, &group, err);
	if (r)
		return r;
	if (group)
		return walk_cfs(w, group, depth, err);
	if (!is_set(w, entity, &f->delayed))
		add_waiting(w, entity - f->task_se.offset);
	return 0;
}

static int walk_cfs(struct queue_walk *w, uint64_t queue, unsigned int depth, struct err *err)
{
	const struct rq_fields *f = &w->f;
	uint64_t entity, group = 0;
	bool is_new;
	int r = addr_set_add(&w->queues, queue, &is_new, err);

	if (r)
		return r;
	if (!is_new || depth >= MAX_DEPTH)
		return err_set(err, ERR_CORRUPT, "the cfs_rq at 0x%" PRIx64 " is its own group's",
			       queue);
	if ((r = walk_tree(w, queue + f->timeline.offset, depth, hear_fair, err)) ||
	    (r = kernel_get(w->k, queue, &f->cfs_curr, &entity, err)))
		return r;
	/* the group of what runs is out of the tree as well, with all that waits in it */
	if (!entity || !field_known(&f->my_q))
		return 0;
	r = kernel_get(w->k, entity, &f->my_q, &group, err);
	return r || !group ? r : walk_cfs(w, group, depth + 1, err);
}

static int hear_listed(void *ctx, uint64_t task, struct err *err)
{
	struct queue_walk *w = ctx;

	if (w->nodes >= MAX_NODES)
		return err_set(err, ERR_CORRUPT, "more than %u entries in all queues", MAX_NODES);
	w->nodes++;
	if (!is_set(w, task, &w->f.task_delayed))
		add_waiting(w, task);
	return 0;
}

static int list_of(struct queue_walk *w, uint64_t rq, const struct field *head,
		   const struct field *node, struct err *err)
{
	if (!field_known(head) || !field_known(node))
		return err_set(err, ERR_NOT_FOUND, "struct rq has no list of them");
	return kernel_list(w->k, rq + head->offset, node->offset, MAX_NODES, hear_listed, w, err);
}

/* The tree has them in their order; a list of all tasks is there as well, for when the tree is damaged. */
static int walk_fair(struct queue_walk *w, uint64_t rq, struct err *err)
{
	const struct rq_fields *f = &w->f;
	const struct field *const needed[] = {&f->cfs,       &f->timeline,  &f->cfs_curr,
					      &f->run_node,  &f->task_se,   &f->node_parent,
					      &f->node_left, &f->node_right};
	size_t before = w->rq->waiting;
	char what[48];

	addr_set_clear(&w->queues);
	if (all_known(needed, ARRAY_SIZE(needed))) {
		int r = walk_cfs(w, rq + f->cfs.offset, 0, err);

		if (!r || r == ERR_NO_MEMORY)
			return r;
		snprintf(what, sizeof(what), "fair tasks of CPU %u", w->rq->cpu);
		gaps_add_err(&w->k->gaps, what, err);
	}
	w->rq->waiting = before;
	return list_of(w, rq, &f->cfs_tasks, &f->group_node, err);
}

/* ---- real-time */

static int walk_rt(struct queue_walk *w, uint64_t queue, struct err *err);

static int hear_rt(void *ctx, uint64_t entity, struct err *err)
{
	struct queue_walk *w = ctx;
	uint64_t group = 0;
	int r = 0;

	if (w->nodes >= MAX_NODES)
		return err_set(err, ERR_CORRUPT, "more than %u entries in all queues", MAX_NODES);
	w->nodes++;
	if (field_known(&w->f.rt_my_q))
		r = kernel_get(w->k, entity, &w->f.rt_my_q, &group, err);
	if (r)
		return r;
	if (group)
		return walk_rt(w, group, err);
	add_waiting(w, entity - w->f.task_rt.offset);
	return 0;
}

static int walk_rt(struct queue_walk *w, uint64_t queue, struct err *err)
{
	const struct rq_fields *f = &w->f;
	size_t n = f->rt_lists.size / 16; /* a struct list_head for each priority */
	bool is_new;
	int r = addr_set_add(&w->queues, queue, &is_new, err);

	if (r)
		return r;
	if (!is_new || w->queues.n > MAX_DEPTH || n > MAX_LISTS)
		return err_set(err, ERR_CORRUPT, "the rt_rq at 0x%" PRIx64 " is its own group's",
			       queue);
	for (size_t i = 0; i < n && !r; i++)
		r = kernel_list(w->k, queue + f->rt_lists.offset + i * 16, f->rt_node.offset,
				MAX_NODES, hear_rt, w, err);
	return r;
}

static int walk_realtime(struct queue_walk *w, uint64_t rq, struct err *err)
{
	const struct rq_fields *f = &w->f;
	const struct field *const needed[] = {&f->rt, &f->rt_lists, &f->rt_node, &f->task_rt};

	if (!all_known(needed, ARRAY_SIZE(needed)))
		return 0;
	/* nearly always none: that spares a hundred lists */
	if (field_known(&f->rt_running) && !is_set(w, rq + f->rt.offset, &f->rt_running))
		return 0;
	addr_set_clear(&w->queues);
	return walk_rt(w, rq + f->rt.offset, err);
}

/* ---- deadline, stop and what a program of its own schedules */

static int hear_deadline(struct queue_walk *w, uint64_t node, unsigned int depth, struct err *err)
{
	uint64_t entity = node - w->f.dl_node.offset;

	(void)depth;
	(void)err;
	if (!is_set(w, entity, &w->f.dl_server))
		add_waiting(w, entity - w->f.task_dl.offset);
	return 0;
}

static int walk_deadline(struct queue_walk *w, uint64_t rq, struct err *err)
{
	const struct rq_fields *f = &w->f;
	const struct field *const needed[] = {&f->dl,        &f->dl_root,     &f->dl_node,
					      &f->task_dl,   &f->node_parent, &f->node_left,
					      &f->node_right};

	if (!all_known(needed, ARRAY_SIZE(needed)))
		return 0;
	return walk_tree(w, rq + f->dl.offset + f->dl_root.offset, 0, hear_deadline, err);
}

static int walk_stop(struct queue_walk *w, uint64_t rq, struct err *err)
{
	uint64_t task;
	int r;

	if (!field_known(&w->f.stop))
		return 0;
	r = kernel_get(w->k, rq, &w->f.stop, &task, err);
	if (!r && task && is_set(w, task, &w->f.on_rq))
		add_waiting(w, task);
	return r;
}

static int walk_ext(struct queue_walk *w, uint64_t rq, struct err *err)
{
	if (!field_known(&w->f.scx_list) || !field_known(&w->f.scx_node))
		return 0;
	return list_of(w, rq, &w->f.scx_list, &w->f.scx_node, err);
}

/* ---- one CPU */

static int read_basics(struct queue_walk *w, uint64_t rq, struct err *err)
{
	struct runqueue *q = w->rq;
	uint64_t running, cpu = q->cpu;
	struct err ignored;
	int r;

	if ((r = kernel_get(w->k, rq, &w->f.curr, &q->current, err)) ||
	    (r = kernel_get(w->k, rq, &w->f.idle, &q->idle, err)) ||
	    (r = kernel_get(w->k, rq, &w->f.running, &running, err)))
		return r;
	if (field_known(&w->f.cpu) && !kernel_get(w->k, rq, &w->f.cpu, &cpu, &ignored) &&
	    cpu != q->cpu)
		return err_set(err, ERR_CORRUPT,
			       "the struct rq at 0x%" PRIx64 " is of CPU %" PRIu64, rq, cpu);
	q->running = (uint32_t)running;
	if (kernel_get(w->k, rq, &w->f.clock, &q->clock_ns, &ignored))
		q->clock_ns = 0;
	return 0;
}

static void read_tick(struct queue_walk *w, uint64_t tick)
{
	struct err ignored;
	uint64_t at;

	if (!tick || !field_known(&w->f.tick) ||
	    kernel_percpu(w->k, tick, w->rq->cpu, &at, &ignored) ||
	    kernel_get(w->k, at, &w->f.tick, &w->rq->tick_due_ns, &ignored))
		w->rq->tick_due_ns = 0;
}

/* One that cannot be read is a gap; only a lack of memory ends it all. */
static int read_queue(struct queue_walk *w, uint64_t symbol, uint64_t tick, struct err *err)
{
	static const struct {
		const char *name;
		int (*walk)(struct queue_walk *w, uint64_t rq, struct err *err);
	} classes[] = {{"stop", walk_stop},
		       {"deadline", walk_deadline},
		       {"real-time", walk_realtime},
		       {"fair", walk_fair},
		       {"ext", walk_ext}};
	char what[64];
	uint64_t rq;

	snprintf(what, sizeof(what), "run queue of CPU %u", w->rq->cpu);
	if (kernel_percpu(w->k, symbol, w->rq->cpu, &rq, err) || read_basics(w, rq, err)) {
		gaps_add_err(&w->k->gaps, what, err);
		return 0;
	}
	w->rq->known = true;
	read_tick(w, tick);
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		int r = classes[i].walk(w, rq, err);

		if (r == ERR_NO_MEMORY)
			return r;
		if (!r)
			continue;
		snprintf(what, sizeof(what), "%s tasks of CPU %u", classes[i].name, w->rq->cpu);
		gaps_add_err(&w->k->gaps, what, err);
	}
	return 0;
}

int runqueues_create(struct kernel *k, struct runqueue **ret, size_t *ret_n, struct err *err)
{
	_cleanup_free_ struct runqueue *v = NULL;
	struct queue_walk w = {.k = k};
	uint64_t symbol, tick = 0;
	struct err ignored;
	int r = 0;

	if (kernel_symbol(k, "runqueues", &symbol, err))
		return err_wrap(err, "run queues");
	find_fields(k, &w.f);
	if (!field_known(&w.f.curr) || !field_known(&w.f.idle))
		return err_set(err, ERR_NOT_FOUND,
			       "run queues: the layout of struct rq is not known");
	if (!k->n_cpus)
		return err_set(err, ERR_NOT_FOUND, "run queues: no CPU's memory is known");
	if (kernel_symbol(k, "tick_cpu_sched", &tick, &ignored))
		tick = 0;
	v = calloc(k->n_cpus, sizeof(*v));
	if (!v)
		return err_nomem(err, k->n_cpus * sizeof(*v), "the run queues");
	for (unsigned int cpu = 0; cpu < k->n_cpus && !r; cpu++) {
		w.rq = &v[cpu];
		w.rq->cpu = cpu;
		r = read_queue(&w, symbol, tick, err);
	}
	addr_set_deinit(&w.queues);
	if (r)
		return r;
	*ret_n = k->n_cpus;
	*ret = no_cleanup_ptr(v);
	return 0;
}
