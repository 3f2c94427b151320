/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reflected 32-bit CRCs of what is on a disk, bit by bit: blocks of a few KiB need no tables. As the kernel's
 * crc32_le() and crc32c(): the caller inverts before and after where its format does.
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

#define CRC_IEEE       UINT32_C(0xedb88320) /* GPT, LVM2 */
#define CRC_CASTAGNOLI UINT32_C(0x82f63b78) /* ext4, xfs, btrfs */

static inline uint32_t crc_update(uint32_t polynomial, uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (polynomial & -(crc & 1));
	}
	return crc;
}

#endif
