/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MD arrays with superblocks, by the kernel's ioctls (include/uapi/linux/raid/md_u.h): which member is which is the kernel's matter. */
#ifndef STORAGE_MD_H
#define STORAGE_MD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "base/sys.h"
#include "storage/device.h"
#include "storage/mdraid.h"

/* Does this array ("md127") run? */
bool md_runs(const struct root *root, const char *name);

/*
 * Start the array of this name of the members at these nodes, of which `first` is the superblock; what does not belong to it,
 * or is older than the others, the kernel leaves out. If it fails there is none. Nothing is rebuilt: that is for the system
 * that comes after.
 */
int md_start(const struct root *root, const struct sys *sys, const char *name,
	     const struct mdraid *first, const char *const *nodes, size_t n,
	     struct err *err) _must_check_;

/* One that is in use is left: *ret_busy. */
int md_stop(const struct root *root, const struct sys *sys, const char *name, bool *ret_busy,
	    struct err *err) _must_check_;

#endif
