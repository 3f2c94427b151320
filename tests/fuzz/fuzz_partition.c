// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * partition_read. Input: flags (1 byte; bits 0, 1: put right checksums into the first and the last GPT; bits 2, 3:
 * the sector size), the partition's number (2) and first sector (4), then a disk.
 * Properties: names are of their form; an error leaves them alone and is one of two; the answer is the same a
 * second time.
 */
#include "tests/fuzz/disk_fuzz.h"

#include "base/io.h"
#include "base/crc.h"
#include "storage/partition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t sum(const uint8_t *data, size_t len)
{
	return ~crc_update(CRC_IEEE, UINT32_MAX, data, len);
}

/* Otherwise nothing behind the checksums would ever be reached. */
static void mend(int fd, uint64_t disk, uint32_t sector, uint64_t lba)
{
	static uint8_t header[65536], entries[1 << 16];
	struct bytes b = {header, sector};
	uint32_t header_size = 0, n = 0, entry = 0;
	uint64_t at = 0;
	struct err err;

	if (lba >= disk / sector || io_pread_full(fd, header, sector, lba * sector, "disk", &err) ||
	    !bytes_le32(b, 12, &header_size) || !bytes_le64(b, 72, &at) || !bytes_le32(b, 80, &n) ||
	    !bytes_le32(b, 84, &entry))
		return;
	if ((uint64_t)n * entry <= sizeof(entries) && at < disk / sector &&
	    (uint64_t)n * entry <= disk - at * sector &&
	    !io_pread_full(fd, entries, n * entry, at * sector, "disk", &err))
		bytes_put_le32(header + 88, sum(entries, n * entry));
	bytes_put_le32(header + 16, 0);
	if (header_size <= sector)
		bytes_put_le32(header + 16, sum(header, header_size));
	REQUIRE(pwrite(fd, header, sector, (off_t)(lba * sector)) == sector);
}

static void check(const struct partition *p)
{
	size_t len = strnlen(p->uuid, sizeof(p->uuid));

	REQUIRE(disk_fuzz_is_of(p->uuid, sizeof(p->uuid), "0123456789abcdef-"));
	REQUIRE(len == 0 || len == 36 || (len >= 11 && len <= 13 && p->uuid[8] == '-'));
	REQUIRE(strnlen(p->label, sizeof(p->label)) < sizeof(p->label));
	REQUIRE(len == 36 || !*p->label);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size}, rest;
	struct partition p = {0}, again;
	uint64_t disk;
	uint32_t sector, first;
	uint16_t number;
	uint8_t flags;
	struct err err = {0};
	int fd, r;

	if (!bytes_u8(in, 0, &flags) || !bytes_le16(in, 1, &number) || !bytes_le32(in, 3, &first) ||
	    !bytes_sub(in, 7, size - 7, &rest))
		return 0;
	fd = disk_fuzz_make(rest, &disk);
	if (fd < 0)
		return 0;
	sector = 512u << (flags >> 2 & 3);
	if (flags & 1)
		mend(fd, disk, sector, 1);
	if (flags & 2)
		mend(fd, disk, sector, disk / sector - 1);
	p.number = number;
	p.start = (uint64_t)first * sector;
	r = partition_read(fd, disk, sector, "disk", &p, &err);
	REQUIRE(p.number == number && p.start == (uint64_t)first * sector);
	if (r) {
		REQUIRE(r == ERR_CORRUPT || r == ERR_NOT_FOUND);
		REQUIRE(!*p.uuid && !*p.label && *err.msg);
	} else {
		check(&p);
		again = (struct partition){.number = number, .start = p.start};
		REQUIRE(partition_read(fd, disk, sector, "disk", &again, &err) == 0);
		REQUIRE(strcmp(again.uuid, p.uuid) == 0 && strcmp(again.label, p.label) == 0);
	}
	close(fd);
	return 0;
}
