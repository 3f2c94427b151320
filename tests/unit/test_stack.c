// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/regs.h"
#include "arch/x86_64/unwind.h"
#include "image/kernel.h"
#include "image/module.h"
#include "image/orc.h"
#include "image/stack.h"
#include "image/stack_areas.h"
#include "tests/unit/fake_image.h"

#define TEXT       (FAKE_KERNEL_MAP + 0x1000000)
#define TEXT_LEN   0x10000ULL
#define DATA       (FAKE_KERNEL_MAP + 0x1100000)
#define DATA_LEN   0x10000ULL
#define STACKS     0xffffc90000010000ULL
#define N_STACKS   4ULL
#define SIZE       16384ULL
#define PERCPU     0xffff888100000000ULL /* of CPU 0; the next one's is 64 KiB further */
#define PERCPU_LEN 0x10000ULL

/* Functions of 256 bytes each; what the table says of all their code. */
enum function {
	LEAF,      /* a call: the return address 16 bytes above the stack pointer */
	CALLER,    /* the same, 32 bytes */
	RECURSIVE, /* 0 bytes: a stack full of them */
	BY_BP,     /* by the frame pointer */
	SWITCH,    /* the stack that it came from is at the stack pointer */
	TRAP,      /* struct pt_regs at the stack pointer */
	FORK,      /* the end */
	NO_ROW,    /* nothing */
	PROBE,     /* stands in place of a return address */
	FUNCTIONS,
};

static const char *const names[FUNCTIONS] = {"leaf",          "caller", "recursive",
					     "by_bp",         "switch", "trap",
					     "ret_from_fork", "no_row", "arch_rethook_trampoline"};

#define FN(f)      (TEXT + (f)*0x100)
#define AFTER(f)   (FN(f) + 0x21) /* a return address in it */
#define TASK_SP    0x18           /* of struct task_struct, as made up here */
#define TASK_STACK 0x20

struct world {
	struct fake f;
	struct kernel *k;
	struct stack *stack;
	uint64_t text, data, stacks, percpu; /* physical */
	uint64_t tasks;
};

static uint64_t stack_at(unsigned int i)
{
	return STACKS + i * SIZE;
}

static void put(struct world *w, uint64_t at, uint64_t v)
{
	if (at - STACKS < N_STACKS * SIZE)
		fake_put64(&w->f, w->stacks + (at - STACKS), v);
	else if (at - PERCPU < 2 * PERCPU_LEN)
		fake_put64(&w->f, w->percpu + (at - PERCPU), v);
	else
		fake_put64(&w->f, w->data + (at - DATA), v);
}

static uint64_t place(struct world *w, uint64_t vaddr, uint64_t len)
{
	uint64_t phys = fake_alloc(&w->f, len);

	fake_map_range(&w->f, vaddr, phys, len);
	return phys;
}

static void symbol(struct world *w, const char *name, uint64_t addr)
{
	char key[64];

	snprintf(key, sizeof(key), "SYMBOL(%s)", name);
	fake_set(&w->f, key, "%" PRIx64, addr);
}

/* ---- ORC of the third form: {sp_offset, bp_offset, sp_reg | bp_reg << 4 | type << 8 | signal << 11} */

#define ORC_IPS  (DATA + 0x1000)
#define ORC_ROWS (DATA + 0x2000)

