// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "image/slab.h"
#include "image/vmstat.h"

#define MAX_BLOCK_DEVICES 65536
#define MAX_PAGE_SIZES    16 /* HUGE_MAX_HSTATE is 1 to 4 */
#define MAX_PAGE_SHIFT    48

struct counting {
	struct kernel *k;
	struct vmstat vs;
	struct memory *mem;
};

/* One number in pages; false: it is not known. */
typedef bool (*count_fn)(struct counting *c, const char *const names[4], uint64_t *ret);

/* ---- where numbers come from */

/* An item of the allocator's counters; names are what it is called, the newest first. */
static bool count_item(struct counting *c, const char *const names[4], uint64_t *ret)
{
	for (size_t i = 0; i < 4 && names[i]; i++)
		if (vmstat_get(&c->vs, names[i], ret))
			return true;
	return false;
}

/* Two items, each with a name that it had before. */
static bool count_two(struct counting *c, const char *const names[4], uint64_t *ret)
{
	const char *const first[4] = {names[0], names[2]}, *const second[4] = {names[1], names[3]};
	uint64_t a, b;

	if (!count_item(c, first, &a) || !count_item(c, second, &b))
		return false;
	*ret = a + b;
	return true;
}

/* A long at one of these symbols; below 0 is 0. */
static bool count_symbol(struct counting *c, const char *const names[4], uint64_t *ret)
{
	struct err ignored;
	uint64_t at, v;

	for (size_t i = 0; i < 4 && names[i]; i++) {
		if (kernel_symbol(c->k, names[i], &at, &ignored) ||
		    reader_u64(c->k->rd, at, &v, &ignored))
			continue;
		*ret = (int64_t)v > 0 ? v : 0;
		return true;
	}
	return false;
}

/* Of pages in huge pages until v5.11 (69473e5de87b); NR_SWAPCACHE came at the same time, and only with CONFIG_SWAP. */
static bool count_huge(struct counting *c, const char *const names[4], uint64_t *ret)
{
	uint64_t ignored;

	return vmstat_get(&c->vs, "NR_SWAPCACHE", &ignored) && vmstat_get(&c->vs, names[0], ret);
}

/* A struct percpu_counter: its sum and what CPUs hold back of it. */
static bool count_percpu(struct counting *c, const char *const names[4], uint64_t *ret)
{
	struct kernel *k = c->k;
	struct field count, counters;
	uint64_t at, sum, parts, part;
	struct err ignored;
	uint32_t v;

	if (!kernel_field(k, "percpu_counter", "count", &count) ||
	    !kernel_field(k, "percpu_counter", "counters", &counters) ||
	    kernel_symbol(k, names[0], &at, &ignored) ||
	    kernel_get(k, at, &count, &sum, &ignored) ||
	    kernel_get(k, at, &counters, &parts, &ignored))
		return false;
	for (unsigned int cpu = 0; parts && cpu < k->n_cpus; cpu++)
		if (!kernel_percpu(k, parts, cpu, &part, &ignored) &&
		    !reader_u32(k->rd, part, &v, &ignored))
			sum += (uint64_t)(int64_t)(int32_t)v;
	*ret = (int64_t)sum > 0 ? sum : 0;
	return true;
}

/* pcpu_nr_pages() of mm/percpu.c: pages of each CPU's part, times the CPUs (both `int`). */
static bool count_percpu_pages(struct counting *c, const char *const names[4], uint64_t *ret)
{
	uint64_t at, product = 1;
	struct err ignored;

	for (size_t i = 0; i < 2; i++) {
		uint32_t v;

		if (kernel_symbol(c->k, names[i], &at, &ignored) ||
		    reader_u32(c->k->rd, at, &v, &ignored))
			return false;
		product *= v; /* two of 32 bits */
	}
	*ret = product;
	return true;
}

/* ---- what is made of several */

/* si_mem_available() of mm/show_mem.c (mm/page_alloc.c before v6.5). */
static bool count_available(struct counting *c, const char *const names[4], uint64_t *ret)
{
	static const char *const reserve[4] = {"totalreserve_pages"};
	static const char *const cache[4] = {"NR_ACTIVE_FILE", "NR_INACTIVE_FILE"};
	static const char *const slab[4] = {"NR_SLAB_RECLAIMABLE_B", "NR_KERNEL_MISC_RECLAIMABLE",
					    "NR_SLAB_RECLAIMABLE"};
	uint64_t free_pages, reserved, pages, reclaimable, low = c->vs.low_watermarks;
	int64_t sum;

	if (!c->vs.has_watermarks || !count_item(c, names, &free_pages) ||
	    !count_symbol(c, reserve, &reserved) || !count_two(c, cache, &pages) ||
	    !count_two(c, slab, &reclaimable))
		return false;
	sum = (int64_t)(free_pages - reserved + pages - NUM_MIN(pages / 2, low) + reclaimable -
			NUM_MIN(reclaimable / 2, low));
	*ret = sum > 0 ? (uint64_t)sum : 0;
	return true;
}

struct inodes {
	struct kernel *k;
	struct field mapping, pages;
	uint64_t sum;
};

