// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the initramfs builder reads from module files and from init: the first byte chooses the
 * compression, the rest is the file. Property: unpacking ends, stays below its ceiling and either
 * succeeds or says ERR_CORRUPT; a look at the result as a program and as a module never reads
 * outside it (the copies have exactly its size, for the sanitizer).
 */
#include <stdlib.h>
#include <string.h>

#include "initramfs/elf.h"
#include "initramfs/unpack.h"

#define CEILING ((size_t)1 << 20)
#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct bytes file)
{
	uint8_t *copy = malloc(file.len ? file.len : 1);
	struct bytes exact = {copy, file.len};
	uint16_t machine;
	struct err err = {0};
	int r;

	REQUIRE(copy);
	if (file.len)
		memcpy(copy, file.data, file.len);
	r = elf_check_program(exact, "fuzz", &machine, &err);
	REQUIRE(!r || *err.msg);
	r = elf_check_module(exact, "fuzz", &machine, &err);
	REQUIRE(!r || *err.msg);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum unpack_kind kinds[] = {UNPACK_NONE, UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD};
	_cleanup_buf_ struct buf out = BUF_INIT(CEILING);
	struct err err = {0};
	int r;

	if (size < 1)
		return 0;
	r = unpack_run(kinds[data[0] % ARRAY_SIZE(kinds)], (struct bytes){data + 1, size - 1},
		       "fuzz", &out, &err);
	REQUIRE(out.len <= CEILING && out.cap <= CEILING);
	REQUIRE(r == 0 || ((r == ERR_CORRUPT || r == ERR_NO_MEMORY) && err.code == r));
	look_at(buf_bytes(&out));
	return 0;
}
