/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A partition table of one partition, written on an empty disk, for names that only a table has: PARTUUID of GPT (UEFI 2.10,
 * 5.3) or of DOS ("1234abcd-02": the disk's signature and the number). storage/partition.h reads what this writes.
 */
#ifndef PROOF_TABLE_H
#define PROOF_TABLE_H

#include <stdint.h>

#include "base/err.h"

#define TABLE_START (1ULL << 20) /* of the partition; as much is behind it */

/*
 * Make `fd`, an empty file of TABLE_START + size + TABLE_START bytes, a disk whose partition has that PARTUUID. A name that is of
 * neither kind, a logical partition of DOS (5 and more), and a size that is no multiple of 512 or too large for the table are
 * ERR_UNSUPPORTED.
 */
int table_write(int fd, uint64_t size, const char *partuuid, const char *name,
		struct err *err) _must_check_;

#endif
