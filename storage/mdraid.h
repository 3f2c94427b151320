/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The superblock of a member of an MD array (include/uapi/linux/raid/md_p.h): which array, and which of its members. Input
 * is hostile.
 */
#ifndef STORAGE_MDRAID_H
#define STORAGE_MDRAID_H

#include <stdint.h>

#include "base/err.h"

#define MDRAID_UUID 36 /* "0a1b2c3d:4e5f6071:…" as mdadm shows it, with the NUL */
#define MDRAID_NAME 80

struct mdraid {
	int major, minor; /* 0.90, 1.0, 1.1 or 1.2 */
	char uuid[MDRAID_UUID];
	char device[MDRAID_UUID]; /* of the member; for 0.90, which has none, its number */
	int level;                /* as in the superblock: -1 linear, 0, 1, 4, 5, 6, 10 */
	uint32_t disks;           /* that the array has when it is whole */
	uint64_t events;
};

/* ERR_NOT_FOUND: it is no member; ERR_CORRUPT: it was one. */
int mdraid_read(int fd, uint64_t size, const char *name, struct mdraid *ret,
		struct err *err) _must_check_;

/* What such a member is called behind "MD=": "UUID/DEVICE". */
void mdraid_name(const struct mdraid *md, char ret[MDRAID_NAME]);

#endif
