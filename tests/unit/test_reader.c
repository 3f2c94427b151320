// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/reader.h"

#include "image/gaps.h"
#include "tests/unit/fake_image.h"

#define SIZE (64 * KIB)

static struct {
	struct fake f;
	uint64_t phys, va;
	struct reader *rd;
} m;

static void up(size_t pages)
{
	fake_init(&m.f, 8 * MIB, 4);
	fake_ram(&m.f, 0, m.f.size);
	m.phys = fake_alloc(&m.f, SIZE);
	m.va = fake_va(&m.f, m.phys, SIZE);
	for (uint64_t i = 0; i < SIZE; i++)
		m.f.ram[m.phys + i] = (uint8_t)(i * 7 + i / 251);
	fake_open(&m.f);
	assert_ok(reader_create(m.f.img, pages, &m.rd, err));
}

static void down(void)
{
	reader_destroy(m.rd);
	fake_deinit(&m.f);
}

TEST(bytes_across_pages)
{
	uint8_t buf[3 * 4096];

	up(0);
	assert_ptr_equal(reader_image(m.rd), m.f.img);
	for (uint64_t at = 4000; at < 4200; at += 13)
		for (size_t len = 0; len < sizeof(buf) - 1; len = len * 2 + 1) {
			memset(buf, 0, sizeof(buf));
			assert_ok(reader_read(m.rd, m.va + at, buf, len, err));
			assert_memory_equal(buf, m.f.ram + m.phys + at, len);
			assert_int_equal(buf[len], 0);
		}
	down();
}

/* With few places every page is thrown out again and again. */
TEST(few_pages)
{
	up(1);
	for (unsigned int i = 0; i < 5000; i++) {
		uint64_t at = i * 4099UL % (SIZE - 8), v;

		assert_ok(reader_u64(m.rd, m.va + at, &v, err));
		assert_memory_equal(&v, m.f.ram + m.phys + at, 8);
	}
	down();
}

TEST(what_was_read_is_kept)
{
	uint32_t v;

	up(0);
	fake_put32(&m.f, m.phys, 1);
	assert_ok(reader_u32(m.rd, m.va, &v, err));
	fake_put32(&m.f, m.phys, 2);
	assert_ok(reader_u32(m.rd, m.va, &v, err));
	assert_int_equal(v, 1);
	down();
}

TEST(integers)
{
	uint64_t v = 0;
	uint8_t u8;
	uint16_t u16;

	up(0);
	fake_put64(&m.f, m.phys + 4092, 0x8877665544332211);
	assert_ok(reader_u8(m.rd, m.va + 4092, &u8, err));
	assert_int_equal(u8, 0x11);
	assert_ok(reader_u16(m.rd, m.va + 4095, &u16, err));
	assert_int_equal(u16, 0x5544);
	assert_ok(reader_uint(m.rd, m.va + 4092, 4, &v, err));
	assert_int_equal(v, 0x44332211);
	assert_ok(reader_uint(m.rd, m.va + 4099, 1, &v, err));
	assert_int_equal(v, 0x88); /* not sign-extended */
	assert_ok(reader_uint(m.rd, m.va + 4092, 8, &v, err));
	assert_int_equal(v, 0x8877665544332211);
	v = 5;
	assert_fails(reader_uint(m.rd, m.va, 3, &v, err), ERR_CORRUPT, "3 bytes");
	assert_fails(reader_uint(m.rd, m.va, 0, &v, err), ERR_CORRUPT, "0 bytes");
	assert_int_equal(v, 5);
	down();
}

TEST(what_is_not_there)
{
	uint64_t v = 5;

	up(0);
	fake_absent(&m.f, m.phys + 4096, m.phys + 8192);
	for (int i = 0; i < 3; i++) { /* the second time it is remembered */
		assert_fails(reader_u64(m.rd, m.va + 4096, &v, err), ERR_NOT_FOUND, "0x");
		assert_fails(reader_u64(m.rd, 0x1000, &v, err), ERR_NOT_FOUND, "0x1000");
		assert_fails(reader_u64(m.rd, m.va + 4092, &v, err), ERR_NOT_FOUND, "0x");
		assert_fails(reader_u64(m.rd, UINT64_MAX - 3, &v, err), ERR_NOT_FOUND, "beyond");
	}
	assert_int_equal(v, 5);
	assert_ok(reader_u64(m.rd, m.va + 4088, &v, err));
	/* the image has it again, but the reader has made up its mind */
	assert_ok(ranges_add(&m.f.src.present, m.phys + 4096, m.phys + 8192, err));
	assert_fails(reader_u64(m.rd, m.va + 4096, &v, err), ERR_NOT_FOUND, "0x");
	down();
}

