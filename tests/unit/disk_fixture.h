/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that stand for disks: superblocks and partition tables by their fields, with right checksums. What real tools
 * write is compared in tests/system/fsid.py.
 */
#ifndef TESTS_UNIT_DISK_FIXTURE_H
#define TESTS_UNIT_DISK_FIXTURE_H

#include "base/crc.h"
#include "tests/unit/capture_fixture.h"

#define DISK_SIZE (1U << 20)
#define PUT(p, value)                                 \
	do {                                          \
		__typeof__(value) value_ = (value);   \
                                                      \
		memcpy((p), &value_, sizeof(value_)); \
	} while (0)

static __attribute__((unused)) void disk_make(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static __attribute__((noinline, unused)) void disk_put(const char *path, uint64_t off,
						       const void *data, size_t len)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)off), len);
	close(fd);
}

/* Another value of one byte. */
static __attribute__((noinline, unused)) void disk_flip(const char *path, uint64_t off)
{
	int fd = open(path, O_RDWR);
	uint8_t b;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &b, 1, (off_t)off), 1);
	b ^= 0xff;
	assert_int_equal(pwrite(fd, &b, 1, (off_t)off), 1);
	close(fd);
}

static inline void put_uuid(uint8_t *p, uint8_t first)
{
	for (uint8_t i = 0; i < 16; i++)
		p[i] = (uint8_t)(first + i);
}

static inline uint32_t disk_crc32c(const void *data, size_t len)
{
	return ~crc_update(CRC_CASTAGNOLI, UINT32_MAX, data, len);
}

static inline uint32_t disk_crc32(const void *data, size_t len)
{
	return ~crc_update(CRC_IEEE, UINT32_MAX, data, len);
}

/* ---- ext4: what a test changes before the checksum is made */

struct ext {
	uint64_t size;
	uint32_t compat, incompat, ro;
	uint16_t state;
	const char *label;
};

static const struct ext ext4 __attribute__((unused)) = {.size = DISK_SIZE,
							.compat = 0x4,
							.incompat = 0x42,
							.ro = 0x401,
							.state = 1,
							.label = "root"};

static __attribute__((noinline, unused)) void put_ext(const char *path, struct ext e, uint8_t first)
{
	uint8_t b[1024] = {0};

	PUT(b, UINT32_C(64));
	PUT(b + 4, (uint32_t)(e.size / 1024));
	PUT(b + 0x20, UINT32_C(8192));
	PUT(b + 0x28, UINT32_C(64));
	PUT(b + 0x38, (uint16_t)0xef53);
	PUT(b + 0x3a, e.state);
	PUT(b + 0x5c, e.compat);
	PUT(b + 0x60, e.incompat);
	PUT(b + 0x64, e.ro);
	put_uuid(b + 0x68, first);
	memcpy(b + 0x78, e.label, strlen(e.label));
	b[0x175] = 1;
	PUT(b + 0x3fc, ~disk_crc32c(b, 0x3fc));
	disk_put(path, 1024, b, sizeof(b));
}

/* ---- xfs, version 5, sectors of 512 bytes; fields are big endian */

#define PUT_BE16(p, v) PUT(p, htobe16(v))
#define PUT_BE32(p, v) PUT(p, htobe32(v))
#define PUT_BE64(p, v) PUT(p, htobe64(v))

static __attribute__((noinline, unused)) void put_xfs(const char *path, uint64_t size,
						      uint32_t incompat, uint8_t first)
{
	uint8_t b[512] = "XFSB";

	PUT_BE32(b + 4, 4096);
	PUT_BE64(b + 8, size / 4096);
	put_uuid(b + 32, first);
	PUT_BE32(b + 84, (uint32_t)(size / 4096));
	PUT_BE32(b + 88, 1);
	PUT_BE16(b + 100, 0xb4a5);
	PUT_BE16(b + 102, 512);
	PUT_BE16(b + 104, 512);
	memcpy(b + 108, "xlabel", 6);
	b[120] = 12;
	b[121] = 9;
	b[122] = 9;
	PUT_BE32(b + 216, incompat);
	PUT(b + 224, disk_crc32c(b, sizeof(b)));
	disk_put(path, 0, b, sizeof(b));
}

/* ---- btrfs */

struct btrfs {
	uint64_t size, flags, log_root, n_devices;
};

