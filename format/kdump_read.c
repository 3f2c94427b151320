// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader of kdump-compressed files: ours, makedumpfile's and QEMU's. */
#include <elf.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/num.h"
#include "format/input.h"
#include "format/kdump.h"
#include "format/kdump_fields.h"
#include "format/kdump_part.h"
#include "format/kdump_set.h"
#include "format/note.h"

#define NOTES_MAX      (64ULL * 1024 * 1024)
#define VMCOREINFO_MAX (1024ULL * 1024)

/*
 * The rank index holds, for every RANK_PFNS page frames, how many descriptors come before them:
 * finding one costs a look at 4 KiB of bitmap at most.
 */
#define RANK_PFNS  32768U
#define RANK_BYTES (RANK_PFNS / 8)

/* What reading a page needs besides the file. One per thread. */
struct room {
	struct decompressor *decompressor;
	uint8_t *page;   /* a block */
	uint8_t *packed; /* a block, behind the page's */
};

struct kdump {
	struct source src;
	struct input *in;
	struct kdump_header header;
	struct kdump_layout layout;
	struct input_map bitmap; /* 2nd bitmap */
	struct input_map descs;  /* as many descriptors as the file has */
	struct range pfns;  /* that the file has descriptors of, where the 2nd bitmap says so */
	struct ranges kept; /* of a part: the whole 2nd bitmap, as physical addresses */
	uint64_t *rank;
	uint64_t n_descs;             /* bits in the 2nd bitmap, within pfns */
	_Atomic(struct room *) spare; /* of source_read(), which has no view to keep one in */
};

static const struct kdump *kdump_of(const struct source *src)
{
	return (const struct kdump *)src;
}

static bool kdump_probe(struct bytes head)
{
	return head.len >= 8 && memcmp(head.data, KDUMP_SIGNATURE, 8) == 0;
}

static void room_destroy(struct room *room)
{
	if (!room)
		return;
	decompressor_destroy(room->decompressor);
	free(room->page);
	free(room);
}

static int room_create(size_t block_size, struct room **ret, struct err *err)
{
	struct room *room = calloc(1, sizeof(*room));

	if (!room)
		return err_nomem(err, sizeof(*room), "a page buffer");
	room->page = malloc(2 * block_size);
	if (!room->page) {
		room_destroy(room);
		return err_nomem(err, 2 * block_size, "a page buffer");
	}
	room->packed = room->page + block_size;
	if (decompressor_create(&room->decompressor, err)) {
		room_destroy(room);
		return err->code;
	}
	*ret = room;
	return 0;
}

/* ---- opening: headers ---- */

static int read_main_header(const struct kdump *k, struct kdump_header *h, uint32_t *ret_version,
			    struct err *err)
{
	uint8_t buf[KDUMP_HEADER_SIZE];
	struct bytes b = {buf, sizeof(buf)};
	uint32_t max_mapnr = 0;

	if (input_read(k->in, buf, sizeof(buf), 0, "disk_dump_header", err))
		return err->code;
	for (size_t i = 0; i < ARRAY_SIZE(h->uts); i++)
		memcpy(h->uts[i], buf + HDR_UTS + i * KDUMP_UTS_FIELD, KDUMP_UTS_FIELD - 1);
	if (!bytes_le32(b, HDR_VERSION, ret_version) || !bytes_le64(b, HDR_TV_SEC, &h->time_sec) ||
	    !bytes_le32(b, HDR_STATUS, &h->status) ||
	    !bytes_le32(b, HDR_BLOCK_SIZE, &h->block_size) ||
	    !bytes_le32(b, HDR_SUB_BLOCKS, &h->sub_blocks) ||
	    !bytes_le32(b, HDR_BITMAP_BLOCKS, &h->bitmap_blocks) ||
	    !bytes_le32(b, HDR_MAX_MAPNR, &max_mapnr) || !bytes_le32(b, HDR_NR_CPUS, &h->nr_cpus))
		return err_set(err, ERR_CORRUPT, "disk_dump_header is cut");
	h->max_mapnr = max_mapnr;
	if (*ret_version < 1 || *ret_version > KDUMP_VERSION)
		return err_set(err, ERR_UNSUPPORTED,
			       "disk_dump_header: version %" PRIu32 " is not between 1 and %d",
			       *ret_version, KDUMP_VERSION);
	if (!num_is_pow2(h->block_size) || h->block_size < 4096 || h->block_size > 65536)
		return err_set(err, ERR_CORRUPT,
			       "disk_dump_header: block_size %" PRIu32
			       " is not a power of two between 4096 and 65536",
			       h->block_size);
	if (h->sub_blocks < 1 || h->sub_blocks > INT32_MAX)
		return err_set(err, ERR_CORRUPT,
			       "disk_dump_header: sub_hdr_size is %" PRIu32 " blocks",
			       h->sub_blocks);
	return 0;
}

