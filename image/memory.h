/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the kernel counts its memory: vm_zone_stat, vm_node_stat and totalram_pages, with the indexes from the enums of its BTF; the
 * slab caches of slab_caches; vmalloc and hugetlb. In bytes.
 */
#ifndef IMAGE_MEMORY_H
#define IMAGE_MEMORY_H

#include "image/kernel.h"

#define MEMORY_MAX_COUNTERS 64
#define MEMORY_MAX_SLABS    4096

struct memory_counter {
	const char *
		name; /* as /proc/meminfo calls it: "MemTotal", "MemFree", "AnonPages"; and "HugetlbFree", part of "Hugetlb" */
	uint64_t bytes;
};

struct slab {
	char name[64];
	uint64_t addr;
	uint32_t object_size, size; /* bytes: of an object; with its padding */
	uint64_t objects;           /* places for them */
	uint64_t
		active; /* in use as /proc/slabinfo counts it, with what CPUs keep for themselves; UINT64_MAX: not known */
	uint64_t bytes; /* of all its pages */
};

struct memory {
	struct memory_counter counters[MEMORY_MAX_COUNTERS];
	size_t n_counters;
	struct slab *slabs; /* the largest first */
	size_t n_slabs;
	bool slabs_cut;
};

/* Fails for want of memory only; what is not known is not among the counters, and the gaps say why. */
int memory_create(struct kernel *k, struct memory **ret, struct err *err) _must_check_;
void memory_destroy(struct memory *mem); /* NULL is fine */
bool memory_counter(const struct memory *mem, const char *name, uint64_t *ret);

/*
 * Counters that tasks and CPUs hold back (percpu_counter, vm_stat_diff of each zone) are added up as the kernel does for
 * /proc/vmstat with CONFIG_SMP's snapshot, so that the sum is that of a read at that moment.
 */

#endif
