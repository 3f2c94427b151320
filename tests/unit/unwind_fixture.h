/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A made-up stack, text, and ORC tables, for what unwinds: struct unwind_space over two buffers. */
#ifndef TESTS_UNIT_UNWIND_FIXTURE_H
#define TESTS_UNIT_UNWIND_FIXTURE_H

#include <inttypes.h>

#include "arch/regs.h"
#include "base/bytes.h"
#include "image/orc.h"
#include "tests/unit/unit.h"

#define STACK     0xffffc90000010000ULL
#define STACK_LEN 16384ULL
#define TEXT      0xffffffff81000000ULL
#define TEXT_LEN  0x100000ULL

#define MAX_ROWS 64

struct maze {
	struct unwind_space space;
	uint8_t stack[STACK_LEN];
	unsigned int version;
	struct {
		uint64_t pc;
		struct orc_entry row;
	} rows[MAX_ROWS]; /* for this address exactly */
	size_t n_rows;
	uint64_t function; /* where all code begins; 0: not known */
	uint8_t text[TEXT_LEN];
};

static inline int maze_read(void *ctx, uint64_t vaddr, void *buf, size_t len, struct err *err)
{
	const struct maze *m = ctx;

	if (vaddr >= TEXT && vaddr - TEXT < TEXT_LEN && len <= TEXT_LEN - (vaddr - TEXT)) {
		memcpy(buf, m->text + (vaddr - TEXT), len);
		return 0;
	}
	if (vaddr < STACK || vaddr - STACK > STACK_LEN || len > STACK_LEN - (vaddr - STACK))
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not in the maze", vaddr);
	memcpy(buf, m->stack + (vaddr - STACK), len);
	return 0;
}

static inline bool maze_is_text(void *ctx, uint64_t addr)
{
	(void)ctx;
	return addr >= TEXT && addr < TEXT + TEXT_LEN;
}

static inline bool maze_orc(void *ctx, uint64_t pc, struct orc_entry *ret)
{
	const struct maze *m = ctx;

	for (size_t i = 0; i < m->n_rows; i++)
		if (m->rows[i].pc == pc) {
			*ret = m->rows[i].row;
			return true;
		}
	return false;
}

static inline bool maze_function(void *ctx, uint64_t pc, uint64_t *ret)
{
	const struct maze *m = ctx;

	(void)pc;
	*ret = m->function;
	return m->function != 0;
}

static inline void maze_init(struct maze *m)
{
	memset(m, 0, sizeof(*m));
	m->space = (struct unwind_space){
		.ctx = m,
		.read = maze_read,
		.is_text = maze_is_text,
		.orc = maze_orc,
		.function = maze_function,
		.regs_offset = UINT64_MAX,
	};
}

static inline void maze_put(struct maze *m, uint64_t at, uint64_t v)
{
	assert_true(at >= STACK && at - STACK <= STACK_LEN - 8);
	bytes_put_le64(m->stack + (at - STACK), v);
}

static inline void maze_row(struct maze *m, uint64_t pc, struct orc_entry row)
{
	assert_true(m->n_rows < MAX_ROWS);
	m->rows[m->n_rows].pc = pc;
	m->rows[m->n_rows++].row = row;
}

#endif
