/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load the kernel modules that the initramfs brought along. */
#ifndef CAPTURE_MODULES_H
#define CAPTURE_MODULES_H

#include "base/err.h"
#include "base/log.h"
#include "base/sys.h"

/*
 * `list` names a text file with one module file per line, in load order; one that does not exist means
 * no modules. Every module is tried; a failure is logged. One that is loaded already is fine.
 * Returns the first error when all were tried.
 */
int modules_load(const char *list, const struct sys *sys, const struct log *log,
		 struct err *err) _must_check_;

#endif
