// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/unwind.h"
#include "image/orc.h"
#include "tests/unit/unwind_fixture.h"

/* ---- rows as each form packs them; written down once more */

enum what { NOTHING, END, CALL, REGS, PARTIAL };

/* arch/x86/include/asm/orc_types.h of v5.10, v6.3, v6.4 and v7.1: the numbers of a `what`, and of registers. */
static uint16_t pack(unsigned int version, enum what what, unsigned int sp, unsigned int bp,
		     bool signal)
{
	static const unsigned int old_types[] = {0, 0, 0, 1, 2}, new_types[] = {0, 1, 2, 3, 4};
	unsigned int flags = sp | bp << 4;

	if (version >= 3)
		return (uint16_t)(flags | new_types[what] << 8 | (unsigned int)signal << 11);
	flags |= old_types[what] << 8;
	if (version == 2)
		return (uint16_t)(flags | (unsigned int)signal << 10 |
				  (what == END ? 1U << 11 : 0));
	return (uint16_t)(flags | (what == END ? 1U << 10 : 0));
}

static void put_row(uint8_t row[6], int sp_offset, int bp_offset, uint16_t flags)
{
	uint16_t v[3] = {htole16((uint16_t)sp_offset), htole16((uint16_t)bp_offset),
			 htole16(flags)};

	memcpy(row, v, 6);
}

/* UNDEFINED PREV_SP DX DI BP SP R10 R13 BP_INDIRECT SP_INDIRECT AX, in v3's numbers, as v4 numbers them */
static const unsigned int in_v4[] = {0, 8, 2, 5, 4, 3, 6, 7, 10, 9, 1};

static struct orc_entry decode(unsigned int version, enum what what, unsigned int sp,
			       unsigned int bp, bool signal)
{
	struct orc_entry e;
	uint8_t row[6];

	if (version == 4) {
		sp = in_v4[sp];
		bp = in_v4[bp];
	}
	put_row(row, -32768, 32767, pack(version, what, sp, bp, signal));
	orc_decode(version, row, &e);
	assert_int_equal(e.sp_offset, -32768);
	assert_int_equal(e.bp_offset, 32767);
	return e;
}

TEST(every_register_type_and_form)
{
	static const uint8_t types[] = {ORC_TYPE_UNDEFINED, ORC_TYPE_END_OF_STACK, ORC_TYPE_CALL,
					ORC_TYPE_REGS, ORC_TYPE_REGS_PARTIAL};

	for (unsigned int version = 1; version <= 4; version++) {
		for (unsigned int reg = 1; reg <= ORC_REG_AX; reg++)
			for (enum what what = CALL; what <= PARTIAL; what++) {
				struct orc_entry e = decode(version, what, reg, ORC_REG_BP, true);

				assert_int_equal(e.sp_reg, reg);
				assert_int_equal(e.bp_reg, ORC_REG_BP);
				assert_int_equal(e.type, types[what]);
				/* v1 has no such bit: of exceptions it is always so, of calls never */
				assert_int_equal(e.signal, version > 1 || what != CALL);
				e = decode(version, what, ORC_REG_SP, reg, false);
				assert_int_equal(e.bp_reg, reg);
				assert_int_equal(e.signal, version == 1 && what != CALL);
			}
		for (enum what what = NOTHING; what <= END; what++) {
			struct orc_entry e = decode(version, what, 0, 0, false);

			assert_int_equal(e.type, types[what]);
			assert_int_equal(e.sp_reg, 0);
			assert_false(e.signal);
		}
	}
}

/* What no kernel writes comes out as something that the unwinder refuses. */
TEST(rows_out_of_range)
{
	struct orc_entry e;
	uint8_t row[6];

	put_row(row, 0, 0, 0xffff);
	for (unsigned int version = 1; version <= 4; version++) {
		orc_decode(version, row, &e);
		assert_int_equal(e.sp_reg, 15);
		assert_int_equal(e.type, 7);
	}
}

TEST(headers)
{
	/* of Debian's 6.12 and 7.3 */
	static const uint8_t v3[20] = {0xfe, 0x5d, 0x32, 0xbf, 0x58, 0x1b, 0xd6, 0x3b, 0x2c, 0xa9,
				       0xa5, 0xc6, 0x5b, 0xa5, 0xa6, 0x25, 0xea, 0xb3, 0xfe, 0x24};
	static const uint8_t v4[20] = {0x13, 0x7c, 0x36, 0xad, 0x76, 0x27, 0xc4, 0xdd, 0x55, 0x93,
				       0x21, 0x76, 0xbb, 0x0e, 0xcd, 0xbd, 0x50, 0x41, 0xfc, 0x82};
	static const uint8_t v2[20] = {0xdb, 0x84, 0xae, 0xd4, 0x10, 0x3b, 0x31, 0xdd, 0x51, 0xe0,
				       0x17, 0xf8, 0xf7, 0x97, 0x83, 0xca, 0x98, 0x5c, 0x2c, 0x51};
	uint8_t other[20];

	assert_int_equal(orc_version_of_header(v2), 2);
	assert_int_equal(orc_version_of_header(v3), 3);
	assert_int_equal(orc_version_of_header(v4), 4);
	memcpy(other, v3, 20);
	other[19] ^= 1;
	assert_int_equal(orc_version_of_header(other), 0);
}

