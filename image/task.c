// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/task.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "image/addr_set.h"
#include "image/runqueue.h"

/*
 * Bits of task_struct.__state and .exit_state (include/linux/sched.h). They are macros, so no type tells them; what they are now they
 * are since v4.14 (8ef9925b02c2), and no kernel before v5.2 has types.
 */
#define STATE_INTERRUPTIBLE   0x1U
#define STATE_UNINTERRUPTIBLE 0x2U
#define STATE_REPORTED        0x7fU /* TASK_REPORT: up to TASK_PARKED */
#define STATE_NOLOAD          0x400U
#define STATE_RTLOCK_WAIT     0x1000U
#define STATE_FROZEN          0x8000U
#define STATE_IDLE            (STATE_UNINTERRUPTIBLE | STATE_NOLOAD)

#define FLAG_KTHREAD 0x200000U /* PF_KTHREAD */

#define RSS_MAX_COUNTERS 16         /* NR_MM_COUNTERS is 4 */
#define RSS_MAX_READS    (1U << 21) /* of per-CPU parts: beyond, the sums go without them */

struct task_fields {
	struct field tasks, pid, tgid, comm, state, old_state, exit_state, flags, mm, stack, signal;
	struct field real_parent, thread_node, cpu, cpu_in_info, on_cpu, boottime, real_start,
		arrival;
	struct field run_ns, part; /* part: task_struct.rss_stat.count, until v6.1 */
	struct field thread_head, total_vm, count, counters, percpu_counter;
	uint64_t task_size;
	uint64_t counter_size; /* of an element of mm_struct.rss_stat: v6.2 and later */
	int64_t rss[3];        /* indexes of what makes RSS */
	size_t n_rss;
	bool has_rss;
};

/* A list that knows its tasks by address and by pid as well. */
struct indexed {
	struct task_list list;
	uint32_t *by_addr, *by_pid;
};

struct entry {
	struct task task;
	uint64_t mm;
	int64_t part; /* pages that it has counted for itself so far */
};

struct reading {
	struct kernel *k;
	struct task_fields f;
	struct entry *v;
	size_t n, cap, max;
	uint64_t *leaders;
	size_t n_leaders, leader_cap;
	struct addr_set seen;
	size_t percpu_reads;
	uint32_t tgid; /* of the process whose threads are gone through */
	bool cut;
};

static bool find_fields(struct kernel *k, struct task_fields *f)
{
	const struct field_wish wishes[] = {
		{"task_struct", "tasks", &f->tasks, false},
		{"task_struct", "pid", &f->pid, false},
		{"task_struct", "tgid", &f->tgid, false},
		{"task_struct", "comm", &f->comm, false},
		{"task_struct", "__state", &f->state, true}, /* v5.14: 2f064a59a11f */
		{"task_struct", "state", &f->old_state, true},
		{"task_struct", "exit_state", &f->exit_state, false},
		{"task_struct", "flags", &f->flags, false},
		{"task_struct", "mm", &f->mm, false},
		{"task_struct", "stack", &f->stack, false},
		{"task_struct", "signal", &f->signal, false},
		{"task_struct", "real_parent", &f->real_parent, false},
		{"task_struct", "thread_node", &f->thread_node, false},
		{"task_struct", "thread_info.cpu", &f->cpu_in_info, true},
		{"task_struct", "cpu", &f->cpu, true}, /* x86 until v5.15: bcf9033e5449 */
		{"task_struct", "on_cpu", &f->on_cpu, true},
		{"task_struct", "start_boottime", &f->boottime, true}, /* v5.5: cf25e24db61c */
		{"task_struct", "real_start_time", &f->real_start, true},
		{"task_struct", "sched_info.last_arrival", &f->arrival, true},
		{"task_struct", "se.sum_exec_runtime", &f->run_ns, true},
		{"task_struct", "rss_stat.count", &f->part, true},
		{"signal_struct", "thread_head", &f->thread_head, false},
		{"mm_struct", "total_vm", &f->total_vm, false},
		{"mm_struct", "rss_stat.count", &f->count, true},
		{"mm_struct", "rss_stat[0].count", &f->percpu_counter,
		 true}, /* v6.2: f1a7941243c1 */
		{"mm_struct", "rss_stat[0].counters", &f->counters, true},
	};

	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
	if (!field_known(&f->state) && !field_known(&f->old_state))
		gaps_add(&k->gaps, "struct task_struct has neither __state nor state");
	return field_known(&f->tasks) && field_known(&f->pid) && field_known(&f->comm) &&
	       (field_known(&f->state) || field_known(&f->old_state));
}

