/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86's unwind tables, ORC: __start_orc_unwind_ip (s32, relative to itself, sorted at build time) beside
 * __start_orc_unwind (6 bytes each); for a module module.arch.orc_unwind_ip and .orc_unwind, sorted when it is loaded.
 * The form of an entry (arch/x86/include/asm/orc_types.h): v1 4.14 to 6.2, v2 6.3 (signal bit, ffb1b4a41016), v3
 * 6.4 (types renumbered, ORC_TYPE_UNDEFINED, fb799447ae29), v4 7.1 (registers renumbered). Which one, the 20 bytes of
 * .orc_header say (b9f174c811e3, 6.4 and 6.3.10); without one, what the entries themselves can only be.
 */
#ifndef IMAGE_ORC_H
#define IMAGE_ORC_H

#include "arch/regs.h"
#include "image/kernel.h"

struct orc;

#define ORC_ROW_SIZE    6
#define ORC_HEADER_SIZE 20
#define ORC_MAX_ROWS    (8U << 20) /* of one table: the kernels of today have up to half a million */
#define ORC_MAX_MODULE_ROWS \
	(4U << 20) /* of all modules: hundreds have some 2000 each, the largest 300000 */

/* The kernel's own tables. An inversion of the order is ERR_CORRUPT naming the index. ERR_NOT_FOUND: it has none. */
int orc_create(struct kernel *k, struct orc **ret, struct err *err) _must_check_;
void orc_destroy(struct orc *orc);               /* NULL is fine */
unsigned int orc_version(const struct orc *orc); /* 1 to 4 */

/*
 * The row for an address of the kernel's text, or of a module's, whose table is then read once. The first call reads the
 * kernel's own (kernel.orc, kernel.orc_tried); what cannot be read is added to the gaps.
 */
bool orc_find(struct kernel *k, uint64_t pc, struct orc_entry *ret);

/* ---- the same from pieces, for those that have them: no image is read */

/* The form that .orc_header's bytes stand for; 0: not known. */
unsigned int orc_version_of_header(const uint8_t header[ORC_HEADER_SIZE]);
/* The form that rows can only be of; 0: it cannot be told. */
unsigned int orc_version_of_rows(struct bytes rows);
/* A row in the form of v3. One that is out of the form's range comes out as it is, for the unwinder to refuse. */
void orc_decode(unsigned int version, const uint8_t row[ORC_ROW_SIZE], struct orc_entry *ret);

struct orc_table {
	uint64_t at; /* address of ips[0] in the kernel */
	struct bytes ips, rows;
	size_t n;
};

/* Sizes that belong together, addresses that increase: else ERR_CORRUPT. */
int orc_table_check(const struct orc_table *table, struct err *err) _must_check_;
/* The last row whose address is not above pc; false: all are. */
bool orc_table_find(const struct orc_table *table, unsigned int version, uint64_t pc,
		    struct orc_entry *ret);

#endif
