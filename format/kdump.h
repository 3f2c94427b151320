/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kdump-compressed ("diskdump") format, header version 6, 64-bit little-endian layout.
 *
 *   block 0            struct disk_dump_header, 464 bytes, zero-padded to the block
 *   block 1 … S        struct kdump_sub_header, 104 bytes, then all ELF notes
 *   block 1+S          1st bitmap: page frames that the machine had
 *     + B/2            2nd bitmap: page frames that have a descriptor
 *   block 1+S+B        page_desc[number of bits in the 2nd bitmap], ascending page frame number
 *   anywhere behind    page data; descriptors may share it, in any order
 *
 * Sources of the layout: makedumpfile's IMPLEMENTATION and diskdump_mod.h, crash's diskdump.h;
 * byte offsets were checked against both programs' readers.
 */
#ifndef FORMAT_KDUMP_H
#define FORMAT_KDUMP_H

#include "format/codec.h"
#include "format/source.h"

#define KDUMP_VERSION           6
#define KDUMP_SUB_HEADER_SIZE   104
#define KDUMP_DESC_SIZE         24
#define KDUMP_UTS_FIELD         65
#define KDUMP_STATUS_OFFSET     424  /* where header.status lies in the file: 4 bytes */
#define KDUMP_STATUS_INCOMPLETE 0x8  /* header.status: the dump was cut off or is being written */
#define KDUMP_STATUS_VMEMMAP    0x10 /* header.status: struct pages of excluded pages are excluded */

/* The fields of both headers that mean something, in host form. */
struct kdump_header {
	/* utsname: sysname nodename release version machine domainname, NUL-terminated */
	char uts[6][KDUMP_UTS_FIELD];
	uint64_t time_sec;   /* of the crash; tv_usec is written as 0 (see kdump_encode_header) */
	uint32_t status;     /* codec bit | KDUMP_STATUS_* */
	uint32_t block_size; /* = page size */
	uint32_t sub_blocks; /* S */
	uint32_t bitmap_blocks; /* B, both bitmaps */
	uint64_t max_mapnr;     /* one more than the highest page frame number */
	uint32_t nr_cpus;
	uint64_t phys_base;
	uint32_t dump_level;
	bool split;
	uint64_t start_pfn, end_pfn;              /* of a split file; 0 otherwise */
	uint64_t vmcoreinfo_off, vmcoreinfo_size; /* absolute file offsets */
	uint64_t notes_off, notes_size;
	uint64_t erase_off, erase_size;
};

/* Where the parts lie in the file; all in bytes. */
struct kdump_layout {
	uint64_t bitmap1_off;
	uint64_t bitmap2_off;
	uint64_t bitmap_size; /* of one bitmap, block-aligned */
	uint64_t desc_off;
};

/*
 * Fill in sub_blocks, bitmap_blocks, notes_off and the layout from block_size, max_mapnr and
 * notes_size. ERR_UNSUPPORTED if a count does not fit its 32-bit field.
 */
int kdump_plan(struct kdump_header *h, struct kdump_layout *ret, struct err *err) _must_check_;

/*
 * Encode the main header (`buf` has block_size bytes) and the sub header
 * (KDUMP_SUB_HEADER_SIZE bytes). tv_usec is always 0: libkdumpfile probes the 32-bit layout first,
 * whose block_size lies where a 64-bit tv_usec is.
 */
void kdump_encode_header(const struct kdump_header *h, void *buf);
void kdump_encode_sub_header(const struct kdump_header *h, void *buf);

struct kdump_desc {
	uint64_t offset; /* absolute; 0 in an incomplete dump: this page was lost */
	uint32_t size;
	uint32_t flags; /* enum codec */
};

void kdump_encode_desc(const struct kdump_desc *d, void *buf);

/*
 * The reader. Checks before anything is used: signature, version 1…6 (below 6 the missing fields
 * are 0), block_size a power of two in [4096, 65536], header counts against the file's size, bitmaps
 * inside the file, offsets and sizes of notes and VMCOREINFO inside the file.
 * A descriptor is checked when it is used: data inside the file, size <= block_size, flags known.
 * `ram` comes from the 1st bitmap, `present` from the 2nd, notes from offset_note, or a VMCOREINFO
 * note made from offset_vmcoreinfo where the file has no notes. elf_machine from utsname.machine.
 * Memory: rank index of 8 bytes per 32768 page frames; bitmap and descriptors are read through mmap.
 * One file of a split set is ERR_UNSUPPORTED: for these see kdump_set.h.
 */
extern const struct source_ops kdump_source;

/* The header of an open kdump source, or what all files of a set agree on; NULL if src is neither. */
const struct kdump_header *kdump_source_header(const struct source *src);

#endif
