// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/partition.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"
#include "base/crc.h"

#define SECTOR_MAX 65536U

/* ---- DOS: the first sector; its fields are at no even places, so they are read by bytes.h as everything */

#define DOS_SIGNATURE 440 /* of the disk */
#define DOS_ENTRIES   446
#define DOS_ENTRY     16
#define DOS_PRIMARIES 4
#define DOS_SIZE      512
#define DOS_GPT       0xee

struct dos_entry {
	uint8_t type;
	uint64_t start, size; /* in bytes */
};

struct disk {
	int fd;
	uint64_t size;
	uint32_t sector;
	const char *name;
	struct bytes mbr;
	uint8_t mbr_data[DOS_SIZE];
};

static struct dos_entry dos_entry_get(const struct disk *d, unsigned int i)
{
	struct dos_entry e = {0};
	uint32_t start = 0, size = 0;
	bool there = bytes_u8(d->mbr, DOS_ENTRIES + i * DOS_ENTRY + 4, &e.type) &&
		     bytes_le32(d->mbr, DOS_ENTRIES + i * DOS_ENTRY + 8, &start) &&
		     bytes_le32(d->mbr, DOS_ENTRIES + i * DOS_ENTRY + 12, &size);

	if (!there)
		return (struct dos_entry){0};
	e.start = (uint64_t)start * d->sector;
	e.size = (uint64_t)size * d->sector;
	return e;
}

static bool is_extended(const struct dos_entry *e)
{
	return e->type == 0x05 || e->type == 0x0f || e->type == 0x85;
}

/*
 * A logical partition has its number from the chain in the extended one, which the kernel has walked: here it is
 * enough that it lies in there.
 */
static bool dos_has(const struct disk *d, const struct partition *p)
{
	for (unsigned int i = 0; i < DOS_PRIMARIES; i++) {
		struct dos_entry e = dos_entry_get(d, i);

		if (!e.type || !e.size)
			continue;
		if (p->number <= DOS_PRIMARIES
			    ? p->number == i + 1 && p->start == e.start
			    : is_extended(&e) && p->start > e.start && p->start - e.start < e.size)
			return true;
	}
	return false;
}

static int dos_read(const struct disk *d, struct partition *p, struct err *err)
{
	uint32_t signature;

	if (!dos_has(d, p))
		return err_set(err, ERR_CORRUPT,
			       "%s: partition %u at 0x%" PRIx64 " is not in the DOS table", d->name,
			       p->number, p->start);
	if (bytes_le32(d->mbr, DOS_SIGNATURE, &signature) && signature)
		snprintf(p->uuid, sizeof(p->uuid), "%08x-%02x", signature, p->number);
	return 0;
}

/* ---- GPT */

#define GPT_HEADER     92
#define GPT_HEADER_CRC 16
#define GPT_ENTRY_MIN  128
#define GPT_ENTRY_MAX  4096
#define GPT_TABLE_MAX  (1U << 20)
#define GPT_NAME_UNITS 36
#define GUID_SIZE      16

struct gpt {
	uint64_t entries; /* offset in bytes */
	uint32_t n, entry_size;
	uint32_t crc; /* of the entries */
};

static bool gpt_header_sum_is_right(struct bytes b, uint32_t header_size)
{
	static const uint8_t zeros[4];
	uint32_t want, crc = UINT32_MAX;

	crc = crc_update(CRC_IEEE, crc, b.data, GPT_HEADER_CRC);
	crc = crc_update(CRC_IEEE, crc, zeros, sizeof(zeros));
	crc = crc_update(CRC_IEEE, crc, b.data + GPT_HEADER_CRC + 4,
			 header_size - GPT_HEADER_CRC - 4);
	return bytes_le32(b, GPT_HEADER_CRC, &want) && ~crc == want;
}

