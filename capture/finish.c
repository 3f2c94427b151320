// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/finish.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FINISH_SECONDS 20
#define SHELL_SECONDS  3600

struct finish {
	const struct capture_env *env;
	unsigned int how;
};

static int step_shell(void *ctx, struct err *err)
{
	const struct capture_env *env = ctx;
	char shell[64];
	char *const argv[] = {shell, NULL};

	snprintf(shell, sizeof(shell), "%s", env->shell);
	return step_exec(argv, err);
}

void finish_shell(const struct capture_env *env)
{
	const struct step_limits limits = {.ms = SHELL_SECONDS * 1000};
	struct capture_env copy = *env;
	struct step_outcome o;

	log_notice(env->log,
		   "a shell for at most %d minutes; the final action follows when it ends",
		   SHELL_SECONDS / 60);
	step_run(step_shell, &copy, &limits, &o);
	if (o.err.code)
		log_error(env->log, "shell: %s", o.err.msg);
}

static int step_reboot(void *ctx, struct err *err)
{
	const struct finish *f = ctx;

	f->env->sys->reboot(f->how);
	return err_set(err, ERR_SYSTEM, "the kernel did not obey");
}

void finish_machine(const struct capture_env *env, enum final_action action)
{
	static const unsigned int hows[] = {
		[FINAL_REBOOT] = LINUX_REBOOT_CMD_RESTART,
		[FINAL_POWEROFF] = LINUX_REBOOT_CMD_POWER_OFF,
		[FINAL_HALT] = LINUX_REBOOT_CMD_HALT,
	};
	static const char *const names[] = {
		[FINAL_REBOOT] = "reboot",
		[FINAL_POWEROFF] = "power off",
		[FINAL_HALT] = "halt",
	};
	const struct step_limits limits = {.ms = FINISH_SECONDS * 1000};
	struct finish f = {env, hows[action]};
	struct step_outcome o;

	log_notice(env->log, "final action: %s", names[action]);
	/* a driver's shutdown hook may hang, so this too is done by a child */
	step_run(step_reboot, &f, &limits, &o);
	log_error(env->log, "final action failed: %s",
		  o.err.code ? o.err.msg : "the machine still runs");
	if (action == FINAL_HALT)
		return; /* whoever wants it halted does not want it restarted */
	log_error(env->log, "restarting the hard way");

	_cleanup_close_ int fd = open(env->sysrq, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "b", 1) != 1)
		log_error(env->log, "%s: %s", env->sysrq, strerror(errno));
}
