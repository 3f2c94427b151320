/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes and threads: init_task.tasks, each with signal->thread_head (v3.14: 0c740d0afc3b). And the idle tasks, one for
 * each CPU, which no list has.
 */
#ifndef IMAGE_TASK_H
#define IMAGE_TASK_H

#include "image/kernel.h"

#define TASK_COMM_SIZE 64         /* TASK_COMM_LEN is 16 */
#define TASK_MAX       (1U << 22) /* PID_MAX_LIMIT */

/* What it waits for, in one letter as ps(1) has it. */
enum task_state {
	TASK_RUNNING = 'R',
	TASK_SLEEPING = 'S', /* interruptible */
	TASK_BLOCKED = 'D',  /* uninterruptible: D state */
	TASK_IDLE = 'I',     /* uninterruptible, but not counted as load (TASK_NOLOAD) */
	TASK_STOPPED = 'T',
	TASK_TRACED = 't',
	TASK_ZOMBIE = 'Z',
	TASK_DEAD = 'X',
	TASK_PARKED = 'P',
	TASK_UNKNOWN = '?',
};

struct task {
	uint64_t addr;
	uint32_t pid;              /* of the thread */
	uint32_t tgid;             /* of the process */
	uint32_t ppid;             /* tgid of the parent; 0 not known */
	char comm[TASK_COMM_SIZE]; /* as it lies there: any bytes */
	uint64_t raw_state;        /* __state | exit_state << 32 */
	enum task_state state;
	uint64_t flags;     /* PF_* */
	bool kernel_thread; /* PF_KTHREAD */
	int cpu;            /* the last one it ran on; -1: not known */
	bool on_cpu;        /* it is running: what a CPU does, its stack is the CPU's */
	uint64_t start_ns;  /* of the boot-time clock; 0 not known */
	uint64_t ran_ns;    /* when it last got a CPU: sched_info.last_arrival; 0 not known */
	uint64_t run_ns;    /* CPU time: se.sum_exec_runtime */
	uint64_t rss_bytes,
		vm_bytes; /* of the process, what CPUs or threads hold back included; 0 without an mm, or not known */
	uint64_t stack; /* lowest address of its kernel stack */
};

struct task_list {
	struct task *v; /* ordered by tgid, then pid; idle tasks (pid 0) first, by CPU */
	size_t n;
	bool cut; /* a list could not be followed to its end; the gaps say which and why */
};

/* ERR_NOT_FOUND: there is no init_task, or not what is needed of task_struct. */
int task_list_create(struct kernel *k, struct task_list **ret, struct err *err) _must_check_;
void task_list_destroy(struct task_list *list);                           /* NULL is fine */
const struct task *task_find(const struct task_list *list, uint32_t pid); /* NULL: none */
const struct task *task_at(const struct task_list *list, uint64_t addr);  /* NULL: none */

/* One, by the address of its task_struct: what a CPU runs may be on no list any more. */
int task_read(struct kernel *k, uint64_t addr, struct task *ret, struct err *err) _must_check_;

#endif
