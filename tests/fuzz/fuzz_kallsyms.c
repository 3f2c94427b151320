// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of symbols, a kernel's or a module's. An input is
 *
 *   byte 0      bits 0-1 form, 2 big lengths, 3 a module
 *   byte 1      num_syms is (as many as the first table holds, by a guess) + byte 1 - 128
 *   4 x u16     lengths of names (or ELF's symbols), token table (strings), token index (types), addresses
 *   the tables, one after the other; what is missing is empty
 *
 * Property: no crash and no sanitizer report; an error says something; memory is bounded by what is there; symbols come in
 * the order of their addresses, and each is found by its name and by its address.
 */
#include <stdio.h>
#include <string.h>

#include "image/kallsyms.h"

#define HEADER 10
#define BASE   0xffffffff81000000ULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* The next `len` bytes, as far as there are any, in memory of their own: what is read past them is seen. */
static struct bytes take(struct bytes *rest, size_t len)
{
	size_t n = len < rest->len ? len : rest->len;
	uint8_t *copy = malloc(n ? n : 1);

	REQUIRE(copy);
	memcpy(copy, rest->data, n);
	rest->data += n;
	rest->len -= n;
	return (struct bytes){copy, n};
}

static void check_symbol(const struct kallsyms *syms, size_t i, uint64_t last)
{
	struct symbol s, other;

	kallsyms_get(syms, i, &s);
	REQUIRE(s.addr >= last && s.size <= 64 << 10);
	REQUIRE(strlen(s.name) <= 511 && strncmp(s.name, "__pfx_", 6) != 0);
	REQUIRE(kallsyms_find(syms, s.name, &other) && strcmp(other.name, s.name) == 0);
	if (s.addr >> 63) {
		REQUIRE(kallsyms_at(syms, s.addr, &other) && other.addr == s.addr);
		if (s.size)
			REQUIRE(kallsyms_at(syms, s.addr + s.size - 1, &other) &&
				other.addr == s.addr);
	} else {
		REQUIRE(!kallsyms_at(syms, s.addr, &other));
	}
}

static void check(const struct kallsyms *syms)
{
	size_t n = kallsyms_count(syms);
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		struct symbol s;

		check_symbol(syms, i, last);
		kallsyms_get(syms, i, &s);
		last = s.addr;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {data + HEADER, size - HEADER}, part[4];
	struct kallsyms *syms = NULL;
	struct err err = {0};
	int r;

	if (size < HEADER)
		return 0;
	for (size_t i = 0; i < 4; i++)
		part[i] = take(&rest, (size_t)(data[2 + i * 2] | data[3 + i * 2] << 8));
	if (data[0] & 8) {
		struct kallsyms_elf elf = {part[0], part[1], part[2], "fuzz", BASE + 0x10000};

		r = kallsyms_decode_elf(&elf, &syms, &err);
	} else {
		enum kallsyms_form form = (enum kallsyms_form)(data[0] & 3);
		struct kallsyms_tables t = {
			.names = part[0],
			.token_table = part[1],
			.token_index = part[2],
			.addresses = part[3],
			.base = BASE,
			.at = BASE + 0x8000,
			.form = form,
			.big_lengths = data[0] & 4,
		};

		t.num_syms = part[3].len / (form == KALLSYMS_ABSOLUTE ? 8 : 4) + data[1] - 128;
		r = kallsyms_decode(&t, &syms, &err);
	}
	REQUIRE(r == err.code && (r == 0) == (syms != NULL));
	REQUIRE(!r || *err.msg);
	if (syms)
		check(syms);
	kallsyms_destroy(syms);
	for (size_t i = 0; i < 4; i++)
		free((void *)(uintptr_t)part[i].data);
	return 0;
}
