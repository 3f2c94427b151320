// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/stack.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"
#include "image/orc.h"
#include "image/stack_areas.h"

#define MAX_STACKS \
	8 /* that one way goes over: an NMI during an exception during an interrupt, and some */
#define MAX_LEFTOVERS 16

/* One stack on its way to the end. */
struct walk {
	struct kernel *k;
	const struct arch_regs *arch;
	struct unwind_space space;
	struct stack *stack;
	struct regs regs;
	bool exact;
	bool guessed;              /* from some frame on it is not the tables that lead */
	struct stack_area area;    /* that regs' stack pointer is in */
	uint64_t left[MAX_STACKS]; /* where stacks begin that were left behind */
	size_t n_left;
	bool pinned; /* the task is known: there is no other stack than `area` */
};

/* ---- what the architecture asks for */

static int space_read(void *ctx, uint64_t vaddr, void *buf, size_t len, struct err *err)
{
	const struct walk *w = ctx;

	return reader_read(w->k->rd, vaddr, buf, len, err);
}

static bool space_is_text(void *ctx, uint64_t addr)
{
	const struct walk *w = ctx;

	return kernel_is_text(w->k, addr);
}

static bool space_orc(void *ctx, uint64_t pc, struct orc_entry *ret)
{
	const struct walk *w = ctx;

	return orc_find(w->k, pc, ret);
}

static bool space_function(void *ctx, uint64_t pc, uint64_t *ret)
{
	const struct walk *w = ctx;
	struct symbol symbol;

	if (!kernel_symbol_at(w->k, pc, &symbol))
		return false;
	*ret = symbol.addr;
	return true;
}

/* ERR_UNSUPPORTED: nothing is known of this architecture's registers. */
static int walk_init(struct walk *w, struct kernel *k, struct stack *ret, struct err *err)
{
	const struct stacks *s = stack_areas_get(k);

	memset(ret, 0, sizeof(*ret));
	*w = (struct walk){.k = k, .stack = ret};
	w->space = (struct unwind_space){
		.ctx = w,
		.read = space_read,
		.is_text = space_is_text,
		.orc = space_orc,
		.function = space_function,
		.regs_offset = UINT64_MAX,
	};
	w->arch = arch_regs_of(k->img->arch);
	if (!w->arch)
		return err_set(err, ERR_UNSUPPORTED, "stacks of this architecture are not known");
	if (s) {
		w->space.switch_frame = s->switch_frame;
		w->space.pac_mask = s->pac_mask;
		w->space.regs_offset = s->regs_offset;
	}
	return 0;
}

/* ---- frames */

static void _printf_(2, 3) end_with(struct stack *stack, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(stack->end, sizeof(stack->end), fmt, ap);
	va_end(ap);
}

/* False: there is no room for another one. */
static bool add_frame(struct walk *w, uint64_t pc, uint64_t sp, bool exact, bool reliable)
{
	struct stack *stack = w->stack;
	struct frame *f = &stack->v[stack->n];

	if (stack->n == STACK_MAX_FRAMES)
		return false;
	*f = (struct frame){
		.pc = pc,
		.sp = sp,
		.kind = exact ? FRAME_INTERRUPTED : FRAME_CALL,
		.on = w->area.kind,
		.reliable = reliable,
		.regs = -1,
	};
	if (kernel_symbol_at(w->k, exact ? pc : pc - 1, &f->symbol))
		f->offset = pc - f->symbol.addr;
	else
		f->symbol = (struct symbol){0};
	stack->n++;
	return true;
}

/* The registers belong to the last frame; where there is no room, they are left out. */
static void add_regs(struct walk *w)
{
	struct stack *stack = w->stack;

	if (!stack->n || stack->n_regs == STACK_MAX_REGS)
		return;
	stack->v[stack->n - 1].regs = (int)stack->n_regs;
	stack->regs[stack->n_regs++] = w->regs;
}

/*
 * Text addresses on the rest of the stack: what is left when the tables do not lead on. Some are of calls that have long returned.
 */
