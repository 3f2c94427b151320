// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/slab.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"

#define MAX_NODES   1024
#define MAX_ORDER   16 /* of a slab's pages: 3 by default, MAX_ORDER at most */
#define ORDER_SHIFT 16 /* OO_SHIFT */
/*
 * Partly used slabs that are looked at, in all: each is a page of the memory map of its own. The kernel itself stops at 10000 of a
 * node (MAX_PARTIAL_TO_SCAN) and guesses the rest; we say that it is not known.
 */
#define MAX_PARTIAL 8192

struct slab_fields {
	struct field list, name, size, object_size, oo, node, per_node;
	struct field nr_slabs, total, nr_partial, partial;
	struct field link, inuse, objects; /* of struct slab, until v5.16 struct page */
	uint64_t node_stride, nodes;
};

struct slab_walk {
	struct kernel *k;
	struct memory *mem;
	struct slab_fields f;
	size_t cap, partial;
	uint64_t free; /* places in the slabs that are gone through */
};

static bool find_slab(struct kernel *k, struct slab_fields *f)
{
	static const char *const types[] = {"slab", "page"}; /* v5.17: d122019bf061 */

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (kernel_field_quiet(k, types[i], "slab_list", &f->link) &&
		    kernel_field_quiet(k, types[i], "inuse", &f->inuse) &&
		    kernel_field_quiet(k, types[i], "objects", &f->objects))
			return true;
	return false;
}

/* A kmem_cache ends behind as many nodes as there can be, whatever its type says. */
static bool find_nodes(struct kernel *k, struct slab_fields *f)
{
	uint64_t at, room;
	struct err err;
	uint32_t n;

	if (field_known(&f->per_node)) { /* v7.1 */
		struct field all;

		f->node = f->per_node;
		f->node_stride = kernel_sizeof(k, "kmem_cache_per_node_ptrs");
		room = kernel_field(k, "kmem_cache", "per_node", &all) ? all.size : 0;
	} else {
		f->node_stride = 8;
		room = f->node.size;
	}
	room = f->node_stride ? room / f->node_stride : 0;
	f->nodes = NUM_MIN(room, (uint64_t)MAX_NODES);
	if (f->nodes <= 1)
		return f->nodes;
	if (kernel_symbol(k, "nr_node_ids", &at, &err) || reader_u32(k->rd, at, &n, &err)) {
		gaps_add_err(&k->gaps, "slab caches", &err);
		return false;
	}
	f->nodes = NUM_MIN(f->nodes, (uint64_t)n);
	return true;
}

static bool find_fields(struct kernel *k, struct slab_fields *f)
{
	const struct field_wish wishes[] = {
		{"kmem_cache", "list", &f->list, false},
		{"kmem_cache", "name", &f->name, false},
		{"kmem_cache", "size", &f->size, false},
		{"kmem_cache", "object_size", &f->object_size, false},
		{"kmem_cache", "oo.x", &f->oo, true},
		{"kmem_cache", "node", &f->node, true},
		{"kmem_cache", "per_node[0].node", &f->per_node, true},
		{"kmem_cache_node", "nr_slabs.counter", &f->nr_slabs, true},
		{"kmem_cache_node", "total_objects.counter", &f->total, true},
		{"kmem_cache_node", "nr_partial", &f->nr_partial, true},
		{"kmem_cache_node", "partial", &f->partial, true},
	};

	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
	if (!field_known(&f->oo) || !field_known(&f->nr_slabs) || !field_known(&f->total)) {
		gaps_add(&k->gaps,
			 "slab caches: not SLUB, or without CONFIG_SLUB_DEBUG, which counts");
		return false;
	}
	if (!find_slab(k, f))
		gaps_add(&k->gaps, "slab caches: no struct slab, so what is in use is not known");
	return field_known(&f->list) && field_known(&f->name) && field_known(&f->size) &&
	       field_known(&f->object_size) && find_nodes(k, f);
}

/* The kmem_cache_node of a node; 0: it has none. */
static int node_of(struct slab_walk *w, uint64_t cache, uint64_t i, uint64_t *ret, struct err *err)
{
	return reader_u64(w->k->rd, cache + w->f.node.offset + i * w->f.node_stride, ret, err);
}

/* ---- one cache */

static int add_node(struct slab_walk *w, uint64_t node, struct slab *s, uint64_t *slabs,
		    struct err *err)
{
	uint64_t n, total;
	int r;

	if ((r = kernel_get(w->k, node, &w->f.nr_slabs, &n, err)) ||
	    (r = kernel_get(w->k, node, &w->f.total, &total, err)))
		return r;
	if (!num_add(*slabs, n, slabs) || !num_add(s->objects, total, &s->objects))
		return err_set(err, ERR_CORRUPT, "%" PRIu64 " slabs with %" PRIu64 " objects", n,
			       total);
	return 0;
}

