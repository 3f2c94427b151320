// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ways to die. Each has a function of its own whose name is found on the stack of who died, so none is inlined, and
 * none ends with a call: its return address would be another function's.
 */
#include <linux/bug.h>
#include <linux/kdebug.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
#include <linux/panic_notifier.h>
#endif

#include "arch.h"
#include "crasher.h"

void __user *crasher_user;

static void *crasher_page; /* what a kind's preparation has got */
static int crasher_zero;   /* which the compiler must not know */
static volatile int
	crasher_calls; /* of functions that are to die only once; and behind the last call of each */

/* ---- what the kernel itself calls a death */

/* The compiler must not know that it does not come back: the call would be the function's end, and where it returns to another's. */
static void (*volatile crasher_panic)(const char *fmt, ...) = panic;

static noinline void crasher_do_panic(void)
{
	crasher_panic("crasher: told to panic");
	crasher_calls++;
}

static noinline void crasher_do_bug(void)
{
	BUG();
}

static noinline void crasher_do_warn(void)
{
	WARN(1, "crasher: told to warn\n");
	crasher_calls++;
}

/* ---- addresses */

static noinline void crasher_do_null(void)
{
	WRITE_ONCE(*(int *)(long)READ_ONCE(crasher_zero), 1);
}

/* In the kernel's half, where no kernel maps anything: errors are told by such pointers. */
static noinline void crasher_do_wild(void)
{
	WRITE_ONCE(*(int *)(READ_ONCE(crasher_zero) - 4088L), 1);
}

static noinline void crasher_do_gpf(void)
{
	WRITE_ONCE(*(int *)(READ_ONCE(crasher_zero) + CRASHER_ODD_ADDRESS), 1);
}

static int crasher_get_page(void)
{
	crasher_page = vzalloc(PAGE_SIZE);
	return crasher_page ? 0 : -ENOMEM;
}

/* A page that was there, was written to, and has been given back: its address is mapped no more. */
static int crasher_free_page(void)
{
	int err = crasher_get_page();

	if (err)
		return err;
	WRITE_ONCE(*(int *)crasher_page, 1);
	vfree(crasher_page);
	vm_unmap_aliases(); /* vfree() leaves the CPUs' TLBs as they are */
	return 0;
}

static noinline void crasher_do_use_after_free(void)
{
	WRITE_ONCE(*(int *)crasher_page, 2);
}

static noinline void crasher_do_exec(void)
{
	((void (*)(void))crasher_page)();
	crasher_calls++;
}

/* ---- the processor */

#ifdef CRASHER_HAS_DIVIDE
static noinline void crasher_do_divide(void)
{
	crasher_calls = (crasher_calls + 7) /
			READ_ONCE(crasher_zero); /* of 1 gcc would make a comparison */
}
#endif

static noinline int crasher_recurse(int depth)
{
	volatile char room[128];

	room[depth & 127] = (char)depth;
	if (READ_ONCE(crasher_zero) > depth)
		return depth;
	return crasher_recurse(depth + 1) + room[depth & 127];
}

static noinline void crasher_do_overflow(void)
{
	crasher_calls = crasher_recurse(1);
}

static noinline void crasher_do_double_fault(void)
{
	crasher_lose_stack();
}

/* ---- damage that the kernel looks for */

static noinline void crasher_do_list(void)
{
	LIST_HEAD(list);
	struct list_head entry, other;

	list_add(&entry, &list);
	list.next = &other;
	list_del(&entry);
	crasher_calls++;
}

static int crasher_get_object(void)
{
	crasher_page = kmalloc(64, GFP_KERNEL);
	return crasher_page ? 0 : -ENOMEM;
}

static noinline void crasher_do_usercopy(void)
{
	crasher_calls = (int)copy_to_user(crasher_user, crasher_page,
					  200 + (unsigned long)READ_ONCE(crasher_zero));
}

/* ---- nested */

static noinline void crasher_do_nested_null(void)
{
	WRITE_ONCE(*(int *)(READ_ONCE(crasher_zero) + 8L), 1);
}

static noinline void crasher_do_nested_panic(void)
{
	crasher_panic("crasher: told to panic while it panics");
	crasher_calls++;
}

static int crasher_null_once(struct notifier_block *block, unsigned long event, void *data)
{
	if (!crasher_calls++)
		crasher_do_nested_null();
	return NOTIFY_DONE;
}

static int crasher_panic_once(struct notifier_block *block, unsigned long event, void *data)
{
	if (!crasher_calls++)
		crasher_do_nested_panic();
	return NOTIFY_DONE;
}

static int crasher_null_in_oops(struct notifier_block *block, unsigned long event, void *data)
{
	return event == DIE_OOPS ? crasher_null_once(block, event, data) : NOTIFY_DONE;
}

static struct notifier_block crasher_panic_null = {.notifier_call = crasher_null_once};
static struct notifier_block crasher_panic_panic = {.notifier_call = crasher_panic_once};
static struct notifier_block crasher_oops_null = {.notifier_call = crasher_null_in_oops};

static int crasher_nest_panic_oops(void)
{
	return atomic_notifier_chain_register(&panic_notifier_list, &crasher_panic_null);
}

static int crasher_nest_panic_panic(void)
{
	return atomic_notifier_chain_register(&panic_notifier_list, &crasher_panic_panic);
}

static int crasher_nest_oops_oops(void)
{
	return register_die_notifier(&crasher_oops_null);
}

/* ---- those that are found by who waits for them */

static noinline void crasher_do_loop(void)
{
	preempt_disable();
	while (!READ_ONCE(crasher_zero))
		cpu_relax();
	preempt_enable();
}

static noinline void crasher_do_rcu(void)
{
	rcu_read_lock();
	while (!READ_ONCE(crasher_zero))
		cpu_relax();
	rcu_read_unlock();
}

static noinline void crasher_do_hang(void)
{
	while (!READ_ONCE(crasher_zero)) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
}

static const struct crasher_kind kinds[] = {
	{"panic", NULL, crasher_do_panic, false},
	{"bug", NULL, crasher_do_bug, false},
	{"warn", NULL, crasher_do_warn, false},
	{"null", NULL, crasher_do_null, false},
	{"wild", NULL, crasher_do_wild, false},
	{"gpf", NULL, crasher_do_gpf, false},
	{"use-after-free", crasher_free_page, crasher_do_use_after_free, false},
	{"exec", crasher_get_page, crasher_do_exec, false},
#ifdef CRASHER_HAS_DIVIDE
	{"divide", NULL, crasher_do_divide, false},
#endif
	{"overflow", NULL, crasher_do_overflow, false},
	{"double-fault", NULL, crasher_do_double_fault, false},
	{"list", NULL, crasher_do_list, false},
	{"usercopy", crasher_get_object, crasher_do_usercopy, true},
	/* these two want a kernel that is told `crash_kexec_post_notifiers`: else it captures before it tells anybody */
	{"panic-oops", crasher_nest_panic_oops, crasher_do_panic, false},
	{"panic-panic", crasher_nest_panic_panic, crasher_do_panic, false},
	{"oops-oops", crasher_nest_oops_oops, crasher_do_null, false},
	{"loop", NULL, crasher_do_loop, false},
	{"rcu", NULL, crasher_do_rcu, false},
	{"hang", NULL, crasher_do_hang, true},
};

const struct crasher_kind *crasher_find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}
