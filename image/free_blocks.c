// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/free_blocks.h"

#include <inttypes.h>

#include "base/num.h"

/* Limits for what VMCOREINFO and memory may claim: several times what kernels have. */
#define NODES_MAX    4096
#define ZONES_MAX    32
#define ZONE_MAX     65536
#define NODE_MAX     (16U << 20)
#define COUNT_MAX    (1ULL << 40)
#define COUNTER_SIZE 8

/* Where things are in the structures of one kernel. */
struct shape {
	uint64_t node_size, node_zones, nr_zones;
	uint64_t zone_size, free_area;
	uint64_t area_size, nr_free;
	uint64_t orders;
};

static int need_length(const struct image *img, const char *name, uint64_t max, uint64_t *ret,
		       struct err *err)
{
	bool found = false;
	int r = vmcoreinfo_length(img->info, name, ret, &found, err);

	if (r)
		return r;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no LENGTH(%s)", name);
	if (!*ret || *ret > max)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO LENGTH(%s)=%" PRIu64 " is not 1 to %" PRIu64, name, *ret,
			       max);
	return 0;
}

/* nr_free is not named: it is all that lies behind the lists. */
static int read_area(const struct image *img, struct shape *s, struct err *err)
{
	uint64_t lists, list_size, count;
	int r;

	if ((r = image_need_size(img, "free_area", &s->area_size, err)) ||
	    (r = image_need_offset(img, "free_area.free_list", &lists, err)) ||
	    (r = image_need_size(img, "list_head", &list_size, err)) ||
	    (r = need_length(img, "free_area.free_list", 64, &count, err)))
		return r;
	if (s->area_size > ZONE_MAX || lists > ZONE_MAX || list_size > ZONE_MAX ||
	    lists + count * list_size + COUNTER_SIZE != s->area_size)
		return err_set(err, ERR_UNSUPPORTED,
			       "struct free_area of %" PRIu64 " bytes: %" PRIu64
			       " lists of %" PRIu64 " at %" PRIu64
			       " do not leave one number behind them",
			       s->area_size, count, list_size, lists);
	s->nr_free = s->area_size - COUNTER_SIZE;
	return 0;
}

static int read_shape(const struct image *img, struct shape *s, struct err *err)
{
	int r;

	if ((r = image_need_size(img, "pglist_data", &s->node_size, err)) ||
	    (r = image_need_offset(img, "pglist_data.node_zones", &s->node_zones, err)) ||
	    (r = image_need_offset(img, "pglist_data.nr_zones", &s->nr_zones, err)) ||
	    (r = image_need_size(img, "zone", &s->zone_size, err)) ||
	    (r = image_need_offset(img, "zone.free_area", &s->free_area, err)) ||
	    (r = need_length(img, "zone.free_area", PAGE_ORDERS, &s->orders, err)) ||
	    (r = read_area(img, s, err)))
		return r;
	if (s->zone_size > ZONE_MAX || s->free_area > s->zone_size ||
	    s->orders * s->area_size > s->zone_size - s->free_area)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO: %" PRIu64 " free_area of %" PRIu64 " bytes at %" PRIu64
			       " are not inside struct zone (%" PRIu64 " bytes)",
			       s->orders, s->area_size, s->free_area, s->zone_size);
	if (s->node_size > NODE_MAX || s->node_zones > s->node_size ||
	    s->nr_zones > s->node_size - 4)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO: node_zones at %" PRIu64 " and nr_zones at %" PRIu64
			       " are not inside struct pglist_data (%" PRIu64 " bytes)",
			       s->node_zones, s->nr_zones, s->node_size);
	return 0;
}

static int add_zone(const struct image *img, const struct shape *s, uint64_t zone,
		    struct free_blocks *sum, struct err *err)
{
	for (uint64_t order = 0; order < s->orders; order++) {
		uint64_t at = zone + s->free_area + order * s->area_size + s->nr_free, n;
		int r = image_read_u64(img, at, &n, err);

		if (r)
			return r;
		if (n > COUNT_MAX >> order)
			return err_set(err, ERR_CORRUPT,
				       "the zone at 0x%" PRIx64 " counts %" PRIu64
				       " free blocks of order %" PRIu64,
				       zone, n, order);
		sum->blocks[order] += n;
	}
	sum->zones++;
	return 0;
}

static int add_node(const struct image *img, const struct shape *s, uint64_t node,
		    struct free_blocks *sum, struct err *err)
{
	uint32_t zones;
	int r = image_read_u32(img, node + s->nr_zones, &zones, err);

	if (r)
		return r;
	if (zones > ZONES_MAX || zones * s->zone_size > s->node_size - s->node_zones)
		return err_set(err, ERR_CORRUPT,
			       "the node at 0x%" PRIx64 " has %" PRIu32 " zones, more than fit",
			       node, zones);
	for (uint32_t i = 0; i < zones && !r; i++)
		r = add_zone(img, s, node + s->node_zones + i * s->zone_size, sum, err);
	return r;
}

static int add_nodes(const struct image *img, const struct shape *s, uint64_t table,
		     struct free_blocks *sum, struct err *err)
{
	uint64_t n, node;
	int r = need_length(img, "node_data", NODES_MAX, &n, err);

	for (uint64_t i = 0; i < n && !r; i++) {
		r = image_read_u64(img, table + i * sizeof(node), &node, err);
		if (!r && node)
			r = add_node(img, s, node, sum, err);
	}
	return r;
}

int free_blocks_read(const struct image *img, struct free_blocks *ret, struct err *err)
{
	bool has_table = false, has_node = false;
	struct free_blocks sum = {0};
	uint64_t table = 0, node = 0;
	struct shape s = {0};
	int r;

	if ((r = vmcoreinfo_symbol(img->info, "node_data", &table, &has_table, err)) ||
	    (r = vmcoreinfo_symbol(img->info, "contig_page_data", &node, &has_node, err)))
		return r;
	if (!has_table && !has_node)
		return err_set(
			err, ERR_NOT_FOUND,
			"VMCOREINFO has neither SYMBOL(node_data) nor SYMBOL(contig_page_data)");
	if ((r = read_shape(img, &s, err)))
		return r;
	r = has_table ? add_nodes(img, &s, table, &sum, err) : add_node(img, &s, node, &sum, err);
	if (r) {
		err_wrap(err, "the page allocator's counters");
		return err->code;
	}
	sum.orders = (unsigned int)s.orders;
	*ret = sum;
	return 0;
}
