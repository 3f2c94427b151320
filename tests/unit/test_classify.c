// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "report/classify.h"

#define MAX 12

/* A stack by names, the innermost first; "*name": an exception stopped it there, "?name": not reliable. */
static struct report_stack stack_of(const char *const *names, struct report_frame v[MAX])
{
	struct report_stack s = {.v = v, .whole = true};

	for (; *names && s.n < MAX; names++) {
		const char *name = *names + strspn(*names, "*?");
		const char *colon = strchr(name, ':');

		v[s.n++] = (struct report_frame){
			.function = colon ? colon + 1 : name,
			.module = colon ? "acme" : NULL,
			.reliable = **names != '?',
			.interrupted = **names == '*',
		};
	}
	return s;
}

static const struct {
	enum crash_class want;
	const char *names[MAX];
} stacks[] = {
	{CRASH_SYSRQ,
	 {"*__crash_kexec", "panic", "sysrq_handle_crash", "__handle_sysrq.cold",
	  "write_sysrq_trigger"}},
	/* before 8341f2f222d7 it wrote to NULL */
	{CRASH_SYSRQ,
	 {"*crash_kexec", "oops_end", "page_fault_oops", "exc_page_fault", "asm_exc_page_fault",
	  "*sysrq_handle_crash"}},
	{CRASH_BAD_PAGE_FAULT,
	 {"*crash_kexec", "oops_end", "page_fault_oops", "exc_page_fault", "asm_exc_page_fault",
	  "*acme:acme_read", "vfs_read"}},
	{CRASH_GPF,
	 {"*crash_kexec", "oops_end", "exc_general_protection", "asm_exc_general_protection",
	  "*acme:acme_read"}},
	{CRASH_BUG,
	 {"*crash_kexec", "oops_end", "do_trap", "exc_invalid_op", "asm_exc_invalid_op",
	  "*acme:acme_read"}},
	{CRASH_LIST,
	 {"*crash_kexec", "oops_end", "do_trap", "exc_invalid_op", "asm_exc_invalid_op",
	  "*__list_del_entry_valid.cold", "acme:acme_read"}},
	{CRASH_WARN,
	 {"*crash_kexec", "panic", "check_panic_on_warn", "__warn", "report_bug", "handle_bug",
	  "exc_invalid_op", "asm_exc_invalid_op", "*acme:acme_read"}},
	{CRASH_DIVIDE, {"*crash_kexec", "oops_end", "exc_divide_error", "*acme:acme_read"}},
	{CRASH_STACK_OVERFLOW,
	 {"*crash_kexec", "oops_end", "handle_stack_overflow", "exc_double_fault",
	  "*acme:acme_read"}},
	{CRASH_SOFT_LOCKUP,
	 {"*crash_kexec", "panic", "watchdog_timer_fn.cold", "__hrtimer_run_queues",
	  "asm_sysvec_apic_timer_interrupt", "*acme:acme_spin"}},
	/* bug: an oops in one who was told of a panic was taken for the reason of it */
	{CRASH_PANIC,
	 {"__crash_kexec", "panic", "oops_end.cold", "page_fault_oops", "exc_page_fault",
	  "*acme:acme_notify", "atomic_notifier_call_chain", "panic", "acme:acme_read"}},
	{CRASH_SOFT_LOCKUP,
	 {"panic", "oops_end.cold", "page_fault_oops", "*acme:acme_notify", "panic",
	  "watchdog_timer_fn.cold", "asm_sysvec_apic_timer_interrupt", "*acme:acme_spin"}},
	/* the fault is the fault, whatever it stopped: what lies behind it is another matter */
	{CRASH_BAD_PAGE_FAULT,
	 {"*crash_kexec", "oops_end", "page_fault_oops", "exc_page_fault", "*acme:acme_timer",
	  "watchdog_timer_fn", "*acme:acme_spin"}},
	{CRASH_HARD_LOCKUP,
	 {"*crash_kexec", "panic", "nmi_panic", "watchdog_overflow_callback", "default_do_nmi",
	  "exc_nmi", "*acme:acme_spin"}},
	{CRASH_NMI,
	 {"*crash_kexec", "panic", "nmi_panic", "unknown_nmi_error", "exc_nmi", "*default_idle"}},
	{CRASH_HUNG_TASK, {"*crash_kexec", "panic", "watchdog", "kthread", "ret_from_fork"}},
	{CRASH_OOM, {"*crash_kexec", "panic", "out_of_memory", "__alloc_pages", "exc_page_fault"}},
	{CRASH_INIT, {"*crash_kexec", "panic", "do_exit.cold", "do_group_exit", "do_syscall_64"}},
	/* a module's panic in a task's exit is not init's end */
	{CRASH_PANIC, {"*crash_kexec", "panic", "acme:acme_release", "__fput", "do_exit"}},
	{CRASH_NO_ROOT,
	 {"*crash_kexec", "panic", "mount_block_root", "prepare_namespace", "kernel_init"}},
	{CRASH_PANIC,
	 {"*crash_kexec", "panic", "acme:acme_init", "do_one_initcall", "kernel_init"}},
	{CRASH_MCE, {"*crash_kexec", "mce_panic", "do_machine_check", "*default_idle"}},
	/* the stack that would tell is gone */
	{CRASH_UNKNOWN, {"*crash_kexec", "panic", "do_exit", "rewind_stack_and_make_dead"}},
	/* what was only found on the stack is no witness */
	{CRASH_UNKNOWN, {"*crash_kexec", "?panic", "?sysrq_handle_crash"}},
	{CRASH_UNKNOWN, {"*default_idle", "do_idle"}},
	{CRASH_UNKNOWN, {"panicky"}},
};

