// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/runqueue.h"
#include "tests/unit/task_fixture.h"

#define ROOT_OF(rq) ((rq) + RQ_CFS + CFS_ROOT)

enum side { RIGHT = 8, LEFT = 16 }; /* of struct rb_node */

/* Hang a node into a tree: `parent` 0 makes it the root at `root`. */
static void hang(struct tasks *t, uint64_t root, uint64_t parent, enum side side, uint64_t node)
{
	put64(&t->w, parent ? parent + side : root, node);
	put64(&t->w, node, parent | 1); /* black */
}

static uint64_t node_of(uint64_t task)
{
	return task + T_SE + SE_NODE;
}

static void assert_waiting(struct tasks *t, unsigned int cpu, size_t n, const uint64_t *want)
{
	struct runqueue *rq = NULL;
	size_t n_rq = 0;

	world_open(&t->w, TASKS_TYPES);
	assert_ok(runqueues_create(t->w.k, &rq, &n_rq, err));
	assert_int_equal(n_rq, WORLD_CPUS);
	assert_true(rq[cpu].known);
	assert_int_equal(rq[cpu].waiting, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rq[cpu].tasks[i], want[i]);
	free(rq);
}

TEST(idle_machine)
{
	struct runqueue *rq = NULL;
	uint64_t tick;
	struct tasks t;
	size_t n = 0;

	tasks_init(&t);
	tick = world_percpu(&t.w, 128);
	world_symbol(&t.w, "tick_cpu_sched", tick);
	put64(&t.w, world_of_cpu(&t.w, tick, 1) + 24, 4000000);
	put32(&t.w, rq_of(&t, 1) + RQ_RUNNING, 9);
	world_open(&t.w, TASKS_TYPES);
	assert_ok(runqueues_create(t.w.k, &rq, &n, err));
	assert_int_equal(n, WORLD_CPUS);
	for (unsigned int cpu = 0; cpu < n; cpu++) {
		assert_true(rq[cpu].known);
		assert_int_equal(rq[cpu].cpu, cpu);
		assert_int_equal(rq[cpu].current, rq[cpu].idle);
		assert_int_equal(rq[cpu].clock_ns, 1000 + cpu);
		assert_int_equal(rq[cpu].waiting, 0);
	}
	assert_int_equal(rq[0].current, t.init);
	assert_int_equal(rq[1].running, 9);
	assert_int_equal(rq[1].tick_due_ns, 4000000);
	assert_int_equal(t.w.k->gaps.n, 0);
	free(rq);
	world_deinit(&t.w);
}

/* In the order of the tree; what runs is not in it, and what sleeps already but has not left does not wait. */
TEST(fair_tasks)
{
	uint64_t rq, v[5], root;
	struct tasks t;

	tasks_init(&t);
	rq = rq_of(&t, 0);
	root = ROOT_OF(rq);
	for (uint32_t i = 0; i < 5; i++)
		v[i] = new_process(&t, i + 1, "p");
	hang(&t, root, 0, LEFT, node_of(v[2]));
	hang(&t, root, node_of(v[2]), LEFT, node_of(v[0]));
	hang(&t, root, node_of(v[0]), RIGHT, node_of(v[1]));
	hang(&t, root, node_of(v[2]), RIGHT, node_of(v[3]));
	put64(&t.w, rq + RQ_CURR, v[4]);
	put64(&t.w, rq + RQ_CFS + CFS_CURR, v[4] + T_SE);
	assert_waiting(&t, 0, 4, v);
	assert_waiting(&t, 1, 0, v);
	put8(&t.w, v[3] + T_SE + SE_DELAYED, 1);
	assert_waiting(&t, 0, 3, v);
	assert_int_equal(t.w.k->gaps.n, 0);
	world_deinit(&t.w);
}

/* Groups in groups, and the group of the task that runs, which is out of the tree with all of its tasks. */
TEST(groups)
{
	uint64_t rq, v[4], queue[2], entity[2];
	struct tasks t;

	tasks_init(&t);
	rq = rq_of(&t, 0);
	for (uint32_t i = 0; i < 4; i++)
		v[i] = new_process(&t, i + 1, "p");
	for (int i = 0; i < 2; i++) {
		queue[i] = world_new(&t.w, 128);
		entity[i] = world_new(&t.w, 128);
		put64(&t.w, entity[i] + SE_MY_Q, queue[i]);
	}
	hang(&t, ROOT_OF(rq), 0, LEFT, entity[0] + SE_NODE);
	hang(&t, ROOT_OF(rq), entity[0] + SE_NODE, RIGHT, node_of(v[2]));
	hang(&t, queue[0] + CFS_ROOT, 0, LEFT, node_of(v[0]));
	hang(&t, queue[0] + CFS_ROOT, node_of(v[0]), RIGHT, node_of(v[1]));
	put64(&t.w, rq + RQ_CFS + CFS_CURR, entity[1]);
	hang(&t, queue[1] + CFS_ROOT, 0, LEFT, node_of(v[3]));
	assert_waiting(&t, 0, 4, v);
	assert_int_equal(t.w.k->gaps.n, 0);

	/* a group in itself */
	hang(&t, queue[0] + CFS_ROOT, 0, LEFT, entity[0] + SE_NODE);
	put64(&t.w, entity[0] + SE_NODE + RIGHT, 0);
	assert_waiting(&t, 0, 0, v);
	assert_gap(&t.w, "is its own group's");
	world_deinit(&t.w);
}

