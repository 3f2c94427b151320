// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/fsid.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "base/crc.h"

#define PIECE_MAX 32768U /* the largest sector of xfs */
#define HEAD_SIZE 8192U  /* in it is all but what has a place of its own */
#define UUID_RAW  16

/* A device that is being looked at. */
struct probe {
	int fd;
	uint64_t size;
	const char *name;
	struct bytes head;      /* the first HEAD_SIZE bytes, or less of a small device */
	uint8_t buf[PIECE_MAX]; /* of get() */
	uint8_t head_buf[HEAD_SIZE];
};

/* One kind of content: 1 it is this, 0 it is not, -1 with *err set. *ret is of zeros before, and after 0. */
typedef int (*probe_fn)(struct probe *p, struct fsid *ret, struct err *err);

/* Bytes of the device, valid until the next call; 1, 0 if they lie beyond its end, or -1. */
static int get(struct probe *p, uint64_t off, size_t len, struct bytes *ret, struct err *err)
{
	if (len > sizeof(p->buf) || off > p->size || len > p->size - off)
		return 0;
	if (io_pread_full(p->fd, p->buf, len, off, p->name, err))
		return -1;
	*ret = (struct bytes){p->buf, len};
	return 1;
}

/* Fields of blocks whose size was checked before. */
static uint8_t u8_at(struct bytes b, size_t off)
{
	return off < b.len ? b.data[off] : 0;
}

static uint16_t le16_at(struct bytes b, size_t off)
{
	uint16_t v = 0;

	return bytes_le16(b, off, &v) ? v : 0;
}

static uint32_t le32_at(struct bytes b, size_t off)
{
	uint32_t v = 0;

	return bytes_le32(b, off, &v) ? v : 0;
}

static uint64_t le64_at(struct bytes b, size_t off)
{
	uint64_t v = 0;

	return bytes_le64(b, off, &v) ? v : 0;
}

static uint16_t be16_at(struct bytes b, size_t off)
{
	return __builtin_bswap16(le16_at(b, off));
}

static uint32_t be32_at(struct bytes b, size_t off)
{
	return __builtin_bswap32(le32_at(b, off));
}

static uint64_t be64_at(struct bytes b, size_t off)
{
	return __builtin_bswap64(le64_at(b, off));
}

static bool has_text(struct bytes b, size_t off, const char *text, size_t len)
{
	return bytes_has(b, off, len) && memcmp(b.data + off, text, len) == 0;
}

static bool is_zero(struct bytes b, size_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (u8_at(b, off + i))
			return false;
	return true;
}

static void set_type(struct fsid *id, const char *type)
{
	snprintf(id->type, sizeof(id->type), "%s", type);
}

/* One of zeros is none. */
static void set_uuid(struct fsid *id, struct bytes b, size_t off)
{
	char *p = id->uuid;

	if (!bytes_has(b, off, UUID_RAW) || is_zero(b, off, UUID_RAW))
		return;
	for (size_t i = 0; i < UUID_RAW; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     b.data[off + i]);
}

/* Up to its NUL, without the blanks at its end; the bytes as they are. */
static void set_label(struct fsid *id, struct bytes b, size_t off, size_t max)
{
	size_t len = 0;

	if (max >= sizeof(id->label) || !bytes_has(b, off, max))
		return;
	while (len < max && b.data[off + len])
		len++;
	while (len && isspace(b.data[off + len - 1]))
		len--;
	memcpy(id->label, b.data + off, len);
	id->label[len] = '\0';
}

/* Does a file system of so many blocks fit on the device? */
static bool fits(const struct probe *p, uint64_t blocks, uint64_t block_size)
{
	uint64_t bytes;

	return blocks && num_mul(blocks, block_size, &bytes) && bytes <= p->size;
}

/* As crc32c with the usual inversions. */
static uint32_t crc32c(const void *data, size_t len)
{
	return ~crc_update(CRC_CASTAGNOLI, UINT32_MAX, data, len);
}

/* ---- what is no file system */