/* The header's fields from a sector; false unless all of them may be used. */
static bool gpt_decode(const struct disk *d, struct bytes b, uint64_t lba, struct gpt *ret)
{
	uint64_t sectors = d->size / d->sector, my_lba, first, last;
	uint64_t entries_lba, end;
	uint32_t header_size;
	struct gpt g = {0};

	if (!bytes_has(b, 0, GPT_HEADER) || memcmp(b.data, "EFI PART", 8) != 0 ||
	    !bytes_le32(b, 12, &header_size) || header_size < GPT_HEADER || header_size > b.len ||
	    !gpt_header_sum_is_right(b, header_size) || !bytes_le64(b, 24, &my_lba) ||
	    my_lba != lba || !bytes_le64(b, 40, &first) || !bytes_le64(b, 48, &last) ||
	    !bytes_le64(b, 72, &entries_lba) || !bytes_le32(b, 80, &g.n) ||
	    !bytes_le32(b, 84, &g.entry_size) || !bytes_le32(b, 88, &g.crc))
		return false;
	if (first > last || last >= sectors || !num_is_pow2(g.entry_size) ||
	    g.entry_size < GPT_ENTRY_MIN || g.entry_size > GPT_ENTRY_MAX || !g.n ||
	    (uint64_t)g.n * g.entry_size > GPT_TABLE_MAX ||
	    !num_mul(entries_lba, (uint64_t)d->sector, &g.entries) ||
	    !num_add(g.entries, (uint64_t)g.n * g.entry_size, &end) || end > d->size)
		return false;
	*ret = g;
	return true;
}

/* The header at a sector, if it is good. An unreadable sector is none, and *err says so. */
static bool gpt_read_header(const struct disk *d, uint64_t lba, struct gpt *ret, struct err *err)
{
	_cleanup_free_ uint8_t *sector = malloc(d->sector);

	if (!sector) {
		err_nomem(err, d->sector, "a sector");
		return false;
	}
	if (lba >= d->size / d->sector) {
		err_set(err, ERR_CORRUPT, "%s: too small for a GPT", d->name);
		return false;
	}
	if (io_pread_full(d->fd, sector, d->sector, lba * d->sector, d->name, err))
		return false;
	if (gpt_decode(d, (struct bytes){sector, d->sector}, lba, ret))
		return true;
	err_set(err, ERR_CORRUPT, "%s: the GPT header in sector %" PRIu64 " is damaged", d->name,
		lba);
	return false;
}

/* One entry, after the sum over all of them; it is read in pieces because a table may have a megabyte. */
static bool gpt_read_entry(const struct disk *d, const struct gpt *g, uint32_t index,
			   uint8_t ret[GPT_ENTRY_MIN], struct err *err)
{
	uint64_t total = (uint64_t)g->n * g->entry_size, want = (uint64_t)index * g->entry_size;
	uint8_t piece[GPT_ENTRY_MAX];
	uint32_t crc = UINT32_MAX;

	for (uint64_t at = 0, n; at < total; at += n) {
		n = NUM_MIN(total - at, sizeof(piece));
		if (io_pread_full(d->fd, piece, n, g->entries + at, d->name, err))
			return false;
		crc = crc_update(CRC_IEEE, crc, piece, n);
		/* both are powers of two: an entry is in one piece */
		if (want >= at && want - at + GPT_ENTRY_MIN <= n)
			memcpy(ret, piece + (want - at), GPT_ENTRY_MIN);
	}
	if (~crc == g->crc)
		return true;
	err_set(err, ERR_CORRUPT, "%s: the GPT entries at 0x%" PRIx64 " do not match their CRC",
		d->name, g->entries);
	return false;
}

/* The first three groups of a GUID are little-endian numbers. */
static void guid_text(const uint8_t *g, char ret[FSID_UUID_SIZE])
{
	static const uint8_t order[GUID_SIZE] = {3, 2, 1,  0,  5,  4,  7,  6,
						 8, 9, 10, 11, 12, 13, 14, 15};
	char *p = ret;

	for (size_t i = 0; i < GUID_SIZE; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     g[order[i]]);
}

static char *put_utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		*p++ = (char)c;
	} else if (c < 0x800) {
		*p++ = (char)(0xc0 | c >> 6);
		*p++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*p++ = (char)(0xe0 | c >> 12);
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (char)(0x80 | (c & 0x3f));
	} else {
		*p++ = (char)(0xf0 | c >> 18);
		*p++ = (char)(0x80 | (c >> 12 & 0x3f));
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (char)(0x80 | (c & 0x3f));
	}
	return p;
}