/*
 * Which version brought which field: diskdump_mod.h of makedumpfile. What an older header has in
 * the place of a newer field is garbage, so it is not looked at.
 */
static int read_sub_header(const struct kdump *k, uint32_t version, struct kdump_header *h,
			   struct err *err)
{
	uint8_t buf[KDUMP_SUB_HEADER_SIZE];
	struct bytes b = {buf, sizeof(buf)};
	uint32_t split = 0;
	bool ok;

	if (input_read(k->in, buf, sizeof(buf), h->block_size, "kdump_sub_header", err))
		return err->code;
	ok = bytes_le64(b, SUB_PHYS_BASE, &h->phys_base) &&
	     bytes_le32(b, SUB_DUMP_LEVEL, &h->dump_level);
	if (ok && version >= 2)
		ok = bytes_le32(b, SUB_SPLIT, &split) &&
		     bytes_le64(b, SUB_START_PFN, &h->start_pfn) &&
		     bytes_le64(b, SUB_END_PFN, &h->end_pfn);
	if (ok && version >= 3)
		ok = bytes_le64(b, SUB_VMCOREINFO, &h->vmcoreinfo_off) &&
		     bytes_le64(b, SUB_VMCOREINFO + 8, &h->vmcoreinfo_size);
	if (ok && version >= 4)
		ok = bytes_le64(b, SUB_NOTE, &h->notes_off) &&
		     bytes_le64(b, SUB_NOTE + 8, &h->notes_size);
	if (ok && version >= 5)
		ok = bytes_le64(b, SUB_ERASE, &h->erase_off) &&
		     bytes_le64(b, SUB_ERASE + 8, &h->erase_size);
	if (ok && version >= 6)
		ok = bytes_le64(b, SUB_START_PFN_64, &h->start_pfn) &&
		     bytes_le64(b, SUB_END_PFN_64, &h->end_pfn) &&
		     bytes_le64(b, SUB_MAX_MAPNR_64, &h->max_mapnr);
	if (!ok)
		return err_set(err, ERR_CORRUPT, "kdump_sub_header is cut");
	h->split = split != 0;
	return 0;
}

static int check_part(const struct kdump *k, const char *what, uint64_t off, uint64_t size,
		      uint64_t max, struct err *err)
{
	uint64_t end;

	if (!size)
		return 0;
	if (size > max)
		return err_set(err, ERR_CORRUPT,
			       "kdump_sub_header: size_%s %" PRIu64
			       " is above the limit of %" PRIu64,
			       what, size, max);
	if (!num_add(off, size, &end) || end > k->src.file_size)
		return err_set(err, ERR_CORRUPT,
			       "kdump_sub_header: offset_%s 0x%" PRIx64 " + size 0x%" PRIx64
			       " is behind the end of the file (0x%" PRIx64 ")",
			       what, off, size, k->src.file_size);
	return 0;
}