static int hear_inode(void *ctx, uint64_t inode, struct err *err)
{
	struct inodes *x = ctx;
	uint64_t mapping, pages;
	int r;

	if ((r = kernel_get(x->k, inode, &x->mapping, &mapping, err)) ||
	    (r = kernel_get(x->k, mapping, &x->pages, &pages, err)))
		return r;
	x->sum += pages;
	return 0;
}

/* nr_blockdev_pages() of block/bdev.c: the page cache of all block devices. */
static bool count_buffers(struct counting *c, const char *const names[4], uint64_t *ret)
{
	struct kernel *k = c->k;
	struct inodes x = {.k = k};
	struct field list, node;
	const struct field_wish wishes[] = {
		{"super_block", "s_inodes", &list, false},
		{"inode", "i_sb_list", &node, false},
		{"inode", "i_mapping", &x.mapping, false},
		{"address_space", "nrpages", &x.pages, false},
	};
	uint64_t at, sb;
	struct err err;

	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
	if (!field_known(&list) || !field_known(&node) || !field_known(&x.mapping) ||
	    !field_known(&x.pages))
		return false;
	if (kernel_symbol(k, names[0], &at, &err) || reader_u64(k->rd, at, &sb, &err) ||
	    kernel_list(k, sb + list.offset, node.offset, MAX_BLOCK_DEVICES, hear_inode, &x,
			&err)) {
		gaps_add_err(&k->gaps, "the page cache of block devices", &err);
		return false;
	}
	*ret = x.sum;
	return true;
}

/* What swap holds of the page cache: none where there is no swap. */
static bool swap_cache(struct counting *c, uint64_t *ret)
{
	static const char *const item[4] = {"NR_SWAPCACHE"}, *const total[4] = {"total_swap_pages"};

	if (count_item(c, item, ret))
		return true;
	return count_symbol(c, total, ret) && !*ret;
}

static bool count_cached(struct counting *c, const char *const names[4], uint64_t *ret)
{
	uint64_t files, swap, buffers;

	if (!count_item(c, names, &files) || !swap_cache(c, &swap) ||
	    !memory_counter(c->mem, "Buffers", &buffers))
		return false;
	buffers /= c->k->img->page_size;
	*ret = files >= swap + buffers ? files - swap - buffers : 0;
	return true;
}

/* hstates[]: one for each size of huge pages. The sum in pages of the field `names[0]`. */
static bool count_hugetlb(struct counting *c, const char *const names[4], uint64_t *ret)
{
	struct kernel *k = c->k;
	uint64_t states, at, size, sum = 0;
	struct field order, count;
	struct err ignored;
	uint32_t n;

	if (kernel_symbol(k, "hstates", &states, &ignored) ||
	    kernel_symbol(k, "hugetlb_max_hstate", &at, &ignored) ||
	    reader_u32(k->rd, at, &n, &ignored) || n > MAX_PAGE_SIZES)
		return false;
	size = kernel_sizeof(k, "hstate");
	if (!size || !kernel_field(k, "hstate", "order", &order) ||
	    !kernel_field(k, "hstate", names[0], &count))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t bits, pages;

		if (kernel_get(k, states + i * size, &order, &bits, &ignored) ||
		    kernel_get(k, states + i * size, &count, &pages, &ignored) ||
		    bits > MAX_PAGE_SHIFT - 12 || !num_mul(pages, 1ULL << bits, &pages) ||
		    !num_add(sum, pages, &sum))
			return false;
	}
	*ret = sum;
	return true;
}

/* ---- the table, in the order of /proc/meminfo */

