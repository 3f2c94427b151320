// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/kernel.h"

#include "arch/arch.h"
#include "arch/x86_64/bzimage.h"

_Static_assert(KERNEL_IMAGE_HEAD_SIZE >= BZIMAGE_HEAD_SIZE, "the release text may be missed");

int kernel_image_parse(struct bytes head, uint64_t file_size, struct kernel_image *ret,
		       struct err *err)
{
	return arch_x86_64.load->parse(head, file_size, ret, err);
}
