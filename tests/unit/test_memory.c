// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/memory.h"
#include "tests/unit/kernel_fixture.h"

#define TYPES FAKE_TYPES_BASIC FAKE_TYPES_MEMORY

enum { Z_BOOST = 24, Z_DIFFS = 32, Z_PRESENT = 40, N_DIFFS = 200, ZONE_SIZE = 64 };
enum { FREE_PAGES = 0, INACTIVE_FILE = 2, ACTIVE_FILE = 3, SLAB_RECLAIMABLE = 5, ANON = 7 };
enum { FILE_PAGES = 9, MISC_RECLAIMABLE = 13, STACK_KB = 14, SWAP_CACHE = 16, THPS = 17 };
enum { C_SIZE = 8, C_OBJECT = 12, C_OO = 16, C_NAME = 24, C_LIST = 32, C_NODE = 64 };
enum { CN_PARTIAL = 8, CN_LIST = 16, CN_SLABS = 32, CN_TOTAL = 40, S_LIST = 8, S_COUNTS = 32 };

struct mem {
	struct world w;
	uint64_t zone_stat, node_stat, node, zone_diffs, node_diffs, slabs;
};

/* One node with a zone and an empty one. */
static void mem_init(struct mem *m)
{
	uint64_t table, states;

	*m = (struct mem){0};
	world_init(&m->w);
	m->zone_stat = world_variable(&m->w, "vm_zone_stat", 4 * 8);
	m->node_stat = world_variable(&m->w, "vm_node_stat", 18 * 8);
	m->node = world_new(&m->w, 256);
	m->zone_diffs = world_percpu(&m->w, 8);
	m->node_diffs = world_percpu(&m->w, 24);
	table = world_variable(&m->w, "node_data", 4 * 8);
	put64(&m->w, table, m->node);
	world_value(&m->w, "nr_node_ids", 1);
	states = world_variable(&m->w, "node_states", 16);
	put64(&m->w, states + 8, 1);
	put64(&m->w, m->node + Z_DIFFS, m->zone_diffs);
	put64(&m->w, m->node + Z_PRESENT, 1000);
	put64(&m->w, m->node + N_DIFFS, m->node_diffs);
	world_value(&m->w, "_totalram_pages", 2000);
	world_value(&m->w, "totalreserve_pages", 10);
	world_value(&m->w, "total_swap_pages", 0);
	m->slabs = world_variable(&m->w, "slab_caches", 16);
	list_init(&m->w, m->slabs);
}

/* Two block devices with so many pages in their caches. */
static void add_buffers(struct mem *m, uint64_t pages)
{
	uint64_t sb = world_new(&m->w, 64);

	world_value(&m->w, "blockdev_superblock", sb);
	list_init(&m->w, sb + 16);
	for (int i = 0; i < 2; i++) {
		uint64_t inode = world_new(&m->w, 64), mapping = world_new(&m->w, 64);

		put64(&m->w, inode, mapping);
		put64(&m->w, mapping + 8, pages / 2);
		list_add(&m->w, sb + 16, inode + 16);
	}
}

static struct memory *read_memory(struct mem *m, const char *types)
{
	struct memory *mem = NULL;

	world_open(&m->w, types);
	assert_ok(memory_create(m->w.k, &mem, err));
	return mem;
}

static void assert_counter(const struct memory *mem, const char *name, uint64_t want)
{
	uint64_t v;

	assert_true(memory_counter(mem, name, &v));
	assert_int_equal(v, want);
}

static bool has_counter(const struct memory *mem, const char *name)
{
	uint64_t v;

	return memory_counter(mem, name, &v);
}

