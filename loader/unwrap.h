/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decompression of a whole kernel file (vmlinuz.gz). What a bzImage has compressed inside is not looked at: it
 * unpacks that itself. The input is hostile; the output goes on as it comes, so that the memory in use is the
 * codec's window and a step.
 */
#ifndef LOADER_UNWRAP_H
#define LOADER_UNWRAP_H

#include "base/bytes.h"
#include "base/err.h"
#include "loader/files.h"

#define UNWRAP_MAX ((uint64_t)1 << 30) /* of the unpacked kernel */

/*
 * By the first bytes: gzip, zstd, xz, else lzma where the 14 bytes of its header are plausible (it has no magic
 * number), else FILES_PLAIN.
 */
enum files_wrap unwrap_detect(struct bytes in);

/*
 * Write the unpacked `in` to `out`, at most `max` bytes (more: ERR_NO_SPACE). gzip members, xz streams (with
 * padding) and zstd frames (skippable ones too) may follow each other, as their formats allow; lzma
 * has one stream. Anything else behind the end, damage and a cut are ERR_CORRUPT with the offset. A codec that
 * wants more than 256 MiB to work in: ERR_UNSUPPORTED. `wrap` is one that unwrap_detect() gave.
 */
int unwrap_run(enum files_wrap wrap, struct bytes in, uint64_t max, int out,
	       struct err *err) _must_check_;

#endif
