// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/page_check.h"
#include "tests/unit/fake_image.h"

/* struct pglist_data, zone and free_area as 6.1 has them, but smaller */
enum { NODE_SIZE = 4096, NODE_ZONES = 64, NR_ZONES = 4000, ZONE_SIZE = 1024, FREE_AREA = 32 };
enum { AREA_SIZE = 88, NR_FREE = 80 };

static void init(struct fake *f)
{
	fake_init(f, 4 * MIB, 4);
	fake_ram(f, 0, f->size);
	fake_set(f, "SIZE(pglist_data)", "%d", NODE_SIZE);
	fake_set(f, "OFFSET(pglist_data.node_zones)", "%d", NODE_ZONES);
	fake_set(f, "OFFSET(pglist_data.nr_zones)", "%d", NR_ZONES);
	fake_set(f, "SIZE(zone)", "%d", ZONE_SIZE);
	fake_set(f, "OFFSET(zone.free_area)", "%d", FREE_AREA);
	fake_set(f, "LENGTH(zone.free_area)", "11");
	fake_set(f, "SIZE(free_area)", "%d", AREA_SIZE);
	fake_set(f, "OFFSET(free_area.free_list)", "0");
	fake_set(f, "LENGTH(free_area.free_list)", "5");
	fake_set(f, "SIZE(list_head)", "16");
}

/* A node with `zones` zones in memory; its physical address. */
static uint64_t add_node(struct fake *f, uint32_t zones)
{
	uint64_t node = fake_alloc(f, NODE_SIZE);

	fake_put32(f, node + NR_ZONES, zones);
	return node;
}

static uint64_t counter(uint64_t node, unsigned int zone, unsigned int order)
{
	return node + NODE_ZONES + zone * ZONE_SIZE + FREE_AREA + order * AREA_SIZE + NR_FREE;
}

/* node_data with two nodes of several slots. */
static void two_nodes(struct fake *f, uint64_t nodes[2])
{
	uint64_t table = fake_alloc(f, FAKE_PAGE);

	nodes[0] = add_node(f, 2);
	nodes[1] = add_node(f, 1);
	fake_put64(f, table, fake_va(f, nodes[0], NODE_SIZE));
	fake_put64(f, table + 24, fake_va(f, nodes[1], NODE_SIZE));
	fake_set(f, "SYMBOL(node_data)", "%" PRIx64, fake_va(f, table, FAKE_PAGE));
	fake_set(f, "LENGTH(node_data)", "6");
}

static int read_blocks(struct fake *f, struct free_blocks *ret, struct err *err)
{
	int r = fake_try_open(f, err);

	return r ? r : free_blocks_read(f->img, ret, err);
}

TEST(counters_of_all_nodes_and_zones)
{
	struct free_blocks b;
	uint64_t nodes[2];
	struct fake f;

	init(&f);
	two_nodes(&f, nodes);
	fake_put64(&f, counter(nodes[0], 0, 0), 3);
	fake_put64(&f, counter(nodes[0], 1, 0), 4);
	fake_put64(&f, counter(nodes[1], 0, 0), 5);
	fake_put64(&f, counter(nodes[0], 1, 10), 7);
	fake_put64(&f, counter(nodes[1], 1, 10), 9); /* it has one zone only */
	assert_ok(read_blocks(&f, &b, err));
	assert_int_equal(b.orders, 11);
	assert_int_equal(b.zones, 3);
	for (unsigned int order = 0; order < PAGE_ORDERS; order++)
		assert_int_equal(b.blocks[order], order == 0 ? 12 : order == 10 ? 7 : 0);
	fake_deinit(&f);
}

