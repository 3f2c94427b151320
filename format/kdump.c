// SPDX-License-Identifier: GPL-2.0-or-later
/* The writer's half of the kdump-compressed format: where the parts lie and how headers look. */
#include "format/kdump.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "format/kdump_fields.h"

int kdump_plan(struct kdump_header *h, struct kdump_layout *ret, struct err *err)
{
	uint64_t bs = h->block_size, sub_bytes, sub, bitmap, blocks;

	if (!num_is_pow2(bs))
		return err_set(err, ERR_UNSUPPORTED, "kdump: block size %" PRIu64, bs);
	if (!num_add(h->notes_size, (uint64_t)KDUMP_SUB_HEADER_SIZE, &sub_bytes) ||
	    (sub = num_div_up(sub_bytes, bs)) > INT32_MAX)
		return err_set(err, ERR_UNSUPPORTED,
			       "kdump: notes of %" PRIu64 " bytes do not fit the sub header",
			       h->notes_size);
	bitmap = num_div_up(num_div_up(h->max_mapnr, 8), bs);
	blocks = bitmap * 2;
	if (blocks > UINT32_MAX)
		return err_set(err, ERR_UNSUPPORTED,
			       "kdump: bitmaps of %" PRIu64 " page frames are too large",
			       h->max_mapnr);
	h->sub_blocks = (uint32_t)sub;
	h->bitmap_blocks = (uint32_t)blocks;
	h->notes_off = bs + KDUMP_SUB_HEADER_SIZE;
	*ret = (struct kdump_layout){
		.bitmap1_off = bs * (1 + sub),
		.bitmap2_off = bs * (1 + sub + bitmap),
		.bitmap_size = bs * bitmap,
		.desc_off = bs * (1 + sub + blocks),
	};
	return 0;
}

void kdump_encode_header(const struct kdump_header *h, void *buf)
{
	uint8_t *p = buf;

	memset(p, 0, h->block_size);
	memcpy(p + HDR_SIGNATURE, KDUMP_SIGNATURE, 8);
	bytes_put_le32(p + HDR_VERSION, KDUMP_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(h->uts); i++)
		memcpy(p + HDR_UTS + i * KDUMP_UTS_FIELD, h->uts[i],
		       strnlen(h->uts[i], KDUMP_UTS_FIELD - 1));
	bytes_put_le64(p + HDR_TV_SEC, h->time_sec);
	bytes_put_le32(p + HDR_STATUS, h->status);
	bytes_put_le32(p + HDR_BLOCK_SIZE, h->block_size);
	bytes_put_le32(p + HDR_SUB_BLOCKS, h->sub_blocks);
	bytes_put_le32(p + HDR_BITMAP_BLOCKS, h->bitmap_blocks);
	bytes_put_le32(p + HDR_MAX_MAPNR, (uint32_t)NUM_MIN(h->max_mapnr, UINT32_MAX));
	bytes_put_le32(p + HDR_NR_CPUS, h->nr_cpus);
}

void kdump_encode_sub_header(const struct kdump_header *h, void *buf)
{
	uint8_t *p = buf;

	memset(p, 0, KDUMP_SUB_HEADER_SIZE);
	bytes_put_le64(p + SUB_PHYS_BASE, h->phys_base);
	bytes_put_le32(p + SUB_DUMP_LEVEL, h->dump_level);
	bytes_put_le32(p + SUB_SPLIT, h->split);
	/* unsigned long before version 6; makedumpfile still fills them in, clipped to 32 bits */
	bytes_put_le64(p + SUB_START_PFN, NUM_MIN(h->start_pfn, UINT32_MAX));
	bytes_put_le64(p + SUB_END_PFN, NUM_MIN(h->end_pfn, UINT32_MAX));
	bytes_put_le64(p + SUB_VMCOREINFO, h->vmcoreinfo_off);
	bytes_put_le64(p + SUB_VMCOREINFO + 8, h->vmcoreinfo_size);
	bytes_put_le64(p + SUB_NOTE, h->notes_off);
	bytes_put_le64(p + SUB_NOTE + 8, h->notes_size);
	bytes_put_le64(p + SUB_ERASE, h->erase_off);
	bytes_put_le64(p + SUB_ERASE + 8, h->erase_size);
	bytes_put_le64(p + SUB_START_PFN_64, h->start_pfn);
	bytes_put_le64(p + SUB_END_PFN_64, h->end_pfn);
	bytes_put_le64(p + SUB_MAX_MAPNR_64, h->max_mapnr);
}

void kdump_encode_desc(const struct kdump_desc *d, void *buf)
{
	uint8_t *p = buf;

	bytes_put_le64(p, d->offset);
	bytes_put_le32(p + 8, d->size);
	bytes_put_le32(p + 12, d->flags);
	bytes_put_le64(p + 16, 0); /* page_flags: no writer has ever filled it in */
}