static __attribute__((noinline, unused)) void put_btrfs(const char *path, struct btrfs f,
							uint8_t first)
{
	uint8_t b[4096] = {0};

	put_uuid(b + 0x20, first);
	PUT(b + 0x30, UINT64_C(65536));
	PUT(b + 0x38, f.flags);
	memcpy(b + 0x40, "_BHRfS_M", 8);
	PUT(b + 0x60, f.log_root);
	PUT(b + 0x88, f.n_devices);
	PUT(b + 0x90, UINT32_C(4096));
	PUT(b + 0x94, UINT32_C(16384));
	PUT(b + 0xc9 + 8, f.size);
	put_uuid(b + 0xc9 + 82, first);
	memcpy(b + 0x12b, "blabel", 6);
	PUT(b, disk_crc32c(b + 32, sizeof(b) - 32));
	disk_put(path, 65536, b, sizeof(b));
}

/* ---- vfat: FAT16 with one sector per cluster, or FAT32 */

static __attribute__((noinline, unused)) void put_fat(const char *path, uint64_t size, bool fat32,
						      uint32_t serial, const char *label)
{
	uint32_t length =
		fat32 ? (uint32_t)(size / 512 / 128 + 1) : (uint32_t)(size / 512 / 256 + 1);
	uint32_t root = (1 + length) * 512;
	uint8_t b[512] = {0xeb, 0x3c, 0x90}, entry[32] = {0};

	PUT(b + 11, (uint16_t)512);
	b[13] = 1;
	PUT(b + 14, (uint16_t)1);
	b[16] = 1;
	b[21] = 0xf8;
	PUT(b + 32, (uint32_t)(size / 512));
	if (fat32) {
		PUT(b + 36, length);
		PUT(b + 44, UINT32_C(3));
		PUT(b + 67, serial);
		root += 512; /* cluster 3 is the second one */
	} else {
		PUT(b + 17, (uint16_t)512);
		PUT(b + 22, (uint16_t)length);
		b[38] = 0x29;
		PUT(b + 39, serial);
	}
	PUT(b + 510, (uint16_t)0xaa55);
	disk_put(path, 0, b, sizeof(b));
	memset(entry, ' ', 11);
	memcpy(entry, label, strlen(label));
	entry[11] = 0x08;
	disk_put(path, root, entry, sizeof(entry));
}

/* ---- what is no file system */

static __attribute__((noinline, unused)) void put_md1(const char *path, uint64_t off, uint8_t first)
{
	uint8_t b[256 + 4] = {0};
	uint64_t sum = 0;

	PUT(b, UINT32_C(0xa92b4efc));
	PUT(b + 4, UINT32_C(1));
	put_uuid(b + 16, first);
	memcpy(b + 32, "host:0", 6);
	PUT(b + 144, off / 512);
	PUT(b + 220, UINT32_C(1)); /* one role of two bytes */
	b[256] = 7;
	for (size_t i = 0; i < 256; i += 4)
		sum += b[i] | b[i + 1] << 8 | b[i + 2] << 16 | (uint32_t)b[i + 3] << 24;
	sum += 7;
	PUT(b + 216, (uint32_t)(sum + (sum >> 32)));
	disk_put(path, off, b, sizeof(b));
}

static __attribute__((noinline, unused)) void put_md0(const char *path, uint64_t size,
						      uint8_t first)
{
	uint32_t w[1024] = {0};
	uint64_t sum = 0;
	uint8_t uuid[16];

	put_uuid(uuid, first);
	w[0] = 0xa92b4efc;
	w[2] = 90;
	memcpy(&w[5], uuid, 4);
	memcpy(&w[13], uuid + 4, 12);
	w[5] = htobe32(w[5]);
	for (size_t i = 13; i < 16; i++)
		w[i] = htobe32(w[i]);
	for (size_t i = 0; i < 1024; i++)
		sum += w[i];
	w[38] = (uint32_t)(sum + (sum >> 32));
	disk_put(path, (size & ~UINT64_C(65535)) - 65536, w, sizeof(w));
}

