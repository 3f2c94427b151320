// SPDX-License-Identifier: GPL-2.0-or-later
/* Which functions are on a stack because of the crash, or of how one got there: the tables of docs/signature.md. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "crash/names.h"

/* A name ends in '*' where whatever follows belongs to it. */
static const char *const reporting[] = {
	/* panic and oops */
	"__bad_area*",
	"__crash_kexec",
	"__die*",
	"__do_kernel_fault",
	"__warn",
	"__warn_printk",
	"bad_area*",
	"bad_mode",
	"check_panic_on_warn",
	"crash_kexec",
	"crash_save_cpu",
	"crash_setup_regs",
	"die",
	"die_addr",
	"die_kernel_fault",
	"do_error_trap",
	"do_kern_addr_fault",
	"do_trap*",
	"fixup_bug",
	"handle_bug",
	"kernelmode_fixup_or_oops",
	"machine_kexec",
	"nmi_panic*",
	"no_context",
	"oops_*",
	"page_fault_oops",
	"panic",
	"panic_*",
	"report_bug",
	"vpanic",
	"warn_slowpath_*",
	/* faults */
	"__do_page_fault",
	"__exc_*",
	"asm_exc_*",
	"async_page_fault",
	"bad_stack*",
	"brk_handler",
	"bug_brk_handler",
	"bug_handler",
	"call_break_hook",
	"call_el1_break_hook",
	"divide_error",
	"do_bad_area",
	"do_debug_exception",
	"do_divide_error",
	"do_double_fault",
	"do_el1_*",
	"do_general_protection",
	"do_invalid_op",
	"do_mem_abort",
	"do_page_fault",
	"do_serror",
	"do_sp_pc_abort",
	"do_tag_check_fault",
	"do_translation_fault",
	"do_user_addr_fault",
	"spurious_kernel_fault*",
	"do_undefinstr",
	"double_fault",
	"early_brk64",
	"el1_*",
	"el1h_64_error*",
	"el1h_64_sync*",
	"exc_*",
	"general_protection",
	"handle_bad_stack",
	"invalid_op",
	"page_fault",
	"arm64_serror_panic",
	"__bad_stack",
	"ubsan_brk_handler",
	"kasan_brk_handler",
	"cfi_brk_handler",
	/* printing */
	"__dump_stack",
	"dump_backtrace*",
	"dump_stack*",
	"nmi_cpu_backtrace*",
	"nmi_trigger_*",
	"sched_show_task",
	"show_backtrace*",
	"show_regs*",
	"show_stack*",
	"show_trace*",
	"trigger_all*",
	"trigger_cpumask*",
	"trigger_single*",
	"arch_trigger_*",
	/* watchdogs */
	"__perf_event_overflow",
	"check_cpu_stall",
	"check_hung_*",
	"hardlockup_*",
	"hung_task_*",
	"is_softlockup",
	"lockup_detector_*",
	"print_cpu_stall",
	"print_other_cpu_stall",
	"perf_event_overflow",
	"rcu_check_callbacks",
	"rcu_dump_*",
	"rcu_pending",
	"rcu_sched_clock_irq",
	"softlockup_*",
	"watchdog",
	"watchdog_buddy_*",
	"watchdog_check_hardlockup*",
	"watchdog_hardlockup_*",
	"watchdog_overflow_callback",
	"watchdog_timer_fn*",
	/* sanitizers and checks */
	"__asan_*",
	"__check_heap_object",
	"__check_object_size*",
	"__fortify_panic",
	"__fortify_report",
	"__hwasan_*",
	"__kasan_*",
	"__kfence_*",
	"__list_add_valid*",
	"__list_del_entry_valid*",
	"__stack_chk_fail",
	"__tsan_*",
	"__msan_*",
	"__ubsan_*",
	"check_memory_region*",
	"fortify_panic",
	"kasan_*",
	"kcsan_*",
	"kfence_*",
	"kmsan_*",
	"print_address_description*",
	"print_report*",
	"refcount_warn_saturate",
	"ubsan_*",
	"usercopy_abort",
	/* sysrq */
	"__handle_sysrq",
	"handle_sysrq",
	"sysrq_*",
	"write_sysrq_trigger",
	/* memory that ran out */
	"dump_header",
	"oom_kill_process",
	"out_of_memory",
	/* going to sleep */
	"__schedule",
	"__switch_to",
	"context_switch",
	"io_schedule*",
	"preempt_schedule*",
	"schedule",
	"schedule_hrtimeout*",
	"schedule_preempt_disabled",
	"schedule_timeout*",
};

/* How a task got into the kernel, or what began it. */
static const char *const entries[] = {
	/* system calls */
	"__do_fast_syscall_32",
	"__do_sys_*",
	"__ia32_compat_sys_*",
	"__ia32_sys_*",
	"__se_compat_sys_*",
	"__se_sys_*",
	"__x64_sys_*",
	"__arm64_sys_*",
	"__arm64_compat_sys_*",
	"do_el0_*",
	"do_fast_syscall_32",
	"do_int80_*",
	"do_syscall_32*",
	"do_syscall_64",
	"el0_*",
	"el0t_*",
	"entry_*",
	"ia32_sys_call",
	"invoke_syscall*",
	"ret_fast_syscall",
	"syscall_*",
	"x64_sys_call",
	"SyS_*",
	/* interrupts */
	"__common_interrupt",
	"__do_softirq",
	"__irq_exit_rcu",
	"__irq_svc",
	"__sysvec_*",
	"apic_timer_interrupt",
	"asm_common_interrupt",
	"asm_sysvec_*",
	"call_function_interrupt",
	"call_on_irq_stack",
	"call_function_single_interrupt",
	"common_interrupt",
	"do_IRQ",
	"do_interrupt_handler",
	"do_softirq*",
	"el1_interrupt*",
	"el1_irq*",
	"el1h_64_fiq*",
	"el1h_64_irq*",
	"gic_handle_irq*",
	"handle_softirqs",
	"irq_exit*",
	"reschedule_interrupt",
	"ret_from_intr",
	"smp_apic_timer_interrupt",
	"smp_call_function_interrupt",
	"smp_call_function_single_interrupt",
	"smp_reschedule_interrupt",
	"sysvec_*",
	/* kernel threads, idle tasks and the boot */
	"cpu_startup_entry",
	"kernel_init",
	"kthread",
	"rest_init",
	"ret_from_fork*",
	"secondary_start_kernel",
	"smpboot_thread_fn",
	"start_kernel",
	"start_secondary",
	"worker_thread",
	"x86_64_start_*",
};

static bool is_in(const char *const *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(table[i]);

		if (table[i][len - 1] == '*' ? strncmp(name, table[i], len - 1) == 0
					     : strcmp(name, table[i]) == 0)
			return true;
	}
	return false;
}

const char *names_reporting(size_t i)
{
	return i < ARRAY_SIZE(reporting) ? reporting[i] : NULL;
}

const char *names_entry(size_t i)
{
	return i < ARRAY_SIZE(entries) ? entries[i] : NULL;
}

bool names_is_entry(const char *name)
{
	return is_in(entries, ARRAY_SIZE(entries), name);
}

bool names_is_reporting(const char *name)
{
	/* an interrupt's way in on arm64 has the same beginning as a fault's */
	return is_in(reporting, ARRAY_SIZE(reporting), name) && !names_is_entry(name);
}
