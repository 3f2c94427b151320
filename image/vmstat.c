// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/vmstat.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"

#define MAX_NODES 1024       /* MAX_NUMNODES of the largest configurations */
#define MAX_ZONES 16         /* MAX_NR_ZONES is 4 to 6 */
#define MAX_DIFFS (1U << 22) /* arrays of diffs that are read */

struct vm_fields {
	struct field node_zones, node_diffs, node_diff;
	struct field present, zone_diffs, zone_diff, watermark, boost;
	uint64_t zone_size;
	int64_t low; /* WMARK_LOW */
};

struct vm_walk {
	struct kernel *k;
	struct vmstat *vs;
	struct vm_fields f;
	uint8_t online[KERNEL_MAX_CPUS];
	size_t diffs;
};

static void find_fields(struct vm_walk *w)
{
	struct vm_fields *f = &w->f;
	struct field pageset = {0}, old_watermark = {0};
	const struct field_wish wishes[] = {
		{"pglist_data", "node_zones", &f->node_zones, false},
		{"pglist_data", "per_cpu_nodestats", &f->node_diffs, false},
		{"per_cpu_nodestat", "vm_node_stat_diff", &f->node_diff, false},
		{"zone", "present_pages", &f->present, false},
		{"zone", "per_cpu_zonestats", &f->zone_diffs, true},
		{"per_cpu_zonestat", "vm_stat_diff", &f->zone_diff, true},
		{"zone", "pageset", &pageset, true},
		{"zone", "_watermark", &f->watermark, true}, /* v5.0: a9214443c0a2 */
		{"zone", "watermark", &old_watermark, true},
		{"zone", "watermark_boost", &f->boost, true},
	};

	kernel_fields(w->k, wishes, ARRAY_SIZE(wishes));
	f->zone_size = kernel_sizeof(w->k, "zone");
	if (!field_known(&f->watermark))
		f->watermark = old_watermark;
	if (!field_known(&f->zone_diffs)) {
		f->zone_diffs = pageset;
		(void)kernel_field(w->k, "per_cpu_pageset", "vm_stat_diff", &f->zone_diff);
	}
	w->vs->has_watermarks = field_known(&f->watermark) &&
				kernel_enumerator(w->k, "WMARK_LOW", &f->low) && f->low >= 0 &&
				(uint64_t)f->low < f->watermark.size / 8;
}

/* ---- the sums */

static bool value_of(const struct btf *btf, const struct btf_type *items, const char *name,
		     int64_t *ret)
{
	for (uint32_t i = 0; i < items->vlen; i++) {
		struct btf_value v;

		if (btf_value(btf, items, i, &v) && strcmp(v.name, name) == 0) {
			*ret = v.value;
			return true;
		}
	}
	return false;
}

static int read_sums(struct kernel *k, const char *symbol, const char *type, const char *count,
		     struct vmstat_kind *ret, struct err *err)
{
	uint8_t raw[VMSTAT_MAX_ITEMS * 8];
	uint32_t id = k->btf ? btf_find(k->btf, BTF_ENUM, type) : 0;
	uint64_t at;
	int64_t n;
	int r;

	if (!id || !btf_get(k->btf, id, &ret->items))
		return err_set(err, ERR_NOT_FOUND, "no type enum %s", type);
	if (!value_of(k->btf, &ret->items, count, &n) || n < 1 || n > VMSTAT_MAX_ITEMS)
		return err_set(err, ERR_CORRUPT, "enum %s: %s is not 1 to %d", type, count,
			       VMSTAT_MAX_ITEMS);
	if ((r = kernel_symbol(k, symbol, &at, err)) ||
	    (r = reader_read(k->rd, at, raw, (size_t)n * 8, err)))
		return r;
	for (int64_t i = 0; i < n; i++) {
		uint64_t v;

		memcpy(&v, raw + i * 8, 8);
		ret->pages[i] = (int64_t)le64toh(v);
	}
	ret->n = (size_t)n;
	return 0;
}

/* ---- what CPUs hold back */

static void add_diffs(struct vm_walk *w, uint64_t percpu, const struct field *f,
		      struct vmstat_kind *to)
{
	int8_t diff[VMSTAT_MAX_ITEMS];
	size_t n = NUM_MIN(to->n, (size_t)f->size);
	struct err ignored;
	uint64_t at;

	for (unsigned int cpu = 0; n && cpu < w->k->n_cpus; cpu++) {
		if (!w->online[cpu] || w->diffs >= MAX_DIFFS ||
		    kernel_percpu(w->k, percpu, cpu, &at, &ignored) ||
		    reader_read(w->k->rd, at + f->offset, diff, n, &ignored))
			continue;
		w->diffs++;
		for (size_t i = 0; i < n; i++)
			to->pages[i] =
				(int64_t)((uint64_t)to->pages[i] + (uint64_t)(int64_t)diff[i]);
	}
}