#define N 100

/* What a table consists of: nearly all calls, some exceptions, ends, and code without a row. */
static void make_rows(unsigned int version, uint8_t rows[N * 6])
{
	unsigned int sp = version == 4 ? 3 : 5;

	for (size_t i = 0; i < N; i++) {
		uint16_t flags = pack(version, CALL, sp, 0, false);

		if (i % 10 == 3)
			flags = pack(version, REGS, sp, 0, true);
		if (i % 10 == 4)
			flags = pack(version, PARTIAL, sp, 0, true);
		if (i % 10 == 5)
			flags = pack(version, END, 0, 0, false);
		if (i % 10 == 6 || i % 10 == 7)
			flags = pack(version, NOTHING, 0, 0, false);
		put_row(rows + i * 6, 8 + (int)i, 0, flags);
	}
}

TEST(form_by_rows)
{
	uint8_t rows[N * 6];

	for (unsigned int version = 1; version <= 4; version++) {
		make_rows(version, rows);
		assert_int_equal(orc_version_of_rows((struct bytes){rows, sizeof(rows)}), version);
	}
	assert_int_equal(orc_version_of_rows((struct bytes){rows, 0}), 0);
	memset(rows, 0, sizeof(rows));
	assert_int_equal(orc_version_of_rows((struct bytes){rows, sizeof(rows)}), 0);
	memset(rows, 0xff, sizeof(rows));
	assert_int_equal(orc_version_of_rows((struct bytes){rows, sizeof(rows)}), 0);
}

/* ---- tables */

#define AT 0xffffffff82dc0000ULL

static void put_ip(uint8_t *ips, size_t i, uint64_t pc)
{
	bytes_put_le32(ips + i * 4, (uint32_t)(pc - (AT + i * 4)));
}

static struct orc_table make_table(uint8_t ips[N * 4], uint8_t rows[N * 6])
{
	make_rows(3, rows);
	for (size_t i = 0; i < N; i++)
		put_ip(ips, i, TEXT + i * 16);
	return (struct orc_table){.at = AT, .ips = {ips, N * 4}, .rows = {rows, N * 6}, .n = N};
}

TEST(look_up)
{
	uint8_t ips[N * 4], rows[N * 6];
	struct orc_table t = make_table(ips, rows);
	struct orc_entry e;

	assert_ok(orc_table_check(&t, err));
	assert_false(orc_table_find(&t, 3, TEXT - 1, &e));
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < 16; j += 5) {
			assert_true(orc_table_find(&t, 3, TEXT + i * 16 + j, &e));
			assert_int_equal(e.sp_offset, 8 + i);
		}
	/* of equal ones the last: what is before are ends of sections */
	put_ip(ips, 20, TEXT + 21 * 16);
	put_ip(ips, 22, TEXT + 21 * 16);
	assert_ok(orc_table_check(&t, err));
	assert_true(orc_table_find(&t, 3, TEXT + 21 * 16, &e));
	assert_int_equal(e.sp_offset, 8 + 22);
	assert_true(orc_table_find(&t, 3, TEXT + 21 * 16 - 1, &e));
	assert_int_equal(e.sp_offset, 8 + 19);
	t.n = 0;
	assert_false(orc_table_find(&t, 3, TEXT, &e));
}

TEST(damaged_tables)
{
	uint8_t ips[N * 4], rows[N * 6];
	struct orc_table t = make_table(ips, rows);

	put_ip(ips, 51, TEXT + 49 * 16);
	assert_fails(orc_table_check(&t, err), ERR_CORRUPT, "row 51 of 100");
	t = make_table(ips, rows);
	t.n = N - 1;
	assert_fails(orc_table_check(&t, err), ERR_CORRUPT, "99 rows: 400 bytes of addresses");
	t = make_table(ips, rows);
	t.rows.len--;
	assert_fails(orc_table_check(&t, err), ERR_CORRUPT, "599 of rows");
	t.n = SIZE_MAX / 2;
	assert_fails(orc_table_check(&t, err), ERR_CORRUPT, "rows");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_register_type_and_form),
		cmocka_unit_test(rows_out_of_range),
		cmocka_unit_test(headers),
		cmocka_unit_test(form_by_rows),
		cmocka_unit_test(look_up),
		cmocka_unit_test(damaged_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