/* Without CONFIG_NUMA the node itself is the symbol. */
TEST(one_node)
{
	struct free_blocks b;
	struct fake f;
	uint64_t node;

	init(&f);
	node = add_node(&f, 3);
	fake_put64(&f, counter(node, 2, 4), 11);
	fake_set(&f, "SYMBOL(contig_page_data)", "%" PRIx64, fake_va(&f, node, NODE_SIZE));
	assert_ok(read_blocks(&f, &b, err));
	assert_int_equal(b.blocks[4], 11);
	assert_int_equal(b.zones, 3);
	fake_deinit(&f);
}

static void check_key(const char *key, const char *value, int code, const char *part)
{
	struct free_blocks b;
	uint64_t nodes[2];
	struct fake f;

	init(&f);
	two_nodes(&f, nodes);
	fake_unset(&f, key);
	if (value)
		fake_set(&f, key, "%s", value);
	assert_fails(read_blocks(&f, &b, err), code, part);
	fake_deinit(&f);
}

TEST(keys_that_are_absent_or_make_no_sense)
{
	check_key("SYMBOL(node_data)", NULL, ERR_NOT_FOUND, "node_data");
	check_key("LENGTH(node_data)", NULL, ERR_NOT_FOUND, "LENGTH(node_data)");
	check_key("LENGTH(node_data)", "0", ERR_CORRUPT, "LENGTH(node_data)=0");
	check_key("LENGTH(node_data)", "4097", ERR_CORRUPT, "LENGTH(node_data)=4097");
	check_key("SIZE(pglist_data)", NULL, ERR_NOT_FOUND, "SIZE(pglist_data)");
	check_key("SIZE(pglist_data)", "4001", ERR_CORRUPT, "inside struct pglist_data (4001");
	check_key("SIZE(pglist_data)", "1111", ERR_CORRUPT, "inside struct pglist_data");
	check_key("SIZE(pglist_data)", "18446744073709551615", ERR_CORRUPT, "pglist_data (1844");
	check_key("OFFSET(pglist_data.nr_zones)", "18446744073709551615", ERR_CORRUPT, "nr_zones");
	check_key("OFFSET(pglist_data.node_zones)", "5000", ERR_CORRUPT, "node_zones at 5000");
	check_key("SIZE(zone)", "999", ERR_CORRUPT, "struct zone (999 bytes)");
	check_key("SIZE(zone)", "18446744073709551615", ERR_CORRUPT, "struct zone (1844");
	check_key("OFFSET(zone.free_area)", "18446744073709551615", ERR_CORRUPT, "struct zone");
	check_key("LENGTH(zone.free_area)", "12", ERR_CORRUPT, "12 free_area of 88");
	check_key("LENGTH(zone.free_area)", "49", ERR_CORRUPT, "LENGTH(zone.free_area)=49");
	/* a struct free_area with one more member, or one migrate type more than said */
	check_key("SIZE(free_area)", "96", ERR_UNSUPPORTED, "struct free_area of 96 bytes");
	check_key("SIZE(free_area)", "18446744073709551615", ERR_UNSUPPORTED, "free_area of 1844");
	check_key("LENGTH(free_area.free_list)", "4", ERR_UNSUPPORTED, "4 lists of 16");
	check_key("SIZE(list_head)", "0", ERR_UNSUPPORTED, "lists of 0");
}

TEST(memory_that_makes_no_sense)
{
	struct free_blocks b = {.orders = 77};
	uint64_t nodes[2];
	struct fake f;

	init(&f);
	two_nodes(&f, nodes);
	fake_put32(&f, nodes[1] + NR_ZONES, 4); /* 64 + 4 * 1024 is more than 4096 */
	assert_fails(read_blocks(&f, &b, err), ERR_CORRUPT, "has 4 zones");
	fake_put32(&f, nodes[1] + NR_ZONES, UINT32_MAX);
	assert_fails(read_blocks(&f, &b, err), ERR_CORRUPT, "has 4294967295 zones");
	fake_put32(&f, nodes[1] + NR_ZONES, 1);
	fake_put64(&f, counter(nodes[1], 0, 10), 1ULL << 31);
	assert_fails(read_blocks(&f, &b, err), ERR_CORRUPT, "2147483648 free blocks of order 10");
	fake_put64(&f, counter(nodes[1], 0, 10), 1);
	fake_absent(&f, nodes[1], nodes[1] + FAKE_PAGE);
	assert_int_not_equal(read_blocks(&f, &b, &(struct err){0}), 0);
	assert_int_equal(b.orders, 77);
	fake_deinit(&f);
}