/*
 * MD, version 1 (struct mdp_superblock_1, include/uapi/linux/raid/md_p.h): at the end, the start or 4 KiB. Such a device
 * is a member even if its superblock is damaged: better no target than half of a mirror written to. It has no name
 * then.
 */
#define MD_MAGIC         UINT32_C(0xa92b4efc)
#define MD1_SIZE         256
#define MD1_CSUM         216
#define MD1_MAX_DEV      220 /* so many 16-bit roles follow at MD1_SIZE; the sum is over them, too */
#define MD1_SUPER_OFFSET 144 /* the sector it is at itself */

static bool md1_sum_is_right(struct bytes b)
{
	uint64_t max_dev = le32_at(b, MD1_MAX_DEV), len = MD1_SIZE + max_dev * 2, sum = 0;

	if (len > b.len)
		return false;
	for (uint64_t i = 0; i + 4 <= len; i += 4)
		sum += i == MD1_CSUM ? 0 : le32_at(b, i);
	if (len & 2)
		sum += le16_at(b, len - 2);
	return (uint32_t)((sum & UINT32_MAX) + (sum >> 32)) == le32_at(b, MD1_CSUM);
}

static int probe_md1_at(struct probe *p, uint64_t off, struct fsid *ret, struct err *err)
{
	struct bytes b;
	int r = get(p, off, NUM_MIN(4096, p->size - off), &b, err);

	if (r <= 0)
		return r;
	if (le32_at(b, 0) != MD_MAGIC || le32_at(b, 4) != 1 ||
	    le64_at(b, MD1_SUPER_OFFSET) != off / 512)
		return 0;
	set_type(ret, "linux_raid_member");
	if (md1_sum_is_right(b)) {
		set_uuid(ret, b, 16);
		set_label(ret, b, 32, 32);
	}
	return 1;
}

