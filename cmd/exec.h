/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting the loaded kernel at once: `lifeboat exec --now`, kexec -e. */
#ifndef CMD_EXEC_H
#define CMD_EXEC_H

#include "base/sys.h"
#include "loader/probe.h"

/* Does not return if it works. ERR_NOT_LOADED: there is nothing to start. */
int exec_now(const struct root *root, const struct sys *sys, struct err *err) _must_check_;

#endif
