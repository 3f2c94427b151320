/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many small reads of kernel virtual memory: whoever follows pointers reads the same pages again and again, so what
 * was translated and read (and, from a kdump file, decompressed) is kept, a page at a time. For one thread.
 */
#ifndef IMAGE_READER_H
#define IMAGE_READER_H

#include "image/image.h"

struct reader;

#define READER_PAGES 1024 /* that are kept at most, unless said otherwise: 4 MiB of 4 KiB pages */

/* `img` is borrowed and must outlive the reader. `pages` 0: READER_PAGES. */
int reader_create(const struct image *img, size_t pages, struct reader **ret,
		  struct err *err) _must_check_;
void reader_destroy(struct reader *rd); /* NULL is fine */
const struct image *reader_image(const struct reader *rd);

/* All or an error that names the address, like image_read(). An address that is not mapped is remembered, too. */
int reader_read(struct reader *rd, uint64_t vaddr, void *buf, size_t len,
		struct err *err) _must_check_;
int reader_u8(struct reader *rd, uint64_t vaddr, uint8_t *ret, struct err *err) _must_check_;
int reader_u16(struct reader *rd, uint64_t vaddr, uint16_t *ret, struct err *err) _must_check_;
int reader_u32(struct reader *rd, uint64_t vaddr, uint32_t *ret, struct err *err) _must_check_;
int reader_u64(struct reader *rd, uint64_t vaddr, uint64_t *ret, struct err *err) _must_check_;
/* An integer of 1, 2, 4 or 8 bytes, not sign-extended; another size is ERR_CORRUPT. */
int reader_uint(struct reader *rd, uint64_t vaddr, size_t size, uint64_t *ret,
		struct err *err) _must_check_;

/*
 * A C string of at most size - 1 bytes; a longer one is cut there. The bytes are as they lie there: whoever shows them
 * escapes them. Always ends with a NUL.
 */
int reader_string(struct reader *rd, uint64_t vaddr, char *buf, size_t size,
		  struct err *err) _must_check_;

/*
 * A large piece at once, past the pages that are kept; *ret is malloc'ed, the caller frees it. `len` is from the dump, so
 * more than `limit` is ERR_CORRUPT, which names `what`.
 */
int reader_bulk(struct reader *rd, uint64_t vaddr, uint64_t len, uint64_t limit, const char *what,
		uint8_t **ret, struct err *err) _must_check_;

#endif
