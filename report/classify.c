// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/classify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

/* ---- what a stack tells */

/*
 * Functions that are called for one reason only. Sources (v5.10 to v6.12): arch/x86/kernel/{traps,nmi,dumpstack}.c, arch/x86/mm/fault.c,
 * arch/x86/kernel/cpu/mce/core.c, arch/arm64/kernel/{traps,entry-common}.c, arch/arm64/mm/fault.c, kernel/{watchdog,watchdog_hld,
 * hung_task,panic,exit}.c, kernel/rcu/tree_stall.h, mm/oom_kill.c, mm/kasan/report.c, lib/ubsan.c, init/{main,do_mounts}.c.
 */
static const struct rule {
	const char *function; /* a '*' at its end: names that begin so */
	enum crash_class cls;
	bool panics; /* only if it is who called panic(): it may be on other stacks as well */
} rules[] = {
	{"watchdog_timer_fn", CRASH_SOFT_LOCKUP, false},
	{"watchdog_overflow_callback", CRASH_HARD_LOCKUP, false},
	{"watchdog_hardlockup_check", CRASH_HARD_LOCKUP, false},
	{"watchdog_hardlockup_kick", CRASH_HARD_LOCKUP, false},
	{"check_hung_uninterruptible_tasks", CRASH_HUNG_TASK, false},
	{"check_hung_task", CRASH_HUNG_TASK, false},
	{"watchdog", CRASH_HUNG_TASK, false}, /* khungtaskd's own function */
	{"print_cpu_stall", CRASH_RCU_STALL, false},
	{"print_other_cpu_stall", CRASH_RCU_STALL, false},
	{"check_cpu_stall", CRASH_RCU_STALL, false},
	{"panic_on_rcu_stall", CRASH_RCU_STALL, false},
	{"rcu_sched_clock_irq", CRASH_RCU_STALL, false},
	{"out_of_memory", CRASH_OOM, false},
	{"check_panic_on_oom", CRASH_OOM, false},
	{"oom_kill_process", CRASH_OOM, false},
	{"mce_panic", CRASH_MCE, false},
	{"do_machine_check", CRASH_MCE, false},
	{"exc_machine_check", CRASH_MCE, false},
	{"mce_timed_out", CRASH_MCE, false},
	{"__ghes_panic", CRASH_MCE, false},
	{"arm64_serror_panic", CRASH_MCE, false},
	{"do_serror", CRASH_MCE, false},
	{"kasan_report*", CRASH_KASAN, false},
	{"kfence_report_error", CRASH_KASAN, false},
	{"kmsan_report", CRASH_KASAN, false},
	{"kcsan_report*", CRASH_KASAN, false},
	{"__ubsan_handle_*", CRASH_UBSAN, false},
	{"__list_add_valid*", CRASH_LIST, false},
	{"__list_del_entry_valid*", CRASH_LIST, false},
	{"refcount_warn_saturate", CRASH_LIST, false},
	{"usercopy_abort", CRASH_LIST, false},
	{"fortify_panic", CRASH_LIST, false},
	{"__fortify_panic", CRASH_LIST, false},
	{"__warn", CRASH_WARN, false},
	{"check_panic_on_warn", CRASH_WARN, false},
	{"handle_stack_overflow", CRASH_STACK_OVERFLOW, false},
	{"panic_bad_stack", CRASH_STACK_OVERFLOW, false},
	{"handle_bad_stack", CRASH_STACK_OVERFLOW, false},
	{"exc_double_fault", CRASH_DOUBLE_FAULT, false},
	{"exc_divide_error", CRASH_DIVIDE, false},
	{"exc_general_protection", CRASH_GPF, false},
	{"exc_invalid_op", CRASH_BUG, false},
	{"handle_bug", CRASH_BUG, false},
	{"bug_handler", CRASH_BUG, false},
	{"do_undefinstr", CRASH_BUG, false},
	{"do_el1_undef", CRASH_BUG, false},
	{"page_fault_oops", CRASH_BAD_PAGE_FAULT, false},
	{"kernelmode_fixup_or_oops", CRASH_BAD_PAGE_FAULT, false},
	{"no_context", CRASH_BAD_PAGE_FAULT, false},
	{"die_kernel_fault", CRASH_BAD_PAGE_FAULT, false},
	{"__do_kernel_fault", CRASH_BAD_PAGE_FAULT, false},
	{"unknown_nmi_error", CRASH_NMI, false},
	{"io_check_error", CRASH_NMI, false},
	{"pci_serr_error", CRASH_NMI, false},
	{"mount_block_root", CRASH_NO_ROOT, false},
	{"mount_root*", CRASH_NO_ROOT, false},
	{"prepare_namespace", CRASH_NO_ROOT, false},
	{"kernel_init", CRASH_NO_ROOT, true},
	{"do_exit", CRASH_INIT, true},
	/* the least telling last: entries that the ones above may have been inlined into */
	{"exc_page_fault", CRASH_BAD_PAGE_FAULT, false},
	{"do_mem_abort", CRASH_BAD_PAGE_FAULT, false},
	{"exc_nmi", CRASH_NMI, false},
	{"nmi_panic", CRASH_NMI, false},
	{"panic", CRASH_PANIC, false},
};

