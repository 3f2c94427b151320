// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/mdraid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"

#define MAGIC   UINT32_C(0xa92b4efc)
#define SIZE    4096
#define SECTOR  512
#define RESERVE 65536 /* of 0.90, at the end */

/* Of struct mdp_superblock_1: where its fields are. */
enum {
	V1_UUID = 16,
	V1_LEVEL = 72,
	V1_DISKS = 92,
	V1_SUPER_OFFSET = 144,
	V1_DEVICE_UUID = 168,
	V1_EVENTS = 200,
	V1_CSUM = 216,
	V1_MAX_DEV = 220,
	V1_SIZE = 256,
};

/* Of mdp_super_t, in words. */
enum {
	V0_MINOR = 2,
	V0_UUID0 = 5,
	V0_LEVEL = 7,
	V0_RAID_DISKS = 10,
	V0_UUID1 = 13,
	V0_CSUM = 38,
	V0_EVENTS = 39, /* its two words' order is that of the machine */
	V0_THIS_DISK = 992,
};

static uint32_t le32_at(struct bytes b, uint64_t off)
{
	uint32_t v = 0;

	return bytes_le32(b, off, &v) ? v : 0;
}

static uint64_t le64_at(struct bytes b, uint64_t off)
{
	uint64_t v = 0;

	return bytes_le64(b, off, &v) ? v : 0;
}

/* Four words of eight digits, as mdadm prints it: "0a1b2c3d:4e5f6071:…". */
static void put_uuid(const uint8_t raw[16], char ret[MDRAID_UUID])
{
	char *p = ret;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i && i % 4 == 0 ? ":" : "", raw[i]);
}

static uint32_t fold(uint64_t sum)
{
	return (uint32_t)((sum & UINT32_MAX) + (sum >> 32));
}

static int read_v1(struct bytes b, int minor, struct mdraid *ret, struct err *err)
{
	uint64_t len = V1_SIZE + (uint64_t)le32_at(b, V1_MAX_DEV) * 2, sum = 0;

	for (uint64_t i = 0; i + 4 <= NUM_MIN(len, b.len); i += 4)
		sum += i == V1_CSUM ? 0 : le32_at(b, i);
	if (len & 2 && len <= b.len)
		sum += b.data[len - 2] | (uint32_t)b.data[len - 1] << 8;
	if (len > b.len || fold(sum) != le32_at(b, V1_CSUM))
		return err_set(err, ERR_CORRUPT,
			       "the checksum of its superblock (version 1.%d) is wrong", minor);
	*ret = (struct mdraid){.major = 1,
			       .minor = minor,
			       .level = (int32_t)le32_at(b, V1_LEVEL),
			       .disks = le32_at(b, V1_DISKS),
			       .events = le64_at(b, V1_EVENTS)};
	put_uuid(b.data + V1_UUID, ret->uuid);
	put_uuid(b.data + V1_DEVICE_UUID, ret->device);
	return 0;
}

static int read_v0(struct bytes b, struct mdraid *ret, struct err *err)
{
	static const size_t at[] = {V0_UUID0, V0_UUID1, V0_UUID1 + 1, V0_UUID1 + 2};
	uint8_t uuid[16];
	uint64_t sum = 0;

	for (uint64_t i = 0; i < SIZE / 4; i++)
		sum += i == V0_CSUM ? 0 : le32_at(b, i * 4);
	if (fold(sum) != le32_at(b, V0_CSUM * 4))
		return err_set(err, ERR_CORRUPT,
			       "the checksum of its superblock (version 0.90) is wrong");
	if (le32_at(b, V0_MINOR * 4) < 90)
		return err_set(err, ERR_UNSUPPORTED, "its superblock is older than version 0.90");
	*ret = (struct mdraid){.minor = 90,
			       .level = (int32_t)le32_at(b, V0_LEVEL * 4),
			       .disks = le32_at(b, V0_RAID_DISKS * 4),
			       .events = le64_at(b, V0_EVENTS * 4)};
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		bytes_put_le32(uuid + i * 4, __builtin_bswap32(le32_at(b, at[i] * 4)));
	put_uuid(uuid, ret->uuid);
	snprintf(ret->device, sizeof(ret->device), "%" PRIu32, le32_at(b, V0_THIS_DISK * 4));
	return 0;
}

int mdraid_read(int fd, uint64_t size, const char *name, struct mdraid *ret, struct err *err)
{
	const struct {
		int minor;
		uint64_t at;
	} places[] = {
		{0, size >= 8192 ? num_align_down(size - 8192, 4096) : UINT64_MAX},
		{1, 0},
		{2, 4096},
		{90, num_align_down(size, RESERVE) >= RESERVE
			     ? num_align_down(size, RESERVE) - RESERVE
			     : UINT64_MAX},
	};
	uint8_t buf[SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct bytes b = {buf, SIZE};
		uint64_t at = places[i].at;

		if (at >= size || size - at < SIZE)
			continue;
		if (io_pread_full(fd, buf, SIZE, at, name, err))
			return err->code;
		if (le32_at(b, 0) != MAGIC)
			continue;
		if (places[i].minor == 90 && le32_at(b, 4) == 0)
			return read_v0(b, ret, err);
		if (places[i].minor != 90 && le32_at(b, 4) == 1 &&
		    le64_at(b, V1_SUPER_OFFSET) == at / SECTOR)
			return read_v1(b, places[i].minor, ret, err);
	}
	return err_set(err, ERR_NOT_FOUND, "%s is no member of an MD array", name);
}

void mdraid_name(const struct mdraid *md, char ret[MDRAID_NAME])
{
	snprintf(ret, MDRAID_NAME, "%s/%s", md->uuid, md->device);
}