/* Which elements of rss_stat count, and how far they are apart. */
static void find_rss(struct kernel *k, struct task_fields *f)
{
	static const char *const names[] = {"MM_FILEPAGES", "MM_ANONPAGES", "MM_SHMEMPAGES"};

	if (!field_known(&f->count) && !field_known(&f->percpu_counter)) {
		gaps_add(&k->gaps, "struct mm_struct: rss_stat has no count");
		return;
	}
	if (!field_known(&f->count)) {
		f->counter_size = kernel_sizeof(k, "percpu_counter");
		if (!f->counter_size || f->counter_size > 4096)
			return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int64_t v;

		if (!kernel_enumerator(k, names[i], &v))
			return;
		if (v < 0 || v >= RSS_MAX_COUNTERS ||
		    (field_known(&f->count) && (uint64_t)v * 8 + 8 > f->count.size)) {
			gaps_add(&k->gaps, "%s is %" PRId64, names[i], v);
			return;
		}
		f->rss[f->n_rss++] = v;
	}
	f->has_rss = true;
}

static enum task_state state_of(uint64_t raw)
{
	static const char letters[] = "RSDTtXZPI"; /* task_index_to_char() */
	uint32_t state = (uint32_t)raw, both = (state | (uint32_t)(raw >> 32)) & STATE_REPORTED;

	if ((state & STATE_IDLE) == STATE_IDLE)
		both = STATE_REPORTED + 1;
	/* f718faf3940e: what is frozen waits like what waits for a lock of PREEMPT_RT */
	if (state & (STATE_RTLOCK_WAIT | STATE_FROZEN))
		both = STATE_UNINTERRUPTIBLE;
	return (enum task_state)letters[both ? 32 - __builtin_clz(both) : 0];
}

/* A number that may be missing: then it stays 0. */
static uint64_t get_or_zero(struct kernel *k, uint64_t object, const struct field *f)
{
	struct err ignored;
	uint64_t v = 0;

	if (!field_known(f) || kernel_get(k, object, f, &v, &ignored))
		return 0;
	return v;
}

static const struct field *first_known(const struct field *a, const struct field *b)
{
	return field_known(a) ? a : b;
}

static int read_cpu(struct kernel *k, const struct task_fields *f, uint64_t addr)
{
	const struct field *cpu = first_known(&f->cpu_in_info, &f->cpu);
	struct err ignored;
	uint64_t v;

	if (!field_known(cpu) || kernel_get(k, addr, cpu, &v, &ignored) || v >= KERNEL_MAX_CPUS)
		return -1;
	return (int)v;
}

static int64_t read_s64(struct kernel *k, uint64_t at)
{
	struct err ignored;
	uint64_t v;

	return reader_u64(k->rd, at, &v, &ignored) ? 0 : (int64_t)v;
}

/* One of mm_struct.rss_stat in pages, whatever it is made of. */
static int64_t read_counter(struct kernel *k, const struct task_fields *f, uint64_t mm,
			    int64_t index, size_t *reads)
{
	struct err ignored;
	uint64_t at, base;
	uint64_t sum;

	if (field_known(&f->count))
		return read_s64(k, mm + f->count.offset + (uint64_t)index * 8);
	at = mm + (uint64_t)index * f->counter_size;
	sum = (uint64_t)read_s64(k, at + f->percpu_counter.offset);
	base = get_or_zero(k, at, &f->counters);
	for (unsigned int cpu = 0; base && cpu < k->n_cpus && *reads < RSS_MAX_READS; cpu++) {
		uint64_t part;
		uint32_t v;

		(*reads)++;
		if (!kernel_percpu(k, base, cpu, &part, &ignored) &&
		    !reader_u32(k->rd, part, &v, &ignored))
			sum += (uint64_t)(int32_t)v;
	}
	return (int64_t)sum;
}

