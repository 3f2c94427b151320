// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/kernel.h"

#include "arch/x86_64/bzimage.h"
#include "base/num.h"

#define PAGE 4096

_Static_assert(KERNEL_IMAGE_HEAD_SIZE >= BZIMAGE_HEAD_SIZE, "the release text may be missed");

int kernel_image_parse(struct bytes head, uint64_t file_size, struct kernel_image *ret,
		       struct err *err)
{
	struct bzimage bz;
	int r = bzimage_parse(head, file_size, &bz, err);

	if (r)
		return r;
	*ret = (struct kernel_image){
		.format = "bzImage",
		.mem_size = num_align_up(bz.init_size, PAGE),
		.align = bz.alignment,
		.min_addr = bz.pref_address,
		.cmdline_max = bz.cmdline_size,
		.cmdline_prepend = BZIMAGE_CRASH_CMDLINE,
		.five_level = bz.five_level,
	};
	memcpy(ret->release, bz.release, sizeof(ret->release));
	return 0;
}
