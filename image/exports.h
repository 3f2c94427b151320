/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel exports to its modules, data included: the last rung where the kernel's own table has text alone (arm64
 * without CONFIG_KALLSYMS_ALL). struct kernel_symbol (include/linux/export-internal.h, v5.4 on) is three 32-bit offsets, each
 * relative to itself: to the value, to the name, to the namespace.
 */
#ifndef IMAGE_EXPORTS_H
#define IMAGE_EXPORTS_H

#include "image/kallsyms.h"

/*
 * Looks for "init_task" among the strings of the kernel's image, for the entry that leads there, and takes all entries
 * around it. ERR_NOT_FOUND: there are none.
 */
int exports_create(struct reader *rd, struct kallsyms **ret, struct err *err) _must_check_;

#endif