static uint64_t pages_to_bytes(const struct kernel *k, int64_t pages)
{
	uint64_t bytes;

	if (pages <= 0 || !num_mul((uint64_t)pages, k->img->page_size, &bytes))
		return 0;
	return bytes;
}

/* Pages that a process has in memory. A counter below 0 counts as 0: get_mm_counter(). Negative: they cannot be. */
static int64_t read_rss(struct kernel *k, const struct task_fields *f, uint64_t mm, size_t *reads)
{
	int64_t sum = 0;

	for (size_t i = 0; i < f->n_rss && f->has_rss; i++) {
		int64_t v = read_counter(k, f, mm, f->rss[i], reads);

		if (v > 0 && !num_add(sum, v, &sum))
			return INT64_MIN;
	}
	return sum;
}

/* Until v6.1 each thread counts up to 64 pages for itself before it adds them to the mm's counters. */
static int64_t read_part(struct kernel *k, const struct task_fields *f, uint64_t addr)
{
	int64_t sum = 0;

	if (!field_known(&f->part) || !f->has_rss)
		return 0;
	for (size_t i = 0; i < f->n_rss; i++) {
		struct err ignored;
		uint32_t v;

		/* `int count[]` */
		if ((uint64_t)f->rss[i] * 4 + 4 <= f->part.size &&
		    !reader_u32(k->rd, addr + f->part.offset + (uint64_t)f->rss[i] * 4, &v,
				&ignored))
			sum += (int32_t)v;
	}
	return sum;
}

static int read_task(struct kernel *k, const struct task_fields *f, uint64_t addr, struct task *ret,
		     struct err *err)
{
	struct task t = {.addr = addr};
	uint64_t pid, state, parent;
	int r;

	if ((r = kernel_get(k, addr, &f->pid, &pid, err)) ||
	    (r = kernel_get(k, addr, first_known(&f->state, &f->old_state), &state, err)) ||
	    (r = kernel_get_text(k, addr, &f->comm, t.comm, sizeof(t.comm), err)))
		return err_wrap(err, "struct task_struct at 0x%" PRIx64, addr);
	t.pid = (uint32_t)pid;
	t.tgid = field_known(&f->tgid) ? (uint32_t)get_or_zero(k, addr, &f->tgid) : t.pid;
	t.raw_state = (uint32_t)state | get_or_zero(k, addr, &f->exit_state) << 32;
	t.state = field_known(&f->exit_state) ? state_of(t.raw_state) : TASK_UNKNOWN;
	t.flags = get_or_zero(k, addr, &f->flags);
	t.kernel_thread = t.flags & FLAG_KTHREAD;
	t.cpu = read_cpu(k, f, addr);
	t.on_cpu = get_or_zero(k, addr, &f->on_cpu) != 0;
	t.start_ns = get_or_zero(k, addr, first_known(&f->boottime, &f->real_start));
	t.ran_ns = get_or_zero(k, addr, &f->arrival);
	t.run_ns = get_or_zero(k, addr, &f->run_ns);
	t.stack = get_or_zero(k, addr, &f->stack);
	parent = get_or_zero(k, addr, &f->real_parent);
	if (parent)
		t.ppid = (uint32_t)get_or_zero(k, parent, &f->tgid);
	*ret = t;
	return 0;
}

