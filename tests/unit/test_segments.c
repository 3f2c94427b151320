// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "arch/load.h"

static void room_add(struct ranges *room, uint64_t start, uint64_t end)
{
	assert_ok(ranges_add(room, start, end, err));
}

static void put(struct segments *s, const char *name, uint64_t start, uint64_t len)
{
	const struct segment seg = {.name = name, .start = start, .len = len};

	assert_ok(segments_add(s, &seg, err));
}

TEST(find_high_and_low)
{
	static const struct {
		uint64_t len, align, min, max;
		bool top_down;
		uint64_t want;
	} cases[] = {
		{0x1000, 0x1000, 0, UINT64_MAX, true, 0x8f000},
		{0x1000, 0x1000, 0, UINT64_MAX, false, 0x10000},
		{1, 1, 0, UINT64_MAX, true, 0x8f000},
		{0, 0, 0, UINT64_MAX, false, 0x10000},
		{0x1001, 0x1000, 0, UINT64_MAX, true, 0x8e000},
		/* the hole at 0x40000-0x48000 is too small for this, the one above holds it */
		{0x9000, 0x1000, 0, UINT64_MAX, true, 0x87000},
		{0x9000, 0x1000, 0, 0x80000, true, 0x17000},
		{0x8000, 0x1000, 0, 0x80000, true, 0x40000},
		{0x4000, 0x8000, 0, UINT64_MAX, true, 0x88000},
		{0x4000, 0x8000, 0x11000, UINT64_MAX, false, 0x18000},
		{0x1000, 0x1000, 0x10001, UINT64_MAX, false, 0x11000},
		{0x1000, 0x1000, 0, 0x8ffff, true, 0x8e000},
		/* exactly one hole, filled */
		{0x10000, 0x10000, 0, UINT64_MAX, false, 0x10000},
	};
	struct segments s = {0};
	struct ranges room;

	ranges_init(&room);
	room_add(&room, 0x10000, 0x20000);
	room_add(&room, 0x40000, 0x90000);
	put(&s, "a", 0x48000, 0x38000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t at = 1;

		assert_ok(segments_find(&s, &room, "thing", cases[i].len, cases[i].align,
					cases[i].min, cases[i].max, cases[i].top_down, &at, err));
		if (at != cases[i].want)
			fail_msg("case %zu: 0x%llx", i, (unsigned long long)at);
	}
	segments_deinit(&s);
	ranges_deinit(&room);
}