static __attribute__((noinline, unused)) void put_lvm(const char *path, uint64_t sector)
{
	uint8_t b[512] = "LABELONE";

	PUT(b + 8, sector);
	PUT(b + 20, UINT32_C(32));
	memcpy(b + 24, "LVM2 001", 8);
	memcpy(b + 32, "abcdefGHIJ0123KLMN4567OPQR89stuv", 32);
	PUT(b + 16, crc_update(CRC_IEEE, UINT32_C(0xf597a6cf), b + 20, sizeof(b) - 20));
	disk_put(path, sector * 512, b, sizeof(b));
}

static __attribute__((noinline, unused)) void put_swap(const char *path, uint64_t page,
						       uint8_t first)
{
	uint8_t b[64] = {0};

	PUT(b, UINT32_C(1));
	PUT(b + 4, UINT32_C(100));
	put_uuid(b + 12, first);
	memcpy(b + 28, "swaplabel", 9);
	disk_put(path, 1024, b, sizeof(b));
	disk_put(path, page - 10, "SWAPSPACE2", 10);
}

/* ---- partition tables: sectors of `sector` bytes; partition i has the UUID of first byte 0x10 * i */

struct table_part {
	uint32_t first, last; /* sectors; 0: unused */
	const char *label;    /* GPT: ASCII */
	uint8_t type;         /* DOS */
};

static __attribute__((noinline, unused)) void put_dos(const char *path, uint32_t signature,
						      const struct table_part parts[4])
{
	uint8_t b[512] = {0};

	PUT(b + 440, signature);
	for (size_t i = 0; i < 4; i++) {
		uint8_t *e = b + 446 + 16 * i;

		if (!parts[i].first)
			continue;
		e[4] = parts[i].type;
		PUT(e + 8, parts[i].first);
		PUT(e + 12, parts[i].last - parts[i].first + 1);
	}
	PUT(b + 510, (uint16_t)0xaa55);
	disk_put(path, 0, b, sizeof(b));
}

#define GPT_TEST_ENTRIES 8

static inline void put_gpt_header(const char *path, uint32_t sector, uint64_t sectors, uint64_t lba,
				  uint64_t entries_lba, const uint8_t *entries, size_t len)
{
	uint8_t b[92] = "EFI PART";

	PUT(b + 8, UINT32_C(0x10000));
	PUT(b + 12, UINT32_C(92));
	PUT(b + 24, lba);
	PUT(b + 32, lba == 1 ? sectors - 1 : UINT64_C(1));
	PUT(b + 40, UINT64_C(6));
	PUT(b + 48, sectors - 6);
	PUT(b + 72, entries_lba);
	PUT(b + 80, (uint32_t)GPT_TEST_ENTRIES);
	PUT(b + 84, UINT32_C(128));
	PUT(b + 88, disk_crc32(entries, len));
	PUT(b + 16, disk_crc32(b, sizeof(b)));
	disk_put(path, lba * sector, b, sizeof(b));
	disk_put(path, entries_lba * sector, entries, len);
}

static __attribute__((noinline, unused)) void
put_gpt(const char *path, uint64_t size, uint32_t sector, const struct table_part *parts, size_t n)
{
	static const struct table_part protective[4] = {{.first = 1, .last = 100, .type = 0xee}};
	uint8_t entries[GPT_TEST_ENTRIES * 128] = {0};

	put_dos(path, 0, protective);
	for (size_t i = 0; i < n; i++) {
		uint8_t *e = entries + 128 * i;

		if (!parts[i].first)
			continue;
		e[0] = 1;
		put_uuid(e + 16, (uint8_t)(0x10 * (i + 1)));
		PUT(e + 32, (uint64_t)parts[i].first);
		PUT(e + 40, (uint64_t)parts[i].last);
		for (size_t c = 0; parts[i].label && parts[i].label[c]; c++)
			e[56 + 2 * c] = (uint8_t)parts[i].label[c];
	}
	put_gpt_header(path, sector, size / sector, 1, 2, entries, sizeof(entries));
	put_gpt_header(path, sector, size / sector, size / sector - 1, size / sector - 5, entries,
		       sizeof(entries));
}

/* put_uuid(…, 0x10) as text, plain and as a GUID */
#define UUID_10 "10111213-1415-1617-1819-1a1b1c1d1e1f"
#define UUID_AB "abacadae-afb0-b1b2-b3b4-b5b6b7b8b9ba"
#define GUID_10 "13121110-1514-1716-1819-1a1b1c1d1e1f"
#define GUID_20 "23222120-2524-2726-2829-2a2b2c2d2e2f"

#endif
