// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/table.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/crc.h"

#define SECTOR        512ULL
#define MBR_SIGNATURE 440
#define MBR_ENTRY     446
#define MBR_TYPE      4
#define MBR_START     8
#define MBR_SECTORS   12
#define LINUX_DATA    0x83
#define PROTECTIVE    0xee

#define GPT_HEADER  92
#define GPT_ENTRIES 128
#define GPT_ENTRY   128
#define GPT_TABLE   (GPT_ENTRIES * GPT_ENTRY)
#define GUID_SIZE   16

/* ---- names */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0f2a1b3c-0000-…": the first three groups are numbers, little endian */
static bool parse_guid(const char *text, uint8_t ret[GUID_SIZE])
{
	static const uint8_t places[GUID_SIZE] = {3, 2, 1,  0,  5,  4,  7,  6,
						  8, 9, 10, 11, 12, 13, 14, 15};
	size_t n = 0;

	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		int high, low;

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
			continue;
		}
		high = nibble(text[i]);
		low = nibble(text[++i]);
		if (high < 0 || low < 0)
			return false;
		ret[places[n++]] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* "1234abcd-02" */
static bool parse_dos(const char *text, uint32_t *ret_signature, unsigned int *ret_number)
{
	uint32_t v[2] = {0};

	if (strlen(text) != 11 || text[8] != '-')
		return false;
	for (size_t i = 0; i < 11; i++) {
		if (i == 8)
			continue;
		if (nibble(text[i]) < 0)
			return false;
		v[i > 8] = v[i > 8] << 4 | (uint32_t)nibble(text[i]);
	}
	*ret_signature = v[0];
	*ret_number = v[1];
	return true;
}

/* ---- tables */

static void put_mbr_entry(uint8_t mbr[SECTOR], unsigned int number, uint8_t type, uint64_t start,
			  uint64_t sectors)
{
	uint8_t *p = mbr + MBR_ENTRY + 16 * (number - 1);

	p[MBR_TYPE] = type;
	bytes_put_le32(p + MBR_START, (uint32_t)start);
	bytes_put_le32(p + MBR_SECTORS, (uint32_t)sectors);
	mbr[510] = 0x55;
	mbr[511] = 0xaa;
}

static int write_dos(int fd, uint64_t size, uint32_t signature, unsigned int number,
		     const char *name, struct err *err)
{
	uint8_t mbr[SECTOR] = {0};

	if (!number || number > 4)
		return err_set(
			err, ERR_UNSUPPORTED,
			"partition %u of a DOS table is a logical one, which is not imitated",
			number);
	if ((TABLE_START + size) / SECTOR > UINT32_MAX)
		return err_set(err, ERR_UNSUPPORTED, "a DOS table cannot hold %" PRIu64 " bytes",
			       size);
	bytes_put_le32(mbr + MBR_SIGNATURE, signature);
	put_mbr_entry(mbr, number, LINUX_DATA, TABLE_START / SECTOR, size / SECTOR);
	return io_pwrite_full(fd, mbr, sizeof(mbr), 0, name, err);
}

static uint32_t crc32_of(const void *data, size_t len)
{
	return ~crc_update(CRC_IEEE, ~UINT32_C(0), data, len);
}

/* One of the two headers: it knows its own place, the other's and that of its table. */
static int write_header(int fd, uint64_t at, uint64_t other, uint64_t table, uint64_t sectors,
			uint32_t crc, const uint8_t disk_guid[GUID_SIZE], const char *name,
			struct err *err)
{
	uint8_t h[SECTOR] = {0};

	memcpy(h, "EFI PART", 8);
	bytes_put_le32(h + 8, 0x10000);
	bytes_put_le32(h + 12, GPT_HEADER);
	bytes_put_le64(h + 24, at);
	bytes_put_le64(h + 32, other);
	bytes_put_le64(h + 40, 2 + GPT_TABLE / SECTOR);
	bytes_put_le64(h + 48, sectors - 2 - GPT_TABLE / SECTOR);
	memcpy(h + 56, disk_guid, GUID_SIZE);
	bytes_put_le64(h + 72, table);
	bytes_put_le32(h + 80, GPT_ENTRIES);
	bytes_put_le32(h + 84, GPT_ENTRY);
	bytes_put_le32(h + 88, crc);
	bytes_put_le32(h + 16, crc32_of(h, GPT_HEADER));
	return io_pwrite_full(fd, h, sizeof(h), at * SECTOR, name, err);
}

static int write_gpt(int fd, uint64_t size, const uint8_t guid[GUID_SIZE], const char *name,
		     struct err *err)
{
	/* "Linux filesystem data", 0FC63DAF-8483-4772-8E79-3D69D8477DE4 */
	static const uint8_t linux_data[GUID_SIZE] = {0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84,
						      0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69,
						      0xd8, 0x47, 0x7d, 0xe4};
	const uint64_t sectors = (2 * TABLE_START + size) / SECTOR, last = sectors - 1;
	const uint64_t copy = last - GPT_TABLE / SECTOR;
	_cleanup_free_ uint8_t *table = calloc(1, GPT_TABLE);
	uint8_t mbr[SECTOR] = {0}, disk_guid[GUID_SIZE];
	uint32_t crc;

	if (!table)
		return err_nomem(err, GPT_TABLE, name);
	memcpy(disk_guid, guid, GUID_SIZE);
	disk_guid[GUID_SIZE - 1] ^= 0xff; /* one that is not the partition's */
	memcpy(table, linux_data, GUID_SIZE);
	memcpy(table + 16, guid, GUID_SIZE);
	bytes_put_le64(table + 32, TABLE_START / SECTOR);
	bytes_put_le64(table + 40, (TABLE_START + size) / SECTOR - 1);
	crc = crc32_of(table, GPT_TABLE);
	put_mbr_entry(mbr, 1, PROTECTIVE, 1, last > UINT32_MAX ? UINT32_MAX : last);
	if (io_pwrite_full(fd, mbr, sizeof(mbr), 0, name, err) ||
	    io_pwrite_full(fd, table, GPT_TABLE, 2 * SECTOR, name, err) ||
	    io_pwrite_full(fd, table, GPT_TABLE, copy * SECTOR, name, err) ||
	    write_header(fd, 1, last, 2, sectors, crc, disk_guid, name, err) ||
	    write_header(fd, last, 1, copy, sectors, crc, disk_guid, name, err))
		return err->code;
	return 0;
}

int table_write(int fd, uint64_t size, const char *partuuid, const char *name, struct err *err)
{
	uint8_t guid[GUID_SIZE];
	unsigned int number;
	uint32_t signature;

	if (!size || size % SECTOR || size > INT64_MAX - 2 * TABLE_START)
		return err_set(err, ERR_UNSUPPORTED, "a partition of %" PRIu64 " bytes", size);
	if (parse_guid(partuuid, guid))
		return write_gpt(fd, size, guid, name, err);
	if (parse_dos(partuuid, &signature, &number))
		return write_dos(fd, size, signature, number, name, err);
	return err_set(err, ERR_UNSUPPORTED,
		       "PARTUUID=%.40s is neither of a GPT nor of a DOS table", partuuid);
}
