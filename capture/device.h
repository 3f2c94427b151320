/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Find the block device that the recipe names. */
#ifndef CAPTURE_DEVICE_H
#define CAPTURE_DEVICE_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

#define DEVICE_PATH_MAX 256

/*
 * Wait until a device with this name is there: "UUID=…" of its file system, or a path below /dev.
 * Looks at every block device in `sys_block` ("/sys/class/block") whose node is in `dev` ("/dev").
 * Has no time limit of its own: it runs inside a step, and *err says all the time what is missing.
 */
int device_wait(const char *name, const char *sys_block, const char *dev, char ret[DEVICE_PATH_MAX],
		struct err *err) _must_check_;

/*
 * The UUID of the file system in the first bytes of a device, as text (37 bytes with the NUL).
 * False if it is none that we know: ext2, ext3, ext4 (fs/ext4/ext4.h: struct ext4_super_block, s_magic
 * at 0x38, s_uuid at 0x68 of the block at 1024).
 */
bool device_fs_uuid(struct bytes start, char ret[37]);

#define DEVICE_PROBE_SIZE 2048 /* bytes from the start that device_fs_uuid wants */

#endif