static void put_rows(struct world *w)
{
	static const uint16_t rows[FUNCTIONS + 1][3] = {
		[LEAF] = {24, 0, ORC_REG_SP | ORC_TYPE_CALL << 8},
		[CALLER] = {40, 0, ORC_REG_SP | ORC_TYPE_CALL << 8},
		[RECURSIVE] = {8, 0, ORC_REG_SP | ORC_TYPE_CALL << 8},
		[BY_BP] = {16, (uint16_t)-16,
			   ORC_REG_BP | ORC_REG_PREV_SP << 4 | ORC_TYPE_CALL << 8},
		[SWITCH] = {8, 0, ORC_REG_SP_INDIRECT | ORC_TYPE_CALL << 8},
		[TRAP] = {0, 0, ORC_REG_SP | ORC_TYPE_REGS << 8 | 1 << 11},
		[FORK] = {0, 0, ORC_TYPE_END_OF_STACK << 8},
		[NO_ROW] = {0, 0, 0},
		[PROBE] = {8, 0, ORC_REG_SP | ORC_TYPE_CALL << 8},
	};

	for (unsigned int i = 0; i <= FUNCTIONS; i++) {
		uint64_t ip = ORC_IPS + i * 4, row = w->data + (ORC_ROWS - DATA) + i * 6;

		fake_put32(&w->f, w->data + (ip - DATA), (uint32_t)(FN(i) - ip));
		for (unsigned int j = 0; j < 3; j++)
			fake_put16(&w->f, row + j * 2, rows[i][j]);
	}
	symbol(w, "__start_orc_unwind_ip", ORC_IPS);
	symbol(w, "__stop_orc_unwind_ip", ORC_IPS + (FUNCTIONS + 1) * 4);
	symbol(w, "__start_orc_unwind", ORC_ROWS);
	symbol(w, "__stop_orc_unwind", ORC_ROWS + (FUNCTIONS + 1) * 6);
}

/* ---- symbols: each name byte stands for itself */

static void put_symbols(struct world *w)
{
	uint8_t packed[512], tokens[1024], index[512], addresses[(FUNCTIONS + 1) * 8];
	struct kallsyms_tables t = {.token_index = {index, sizeof(index)},
				    .num_syms = FUNCTIONS + 1,
				    .form = KALLSYMS_ABSOLUTE};
	size_t at = 0, n = 0;

	for (unsigned int c = 0; c < 256; c++) {
		uint16_t off = htole16((uint16_t)at);

		memcpy(index + c * 2UL, &off, 2);
		if (c > ' ' && c < 127)
			tokens[at++] = (uint8_t)c;
		tokens[at++] = 0;
	}
	for (unsigned int i = 0; i <= FUNCTIONS; i++) {
		const char *name = i < FUNCTIONS ? names[i] : "end";

		packed[n++] = (uint8_t)(strlen(name) + 1);
		packed[n++] = 't';
		memcpy(packed + n, name, strlen(name));
		n += strlen(name);
		bytes_put_le64(addresses + i * 8UL, FN(i));
	}
	t.names = (struct bytes){packed, n};
	t.token_table = (struct bytes){tokens, at};
	t.addresses = (struct bytes){addresses, sizeof(addresses)};
	kallsyms_destroy(w->k->syms);
	assert_ok(kallsyms_decode(&t, &w->k->syms, err));
}

/* ---- life */

static void world_init(struct world *w)
{
	*w = (struct world){0};
	fake_init(&w->f, 16 * MIB, 4);
	fake_ram(&w->f, 0, w->f.size);
	w->text = place(w, TEXT, TEXT_LEN);
	w->data = place(w, DATA, DATA_LEN);
	w->stacks = place(w, STACKS, N_STACKS * SIZE);
	w->percpu = place(w, PERCPU, 2 * PERCPU_LEN);
	symbol(w, "_stext", TEXT);
	symbol(w, "_etext", TEXT + TEXT_LEN);
	put_rows(w);
	symbol(w, "nr_cpu_ids", DATA);
	put(w, DATA, 2);
	symbol(w, "__per_cpu_offset", DATA + 0x40);
	put(w, DATA + 0x40, PERCPU);
	put(w, DATA + 0x48, PERCPU + PERCPU_LEN);
	symbol(w, "__cpu_online_mask", DATA + 0x80);
	put(w, DATA + 0x80, 3);
	w->tasks = DATA + 0x4000;
}

static void world_open(struct world *w)
{
	fake_open(&w->f);
	assert_ok(kernel_create(w->f.img, &w->k, err));
	put_symbols(w);
	w->k->stacks = calloc(1, sizeof(*w->k->stacks));
	assert_non_null(w->k->stacks);
	*w->k->stacks = (struct stacks){
		.task_size = SIZE,
		.task_stack = {.offset = TASK_STACK, .size = 8},
		.task_sp = {.offset = TASK_SP, .size = 8},
		.regs_offset = UINT64_MAX,
		.switch_frame = 56,
	};
	w->stack = malloc(sizeof(*w->stack));
	assert_non_null(w->stack);
	memset(w->stack, 0xa5, sizeof(*w->stack));
}

