/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resolves a path one component after the other, with symbolic links looked up by the caller: in a root, in order to
 * put each link on the way into an image, or in the image itself.
 */
#ifndef INITRAMFS_PATH_H
#define INITRAMFS_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * Look at `path`, which is absolute, and whose folders are no links. `last`: nothing of the path is behind it. For a
 * link put its target into the buffer, else leave that empty.
 */
typedef int (*path_look_fn)(void *ctx, const char *path, bool last, char ret_target[PATH_MAX],
			    struct err *err);

/*
 * Walk `path`; "." and ".." are followed as the kernel does (".." of the root is the root). ret: the same without links,
 * "/a/b", or "" for the root itself. More than 40 links and a path that is too long are ERR_CORRUPT; a path that is not
 * absolute is ERR_USAGE.
 */
int path_walk(const char *path, path_look_fn look, void *ctx, char ret[PATH_MAX],
	      struct err *err) _must_check_;

#endif
