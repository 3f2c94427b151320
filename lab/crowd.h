/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the crowd share; crowd.c has the story. */
#ifndef LAB_CROWD_H
#define LAB_CROWD_H

#include <stddef.h>

/* Where file systems that do not answer are mounted. */
#define CROWD_FROZEN  "/frozen"         /* an ext4 that is frozen, with CROWD_FILES files */
#define CROWD_OVERLAY "/overlay"        /* an overlay whose upper folder is on that */
#define CROWD_FUSE    "/fuse"           /* a FUSE without a server */
#define CROWD_SLOW    "/dev/crowd-slow" /* a disk whose requests take for ever */
#define CROWD_FILES   8

/* How a task is to sleep. */
struct kind {
	const char *name;        /* becomes its comm; at most 15 characters */
	const char *states;      /* letters of /proc/PID/stat: one of them has to be reached */
	int count;               /* processes */
	void (*run)(int number); /* in the child; does not return */
};

extern const struct kind crowd_kinds[];
extern const size_t crowd_n_kinds;

/* A line on the console that begins with "lab: "; the second ends the guest, and never returns. */
void crowd_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void crowd_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
