/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of this machine, run without a shell: by their arguments, under a time limit, with what they say heard. Each is in
 * a process group of its own, with nothing on standard input; when it ends, or has to, whatever is still in that group goes too.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What PATH is for those that are not to be found, nor to find others, anywhere else. */
#define PROGRAM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A piece of what it says, on either of its outputs, or "" while it says nothing. False: enough, end it. */
typedef bool (*program_fn)(void *ctx, const char *text, size_t len);

struct program {
	const char *const *argv; /* argv[0]: a path, or a name that is looked for in PATH */
	uint64_t ms;             /* at most */
	const char *path;        /* its PATH; NULL: ours */
	const char *package;     /* which has it, for the message; NULL: nobody knows */
	const atomic_bool *stop; /* becomes true: end it; NULL: nothing does */
	/* It asks people: it has our standard input and error, and its output goes there; on a terminal it stays in our group. */
	bool asks;
	bool dies_with_us; /* however we end; else it ends what it has begun */
};

enum program_end {
	PROGRAM_EXITED,  /* by itself: its status */
	PROGRAM_KILLED,  /* by a signal that was not ours: its number */
	PROGRAM_ENOUGH,  /* the rest by us: because of what it said, */
	PROGRAM_LATE,    /* its time was up, */
	PROGRAM_STOPPED, /* or we are to stop */
};

struct program_result {
	enum program_end end;
	int status;
	uint64_t took_ms;
};

/*
 * Where a program is: in PATH, or in PROGRAM_PATH, as people's PATH may have no sbin. Of PATH only absolute folders count.
 * ERR_NOT_FOUND naming it and `package`.
 */
int program_find(const char *name, const char *package, char ret[PATH_MAX],
		 struct err *err) _must_check_;

/*
 * Run it; `said` (may be NULL) hears what it says. An error of its own only if it could not be started: ERR_NOT_FOUND if there
 * is no such program.
 */
int program_watch(const struct program *p, program_fn said, void *ctx, struct program_result *ret,
		  struct err *err) _must_check_;

/*
 * Run one that has to succeed. Another status than 0 or a signal is ERR_SYSTEM, too late or stopped ERR_TIMEOUT, each with its
 * last words.
 */
int program_run(const struct program *p, struct err *err) _must_check_;

#endif
