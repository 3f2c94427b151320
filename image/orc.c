// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/orc.h"

#include <inttypes.h>

#include "arch/x86_64/unwind.h"
#include "base/num.h"
#include "image/module.h"

#define IP_SIZE 4

/* A table and its bytes, which are its own. */
struct owned {
	struct orc_table table;
	uint8_t *ips, *rows;
};

struct module_table {
	uint64_t ip;        /* module.arch.orc_unwind_ip: which module */
	struct owned owned; /* n 0: it could not be read */
};

struct orc {
	unsigned int version;
	struct owned kernel;
	struct module_table *modules; /* those that were asked for */
	size_t n_modules, room;
	size_t rows_left; /* that all modules may have: they may claim the same ones */
};

/* ---- the form of a row */

/*
 * SHA-1 of the lines of orc_types.h that make the form: scripts/orc_hash.sh. Of v3 there are two: one register was added
 * for clang, in the numbers as they were.
 */
unsigned int orc_version_of_header(const uint8_t header[ORC_HEADER_SIZE])
{
	static const struct {
		unsigned int version;
		uint8_t hash[ORC_HEADER_SIZE];
	} known[] = {
		{2, {0xdb, 0x84, 0xae, 0xd4, 0x10, 0x3b, 0x31, 0xdd, 0x51, 0xe0,
		     0x17, 0xf8, 0xf7, 0x97, 0x83, 0xca, 0x98, 0x5c, 0x2c, 0x51}},
		{3, {0xfe, 0x5d, 0x32, 0xbf, 0x58, 0x1b, 0xd6, 0x3b, 0x2c, 0xa9,
		     0xa5, 0xc6, 0x5b, 0xa5, 0xa6, 0x25, 0xea, 0xb3, 0xfe, 0x24}},
		{3, {0xed, 0xfa, 0x4d, 0x15, 0x55, 0x2f, 0xdd, 0x2e, 0x1d, 0x56,
		     0x67, 0x97, 0x28, 0x41, 0x63, 0x79, 0xf2, 0xfe, 0x45, 0x34}},
		{4, {0x13, 0x7c, 0x36, 0xad, 0x76, 0x27, 0xc4, 0xdd, 0x55, 0x93,
		     0x21, 0x76, 0xbb, 0x0e, 0xcd, 0xbd, 0x50, 0x41, 0xfc, 0x82}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (memcmp(header, known[i].hash, ORC_HEADER_SIZE) == 0)
			return known[i].version;
	return 0;
}

/*
 * Nearly all rows are of ordinary code: a call, whose caller's frame is found from the stack pointer. The number that calls
 * have is 0 in v1 and v2, 2 since v3; that of the stack pointer 5 until v3, 3 in v4. v1 has nothing above bit 10, and that bit
 * (the stack's end) only in rows without a register; in v2 it says that an exception's registers are exact.
 */
unsigned int orc_version_of_rows(struct bytes rows)
{
	size_t old_calls = 0, new_calls = 0, sp5 = 0, sp3 = 0;
	bool two = false;
	uint16_t flags;

	for (size_t off = 4; bytes_le16(rows, off, &flags); off += ORC_ROW_SIZE) {
		unsigned int reg = flags & 15, type = flags >> 8 & 3;

		if (reg == 0) {
			two |= (flags & 0xc00) == 0x800;
			continue;
		}
		sp5 += reg == 5;
		sp3 += reg == 3;
		old_calls += type == 0;
		new_calls += type == 2;
		two |= flags & 0x400;
	}
	if (new_calls > old_calls)
		return sp5 > sp3 ? 3 : sp3 > sp5 ? 4 : 0;
	if (old_calls > new_calls && sp5 > sp3)
		return two ? 2 : 1;
	return 0;
}

/* Registers of v4 in the numbers of v3. */
static uint8_t register_of_v4(unsigned int reg)
{
	static const uint8_t numbers[] = {
		ORC_REG_UNDEFINED, ORC_REG_AX,          ORC_REG_DX,          ORC_REG_SP,
		ORC_REG_BP,        ORC_REG_DI,          ORC_REG_R10,         ORC_REG_R13,
		ORC_REG_PREV_SP,   ORC_REG_SP_INDIRECT, ORC_REG_BP_INDIRECT,
	};

	return reg < ARRAY_SIZE(numbers) ? numbers[reg] : (uint8_t)reg;
}

/* v1 and v2 have no types for code without a row and for the stack's end: those are rows without a register. */
static uint8_t type_of_old(unsigned int reg, unsigned int type, bool end)
{
	static const uint8_t types[] = {ORC_TYPE_CALL, ORC_TYPE_REGS, ORC_TYPE_REGS_PARTIAL, 7};

	if (reg == ORC_REG_UNDEFINED)
		return end ? ORC_TYPE_END_OF_STACK : ORC_TYPE_UNDEFINED;
	return types[type & 3];
}

void orc_decode(unsigned int version, const uint8_t row[ORC_ROW_SIZE], struct orc_entry *ret)
{
	uint16_t sp = (uint16_t)(row[0] | row[1] << 8), bp = (uint16_t)(row[2] | row[3] << 8);
	uint16_t flags = (uint16_t)(row[4] | row[5] << 8);

	*ret = (struct orc_entry){
		.sp_offset = (int16_t)sp,
		.bp_offset = (int16_t)bp,
		.sp_reg = flags & 15,
		.bp_reg = flags >> 4 & 15,
	};
	if (version >= 3) {
		ret->type = flags >> 8 & 7;
		ret->signal = flags >> 11 & 1;
	} else {
		bool end = flags >> (version == 1 ? 10 : 11) & 1;

		ret->type = type_of_old(ret->sp_reg, flags >> 8 & 3, end);
		ret->signal = version == 1 ? ret->type == ORC_TYPE_REGS ||
						     ret->type == ORC_TYPE_REGS_PARTIAL
					   : flags >> 10 & 1;
	}
	if (version >= 4) {
		ret->sp_reg = register_of_v4(ret->sp_reg);
		ret->bp_reg = register_of_v4(ret->bp_reg);
	}
}

/* ---- a table */

/* The address of row i, which is there. */
static uint64_t row_ip(const struct orc_table *table, size_t i)
{
	uint32_t v = 0;

	memcpy(&v, table->ips.data + i * IP_SIZE, IP_SIZE);
	return table->at + i * IP_SIZE + (uint64_t)(int64_t)(int32_t)le32toh(v);
}

int orc_table_check(const struct orc_table *table, struct err *err)
{
	if (table->n > ORC_MAX_ROWS || table->ips.len != table->n * IP_SIZE ||
	    table->rows.len != table->n * ORC_ROW_SIZE)
		return err_set(err, ERR_CORRUPT,
			       "unwind table of %zu rows: %zu bytes of addresses, %zu of rows",
			       table->n, table->ips.len, table->rows.len);
	for (size_t i = 1; i < table->n; i++)
		if (row_ip(table, i) < row_ip(table, i - 1))
			return err_set(err, ERR_CORRUPT,
				       "unwind table: row %zu of %zu is for 0x%" PRIx64
				       ", the one before for 0x%" PRIx64,
				       i, table->n, row_ip(table, i), row_ip(table, i - 1));
	return 0;
}

/* Of several for the same address the last: those before are ends of sections, which a row that is real follows. */
bool orc_table_find(const struct orc_table *table, unsigned int version, uint64_t pc,
		    struct orc_entry *ret)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (row_ip(table, mid) <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return false;
	orc_decode(version, table->rows.data + (low - 1) * ORC_ROW_SIZE, ret);
	return true;
}

static void owned_deinit(struct owned *o)
{
	free(o->ips);
	free(o->rows);
	*o = (struct owned){0};
}

static int owned_read(struct kernel *k, uint64_t ips, uint64_t rows, uint64_t n, struct owned *ret,
		      struct err *err)
{
	struct owned o = {.table = {.at = ips, .n = n}};
	int e;

	if (n == 0 || n > ORC_MAX_ROWS)
		return err_set(err, ERR_CORRUPT, "an unwind table of %" PRIu64 " rows", n);
	e = reader_bulk(k->rd, ips, n * IP_SIZE, ORC_MAX_ROWS * IP_SIZE, "addresses of unwind rows",
			&o.ips, err);
	if (e == 0)
		e = reader_bulk(k->rd, rows, n * ORC_ROW_SIZE, ORC_MAX_ROWS * ORC_ROW_SIZE,
				"unwind rows", &o.rows, err);
	o.table.ips = (struct bytes){o.ips, n * IP_SIZE};
	o.table.rows = (struct bytes){o.rows, n * ORC_ROW_SIZE};
	if (e == 0)
		e = orc_table_check(&o.table, err);
	if (e) {
		owned_deinit(&o);
		return e;
	}
	*ret = o;
	return 0;
}

/* ---- the kernel's */

/* The header's symbol is static: a kernel without its data symbols hides it. */
static unsigned int version_by_header(struct kernel *k)
{
	uint8_t header[ORC_HEADER_SIZE];
	struct err ignored;
	uint64_t at;

	if (kernel_symbol(k, "orc_header", &at, &ignored) ||
	    reader_read(k->rd, at, header, sizeof(header), &ignored))
		return 0;
	return orc_version_of_header(header);
}

int orc_create(struct kernel *k, struct orc **ret, struct err *err)
{
	static const char *const names[] = {"__start_orc_unwind_ip", "__stop_orc_unwind_ip",
					    "__start_orc_unwind", "__stop_orc_unwind"};
	uint64_t at[ARRAY_SIZE(names)];
	struct orc *orc;
	int e;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		e = kernel_symbol(k, names[i], &at[i], err);
		if (e)
			return err_wrap(err, "unwind tables");
	}
	if (at[1] < at[0] || at[3] < at[2] || (at[1] - at[0]) % IP_SIZE ||
	    (at[3] - at[2]) / ORC_ROW_SIZE != (at[1] - at[0]) / IP_SIZE)
		return err_set(err, ERR_CORRUPT,
			       "unwind tables: addresses at 0x%" PRIx64 " to 0x%" PRIx64
			       ", rows at 0x%" PRIx64 " to 0x%" PRIx64,
			       at[0], at[1], at[2], at[3]);
	orc = calloc(1, sizeof(*orc));
	if (!orc)
		return err_nomem(err, sizeof(*orc), "unwind tables");
	orc->rows_left = ORC_MAX_MODULE_ROWS;
	e = owned_read(k, at[0], at[2], (at[1] - at[0]) / IP_SIZE, &orc->kernel, err);
	if (e) {
		orc_destroy(orc);
		return err_wrap(err, "unwind tables of the kernel");
	}
	orc->version = version_by_header(k);
	if (!orc->version)
		orc->version = orc_version_of_rows(orc->kernel.table.rows);
	if (!orc->version) {
		orc_destroy(orc);
		return err_set(err, ERR_UNSUPPORTED, "unwind tables: rows of an unknown form");
	}
	*ret = orc;
	return 0;
}

void orc_destroy(struct orc *orc)
{
	if (!orc)
		return;
	owned_deinit(&orc->kernel);
	for (size_t i = 0; i < orc->n_modules; i++)
		owned_deinit(&orc->modules[i].owned);
	free(orc->modules);
	free(orc);
}

unsigned int orc_version(const struct orc *orc)
{
	return orc->version;
}

/* ---- modules' */

static int take_rows(struct orc *orc, size_t n, struct err *err)
{
	if (n > orc->rows_left)
		return err_set(err, ERR_CORRUPT,
			       "an unwind table of %zu rows, and all modules together have at most "
			       "%u",
			       n, ORC_MAX_MODULE_ROWS);
	orc->rows_left -= n;
	return 0;
}

static struct module_table *module_table(struct kernel *k, struct orc *orc,
					 const struct module *mod)
{
	struct module_table *t;
	struct err err;

	for (size_t i = 0; i < orc->n_modules; i++)
		if (orc->modules[i].ip == mod->orc_ip)
			return &orc->modules[i];
	if (orc->n_modules == orc->room) {
		size_t room = orc->room ? 2 * orc->room : 16;

		t = realloc(orc->modules, room * sizeof(*t));
		if (!t)
			return NULL;
		orc->modules = t;
		orc->room = room;
	}
	t = &orc->modules[orc->n_modules++];
	*t = (struct module_table){.ip = mod->orc_ip};
	if (take_rows(orc, mod->n_orcs, &err) ||
	    owned_read(k, mod->orc_ip, mod->orc_entries, mod->n_orcs, &t->owned, &err)) {
		err_wrap(&err, "module %s", mod->name);
		gaps_add_err(&k->gaps, "stacks", &err);
	}
	return t;
}

/* Read at the first call; NULL: there are none. */
static struct orc *tables(struct kernel *k)
{
	struct err err;

	if (!k->orc_tried) {
		k->orc_tried = true;
		if (orc_create(k, &k->orc, &err))
			gaps_add_err(&k->gaps, "stacks", &err);
	}
	return k->orc;
}

bool orc_find(struct kernel *k, uint64_t pc, struct orc_entry *ret)
{
	const struct module *mod = k->modules ? module_at(k->modules, pc) : NULL;
	struct orc *orc = tables(k);
	struct module_table *t;

	if (!orc)
		return false;
	if (!mod)
		return kernel_is_text(k, pc) &&
		       orc_table_find(&orc->kernel.table, orc->version, pc, ret);
	if (!mod->orc_ip || !mod->n_orcs)
		return false;
	t = module_table(k, orc, mod);
	return t && t->owned.table.n && orc_table_find(&t->owned.table, orc->version, pc, ret);
}