/* UTF-16 to UTF-8; half of a pair becomes U+FFFD. A unit takes at most three bytes, a pair four. */
static void name_text(struct bytes entry, size_t off, char ret[PARTITION_LABEL_SIZE])
{
	char *p = ret;

	for (size_t i = 0; i < GPT_NAME_UNITS; i++) {
		uint16_t unit, low = 0;
		uint32_t c;

		if (!bytes_le16(entry, off + 2 * i, &unit) || !unit)
			break;
		c = unit;
		if (unit >= 0xd800 && unit < 0xe000) {
			c = 0xfffd;
			if (unit < 0xdc00 && i + 1 < GPT_NAME_UNITS &&
			    bytes_le16(entry, off + 2 * i + 2, &low) && low >= 0xdc00 &&
			    low < 0xe000) {
				c = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (low - 0xdc00u);
				i++;
			}
		}
		p = put_utf8(p, c);
	}
	*p = '\0';
}

static int gpt_take_entry(const struct disk *d, const uint8_t *data, struct partition *p,
			  struct err *err)
{
	static const uint8_t unused[GUID_SIZE];
	struct bytes entry = {data, GPT_ENTRY_MIN};
	uint64_t first, last, start;

	if (memcmp(data, unused, GUID_SIZE) == 0 || !bytes_le64(entry, 32, &first) ||
	    !bytes_le64(entry, 40, &last) || first > last || last >= d->size / d->sector ||
	    !num_mul(first, (uint64_t)d->sector, &start) || start != p->start)
		return err_set(err, ERR_CORRUPT,
			       "%s: partition %u at 0x%" PRIx64 " is not in the GPT", d->name,
			       p->number, p->start);
	guid_text(data + GUID_SIZE, p->uuid);
	name_text(entry, 56, p->label);
	return 0;
}

/* By the header in one place. True: it and its entries are good, and *ret is 0 or why the partition is not found. */
static bool gpt_read_at(const struct disk *d, uint64_t lba, struct partition *p, int *ret,
			struct err *err)
{
	uint8_t entry[GPT_ENTRY_MIN];
	struct gpt g;

	if (!gpt_read_header(d, lba, &g, err))
		return false;
	if (p->number > g.n) {
		*ret = err_set(err, ERR_CORRUPT, "%s: partition %u is not among the %u of the GPT",
			       d->name, p->number, g.n);
		return true;
	}
	if (!gpt_read_entry(d, &g, p->number - 1, entry, err))
		return false;
	*ret = gpt_take_entry(d, entry, p, err);
	return true;
}

static int gpt_read(const struct disk *d, struct partition *p, struct err *err)
{
	uint64_t last = d->size / d->sector - 1;
	struct err copy = {0};
	int r = 0;

	if (gpt_read_at(d, 1, p, &r, err))
		return r;
	if (gpt_read_at(d, last, p, &r, &copy)) {
		if (r)
			*err = copy;
		return r;
	}
	return err_wrap(err, "no good copy of the GPT either");
}

/* ---- both */

static bool is_protective(const struct disk *d)
{
	for (unsigned int i = 0; i < DOS_PRIMARIES; i++) {
		struct dos_entry e = dos_entry_get(d, i);

		if (e.type == DOS_GPT && e.start == d->sector)
			return true;
	}
	return false;
}

int partition_read(int fd, uint64_t size, uint32_t sector, const char *name, struct partition *p,
		   struct err *err)
{
	struct disk d = {.fd = fd, .size = size, .sector = sector, .name = name};
	struct partition found = {.number = p->number, .start = p->start};
	uint16_t magic;
	int r;

	if (!num_is_pow2(sector) || sector < DOS_SIZE || sector > SECTOR_MAX || !p->number)
		return err_set(err, ERR_CORRUPT, "%s: sectors of %u bytes, partition %u", name,
			       sector, p->number);
	if (size / sector < 2)
		return err_set(err, ERR_NOT_FOUND, "%s: too small for a partition table", name);
	if (io_pread_full(fd, d.mbr_data, sizeof(d.mbr_data), 0, name, err))
		return err->code;
	d.mbr = (struct bytes){d.mbr_data, sizeof(d.mbr_data)};
	if (!bytes_le16(d.mbr, DOS_SIZE - 2, &magic) || magic != 0xaa55)
		return err_set(err, ERR_NOT_FOUND, "%s: no partition table that is known here",
			       name);
	r = is_protective(&d) ? gpt_read(&d, &found, err) : dos_read(&d, &found, err);
	if (!r)
		*p = found;
	return r;
}