static void add_leftovers(struct walk *w)
{
	uint64_t from = num_align_up(w->regs.v[w->arch->sp], 8), words[64];
	size_t found = 0;
	struct err ignored;

	if (from < w->area.start)
		return;
	while (from < w->area.end && found < MAX_LEFTOVERS) {
		size_t n = NUM_MIN((w->area.end - from) / 8, ARRAY_SIZE(words));

		if (n == 0 || reader_read(w->k->rd, from, words, n * 8, &ignored))
			return;
		for (size_t i = 0; i < n && found < MAX_LEFTOVERS; i++) {
			uint64_t addr = le64toh(words[i]);

			if (addr >> 55 & 1) /* one of the kernel's: without its signature */
				addr |= w->space.pac_mask;
			if (!kernel_is_text(w->k, addr))
				continue;
			found++;
			if (!add_frame(w, addr, from + i * 8, false, false))
				return;
		}
		from += n * 8;
	}
}

/* ---- the way */

/*
 * On one stack the way leads up; one that was left is never entered again. So it ends, whatever the memory says.
 * `old` is where the stack pointer was.
 */
static bool advance(struct walk *w, uint64_t old, struct stack *stack)
{
	uint64_t sp = w->regs.v[w->arch->sp];
	struct stack_area area;

	/* the end itself is where the stack of a kernel thread begins */
	if (sp >= w->area.start && sp <= w->area.end && sp > old)
		return true;
	if (sp >= w->area.start && sp < w->area.end) {
		end_with(stack, "the stack pointer goes back from 0x%" PRIx64 " to 0x%" PRIx64, old,
			 sp);
		return false;
	}
	if (w->pinned || w->n_left == MAX_STACKS) {
		end_with(stack,
			 "the stack pointer goes to 0x%" PRIx64 ", off the stack at 0x%" PRIx64, sp,
			 w->area.start);
		return false;
	}
	stack_areas_find(w->k, sp, &area);
	for (size_t i = 0; i < w->n_left; i++)
		if (w->left[i] == area.start) {
			end_with(stack,
				 "the stack pointer goes to 0x%" PRIx64 ", a stack that was left",
				 sp);
			return false;
		}
	w->left[w->n_left++] = w->area.start;
	w->area = area;
	return true;
}

/*
 * What stands in place of a return address while a tracer waits for the function to return: the first instruction of one of
 * these, where no call returns to. The address itself is in the tracer's own records (task_struct.ret_stack, rethooks), which
 * are not read: the way ends there. NULL: it is none.
 */
static const char *tracer_of(const struct walk *w, uint64_t pc)
{
	static const char *const names[][2] = {
		{"return_to_handler", "the function graph tracer"},
		{"arch_rethook_trampoline", "a return probe"},
		{"arch_ftrace_rethook_trampoline", "a return probe"},
		{"__kretprobe_trampoline", "a return probe"},
		{"kretprobe_trampoline", "a return probe"},
	};
	struct symbol symbol;

	if (!kernel_symbol_at(w->k, pc, &symbol) || symbol.addr != pc || !symbol.name)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(symbol.name, names[i][0]) == 0)
			return names[i][1];
	return NULL;
}

/* A return address that was replaced: its frame, and no further. */
static bool end_at_tracer(struct walk *w, const char *tracer)
{
	uint64_t pc = w->regs.v[w->arch->pc];

	if (add_frame(w, pc, w->regs.v[w->arch->sp], true, !w->guessed))
		w->stack->v[w->stack->n - 1].kind = FRAME_CALL;
	end_with(w->stack, "the return address was replaced by %s", tracer);
	return false;
}

/* One step, and what it means. False: it was the last. */
static bool go_on(struct walk *w)
{
	struct stack *stack = w->stack;
	uint64_t old = w->regs.v[w->arch->sp];
	const struct regs before = w->regs;
	enum unwind_step step = UNWIND_END;
	const char *tracer;
	struct err err;

	if (w->arch->step(&w->space, &w->regs, &w->exact, &step, &err)) {
		end_with(stack, "%s", err.msg);
		return false;
	}
	if (step == UNWIND_END || step == UNWIND_USER) {
		stack->whole = true;
		stack->user = step == UNWIND_USER;
		return false;
	}
	w->guessed |= step == UNWIND_GUESS;
	if (!advance(w, old, stack)) {
		w->regs = before;
		return false;
	}
	tracer = step == UNWIND_REGS ? NULL : tracer_of(w, w->regs.v[w->arch->pc]);
	if (tracer)
		return end_at_tracer(w, tracer);
	if (!add_frame(w, w->regs.v[w->arch->pc], w->regs.v[w->arch->sp], step == UNWIND_REGS,
		       !w->guessed)) {
		end_with(stack, "it has more than %u frames", STACK_MAX_FRAMES);
		return false;
	}
	if (step == UNWIND_REGS)
		add_regs(w);
	return true;
}

