/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of work after a crash: log first, then the dump, then the record; each step in a child
 * under a deadline, none of them able to keep the machine from restarting.
 *
 *   examine   open the vmcore, learn what died           (a failure is recorded, the rest goes on)
 *   modules   load drivers and file system               (likewise)
 *   device    wait for the target's block device         ┐
 *   mount     mount it                                   │ a failure here: "show log", the log's
 *   folder    make the crash's folder                    │ last lines, goes to the console at once
 *   log       dmesg.txt                                  ┘
 *   note      crash.json, result "in-progress"
 *   dump      vmcore
 *   record    crash.json, final
 *   unmount
 *
 * deadline-total bounds all of it. Its last 30 seconds (at most a quarter) are kept for what follows
 * the dump, so that a dump cut off by it is recorded as such and the file system unmounted.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "base/log.h"
#include "base/sys.h"
#include "capture/record.h"

/* The world that the capture works on; tests give it folders and files of their own. */
struct capture_env {
	const struct sys *sys;
	const struct log *log;
	const char *vmcore;     /* "/proc/vmcore" */
	const char *modules;    /* RECIPE_MODULES_PATH */
	const char *sys_block;  /* "/sys/class/block" */
	const char *dev;        /* "/dev" */
	const char *mountpoint; /* "/target" */
	const char *sysrq;      /* "/proc/sysrq-trigger" */
};

/*
 * Do all of it. Returns 0 if log and dump are safe, whatever else failed; else the first error. *rec,
 * in shared memory (see step_shared_alloc), then tells what was reached.
 */
int capture_run(const struct capture_env *env, const struct recipe *recipe, struct record *rec,
		struct err *err);

/* For where not even the recipe can be read: show the log's last lines on the console. */
void capture_show_log(const struct capture_env *env);

/*
 * Restart, power off or halt; does not return if the kernel obeys. If it does not obey within 20
 * seconds, restart by sysrq, except where the machine was to be halted.
 */
void capture_finish(const struct capture_env *env, enum final_action action);

#endif
