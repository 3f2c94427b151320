/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the configuration to the recipe: each target's device by a name that holds in the capture kernel, its file system
 * type and options, and the modules of all that stands between it and the CPU. Everything is read below a root.
 */
#ifndef CONFIG_RESOLVE_H
#define CONFIG_RESOLVE_H

#include "base/root.h"
#include "config/config.h"

/*
 * Make the recipe. `kernel` is the version of the capture kernel. What cannot be resolved (no such device, one
 * behind LVM, LUKS, MD or multipath, a btrfs on several devices, a file system that cannot be written) is an error
 * naming the target's line. *ret_notes, NULL-terminated, says what was found and what is doubtful, for people; both
 * are the caller's (recipe_free_strings).
 */
int resolve_recipe(const struct config *config, const struct root *root, const char *kernel,
		   struct recipe **ret, char ***ret_notes, struct err *err) _must_check_;

#endif