static int probe_md1(struct probe *p, struct fsid *ret, struct err *err)
{
	const uint64_t places[] = {
		p->size >= 8192 ? num_align_down(p->size - 8192, 4096) : 0, /* 1.0 */
		0,                                                          /* 1.1 */
		4096,                                                       /* 1.2 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int r = places[i] < p->size ? probe_md1_at(p, places[i], ret, err) : 0;

		if (r)
			return r;
	}
	return 0;
}

/* MD, version 0.90 (mdp_super_t): in the last whole 64 KiB but one, in the byte order of its machine. */
#define MD0_RESERVED 65536
#define MD0_SIZE     4096
#define MD0_CSUM     152

static bool md0_sum_is_right(struct bytes b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < MD0_SIZE; i += 4)
		sum += i == MD0_CSUM ? 0 : le32_at(b, i);
	return (uint32_t)((sum & UINT32_MAX) + (sum >> 32)) == le32_at(b, MD0_CSUM);
}

static int probe_md0(struct probe *p, struct fsid *ret, struct err *err)
{
	static const size_t at[] = {20, 52, 56, 60}; /* set_uuid0 … set_uuid3 */
	uint64_t end = num_align_down(p->size, MD0_RESERVED);
	uint8_t uuid[UUID_RAW];
	struct bytes b;
	int r = end ? get(p, end - MD0_RESERVED, MD0_SIZE, &b, err) : 0;

	if (r <= 0)
		return r;
	if (le32_at(b, 0) != MD_MAGIC && be32_at(b, 0) != MD_MAGIC)
		return 0;
	if (le32_at(b, 4) != 0)
		return 0;
	set_type(ret, "linux_raid_member");
	if (le32_at(b, 0) != MD_MAGIC || le32_at(b, 8) < 90 || !md0_sum_is_right(b))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		bytes_put_le32(uuid + i * 4, be32_at(b, at[i])); /* as mdadm prints its words */
	set_uuid(ret, (struct bytes){uuid, sizeof(uuid)}, 0);
	return 1;
}

/* LVM2 (lib/format_text/layout.h of LVM2): a label in one of the first four sectors, its CRC, and the UUID in it. */
#define LVM_CRC_START   UINT32_C(0xf597a6cf)
#define LVM_CRC_FROM    20
#define LVM_UUID_LEN    32
#define LVM_SECTOR_SIZE 512

static void set_lvm_uuid(struct fsid *ret, struct bytes sector, size_t off)
{
	char *p = ret->uuid;

	if (!bytes_has(sector, off, LVM_UUID_LEN))
		return;
	for (size_t i = 0; i < LVM_UUID_LEN; i++)
		if (!isalnum(sector.data[off + i]))
			return;
	for (size_t i = 0; i < LVM_UUID_LEN; i++)
		p += sprintf(p, "%s%c", i == 6 || (i > 6 && i < 30 && (i - 6) % 4 == 0) ? "-" : "",
			     sector.data[off + i]);
}

static int probe_lvm(struct probe *p, struct fsid *ret, struct err *err)
{
	struct bytes b;

	(void)err;
	for (uint64_t i = 0; i < 4 && bytes_sub(p->head, i * LVM_SECTOR_SIZE, LVM_SECTOR_SIZE, &b);
	     i++) {
		if (!has_text(b, 0, "LABELONE", 8) || !has_text(b, 24, "LVM2 001", 8))
			continue;
		set_type(ret, "LVM2_member");
		if (le64_at(b, 8) == i &&
		    le32_at(b, 16) == crc_update(CRC_IEEE, LVM_CRC_START, b.data + LVM_CRC_FROM,
						 b.len - LVM_CRC_FROM))
			set_lvm_uuid(ret, b, le32_at(b, 20));
		return 1;
	}
	return 0;
}

static int probe_luks(struct probe *p, struct fsid *ret, struct err *err)
{
	struct bytes b = p->head;
	uint16_t version = be16_at(b, 6);

	(void)err;
	if (!has_text(b, 0, "LUKS\xba\xbe", 6) || (version != 1 && version != 2))
		return 0;
	set_type(ret, "crypto_LUKS");
	for (size_t i = 0; i < 36 && isgraph(u8_at(b, 168 + i)); i++)
		ret->uuid[i] = (char)u8_at(b, 168 + i);
	if (version == 2)
		set_label(ret, b, 24, 48);
	return 1;
}

/* Its signature is at the end of a page, whose size is that of the machine that made it; suspended ones are the same to us. */
static int probe_swap(struct probe *p, struct fsid *ret, struct err *err)
{
	static const char signatures[][11] = {"SWAPSPACE2",  "SWAP-SPACE",  "S1SUSPEND\0",
					      "S2SUSPEND\0", "ULSUSPEND\0", "LINHIB0001"};

	for (uint64_t page = 4096; page <= 65536; page *= 2) {
		struct bytes b;
		int r = get(p, page - 10, 10, &b, err);

		if (r <= 0)
			return r;
		for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
			if (memcmp(b.data, signatures[i], i < 2 || i == 5 ? 10 : 9) != 0)
				continue;
			if (i == 0 && (le32_at(p->head, 1024) != 1 || !le32_at(p->head, 1028)))
				continue;
			set_type(ret, "swap");
			if (i == 1)
				return 1; /* the old kind has no more */
			set_uuid(ret, p->head, 1036);
			set_label(ret, p->head, 1052, 16);
			return 1;
		}
	}
	return 0;
}

/* ---- ext2, ext3, ext4: Documentation/filesystems/ext4/super.rst */

#define EXT_OFF  1024
#define EXT_SIZE 1024

enum {
	EXT_STATE_VALID = 0x1,
	EXT_STATE_ERROR = 0x2,
	EXT_COMPAT_JOURNAL = 0x4,
	EXT_INCOMPAT_RECOVER = 0x4,
	EXT_INCOMPAT_JOURNAL_DEV = 0x8,
	EXT_INCOMPAT_64BIT = 0x80,
	EXT_INCOMPAT_EXT3 = 0x2 | 0x4 | 0x10, /* filetype, recover, meta_bg */
	EXT_RO_EXT3 = 0x1 | 0x2 | 0x4,        /* sparse_super, large_file, btree_dir */
	EXT_RO_CSUM = 0x400,
	EXT_RO_ORPHANS = 0x10000,
	/* snapshot, replica, read-only, shared blocks: no kernel writes to them */
	EXT_RO_NEVER_WRITTEN = 0x80 | 0x800 | 0x1000 | 0x4000,
};

