/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hardware watchdog that restarts the machine if the capture hangs so badly that PID 1 cannot do it
 * (Documentation/watchdog/watchdog-api.rst). A child opens it and pets it, until the time of the whole capture is over;
 * PID 1 itself never touches the device, which may hang.
 */
#ifndef CAPTURE_WATCHDOG_H
#define CAPTURE_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"

struct watchdog;

/*
 * Start the child for the first of /dev/watchdog0 … that is there, below `dev` ("/dev"); NULL if there is none or no memory,
 * which is logged. `seconds`: the timeout that is asked for (a device may have only others: the nearest). It is petted
 * until `end_ms` of step_now_ms(), and killed with the process that has started it.
 */
struct watchdog *watchdog_start(const char *dev, unsigned int seconds, uint64_t end_ms,
				const struct log *log);

/* The name and the timeout of what is petted ("i6300ESB timer", 60; 0: not known), or false: not (yet). NULL is fine. */
bool watchdog_running(const struct watchdog *w, char *ret_name, size_t size,
		      unsigned int *ret_seconds);

/*
 * The machine is about to restart: no more petting, but the clock runs on, so that a restart that hangs is forced.
 * With `disarm` it is stopped for good: for a machine that is to be halted. Never blocks. NULL is fine.
 */
void watchdog_end(struct watchdog *w, bool disarm);

#endif