TEST(sums_with_what_cpus_hold_back)
{
	struct memory *mem;
	struct mem m;

	mem_init(&m);
	put64(&m.w, m.zone_stat, 500);
	put8(&m.w, world_of_cpu(&m.w, m.zone_diffs, 0), 5);
	put8(&m.w, world_of_cpu(&m.w, m.zone_diffs, 1), (uint8_t)-20);
	put8(&m.w, world_of_cpu(&m.w, m.zone_diffs, 2), 100); /* is not online */
	put64(&m.w, m.node_stat + ANON * 8, 7);
	put8(&m.w, world_of_cpu(&m.w, m.node_diffs, 1) + 1 + ANON, 3);
	put64(&m.w, m.node_stat + STACK_KB * 8, 64);
	put64(&m.w, m.node_stat + 8, (uint64_t)-9); /* NR_ACTIVE_ANON: below 0 is 0 */
	/* the zone that has no memory shares its diffs with others: once they were added for each */
	put64(&m.w, m.node + ZONE_SIZE + Z_DIFFS, m.zone_diffs);
	mem = read_memory(&m, TYPES);
	assert_counter(mem, "MemTotal", 2000 * 4096);
	assert_counter(mem, "MemFree", 485 * 4096);
	assert_counter(mem, "AnonPages", 10 * 4096);
	assert_counter(mem, "KernelStack", 64 * 1024);
	assert_counter(mem, "Active(anon)", 0);
	/* what this world lacks is one line, not one of each */
	assert_gap(&m.w, "memory: not known: ");
	assert_false(has_gap(&m.w, " is not known"));
	assert_string_equal(mem->counters[0].name, "MemTotal");
	assert_false(
		has_counter(mem, "SecPageTables")); /* this kernel has none, and that is no gap */
	memory_destroy(mem);
	memory_destroy(NULL);
	world_deinit(&m.w);
}

/* si_mem_available(), with half of the cache being less than the watermarks, and more. */
TEST(available)
{
	struct memory *mem;
	struct mem m;

	mem_init(&m);
	put64(&m.w, m.zone_stat, 500);
	put64(&m.w, m.node_stat + ACTIVE_FILE * 8, 100);
	put64(&m.w, m.node_stat + INACTIVE_FILE * 8, 200);
	put64(&m.w, m.node_stat + SLAB_RECLAIMABLE * 8, 20);
	put64(&m.w, m.node_stat + MISC_RECLAIMABLE * 8, 4);
	put64(&m.w, m.node + 8, 30);  /* WMARK_LOW */
	put64(&m.w, m.node + 16, 99); /* WMARK_HIGH */
	put64(&m.w, m.node + Z_BOOST, 2);
	put64(&m.w, m.node + ZONE_SIZE + 8, 1);
	mem = read_memory(&m, TYPES);
	/* low is 33: of the cache 33 stay, of what can be reclaimed half */
	assert_counter(mem, "MemAvailable", (500 - 10 + (300 - 33) + (24 - 12)) * 4096);
	assert_counter(mem, "KReclaimable", 24 * 4096);
	memory_destroy(mem);
	world_value(&m.w, "totalreserve_pages", 100000);
	mem = read_memory(&m, TYPES);
	assert_counter(mem, "MemAvailable", 0);
	memory_destroy(mem);
	fake_unset(&m.w.f, "SYMBOL(totalreserve_pages)");
	mem = read_memory(&m, TYPES);
	assert_false(has_counter(mem, "MemAvailable"));
	assert_gap(&m.w, "MemAvailable");
	memory_destroy(mem);
	world_deinit(&m.w);
}

TEST(page_cache)
{
	struct memory *mem;
	struct mem m;

	mem_init(&m);
	put64(&m.w, m.node_stat + FILE_PAGES * 8, 100);
	put64(&m.w, m.node_stat + SWAP_CACHE * 8, 5);
	put64(&m.w, m.node_stat + THPS * 8, 512);
	mem = read_memory(&m, TYPES);
	assert_false(has_counter(mem, "Buffers"));
	assert_false(has_counter(mem, "Cached"));
	assert_gap(&m.w, "blockdev_superblock");
	memory_destroy(mem);
	add_buffers(&m, 40);
	mem = read_memory(&m, TYPES);
	assert_counter(mem, "Buffers", 40 * 4096);
	assert_counter(mem, "Cached", 55 * 4096);
	assert_counter(mem, "AnonHugePages", 512 * 4096);
	memory_destroy(mem);
	world_deinit(&m.w);
}