/* A damaged tree: the list of all fair tasks has the rest, and if it is damaged too, that is said. */
TEST(damaged_trees)
{
	uint64_t rq, v[3], root;
	struct tasks t;

	tasks_init(&t);
	rq = rq_of(&t, 0);
	root = ROOT_OF(rq);
	for (uint32_t i = 0; i < 3; i++) {
		v[i] = new_process(&t, i + 1, "p");
		list_add(&t.w, rq + RQ_CFS_TASKS, v[i] + T_SE + SE_GROUP);
	}
	hang(&t, root, 0, LEFT, node_of(v[1]));
	hang(&t, root, node_of(v[1]), LEFT, node_of(v[0]));
	hang(&t, root, node_of(v[1]), RIGHT, node_of(v[2]));
	put64(&t.w, node_of(v[0]) + LEFT, node_of(v[1])); /* a loop */
	assert_waiting(&t, 0, 3, v);
	assert_gap(&t.w, "is none of the tree");
	put64(&t.w, node_of(v[0]) + LEFT, 0);
	put64(&t.w, node_of(v[1]) + RIGHT,
	      node_of(v[0])); /* both sides are one: 2^64 visits in a row of 64 */
	assert_waiting(&t, 0, 3, v);
	assert_gap(&t.w, "is none of the tree");
	put64(&t.w, node_of(v[1]) + RIGHT, 0x123450);
	assert_waiting(&t, 0, 3, v);
	assert_gap(&t.w, "0x123");
	put64(&t.w, root, node_of(v[0])); /* a root that has a parent */
	assert_waiting(&t, 0, 3, v);
	put8(&t.w, v[2] + T_SE + SE_DELAYED, 1);
	assert_waiting(&t, 0, 2, v);
	put64(&t.w, v[1] + T_SE + SE_GROUP, 8);
	assert_waiting(&t, 0, 2, v);
	assert_gap(&t.w, "fair tasks of CPU 0");
	world_deinit(&t.w);
}

/* A row of nodes as long as a list is no tree of the kernel's: it is given up before the stack is. */
TEST(tree_without_an_end)
{
	uint64_t rq, at, first;
	struct tasks t;

	tasks_init(&t);
	rq = rq_of(&t, 0);
	first = at = world_new(&t.w, 1000 * 32);
	hang(&t, ROOT_OF(rq), 0, LEFT, at);
	for (int i = 1; i < 1000; i++, at += 32)
		hang(&t, ROOT_OF(rq), at, LEFT, at + 32);
	(void)first;
	assert_waiting(&t, 0, 0, NULL);
	assert_gap(&t.w, "does not end");
	world_deinit(&t.w);
}

/* All CPUs are said to have one memory, with a long list: it is not gone over for each of thousands of them. */
TEST(one_list_for_all_cpus)
{
	enum { ENTRIES = 400000 };
	char *types = strdup(TASKS_TYPES), *cpu;
	uint64_t rq, at, head, last;
	struct runqueue *v = NULL;
	struct tasks t;
	size_t n = 0;

	assert_non_null(types);
	cpu = strstr(types, " cpu 2032 ");
	assert_non_null(cpu);
	cpu[1] = 'x'; /* a struct rq does not say whose it is */
	tasks_init(&t);
	rq = rq_of(&t, 0);
	put64(&t.w, ROOT_OF(rq), 0x123450);
	head = rq + RQ_CFS_TASKS;
	at = fake_va(&t.w.f, fake_alloc(&t.w.f, ENTRIES * 16), ENTRIES * 16);
	last = head;
	for (unsigned int i = 0; i < ENTRIES; i++, last = at, at += 16) {
		put64(&t.w, last, at);
		put64(&t.w, at + 8, last);
	}
	put64(&t.w, last, head);
	put64(&t.w, head + 8, last);
	world_open(&t.w, types);
	for (unsigned int i = 1; i < WORLD_CPUS; i++)
		t.w.k->percpu[i] = t.w.k->percpu[0];
	assert_ok(runqueues_create(t.w.k, &v, &n, err));
	assert_gap(&t.w, "fair tasks of CPU 2: more than 1048576 entries in all queues");
	assert_false(has_gap(&t.w, "fair tasks of CPU 1: more"));
	free(v);
	free(types);
	world_deinit(&t.w);
}