int task_read(struct kernel *k, uint64_t addr, struct task *ret, struct err *err)
{
	struct task_fields f = {0};
	size_t reads = 0;
	uint64_t mm;
	int r;

	if (!find_fields(k, &f))
		return err_set(err, ERR_NOT_FOUND, "the layout of struct task_struct");
	find_rss(k, &f);
	r = read_task(k, &f, addr, ret, err);
	if (r)
		return r;
	mm = get_or_zero(k, addr, &f.mm);
	if (mm) {
		ret->rss_bytes = pages_to_bytes(k, read_rss(k, &f, mm, &reads));
		ret->vm_bytes = pages_to_bytes(k, (int64_t)get_or_zero(k, mm, &f.total_vm));
	}
	return 0;
}

/* ---- which there are */

static int grow_tasks(struct reading *rd, struct err *err)
{
	size_t cap = rd->cap ? 2 * rd->cap : 256;
	void *v = reallocarray(rd->v, cap, sizeof(*rd->v));

	if (!v)
		return err_nomem(err, cap * sizeof(*rd->v), "the tasks");
	rd->v = v;
	rd->cap = cap;
	return 0;
}

/* Add one; one that cannot be read is a gap. Errors: no memory, or ERR_CORRUPT for what is on two lists, or for too many. */
static int add_task(struct reading *rd, uint64_t addr, struct err *err)
{
	struct kernel *k = rd->k;
	bool is_new;
	int r;

	if (rd->n >= rd->max)
		return err_set(err, ERR_CORRUPT, "more than %zu tasks", rd->max);
	if ((r = addr_set_add(&rd->seen, addr, &is_new, err)))
		return r;
	if (!is_new)
		return err_set(err, ERR_CORRUPT, "the task at 0x%" PRIx64 " is in two places",
			       addr);
	if (rd->n == rd->cap && (r = grow_tasks(rd, err)))
		return r;
	if (read_task(k, &rd->f, addr, &rd->v[rd->n].task, err)) {
		gaps_add_err(&k->gaps, "tasks", err);
		rd->cut = true;
		return 0;
	}
	rd->v[rd->n].mm = get_or_zero(k, addr, &rd->f.mm);
	rd->v[rd->n].part = read_part(k, &rd->f, addr);
	rd->n++;
	return 0;
}

static int hear_leader(void *ctx, uint64_t object, struct err *err)
{
	struct reading *rd = ctx;

	if (rd->n_leaders >= rd->max)
		return err_set(err, ERR_CORRUPT, "more than %zu processes", rd->max);
	if (rd->n_leaders == rd->leader_cap) {
		size_t cap = rd->leader_cap ? 2 * rd->leader_cap : 256;
		void *v = reallocarray(rd->leaders, cap, sizeof(*rd->leaders));

		if (!v)
			return err_nomem(err, cap * sizeof(*rd->leaders), "the processes");
		rd->leaders = v;
		rd->leader_cap = cap;
	}
	rd->leaders[rd->n_leaders++] = object;
	return 0;
}

static int hear_thread(void *ctx, uint64_t object, struct err *err)
{
	struct reading *rd = ctx;
	uint64_t tgid = get_or_zero(rd->k, object, &rd->f.tgid);

	if (tgid != rd->tgid)
		return err_set(err, ERR_CORRUPT,
			       "the task at 0x%" PRIx64 " is of process %" PRIu64 ", not %" PRIu32,
			       object, tgid, rd->tgid);
	return add_task(rd, object, err);
}

/* A list that ends too early: what is known so far stays. Only a lack of memory is an error. */
static int ended(struct reading *rd, const char *what, const struct err *err)
{
	if (err->code == ERR_NO_MEMORY)
		return err->code;
	gaps_add_err(&rd->k->gaps, what, err);
	rd->cut = true;
	return 0;
}

