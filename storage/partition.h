/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Partition tables, for the names that partitions have in them: GPT (UEFI 2.10, 5.3) and DOS. Which partitions there
 * are is what the kernel says; this looks up one of them. Input is hostile.
 */
#ifndef STORAGE_PARTITION_H
#define STORAGE_PARTITION_H

#include <stdint.h>

#include "base/err.h"
#include "storage/fsid.h"

#define PARTITION_LABEL_SIZE 109 /* 36 UTF-16 units as UTF-8, with the NUL */

struct partition {
	unsigned int number; /* from 1, as in its name */
	uint64_t start;      /* in bytes, as the kernel has it */
	char uuid
		[FSID_UUID_SIZE]; /* "0f2a1b3c-…" of GPT, or "1234abcd-02" of DOS; "" if there is none */
	char label[PARTITION_LABEL_SIZE]; /* of GPT, UTF-8; else "" */
};

/*
 * Fill in uuid and label of the partition p->number at p->start, from the table of the disk `fd` of `size` bytes with
 * logical sectors of `sector` bytes. A GPT with a bad checksum is taken from its copy at the end of the disk.
 * ERR_NOT_FOUND: there is no table; ERR_CORRUPT: it is damaged, or this partition is not in it or elsewhere.
 */
int partition_read(int fd, uint64_t size, uint32_t sector, const char *name, struct partition *p,
		   struct err *err) _must_check_;

#endif