static void world_deinit(struct world *w)
{
	free(w->stack);
	kernel_destroy(w->k);
	fake_deinit(&w->f);
}

/* Task i has stack i; it was switched out in `f`, with its frame at `off` in the stack. Returns where the stack goes on. */
static uint64_t switched_out(struct world *w, unsigned int i, uint64_t off, enum function f,
			     uint64_t bp)
{
	uint64_t sp = stack_at(i) + off, task = w->tasks + i * 0x100;

	put(w, task + TASK_SP, sp);
	put(w, task + TASK_STACK, stack_at(i));
	put(w, sp + 40, bp);
	put(w, sp + 48, AFTER(f));
	return sp + 56;
}

/* What was read is kept: memory that has changed since needs a new reader. */
static void forget(struct world *w)
{
	reader_destroy(w->k->rd);
	assert_ok(reader_create(w->f.img, 0, &w->k->rd, err));
}

static const struct stack *of_task(struct world *w, unsigned int i)
{
	forget(w);
	assert_ok(stack_of_task(w->k, w->tasks + i * 0x100, w->stack, err));
	return w->stack;
}

static struct regs at(enum function f, uint64_t sp)
{
	struct regs regs = {.known = (1ULL << X86_64_REGS) - 1};

	regs.v[X86_64_RIP] = FN(f) + 0x10;
	regs.v[X86_64_RSP] = sp;
	regs.v[X86_64_CS] = 0x10;
	return regs;
}

static const struct stack *from(struct world *w, const struct regs *regs)
{
	forget(w);
	stack_from_regs(w->k, regs, w->stack);
	return w->stack;
}

/* "leaf caller? …": frames in their order, '?' those that are not reliable, '!' those that were interrupted. */
static void assert_way(const struct stack *s, const char *want)
{
	char got[8192] = "";
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s%s%s", i ? " " : "",
				      s->v[i].symbol.name ? s->v[i].symbol.name : "-",
				      s->v[i].kind == FRAME_INTERRUPTED ? "!" : "",
				      s->v[i].reliable ? "" : "?");
	assert_string_equal(got, want);
}

static void put_pt_regs(struct world *w, uint64_t sp, uint64_t rip, uint64_t rsp, uint64_t cs)
{
	for (unsigned int i = 0; i < X86_64_PT_REGS; i++)
		put(w, sp + i * 8, 0);
	put(w, sp + X86_64_RIP * 8, rip);
	put(w, sp + X86_64_RSP * 8, rsp);
	put(w, sp + X86_64_CS * 8, cs);
}

TEST(switched_out_task)
{
	struct world w;
	const struct stack *s;
	uint64_t sp, hash;

	world_init(&w);
	world_open(&w);
	sp = switched_out(&w, 0, 0x3000, LEAF, 0);
	put(&w, sp + 16, AFTER(CALLER));
	put(&w, sp + 24 + 32, AFTER(FORK));
	s = of_task(&w, 0);
	assert_way(s, "leaf caller ret_from_fork");
	assert_true(s->whole);
	assert_false(s->user);
	assert_string_equal(s->end, "");
	assert_int_equal(s->v[0].pc, AFTER(LEAF));
	assert_int_equal(s->v[0].sp, sp);
	assert_int_equal(s->v[0].offset, 0x21);
	assert_int_equal(s->v[2].sp, sp + 24 + 40);
	assert_int_equal(s->v[1].on, STACK_TASK);
	assert_int_equal(s->n_regs, 1);
	assert_int_equal(s->v[0].regs, 0);
	assert_int_equal(s->v[1].regs, -1);
	hash = stack_hash(s);
	/* the same way from another place of another stack: equal; another way: not */
	sp = switched_out(&w, 1, 0x2000, LEAF, 0);
	put(&w, sp + 16, AFTER(CALLER) + 5);
	put(&w, sp + 24 + 32, AFTER(FORK));
	assert_int_equal(stack_hash(of_task(&w, 1)), hash);
	put(&w, sp + 16, AFTER(LEAF));
	put(&w, sp + 24 + 16, AFTER(FORK));
	s = of_task(&w, 1);
	assert_way(s, "leaf leaf ret_from_fork");
	assert_true(stack_hash(s) != hash);
	world_deinit(&w);
}

