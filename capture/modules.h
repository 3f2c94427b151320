/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load the kernel modules that the initramfs brought along. */
#ifndef CAPTURE_MODULES_H
#define CAPTURE_MODULES_H

#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sys.h"

/*
 * `list` names a text file with one module a line, in load order: its file and, behind a blank, the parameters that it is
 * to get, if any; a list that does not exist means no modules. Every module is tried, each by a child that is given
 * up after `limit_ms`: a driver that probes for ever must not keep the others out. A failure is logged. One
 * that is loaded already is fine. Returns the first error when all were tried.
 */
int modules_load(const char *list, const struct sys *sys, uint64_t limit_ms, const struct log *log,
		 struct err *err) _must_check_;

#endif
