// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * age_check. Properties: any file is refused with ERR_CORRUPT and without an output, or its figures add up; one that is longer by
 * whole chunks is the same file with more in it; what does not begin as one is refused.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "crypt/age.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_info(const struct age_info *info, uint64_t size)
{
	REQUIRE(info->n_recipients >= 1 && info->n_recipients <= size);
	REQUIRE(strnlen(info->types, sizeof(info->types)) < sizeof(info->types) && *info->types);
	for (const char *c = info->types; *c; c++)
		REQUIRE(*c >= ' ' && *c < 127);
	REQUIRE(info->chunks >= 1);
	REQUIRE(info->plain <= info->chunks * AGE_CHUNK);
	REQUIRE(info->plain > (info->chunks - 1) * AGE_CHUNK ||
		(!info->plain && info->chunks == 1));
	REQUIRE(info->header + 16 + info->plain + 16 * info->chunks == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("age", MFD_CLOEXEC);
	struct age_info info = {.chunks = 77}, more;
	struct err err = {0};
	int r;

	REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	r = age_check(fd, size, "a file", &info, &err);
	if (r)
		REQUIRE(err.code == ERR_CORRUPT && *err.msg && info.chunks == 77);
	else
		check_info(&info, size);
	if (!age_probe((struct bytes){data, NUM_MIN(size, 32)}))
		REQUIRE(r);
	if (!r && info.plain && ftruncate(fd, (off_t)size + 10 * (AGE_CHUNK + 16)) == 0) {
		REQUIRE(age_check(fd, size + 10 * (AGE_CHUNK + 16), "a file", &more, &err) == 0);
		check_info(&more, size + 10 * (AGE_CHUNK + 16));
		REQUIRE(more.header == info.header && more.n_recipients == info.n_recipients);
	}
	close(fd);
	return 0;
}