/* A thread that never ran: it begins at ret_from_fork()'s first instruction, not behind a call. */
TEST(task_that_never_ran)
{
	struct world w;
	const struct stack *s;

	world_init(&w);
	world_open(&w);
	switched_out(&w, 0, SIZE - 56, FORK, 0);
	put(&w, stack_at(0) + SIZE - 8, FN(FORK));
	s = of_task(&w, 0);
	assert_way(s, "ret_from_fork");
	assert_int_equal(s->v[0].offset, 0);
	assert_true(s->whole);
	world_deinit(&w);
}

TEST(exceptions)
{
	struct world w;
	struct regs regs;
	const struct stack *s;
	uint64_t sp = stack_at(0) + 0x1000;

	world_init(&w);
	world_open(&w);
	/* leaf, called by the entry code of a trap that stopped `caller`, which the entry code of a system call had called */
	regs = at(LEAF, sp);
	put(&w, sp + 16, AFTER(TRAP));
	put_pt_regs(&w, sp + 24, FN(CALLER) + 7, sp + 0x400, 0x10);
	put(&w, sp + 0x400 + 32, AFTER(TRAP));
	put_pt_regs(&w, sp + 0x428, 0x401000, 0x7ffc0000, 0x33);
	s = from(&w, &regs);
	assert_way(s, "leaf! trap caller! trap");
	assert_true(s->whole && s->user);
	assert_int_equal(s->n_regs, 2);
	assert_int_equal(s->v[0].regs, 0);
	assert_int_equal(s->v[2].regs, 1);
	assert_int_equal(s->regs[1].v[X86_64_RIP], FN(CALLER) + 7);
	assert_int_equal(s->v[2].offset, 7);
	/* a CPU that ran a program */
	regs.v[X86_64_CS] = 0x33;
	regs.v[X86_64_RIP] = 0x401000;
	s = from(&w, &regs);
	assert_way(s, "-!");
	assert_true(s->whole && s->user);
	world_deinit(&w);
}

TEST(leftovers)
{
	struct world w;
	struct regs regs;
	const struct stack *s;
	uint64_t sp = stack_at(1) + 0x100;

	world_init(&w);
	world_open(&w);
	regs = at(LEAF, sp);
	put(&w, sp + 16, AFTER(NO_ROW));
	put(&w, sp + 32, AFTER(CALLER));
	put(&w, sp + 40, 0x1234);
	put(&w, stack_at(1) + SIZE - 8, AFTER(FORK));
	put(&w, stack_at(2), AFTER(FORK)); /* of the next stack */
	s = from(&w, &regs);
	assert_way(s, "leaf! no_row caller? ret_from_fork?");
	assert_false(s->whole);
	assert_non_null(strstr(s->end, "no way on"));
	assert_int_equal(s->v[2].sp, sp + 32);
	/* no more than sixteen */
	for (unsigned int i = 0; i < 100; i++)
		put(&w, sp + 0x200 + i * 8, AFTER(CALLER));
	assert_int_equal(from(&w, &regs)->n, 2 + 16);
	world_deinit(&w);
}

/* The trampoline itself is named, not the function before it; the table's row for its first instruction is not followed. */
TEST(return_probe)
{
	struct world w;
	const struct stack *s;
	uint64_t sp;

	world_init(&w);
	world_open(&w);
	sp = switched_out(&w, 0, 0x3000, LEAF, 0);
	put(&w, sp + 16, FN(PROBE));
	put(&w, sp + 24, 0x1234);
	put(&w, sp + 64, AFTER(CALLER));
	s = of_task(&w, 0);
	assert_way(s, "leaf arch_rethook_trampoline caller?");
	assert_string_equal(s->end, "the return address was replaced by a return probe");
	assert_int_equal(s->v[1].offset, 0);
	assert_false(s->whole);
	world_deinit(&w);
}