TEST(handlers_tell_the_class)
{
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		struct report_frame v[MAX];
		struct report_stack s = stack_of(stacks[i].names, v);
		const char *by = "";
		enum crash_class got = classify_stack(&s, &by);

		if (got != stacks[i].want)
			fail_msg("stack %zu: %s (by %s), not %s", i, crash_class_name(got), by,
				 crash_class_name(stacks[i].want));
		assert_int_equal(!by, got == CRASH_UNKNOWN);
	}
}

/* ---- log against stack */

static struct crash *log_crash; /* too large for a stack */
static struct report_verdict *verdict;
static struct report_frame frames[MAX];
static struct report_task task;

static void put_log_frame(const char *function, const char *module)
{
	struct crash_frame *f = &log_crash->frames[log_crash->n_frames++];

	*f = (struct crash_frame){.reliable = true, .interrupted = log_crash->n_frames == 1};
	snprintf(f->function, sizeof(f->function), "%s", function);
	snprintf(f->module, sizeof(f->module), "%s", module);
}

static int begin(void **state)
{
	(void)state;
	log_crash = calloc(1, sizeof(*log_crash));
	verdict = calloc(1, sizeof(*verdict));
	assert_true(log_crash && verdict);
	log_crash->cls = CRASH_NULL_DEREF;
	log_crash->cpu = 2;
	log_crash->pid = 77;
	snprintf(log_crash->comm, sizeof(log_crash->comm), "reader");
	snprintf(log_crash->title, sizeof(log_crash->title),
		 "BUG: kernel NULL pointer dereference");
	put_log_frame("acme_read", "acme");
	put_log_frame("vfs_read", "");
	task = (struct report_task){.pid = 77, .comm = "reader"};
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < verdict->n_notes; i++)
		free(verdict->notes[i]);
	free(verdict);
	free(log_crash);
	return 0;
}

static void judge(const struct crash *log, const char *const *names)
{
	struct report_stack s = stack_of(names, frames);
	const struct classify_sources sources = {
		.log = log,
		.stack = *names ? &s : NULL,
		.cpu = 2,
		.task = &task,
		.release = "6.1.0",
	};

	classify_verdict(&sources, verdict);
}

static const char *const fault[] = {
	"*crash_kexec", "oops_end", "page_fault_oops", "asm_exc_page_fault", "*acme:acme_read",
	"vfs_read",     NULL};
static const char *const none[] = {NULL};
static const char *const idle[] = {"*default_idle", "do_idle", NULL};

TEST(two_that_agree)
{
	judge(log_crash, fault);
	if (verdict->n_notes)
		fail_msg("%s", verdict->notes[0]);
	assert_int_equal(verdict->agreement, REPORT_AGREE);
	assert_int_equal(verdict->crash.cls, CRASH_NULL_DEREF);
	assert_int_equal(strlen(verdict->signature.func), 64);
}

#define assert_note(part)                                                         \
	do {                                                                      \
		assert_int_equal(verdict->agreement, REPORT_DISAGREE);            \
		assert_int_equal(verdict->n_notes, 1);                            \
		if (!strstr(verdict->notes[0], part))                             \
			fail_msg("'%s' is not in '%s'", part, verdict->notes[0]); \
	} while (0)

TEST(another_class)
{
	log_crash->cls = CRASH_OOM;
	judge(log_crash, fault);
	assert_note("the log says oom");
	assert_int_equal(verdict->crash.cls,
			 CRASH_OOM); /* the log's word, with the note beside it */
}