static bool ext_is_plausible(const struct probe *p, struct bytes b)
{
	uint32_t log_size = le32_at(b, 0x18);
	uint64_t blocks = le32_at(b, 0x4);

	if (le16_at(b, 0x38) != 0xef53 || log_size > 6 || !le32_at(b, 0) || !le32_at(b, 0x20) ||
	    !le32_at(b, 0x28) || le16_at(b, 0x5a) != 0) /* a copy in another block group */
		return false;
	if (le32_at(b, 0x60) & EXT_INCOMPAT_64BIT)
		blocks |= (uint64_t)le32_at(b, 0x150) << 32;
	if (!fits(p, blocks, UINT64_C(1024) << log_size))
		return false;
	return !(le32_at(b, 0x64) & EXT_RO_CSUM) || ~crc32c(b.data, 0x3fc) == le32_at(b, 0x3fc);
}

static int probe_ext(struct probe *p, struct fsid *ret, struct err *err)
{
	uint32_t compat, incompat, ro;
	uint16_t state;
	struct bytes b;

	(void)err;
	if (!bytes_sub(p->head, EXT_OFF, EXT_SIZE, &b) || !ext_is_plausible(p, b))
		return 0;
	compat = le32_at(b, 0x5c);
	incompat = le32_at(b, 0x60);
	ro = le32_at(b, 0x64);
	state = le16_at(b, 0x3a);
	if (incompat & EXT_INCOMPAT_JOURNAL_DEV)
		return 0;
	if (incompat & ~EXT_INCOMPAT_EXT3 || ro & ~EXT_RO_EXT3)
		set_type(ret, "ext4");
	else
		set_type(ret, compat & EXT_COMPAT_JOURNAL ? "ext3" : "ext2");
	set_uuid(ret, b, 0x68);
	set_label(ret, b, 0x78, 16);
	ret->dirty = incompat & EXT_INCOMPAT_RECOVER || ro & EXT_RO_ORPHANS ||
		     !(state & EXT_STATE_VALID) || state & EXT_STATE_ERROR;
	ret->read_only = ro & EXT_RO_NEVER_WRITTEN;
	return 1;
}

/* ---- xfs: fs/xfs/libxfs/xfs_format.h, struct xfs_dsb; big endian but for its CRC */

#define XFS_CRC                  224
#define XFS_INCOMPAT_NEEDSREPAIR 0x10

static bool xfs_is_log(uint32_t value, uint8_t log, uint32_t min, uint32_t max)
{
	return value >= min && value <= max && log < 32 && value == UINT32_C(1) << log;
}

static bool xfs_is_plausible(const struct probe *p, struct bytes b)
{
	uint16_t version = be16_at(b, 100) & 0xf;
	uint32_t agblocks = be32_at(b, 84), agcount = be32_at(b, 88);
	uint64_t blocks = be64_at(b, 8);

	return has_text(b, 0, "XFSB", 4) && (version == 4 || version == 5) &&
	       xfs_is_log(be32_at(b, 4), u8_at(b, 120), 512, 65536) &&
	       xfs_is_log(be16_at(b, 102), u8_at(b, 121), 512, PIECE_MAX) &&
	       xfs_is_log(be16_at(b, 104), u8_at(b, 122), 256, 2048) &&
	       u8_at(b, 126) == 0 && /* in progress: mkfs has not ended */
	       agblocks && agcount && blocks <= (uint64_t)agblocks * agcount &&
	       blocks > (uint64_t)agblocks * (agcount - 1) && fits(p, blocks, be32_at(b, 4));
}

