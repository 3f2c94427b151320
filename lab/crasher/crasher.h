/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a death is, and where it happens: kinds.c has the first, crasher.c the second. */
#ifndef LAB_CRASHER_H
#define LAB_CRASHER_H

#include <linux/types.h>

struct crasher_kind {
	const char *name;
	int (*prepare)(void); /* NULL: nothing to do. In a task, before; may sleep */
	void (*die)(void);
	bool sleeps; /* only where a task may */
};

/* NULL: there is none of this name, or not on this architecture. */
const struct crasher_kind *crasher_find_kind(const char *name);

/* Of the writer's, for what copies to it. */
extern void __user *crasher_user;

#endif
