/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Byte offsets in the two headers of the kdump-compressed format: private to its writer (kdump.c)
 * and its reader (kdump_read.c). For the version that introduced a field of the sub header see
 * read_sub_header().
 */
#ifndef FORMAT_KDUMP_FIELDS_H
#define FORMAT_KDUMP_FIELDS_H

#define KDUMP_SIGNATURE   "KDUMP   " /* 8 bytes, no NUL in the file */
#define KDUMP_HEADER_SIZE 464

/* Byte offsets in struct disk_dump_header (64-bit layout). */
enum {
	HDR_SIGNATURE = 0,
	HDR_VERSION = 8,
	HDR_UTS = 12,
	HDR_TV_SEC = 408,
	HDR_STATUS = KDUMP_STATUS_OFFSET,
	HDR_BLOCK_SIZE = 428,
	HDR_SUB_BLOCKS = 432,
	HDR_BITMAP_BLOCKS = 436,
	HDR_MAX_MAPNR = 440,
	HDR_NR_CPUS = 460,
};

/* Byte offsets in struct kdump_sub_header. */
enum {
	SUB_PHYS_BASE = 0,
	SUB_DUMP_LEVEL = 8,
	SUB_SPLIT = 12,
	SUB_START_PFN = 16,
	SUB_END_PFN = 24,
	SUB_VMCOREINFO = 32,
	SUB_NOTE = 48,
	SUB_ERASE = 64,
	SUB_START_PFN_64 = 80,
	SUB_END_PFN_64 = 88,
	SUB_MAX_MAPNR_64 = 96,
};

#endif