TEST(it_ends_whatever_the_memory_says)
{
	struct world w;
	struct regs regs;
	const struct stack *s;
	uint64_t sp = stack_at(0) + 0x1000, other = stack_at(2) + 0x800;

	world_init(&w);
	world_open(&w);
	/* a frame pointer that leads back */
	regs = at(BY_BP, sp);
	regs.v[X86_64_RBP] = sp + 0x100;
	put(&w, sp + 0x100, sp - 0x200);
	put(&w, sp + 0x108, AFTER(BY_BP));
	put(&w, sp - 0x200, sp + 0x100);
	put(&w, sp - 0x1f8, AFTER(BY_BP));
	s = from(&w, &regs);
	assert_int_equal(s->v[1].sp, sp + 0x110);
	assert_non_null(strstr(s->end, "goes back"));
	/* two stacks that lead to each other */
	regs = at(SWITCH, sp);
	put(&w, sp, other);
	put(&w, other, AFTER(SWITCH));
	put(&w, other + 8, sp + 0x80);
	put(&w, sp + 0x80, AFTER(SWITCH));
	put(&w, sp + 0x88, other);
	s = from(&w, &regs);
	assert_non_null(strstr(s->end, "a stack that was left"));
	assert_int_equal(s->v[1].sp, other + 8);
	/* more frames than there is room for */
	regs = at(RECURSIVE, stack_at(3));
	for (unsigned int i = 0; i < SIZE / 8; i++)
		put(&w, stack_at(3) + i * 8, AFTER(RECURSIVE));
	s = from(&w, &regs);
	assert_int_equal(s->n, STACK_MAX_FRAMES);
	assert_non_null(strstr(s->end, "more than 128 frames"));
	assert_false(s->whole);
	/* nowhere */
	regs = at(LEAF, 0);
	s = from(&w, &regs);
	assert_way(s, "leaf!");
	regs = at(LEAF, UINT64_MAX - 3);
	s = from(&w, &regs);
	assert_way(s, "leaf!");
	regs.known = 0;
	s = from(&w, &regs);
	assert_int_equal(s->n, 1);
	assert_false(s->whole);
	world_deinit(&w);
}

/* What belongs to a task is on its stack, or it is none of its. */
TEST(damaged_tasks)
{
	struct world w;
	uint64_t sp, task;

	world_init(&w);
	world_open(&w);
	task = w.tasks;
	sp = switched_out(&w, 0, 0x1000, SWITCH, 0);
	put(&w, sp, stack_at(1) + 0x100);
	put(&w, stack_at(1) + 0x100, AFTER(CALLER));
	assert_way(of_task(&w, 0), "switch");
	assert_non_null(strstr(w.stack->end, "off the stack"));
	put(&w, task + TASK_SP, stack_at(1));
	forget(&w);
	assert_fails(stack_of_task(w.k, task, w.stack, err), ERR_NOT_FOUND, "is not in the stack");
	assert_int_equal(w.stack->n, 0);
	put(&w, task + TASK_SP, stack_at(0) - 8);
	forget(&w);
	assert_fails(stack_of_task(w.k, task, w.stack, err), ERR_NOT_FOUND, "is not in the stack");
	put(&w, task + TASK_STACK, UINT64_MAX - 100);
	put(&w, task + TASK_SP, UINT64_MAX - 50);
	forget(&w);
	assert_fails(stack_of_task(w.k, task, w.stack, err), ERR_NOT_FOUND, "is not in the stack");
	assert_fails(stack_of_task(w.k, 0x1000, w.stack, err), ERR_NOT_FOUND,
		     "stack of the task at 0x1000");
	world_deinit(&w);
}

static int symbol_percpu(struct world *w, const char *name, uint64_t off, uint64_t v0, uint64_t v1)
{
	symbol(w, name, off);
	put(w, PERCPU + off, v0);
	put(w, PERCPU + PERCPU_LEN + off, v1);
	return 0;
}