static int add_zone(struct vm_walk *w, uint64_t zone, struct err *err)
{
	const struct vm_fields *f = &w->f;
	uint64_t present, diffs, low, boost = 0;
	int r = kernel_get(w->k, zone, &f->present, &present, err);

	if (r)
		return r;
	if (w->vs->has_watermarks) {
		r = reader_u64(w->k->rd, zone + f->watermark.offset + (uint64_t)f->low * 8, &low,
			       err);
		if (!r && field_known(&f->boost))
			r = kernel_get(w->k, zone, &f->boost, &boost, err);
		if (r)
			return r;
		w->vs->low_watermarks += low + boost;
	}
	if (!present) /* what it has is the boot's, shared by all such zones */
		return 0;
	r = kernel_get(w->k, zone, &f->zone_diffs, &diffs, err);
	if (!r)
		add_diffs(w, diffs, &f->zone_diff, &w->vs->zone);
	return r;
}

static int add_node(struct vm_walk *w, uint64_t node, struct err *err)
{
	const struct vm_fields *f = &w->f;
	uint64_t diffs, n = f->zone_size ? f->node_zones.size / f->zone_size : 0;
	int r = kernel_get(w->k, node, &f->node_diffs, &diffs, err);

	if (r)
		return r;
	if (!n || n > MAX_ZONES)
		return err_set(err, ERR_CORRUPT, "struct pglist_data has %" PRIu64 " zones", n);
	add_diffs(w, diffs, &f->node_diff, &w->vs->node);
	for (uint64_t i = 0; i < n && !r; i++)
		r = add_zone(w, node + f->node_zones.offset + i * f->zone_size, err);
	return r;
}

/* Is the node's bit set in node_states[N_ONLINE]? True also where that is not known. */
static bool node_online(struct kernel *k, uint64_t node)
{
	uint64_t states, size = kernel_sizeof(k, "nodemask_t"), word;
	struct err ignored;
	int64_t online;

	if (!size || size > MAX_NODES / 8 || kernel_symbol(k, "node_states", &states, &ignored) ||
	    !kernel_enumerator(k, "N_ONLINE", &online) || online < 0 || online > 64 ||
	    node / 8 >= size ||
	    reader_u64(k->rd, states + (uint64_t)online * size + node / 64 * 8, &word, &ignored))
		return true;
	return word >> node % 64 & 1;
}

/* How many nodes there can be: nr_node_ids, which is not there where there is but one. */
static uint64_t count_nodes(struct kernel *k)
{
	uint64_t at, n = 0;
	bool found = false;
	struct err ignored;
	uint32_t ids;

	if (!kernel_symbol(k, "nr_node_ids", &at, &ignored) &&
	    !reader_u32(k->rd, at, &ids, &ignored))
		n = ids;
	else if (vmcoreinfo_length(k->img->info, "node_data", &n, &found, &ignored) || !found)
		n = 1;
	return NUM_MIN(n, (uint64_t)MAX_NODES);
}

static int add_nodes(struct vm_walk *w, struct err *err)
{
	uint64_t table, node;
	struct err ignored;
	int r;

	if (kernel_symbol(w->k, "node_data", &table, &ignored)) {
		r = kernel_symbol(w->k, "contig_page_data", &node, err);
		return r ? r : add_node(w, node, err);
	}
	for (uint64_t i = 0, n = count_nodes(w->k); i < n; i++) {
		if ((r = reader_u64(w->k->rd, table + i * 8, &node, err)))
			return r;
		if (node && node_online(w->k, i) && (r = add_node(w, node, err)))
			return err_wrap(err, "node %" PRIu64, i);
	}
	return 0;
}

static bool can_add(const struct vm_fields *f)
{
	return field_known(&f->node_zones) && field_known(&f->node_diffs) &&
	       field_known(&f->node_diff) && field_known(&f->present) &&
	       field_known(&f->zone_diffs) && field_known(&f->zone_diff) && f->zone_size;
}

void vmstat_read(struct kernel *k, struct vmstat *ret)
{
	struct vm_walk w = {.k = k, .vs = ret};
	struct err err;

	*ret = (struct vmstat){.btf = k->btf};
	if (read_sums(k, "vm_zone_stat", "zone_stat_item", "NR_VM_ZONE_STAT_ITEMS", &ret->zone,
		      &err))
		gaps_add_err(&k->gaps, "counters of zones", &err);
	if (read_sums(k, "vm_node_stat", "node_stat_item", "NR_VM_NODE_STAT_ITEMS", &ret->node,
		      &err))
		gaps_add_err(&k->gaps, "counters of nodes", &err);
	find_fields(&w);
	if (!can_add(&w.f)) {
		ret->has_watermarks = false;
		gaps_add(&k->gaps, "counters of memory are without what each CPU holds back");
		return;
	}
	for (unsigned int cpu = 0; cpu < k->n_cpus && cpu < KERNEL_MAX_CPUS; cpu++)
		w.online[cpu] = kernel_cpu_in(k, "__cpu_online_mask", cpu);
	if (add_nodes(&w, &err)) {
		ret->has_watermarks = false;
		gaps_add_err(&k->gaps, "counters of memory that CPUs hold back", &err);
	}
}

bool vmstat_get(const struct vmstat *vs, const char *name, uint64_t *ret)
{
	const struct vmstat_kind *kinds[] = {&vs->zone, &vs->node};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct vmstat_kind *kind = kinds[i];
		int64_t at;

		if (!kind->n || !value_of(vs->btf, &kind->items, name, &at) || at < 0 ||
		    (uint64_t)at >= kind->n)
			continue;
		*ret = kind->pages[at] > 0 ? (uint64_t)kind->pages[at] : 0;
		return true;
	}
	return false;
}
