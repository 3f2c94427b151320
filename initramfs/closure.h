/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program with all that it needs to run: its dynamic linker, the libraries that this will load, the interpreter of a
 * script, and the symbolic links that lead to each of them. Everything is looked up below a root as the capture
 * kernel and the dynamic linker will, which see the same paths in the image:
 *
 *   a library by its loader's DT_RPATH (and those of who loaded that) or DT_RUNPATH with $ORIGIN, then by
 *   /etc/ld.so.cache, then in the default folders; LD_LIBRARY_PATH plays no part (glibc 2.36, elf/dl-load.c,
 *   _dl_map_new_object). The cache goes into the image where a library is found by nothing else. /etc/ld.so.conf is
 *   read by ldconfig only, so it is not read here either.
 *
 *   Where a library is there for every processor, the variants for newer ones (glibc-hwcaps) stay out; where it is not,
 *   all variants go in.
 *
 * What cannot be seen: libraries that a program loads while it runs (dlopen: name services such as libnss_*, PAM, gconv,
 * plugins), the programs that a script or a program calls, and the files that they read. Name these as programs of
 * their own (a library is one, too), or do without.
 */
#ifndef INITRAMFS_CLOSURE_H
#define INITRAMFS_CLOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"

#define CLOSURE_MAX_SIZE    ((size_t)256 << 20) /* of all files together */
#define CLOSURE_MAX_FILE    ((size_t)16 << 20)
#define CLOSURE_MAX_ENTRIES 8192

enum closure_kind {
	CLOSURE_FOLDER,
	CLOSURE_LINK,
	CLOSURE_FILE,
};

struct closure_entry {
	enum closure_kind kind;
	char *path;    /* absolute; no folder in it is a link */
	char *target;  /* of a link */
	bool secret;   /* a file for root only: closure_add_file() */
	uint8_t *data; /* of a file */
	size_t len;
};

struct closure {
	const struct root *root;
	uint16_t machine; /* e_machine that programs and libraries must have */
	struct closure_entry *v;
	size_t n;
	size_t size;    /* of all files */
	uint8_t *cache; /* /etc/ld.so.cache, once it was wanted */
	size_t cache_len;
	bool cache_read;
};

void closure_init(struct closure *c, const struct root *root, uint16_t machine);
void closure_deinit(struct closure *c);

/*
 * Add `program` (an absolute path) and what it needs, each file once. Not there, or a library or an interpreter that it
 * needs is not: ERR_NOT_FOUND. No program, not executable, for another machine, in a folder that something is mounted
 * over in the capture kernel (/dev, /proc, /sys, /run, /target): ERR_USAGE. Damaged files, circles of links or
 * interpreters: ERR_CORRUPT. More than the limits above: ERR_UNSUPPORTED. After a failure the closure is good for nothing
 * but closure_deinit().
 */
int closure_add(struct closure *c, const char *program, struct err *err) _must_check_;

/*
 * Add a file as it is, and the links on the way to it; nobody but root may read it there. Not there: ERR_NOT_FOUND; no regular file,
 * larger than CLOSURE_MAX_FILE, or in a folder as above: ERR_USAGE.
 */
int closure_add_file(struct closure *c, const char *path, struct err *err) _must_check_;

/*
 * What the programs that are there load without saying so: beside a glibc its libnss_files, without which no user is known
 * before glibc 2.34 (NEWS of 2.34: since then it is a part of libc).
 */
int closure_add_accounts(struct closure *c, struct err *err) _must_check_;

#endif