/* Is it a whole dump, or one file of a set, as the caller wants it? */
static int check_split(const struct kdump *k, const struct kdump_header *h, struct err *err)
{
	bool part = k->src.ops == &kdump_part_source;

	if (part && !h->split)
		return err_set(err, ERR_UNSUPPORTED, "is not one file of a split dump");
	if (!part && h->split)
		return err_set(err, ERR_UNSUPPORTED,
			       "one file of a split dump (page frames 0x%" PRIx64 " to 0x%" PRIx64
			       "): all files of the set are needed",
			       h->start_pfn, h->end_pfn);
	if (part && (h->start_pfn > h->end_pfn || h->end_pfn > h->max_mapnr))
		return err_set(err, ERR_CORRUPT,
			       "kdump_sub_header: page frames 0x%" PRIx64 " to 0x%" PRIx64
			       " are no part of 0x%" PRIx64,
			       h->start_pfn, h->end_pfn, h->max_mapnr);
	return 0;
}

static int check_sub_header(const struct kdump *k, const struct kdump_header *h, struct err *err)
{
	uint64_t bytes;

	if (check_split(k, h, err))
		return err->code;
	if (!h->max_mapnr || !num_mul(h->max_mapnr, (uint64_t)h->block_size, &bytes))
		return err_set(err, ERR_CORRUPT,
			       "max_mapnr 0x%" PRIx64 " with blocks of %" PRIu32
			       " bytes is no machine's memory",
			       h->max_mapnr, h->block_size);
	if (check_part(k, "vmcoreinfo", h->vmcoreinfo_off, h->vmcoreinfo_size, VMCOREINFO_MAX,
		       err) ||
	    check_part(k, "note", h->notes_off, h->notes_size, NOTES_MAX, err))
		return err->code;
	return check_part(k, "eraseinfo", h->erase_off, h->erase_size, UINT64_MAX, err);
}

static int check_layout(const struct kdump *k, const struct kdump_header *h,
			struct kdump_layout *ret, struct err *err)
{
	/* 2^16 * (2^31 + 2^32) bytes at most: nothing wraps */
	uint64_t bs = h->block_size, half = h->bitmap_blocks / 2;
	struct kdump_layout l = {
		.bitmap1_off = bs * (1 + (uint64_t)h->sub_blocks),
		.bitmap2_off = bs * (1 + h->sub_blocks + half),
		.bitmap_size = bs * half,
		.desc_off = bs * (1 + h->sub_blocks + half * 2),
	};

	if (h->bitmap_blocks % 2 || l.bitmap_size < num_div_up(h->max_mapnr, 8))
		return err_set(err, ERR_CORRUPT,
			       "disk_dump_header: bitmap_blocks %" PRIu32
			       " are not two bitmaps of 0x%" PRIx64 " page frames",
			       h->bitmap_blocks, h->max_mapnr);
	if (l.desc_off > k->src.file_size)
		return err_set(err, ERR_CORRUPT,
			       "the bitmaps end at 0x%" PRIx64
			       ", behind the end of the file (0x%" PRIx64 "): it was cut",
			       l.desc_off, k->src.file_size);
	*ret = l;
	return 0;
}

static uint16_t machine_of(const char *uts_machine)
{
	static const struct {
		const char *name;
		uint16_t machine;
	} machines[] = {
		{"x86_64", EM_X86_64},
		{"aarch64", EM_AARCH64},
		{"ppc64le", EM_PPC64},
		{"riscv64", EM_RISCV},
		{"loongarch64", 258 /* EM_LOONGARCH */},
	};

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (strcmp(machines[i].name, uts_machine) == 0)
			return machines[i].machine;
	return 0;
}

static int read_headers(struct kdump *k, struct err *err)
{
	struct kdump_header *h = &k->header;
	uint32_t version = 0;
	int r;

	r = read_main_header(k, h, &version, err);
	if (!r)
		r = read_sub_header(k, version, h, err);
	if (!r)
		r = check_sub_header(k, h, err);
	if (!r)
		r = check_layout(k, h, &k->layout, err);
	if (r)
		return r;
	k->pfns = h->split ? (struct range){h->start_pfn, h->end_pfn}
			   : (struct range){0, h->max_mapnr};
	k->src.incomplete = h->status & KDUMP_STATUS_INCOMPLETE || k->in->cut;
	k->src.elf_machine = machine_of(h->uts[4]);
	return 0;
}

/* ---- opening: bitmaps ---- */

