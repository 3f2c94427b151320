/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A compressor for one kind of page: arrays of 64-byte structs of which each is nearly like the one before,
 * as struct pages are. It looks for matches in one place only, 64 bytes back, by words of 8 bytes: several
 * times faster than a search, and better, because it never mistakes one struct's alignment for another's.
 * A free struct page that was never used differs from its neighbour in the low bytes of two pointers to
 * itself.
 */
#ifndef FORMAT_STRIDE_H
#define FORMAT_STRIDE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Compress `len` bytes to an LZO1X stream (format: Documentation/staging/lzo.rst of the
 * kernel). dst has room for stride_bound(len). Returns its size, or 0 if this is no such page: then
 * little time was lost, and dst holds anything.
 */
size_t stride_lzo(const uint8_t *src, size_t len, uint8_t *dst);
size_t stride_bound(size_t len);

#endif
