/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on a block device, by its bytes: the same code names a target's file system while the machine is healthy and
 * finds it again after the crash. Input is hostile.
 */
#ifndef STORAGE_FSID_H
#define STORAGE_FSID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define FSID_UUID_SIZE  40 /* "0f2a1b3c-…" of 36 characters, or vfat's "12AB-34CD"; with the NUL */
#define FSID_LABEL_SIZE 257 /* btrfs has the longest */

struct fsid {
	/*
	 * "ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"; or what is no file system to write to: "linux_raid_member",
	 * "crypto_LUKS", "LVM2_member", "swap"; "" for anything else (which may be something).
	 */
	char type[24];
	char uuid[FSID_UUID_SIZE];   /* "" if there is none */
	char label[FSID_LABEL_SIZE]; /* its bytes as they are, without blanks at the end */
	bool dirty; /* a journal to be replayed, or not unmounted: as far as its superblock tells */
	bool read_only;     /* has features with which a kernel would not write */
	uint64_t n_devices; /* btrfs: over how many devices; else 1 */
};

/*
 * Look at the device `fd` of `size` bytes. A member of an MD array is told as such even where the file system of the
 * array begins at the device's start (metadata at its end). Unreadable is an error; unknown is not (type "").
 */
int fsid_read(int fd, uint64_t size, const char *name, struct fsid *ret,
	      struct err *err) _must_check_;

/* Is it one of those to write to? */
bool fsid_is_file_system(const struct fsid *id);

#endif