/* ---- the verdict */

static struct page_check seen_blocks(uint64_t n, unsigned int order)
{
	struct page_check c = {0};
	struct page_info info = {.class = PAGE_FREE, .order = order};

	for (uint64_t i = 0; i < n; i++)
		page_check_see(&c, &info);
	return c;
}

TEST(nothing_seen_and_nothing_counted)
{
	struct page_layout layout = {.has_buddy = true, .compound = COMPOUND_BYTES};
	struct page_check c = {0};
	struct free_blocks b = {0};
	struct page_verdict v;

	page_check_verdict(&c, NULL, true, &v);
	assert_string_equal(v.text, "");
	page_check_verdict(&c, &b, true, &v);
	assert_string_equal(v.text, "");
	assert_false(page_check_restrict(&v, &layout));
	assert_true(layout.has_buddy);
	assert_int_equal(layout.compound, COMPOUND_BYTES);
}

/* One block half out of a list in each zone is a stopped CPU's; many are a layout misread. */
TEST(more_free_blocks_than_counted)
{
	struct page_layout layout = {.has_buddy = true, .has_unaccepted = true};
	struct free_blocks b = {.orders = 11, .zones = 3, .blocks = {[3] = 100}};
	struct page_check c = seen_blocks(106, 3);
	struct page_verdict v;

	page_check_verdict(&c, &b, true, &v);
	assert_false(v.distrust_free);
	assert_string_equal(v.text, "");
	c = seen_blocks(107, 3);
	page_check_verdict(&c, &b, true, &v);
	assert_true(v.distrust_free);
	assert_string_equal(v.text, "free pages by struct page: 856, by the kernel's own counters: "
				    "800: they are kept");
	assert_true(page_check_restrict(&v, &layout));
	assert_false(layout.has_buddy || layout.has_unaccepted);
	assert_false(page_check_restrict(&v, &layout)); /* a second scan is the last one */
	/* the same number of pages in other blocks */
	c = seen_blocks(200, 2);
	page_check_verdict(&c, &b, true, &v);
	assert_int_equal(v.free_seen, v.free_counted);
	assert_true(v.distrust_free);
	/* without the counters nothing is known */
	page_check_verdict(&c, NULL, true, &v);
	assert_false(v.distrust_free);
	assert_int_equal(v.free_counted, 0);
}

/* makedumpfile 1.7.6 takes no page of 6.12 for a free one (its issue #16) and does not say so. */
TEST(fewer_free_blocks_than_counted)
{
	struct page_layout layout = {.has_buddy = true};
	struct free_blocks b = {.orders = 11, .zones = 3, .blocks = {[10] = 152}};
	struct page_check c = {0};
	struct page_verdict v;

	page_check_verdict(&c, &b, true, &v);
	assert_string_equal(v.text, "free pages by struct page: 0, by the kernel's own counters: "
				    "155648: those that are not recognised are kept");
	assert_false(page_check_restrict(&v, &layout));
	page_check_verdict(&c, &b, false, &v); /* a part of the memory has a part of the blocks */
	assert_string_equal(v.text, "");
}