/* RAM may end within a page (x86's first 640 KiB do): what is there can be read. */
TEST(a_part_of_a_page)
{
	uint64_t v;

	up(0);
	fake_absent(&m.f, m.phys + 4096 + 1000, m.phys + 8192);
	for (int i = 0; i < 2; i++) {
		assert_ok(reader_u64(m.rd, m.va + 4096 + 992, &v, err));
		assert_memory_equal(&v, m.f.ram + m.phys + 4096 + 992, 8);
		assert_fails(reader_u64(m.rd, m.va + 4096 + 996, &v, err), ERR_NOT_FOUND, "0x");
	}
	down();
}

TEST(strings)
{
	char buf[16];

	up(0);
	memcpy(m.f.ram + m.phys + 4090, "a string", 9);
	assert_ok(reader_string(m.rd, m.va + 4090, buf, sizeof(buf), err));
	assert_string_equal(buf, "a string");
	assert_ok(reader_string(m.rd, m.va + 4090, buf, 5, err));
	assert_string_equal(buf, "a st");
	assert_ok(reader_string(m.rd, m.va + 4090, buf, 1, err));
	assert_string_equal(buf, "");
	assert_ok(reader_string(m.rd, m.va + 4090, buf, 0, err));
	/* one that ends where the page does needs nothing of the next */
	memcpy(m.f.ram + m.phys + 4096 - 4, "end", 4);
	fake_absent(&m.f, m.phys + 4096, m.phys + 8192);
	reader_destroy(m.rd);
	assert_ok(reader_create(m.f.img, 0, &m.rd, err));
	assert_ok(reader_string(m.rd, m.va + 4092, buf, sizeof(buf), err));
	assert_string_equal(buf, "end");
	m.f.ram[m.phys + 4095] = 'x';
	reader_destroy(m.rd);
	assert_ok(reader_create(m.f.img, 0, &m.rd, err));
	assert_fails(reader_string(m.rd, m.va + 4092, buf, sizeof(buf), err), ERR_NOT_FOUND, "0x");
	down();
}

TEST(bulk)
{
	uint8_t *data = NULL;

	up(0);
	assert_ok(reader_bulk(m.rd, m.va + 5, SIZE - 5, SIZE, "table", &data, err));
	assert_memory_equal(data, m.f.ram + m.phys + 5, SIZE - 5);
	free(data);
	data = NULL;
	assert_ok(reader_bulk(m.rd, m.va, 0, SIZE, "table", &data, err));
	free(data);
	data = NULL;
	assert_fails(reader_bulk(m.rd, m.va, SIZE, SIZE - 1, "table", &data, err), ERR_CORRUPT,
		     "table at 0x");
	assert_fails(reader_bulk(m.rd, UINT64_MAX - 10, 20, SIZE, "table", &data, err), ERR_CORRUPT,
		     "table");
	assert_fails(reader_bulk(m.rd, m.va + SIZE - 8, 4096, SIZE, "table", &data, err),
		     ERR_NOT_FOUND, "table: ");
	assert_null(data);
	down();
}

TEST(gaps)
{
	struct gaps g = {0};
	struct err err = {.code = ERR_CORRUPT, .msg = "types: id 7"};

	gaps_add(&g, "no %s", "one");
	gaps_add(&g, "no one");
	gaps_add(&g, "a\x1b[31m line\nand another");
	gaps_add_err(&g, "BTF", &err);
	assert_int_equal(g.n, 3);
	assert_string_equal(g.v[0], "no one");
	assert_string_equal(g.v[1], "a\\x1b[31m line and another");
	assert_string_equal(g.v[2], "BTF: types: id 7");
	for (int i = 0; i < GAPS_MAX + 10; i++)
		gaps_add(&g, "gap %d", i);
	assert_int_equal(g.n, GAPS_MAX);
	assert_int_equal(g.more, 13);
	gaps_deinit(&g);
	assert_int_equal(g.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_across_pages),
		cmocka_unit_test(few_pages),
		cmocka_unit_test(what_was_read_is_kept),
		cmocka_unit_test(integers),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(a_part_of_a_page),
		cmocka_unit_test(strings),
		cmocka_unit_test(bulk),
		cmocka_unit_test(gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