TEST(hugetlb_vmalloc_and_others)
{
	uint64_t states, parts;
	struct memory *mem;
	struct mem m;

	mem_init(&m);
	states = world_variable(&m.w, "hstates", 2 * 64);
	put32(&m.w, world_variable(&m.w, "hugetlb_max_hstate", 4), 2);
	put32(&m.w, states + 4, 9);
	put64(&m.w, states + 8, 3);
	put64(&m.w, states + 16, 1);
	put32(&m.w, states + 64 + 4, 18);
	put64(&m.w, states + 64 + 8, 1);
	world_value(&m.w, "nr_vmalloc_pages", 77);
	put32(&m.w, world_variable(&m.w, "pcpu_nr_populated", 4), 3);
	put32(&m.w, world_variable(&m.w, "pcpu_nr_units", 4), 2);
	parts = world_percpu(&m.w, 4);
	put64(&m.w, world_variable(&m.w, "vm_committed_as", 40) + 8, 100);
	put64(&m.w, m.w.next - 64 + 32, parts);
	put32(&m.w, world_of_cpu(&m.w, parts, 2), (uint32_t)-30);
	mem = read_memory(&m, TYPES);
	assert_counter(mem, "Hugetlb", 3 * 2 * MIB + GIB);
	assert_counter(mem, "HugetlbFree", 2 * MIB);
	assert_counter(mem, "VmallocUsed", 77 * 4096);
	assert_counter(mem, "Percpu", 6 * 4096);
	assert_counter(mem, "Committed_AS", 70 * 4096);
	memory_destroy(mem);
	/* sizes that cannot be */
	put32(&m.w, states + 4, 64);
	mem = read_memory(&m, TYPES);
	assert_false(has_counter(mem, "Hugetlb"));
	memory_destroy(mem);
	put32(&m.w, states + 4, 9);
	put64(&m.w, states + 8, UINT64_MAX / 2);
	mem = read_memory(&m, TYPES);
	assert_false(has_counter(mem, "Hugetlb"));
	memory_destroy(mem);
	world_deinit(&m.w);
}

/* Nodes that are not online, nodes that cannot be read, and a machine with nothing that is known. */
TEST(nodes)
{
	uint64_t second, table;
	struct memory *mem;
	struct mem m;

	mem_init(&m);
	second = world_new(&m.w, 256);
	memcpy(m.w.f.ram + world_phys(second), m.w.f.ram + world_phys(m.node), 256);
	table = world_variable(&m.w, "node_data", 4 * 8);
	put64(&m.w, table, m.node);
	put64(&m.w, table + 8, second);
	put64(&m.w, table + 16, second);
	world_value(&m.w, "nr_node_ids", 3);
	put64(&m.w, world_variable(&m.w, "node_states", 16) + 8, 3);
	put8(&m.w, world_of_cpu(&m.w, m.zone_diffs, 0), 5);
	mem = read_memory(&m, TYPES);
	assert_counter(mem, "MemFree", 10 * 4096);
	memory_destroy(mem);
	put64(&m.w, table + 8, 0x7000);
	mem = read_memory(&m, TYPES);
	assert_counter(mem, "MemFree", 5 * 4096);
	assert_gap(&m.w, "counters of memory that CPUs hold back");
	assert_false(has_counter(mem, "MemAvailable"));
	memory_destroy(mem);
	mem = read_memory(&m, NULL);
	assert_false(has_counter(mem, "MemFree"));
	assert_counter(mem, "MemTotal", 2000 * 4096);
	assert_gap(&m.w, "zone_stat_item");
	memory_destroy(mem);
	world_deinit(&m.w);
}

/* ---- slabs */