static int probe_xfs(struct probe *p, struct fsid *ret, struct err *err)
{
	static const uint8_t zeros[4];
	struct bytes b = p->head;
	uint32_t crc;
	int r;

	if (!xfs_is_plausible(p, b))
		return 0;
	if ((be16_at(b, 100) & 0xf) == 5) {
		/* the sum is over a sector, which may be more than is here */
		r = get(p, 0, be16_at(b, 102), &b, err);
		if (r <= 0)
			return r;
		crc = crc_update(CRC_CASTAGNOLI, UINT32_MAX, b.data, XFS_CRC);
		crc = crc_update(CRC_CASTAGNOLI, crc, zeros, sizeof(zeros));
		crc = ~crc_update(CRC_CASTAGNOLI, crc, b.data + XFS_CRC + 4, b.len - XFS_CRC - 4);
		if (crc != le32_at(b, XFS_CRC))
			return 0;
		ret->read_only = be32_at(b, 216) & XFS_INCOMPAT_NEEDSREPAIR;
		ret->dirty = ret->read_only || be32_at(b, 220); /* items in the log */
	}
	set_type(ret, "xfs");
	set_uuid(ret, b, 32);
	set_label(ret, b, 108, 12);
	return 1;
}

/* ---- btrfs: include/uapi/linux/btrfs_tree.h, struct btrfs_super_block */

#define BTRFS_OFF      65536
#define BTRFS_SIZE     4096
#define BTRFS_DEV_ITEM 0xc9

enum {
	BTRFS_CSUM_CRC32C = 0,
	BTRFS_CSUM_SHA256 = 2,
	BTRFS_CSUM_MAX = 3, /* xxhash64 is 1, blake2b is 3 */
};

#define BTRFS_INCOMPAT_METADATA_UUID (UINT64_C(1) << 10)
/* a seed, and the two kinds of a copy of metadata only */
#define BTRFS_FLAGS_NOT_WRITTEN (UINT64_C(7) << 32)

/*
 * xxhash and blake2 are not worth their code here: the kernel checks them when it mounts. The identifier, there a
 * second time, has to do.
 */
static bool btrfs_sum_is_right(struct bytes b)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	switch (le16_at(b, 0xc4)) {
	case BTRFS_CSUM_CRC32C:
		return crc32c(b.data + 32, b.len - 32) == le32_at(b, 0);
	case BTRFS_CSUM_SHA256:
		sha256_init(&sha);
		sha256_update(&sha, b.data + 32, b.len - 32);
		sha256_final(&sha, digest);
		return memcmp(digest, b.data, sizeof(digest)) == 0;
	default:
		return le16_at(b, 0xc4) <= BTRFS_CSUM_MAX && !is_zero(b, 0, 8);
	}
}

static bool btrfs_is_plausible(const struct probe *p, struct bytes b)
{
	uint32_t sector = le32_at(b, 0x90), node = le32_at(b, 0x94);
	size_t fsid = le64_at(b, 0xbc) & BTRFS_INCOMPAT_METADATA_UUID ? 0x23b : 0x20;

	return has_text(b, 0x40, "_BHRfS_M", 8) && le64_at(b, 0x30) == BTRFS_OFF &&
	       num_is_pow2(sector) && sector >= 512 && sector <= 65536 && num_is_pow2(node) &&
	       node >= sector && node <= 65536 && le64_at(b, 0x88) &&
	       le64_at(b, BTRFS_DEV_ITEM + 8) <= p->size &&
	       memcmp(b.data + fsid, b.data + BTRFS_DEV_ITEM + 82, UUID_RAW) == 0 &&
	       btrfs_sum_is_right(b);
}

static int probe_btrfs(struct probe *p, struct fsid *ret, struct err *err)
{
	struct bytes b;
	int r = get(p, BTRFS_OFF, BTRFS_SIZE, &b, err);

	if (r <= 0 || !btrfs_is_plausible(p, b))
		return r < 0 ? r : 0;
	set_type(ret, "btrfs");
	set_uuid(ret, b, 0x20);
	set_label(ret, b, 0x12b, 256);
	ret->dirty = le64_at(b, 0x60); /* a log tree */
	ret->read_only = le64_at(b, 0x38) & BTRFS_FLAGS_NOT_WRITTEN;
	ret->n_devices = le64_at(b, 0x88);
	return 1;
}

