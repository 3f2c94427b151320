/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel logged during a system call. An errno names one of many causes, and the line that tells which is
 * in the log only ("Lockdown: ... kexec of unsigned images is restricted"). A help for people: nothing here
 * fails, allocates or waits; what cannot be read is missing.
 */
#ifndef LOADER_KMSG_H
#define LOADER_KMSG_H

#include <stdbool.h>
#include <stddef.h>

#define KMSG_MAX_LINES   16
#define KMSG_LINE_SIZE   256  /* with the NUL; a longer line ends in "..." */
#define KMSG_MAX_RECORDS 1024 /* are looked at, whatever else is logged meanwhile */

/*
 * /dev/kmsg, opened without blocking: one record a read() (Documentation/ABI/testing/dev-kmsg). -1: it cannot be read
 * (privilege, kernel.dmesg_restrict, a container). Tests put a datagram socket here.
 */
struct kmsg {
	int fd;
};

struct kmsg_lines {
	char v[KMSG_MAX_LINES][KMSG_LINE_SIZE]; /* in the log's order; printable ASCII only */
	size_t n;
	size_t left_out; /* lines of the kernel's that found no room */
	bool lost;       /* records were overwritten before they were read, too long, or too many */
};

/* Call it before the system call: what was logged before is passed over. */
void kmsg_open(struct kmsg *k);

/*
 * The lines since kmsg_open() or the last kmsg_read(), of the kernel's own facility: what processes write there is
 * left out, as they cannot use that one. All of them, for no list of words is sure to have the one that matters;
 * but where there is no room for all, those that speak of kexec, signatures or lockdown displace the others.
 */
void kmsg_read(struct kmsg *k, struct kmsg_lines *ret);

void kmsg_close(struct kmsg *k);

#endif