static uint64_t add_cache(struct mem *m, const char *name, uint32_t size, uint32_t order,
			  uint64_t slabs, uint64_t objects)
{
	uint64_t at = world_new(&m->w, 128), node = world_new(&m->w, 64);

	put32(&m->w, at + C_SIZE, size);
	put32(&m->w, at + C_OBJECT, size - 8);
	put32(&m->w, at + C_OO, order << 16 | 4096 / size);
	put64(&m->w, at + C_NAME, new_text(&m->w, name));
	put64(&m->w, at + C_NODE, node);
	put64(&m->w, at + C_NODE + 8, 0x13); /* behind nr_node_ids: not the cache's */
	put64(&m->w, node + CN_SLABS, slabs);
	put64(&m->w, node + CN_TOTAL, objects);
	list_init(&m->w, node + CN_LIST);
	list_add(&m->w, m->slabs, at + C_LIST);
	return at;
}

/* A slab that is partly used. */
static uint64_t add_partial(struct mem *m, uint64_t cache, uint32_t objects, uint32_t inuse)
{
	uint64_t slab = world_new(&m->w, 64), node = get64(&m->w, cache + C_NODE);

	put32(&m->w, slab + S_COUNTS, objects << 16 | inuse);
	list_add(&m->w, node + CN_LIST, slab + S_LIST);
	put64(&m->w, node + CN_PARTIAL, get64(&m->w, node + CN_PARTIAL) + 1);
	return slab;
}

TEST(slabs_largest_first)
{
	struct memory *mem;
	uint64_t cache;
	struct mem m;

	mem_init(&m);
	add_cache(&m, "small", 64, 0, 3, 192);
	cache = add_cache(&m, "large", 512, 3, 10, 640);
	add_partial(&m, cache, 64, 60);
	add_partial(&m, cache, 64, 1);
	add_cache(&m, "another", 64, 0, 3, 100);
	mem = read_memory(&m, TYPES);
	assert_false(mem->slabs_cut);
	assert_int_equal(mem->n_slabs, 3);
	assert_string_equal(mem->slabs[0].name, "large");
	assert_int_equal(mem->slabs[0].addr, cache);
	assert_int_equal(mem->slabs[0].bytes, 10 * 8 * 4096);
	assert_int_equal(mem->slabs[0].objects, 640);
	assert_int_equal(mem->slabs[0].active, 640 - 4 - 63);
	assert_int_equal(mem->slabs[0].size, 512);
	assert_int_equal(mem->slabs[0].object_size, 504);
	assert_string_equal(mem->slabs[1].name, "another");
	assert_string_equal(mem->slabs[2].name, "small");
	assert_int_equal(mem->slabs[2].active, 192);
	memory_destroy(mem);
	world_deinit(&m.w);
}

TEST(damaged_slabs)
{
	uint64_t a, b, c, slab;
	struct memory *mem;
	struct mem m;

	mem_init(&m);
	a = add_cache(&m, "a", 64, 0, 3, 192);
	b = add_cache(&m, "b", 64, 0, 1ULL << 50, 192);
	c = add_cache(&m, "c", 64, 0, 2, 128);
	mem = read_memory(&m, TYPES);
	assert_true(mem->slabs_cut);
	assert_int_equal(mem->n_slabs, 2);
	assert_gap(&m.w, "more than there is memory");
	memory_destroy(mem);

	put64(&m.w, get64(&m.w, b + C_NODE) + CN_SLABS, 1);
	put32(&m.w, b + C_OO, 200 << 16);
	mem = read_memory(&m, TYPES);
	assert_int_equal(mem->n_slabs, 2);
	memory_destroy(mem);

	put32(&m.w, b + C_OO, 1);
	put64(&m.w, b + C_NAME, 0x40);     /* a name from nowhere */
	slab = add_partial(&m, c, 64, 65); /* more in use than there are */
	mem = read_memory(&m, TYPES);
	assert_int_equal(mem->n_slabs, 2);
	assert_string_equal(mem->slabs[1].name, "c");
	assert_true(mem->slabs[1].active == UINT64_MAX);
	assert_gap(&m.w, "65 of 64");
	memory_destroy(mem);

	put32(&m.w, slab + S_COUNTS, 64 << 16 | 4);
	put64(&m.w, slab + S_LIST, slab + S_LIST); /* the list of slabs goes round */
	put64(&m.w, b + C_LIST, a + C_LIST);       /* that of caches as well */
	mem = read_memory(&m, TYPES);
	assert_true(mem->slabs_cut);
	assert_gap(&m.w, "slab caches: ");
	memory_destroy(mem);
	world_deinit(&m.w);
}

