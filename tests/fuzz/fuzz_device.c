// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_fs_uuid. Property: whatever a disk begins with, the answer is no and the output untouched, or
 * a UUID in its usual form, 36 characters.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/device.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char uuid[37] = "";

	/* the block at 1024 is where it all is: let the fuzzer begin near it */
	static uint8_t disk[DEVICE_PROBE_SIZE];
	size_t len = size < sizeof(disk) - 1024 ? size : sizeof(disk) - 1024;

	memcpy(disk + 1024, data, len);
	if (!device_fs_uuid((struct bytes){disk, 1024 + len}, uuid)) {
		REQUIRE(!*uuid);
		REQUIRE(!device_fs_uuid((struct bytes){data, size}, uuid) || size > 1024);
		return 0;
	}
	REQUIRE(strlen(uuid) == 36);
	for (size_t i = 0; i < 36; i++)
		REQUIRE(strchr(i == 8 || i == 13 || i == 18 || i == 23 ? "-" : "0123456789abcdef",
			       uuid[i]));
	return 0;
}
