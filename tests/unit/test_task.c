// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/task.h"
#include "tests/unit/task_fixture.h"

static struct task_list *read_list(struct tasks *t, const char *types)
{
	struct task_list *list = NULL;

	world_open(&t->w, types);
	assert_ok(task_list_create(t->w.k, &list, err));
	return list;
}

/* Pids and names in their order: "0:swapper/0 1:init …" */
static void assert_list(struct tasks *t, const char *types, const char *want, bool cut)
{
	struct task_list *list = read_list(t, types);
	char text[4096] = "";
	size_t len = 0;

	for (size_t i = 0; i < list->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u:%s", i ? " " : "",
					list->v[i].pid, list->v[i].comm);
	assert_string_equal(text, want);
	assert_int_equal(list->cut, cut);
	if (!cut)
		assert_int_equal(t->w.k->gaps.n, 0);
	task_list_destroy(list);
}

#define IDLE "0:swapper/0 0:swapper/1 0:swapper/2"

TEST(processes_and_threads_in_order)
{
	struct task_list *list;
	uint64_t init, kthread, thread;
	const struct task *task;
	struct tasks t;

	tasks_init(&t);
	kthread = new_process(&t, 2, "kthreadd");
	init = new_process(&t, 1, "init");
	thread = new_thread(&t, init, 30, "worker");
	new_thread(&t, init, 20, "watcher");
	put32(&t.w, kthread + T_FLAGS, 0x200000 | 0x40);
	put32(&t.w, kthread + T_STATE, 1);
	put64(&t.w, kthread + T_STACK, 0xffffc90000000000);
	put32(&t.w, thread + T_CPU, 2);
	put32(&t.w, thread + T_ON_CPU, 1);
	put64(&t.w, thread + T_START, 111);
	put64(&t.w, thread + T_ARRIVAL, 222);
	put64(&t.w, thread + T_SE + SE_RUN, 333);
	put64(&t.w, thread + T_PARENT, kthread);
	assert_list(&t, TASKS_TYPES, IDLE " 1:init 20:watcher 30:worker 2:kthreadd", false);

	list = read_list(&t, TASKS_TYPES);
	task = task_find(list, 2);
	assert_true(task->kernel_thread);
	assert_int_equal(task->flags, 0x200040);
	assert_int_equal(task->state, TASK_SLEEPING);
	assert_int_equal(task->stack, 0xffffc90000000000);
	assert_int_equal(task->ppid, 0);
	task = task_at(list, thread);
	assert_int_equal(task->pid, 30);
	assert_int_equal(task->tgid, 1);
	assert_int_equal(task->ppid, 2);
	assert_int_equal(task->cpu, 2);
	assert_true(task->on_cpu);
	assert_int_equal(task->start_ns, 111);
	assert_int_equal(task->ran_ns, 222);
	assert_int_equal(task->run_ns, 333);
	assert_int_equal(task->state, TASK_RUNNING);
	assert_false(task->kernel_thread);
	assert_ptr_equal(task_find(list, 30), task);
	assert_int_equal(task_find(list, 0)->cpu, 0);
	assert_int_equal(list->v[2].cpu, 2);
	assert_null(task_find(list, 3));
	assert_null(task_find(list, UINT32_MAX));
	assert_null(task_at(list, thread + 8));
	task_list_destroy(list);
	task_list_destroy(NULL);
	world_deinit(&t.w);
}

