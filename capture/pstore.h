/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log's end in the machine's persistent storage (Documentation/admin-guide/ramoops.rst, fs/pstore/): the last
 * place for it where no target can be written. Everything here may block and runs in steps.
 */
#ifndef CAPTURE_PSTORE_H
#define CAPTURE_PSTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Is there a node to write to? Most machines have none, and need not read the log for it. */
bool pstore_takes_messages(const char *dev);

/*
 * Write text to /dev/pmsg0 (CONFIG_PSTORE_PMSG; kept by the backends that can, like ramoops). ERR_NOT_FOUND if there is
 * none. `dev` is "/dev".
 */
int pstore_write(const char *dev, const char *text, size_t len, struct err *err) _must_check_;

/*
 * Have the kernel hand its own log to the backend when the machine restarts (printk.always_kmsg_dump: without it
 * kmsg_dump() of kernel/printk/printk.c leaves out all that is no oops), which firmware variables keep: for a capture
 * whose log is on no target, after it was shown on the console and so in the capture kernel's log. pstore keeps the
 * last 10 KiB (CONFIG_PSTORE_DEFAULT_KMSG_BYTES), after compression where it can: little may be logged behind it.
 * `sys` is "/sys". ERR_NOT_FOUND if no backend is registered.
 */
int pstore_keep_kernel_log(const char *sys, struct err *err) _must_check_;

#endif
