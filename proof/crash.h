/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last test there is: this machine is crashed on purpose. What comes of it is seen at the next boot. */
#ifndef PROOF_CRASH_H
#define PROOF_CRASH_H

#include "service/history.h"

/*
 * Put a pending entry into the history, durably; flush file systems; crash the kernel. Comes back only if that failed: nothing
 * armed (ERR_NOT_LOADED), no entry, no privileges, or a kernel without sysrq. Then the entry is followed by one that says so.
 */
int crash_now(const struct service *s, struct err *err) _must_check_;

#endif
