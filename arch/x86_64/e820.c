// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/e820.h"

#include "base/num.h"

#define MIB (1024u * 1024)

uint32_t e820_type(enum area_kind kind)
{
	switch (kind) {
	case AREA_RAM:
		return 1;
	case AREA_ACPI:
		return 3;
	case AREA_NVS:
		return 4;
	case AREA_PMEM:
		return 7;
	case AREA_PRAM:
		return 12;
	case AREA_SOFT_RESERVED:
		return 0xefffffff;
	case AREA_RESERVED:
	case AREA_DRIVER_RAM:
	case AREA_KINDS:
		break;
	}
	return 2; /* nobody touches what is reserved */
}

static int panic_ram(const struct load_input *in, struct range hole, struct ranges *ram,
		     struct err *err)
{
	int r;

	for (size_t i = 0; i < in->n_areas; i++) {
		const struct mem_area *a = &in->areas[i];

		if (a->kind != AREA_RAM)
			continue;
		r = ranges_add(ram, a->range.start, NUM_MIN(a->range.end, MIB), err);
		if (r)
			return r;
	}
	r = ranges_add_all(ram, in->crash, err);
	if (r)
		return r;
	return ranges_sub(ram, hole.start, hole.end, err);
}

/* A driver's RAM is not in the firmware's map, either: the next kernel's driver finds it. */
static bool ordinary_keeps(const struct mem_area *a)
{
	return a->kind != AREA_DRIVER_RAM && a->range.start < a->range.end;
}

/* Soft-reserved memory is RAM that somebody else may have used: to a panic kernel it is as any other RAM, not there. */
static bool panic_keeps(const struct mem_area *a)
{
	return a->kind != AREA_RAM && a->kind != AREA_SOFT_RESERVED && ordinary_keeps(a);
}

static int panic_map(const struct load_input *in, struct range hole, struct segments *ret,
		     struct err *err)
{
	_cleanup_(ranges_deinit) struct ranges ram = {0};
	size_t max, n = 0, k = 0;
	struct mem_area *map;
	int r = panic_ram(in, hole, &ram, err);

	if (r)
		return r;
	max = in->n_areas + ram.n;
	map = segments_alloc(ret, max * sizeof(*map));
	if (!map)
		return err_nomem(err, max * sizeof(*map), "the memory map");
	for (size_t i = 0; i < in->n_areas; i++) {
		const struct mem_area *a = &in->areas[i];

		if (!panic_keeps(a))
			continue;
		while (k < ram.n && ram.v[k].start < a->range.start)
			map[n++] = (struct mem_area){ram.v[k++], AREA_RAM};
		map[n++] = *a;
	}
	while (k < ram.n)
		map[n++] = (struct mem_area){ram.v[k++], AREA_RAM};
	ret->map = map;
	ret->n_map = n;
	return 0;
}

int e820_make(const struct load_input *in, struct range hole, struct segments *ret, struct err *err)
{
	struct mem_area *map;
	size_t n = 0;

	if (in->panic)
		return panic_map(in, hole, ret, err);
	map = segments_alloc(ret, in->n_areas * sizeof(*map));
	if (!map)
		return err_nomem(err, in->n_areas * sizeof(*map), "the memory map");
	for (size_t i = 0; i < in->n_areas; i++)
		if (ordinary_keeps(&in->areas[i]))
			map[n++] = in->areas[i];
	ret->map = map;
	ret->n_map = n;
	return 0;
}
