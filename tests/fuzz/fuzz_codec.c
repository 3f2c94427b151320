// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input: page_desc.flags (1 byte), size of the page (2 bytes), data.
 * Property: decompressing hostile data reads and writes nothing outside of its buffers (both are
 * exactly as large as they say) and fails with ERR_CORRUPT or ERR_UNSUPPORTED; what each compressor
 * makes of the data is smaller than it and gives it back.
 */
#include <string.h>

#include "format/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hostile(unsigned int flags, size_t page_size, struct bytes in)
{
	uint8_t *src = malloc(in.len ? in.len : 1), *dst = malloc(page_size ? page_size : 1);
	struct err err = {0};
	int r;

	if (in.len)
		memcpy(src, in.data, in.len);
	r = codec_decompress(flags, (struct bytes){src, in.len}, dst, page_size, &err);
	if (r != 0 && r != ERR_CORRUPT && r != ERR_UNSUPPORTED)
		abort();
	free(src);
	free(dst);
}

static void round_trip(enum codec codec, struct bytes in)
{
	struct compressor *c = NULL;
	struct err err;
	uint8_t *packed, *back;
	size_t n;

	if (compressor_create(codec, &c, &err))
		abort();
	packed = malloc(compressor_bound(c, in.len) + 1);
	back = malloc(in.len + 1);
	n = compressor_run(c, in.data, in.len, packed);
	if (n && (n >= in.len ||
		  codec_decompress(codec, (struct bytes){packed, n}, back, in.len, &err) ||
		  memcmp(back, in.data, in.len) != 0))
		abort();
	free(packed);
	free(back);
	compressor_destroy(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in;

	if (size < 3)
		return 0;
	in = (struct bytes){data + 3, size - 3};
	hostile(data[0], (size_t)(data[1] | data[2] << 8), in);
	round_trip(CODEC_ZLIB, in);
	round_trip(CODEC_LZO, in);
	return 0;
}