/* Word `i` of a bitmap, whose size is a multiple of the block size. */
static uint64_t bitmap_word(struct bytes bitmap, uint64_t i)
{
	uint64_t w = 0;

	return bytes_le64(bitmap, i * 8, &w) ? w : 0;
}

/* The first page frame from `pfn` on, below `max`, whose bit is `value`; else `max`. */
static uint64_t bitmap_next(struct bytes bitmap, uint64_t pfn, uint64_t max, bool value)
{
	uint64_t low = ~0ULL << (pfn % 64); /* in the first word, ignore what is before pfn */

	for (uint64_t i = pfn / 64; i * 64 < max; i++, low = ~0ULL) {
		uint64_t w = bitmap_word(bitmap, i);

		w = (value ? w : ~w) & low;
		if (w)
			return NUM_MIN(i * 64 + (uint64_t)__builtin_ctzll(w), max);
	}
	return max;
}

/* `off` is where the bitmap lies in the file: what is not there is not even looked at. */
static int ranges_of_bitmap(const struct kdump *k, struct bytes bitmap, uint64_t off,
			    struct ranges *ret, struct err *err)
{
	uint64_t bs = k->header.block_size, from = off;
	struct range data;

	for (; input_next_data(k->in, from, off + bitmap.len, &data); from = data.end) {
		uint64_t max = NUM_MIN(k->header.max_mapnr, (data.end - off) * 8), end;

		for (uint64_t pfn = bitmap_next(bitmap, (data.start - off) * 8, max, true);
		     pfn < max; pfn = bitmap_next(bitmap, end, max, true)) {
			end = bitmap_next(bitmap, pfn, max, false);
			if (ranges_add(ret, pfn * bs, end * bs, err))
				return err->code;
		}
	}
	return 0;
}

/* from <= to */
static uint64_t count_bits(struct bytes bitmap, uint64_t from, uint64_t to)
{
	uint64_t low = ~0ULL << (from % 64); /* in the first word, ignore what is before `from` */
	uint64_t n = 0;

	for (uint64_t i = from / 64; i < to / 64; i++, low = ~0ULL)
		n += (uint64_t)__builtin_popcountll(bitmap_word(bitmap, i) & low);
	if (to % 64)
		n += (uint64_t)__builtin_popcountll(bitmap_word(bitmap, to / 64) & low &
						    ((1ULL << (to % 64)) - 1));
	return n;
}

static int build_rank(struct kdump *k, struct err *err)
{
	const struct ranges *present = &k->src.present;
	uint64_t chunks = num_div_up(k->header.max_mapnr, RANK_PFNS), bs = k->header.block_size;
	uint64_t before = 0; /* page frames of the ranges before the next one */
	size_t next = 0;

	k->rank = calloc(chunks, sizeof(*k->rank));
	if (!k->rank)
		return err_nomem(err, chunks * sizeof(*k->rank), "the index of page descriptors");
	for (uint64_t i = 0; i < chunks; i++) {
		uint64_t at = i * RANK_PFNS * bs;

		for (; next < present->n && present->v[next].end <= at; next++)
			before += (present->v[next].end - present->v[next].start) / bs;
		k->rank[i] = before;
		if (next < present->n && present->v[next].start < at)
			k->rank[i] += (at - present->v[next].start) / bs;
	}
	k->n_descs = ranges_total(present) / bs;
	return 0;
}

static int load_ram(struct kdump *k, struct err *err)
{
	struct input_map m;
	int r = input_map(k->in, k->layout.bitmap1_off, k->layout.bitmap_size, "the 1st bitmap", &m,
			  err);

	if (r)
		return r;
	r = ranges_of_bitmap(k, m.bytes, k->layout.bitmap1_off, &k->src.ram, err);
	input_unmap(&m);
	return r;
}