/* A process: the threads of its signal_struct, its first one among them. */
static int add_process(struct reading *rd, uint64_t leader, struct err *err)
{
	const struct task_fields *f = &rd->f;
	uint64_t signal = get_or_zero(rd->k, leader, &f->signal);
	size_t before = rd->n;
	char what[64];

	rd->tgid = (uint32_t)get_or_zero(rd->k, leader, &f->tgid);
	snprintf(what, sizeof(what), "threads of process %" PRIu32, rd->tgid);
	if (signal && field_known(&f->thread_head) && field_known(&f->thread_node) &&
	    kernel_list(rd->k, signal + f->thread_head.offset, f->thread_node.offset, rd->max,
			hear_thread, rd, err) &&
	    ended(rd, what, err))
		return err->code;
	for (size_t i = before; i < rd->n; i++)
		if (rd->v[i].task.addr == leader)
			return 0;
	/* the list was not what it ought to be: the process itself is there all the same */
	if (add_task(rd, leader, err))
		return ended(rd, "tasks", err);
	return 0;
}

/* Idle tasks: init_task is the first CPU's, the others are only in their run queues. */
static int add_idle(struct reading *rd, uint64_t init, struct err *err)
{
	struct runqueue *queues = NULL;
	struct err ignored;
	size_t n = 0;
	int r = add_task(rd, init, err);

	if (r)
		return ended(rd, "tasks", err);
	if (runqueues_create(rd->k, &queues, &n, &ignored))
		return 0; /* the run queues' own gaps say why */
	for (size_t i = 0; i < n && !r; i++) {
		if (!queues[i].known || !queues[i].idle || queues[i].idle == init)
			continue;
		r = add_task(rd, queues[i].idle, err);
		if (r)
			r = ended(rd, "idle tasks", err);
	}
	free(queues);
	return r;
}

static int add_all(struct reading *rd, uint64_t init, struct err *err)
{
	int r = add_idle(rd, init, err);

	if (r)
		return r;
	if (kernel_list(rd->k, init + rd->f.tasks.offset, rd->f.tasks.offset, rd->max, hear_leader,
			rd, err) &&
	    ended(rd, "list of processes", err))
		return err->code;
	for (size_t i = 0; i < rd->n_leaders && !r; i++)
		r = add_process(rd, rd->leaders[i], err);
	return r;
}

/* ---- what processes have in memory: once for all threads of each */

static void add_memory(struct reading *rd)
{
	struct kernel *k = rd->k;

	for (size_t i = 0, end; i < rd->n; i = end) {
		uint64_t mm = 0, rss, vm;
		int64_t pages = 0;

		for (end = i; end < rd->n && rd->v[end].task.tgid == rd->v[i].task.tgid; end++) {
			pages += rd->v[end].part;
			mm = mm ? mm : rd->v[end].mm; /* a first thread that has ended has none */
		}
		if (!mm)
			continue;
		if (!num_add(pages, read_rss(k, &rd->f, mm, &rd->percpu_reads), &pages))
			pages = 0;
		rss = pages_to_bytes(k, pages);
		vm = pages_to_bytes(k, (int64_t)get_or_zero(k, mm, &rd->f.total_vm));
		for (size_t j = i; j < end; j++) {
			rd->v[j].task.rss_bytes = rd->v[j].mm ? rss : 0;
			rd->v[j].task.vm_bytes = rd->v[j].mm ? vm : 0;
		}
	}
	if (rd->percpu_reads >= RSS_MAX_READS)
		gaps_add(&k->gaps,
			 "tasks: too many for the per-CPU parts of what each has in memory");
}

/* ---- order */

