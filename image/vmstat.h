/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page allocator's counters: vm_zone_stat and vm_node_stat, an element for each enumerator of zone_stat_item and node_stat_item, plus what
 * CPUs have counted and not yet added: vm_stat_diff of per_cpu_zonestat (per_cpu_pageset until v5.13: 28f836b6777b) for each populated zone, and
 * vm_node_stat_diff of per_cpu_nodestat for each online node (mm/vmstat.c).
 */
#ifndef IMAGE_VMSTAT_H
#define IMAGE_VMSTAT_H

#include "image/kernel.h"

#define VMSTAT_MAX_ITEMS 256 /* of one kind; kernels of today have 12 and 69 */

struct vmstat_kind {
	struct btf_type items; /* the enum */
	int64_t pages[VMSTAT_MAX_ITEMS];
	size_t n; /* 0: not known */
};

struct vmstat {
	const struct btf *btf; /* the kernel's */
	struct vmstat_kind zone, node;
	uint64_t low_watermarks; /* pages, of all zones */
	bool has_watermarks;
};

/* Never fails: what is not known has no items, and the gaps say why. */
void vmstat_read(struct kernel *k, struct vmstat *ret);

/* An item by its enumerator's name, of the zones or else of the nodes; a sum below 0 is 0, as the kernel has it. False: there is none. */
bool vmstat_get(const struct vmstat *vs, const char *name, uint64_t *ret);

#endif
