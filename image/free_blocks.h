/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page allocator's own count of its free blocks, as a check on what struct pages say.
 *
 * Facts (include/linux/mmzone.h, v5.4 to v7.1): node_data[] points to a struct pglist_data for each node
 * (one machine-wide contig_page_data without CONFIG_NUMA), whose node_zones[] hold free_area[], one for
 * each order: lists of free blocks by migrate type and, behind them, their number nr_free. The lock of
 * the zone guards it, so that it is exact but for the block in the hands of a CPU that was stopped.
 * Pages in the per-CPU lists, unaccepted ones and those taken out as poisoned are in neither.
 */
#ifndef IMAGE_FREE_BLOCKS_H
#define IMAGE_FREE_BLOCKS_H

#include "image/page.h"

struct free_blocks {
	uint64_t blocks[PAGE_ORDERS]; /* by order */
	unsigned int orders;          /* how many of them the kernel has */
	uint64_t zones;               /* read; with those that are empty */
};

/*
 * ERR_NOT_FOUND: VMCOREINFO does not say where the counters are (arm64 with CONFIG_NUMA, for one).
 * ERR_CORRUPT: they make no sense; ERR_UNSUPPORTED: struct free_area is another one.
 */
int free_blocks_read(const struct image *img, struct free_blocks *ret,
		     struct err *err) _must_check_;

#endif
