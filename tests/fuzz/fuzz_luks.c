// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * luks_read, luks_parse. Properties: bounds of what is told, and nothing is told with an error. The first byte says whether it
 * is a disk or the JSON alone, which a checksum would hide.
 */
#include "tests/fuzz/disk_fuzz.h"

#include "storage/luks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct luks *l)
{
	REQUIRE(l->version == 1 || l->version == 2);
	REQUIRE(strnlen(l->uuid, LUKS_UUID) < LUKS_UUID);
	REQUIRE(l->memory <= UINT32_MAX && (l->slots || !l->memory));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct luks l = {.version = 2}, was = l;
	struct err err = {0};
	uint64_t disk;
	int fd, code;

	if (!size)
		return 0;
	if (*data & 1) {
		code = luks_parse((struct bytes){data + 1, size - 1}, &l, &err);
	} else {
		fd = disk_fuzz_make((struct bytes){data + 1, size - 1}, &disk);
		if (fd < 0)
			return 0;
		code = luks_read(fd, disk, "disk", &l, &err);
		close(fd);
	}
	if (code)
		REQUIRE(memcmp(&l, &was, sizeof(l)) == 0 && *err.msg);
	else
		check(&l);
	return 0;
}
