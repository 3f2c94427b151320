/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up machine for fuzzers of what is read from memory: 1 MiB of RAM, mapped at the kernel's direct map, its vmemmap
 * and its text by tables in the last 64 KiB, which the records of an input may overwrite. The input:
 *
 *   byte 0      the target's own
 *   byte 1      bit 4 five levels, 5 RAM that is not in the dump, 6 a hole; the others are the target's own
 *   text        VMCOREINFO, up to a NUL; SYMBOL(init_top_pgt) and NUMBER(phys_base) come first by default
 *   records     u24 address, u8 n, then n bytes that lie there in RAM
 */
#ifndef TESTS_FUZZ_MACHINE_FUZZ_H
#define TESTS_FUZZ_MACHINE_FUZZ_H

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "format/source.h"

#define RAM_SIZE (1U << 20)
#define PAGE     4096U
#define ROOT     (RAM_SIZE - 16 * PAGE)
#define PRESENT  0x63
#define LARGE    0x80

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

struct machine {
	struct source src;
	uint8_t *ram;
	char *notes;
};

/* ---- the machine as a source */

static inline int machine_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			       struct err *err)
{
	const struct machine *m = (const struct machine *)src;
	const struct range *r = ranges_find(&src->present, phys);

	if (!r || phys + len > r->end)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not there", phys);
	memcpy(buf, m->ram + phys, len);
	return 0;
}

static inline int machine_map(const struct source *src, struct view *view, uint64_t phys,
			      struct err *err)
{
	const struct machine *m = (const struct machine *)src;
	const struct range *r = ranges_find(&src->present, phys);

	view->len = 0;
	if (!r)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not there", phys);
	view->start = phys;
	view->data = m->ram + phys;
	view->len = r->end - phys;
	return 0;
}

static inline void machine_unmap(struct view *view)
{
	(void)view;
}

static const struct source_ops machine_ops = {
	.name = "fuzz", .read = machine_read, .map = machine_map, .unmap = machine_unmap};

/* Each of the kernel's three maps: RAM by one large page, behind tables of its own. */
static inline void map_kernel(struct machine *m, bool five)
{
	static const uint64_t starts[] = {0xffff888000000000, 0xffffea0000000000,
					  0xffffffff80000000};
	uint64_t top = ROOT, next = ROOT + PAGE;

	if (five) {
		bytes_put_le64(m->ram + top + 511 * 8, next | PRESENT);
		top = next;
		next += PAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		bytes_put_le64(m->ram + top + (starts[i] >> 39 & 511) * 8, next | PRESENT);
		bytes_put_le64(m->ram + next + (starts[i] >> 30 & 511) * 8,
			       (next + PAGE) | PRESENT);
		bytes_put_le64(m->ram + next + PAGE + (starts[i] >> 21 & 511) * 8, PRESENT | LARGE);
		next += 2 * PAGE;
	}
}

static inline void set_notes(struct machine *m, bool five, struct bytes text)
{
	char defaults[128];
	int n = snprintf(defaults, sizeof(defaults),
			 "SYMBOL(init_top_pgt)=%llx\nNUMBER(phys_base)=0\n"
			 "NUMBER(pgtable_l5_enabled)=%d\n",
			 0xffffffff80000000ULL + ROOT, five);
	size_t desc = (size_t)n + text.len;

	m->notes = calloc(1, 12 + 12 + desc + 4);
	REQUIRE(m->notes);
	bytes_put_le32(m->notes, 11);
	bytes_put_le32(m->notes + 4, (uint32_t)desc);
	memcpy(m->notes + 12, "VMCOREINFO", 10);
	memcpy(m->notes + 24, defaults, (size_t)n);
	memcpy(m->notes + 24 + n, text.data, text.len);
	m->src.notes = (struct bytes){(uint8_t *)m->notes, 24 + desc};
}

static inline void set_ranges(struct machine *m, uint8_t how)
{
	struct err err;

	REQUIRE(!ranges_add(&m->src.ram, 0, RAM_SIZE, &err));
	REQUIRE(!ranges_add(&m->src.present, 0, RAM_SIZE, &err));
	if (how & 0x20)
		REQUIRE(!ranges_add(&m->src.ram, 1ULL << 40, (1ULL << 40) + (4ULL << 30), &err));
	if (how & 0x40)
		REQUIRE(!ranges_sub(&m->src.present, 100 * PAGE + 77, 104 * PAGE + 1, &err));
}

static inline void machine_init(struct machine *m, const uint8_t *data, size_t size)
{
	uint8_t how = data[1];
	size_t at = 2, end;

	*m = (struct machine){.src = {.ops = &machine_ops, .path = "fuzz"}};
	m->src.elf_machine = EM_X86_64;
	m->ram = calloc(1, RAM_SIZE);
	REQUIRE(m->ram);
	map_kernel(m, how & 0x10);
	set_ranges(m, how);
	end = at + strnlen((const char *)data + at, size - at);
	set_notes(m, how & 0x10, (struct bytes){data + at, end - at});
	for (at = end + 1; at + 4 <= size; at = end) {
		size_t to = (data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16) %
			    RAM_SIZE;

		end = at + 4 + data[at + 3];
		end = NUM_MIN(end, size);
		memcpy(m->ram + to, data + at + 4, NUM_MIN(end - at - 4, RAM_SIZE - to));
	}
}

static inline void machine_deinit(struct machine *m)
{
	ranges_deinit(&m->src.ram);
	ranges_deinit(&m->src.present);
	free(m->ram);
	free(m->notes);
}

#endif