/* Is `function` this one, whatever suffixes the compiler gave it (.cold, .part.0, .constprop.0)? */
static bool is(const char *function, const char *name)
{
	size_t len = strlen(name);

	if (len && name[len - 1] == '*')
		return strncmp(function, name, len - 1) == 0;
	return strncmp(function, name, len) == 0 && (!function[len] || function[len] == '.');
}

static bool has(const struct report_stack *s, size_t n, const struct rule *rule,
		const char **ret_by)
{
	const char *callee = "";

	for (size_t i = 0; i < n; i++) {
		if (!s->v[i].function || !s->v[i].reliable)
			continue;
		if (is(s->v[i].function, rule->function) &&
		    (!rule->panics || is(callee, "panic"))) {
			*ret_by = s->v[i].function;
			return true;
		}
		callee = s->v[i].function;
	}
	return false;
}

/* Does it only run when the kernel is dying? */
static bool is_dying(const struct report_frame *f)
{
	static const char *const names[] = {"panic",           "die",        "__die*",
					    "page_fault_oops", "no_context", "oops_end",
					    "die_kernel_fault"};

	for (size_t i = 0; f->reliable && f->function && i < ARRAY_SIZE(names); i++)
		if (is(f->function, names[i]))
			return true;
	return false;
}

/*
 * The frames of the first death of several: of a panic or an oops that was under way when an exception stopped it, in a
 * notifier or the like, the one that is furthest out. All of them, if there is none.
 */
static struct report_stack first_death(const struct report_stack *stack)
{
	struct report_stack from = *stack;
	bool was_stopped = false, found = false;

	for (size_t i = 0; i < stack->n; i++) {
		if (was_stopped && !found && is_dying(&stack->v[i])) {
			from.v = stack->v + i;
			from.n = stack->n - i;
			found = true;
		}
		if (stack->v[i].interrupted) {
			was_stopped = true;
			found = false;
		}
	}
	return from;
}

enum crash_class classify_stack(const struct report_stack *whole, const char **ret_by)
{
	static const struct rule sysrq = {.function = "sysrq_handle_crash"};
	static const struct rule killed = {.function = "rewind_stack_and_make_dead"};
	const struct report_stack first = first_death(whole), *stack = &first;
	size_t n = 0;
	const char *by = NULL;
	enum crash_class cls = CRASH_UNKNOWN;

	/*
	 * Of what was interrupted only the function itself counts: traps in list_add and the like are BUG() to the handler.
	 * The first frame may be one, too: where an NMI stopped the CPU.
	 */
	while (n < stack->n && !(n && stack->v[n].interrupted))
		n++;
	if (n < stack->n)
		n++;
	if (has(stack, stack->n, &sysrq, &by)) {
		cls = CRASH_SYSRQ; /* before v5.6 it writes to NULL (8341f2f222d7) */
	} else if (!has(stack, n, &killed, &by)) {
		/* a task that an oops killed has lost the stack that would tell */
		for (size_t i = 0; i < ARRAY_SIZE(rules) && cls == CRASH_UNKNOWN; i++)
			if (has(stack, n, &rules[i], &by))
				cls = rules[i].cls;
	}
	if (ret_by)
		*ret_by = cls == CRASH_UNKNOWN ? NULL : by;
	return cls;
}

void classify_frames(const struct report_stack *stack, struct crash *ret)
{
	ret->n_frames = 0;
	for (size_t i = 0; i < stack->n && ret->n_frames < CRASH_MAX_FRAMES; i++) {
		const struct report_frame *f = &stack->v[i];
		struct crash_frame *to = &ret->frames[ret->n_frames];

		if (!f->function)
			continue;
		*to = (struct crash_frame){.offset = f->offset,
					   .size = f->size,
					   .reliable = f->reliable,
					   .interrupted = f->interrupted};
		snprintf(to->function, sizeof(to->function), "%s", f->function);
		snprintf(to->module, sizeof(to->module), "%s", f->module ? f->module : "");
		ret->n_frames++;
	}
}

/* ---- log against stack */

static void note(struct report_verdict *v, const char *fmt, ...) _printf_(2, 3);

static void note(struct report_verdict *v, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	if (v->n_notes == REPORT_MAX_NOTES)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n >= 0)
		v->notes[v->n_notes++] = text;
}

/* A fault, which an exception's handler told. */
static bool is_fault(enum crash_class cls)
{
	return cls == CRASH_NULL_DEREF || cls == CRASH_BAD_PAGE_FAULT || cls == CRASH_GPF ||
	       cls == CRASH_BUG || cls == CRASH_DIVIDE || cls == CRASH_DOUBLE_FAULT;
}

