/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of work after a crash: log first, then the dump, then the record; each step in a child
 * under a deadline, none of them able to keep the machine from restarting.
 *
 *   examine   open the vmcore, learn what died           (a failure is recorded, the rest goes on)
 *   console   the log's last lines, before anything is touched
 *   modules   load drivers and file systems              (likewise)
 *   pstore    the log's last lines, where there is such a storage
 *   pre       the recipe's programs; if one fails there will be no dump
 *
 * and for each target of the recipe, until one has a whole dump:
 *
 *   network                                              where one leads there: link, addresses, the server's answer
 *   find, attach, begin                                  (a failure here and before: the next target)
 *   log       dmesg.txt
 *   note      crash.json, result "in-progress"
 *   dump      vmcore; "dump again" with as little memory as can be if it was killed, unfiltered if it crashed
 *   keep dump what a dump that was killed left stays if it is of use, else it goes
 *   record    crash.json, final
 *   manifest  SHA256SUMS; what cannot be read back is not safe ("record again"), and the next target is tried
 *   seal      it counts
 *   retain    old crashes go, if the dump is safe
 *   detach    (of the target that has it all: after "post")
 *
 * If "pre" failed, the first target that has the log is the last. If no target has even that, those that are log-only are
 * tried; if they fail, too, it is shown once more ("show log") and the kernel is asked to keep its own log ("keep log"). Then
 *
 *   post      the recipe's programs, with 0 if all that was wanted is safe, else 1, and with record_result_name()
 *
 * A target is given up, and not even unmounted, if a process on it could not be killed or two steps in a row were not done
 * in time. A hardware watchdog guards all of it from "modules" on.
 *
 * deadline-total bounds all of it. Until one target has the log, each gets the same share of it. Its last 30
 * seconds (at most a quarter) are kept for what follows the dump, so that one cut off by it is recorded as such: half of them
 * for the record, then a sixth each for the log where no target has it, for "post", and for the unmounting.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "base/log.h"
#include "base/root.h"
#include "base/sys.h"
#include "capture/record.h"

/* The world that the capture works on; tests give it folders and files of their own. */
struct capture_env {
	const struct sys *sys;
	const struct log *log;
	const char *vmcore;      /* "/proc/vmcore" */
	const char *modules;     /* RECIPE_MODULES_PATH */
	const struct root *root; /* where /proc, /sys and /dev are */
	const char *dev;         /* "/dev" */
	const char *sysfs;       /* "/sys" */
	const char *mountpoint;  /* "/target"; a number is put behind it */
	const char *sysrq;       /* "/proc/sysrq-trigger" */
	const char *shell;       /* "/bin/sh" */
};

/*
 * Do all of it. Returns 0 if a whole dump is safe (where no target is to have one: the log), whatever else failed; else the
 * first error. *rec, in shared memory (see step_shared_alloc), then tells what was reached.
 */
int capture_run(const struct capture_env *env, const struct recipe *recipe, struct record *rec,
		struct err *err);

/* For where not even the recipe can be read: show the log's last lines on the console. */
void capture_show_log(const struct capture_env *env);

#endif
