/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decompression of kernel modules: distributions ship .ko, .ko.gz, .ko.xz and .ko.zst. The input is
 * taken for hostile.
 */
#ifndef INITRAMFS_UNPACK_H
#define INITRAMFS_UNPACK_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "initramfs/buf.h"

#define UNPACK_MAX_SIZE ((size_t)512 << 20) /* of a file, packed or not */

enum unpack_kind {
	UNPACK_NONE,
	UNPACK_GZIP,
	UNPACK_XZ,
	UNPACK_ZSTD,
};

/* By the end of the name (".gz", ".xz", ".zst"); *ret_stem is the name's length without it. */
enum unpack_kind unpack_kind_of(const char *name, size_t *ret_stem);

/*
 * Append the unpacked `in` to `out`; what reaches out's own ceiling is ERR_CORRUPT. A stream that
 * is damaged, cut off or followed by other data is ERR_CORRUPT; one that wants more than
 * UNPACK_MAX_SIZE of work memory too. On failure out may hold a part.
 */
int unpack_run(enum unpack_kind kind, struct bytes in, const char *name, struct buf *out,
	       struct err *err) _must_check_;

#endif
