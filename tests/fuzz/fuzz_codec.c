// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input: page_desc.flags (1 byte), size of the page (2 bytes), data.
 * Property: decompressing hostile data reads and writes nothing outside of its buffers and fails with
 * ERR_CORRUPT or ERR_UNSUPPORTED, the same with a decompressor that has seen other data before; what
 * each compressor makes of the data is smaller than it and gives it back.
 *
 * The libraries are not built with the sanitizers, so both buffers end where a page that nobody may
 * touch begins.
 */
#include <string.h>
#include <sys/mman.h>

#include "format/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 128 * 1024, GUARD = 64 * 1024 };

/* `len` bytes with a guard right behind them. */
static uint8_t *guarded(uint8_t **area, size_t len)
{
	if (!*area) {
		*area = mmap(NULL, ROOM + GUARD, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (*area == MAP_FAILED || mprotect(*area + ROOM, GUARD, PROT_NONE))
			abort();
	}
	if (len > ROOM)
		abort();
	return *area + ROOM - len;
}

static void hostile(unsigned int flags, size_t page_size, struct bytes in)
{
	static struct decompressor *reused;
	static uint8_t *src_area, *dst_area;
	uint8_t *src = guarded(&src_area, in.len), *dst = guarded(&dst_area, page_size);
	struct err err = {0};
	int fresh, again;

	if (!reused && decompressor_create(&reused, &err))
		abort();
	if (in.len)
		memcpy(src, in.data, in.len);
	in.data = src;
	if (page_size < ROOM)
		dst[-1] = 0x5a;
	fresh = codec_decompress(flags, in, dst, page_size, &err);
	again = decompressor_run(reused, flags, in, dst, page_size, &err);
	if (fresh != again || (fresh && fresh != ERR_CORRUPT && fresh != ERR_UNSUPPORTED))
		abort();
	if (page_size < ROOM && dst[-1] != 0x5a)
		abort();
}

static void round_trip(enum codec codec, int level, struct bytes in)
{
	struct compressor *c = NULL;
	struct err err;
	uint8_t *packed, *back;
	size_t n;

	if (compressor_create(codec, level, &c, &err))
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

	if (size < 3 || size > ROOM)
		return 0;
	in = (struct bytes){data + 3, size - 3};
	hostile(data[0], (size_t)(data[1] | data[2] << 8), in);
	/* the last byte chooses, so that each gets the time it needs */
	switch (data[size - 1] % 8) {
	case 0:
		round_trip(CODEC_ZLIB, 0, in);
		break;
	case 1:
		round_trip(CODEC_LZO, 0, in);
		break;
	case 2:
		round_trip(CODEC_SNAPPY, 0, in);
		break;
	case 3:
		round_trip(CODEC_ZSTD, 0, in);
		break;
	case 4:
		round_trip(CODEC_ZSTD, -3, in);
		break;
	default:
		break;
	}
	return 0;
}
