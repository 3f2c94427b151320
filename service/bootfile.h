/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that command lines are kept in: read as one text of at most BOOTEDIT_MAX_SIZE, replaced durably by a rename. */
#ifndef SERVICE_BOOTFILE_H
#define SERVICE_BOOTFILE_H

#include "service/bootloader.h"

/* `path` with all links followed, malloc'ed; the end need not be there. NULL: *err says why. */
char *bootfile_real_path(const struct root *root, const char *path, struct err *err);

/* Links are followed. *ret is malloc'ed; what is no regular file is ERR_UNSUPPORTED, what is no text ERR_CORRUPT. */
int bootfile_read(const struct root *root, const char *path, char **ret,
		  struct err *err) _must_check_;

/*
 * The same of one that was planned for by its real path, so no link is followed. *ret NULL: there is no such file (any more);
 * what is no text of a regular file any more is ERR_STALE.
 */
int bootfile_read_now(const struct root *root, const char *path, char **ret,
		      struct err *err) _must_check_;

/*
 * Make this change: durable when it returns; before that the file is as it was. Owner and mode stay. For a new file its folder
 * is made, not those above it.
 */
int bootfile_write(const struct root *root, const struct bootloader_change *c,
		   struct err *err) _must_check_;

#endif