TEST(blocks_of_orders_that_cannot_be)
{
	struct page_info doubtful = {.doubtful = true};
	struct page_check c = seen_blocks(1000, 0);
	struct page_verdict v;

	for (int i = 0; i < 142; i++) /* of 1142 */
		page_check_see(&c, &doubtful);
	page_check_verdict(&c, NULL, true, &v);
	assert_false(v.distrust_free);
	page_check_see(&c, &doubtful);
	page_check_verdict(&c, NULL, true, &v);
	assert_true(v.distrust_free);
	assert_non_null(strstr(v.text, "of 1143 free blocks 143 have an order that cannot be"));
	assert_false(v.distrust_compound);
	/* sixteen are damage, however few the others are */
	c = (struct page_check){.doubtful_blocks = 16};
	page_check_verdict(&c, NULL, true, &v);
	assert_false(v.distrust_free);
}

TEST(heads_of_orders_that_cannot_be)
{
	struct page_layout layout = {.has_buddy = true, .compound = COMPOUND_FLAGS_TYPE};
	struct page_info good = {.head = true, .compound_order = 9, .order = 9};
	struct page_info bad = {.head = true, .doubtful = true};
	struct page_check a = {0}, b = {0};
	struct page_verdict v;

	for (int i = 0; i < 100; i++)
		page_check_see(&a, &good);
	for (int i = 0; i < 14; i++)
		page_check_see(&b, &bad);
	page_check_add(&a, &b);
	page_check_verdict(&a, NULL, true, &v);
	assert_false(v.distrust_compound);
	for (int i = 0; i < 3; i++)
		page_check_see(&a, &bad);
	page_check_verdict(&a, NULL, true, &v);
	assert_true(v.distrust_compound);
	assert_non_null(strstr(v.text, "of 117 compound pages 17 have"));
	assert_true(page_check_restrict(&v, &layout));
	assert_true(layout.has_buddy);
	assert_int_equal(layout.compound, COMPOUND_UNKNOWN);
	assert_false(page_check_restrict(&v, &layout));
}

/* Both at once, with the largest numbers: one line that is not cut. */
TEST(the_text_has_room)
{
	struct free_blocks b = {.zones = 1};
	struct page_check c = {.heads = UINT64_MAX, .doubtful_heads = UINT64_MAX};
	struct page_verdict v;

	c.blocks[0] = UINT64_MAX;
	page_check_verdict(&c, &b, true, &v);
	assert_non_null(strstr(v.text, "18446744073709551615, by the kernel"));
	assert_non_null(strstr(v.text, "they are kept; of 18446744073709551615 compound"));
	assert_non_null(strstr(v.text, "have an order that cannot be: they are kept"));
	c.doubtful_blocks = UINT64_MAX - 1;
	c.blocks[0] = 1;
	page_check_verdict(&c, &b, true, &v);
	assert_non_null(strstr(v.text, "free pages are kept; of 1844"));
	assert_non_null(strstr(v.text, "have an order that cannot be: they are kept"));
}

TEST(parts_add_up)
{
	struct page_check a = {.doubtful_blocks = 1, .heads = 2, .doubtful_heads = 3}, b = a;

	a.blocks[0] = 5;
	b.blocks[PAGE_ORDERS - 1] = 7;
	page_check_add(&a, &b);
	assert_int_equal(a.blocks[0], 5);
	assert_int_equal(a.blocks[PAGE_ORDERS - 1], 7);
	assert_int_equal(a.doubtful_blocks, 2);
	assert_int_equal(a.heads, 4);
	assert_int_equal(a.doubtful_heads, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_of_all_nodes_and_zones),
		cmocka_unit_test(one_node),
		cmocka_unit_test(keys_that_are_absent_or_make_no_sense),
		cmocka_unit_test(memory_that_makes_no_sense),
		cmocka_unit_test(nothing_seen_and_nothing_counted),
		cmocka_unit_test(more_free_blocks_than_counted),
		cmocka_unit_test(fewer_free_blocks_than_counted),
		cmocka_unit_test(blocks_of_orders_that_cannot_be),
		cmocka_unit_test(heads_of_orders_that_cannot_be),
		cmocka_unit_test(the_text_has_room),
		cmocka_unit_test(parts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