/* A file that says of itself that it was cut off may end inside its descriptors. */
static int load_descs(struct kdump *k, struct err *err)
{
	uint64_t have = k->src.file_size - k->layout.desc_off;
	uint64_t want = k->n_descs * KDUMP_DESC_SIZE;

	if (want > have && k->in->may_be_cut)
		k->src.incomplete = true;
	if (want > have && !k->src.incomplete)
		return err_set(err, ERR_CORRUPT,
			       "%" PRIu64 " page descriptors at 0x%" PRIx64
			       " reach past the end of the file (0x%" PRIx64 "): it was cut",
			       k->n_descs, k->layout.desc_off, k->src.file_size);
	return input_map(k->in, k->layout.desc_off, NUM_MIN(want, have), "page descriptors",
			 &k->descs, err);
}

/* A part has all of the 2nd bitmap, and the pages of some. */
static int clip_part(struct kdump *k, struct err *err)
{
	uint64_t bs = k->header.block_size;

	for (size_t i = 0; i < k->src.present.n; i++)
		if (ranges_add(&k->kept, k->src.present.v[i].start, k->src.present.v[i].end, err))
			return err->code;
	ranges_clip(&k->src.present, k->pfns.start * bs, k->pfns.end * bs);
	return 0;
}

static int load_bitmaps(struct kdump *k, struct err *err)
{
	int r = load_ram(k, err);

	if (!r)
		r = input_map(k->in, k->layout.bitmap2_off, k->layout.bitmap_size, "the 2nd bitmap",
			      &k->bitmap, err);
	if (!r)
		r = ranges_of_bitmap(k, k->bitmap.bytes, k->layout.bitmap2_off, &k->src.present,
				     err);
	if (!r && k->header.split)
		r = clip_part(k, err);
	if (!r)
		r = build_rank(k, err);
	if (!r)
		r = load_descs(k, err);
	return r;
}

/* ---- opening: notes ---- */

/* Does a walk through the notes reach a VMCOREINFO note? *ret_end is where the walk ended. */
static bool has_vmcoreinfo(struct bytes notes, size_t *ret_end)
{
	struct err err;
	struct note n;
	bool more;

	*ret_end = 0;
	while (note_next(notes, ret_end, &n, &more, &err) == 0 && more)
		if (n.type == NOTE_TYPE_VMCOREINFO && n.name.len == strlen("VMCOREINFO") &&
		    memcmp(n.name.data, "VMCOREINFO", n.name.len) == 0)
			return true;
	return false;
}

/*
 * The notes of the file and, where they lack VMCOREINFO (versions below 4; makedumpfile -i), a note
 * made from offset_vmcoreinfo behind the last whole one.
 */
static int load_notes(struct kdump *k, struct err *err)
{
	static const char name[12] = "VMCOREINFO";
	const struct kdump_header *h = &k->header;
	uint8_t *buf = calloc(1, h->notes_size + 4 + 12 + sizeof(name) + h->vmcoreinfo_size + 4);
	size_t end;

	if (!buf)
		return err_nomem(err, h->notes_size + h->vmcoreinfo_size, "the ELF notes");
	k->src.notes = (struct bytes){buf, h->notes_size};
	if (h->notes_size && input_read(k->in, buf, h->notes_size, h->notes_off, "ELF notes", err))
		return err->code;
	if (!h->vmcoreinfo_size || has_vmcoreinfo(k->src.notes, &end))
		return 0;
	end = num_align_up(end, 4);
	bytes_put_le32(buf + end, sizeof("VMCOREINFO"));
	bytes_put_le32(buf + end + 4, (uint32_t)h->vmcoreinfo_size);
	bytes_put_le32(buf + end + 8, NOTE_TYPE_VMCOREINFO);
	memcpy(buf + end + 12, name, sizeof(name));
	k->src.notes.len = end + 12 + sizeof(name) + h->vmcoreinfo_size;
	return input_read(k->in, buf + end + 12 + sizeof(name), h->vmcoreinfo_size,
			  h->vmcoreinfo_off, "VMCOREINFO", err);
}

/* ---- opening ---- */

static void kdump_destroy(struct source *src)
{
	struct kdump *k = (struct kdump *)src;

	input_destroy(k->in);
	input_unmap(&k->bitmap);
	input_unmap(&k->descs);
	room_destroy(k->spare);
	free(k->rank);
	ranges_deinit(&k->kept);
	source_deinit(src);
	free(k);
}

