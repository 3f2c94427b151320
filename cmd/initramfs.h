/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_INITRAMFS_H
#define CMD_INITRAMFS_H

#include <limits.h>

#include "base/err.h"

/* The installed init, or the one beside this program: so that a build tree works as it is. */
int initramfs_find_init(char ret[PATH_MAX], struct err *err) _must_check_;

#endif