/* __state and exit_state, and what ps(1) says of them: as task_state_to_char() of the kernel. */
TEST(states)
{
	static const struct {
		uint32_t state, exit;
		char want;
	} cases[] = {
		{0, 0, 'R'},
		{1, 0, 'S'},
		{2, 0, 'D'},
		{0x102, 0, 'D'},  /* TASK_KILLABLE */
		{0x402, 0, 'I'},  /* TASK_IDLE */
		{0x2402, 0, 'I'}, /* … | TASK_FREEZABLE */
		{0x400, 0, 'R'},  /* TASK_NOLOAD alone is not idle */
		{0x2001, 0, 'S'},
		{4, 0, 'T'},
		{0x104, 0, 'T'},
		{8, 0, 't'},
		{0x80, 0x20, 'Z'}, /* TASK_DEAD is not shown, EXIT_ZOMBIE is */
		{0x80, 0x10, 'X'},
		{0x80, 0x30, 'Z'},
		{0x40, 0, 'P'},
		{0x200, 0, 'R'},  /* TASK_WAKING */
		{0x800, 0, 'R'},  /* TASK_NEW */
		{0x1000, 0, 'D'}, /* TASK_RTLOCK_WAIT */
		{0x8000, 0, 'D'}, /* TASK_FROZEN */
		{0xffffffff, 0xffffffff, 'D'},
	};
	struct tasks t;
	uint64_t at;

	tasks_init(&t);
	at = new_process(&t, 7, "seven");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct task task = {0};

		put32(&t.w, at + T_STATE, cases[i].state);
		put32(&t.w, at + T_EXIT, cases[i].exit);
		world_open(&t.w, TASKS_TYPES);
		assert_ok(task_read(t.w.k, at, &task, err));
		assert_int_equal(task.state, cases[i].want);
		assert_int_equal(task.raw_state, cases[i].state | (uint64_t)cases[i].exit << 32);
	}
	world_deinit(&t.w);
}

/* Until v6.1: a long for each kind, and what threads have not yet added. */
TEST(memory_of_a_process_with_parts)
{
	uint64_t init, thread, mm;
	struct task_list *list;
	struct tasks t;

	tasks_init(&t);
	init = new_process(&t, 1, "init");
	thread = new_thread(&t, init, 2, "thread");
	mm = world_new(&t.w, 256);
	put64(&t.w, init + T_MM, mm);
	put64(&t.w, thread + T_MM, mm);
	put64(&t.w, mm + 8, 1000);          /* total_vm */
	put64(&t.w, mm + 32, 100);          /* MM_FILEPAGES */
	put64(&t.w, mm + 40, (uint64_t)-5); /* MM_ANONPAGES: below 0 counts as none */
	put64(&t.w, mm + 48, 5000);         /* MM_SWAPENTS are not in memory */
	put64(&t.w, mm + 56, 10);           /* MM_SHMEMPAGES */
	put32(&t.w, thread + T_PART, 7);    /* of its files */
	put32(&t.w, init + T_PART, (uint32_t)-3);
	list = read_list(&t, TASKS_TYPES);
	assert_int_equal(task_find(list, 1)->rss_bytes, (100 + 10 + 7 - 3) * 4096);
	assert_int_equal(task_find(list, 2)->rss_bytes, (100 + 10 + 7 - 3) * 4096);
	assert_int_equal(task_find(list, 1)->vm_bytes, 1000 * 4096);
	assert_int_equal(task_find(list, 0)->rss_bytes, 0);
	task_list_destroy(list);
	/* a first thread that has ended has no mm any more, the others have */
	put64(&t.w, init + T_MM, 0);
	list = read_list(&t, TASKS_TYPES);
	assert_int_equal(task_find(list, 1)->rss_bytes, 0);
	assert_int_equal(task_find(list, 2)->rss_bytes, (100 + 10 + 7 - 3) * 4096);
	task_list_destroy(list);
	/* numbers that cannot be */
	put64(&t.w, mm + 32, INT64_MAX);
	put64(&t.w, mm + 8, UINT64_MAX / 2);
	list = read_list(&t, TASKS_TYPES);
	assert_int_equal(task_find(list, 2)->rss_bytes, 0);
	assert_int_equal(task_find(list, 2)->vm_bytes, 0);
	task_list_destroy(list);
	world_deinit(&t.w);
}