static const struct {
	const char *name;
	count_fn count;
	const char *names[4];
	uint32_t unit; /* bytes; 0: a page */
	bool needed;   /* every kernel has it */
} lines[] = {
	{"MemTotal", count_symbol, {"_totalram_pages", "totalram_pages"}, 0, true},
	{"MemFree", count_item, {"NR_FREE_PAGES"}, 0, true},
	{"MemAvailable", count_available, {"NR_FREE_PAGES"}, 0, true},
	{"Buffers", count_buffers, {"blockdev_superblock"}, 0, true},
	{"Cached", count_cached, {"NR_FILE_PAGES"}, 0, true},
	{"SwapCached", count_item, {"NR_SWAPCACHE"}, 0, false},
	{"Active", count_two, {"NR_ACTIVE_ANON", "NR_ACTIVE_FILE"}, 0, true},
	{"Inactive", count_two, {"NR_INACTIVE_ANON", "NR_INACTIVE_FILE"}, 0, true},
	{"Active(anon)", count_item, {"NR_ACTIVE_ANON"}, 0, true},
	{"Inactive(anon)", count_item, {"NR_INACTIVE_ANON"}, 0, true},
	{"Active(file)", count_item, {"NR_ACTIVE_FILE"}, 0, true},
	{"Inactive(file)", count_item, {"NR_INACTIVE_FILE"}, 0, true},
	{"Unevictable", count_item, {"NR_UNEVICTABLE"}, 0, true},
	{"Mlocked", count_item, {"NR_MLOCK"}, 0, true},
	{"SwapTotal", count_symbol, {"total_swap_pages"}, 0, false},
	{"SwapFree", count_symbol, {"nr_swap_pages"}, 0, false},
	{"Dirty", count_item, {"NR_FILE_DIRTY"}, 0, true},
	{"Writeback", count_item, {"NR_WRITEBACK"}, 0, true},
	{"AnonPages", count_item, {"NR_ANON_MAPPED"}, 0, true},
	{"Mapped", count_item, {"NR_FILE_MAPPED"}, 0, true},
	{"Shmem", count_item, {"NR_SHMEM"}, 0, true},
	{"KReclaimable",
	 count_two,
	 {"NR_SLAB_RECLAIMABLE_B", "NR_KERNEL_MISC_RECLAIMABLE", "NR_SLAB_RECLAIMABLE"},
	 0,
	 false},
	{"Slab",
	 count_two,
	 {"NR_SLAB_RECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE_B", "NR_SLAB_RECLAIMABLE",
	  "NR_SLAB_UNRECLAIMABLE"},
	 0,
	 true},
	{"SReclaimable", count_item, {"NR_SLAB_RECLAIMABLE_B", "NR_SLAB_RECLAIMABLE"}, 0, true},
	{"SUnreclaim", count_item, {"NR_SLAB_UNRECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE"}, 0, true},
	{"KernelStack", count_item, {"NR_KERNEL_STACK_KB"}, 1024, true},
	{"PageTables", count_item, {"NR_PAGETABLE"}, 0, true},
	{"SecPageTables", count_item, {"NR_SECONDARY_PAGETABLE"}, 0, false},
	{"Bounce", count_item, {"NR_BOUNCE"}, 0, false},
	{"Committed_AS", count_percpu, {"vm_committed_as"}, 0, false},
	{"VmallocUsed", count_symbol, {"nr_vmalloc_pages"}, 0, false},
	{"VmallocUsed", count_item, {"NR_VMALLOC"}, 0, false}, /* v6.19 */
	{"Percpu", count_percpu_pages, {"pcpu_nr_populated", "pcpu_nr_units"}, 0, false},
	{"HardwareCorrupted", count_symbol, {"num_poisoned_pages"}, 0, false},
	{"AnonHugePages", count_huge, {"NR_ANON_THPS"}, 0, false},
	{"ShmemHugePages", count_huge, {"NR_SHMEM_THPS"}, 0, false},
	{"FileHugePages", count_huge, {"NR_FILE_THPS"}, 0, false},
	{"CmaTotal", count_symbol, {"totalcma_pages"}, 0, false},
	{"CmaFree", count_item, {"NR_FREE_CMA_PAGES"}, 0, false},
	{"Unaccepted", count_item, {"NR_UNACCEPTED"}, 0, false},
	{"Balloon", count_item, {"NR_BALLOON_PAGES"}, 0, false},
	{"Hugetlb", count_hugetlb, {"nr_huge_pages"}, 0, false},
	{"HugetlbFree", count_hugetlb, {"free_huge_pages"}, 0, false},
};

static void read_counters(struct counting *c)
{
	uint64_t page = c->k->img->page_size;
	char lacking[512] = "";
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct memory_counter *to = &c->mem->counters[c->mem->n_counters];
		uint64_t n;

		if (c->mem->n_counters == MEMORY_MAX_COUNTERS)
			break;
		if (lines[i].count(c, lines[i].names, &n) &&
		    num_mul(n, lines[i].unit ? lines[i].unit : page, &to->bytes)) {
			to->name = lines[i].name;
			c->mem->n_counters++;
		} else if (lines[i].needed && at < sizeof(lacking)) {
			at += (size_t)snprintf(lacking + at, sizeof(lacking) - at, "%s%s",
					       at ? ", " : "", lines[i].name);
		}
	}
	/* one line of them: where one cannot be read, often none can */
	if (at)
		gaps_add(&c->k->gaps, "memory: not known: %s", lacking);
}

int memory_create(struct kernel *k, struct memory **ret, struct err *err)
{
	struct memory *mem = calloc(1, sizeof(*mem));
	_cleanup_free_ struct counting *c = calloc(1, sizeof(*c));
	int r;

	if (!mem || !c) {
		free(mem);
		return err_nomem(err, sizeof(*mem) + sizeof(*c), "counters of memory");
	}
	*c = (struct counting){.k = k, .mem = mem};
	vmstat_read(k, &c->vs);
	read_counters(c);
	r = slab_read(k, mem, err);
	if (r) {
		memory_destroy(mem);
		return r;
	}
	*ret = mem;
	return 0;
}

void memory_destroy(struct memory *mem)
{
	if (!mem)
		return;
	free(mem->slabs);
	free(mem);
}

bool memory_counter(const struct memory *mem, const char *name, uint64_t *ret)
{
	for (size_t i = 0; i < mem->n_counters; i++) {
		if (strcmp(mem->counters[i].name, name) == 0) {
			*ret = mem->counters[i].bytes;
			return true;
		}
	}
	return false;
}
