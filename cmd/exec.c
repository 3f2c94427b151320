// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/exec.h"

#define SYSTEMD_RUNS "/run/systemd/system" /* sd_booted(3) */

int exec_now(const struct root *root, const struct sys *sys, struct err *err)
{
	if (fact_is(facts_ordinary_loaded(root), 0))
		return err_set(err, ERR_NOT_LOADED,
			       "no kernel is loaded to start: load one with lifeboat load -l");
	sync();
	if (sys->reboot(LINUX_REBOOT_CMD_KEXEC))
		return err_sys(err, errno, "starting the loaded kernel");
	return err_set(err, ERR_SYSTEM,
		       "the loaded kernel was not started, without a reason given");
}

/* systemd stops all services, unmounts, and starts the kernel that is loaded. */
static int exec_gracefully(const struct root *root, struct err *err)
{
	if (fact_is(facts_ordinary_loaded(root), 0))
		return err_set(err, ERR_NOT_LOADED,
			       "no kernel is loaded to start: load one with lifeboat load -l");
	if (access(SYSTEMD_RUNS, F_OK))
		return err_set(
			err, ERR_UNSUPPORTED,
			"systemd does not run here, and nothing else stops the services: stop "
			"them, unmount what you can, and use --now");
	execlp("systemctl", "systemctl", "kexec", (char *)NULL);
	return err_sys(err, errno, "systemctl kexec");
}

static int exec_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool now = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "now", &now, "at once: no service is stopped, nothing is unmounted"),
	};
	struct root root;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	r = root_init(&root, NULL, err);
	if (r)
		return r;
	r = now ? exec_now(&root, &sys_kernel, err) : exec_gracefully(&root, err);
	root_deinit(&root);
	return r;
}

const struct cmd cmd_exec = {
	.name = "exec",
	.operands = "",
	.summary = "start the kernel loaded by `load -l`",
	.details = "Hands over to `systemctl kexec`, which stops the services, unmounts and starts "
		   "the\n"
		   "kernel that is loaded. With --now it starts at once, after a sync.",
	.run = exec_run,
	.group = CMD_IMAGES,
};