static int open_as(const struct source_ops *ops, struct input *in, const char *path,
		   struct source **ret, struct err *err)
{
	struct kdump *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_nomem(err, sizeof(*k), "a kdump file");
	k->in = in;
	ranges_init(&k->kept);
	r = source_init(&k->src, ops, in, path, err);
	if (!r)
		r = read_headers(k, err);
	if (!r)
		r = load_bitmaps(k, err);
	if (!r)
		r = load_notes(k, err);
	if (r) {
		k->in = NULL; /* stays the caller's */
		kdump_destroy(&k->src);
		return r;
	}
	*ret = &k->src;
	return 0;
}

static int kdump_open(struct input *in, const char *path, struct source **ret, struct err *err)
{
	return open_as(&kdump_source, in, path, ret, err);
}

static int part_open(struct input *in, const char *path, struct source **ret, struct err *err)
{
	return open_as(&kdump_part_source, in, path, ret, err);
}

const struct kdump_header *kdump_source_header(const struct source *src)
{
	if (src->ops == &kdump_set_source)
		return kdump_set_header(src);
	return src->ops == &kdump_source ? &kdump_of(src)->header : NULL;
}

/* ---- reading ---- */

static int lost(uint64_t pfn, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND,
		       "page frame 0x%" PRIx64 " is lost: the dump is incomplete", pfn);
}

static int check_desc(const struct kdump *k, uint64_t pfn, const struct kdump_desc *d,
		      struct err *err)
{
	struct range known;
	uint64_t end;

	/* a full disk ends a write where its block ends, in the middle of a descriptor */
	if ((!d->offset || !d->size) && k->src.incomplete)
		return lost(pfn, err);
	if (!d->size || d->size > k->header.block_size)
		return err_set(err, ERR_CORRUPT,
			       "page_desc of pfn 0x%" PRIx64 ": size %" PRIu32
			       " is not between 1 and the block size %" PRIu32,
			       pfn, d->size, k->header.block_size);
	if (d->offset && num_add(d->offset, (uint64_t)d->size, &end) && end <= k->src.file_size &&
	    input_next_known(k->in, d->offset, end, &known) && known.start == d->offset &&
	    known.end == end)
		return 0;
	if (k->src.incomplete)
		return lost(pfn, err);
	return err_set(err, ERR_CORRUPT,
		       "page_desc of pfn 0x%" PRIx64 ": offset 0x%" PRIx64 " + size %" PRIu32
		       " is %s (0x%" PRIx64 ")",
		       pfn, d->offset, d->size,
		       d->offset ? "behind the end of the file" : "no place in the file",
		       k->src.file_size);
}

/* Descriptor number `index`, which is page frame `pfn`'s. */
static int load_desc(const struct kdump *k, uint64_t pfn, uint64_t index, struct kdump_desc *ret,
		     struct err *err)
{
	struct kdump_desc d = {0};
	struct bytes b;

	if (!bytes_sub(k->descs.bytes, index * KDUMP_DESC_SIZE, KDUMP_DESC_SIZE, &b) ||
	    !bytes_le64(b, 0, &d.offset) || !bytes_le32(b, 8, &d.size) ||
	    !bytes_le32(b, 12, &d.flags))
		return lost(pfn, err);
	if (check_desc(k, pfn, &d, err))
		return err->code;
	*ret = d;
	return 0;
}

static int find_desc(const struct kdump *k, uint64_t pfn, struct kdump_desc *ret, struct err *err)
{
	uint64_t from = NUM_MAX(num_align_down(pfn, RANK_PFNS), k->pfns.start);

	if (pfn >= k->header.max_mapnr ||
	    !(bitmap_word(k->bitmap.bytes, pfn / 64) >> (pfn % 64) & 1))
		return err_set(err, ERR_NOT_FOUND, "page frame 0x%" PRIx64 " is not in the dump%s",
			       pfn,
			       ranges_find(&k->src.ram, pfn * k->header.block_size)
				       ? " (it was filtered out)"
				       : "");
	if (pfn < k->pfns.start || pfn >= k->pfns.end)
		return err_set(err, ERR_NOT_FOUND,
			       "page frame 0x%" PRIx64 " is in another file of the set", pfn);
	return load_desc(k, pfn, k->rank[pfn / RANK_PFNS] + count_bits(k->bitmap.bytes, from, pfn),
			 ret, err);
}