static const struct task *sorted_tasks(const void *ctx)
{
	return ((const struct indexed *)ctx)->list.v;
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Idle tasks have pid 0 and are told apart by their CPU. */
static int compare_tasks(const void *a, const void *b)
{
	const struct task *x = &((const struct entry *)a)->task;
	const struct task *y = &((const struct entry *)b)->task;
	int r = by_number(x->tgid, y->tgid);

	if (!r)
		r = by_number(x->pid, y->pid);
	if (!r)
		r = (x->cpu > y->cpu) - (x->cpu < y->cpu);
	return r ? r : by_number(x->addr, y->addr);
}

static int compare_addr(const void *a, const void *b, void *ctx)
{
	const struct task *v = sorted_tasks(ctx);

	return by_number(v[*(const uint32_t *)a].addr, v[*(const uint32_t *)b].addr);
}

static int compare_pid(const void *a, const void *b, void *ctx)
{
	const struct task *v = sorted_tasks(ctx);
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int r = by_number(v[x].pid, v[y].pid);

	return r ? r : by_number(x, y);
}

static int make_index(struct indexed *x, struct err *err)
{
	size_t n = x->list.n;

	x->by_addr = calloc(n + 1, sizeof(*x->by_addr));
	x->by_pid = calloc(n + 1, sizeof(*x->by_pid));
	if (!x->by_addr || !x->by_pid)
		return err_nomem(err, n * sizeof(*x->by_addr), "the index of tasks");
	for (uint32_t i = 0; i < n; i++)
		x->by_addr[i] = x->by_pid[i] = i;
	qsort_r(x->by_addr, n, sizeof(*x->by_addr), compare_addr, x);
	qsort_r(x->by_pid, n, sizeof(*x->by_pid), compare_pid, x);
	return 0;
}

/* ---- the list */

/* More than have room in the machine's memory there cannot be, whatever the lists say. */
static size_t max_tasks(const struct kernel *k, const struct task_fields *f)
{
	uint64_t n = ranges_total(&k->img->src->ram) / NUM_MAX(f->task_size, 512ULL) + 1;

	return (size_t)NUM_MIN(n, (uint64_t)TASK_MAX);
}

/* The list of what was read, in order. */
static int make_list(struct reading *rd, struct task_list **ret, struct err *err)
{
	struct indexed *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return err_nomem(err, sizeof(*x), "the tasks");
	if (rd->n)
		qsort(rd->v, rd->n, sizeof(*rd->v), compare_tasks);
	add_memory(rd);
	x->list.cut = rd->cut;
	x->list.n = rd->n;
	x->list.v = calloc(rd->n + 1, sizeof(*x->list.v));
	r = x->list.v ? 0 : err_nomem(err, rd->n * sizeof(*x->list.v), "the tasks");
	for (size_t i = 0; i < rd->n && !r; i++)
		x->list.v[i] = rd->v[i].task;
	if (!r)
		r = make_index(x, err);
	if (r)
		task_list_destroy(&x->list);
	else
		*ret = &x->list;
	return r;
}

int task_list_create(struct kernel *k, struct task_list **ret, struct err *err)
{
	struct reading rd = {.k = k};
	uint64_t init;
	int r;

	if (kernel_symbol(k, "init_task", &init, err))
		return err_wrap(err, "tasks");
	if (!find_fields(k, &rd.f))
		return err_set(err, ERR_NOT_FOUND,
			       "tasks: the layout of struct task_struct is not known");
	find_rss(k, &rd.f);
	rd.f.task_size = kernel_sizeof(k, "task_struct");
	rd.max = max_tasks(k, &rd.f);
	r = add_all(&rd, init, err);
	if (!r)
		r = make_list(&rd, ret, err);
	free(rd.v);
	free(rd.leaders);
	addr_set_deinit(&rd.seen);
	return r;
}

static struct indexed *indexed_of(const struct task_list *list)
{
	return (struct indexed *)(uintptr_t)list; /* its first member */
}

void task_list_destroy(struct task_list *list)
{
	struct indexed *x = indexed_of(list);

	if (!x)
		return;
	free(x->list.v);
	free(x->by_addr);
	free(x->by_pid);
	free(x);
}

const struct task *task_find(const struct task_list *list, uint32_t pid)
{
	const struct indexed *x = indexed_of(list);
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->v[x->by_pid[mid]].pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == list->n || list->v[x->by_pid[low]].pid != pid)
		return NULL;
	return &list->v[x->by_pid[low]];
}

const struct task *task_at(const struct task_list *list, uint64_t addr)
{
	const struct indexed *x = indexed_of(list);
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->v[x->by_addr[mid]].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == list->n || list->v[x->by_addr[low]].addr != addr)
		return NULL;
	return &list->v[x->by_addr[low]];
}
