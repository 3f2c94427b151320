/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which module files it takes, in which order, to have the modules that a recipe names. */
#ifndef INITRAMFS_MODULES_H
#define INITRAMFS_MODULES_H

#include <stddef.h>

#include "base/err.h"
#include "base/root.h"

struct module_file {
	char *path;       /* below the root; may end in a compression suffix */
	char *image_path; /* in the initramfs: "/lib/modules/KERNEL/….ko" */
};

struct module_list {
	struct module_file *v; /* in load order: what a module needs stands before it; each once */
	size_t n;
};

/*
 * Find each of `names` (NULL-terminated; module names or aliases) among the modules of `kernel`
 * below the root, with all that it depends on and its soft dependencies of the kind "pre". An alias
 * with several modules yields all of them: which one fits is known when the hardware is there, so
 * loading one of several may fail and need not matter.
 *
 * What is built into the kernel adds nothing. No such module, no modules of this kernel and a
 * missing index (depmod) are ERR_NOT_FOUND; a soft dependency that is not there is none, as for
 * modprobe. Without names the kernel needs no module folder. The machine's modprobe.d is not read.
 *
 * *ret need not be initialised; after success modules_deinit it.
 */
int modules_resolve(const struct root *root, const char *kernel, char *const *names,
		    struct module_list *ret, struct err *err) _must_check_;
void modules_deinit(struct module_list *list);

#endif
