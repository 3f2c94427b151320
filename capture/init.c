// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lifeboat-init: PID 1 of the capture kernel. It has no options: the recipe in the initramfs says all.
 * Whatever happens, it ends in the final action; should it die itself, the kernel panics and, since
 * kernel.panic is set first of all, restarts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "capture/finish.h"

#define PANIC_SECONDS        "10"
#define LOCKUP_SECONDS       "60" /* the most that the kernel takes */
#define HUNG_CHECK_SECONDS   "10"
#define HUNG_MARGIN          60 /* seconds, for the final action */
#define SYSLOG_CONSOLE_LEVEL 8  /* syslog(2): SYSLOG_ACTION_CONSOLE_LEVEL */

static const struct root real_root = {.fd = -1, .path = ""};

static const struct capture_env real_env = {
	.sys = &sys_kernel,
	.vmcore = "/proc/vmcore",
	.modules = RECIPE_MODULES_PATH,
	.root = &real_root,
	.dev = "/dev",
	.sysfs = "/sys",
	.mountpoint = "/target",
	.sysrq = "/proc/sysrq-trigger",
	.shell = "/bin/sh",
};

static void set_sysctl(const char *path, const char *value)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		return; /* it stays as it was; nothing depends on it but comfort */
}

/*
 * PID 1 itself may get stuck in the kernel, as in a page fault that has to wait for a disk that hangs, and not every machine
 * has a watchdog. Then the kernel's search for such tasks (CONFIG_DETECT_HUNG_TASK) restarts the machine. Not before the
 * whole time is over: a step that was left behind may be stuck all of that time, and the next target still be good.
 */
static void guard_against_hanging(unsigned int seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", seconds);
	set_sysctl("/proc/sys/kernel/hung_task_timeout_secs", text);
	set_sysctl("/proc/sys/kernel/hung_task_check_interval_secs", HUNG_CHECK_SECONDS);
	set_sysctl("/proc/sys/kernel/hung_task_panic", "1");
}

static void mount_pseudo(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, MS_NOSUID | MS_NOEXEC, "") && errno != EBUSY)
		fprintf(stderr, "lifeboat: mount %s: %s\n", where, strerror(errno));
}

/* Unless panic= on the command line has its own time for that; 0 is to stand still for ever. */
static void restart_after_panic(void)
{
	char value[2] = "0";
	_cleanup_close_ int fd = open("/proc/sys/kernel/panic", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, value, sizeof(value)) < 1 || (value[0] == '0'))
		set_sysctl("/proc/sys/kernel/panic", PANIC_SECONDS);
}

static void set_up(struct log *log)
{
	mount_pseudo("proc", "/proc");
	restart_after_panic();
	/*
	 * With one CPU a driver that spins keeps PID 1 from running. Where no watchdog of the hardware's sees that, the
	 * kernel's own does: after twice this time, which is long for any device (Documentation/admin-guide/lockup-watchdogs.rst).
	 */
	set_sysctl("/proc/sys/kernel/watchdog_thresh", LOCKUP_SECONDS);
	set_sysctl("/proc/sys/kernel/softlockup_panic", "1");
	/* but a step that is stuck in the kernel is given up by us, and the next target tried */
	set_sysctl("/proc/sys/kernel/hung_task_panic", "0");
	/* a driver's oops ends the step that met it; the next target may do without that driver */
	set_sysctl("/proc/sys/kernel/panic_on_oops", "0");
	mount_pseudo("sysfs", "/sys");
	mount_pseudo("devtmpfs", "/dev");
	/* all our lines, and they only, on every console: "quiet" may be on the command line */
	/* not without the newline: devkmsg_sysctl_set_loglvl (kernel/printk/printk.c) counts it */
	set_sysctl("/proc/sys/kernel/printk_devkmsg", "on\n");
	klogctl(SYSLOG_CONSOLE_LEVEL, NULL, LOG_LEVEL_NOTICE + 1);
	log_init_kmsg(log, "lifeboat");
}

static int read_recipe(struct recipe **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = io_read_file(RECIPE_IMAGE_PATH, RECIPE_MAX_SIZE, &text, &len, err);

	if (r)
		return r;
	return recipe_create((struct bytes){(const uint8_t *)text, len}, RECIPE_IMAGE_PATH, ret,
			     err);
}

/* A step that was left behind in the kernel must not end what somebody wants to look at. */
static void let_stand_still(void)
{
	set_sysctl("/proc/sys/kernel/hung_task_panic", "0");
}

static enum final_action capture(const struct capture_env *env)
{
	struct record *rec = step_shared_alloc(sizeof(*rec));
	struct recipe *recipe;
	struct err err = {0};

	if (!rec) {
		log_error(env->log, "no memory for the record (%zu bytes)", sizeof(*rec));
		capture_show_log(env);
		return FINAL_REBOOT;
	}
	if (access(env->vmcore, F_OK)) {
		log_error(env->log, "%s: %s; this is not a capture kernel started after a crash",
			  env->vmcore, strerror(errno));
		return FINAL_REBOOT;
	}
	if (read_recipe(&recipe, &err)) {
		log_error(env->log, "%s", err.msg);
		capture_show_log(env);
		return FINAL_REBOOT;
	}
	guard_against_hanging(recipe->deadline_total + HUNG_MARGIN);
	if (capture_run(env, recipe, rec, &err)) {
		log_error(env->log, "capture not complete: %s", err.msg);
		if (recipe->failure != FINAL_SHELL)
			return recipe->failure;
		let_stand_still();
		finish_shell(env);
	}
	return recipe->final;
}

int main(void)
{
	struct capture_env env = real_env;
	enum final_action action;
	struct log log;

	if (getpid() != 1) {
		fprintf(stderr, "lifeboat-init is the first process of a capture kernel (see "
				"lifeboat-init(8));\n"
				"`lifeboat initramfs` packs it, nobody else starts it.\n");
		return ERR_USAGE;
	}
	set_up(&log);
	env.log = &log;
	log_notice(&log, "version %s", LIFEBOAT_VERSION);
	action = capture(&env);
	if (action == FINAL_HALT)
		let_stand_still();
	finish_machine(&env, action);
	while (action == FINAL_HALT)
		pause();
	return ERR_SYSTEM; /* the last resort: a kernel without its init panics, and so restarts */
}
