// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input: the codec (1 byte), data.
 * Property: unpacking hostile data ends, writes no more than it may, and says why it fails. What can be unpacked
 * gives the same twice over if it stands there twice (of lzma it is refused then).
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loader/unwrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 20 };

/* malloc'ed; NULL: not unpacked */
static uint8_t *unpack(enum files_wrap wrap, struct bytes in, uint64_t max, size_t *ret_len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint8_t *out = NULL;
	struct err err = {0};
	int r = unwrap_run(wrap, in, max, fd, &err);
	off_t len = lseek(fd, 0, SEEK_END);

	if (fd < 0 || r != err.code || (r && !err.msg[0]) || (uint64_t)len > max ||
	    (r && r != ERR_CORRUPT && r != ERR_UNSUPPORTED && r != ERR_NO_SPACE))
		abort();
	if (!r) {
		out = malloc((size_t)len + 1);
		if (!out || pread(fd, out, (size_t)len, 0) != len)
			abort();
		*ret_len = (size_t)len;
	}
	close(fd);
	return out;
}

static void twice(enum files_wrap wrap, struct bytes in, const uint8_t *once, size_t once_len)
{
	uint8_t *both = malloc(2 * in.len + 1), *out;
	size_t len = 0;

	if (!both)
		abort();
	memcpy(both, in.data, in.len);
	memcpy(both + in.len, in.data, in.len);
	out = unpack(wrap, (struct bytes){both, 2 * in.len}, 2 * LIMIT, &len);
	if ((wrap == FILES_LZMA) != !out)
		abort();
	if (out && (len != 2 * once_len || memcmp(out, once, once_len) != 0 ||
		    memcmp(out + once_len, once, once_len) != 0))
		abort();
	free(out);
	free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum files_wrap wraps[] = {FILES_GZIP, FILES_ZSTD, FILES_XZ, FILES_LZMA};
	enum files_wrap wrap;
	struct bytes in;
	uint8_t *out;
	size_t len = 0;

	if (!size)
		return 0;
	wrap = wraps[data[0] % ARRAY_SIZE(wraps)];
	in = (struct bytes){data + 1, size - 1};
	out = unpack(wrap, in, LIMIT, &len);
	/* a kernel is only unpacked if it was recognised, so that is the case to look at */
	if (out && unwrap_detect(in) == wrap)
		twice(wrap, in, out, len);
	free(out);
	return 0;
}
