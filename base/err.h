/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: a code and a chain of context in a buffer that the caller owns.
 *
 * Every function that can fail returns 0 or an enum err_code and takes the `struct err *` last.
 * Reporting never allocates: the capture kernel may be out of memory when it has to say why.
 * Inner functions say what was wrong (err_set), outer ones prepend on which object (err_wrap),
 * so a message reads from the outside in: "dump.elf: PT_NOTE 2: note at offset 40 ends at ...".
 * Out-parameters of a failed function are untouched.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/cleanup.h"

/*
 * These are also the exit codes of every lifeboat command (lifeboat(8), EXIT STATUS): append,
 * never renumber.
 */
enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM = 1,      /* a system call failed; the message ends in its errno's text */
	ERR_USAGE = 2,       /* the command line or a recipe asks for something impossible */
	ERR_NOT_LOADED = 3,  /* status: no panic kernel is loaded (the value kdumpctl uses) */
	ERR_CORRUPT = 4,     /* the input contradicts itself or its format */
	ERR_UNSUPPORTED = 5, /* well-formed, but a kind that this version does not handle */
	ERR_NOT_FOUND = 6,   /* a file, device, symbol, module or page that is not there */
	ERR_NO_SPACE = 7,    /* the target is full */
	ERR_NO_MEMORY = 8,   /* an allocation failed */
	ERR_REFUSED = 9,     /* the kernel refused by policy: privilege, lockdown, signature */
	ERR_TIMEOUT = 10,    /* a step did not end before its deadline */
	ERR_PARTIAL = 11,    /* a dump that was cut off, or an import that lost something */
	ERR_STALE = 12,      /* what was made before is not what would be made now */
};

#define ERR_MSG_SIZE 1024

struct err {
	int code; /* enum err_code of the first err_set() */
	int sys;  /* errno of the failed system call, else 0 */
	char msg[ERR_MSG_SIZE];
};

/* Set code and message; what was there before is lost. Returns `code`, so it can be returned. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) _printf_(3, 4);

/*
 * The same for a failed system call: appends ": " and the text of `sys` (an errno value).
 * ENOSPC/EDQUOT, ENOMEM, ENOENT and ETIMEDOUT choose their own code, everything else is ERR_SYSTEM.
 */
int err_sys(struct err *err, int sys, const char *fmt, ...) _printf_(3, 4);

/* Prepend "context: ". Returns err->code. The end of an over-long message is cut. */
int err_wrap(struct err *err, const char *fmt, ...) _printf_(2, 3);

/* ERR_NO_MEMORY for an allocation of `bytes` for `what`. */
int err_nomem(struct err *err, size_t bytes, const char *what);

#endif