static int read_page(const struct kdump *k, uint64_t pfn, struct room *room, struct err *err)
{
	struct kdump_desc d = {0};

	if (find_desc(k, pfn, &d, err))
		return err->code;
	if (input_read(k->in, room->packed, d.size, d.offset, "page data", err) ||
	    decompressor_run(room->decompressor, d.flags, (struct bytes){room->packed, d.size},
			     room->page, k->header.block_size, err))
		return err_wrap(err, "page frame 0x%" PRIx64 " (data at 0x%" PRIx64 ")", pfn,
				d.offset);
	return 0;
}

/* The only member that reading changes. */
static _Atomic(struct room *) *spare_of(const struct kdump *k)
{
	return &((struct kdump *)k)->spare;
}

/* The spare room goes to whoever comes first; another thread makes its own for the call. */
static int borrow_room(const struct kdump *k, struct room **ret, struct err *err)
{
	struct room *room = atomic_exchange(spare_of(k), NULL);

	if (!room)
		return room_create(k->header.block_size, ret, err);
	*ret = room;
	return 0;
}

static void return_room(const struct kdump *k, struct room *room)
{
	room_destroy(atomic_exchange(spare_of(k), room));
}

static int kdump_read(const struct source *src, uint64_t phys, void *buf, size_t len,
		      struct err *err)
{
	const struct kdump *k = kdump_of(src);
	size_t bs = k->header.block_size;
	struct room *room = NULL;
	int r = borrow_room(k, &room, err);

	for (size_t done = 0; !r && done < len;) {
		uint64_t at = phys + done;
		size_t in = at % bs, part = NUM_MIN(len - done, bs - in);

		r = read_page(k, at / bs, room, err);
		if (!r)
			memcpy((uint8_t *)buf + done, room->page + in, part);
		done += part;
	}
	if (room)
		return_room(k, room);
	return r;
}

/* A view is one page: there is nothing behind it that would be cheaper together with it. */
static int kdump_map(const struct source *src, struct view *view, uint64_t phys, struct err *err)
{
	const struct kdump *k = kdump_of(src);
	size_t bs = k->header.block_size;
	struct room *room = view->priv;

	if (!room && room_create(bs, &room, err))
		return err->code;
	view->priv = room;
	view->len = 0;
	if (read_page(k, phys / bs, room, err))
		return err->code;
	view->start = num_align_down(phys, bs);
	view->data = room->page;
	view->len = bs;
	return 0;
}

static void kdump_unmap(struct view *view)
{
	room_destroy(view->priv);
}

/* ---- a part of a set */

const struct kdump_header *kdump_part_header(const struct source *src)
{
	return &kdump_of(src)->header;
}

const struct kdump_layout *kdump_part_layout(const struct source *src)
{
	return &kdump_of(src)->layout;
}

struct ranges *kdump_part_kept(struct source *src)
{
	return &((struct kdump *)src)->kept;
}

const struct input *kdump_part_input(const struct source *src)
{
	return kdump_of(src)->in;
}

int kdump_part_desc(const struct source *src, uint64_t pfn, uint64_t index, struct kdump_desc *ret,
		    struct err *err)
{
	return load_desc(kdump_of(src), pfn, index, ret, err);
}

const struct source_ops kdump_part_source = {
	.name = "a part of a kdump-compressed set",
	.probe = kdump_probe,
	.open = part_open,
	.read = kdump_read,
	.map = kdump_map,
	.unmap = kdump_unmap,
	.destroy = kdump_destroy,
};

const struct source_ops kdump_source = {
	.name = "kdump-compressed v6",
	.probe = kdump_probe,
	.open = kdump_open,
	.read = kdump_read,
	.map = kdump_map,
	.unmap = kdump_unmap,
	.destroy = kdump_destroy,
};