TEST(another_place)
{
	snprintf(log_crash->frames[0].function, CRASH_FUNCTION, "acme_write");
	judge(log_crash, fault);
	assert_note("acme_write");
}

TEST(another_cpu)
{
	log_crash->cpu = 5;
	judge(log_crash, fault);
	assert_note("CPU 5");
}

TEST(another_task)
{
	task.pid = 78;
	judge(log_crash, fault);
	assert_note("78 (reader)");
}

/* Who is named by the log hangs, who panicked has found it: they were said to disagree. */
TEST(who_hangs_and_who_notices)
{
	static const char *const hung[] = {"*crash_kexec", "panic", "watchdog", "kthread", NULL};

	log_crash->cls = CRASH_HUNG_TASK;
	log_crash->pid = 99;
	log_crash->cpu = -1;
	judge(log_crash, hung);
	assert_int_equal(verdict->agreement, REPORT_AGREE);
	log_crash->cls = CRASH_RCU_STALL;
	log_crash->cpu = 5;
	judge(log_crash, none);
	assert_int_equal(verdict->n_notes, 0);
}

/* The first registers of a dump are those of who saves them: a soft lockup seemed to be in the timer's functions. */
TEST(where_a_lockup_is)
{
	static const char *const soft[] = {"*__crash_kexec",
					   "panic",
					   "watchdog_timer_fn.cold",
					   "__hrtimer_run_queues",
					   "asm_sysvec_apic_timer_interrupt",
					   "*acme:acme_read",
					   "vfs_read",
					   NULL};

	log_crash->cls = CRASH_SOFT_LOCKUP;
	judge(log_crash, soft);
	if (verdict->n_notes)
		fail_msg("%s", verdict->notes[0]);
	assert_int_equal(verdict->agreement, REPORT_AGREE);
}

TEST(one_witness_or_none)
{
	judge(log_crash, none);
	assert_int_equal(verdict->agreement, REPORT_LOG_ONLY);
	judge(log_crash, idle);
	assert_int_equal(verdict->agreement, REPORT_LOG_ONLY);
	judge(NULL, idle);
	assert_int_equal(verdict->agreement, REPORT_NEITHER);
	assert_string_equal(verdict->signature.func, "");
	judge(NULL, none);
	assert_int_equal(verdict->agreement, REPORT_NEITHER);
}

/* A log that was overwritten: the signature is that of the same crash with its log. */
TEST(stack_alone_gives_the_same_signature)
{
	char with_log[65];

	log_crash->cls = CRASH_BAD_PAGE_FAULT;
	judge(log_crash, fault);
	memcpy(with_log, verdict->signature.func, sizeof(with_log));
	judge(NULL, fault);
	assert_int_equal(verdict->agreement, REPORT_STACK_ONLY);
	assert_int_equal(verdict->crash.pid, 77);
	assert_string_equal(verdict->crash.comm, "reader");
	assert_string_equal(verdict->signature.func, with_log);
}

/* Bug: of an oops in who was told of an oops the stack named the second one, the log the first. */
TEST(the_first_of_two_oopses)
{
	static const char *const twice[] = {
		"*acme:acme_told",    "notify_die",      "__die_body", "page_fault_oops",
		"asm_exc_page_fault", "*acme:acme_read", "vfs_read",   NULL};

	judge(log_crash, twice);
	if (verdict->n_notes)
		fail_msg("%s", verdict->notes[0]);
	assert_int_equal(verdict->agreement, REPORT_AGREE);
	judge(NULL, twice);
	assert_string_equal(verdict->signature.title, "bad-page-fault in acme:acme_read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_tell_the_class),
		cmocka_unit_test_setup_teardown(two_that_agree, begin, end),
		cmocka_unit_test_setup_teardown(who_hangs_and_who_notices, begin, end),
		cmocka_unit_test_setup_teardown(where_a_lockup_is, begin, end),
		cmocka_unit_test_setup_teardown(another_class, begin, end),
		cmocka_unit_test_setup_teardown(another_place, begin, end),
		cmocka_unit_test_setup_teardown(another_cpu, begin, end),
		cmocka_unit_test_setup_teardown(another_task, begin, end),
		cmocka_unit_test_setup_teardown(the_first_of_two_oopses, begin, end),
		cmocka_unit_test_setup_teardown(one_witness_or_none, begin, end),
		cmocka_unit_test_setup_teardown(stack_alone_gives_the_same_signature, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