/* Whatever is found is free: a full room is filled page by page from both ends. */
TEST(find_fills_the_room)
{
	struct segments s = {0};
	struct ranges room;
	uint64_t at;

	ranges_init(&room);
	room_add(&room, 0x800, 0x5800); /* four whole pages */
	room_add(&room, 0x10000, 0x14000);
	for (int i = 0; i < 8; i++) {
		assert_ok(segments_find(&s, &room, "page", 1, 1, 0, UINT64_MAX, i % 2, &at, err));
		put(&s, "page", at, 0x1000);
	}
	assert_int_equal(s.n, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(s.v[i].start, (i < 4 ? 0x1000 : 0xc000) + i * 0x1000);
	at = 77;
	assert_fails(segments_find(&s, &room, "page", 1, 1, 0, UINT64_MAX, true, &at, err),
		     ERR_NO_SPACE, "where no memory is free");
	assert_int_equal(at, 77);
	segments_deinit(&s);
	ranges_deinit(&room);
}

TEST(find_says_what_is_short)
{
	struct segments s = {0};
	struct ranges room;
	uint64_t at;

	ranges_init(&room);
	room_add(&room, 0x10000, 0x20000);
	room_add(&room, 0x41000, 0x90000);
	put(&s, "a", 0x48000, 0x8000);
	assert_fails(
		segments_find(&s, &room, "initramfs", 0x50001, 1, 0, UINT64_MAX, true, &at, err),
		ERR_NO_SPACE,
		"no room for the initramfs: it needs 331776 bytes (324.0 KB) at a multiple of "
		"4.0 KB, the largest hole has 262144 (256.0 KB) at 0x50000: short by 69632");
	assert_fails(
		segments_find(&s, &room, "kernel", 0x1000, 0x100000, 0, UINT64_MAX, true, &at, err),
		ERR_NO_SPACE, "the largest hole, 262144 bytes (256.0 KB) at 0x50000, has no");
	assert_fails(
		segments_find(&s, &room, "kernel", 0x1000, 1, 0x90000, UINT64_MAX, true, &at, err),
		ERR_NO_SPACE, "between 0x90000 and");
	assert_fails(segments_find(&s, &room, "kernel", 0x1000, 3, 0, 1, true, &at, err),
		     ERR_CORRUPT, "aligned to 0x3");
	segments_deinit(&s);
	ranges_deinit(&room);
}

/* Sizes and addresses at the end of 64 bits are refused, not wrapped. */
TEST(find_at_the_limits)
{
	static const uint64_t lens[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 4095,
					UINT64_MAX - 4096, 1ULL << 63};
	struct segments s = {0};
	struct ranges room;
	uint64_t at = 0;

	ranges_init(&room);
	room_add(&room, UINT64_MAX - 0x2800, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
		for (int top = 0; top < 2; top++)
			assert_fails(segments_find(&s, &room, "big", lens[i], 1, 0, UINT64_MAX, top,
						   &at, err),
				     ERR_NO_SPACE, "big");
	assert_ok(segments_find(&s, &room, "page", 1, 1, 0, UINT64_MAX, true, &at, err));
	assert_int_equal(at, 0xffffffffffffe000);
	assert_fails(segments_find(&s, &room, "far", 1, 1ULL << 63, 0, UINT64_MAX, false, &at, err),
		     ERR_NO_SPACE, "far");
	assert_fails(segments_find(&s, &room, "far", 1, 1, UINT64_MAX, UINT64_MAX, false, &at, err),
		     ERR_NO_SPACE, "far");
	segments_deinit(&s);
	ranges_deinit(&room);
}

TEST(add_refuses)
{
	static const struct {
		struct segment seg;
		const char *says;
	} cases[] = {
		{{.name = "x", .start = 0x1001, .len = 0x1000}, "not whole pages"},
		{{.name = "x", .start = 0x1000, .len = 0x1001}, "not whole pages"},
		{{.name = "x", .start = 0x1000, .len = 0}, "not whole pages"},
		{{.name = "x", .start = 0xfffffffffffff000, .len = 0x1000}, "beyond 64 bits"},
		{{.name = "x", .start = 0x1000, .len = 0x1000, .size = 0x1001}, "do not fit"},
		{{.name = "x", .start = 0x9000, .len = 0x2000}, "x at 0x9000-0xb000 overlaps"},
		{{.name = "x", .start = 0x1000, .len = 0x100000}, "overlaps segment a at 0xa000"},
		{{.name = "x", .start = 0xb000, .len = 0x1000}, "overlaps segment a"},
		{{.name = "x", .start = 0x20000, .len = 0x1000}, "overlaps segment b"},
	};
	struct segments s = {0};

	put(&s, "b", 0x20000, 0x1000);
	put(&s, "a", 0xa000, 0x2000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(segments_add(&s, &cases[i].seg, err), ERR_CORRUPT, cases[i].says);
	assert_int_equal(s.n, 2);
	put(&s, "c", 0xc000, 0x14000); /* exactly between */
	assert_string_equal(s.v[0].name, "a");
	assert_string_equal(s.v[1].name, "c");
	assert_string_equal(s.v[2].name, "b");
	segments_deinit(&s);
}

/* No table of fixed size, and memory that lives until the end (the sanitizers watch). */
TEST(many)
{
	struct segments s = {0};

	for (uint64_t i = 0; i < 1000; i++) {
		uint8_t *p = segments_alloc(&s, i);

		assert_non_null(p);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		put(&s, "n", ((i * 7) % 1000) * 0x1000, 0x1000);
	}
	assert_int_equal(s.n, 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(s.v[i].start, i * 0x1000);
	segments_deinit(&s);
	assert_null(s.v);
	segments_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find_high_and_low),
		cmocka_unit_test(find_fills_the_room),
		cmocka_unit_test(find_says_what_is_short),
		cmocka_unit_test(find_at_the_limits),
		cmocka_unit_test(add_refuses),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
