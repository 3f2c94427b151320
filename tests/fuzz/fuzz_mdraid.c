// SPDX-License-Identifier: GPL-2.0-or-later
/* mdraid_read. Properties: a version that there is and names of their form, or a reason. */
#include "tests/fuzz/disk_fuzz.h"

#include "storage/mdraid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[MDRAID_NAME];
	struct err err = {0};
	struct mdraid md;
	uint64_t disk;
	int fd = disk_fuzz_make((struct bytes){data, size}, &disk), code;

	if (fd < 0)
		return 0;
	code = mdraid_read(fd, disk, "disk", &md, &err);
	close(fd);
	if (code) {
		REQUIRE(code == ERR_NOT_FOUND || code == ERR_CORRUPT || code == ERR_UNSUPPORTED);
		return 0;
	}
	REQUIRE((md.major == 0 && md.minor == 90) ||
		(md.major == 1 && md.minor >= 0 && md.minor <= 2));
	mdraid_name(&md, name);
	REQUIRE(disk_fuzz_is_of(name, sizeof(name), "0123456789abcdef:/"));
	REQUIRE(disk_fuzz_is_of(md.uuid, sizeof(md.uuid), "0123456789abcdef:"));
	return 0;
}