/* Since v6.2: counters with a part for each CPU. */
TEST(memory_of_a_process_per_cpu)
{
	uint64_t init, mm, parts;
	struct task_list *list;
	struct tasks t;

	tasks_init(&t);
	init = new_process(&t, 1, "init");
	mm = world_new(&t.w, 256);
	parts = world_percpu(&t.w, 64);
	put64(&t.w, init + T_MM, mm);
	put64(&t.w, mm + 32 + 8, 50); /* files */
	put64(&t.w, mm + 32 + 32, parts);
	put64(&t.w, mm + 32 + 40 + 8, 20); /* anonymous */
	put32(&t.w, world_of_cpu(&t.w, parts, 0), 4);
	put32(&t.w, world_of_cpu(&t.w, parts, 1), (uint32_t)-10);
	list = read_list(&t, TASKS_TYPES_NEW);
	assert_int_equal(task_find(list, 1)->rss_bytes, (50 + 4 - 10 + 20) * 4096);
	task_list_destroy(list);
	world_deinit(&t.w);
}

/* Names and states of kernels before v5.14, and a kernel thread's mm that is borrowed for a while. */
TEST(older_names)
{
	static const char types[] = FAKE_TYPES_BASIC FAKE_TYPES_SCHED FAKE_TYPES_MM_OLD
		"struct signal_struct 64\n thread_head 16 list_head\n"
		"struct task_struct 1024\n cpu 16 u32\n state 24 u64\n stack 32 ptr\n"
		" flags 40 u32\n se 64 sched_entity\n rt 192 sched_rt_entity\n"
		" dl 256 sched_dl_entity\n on_rq 48 u32\n tasks 352 list_head\n mm 368 ptr\n"
		" exit_state 376 u32\n pid 380 u32\n tgid 384 u32\n real_parent 392 ptr\n"
		" thread_node 400 list_head\n real_start_time 416 u64\n comm 424 u8[16]\n"
		" signal 440 ptr\n";
	struct task_list *list;
	struct tasks t;
	uint64_t at;

	tasks_init(&t);
	at = new_process(&t, 9, "old");
	put32(&t.w, at + T_CPU, 1);
	put64(&t.w, at + T_STATE, 2);
	put64(&t.w, at + T_START, 77);
	list = read_list(&t, types);
	assert_int_equal(task_find(list, 9)->state, TASK_BLOCKED);
	assert_int_equal(task_find(list, 9)->cpu, 1);
	assert_int_equal(task_find(list, 9)->start_ns, 77);
	task_list_destroy(list);
	world_deinit(&t.w);
}

TEST(any_bytes_as_a_name)
{
	struct task_list *list;
	struct tasks t;
	uint64_t at;

	tasks_init(&t);
	at = new_process(&t, 9, "");
	memcpy(t.w.f.ram + world_phys(at + T_COMM), "<b>\x1b[31m\xff no end here", 16);
	list = read_list(&t, TASKS_TYPES);
	assert_int_equal(strlen(task_find(list, 9)->comm), 16);
	assert_memory_equal(task_find(list, 9)->comm, "<b>\x1b[31m\xff no en", 15);
	task_list_destroy(list);
	world_deinit(&t.w);
}

/* A list that goes round in a circle without its head: once an endless loop in others' tools. */
TEST(cyclic_list_of_processes)
{
	uint64_t a, b, c;
	struct tasks t;

	tasks_init(&t);
	a = new_process(&t, 1, "a");
	b = new_process(&t, 2, "b");
	c = new_process(&t, 3, "c");
	put64(&t.w, c + T_TASKS, b + T_TASKS); /* next of c is b again */
	assert_list(&t, TASKS_TYPES, IDLE " 1:a 2:b 3:c", true);
	assert_gap(&t.w, "list of processes");
	/* and one in which all links agree */
	put64(&t.w, b + T_TASKS + 8, c + T_TASKS);
	assert_list(&t, TASKS_TYPES, IDLE " 1:a", true);
	put64(&t.w, a + T_TASKS, a + T_TASKS);
	assert_list(&t, TASKS_TYPES, IDLE " 1:a", true);
	world_deinit(&t.w);
}

