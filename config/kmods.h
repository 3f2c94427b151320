/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel has as modules and what is built into it: the text files that the kernel's build and depmod(8) leave in
 * its module folder. Names that only exist now must not get into a recipe: the image could not be built.
 */
#ifndef CONFIG_KMODS_H
#define CONFIG_KMODS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"

enum kmods_kind {
	KMODS_NONE,
	KMODS_BUILTIN,
	KMODS_FILE,
};

struct kmods;

/*
 * Read modules.dep, .alias, .builtin and .builtin.modinfo of /lib/modules/KERNEL (or /usr/lib/modules) below the root.
 * A file that is not there is empty; a kernel without modules has none of them.
 */
int kmods_create(const struct root *root, const char *kernel, struct kmods **ret,
		 struct err *err) _must_check_;
void kmods_destroy(struct kmods *k); /* NULL is fine */

/* Is there a module folder at all? If not, nothing is known. */
bool kmods_known(const struct kmods *k);

/* By a module's name, in which '-' and '_' are the same. */
enum kmods_kind kmods_find(const struct kmods *k, const char *name);

/*
 * Call `fn` with each module that has this alias ("fs-ext4", "virtio:d00000002v00001AF4"), once each, and tell whether it is
 * also one of what is built in. `fn` returns 0 to go on.
 */
typedef int (*kmods_fn)(void *ctx, const char *module, struct err *err);
int kmods_aliased(const struct kmods *k, const char *alias, kmods_fn fn, void *ctx,
		  bool *ret_builtin, struct err *err) _must_check_;

#endif