TEST(interrupt_stacks)
{
	struct world w;
	struct regs regs;
	const struct stack *s;
	uint64_t irq = stack_at(3) + SIZE - 8, sp = stack_at(1) + 0x1000;

	world_init(&w);
	symbol_percpu(&w, "hardirq_stack_ptr", 0x100, stack_at(2) + SIZE - 8, irq);
	world_open(&w);
	/* what it came from is pushed first */
	regs = at(LEAF, irq - 0x100);
	put(&w, irq - 0x100 + 16, AFTER(SWITCH));
	put(&w, irq - 0x100 + 24, sp);
	put(&w, sp, AFTER(CALLER));
	put(&w, sp + 8 + 32, AFTER(FORK));
	s = from(&w, &regs);
	assert_way(s, "leaf! switch caller ret_from_fork");
	assert_true(s->whole);
	assert_int_equal(s->v[0].on, STACK_IRQ);
	assert_int_equal(s->v[1].on, STACK_IRQ);
	assert_int_equal(s->v[2].on, STACK_TASK);
	assert_string_equal(stack_kind_name(s->v[0].on), "irq");
	world_deinit(&w);
}

/* ---- CPUs */

#define NOTES 0x200

static void put_note(struct world *w, unsigned int cpu, uint32_t desc, uint64_t rip)
{
	uint64_t phys = w->percpu + cpu * PERCPU_LEN + NOTES;
	uint8_t prstatus[336] = {0};

	bytes_put_le64(prstatus + 112 + X86_64_RIP * 8, rip);
	fake_note(w->f.ram + phys, "CORE", 1, prstatus, sizeof(prstatus));
	fake_put32(&w->f, phys + 4, desc);
}

static void world_cpus(struct world *w)
{
	world_init(w);
	symbol(w, "crash_notes", DATA + 0x100);
	put(w, DATA + 0x100, NOTES);
}

TEST(registers_of_cpus)
{
	struct cpu_state *cpus;
	struct world w;
	size_t n;

	world_cpus(&w);
	put_note(&w, 1, 336, 0x1111);
	world_open(&w);
	assert_ok(cpu_states_create(w.k, &cpus, &n, err));
	assert_int_equal(n, 2);
	assert_true(cpus[0].online && cpus[1].online);
	/* the dump's own notes are two as well: that of CPU 1 would be the first */
	assert_false(cpus[0].has_regs);
	assert_true(cpus[1].has_regs);
	assert_int_equal(cpus[1].regs.v[X86_64_RIP], 0x1111);
	free(cpus);
	world_deinit(&w);
	/* nothing was saved: what the hypervisor noted, one for each that was online */
	world_cpus(&w);
	world_open(&w);
	assert_ok(cpu_states_create(w.k, &cpus, &n, err));
	assert_true(cpus[0].has_regs && cpus[1].has_regs);
	free(cpus);
	world_deinit(&w);
	world_cpus(&w);
	put(&w, DATA + 0x80, 2);
	world_open(&w);
	assert_ok(cpu_states_create(w.k, &cpus, &n, err));
	assert_false(cpus[0].online || cpus[0].has_regs || cpus[1].has_regs);
	free(cpus);
	world_deinit(&w);
	/* a panic without a panic kernel took one offline: QEMU's dump had two notes, and none was read */
	world_cpus(&w);
	symbol(&w, "__cpu_present_mask", DATA + 0x90);
	put(&w, DATA + 0x80, 1);
	put(&w, DATA + 0x90, 3);
	world_open(&w);
	assert_ok(cpu_states_create(w.k, &cpus, &n, err));
	assert_true(cpus[0].has_regs && cpus[1].has_regs && !cpus[1].online);
	free(cpus);
	world_deinit(&w);
}

TEST(damaged_notes)
{
	static const uint32_t sizes[] = {UINT32_MAX, UINT32_MAX - 3, 1024, 100, 335};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct cpu_state *cpus;
		struct world w;
		size_t n;

		world_cpus(&w);
		put_note(&w, 0, 336, 0x2222);
		put_note(&w, 1, sizes[i], 0x1111);
		world_open(&w);
		assert_ok(cpu_states_create(w.k, &cpus, &n, err));
		assert_true(cpus[0].has_regs);
		assert_int_equal(cpus[1].has_regs, sizes[i] == 335);
		free(cpus);
		world_deinit(&w);
	}
}