/* So many partly used slabs that it would take too long: then what is in use is not known. */
TEST(too_many_partial_slabs)
{
	struct memory *mem;
	uint64_t cache;
	struct mem m;

	mem_init(&m);
	cache = add_cache(&m, "a", 64, 0, 3, 192);
	put64(&m.w, get64(&m.w, cache + C_NODE) + CN_PARTIAL, 1ULL << 40);
	mem = read_memory(&m, TYPES);
	assert_true(mem->slabs[0].active == UINT64_MAX);
	assert_int_equal(mem->slabs[0].objects, 192);
	memory_destroy(mem);
	world_deinit(&m.w);
}

/* CONFIG_SLUB_DEBUG is what counts; and v7.1 has its nodes in a struct of their own. */
TEST(other_layouts)
{
	static const char bare[] = FAKE_TYPES_BASIC
		"struct oo 4\n x 0 u32\n"
		"struct kmem_cache 128\n size 8 u32\n object_size 12 u32\n oo 16 oo\n name 24 ptr\n"
		" list 32 list_head\n node 64 ptr[4]\n"
		"struct kmem_cache_node 64\n nr_partial 8 u64\n partial 16 list_head\n";
	static const char pairs[] = FAKE_TYPES_BASIC
		"struct oo 4\n x 0 u32\n"
		"struct kmem_cache_per_node_ptrs 16\n barn 0 ptr\n node 8 ptr\n"
		"struct kmem_cache 128\n size 8 u32\n object_size 12 u32\n oo 16 oo\n name 24 ptr\n"
		" list 32 list_head\n per_node 64 kmem_cache_per_node_ptrs[4]\n"
		"struct kmem_cache_node 64\n nr_partial 8 u64\n partial 16 list_head\n"
		" nr_slabs 32 atomic64\n total_objects 40 atomic64\n";
	struct memory *mem;
	uint64_t cache;
	struct mem m;

	mem_init(&m);
	cache = add_cache(&m, "a", 64, 0, 3, 192);
	mem = read_memory(&m, bare);
	assert_int_equal(mem->n_slabs, 0);
	assert_gap(&m.w, "CONFIG_SLUB_DEBUG");
	memory_destroy(mem);
	put64(&m.w, cache + C_NODE + 8, get64(&m.w, cache + C_NODE));
	mem = read_memory(&m, pairs);
	assert_int_equal(mem->n_slabs, 1);
	assert_int_equal(mem->slabs[0].bytes, 3 * 4096);
	memory_destroy(mem);
	fake_unset(&m.w.f, "SYMBOL(nr_node_ids)");
	mem = read_memory(&m, TYPES);
	assert_int_equal(mem->n_slabs, 0);
	assert_gap(&m.w, "nr_node_ids");
	memory_destroy(mem);
	world_deinit(&m.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_with_what_cpus_hold_back),
		cmocka_unit_test(available),
		cmocka_unit_test(page_cache),
		cmocka_unit_test(hugetlb_vmalloc_and_others),
		cmocka_unit_test(nodes),
		cmocka_unit_test(slabs_largest_first),
		cmocka_unit_test(damaged_slabs),
		cmocka_unit_test(too_many_partial_slabs),
		cmocka_unit_test(other_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
