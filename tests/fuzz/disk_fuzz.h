/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk from fuzz input: its size (8 bytes), then pieces: where (4 bytes; with the top bit set, so far from the end), how
 * long (2), and the bytes. The rest is zeros.
 */
#ifndef TESTS_FUZZ_DISK_FUZZ_H
#define TESTS_FUZZ_DISK_FUZZ_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define DISK_SIZE_MASK UINT64_C(0x3ffffffff) /* 16 GiB: one with holes costs nothing */

/* A descriptor, or -1 if the input is too short. */
static inline int disk_fuzz_make(struct bytes in, uint64_t *ret_size)
{
	uint64_t size, at = 8;
	uint32_t where;
	uint16_t len;
	int fd;

	if (!bytes_le64(in, 0, &size))
		return -1;
	size &= DISK_SIZE_MASK;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	while (bytes_le32(in, at, &where) && bytes_le16(in, at + 4, &len)) {
		uint64_t off = where & INT32_MAX;
		struct bytes piece;

		if (!bytes_sub(in, at + 6, len, &piece))
			break;
		at += 6u + len;
		if (where >> 31)
			off = off <= size ? size - off : size;
		if (off <= size && piece.len <= size - off)
			REQUIRE(pwrite(fd, piece.data, piece.len, (off_t)off) ==
				(ssize_t)piece.len);
	}
	*ret_size = size;
	return fd;
}

/* Only characters of `set`, and it ends within `size`. */
static inline bool disk_fuzz_is_of(const char *text, size_t size, const char *set)
{
	return strnlen(text, size) < size && strspn(text, set) == strlen(text);
}

#endif
