// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fsid_read. Properties: whatever is on a disk, the answer is a type of the list or none; names are of their form;
 * without a type nothing else is told; it is the same a second time; and of a disk that is wholly there, an answer
 * comes.
 */
#include "tests/fuzz/disk_fuzz.h"

#include "storage/fsid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEX   "0123456789abcdef-"
#define ALNUM "0123456789-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void check(const struct fsid *id)
{
	static const char *const types[] = {
		"ext2",        "ext3",        "ext4", "xfs",
		"btrfs",       "vfat",        "swap", "linux_raid_member",
		"crypto_LUKS", "LVM2_member", ""};
	size_t i = 0;

	REQUIRE(strnlen(id->type, sizeof(id->type)) < sizeof(id->type));
	while (i < ARRAY_SIZE(types) && strcmp(types[i], id->type) != 0)
		i++;
	REQUIRE(i < ARRAY_SIZE(types));
	REQUIRE(fsid_is_file_system(id) == (i < 6));
	REQUIRE(strnlen(id->label, sizeof(id->label)) < sizeof(id->label));
	REQUIRE(strnlen(id->uuid, sizeof(id->uuid)) < sizeof(id->uuid));
	REQUIRE(strcmp(id->type, "btrfs") == 0 ? id->n_devices >= 1 : id->n_devices == 1);
	if (!*id->type)
		REQUIRE(!*id->uuid && !*id->label && !id->dirty && !id->read_only);
	if (strcmp(id->type, "vfat") == 0)
		REQUIRE(!*id->uuid || (strlen(id->uuid) == 9 && id->uuid[4] == '-'));
	else if (strcmp(id->type, "LVM2_member") == 0)
		REQUIRE(disk_fuzz_is_of(id->uuid, sizeof(id->uuid), ALNUM));
	else if (strcmp(id->type, "crypto_LUKS") != 0)
		REQUIRE(!*id->uuid || (strlen(id->uuid) == 36 &&
				       disk_fuzz_is_of(id->uuid, sizeof(id->uuid), HEX)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fsid id, again;
	struct err err = {0};
	uint64_t disk;
	int fd = disk_fuzz_make((struct bytes){data, size}, &disk);

	if (fd < 0)
		return 0;
	memset(&id, 0xff, sizeof(id));
	memset(&again, 0, sizeof(again));
	REQUIRE(fsid_read(fd, disk, "disk", &id, &err) == 0);
	check(&id);
	REQUIRE(fsid_read(fd, disk, "disk", &again, &err) == 0);
	REQUIRE(strcmp(id.type, again.type) == 0 && strcmp(id.uuid, again.uuid) == 0 &&
		strcmp(id.label, again.label) == 0);
	/* one that is shorter than it says: an answer or a reason */
	memset(&again, 0, sizeof(again));
	if (fsid_read(fd, disk + 65536, "disk", &again, &err))
		REQUIRE(err.code == ERR_CORRUPT && !*again.type);
	else
		check(&again);
	close(fd);
	return 0;
}
