/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the lab guest's PID 1 share; guest.c has the story. */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <stddef.h>

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Make the folder if it is missing, and mount. */
void must_mount(const char *source, const char *target, const char *type, unsigned long flags);

/*
 * The disks besides the root disk, found by the serial number that QEMU gives each: its name. Both lists
 * have words NAME:FSTYPE:STAYS, and are cut into them.
 */

/*
 * Before the crash: copy /precious to each of them. Where STAYS is 1 the disk stays mounted and is written to until the
 * end, so that its journal has to be replayed.
 */
void guest_disks_write(char *list);

/* When it has booted again: copy all that is on each to a folder by its name in /lab-after. */
void guest_disks_copy(char *list);

/* Then: copy the records of persistent storage to /lab-after/pstore, if a driver for one is loaded. */
void guest_pstore_copy(void);

#endif