/* ---- vfat: Documentation/filesystems/vfat.rst, include/uapi/linux/msdos_fs.h. It has no checksum. */

#define FAT_ENTRY        32
#define FAT_MAX_CLUSTERS 128 /* of the root folder that are searched for the label … */
#define FAT_MAX_SEARCH \
	(1U << 20) /* … and bytes; it is its first entry but where someone came to it late */
#define FAT16_CLUSTERS 0xfff4
#define FAT32_CLUSTERS 0x0ffffff6

struct fat {
	uint32_t sector, cluster;      /* bytes */
	uint64_t fat_off, fat_bytes;   /* of the first table */
	uint64_t root_off, root_bytes; /* FAT12 and 16: the root folder */
	uint64_t data_off;
	uint32_t n_clusters;
	bool fat32;
};

/* The geometry; false if no kernel would take it. */
static bool fat_read_geometry(const struct probe *p, struct bytes b, struct fat *ret)
{
	uint32_t sector = le16_at(b, 11), per_cluster = u8_at(b, 13), reserved = le16_at(b, 14);
	uint32_t fats = u8_at(b, 16), entries = le16_at(b, 17), media = u8_at(b, 21);
	uint64_t sectors = le16_at(b, 19) ? le16_at(b, 19) : le32_at(b, 32);
	uint64_t length = le16_at(b, 22) ? le16_at(b, 22) : le32_at(b, 36);
	uint64_t root, data, clusters;
	bool fat32 = !le16_at(b, 22);

	if (!num_is_pow2(sector) || sector < 512 || sector > 4096 || !num_is_pow2(per_cluster) ||
	    !reserved || !fats || fats > 4 || !length || (media < 0xf8 && media != 0xf0) ||
	    !fits(p, sectors, sector) || (!fat32 && !entries))
		return false;
	root = num_div_up((uint64_t)entries * FAT_ENTRY, sector);
	data = reserved + fats * length + root;
	if (data >= sectors)
		return false;
	clusters = (sectors - data) / per_cluster;
	if (!clusters || clusters > (fat32 ? FAT32_CLUSTERS : FAT16_CLUSTERS))
		return false;
	*ret = (struct fat){
		.sector = sector,
		.cluster = sector * per_cluster,
		.fat_off = (uint64_t)reserved * sector,
		.fat_bytes = length * sector,
		.root_off = (reserved + fats * length) * sector,
		.root_bytes = (uint64_t)entries * FAT_ENTRY,
		.data_off = data * sector,
		.n_clusters = (uint32_t)clusters,
		.fat32 = fat32,
	};
	return true;
}

/* The boot sector has a signature of some kind: its code, or the name of the type where it belongs. */
static bool fat_is_signed(struct bytes b, bool fat32)
{
	size_t name = fat32 ? 82 : 54;

	return le16_at(b, 510) == 0xaa55 || u8_at(b, 0) == 0xeb || u8_at(b, 0) == 0xe9 ||
	       has_text(b, name, "FAT", 3) || has_text(b, name, "MSDOS", 5);
}

/* 1: the label's entry was found, 2: the folder ends, 0: it goes on, -1 */
static int fat_search(struct probe *p, uint64_t off, uint64_t len, struct fsid *ret,
		      struct err *err)
{
	for (uint64_t at = 0, n; at < len; at += n) {
		struct bytes b;
		int r;

		n = NUM_MIN(len - at, PIECE_MAX);
		r = get(p, off + at, n, &b, err);
		if (r <= 0)
			return r < 0 ? r : 2;
		for (size_t i = 0; i + FAT_ENTRY <= n; i += FAT_ENTRY) {
			uint8_t first = b.data[i], attributes = b.data[i + 11];

			if (!first)
				return 2;
			/* a label, and no part of a long name; it has no content */
			if (first == 0xe5 || (attributes & 0x3f) == 0x0f ||
			    (attributes & 0x18) != 0x08 || le16_at(b, i + 20) || le16_at(b, i + 26))
				continue;
			set_label(ret, b, i, 11);
			if (first == 0x05)
				ret->label[0] = (char)0xe5;
			return 1;
		}
	}
	return 0;
}