/* A guess that led to where a stack ends was none. */
static void vouch(struct stack *stack)
{
	for (size_t i = 0; i < stack->n; i++)
		stack->v[i].reliable = true;
}

/* From w->regs on. */
static void follow(struct walk *w, bool interrupted)
{
	uint64_t pc = w->regs.v[w->arch->pc], sp = w->regs.v[w->arch->sp];
	struct symbol first;

	if (!w->pinned)
		stack_areas_find(w->k, sp, &w->area);
	/* a new task begins at a function's first instruction: nobody called it */
	w->exact = interrupted || (kernel_symbol_at(w->k, pc, &first) && first.addr == pc);
	add_frame(w, pc, sp, w->exact, true);
	if (!interrupted)
		w->stack->v[0].kind = FRAME_CALL;
	add_regs(w);
	if (w->arch->in_user_mode(&w->regs)) {
		w->stack->whole = w->stack->user = true;
		w->stack->v[0].on = STACK_UNKNOWN;
		return;
	}
	while (go_on(w))
		;
	if (w->stack->whole)
		vouch(w->stack);
	else
		add_leftovers(w);
}

void stack_from_regs(struct kernel *k, const struct regs *regs, struct stack *ret)
{
	struct walk w;
	struct err err;

	if (walk_init(&w, k, ret, &err)) {
		end_with(ret, "%s", err.msg);
		return;
	}
	w.regs = *regs;
	follow(&w, true);
}

/* The saved context of a task that does not run, and its stack. */
static int from_task(struct walk *w, uint64_t task, struct err *err)
{
	const struct stacks *s = stack_areas_get(w->k);
	uint64_t sp = 0, fp = 0, pc = 0, stack = 0;
	int e;

	if (!s)
		return err_nomem(err, sizeof(*s), "stacks");
	e = kernel_get(w->k, task, &s->task_sp, &sp, err);
	if (e == 0 && field_known(&s->task_fp))
		e = kernel_get(w->k, task, &s->task_fp, &fp, err);
	if (e == 0 && field_known(&s->task_pc))
		e = kernel_get(w->k, task, &s->task_pc, &pc, err);
	if (e == 0)
		e = kernel_get(w->k, task, &s->task_stack, &stack, err);
	if (e)
		return err_wrap(err, "saved registers");
	if (stack > UINT64_MAX - s->task_size || sp < stack || sp - stack >= s->task_size)
		return err_set(err, ERR_NOT_FOUND,
			       "the saved stack pointer 0x%" PRIx64
			       " is not in the stack at 0x%" PRIx64,
			       sp, stack);
	w->area = (struct stack_area){stack, stack + s->task_size, STACK_TASK};
	w->pinned = true;
	return w->arch->from_switched_out(&w->space, sp, fp, pc, &w->regs, err);
}

int stack_of_task(struct kernel *k, uint64_t task, struct stack *ret, struct err *err)
{
	struct walk w;
	int e = walk_init(&w, k, ret, err);

	if (e == 0)
		e = from_task(&w, task, err);
	if (e) {
		end_with(ret, "%s", err->msg);
		return err_wrap(err, "stack of the task at 0x%" PRIx64, task);
	}
	follow(&w, false);
	return 0;
}

/* FNV-1a over the names; where there is none, over the address. */
uint64_t stack_hash(const struct stack *stack)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < stack->n; i++) {
		const struct frame *f = &stack->v[i];
		const char *name = f->symbol.name;
		size_t len = name ? strlen(name) + 1 : sizeof(f->pc);
		const uint8_t *bytes = name ? (const uint8_t *)name : (const uint8_t *)&f->pc;

		for (size_t at = 0; f->reliable && at < len; at++)
			hash = (hash ^ bytes[at]) * 0x100000001b3ULL;
	}
	return hash;
}