TEST(who_panicked)
{
	struct world w;
	unsigned int cpu = 99;

	world_init(&w);
	symbol(&w, "panic_cpu", DATA + 0x200);
	symbol(&w, "crashing_cpu", DATA + 0x208);
	put(&w, DATA + 0x200, 1);
	put(&w, DATA + 0x208, 0);
	world_open(&w);
	assert_ok(cpu_panicked(w.k, &cpu, err));
	assert_int_equal(cpu, 1);
	world_deinit(&w);
	world_init(&w);
	symbol(&w, "panic_cpu", DATA + 0x200);
	symbol(&w, "crashing_cpu", DATA + 0x208);
	put(&w, DATA + 0x200, 0xffffffff); /* PANIC_CPU_INVALID */
	put(&w, DATA + 0x208, 0);
	world_open(&w);
	assert_ok(cpu_panicked(w.k, &cpu, err));
	assert_int_equal(cpu, 0);
	world_deinit(&w);
	world_init(&w);
	symbol(&w, "panic_cpu", DATA + 0x200);
	put(&w, DATA + 0x200, 2);
	world_open(&w);
	assert_fails(cpu_panicked(w.k, &cpu, err), ERR_NOT_FOUND, "no CPU panicked");
	world_deinit(&w);
}

/* Tables that cannot be used: the first frame is there, and what lies on the stack; the gaps say why. */
TEST(damaged_tables)
{
	struct world w;
	struct regs regs = at(LEAF, stack_at(0) + 0x1000);

	world_init(&w);
	put(&w, stack_at(0) + 0x1010, AFTER(CALLER));
	fake_put32(&w.f, w.data + 0x1000 + 4, 0x80000000);
	world_open(&w);
	assert_way(from(&w, &regs), "leaf! caller?");
	assert_non_null(strstr(w.k->gaps.v[w.k->gaps.n - 1], "row 1 of 10"));
	world_deinit(&w);
	world_init(&w);
	fake_unset(&w.f, "SYMBOL(__stop_orc_unwind)");
	world_open(&w);
	assert_way(from(&w, &regs), "leaf!");
	assert_non_null(strstr(w.k->gaps.v[w.k->gaps.n - 1], "__stop_orc_unwind"));
	world_deinit(&w);
	world_init(&w);
	symbol(&w, "__stop_orc_unwind", ORC_ROWS + 6);
	world_open(&w);
	assert_way(from(&w, &regs), "leaf!");
	assert_non_null(strstr(w.k->gaps.v[w.k->gaps.n - 1], "rows at"));
	world_deinit(&w);
}

/* Modules that all claim the same large table. */
TEST(tables_of_modules_share_what_they_may_have)
{
	struct module modules[3] = {0};
	struct module_span spans[3];
	struct module_list list = {.v = modules, .n = 3, .spans = spans, .n_spans = 3};
	struct module_list *own;
	struct orc_entry row;
	size_t found = 0;
	struct world w;

	world_init(&w);
	world_open(&w);
	own = w.k->modules;
	w.k->modules = &list;
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t start = 0xffffffffc0000000 + i * 0x10000;

		snprintf(modules[i].name, sizeof(modules[i].name), "mod%u", i);
		modules[i].orc_ip = ORC_IPS + i * 4;
		modules[i].orc_entries = ORC_ROWS;
		modules[i].n_orcs = ORC_MAX_MODULE_ROWS / 2;
		spans[i] = (struct module_span){start, start + 0x10000, i};
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_false(orc_find(w.k, spans[i].start + 0x100, &row));
	for (size_t i = 0; i < w.k->gaps.n; i++)
		found += strstr(w.k->gaps.v[i], "all modules together") != NULL;
	assert_int_equal(found, 1);
	w.k->modules = own;
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(switched_out_task),
		cmocka_unit_test(tables_of_modules_share_what_they_may_have),
		cmocka_unit_test(task_that_never_ran),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(leftovers),
		cmocka_unit_test(return_probe),
		cmocka_unit_test(it_ends_whatever_the_memory_says),
		cmocka_unit_test(damaged_tasks),
		cmocka_unit_test(interrupt_stacks),
		cmocka_unit_test(registers_of_cpus),
		cmocka_unit_test(damaged_notes),
		cmocka_unit_test(who_panicked),
		cmocka_unit_test(damaged_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