TEST(wild_pointers)
{
	uint64_t a, b;
	struct tasks t;

	tasks_init(&t);
	a = new_process(&t, 1, "a");
	b = new_process(&t, 2, "b");
	new_thread(&t, a, 10, "a10");
	put64(&t.w, b + T_TASKS, 0xdeadbeef00000000);
	put64(&t.w, b + T_SIGNAL, 0x10);
	put64(&t.w, b + T_PARENT, UINT64_MAX - 3);
	put64(&t.w, b + T_MM, 0xffffffffffffff00);
	assert_list(&t, TASKS_TYPES, IDLE " 1:a 10:a10 2:b", true);
	assert_gap(&t.w, "threads of process 2");
	assert_gap(&t.w, "list of processes");
	world_deinit(&t.w);
}

/* Threads of one process among those of another: each task comes once. */
TEST(threads_of_two_processes)
{
	uint64_t a, b;
	struct tasks t;

	tasks_init(&t);
	a = new_process(&t, 1, "a");
	b = new_process(&t, 2, "b");
	new_thread(&t, a, 10, "a10");
	put64(&t.w, b + T_SIGNAL, get64(&t.w, a + T_SIGNAL));
	assert_list(&t, TASKS_TYPES, IDLE " 1:a 10:a10 2:b", true);
	assert_gap(&t.w, "is of process 1, not 2");
	/* a list of threads that is the same for each of many processes is gone through once */
	put32(&t.w, b + T_TGID, 1);
	assert_list(&t, TASKS_TYPES, IDLE " 1:a 2:b 10:a10", true);
	assert_gap(&t.w, "in two places");
	world_deinit(&t.w);
}

/* More tasks than have room in the machine: a list over all of its memory. */
TEST(impossibly_many)
{
	uint64_t first, n = 40000;
	struct task_list *list;
	struct tasks t;

	tasks_init(&t);
	first = world_new(&t.w, n * 16 + TASK_SIZE);
	for (uint64_t i = 0; i < n; i++)
		list_add(&t.w, t.init + T_TASKS, first + T_TASKS + i * 16);
	list = read_list(&t, TASKS_TYPES);
	assert_true(list->cut);
	assert_true(list->n <= 16 * MIB / TASK_SIZE + 1);
	assert_gap(&t.w, "list of processes");
	task_list_destroy(list);
	world_deinit(&t.w);
}

TEST(what_is_missing_is_named)
{
	struct task_list *list = NULL;
	struct task task;
	struct tasks t;
	uint64_t at;

	tasks_init(&t);
	at = new_process(&t, 1, "init");
	world_open(&t.w, NULL);
	assert_fails(task_list_create(t.w.k, &list, err), ERR_NOT_FOUND, "struct task_struct");
	assert_fails(task_read(t.w.k, at, &task, err), ERR_NOT_FOUND, "struct task_struct");
	world_open(&t.w, FAKE_TYPES_BASIC "struct task_struct 64\n pid 0 u32\n tasks 8 list_head\n"
					  " comm 24 u8[16]\n");
	assert_fails(task_list_create(t.w.k, &list, err), ERR_NOT_FOUND, "struct task_struct");
	assert_gap(&t.w, "neither __state nor state");
	fake_unset(&t.w.f, "SYMBOL(init_task)");
	world_open(&t.w, TASKS_TYPES);
	assert_fails(task_list_create(t.w.k, &list, err), ERR_NOT_FOUND, "init_task");
	assert_fails(task_read(t.w.k, 0x1000, &task, err), ERR_NOT_FOUND, "0x1000");
	assert_null(list);
	/* without run queues only the first idle task is known */
	world_symbol(&t.w, "init_task", t.init);
	fake_unset(&t.w.f, "SYMBOL(runqueues)");
	assert_list(&t, TASKS_TYPES, "0:swapper/0 1:init", false);
	world_deinit(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_and_threads_in_order),
		cmocka_unit_test(states),
		cmocka_unit_test(memory_of_a_process_with_parts),
		cmocka_unit_test(memory_of_a_process_per_cpu),
		cmocka_unit_test(older_names),
		cmocka_unit_test(any_bytes_as_a_name),
		cmocka_unit_test(cyclic_list_of_processes),
		cmocka_unit_test(wild_pointers),
		cmocka_unit_test(threads_of_two_processes),
		cmocka_unit_test(impossibly_many),
		cmocka_unit_test(what_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
