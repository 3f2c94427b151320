/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the lab guest's PID 1 share; guest.c has the story. */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <stdbool.h>
#include <stddef.h>

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Tell the host that it may look at memory, or do something to the machine, and go on when it says so. */
void wait_for_host(const char *after);

void move_to_cpu(unsigned long cpu);

bool guest_put_text(const char *path, const char *text);

/* Once the panic kernel is loaded: load one whose command line ends with another number; load the same for changed hardware. */
void guest_load_another(unsigned long number);
void guest_reload(void);

/*
 * The machine's shape (guest_shape.c). The host is told `what` and changes the memory by so many MiB, more or fewer; comes
 * back when the kernel counts it. Then, for judges: what the machine is like, in the kernel's log.
 */
void guest_memory_changes(const char *what, long mib);
void guest_tell_shape(void);

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
