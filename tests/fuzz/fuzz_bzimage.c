// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: whatever the bytes, bzimage_parse() reads nothing outside of them, and an image that it
 * accepts is consistent: sizes that fit the file, a release text that is printable and ends.
 */
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/bzimage.h"
#include "base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bzimage bz;
	struct err err = {0};
	size_t len;

	if (bzimage_parse((struct bytes){data, size}, size, &bz, &err)) {
		if (!err.code || !err.msg[0])
			abort();
		return 0;
	}
	len = strnlen(bz.release, sizeof(bz.release));
	if (len == sizeof(bz.release) || bz.setup_size > size || !num_is_pow2(bz.alignment) ||
	    num_align_up(bz.init_size, 4096) < size - bz.setup_size)
		abort();
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)bz.release[i]))
			abort();
	return 0;
}
