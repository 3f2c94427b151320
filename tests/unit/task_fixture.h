/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks and run queues in a made-up machine, by the layouts of tests/fake_types.h. */
#ifndef TESTS_UNIT_TASK_FIXTURE_H
#define TESTS_UNIT_TASK_FIXTURE_H

#include "tests/unit/kernel_fixture.h"

#define TASK_SIZE 1024

enum {
	T_CPU = 16,
	T_STATE = 24,
	T_STACK = 32,
	T_FLAGS = 40,
	T_ON_CPU = 44,
	T_ON_RQ = 48,
	T_SE = 64
};
enum { T_RT = 192, T_DL = 256, T_ARRIVAL = 336, T_TASKS = 352, T_MM = 368, T_EXIT = 376 };
enum { T_PID = 380, T_TGID = 384, T_PARENT = 392, T_THREAD = 400, T_START = 416, T_COMM = 424 };
enum { T_SIGNAL = 440, T_PART = 452 };
enum { SE_NODE = 16, SE_GROUP = 40, SE_DELAYED = 57, SE_RUN = 64, SE_MY_Q = 88 };
enum { RQ_RUNNING = 4, RQ_CFS = 64, RQ_RT = 192, RQ_DL = 1920, RQ_CURR = 2000, RQ_IDLE = 2008 };
enum { RQ_STOP = 2016, RQ_CLOCK = 2024, RQ_CPU = 2032, RQ_CFS_TASKS = 2040 };
enum { CFS_ROOT = 16, CFS_CURR = 32, RT_QUEUE = 16, RT_RUNNING = 1616 };

#define SIGNAL_THREADS 16

struct tasks {
	struct world w;
	uint64_t init, runqueues;
};

static inline uint64_t new_task(struct tasks *t, uint32_t pid, uint32_t tgid, const char *comm)
{
	uint64_t at = world_new(&t->w, TASK_SIZE);

	put32(&t->w, at + T_PID, pid);
	put32(&t->w, at + T_TGID, tgid);
	put_text(&t->w, at + T_COMM, comm);
	put64(&t->w, at + T_PARENT, t->init ? t->init : at);
	return at;
}

/* A process with one thread. */
static inline uint64_t new_process(struct tasks *t, uint32_t pid, const char *comm)
{
	uint64_t at = new_task(t, pid, pid, comm), signal = world_new(&t->w, 64);

	put64(&t->w, at + T_SIGNAL, signal);
	list_init(&t->w, signal + SIGNAL_THREADS);
	list_add(&t->w, signal + SIGNAL_THREADS, at + T_THREAD);
	list_add(&t->w, t->init + T_TASKS, at + T_TASKS);
	return at;
}

static inline uint64_t new_thread(struct tasks *t, uint64_t leader, uint32_t pid, const char *comm)
{
	uint64_t signal = get64(&t->w, leader + T_SIGNAL);
	uint64_t at = new_task(t, pid, (uint32_t)get64(&t->w, leader + T_TGID), comm);

	put64(&t->w, at + T_SIGNAL, signal);
	list_add(&t->w, signal + SIGNAL_THREADS, at + T_THREAD);
	return at;
}

static inline uint64_t rq_of(const struct tasks *t, unsigned int cpu)
{
	return world_of_cpu(&t->w, t->runqueues, cpu);
}

/* init_task, and a run queue for each CPU whose idle task is running. */
static inline void tasks_init(struct tasks *t)
{
	*t = (struct tasks){0};
	world_init(&t->w);
	t->init = new_task(t, 0, 0, "swapper/0");
	world_symbol(&t->w, "init_task", t->init);
	list_init(&t->w, t->init + T_TASKS);
	t->runqueues = world_percpu(&t->w, 2304);
	world_symbol(&t->w, "runqueues", t->runqueues);
	for (unsigned int cpu = 0; cpu < WORLD_CPUS; cpu++) {
		uint64_t rq = rq_of(t, cpu), idle = t->init;
		char comm[16];

		snprintf(comm, sizeof(comm), "swapper/%u", cpu);
		if (cpu)
			idle = new_task(t, 0, 0, comm);
		put32(&t->w, idle + T_CPU, cpu);
		put64(&t->w, rq + RQ_IDLE, idle);
		put64(&t->w, rq + RQ_CURR, idle);
		put32(&t->w, rq + RQ_CPU, cpu);
		put64(&t->w, rq + RQ_CLOCK, 1000 + cpu);
		list_init(&t->w, rq + RQ_CFS_TASKS);
		for (unsigned int i = 0; i < 100; i++)
			list_init(&t->w, rq + RQ_RT + RT_QUEUE + i * 16);
	}
}

#define TASKS_TYPES     FAKE_TYPES_BASIC FAKE_TYPES_SCHED FAKE_TYPES_TASK FAKE_TYPES_MM_OLD
#define TASKS_TYPES_NEW FAKE_TYPES_BASIC FAKE_TYPES_SCHED FAKE_TYPES_TASK FAKE_TYPES_MM_NEW

#endif
