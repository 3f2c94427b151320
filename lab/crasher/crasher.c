// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/lab-crasher: a machine that is to be lost, lost in a way that is known. Written to it is
 *
 *	KIND CONTEXT [CPU]
 *
 * for one of kinds.c and of the contexts below, on that CPU or, without one, where the writer is. A write comes back with
 * an error if it was not understood, or if nothing has died after WAIT_SECONDS.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "crasher.h"

#define WAIT_SECONDS 10
#define ORDER_ROOM   64

struct crasher_context {
	const char *name;
	int (*enter)(int cpu); /* of a task that is bound to this CPU */
	bool sleeps;           /* what runs there may */
	bool busy;             /* until then the CPU has nothing else to interrupt than the task */
};

static const struct crasher_kind *crasher_order;
static DEFINE_SPINLOCK(crasher_lock);

static noinline void crasher_run(void)
{
	crasher_order->die();
	barrier(); /* no jump to it in place of a call */
}

static int crasher_in_task(int cpu)
{
	crasher_run();
	return 0;
}

static int crasher_in_atomic(int cpu)
{
	unsigned long flags;

	spin_lock_irqsave(&crasher_lock, flags);
	crasher_run();
	spin_unlock_irqrestore(&crasher_lock, flags);
	return 0;
}

static void crasher_irq(struct irq_work *work)
{
	crasher_run();
}

static int crasher_in_irq(int cpu)
{
	static struct irq_work work;

	init_irq_work(&work, crasher_irq);
	return irq_work_queue(&work) ? 0 : -EBUSY;
}

static void crasher_call(void *data)
{
	crasher_run();
}

/* Asked for by another CPU: it is no task's doing there. */
static int crasher_in_ipi(int cpu)
{
	int other = (int)cpumask_any_but(cpu_online_mask, (unsigned int)cpu);
	int err;

	if (other >= (int)nr_cpu_ids)
		return -ENODEV;
	err = set_cpus_allowed_ptr(current, cpumask_of(other));
	return err ? err : smp_call_function_single(cpu, crasher_call, NULL, 0);
}

static void crasher_timer(struct timer_list *timer)
{
	crasher_run();
}

static int crasher_in_softirq(int cpu)
{
	static struct timer_list timer;

	timer_setup(&timer, crasher_timer, 0);
	timer.expires = jiffies + 2;
	add_timer_on(&timer, cpu);
	return 0;
}

static void crasher_work(struct work_struct *work)
{
	crasher_run();
}

static int crasher_in_work(int cpu)
{
	static DECLARE_WORK(work, crasher_work);

	return schedule_work_on(cpu, &work) ? 0 : -EBUSY;
}

static int crasher_thread(void *data)
{
	crasher_run();
	return 0;
}

static int crasher_in_kthread(int cpu)
{
	struct task_struct *task = kthread_create(crasher_thread, NULL, "lab-kthread");

	if (IS_ERR(task))
		return (int)PTR_ERR(task);
	kthread_bind(task, (unsigned int)cpu);
	wake_up_process(task);
	return 0;
}

static const struct crasher_context contexts[] = {
	{"task", crasher_in_task, true, false},
	{"atomic", crasher_in_atomic, false, false}, /* a lock is held, interrupts are off */
	{"irq", crasher_in_irq, false, true},        /* of the CPU's own */
	{"ipi", crasher_in_ipi, false, false},       /* another CPU's */
	{"softirq", crasher_in_softirq, false, true},
	{"work", crasher_in_work, true, false},
	{"kthread", crasher_in_kthread, true, false},
};

static const struct crasher_context *crasher_find_context(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
		if (strcmp(contexts[i].name, name) == 0)
			return &contexts[i];
	return NULL;
}

/* The writer stays on the CPU; without one, on that where it is. */
static int crasher_bind(const char *word, int *ret)
{
	int cpu = raw_smp_processor_id();

	if (word && kstrtoint(word, 10, &cpu))
		return -EINVAL;
	if (cpu < 0 || cpu >= (int)nr_cpu_ids || !cpu_online((unsigned int)cpu))
		return -ENODEV;
	*ret = cpu;
	return set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static void crasher_wait(const struct crasher_context *context)
{
	unsigned long end = jiffies + WAIT_SECONDS * HZ;

	while (time_before(jiffies, end)) {
		if (context->busy)
			cond_resched(); /* while ksoftirqd waits for the CPU, softirqs wait for it */
		else
			msleep(100);
	}
}

static int crasher_obey(char *order)
{
	const char *kind_word = strsep(&order, " ");
	const char *context_word = strsep(&order, " ");
	const struct crasher_context *context;
	const struct crasher_kind *kind;
	int cpu, err;

	kind = crasher_find_kind(kind_word);
	context = context_word ? crasher_find_context(context_word) : NULL;
	if (!kind || !context || (kind->sleeps && !context->sleeps))
		return -EINVAL;
	err = crasher_bind(order, &cpu);
	if (err)
		return err;
	err = kind->prepare ? kind->prepare() : 0;
	if (err)
		return err;
	pr_info("lab_crasher: %s in %s on CPU %d\n", kind->name, context->name, cpu);
	crasher_order = kind;
	err = context->enter(cpu);
	if (err)
		return err;
	crasher_wait(context);
	return -ETIMEDOUT;
}

static ssize_t crasher_write(struct file *file, const char __user *text, size_t size, loff_t *at)
{
	char order[ORDER_ROOM];

	if (size >= sizeof(order))
		return -EINVAL;
	if (copy_from_user(order, text, size))
		return -EFAULT;
	order[size] = '\0';
	crasher_user = (void __user *)text;
	return crasher_obey(strim(order));
}

static const struct file_operations crasher_operations = {
	.owner = THIS_MODULE,
	.write = crasher_write,
};

static struct miscdevice crasher_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lab-crasher",
	.fops = &crasher_operations,
	.mode = 0200,
};

module_misc_device(crasher_device);
MODULE_DESCRIPTION("A machine that is to be lost, lost in a way that is known");
MODULE_LICENSE("GPL");
