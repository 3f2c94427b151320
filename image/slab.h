/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caches of the slab allocator, SLUB: slab_caches → struct kmem_cache, each with a struct kmem_cache_node for each NUMA node, which counts its
 * slabs (nr_slabs, total_objects: CONFIG_SLUB_DEBUG) and lists those that are partly used. The order of a slab's pages is in the upper
 * half of `oo`; a slab for which there was no such piece has fewer, which is counted nowhere (mm/slub.c, mm/slab.h).
 */
#ifndef IMAGE_SLAB_H
#define IMAGE_SLAB_H

#include "image/memory.h"

/* Fill in mem->slabs. Fails for want of memory only. */
int slab_read(struct kernel *k, struct memory *mem, struct err *err) _must_check_;

#endif
