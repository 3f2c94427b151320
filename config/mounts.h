/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted where: /proc/self/mountinfo (proc_pid_mountinfo(5); written by show_mountinfo() in fs/proc_namespace.c
 * of Linux). The text is taken for hostile.
 */
#ifndef CONFIG_MOUNTS_H
#define CONFIG_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"

#define MOUNTS_MAX_SIZE ((size_t)32 << 20)
#define MOUNTS_MAX      131072

/* Strings are without escapes, `options` excepted: there an escaped comma is part of a value. */
struct mount {
	unsigned int id, parent;
	unsigned int major, minor;
	char *root; /* what of the file system is mounted: "/", or the folder of a bind mount or a subvolume */
	char *at;      /* where */
	char *flags;   /* "rw,noatime": of this mount */
	char *type;    /* "ext4", "fuse.sshfs" */
	char *source;  /* "/dev/vda1", a share's tag, anything */
	char *options; /* "rw,errors=remount-ro": of the file system */
};

struct mounts {
	struct mount *v;
	size_t n;
};

/* A line that is no mount is ERR_CORRUPT naming it. After success mounts_deinit it. */
int mounts_parse(struct bytes text, const char *name, struct mounts *ret,
		 struct err *err) _must_check_;
int mounts_read(const struct root *root, struct mounts *ret, struct err *err) _must_check_;
void mounts_deinit(struct mounts *m);

/*
 * The mount that an absolute path without links leads to, as a walk from the root would find it: a mount that is hidden
 * by a later one is not taken. NULL if not even "/" is there. *ret_rest is the part of the path below mount->at: "" or
 * "/…", a piece of `path`.
 */
const struct mount *mounts_of_path(const struct mounts *m, const char *path, const char **ret_rest);

/* Has a list like "rw,noatime,uid=0" this word, or one that begins with it if it ends in '='? Its value, or NULL. */
const char *mounts_option(const char *options, const char *word, size_t *ret_len);

#endif