/* May the log say `log` where the stack says `stack`? */
static bool compatible(enum crash_class log, enum crash_class stack)
{
	if (log == stack)
		return true;
	if (stack == CRASH_BAD_PAGE_FAULT) /* which address it was no register of a dump says */
		return log == CRASH_NULL_DEREF || log == CRASH_STACK_OVERFLOW || log == CRASH_KASAN;
	if (stack == CRASH_GPF) /* KASAN explains those of its own range */
		return log == CRASH_KASAN || log == CRASH_NULL_DEREF;
	if (stack == CRASH_BUG || stack == CRASH_WARN)
		return log == CRASH_LIST || log == CRASH_UBSAN ||
		       (stack == CRASH_BUG && log == CRASH_WARN);
	if (stack == CRASH_LIST)
		return log == CRASH_BUG || log == CRASH_WARN;
	if (stack == CRASH_DOUBLE_FAULT)
		return log == CRASH_STACK_OVERFLOW;
	if (stack == CRASH_NMI)
		return log == CRASH_HARD_LOCKUP || log == CRASH_MCE;
	return stack == CRASH_PANIC && !is_fault(log);
}

/* Is the place of such a crash on the stack of the CPU that panicked? */
static bool has_place(enum crash_class cls)
{
	return is_fault(cls) || cls == CRASH_SOFT_LOCKUP || cls == CRASH_LIST ||
	       cls == CRASH_WARN || cls == CRASH_STACK_OVERFLOW;
}

/* Does the log name a CPU or a task that hangs, while another one notices? */
static bool is_of_another(enum crash_class cls)
{
	return cls == CRASH_HUNG_TASK || cls == CRASH_RCU_STALL || cls == CRASH_HARD_LOCKUP;
}

static void compare_place(const struct crash *log, const struct crash *stack,
			  struct report_verdict *v)
{
	char a[SIGNATURE_FRAMES][CRASH_FUNCTION + CRASH_MODULE + 1];
	char b[SIGNATURE_FRAMES][CRASH_FUNCTION + CRASH_MODULE + 1];

	if (!has_place(log->cls) || !signature_frames(log, a) || !signature_frames(stack, b))
		return;
	if (strcmp(a[0], b[0]) != 0)
		note(v, "by the log it happened in %s, by the stack in %s", a[0], b[0]);
}

/* Adds a note for each thing that they do not agree in. */
static void compare(const struct classify_sources *s, const struct crash *stack, const char *by,
		    struct report_verdict *v)
{
	const struct crash *log = s->log;

	if (!compatible(log->cls, stack->cls))
		note(v, "the log says %s, the stack says %s, as %s is on it",
		     crash_class_name(log->cls), crash_class_name(stack->cls), by);
	/* who panicked is the one that found it */
	if (is_of_another(log->cls)) {
		compare_place(log, stack, v);
		return;
	}
	if (log->cpu >= 0 && s->cpu >= 0 && log->cpu != s->cpu)
		note(v, "the log's crash was on CPU %d, but CPU %d panicked", log->cpu, s->cpu);
	if (log->pid >= 0 && s->task && (uint64_t)log->pid != s->task->pid &&
	    (log->cpu < 0 || log->cpu == s->cpu))
		note(v, "the log says that task %" PRId64 " (%s) ran, CPU %d had %" PRIu32 " (%s)",
		     log->pid, log->comm, s->cpu, s->task->pid, s->task->comm);
	compare_place(log, stack, v);
}

/* ---- the verdict */

static void from_stack(const struct classify_sources *s, struct crash *ret)
{
	*ret = (struct crash){.cls = CRASH_UNKNOWN, .cpu = s->cpu, .pid = -1};
	if (s->task) {
		ret->pid = s->task->pid;
		snprintf(ret->comm, sizeof(ret->comm), "%s", s->task->comm);
	}
	snprintf(ret->release, sizeof(ret->release), "%s", s->release ? s->release : "");
	if (s->stack) {
		const struct report_stack first = first_death(s->stack);

		classify_frames(&first, ret);
	}
}

void classify_verdict(const struct classify_sources *sources, struct report_verdict *ret)
{
	struct crash *stack = calloc(1, sizeof(*stack)); /* too large for a stack of ours */
	const char *by = NULL;

	*ret = (struct report_verdict){.agreement = REPORT_NEITHER};
	if (!stack)
		return;
	from_stack(sources, stack);
	if (sources->stack && !sources->live)
		stack->cls = classify_stack(sources->stack, &by);
	ret->stack_class = stack->cls;
	ret->log_class = sources->log ? sources->log->cls : CRASH_UNKNOWN;
	if (!sources->log) {
		ret->crash = *stack;
		if (by) {
			ret->agreement = REPORT_STACK_ONLY;
			snprintf(ret->crash.title, sizeof(ret->crash.title),
				 "%s (%s is on the stack)", crash_class_name(stack->cls), by);
		}
	} else {
		ret->crash = *sources->log;
		ret->agreement = REPORT_LOG_ONLY;
		if (by) {
			compare(sources, stack, by, ret);
			ret->agreement = ret->n_notes ? REPORT_DISAGREE : REPORT_AGREE;
		}
	}
	if (ret->agreement != REPORT_NEITHER)
		signature_make(&ret->crash, &ret->signature);
	free(stack);
}