/* The label is a file of the root folder; the one in the boot sector is not kept up by anyone. */
static int fat_read_label(struct probe *p, const struct fat *f, struct fsid *ret, struct err *err)
{
	uint32_t cluster = le32_at(p->head, 44);

	if (!f->fat32)
		return fat_search(p, f->root_off, f->root_bytes, ret, err);
	for (uint64_t i = 0; i < FAT_MAX_CLUSTERS && i * f->cluster < FAT_MAX_SEARCH; i++) {
		struct bytes b;
		int r;

		if (cluster < 2 || cluster - 2 >= f->n_clusters ||
		    (uint64_t)cluster * 4 + 4 > f->fat_bytes)
			return 0;
		r = fat_search(p, f->data_off + (uint64_t)(cluster - 2) * f->cluster, f->cluster,
			       ret, err);
		if (r)
			return r;
		r = get(p, f->fat_off + (uint64_t)cluster * 4, 4, &b, err);
		if (r <= 0)
			return r;
		cluster = le32_at(b, 0) & 0x0fffffff;
	}
	return 0;
}

static int probe_vfat(struct probe *p, struct fsid *ret, struct err *err)
{
	struct bytes b = p->head;
	struct err ignored = {0};
	struct fat f;
	size_t serial;

	(void)err;
	if (!bytes_has(b, 0, 512) || !fat_read_geometry(p, b, &f) || !fat_is_signed(b, f.fat32))
		return 0;
	set_type(ret, "vfat");
	serial = f.fat32 ? 67 : 39;
	ret->dirty = u8_at(b, f.fat32 ? 65 : 37) & 1;
	if ((f.fat32 || (u8_at(b, 38) & 0xfe) == 0x28) && le32_at(b, serial))
		snprintf(ret->uuid, sizeof(ret->uuid), "%04X-%04X", le16_at(b, serial + 2),
			 le16_at(b, serial));
	if (fat_read_label(p, &f, ret, &ignored) < 0)
		ret->label[0] = '\0'; /* it has its identifier nevertheless */
	return 1;
}

/* ---- all of them */

/* In their order: a member of something greater first, since what it holds may show through. */
static const probe_fn members[] = {probe_md0, probe_md1, probe_lvm, probe_luks};
static const probe_fn systems[] = {probe_ext, probe_xfs, probe_btrfs, probe_swap};

static int probe_all(struct probe *p, struct fsid *ret, struct err *err)
{
	struct err unreadable = {0};
	int n = 0, r;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		r = members[i](p, ret, err);
		if (r)
			return r < 0 ? err->code : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++) {
		struct fsid one = {.n_devices = 1};
		struct err e = {0};

		r = systems[i](p, &one, &e);
		if (r > 0 && n++ == 0)
			*ret = one;
		else if (r < 0 && !unreadable.code)
			unreadable = e;
	}
	if (n > 1)
		*ret = (struct fsid){.n_devices = 1}; /* which one is older? */
	if (n)
		return 0; /* a bad sector where another kind would have been is no matter */
	if (unreadable.code) {
		*err = unreadable;
		return err->code;
	}
	return probe_vfat(p, ret, err) < 0 ? err->code : 0;
}

int fsid_read(int fd, uint64_t size, const char *name, struct fsid *ret, struct err *err)
{
	_cleanup_free_ struct probe *p = malloc(sizeof(*p));
	struct fsid found = {.n_devices = 1};
	size_t len = NUM_MIN(size, HEAD_SIZE);

	if (!p)
		return err_nomem(err, sizeof(*p), "looking at a device");
	p->fd = fd;
	p->size = size;
	p->name = name;
	p->head = (struct bytes){p->head_buf, len};
	if (io_pread_full(fd, p->head_buf, len, 0, name, err) || probe_all(p, &found, err))
		return err->code;
	*ret = found;
	return 0;
}

bool fsid_is_file_system(const struct fsid *id)
{
	static const char *const types[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(id->type, types[i]) == 0)
			return true;
	return false;
}
