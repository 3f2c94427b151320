/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PE file laid out by hand, as a unified kernel image is: headers, then the sections' data, each aligned. */
#ifndef TESTS_UNIT_PE_FIXTURE_H
#define TESTS_UNIT_PE_FIXTURE_H

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

#define PE_LFANEW   0x80
#define PE_COFF     (PE_LFANEW + 4)
#define PE_OPTIONAL (PE_COFF + 20)
#define PE_TABLE    (PE_OPTIONAL + 240)
#define PE_ALIGN    512

/* Offsets in a section's entry that tests bend. */
#define PE_ENTRY(i)  (PE_TABLE + (i)*40)
#define PE_VIRT_SIZE 8
#define PE_RAW_SIZE  16
#define PE_RAW_OFF   20

struct pe_part {
	const char *name;
	const void *data;
	size_t len;
};

/* malloc'ed; the padding is 0xee, so that a test sees it if it comes along. */
static inline uint8_t *pe_fixture(const struct pe_part *parts, size_t n, size_t *ret_size)
{
	size_t size = (PE_ENTRY(n) + PE_ALIGN - 1) / PE_ALIGN * PE_ALIGN, at = size;
	uint8_t *pe;

	for (size_t i = 0; i < n; i++)
		size += (parts[i].len + PE_ALIGN - 1) / PE_ALIGN * PE_ALIGN;
	pe = malloc(size);
	assert_non_null(pe);
	memset(pe, 0xee, size);
	memset(pe, 0, PE_ENTRY(n));
	memcpy(pe, "MZ", 2);
	bytes_put_le32(pe + 0x3c, PE_LFANEW);
	memcpy(pe + PE_LFANEW, "PE\0\0", 4);
	bytes_put_le32(pe + PE_COFF, 0x8664 | (uint32_t)n << 16);
	pe[PE_COFF + 16] = PE_TABLE - PE_OPTIONAL;
	bytes_put_le32(pe + PE_OPTIONAL, 0x20b);
	for (size_t i = 0; i < n; i++) {
		size_t raw = (parts[i].len + PE_ALIGN - 1) / PE_ALIGN * PE_ALIGN;

		memcpy(pe + PE_ENTRY(i), parts[i].name, strlen(parts[i].name));
		bytes_put_le32(pe + PE_ENTRY(i) + PE_VIRT_SIZE, (uint32_t)parts[i].len);
		bytes_put_le32(pe + PE_ENTRY(i) + PE_RAW_SIZE, (uint32_t)raw);
		bytes_put_le32(pe + PE_ENTRY(i) + PE_RAW_OFF, (uint32_t)at);
		if (parts[i].len)
			memcpy(pe + at, parts[i].data, parts[i].len);
		at += raw;
	}
	*ret_size = size;
	return pe;
}

#endif