TEST(realtime_deadline_and_stop_tasks)
{
	uint64_t rq, rt[2], dl, server, stop, group, group_queue, inner;
	struct tasks t;

	tasks_init(&t);
	rq = rq_of(&t, 1);
	rt[0] = new_process(&t, 1, "rt1");
	rt[1] = new_process(&t, 2, "rt2");
	inner = new_process(&t, 5, "inner");
	dl = new_process(&t, 3, "dl");
	stop = new_process(&t, 4, "migration/1");
	server = world_new(&t.w, 64);
	/* lists of the real-time class are looked at where it has tasks */
	list_add(&t.w, rq + RQ_RT + RT_QUEUE, rt[0] + T_RT);
	assert_waiting(&t, 1, 0, NULL);
	put32(&t.w, rq + RQ_RT + RT_RUNNING, 3);
	list_add(&t.w, rq + RQ_RT + RT_QUEUE + 99 * 16, rt[1] + T_RT);
	/* a group of its own */
	group = world_new(&t.w, 64);
	group_queue = world_new(&t.w, 1700);
	for (unsigned int i = 0; i < 100; i++)
		list_init(&t.w, group_queue + RT_QUEUE + i * 16);
	put64(&t.w, group + 40, group_queue);
	list_add(&t.w, group_queue + RT_QUEUE + 16, inner + T_RT);
	list_add(&t.w, rq + RQ_RT + RT_QUEUE + 16, group);
	/* a server of the deadline class is nobody's */
	hang(&t, rq + RQ_DL, 0, LEFT, dl + T_DL);
	hang(&t, rq + RQ_DL, dl + T_DL, RIGHT, server);
	put32(&t.w, server + 56, 1 << 4);
	put64(&t.w, rq + RQ_STOP, stop);
	assert_waiting(&t, 1, 4, (uint64_t[]){dl, rt[0], inner, rt[1]});
	put32(&t.w, stop + T_ON_RQ, 1);
	assert_waiting(&t, 1, 5, (uint64_t[]){stop, dl, rt[0], inner, rt[1]});
	/* those of these classes stay in their queue while they run */
	put64(&t.w, rq + RQ_CURR, rt[0]);
	assert_waiting(&t, 1, 4, (uint64_t[]){stop, dl, inner, rt[1]});
	assert_int_equal(t.w.k->gaps.n, 0);
	/* a group in itself */
	group = world_new(&t.w, 64);
	put64(&t.w, group + 40, group_queue);
	list_add(&t.w, group_queue + RT_QUEUE + 32, group);
	assert_waiting(&t, 1, 3, (uint64_t[]){stop, dl, inner});
	assert_gap(&t.w, "real-time tasks of CPU 1");
	world_deinit(&t.w);
}

/* More wait than are listed: all are counted. */
TEST(many_wait)
{
	struct runqueue *rq = NULL;
	uint64_t at, queue;
	struct tasks t;
	size_t n = 0;

	tasks_init(&t);
	queue = rq_of(&t, 0);
	put64(&t.w, ROOT_OF(queue), 8); /* the tree is unreadable */
	for (uint32_t i = 0; i < 100; i++) {
		at = new_task(&t, i, i, "p");
		list_add(&t.w, queue + RQ_CFS_TASKS, at + T_SE + SE_GROUP);
	}
	world_open(&t.w, TASKS_TYPES);
	assert_ok(runqueues_create(t.w.k, &rq, &n, err));
	assert_int_equal(rq[0].waiting, 100);
	free(rq);
	world_deinit(&t.w);
}

TEST(queue_of_another_cpu)
{
	struct runqueue *rq = NULL;
	struct tasks t;
	size_t n = 0;

	tasks_init(&t);
	put32(&t.w, rq_of(&t, 2) + RQ_CPU, 0);
	world_open(&t.w, TASKS_TYPES);
	assert_ok(runqueues_create(t.w.k, &rq, &n, err));
	assert_true(rq[1].known);
	assert_false(rq[2].known);
	assert_gap(&t.w, "run queue of CPU 2");
	free(rq);

	rq = NULL;
	world_open(&t.w, NULL);
	assert_fails(runqueues_create(t.w.k, &rq, &n, err), ERR_NOT_FOUND, "struct rq");
	fake_unset(&t.w.f, "SYMBOL(nr_cpu_ids)");
	world_open(&t.w, TASKS_TYPES);
	assert_fails(runqueues_create(t.w.k, &rq, &n, err), ERR_NOT_FOUND, "CPU");
	fake_unset(&t.w.f, "SYMBOL(runqueues)");
	world_open(&t.w, TASKS_TYPES);
	assert_fails(runqueues_create(t.w.k, &rq, &n, err), ERR_NOT_FOUND, "runqueues");
	assert_null(rq);
	world_deinit(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_machine),
		cmocka_unit_test(fair_tasks),
		cmocka_unit_test(groups),
		cmocka_unit_test(damaged_trees),
		cmocka_unit_test(tree_without_an_end),
		cmocka_unit_test(one_list_for_all_cpus),
		cmocka_unit_test(realtime_deadline_and_stop_tasks),
		cmocka_unit_test(many_wait),
		cmocka_unit_test(queue_of_another_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