static int read_cache(struct slab_walk *w, uint64_t cache, struct slab *s, struct err *err)
{
	uint64_t name, size, object_size, oo, slabs = 0, node;
	struct kernel *k = w->k;
	int r;

	s->addr = cache;
	s->active = UINT64_MAX;
	if ((r = kernel_get(k, cache, &w->f.name, &name, err)) ||
	    (r = reader_string(k->rd, name, s->name, sizeof(s->name), err)) ||
	    (r = kernel_get(k, cache, &w->f.size, &size, err)) ||
	    (r = kernel_get(k, cache, &w->f.object_size, &object_size, err)) ||
	    (r = kernel_get(k, cache, &w->f.oo, &oo, err)))
		return r;
	s->size = (uint32_t)size;
	s->object_size = (uint32_t)object_size;
	for (uint64_t i = 0; i < w->f.nodes; i++)
		if ((r = node_of(w, cache, i, &node, err)) ||
		    (node && (r = add_node(w, node, s, &slabs, err))))
			return r;
	oo >>= ORDER_SHIFT;
	if (oo > MAX_ORDER || !num_mul(slabs, k->img->page_size << oo, &s->bytes) ||
	    s->bytes > ranges_total(&k->img->src->ram))
		return err_set(err, ERR_CORRUPT,
			       "%" PRIu64 " slabs of order %" PRIu64
			       " are more than there is memory",
			       slabs, oo);
	return 0;
}

/* One that cannot be read is a gap, and the next one comes. */
static int hear_cache(void *ctx, uint64_t cache, struct err *err)
{
	struct slab_walk *w = ctx;
	struct memory *mem = w->mem;

	if (mem->n_slabs == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 256;
		void *v = reallocarray(mem->slabs, cap, sizeof(*mem->slabs));

		if (!v)
			return err_nomem(err, cap * sizeof(*mem->slabs), "slab caches");
		mem->slabs = v;
		w->cap = cap;
	}
	mem->slabs[mem->n_slabs] = (struct slab){0};
	if (read_cache(w, cache, &mem->slabs[mem->n_slabs], err)) {
		char what[64];

		snprintf(what, sizeof(what), "slab cache at 0x%" PRIx64, cache);
		gaps_add_err(&w->k->gaps, what, err);
		mem->slabs_cut = true;
		return 0;
	}
	mem->n_slabs++;
	return 0;
}

/* ---- what is in use */

static int hear_slab(void *ctx, uint64_t slab, struct err *err)
{
	struct slab_walk *w = ctx;
	uint64_t inuse, objects;
	int r;

	if (++w->partial > MAX_PARTIAL)
		return err_set(err, ERR_PARTIAL, "too many");
	if ((r = kernel_get(w->k, slab, &w->f.inuse, &inuse, err)) ||
	    (r = kernel_get(w->k, slab, &w->f.objects, &objects, err)))
		return r;
	if (inuse > objects)
		return err_set(err, ERR_CORRUPT,
			       "the slab at 0x%" PRIx64 " has %" PRIu64 " of %" PRIu64
			       " objects in use",
			       slab, inuse, objects);
	w->free += objects - inuse;
	return 0;
}

/* As /proc/slabinfo has it: what is not free in a partly used slab of a node is in use, that of CPUs included. */
static int count_active(struct slab_walk *w, struct slab *s, struct err *err)
{
	w->free = 0;
	for (uint64_t i = 0; i < w->f.nodes; i++) {
		uint64_t node, n;
		int r = node_of(w, s->addr, i, &node, err);

		if (r)
			return r;
		if (!node)
			continue;
		r = kernel_get(w->k, node, &w->f.nr_partial, &n, err);
		if (!r && n > MAX_PARTIAL - NUM_MIN(w->partial, (size_t)MAX_PARTIAL))
			return 0; /* not known */
		if (!r)
			r = kernel_list(w->k, node + w->f.partial.offset, w->f.link.offset,
					MAX_PARTIAL, hear_slab, w, err);
		if (r)
			return r;
	}
	if (w->free <= s->objects)
		s->active = s->objects - w->free;
	return 0;
}

static void count_all_active(struct slab_walk *w)
{
	struct err err;
	char what[96];

	if (!field_known(&w->f.objects) || !field_known(&w->f.partial) ||
	    !field_known(&w->f.nr_partial))
		return;
	for (size_t i = 0; i < w->mem->n_slabs; i++) {
		struct slab *s = &w->mem->slabs[i];

		if (!count_active(w, s, &err))
			continue;
		snprintf(what, sizeof(what), "slab cache %s", s->name);
		gaps_add_err(&w->k->gaps, what, &err);
	}
}

static int compare_slabs(const void *a, const void *b)
{
	const struct slab *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

int slab_read(struct kernel *k, struct memory *mem, struct err *err)
{
	struct slab_walk w = {.k = k, .mem = mem};
	uint64_t head;

	if (kernel_symbol(k, "slab_caches", &head, err)) {
		gaps_add_err(&k->gaps, "slab caches", err);
		return 0;
	}
	if (!find_fields(k, &w.f))
		return 0;
	if (kernel_list(k, head, w.f.list.offset, MEMORY_MAX_SLABS, hear_cache, &w, err)) {
		if (err->code == ERR_NO_MEMORY)
			return err->code;
		gaps_add_err(&k->gaps, "slab caches", err);
		mem->slabs_cut = true;
	}
	if (mem->n_slabs)
		qsort(mem->slabs, mem->n_slabs, sizeof(*mem->slabs), compare_slabs);
	count_all_active(&w);
	return 0;
}
