// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <elf.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/num.h"
#include "format/kdump.h"
#include "format/note.h"

enum {
	BS = 4096,
	MAX = 512 * 1024,
	/* byte offsets that the tests break */
	AT_VERSION = 8,
	AT_STATUS = 424,
	AT_BLOCK_SIZE = 428,
	AT_SUB_BLOCKS = 432,
	AT_BITMAP_BLOCKS = 436,
	AT_MAX_MAPNR = 440,
	AT_SPLIT = BS + 12,
	AT_VMCOREINFO = BS + 32,
	AT_NOTE = BS + 48,
	AT_MAX_MAPNR_64 = BS + 96,
};

/* A dump as the writer's functions lay it out, and where the parts are. */
static struct {
	uint8_t data[MAX];
	size_t len;
	struct kdump_header h;
	struct kdump_layout l;
	uint64_t n_descs;
} dump;

static const char vmcoreinfo[] = "OSRELEASE=6.1.0\nPAGESIZE=4096\n";

static void set_bit(uint64_t bitmap, uint64_t pfn)
{
	dump.data[bitmap + pfn / 8] |= (uint8_t)(1 << pfn % 8);
}

static void put_notes(void)
{
	uint8_t *p = dump.data + dump.h.notes_off;

	bytes_put_le32(p, 11);
	bytes_put_le32(p + 4, sizeof(vmcoreinfo) - 1);
	memcpy(p + 12, "VMCOREINFO", 11);
	memcpy(p + 24, vmcoreinfo, sizeof(vmcoreinfo) - 1);
}

static void begin(uint64_t max_mapnr)
{
	memset(&dump, 0, sizeof(dump));
	strcpy(dump.h.uts[0], "Linux");
	strcpy(dump.h.uts[4], "x86_64");
	dump.h.block_size = BS;
	dump.h.max_mapnr = max_mapnr;
	dump.h.time_sec = 1234567890;
	dump.h.status = CODEC_ZLIB;
	dump.h.nr_cpus = 2;
	dump.h.phys_base = 0xfffffffff0000000;
	dump.h.dump_level = 31;
	dump.h.notes_size = 24 + sizeof(vmcoreinfo) - 1;
	assert_ok(kdump_plan(&dump.h, &dump.l, err));
	dump.h.vmcoreinfo_off = dump.h.notes_off + 24;
	dump.h.vmcoreinfo_size = sizeof(vmcoreinfo) - 1;
	kdump_encode_header(&dump.h, dump.data);
	kdump_encode_sub_header(&dump.h, dump.data + BS);
	put_notes();
	for (uint64_t pfn = 0; pfn < max_mapnr; pfn++)
		set_bit(dump.l.bitmap1_off, pfn);
	dump.len = dump.l.desc_off + 0x10000; /* of descriptors; data comes behind */
}

static uint8_t pattern(uint64_t pfn, size_t i)
{
	return (uint8_t)(pfn * 7 + i / 16);
}

static void fill(uint64_t pfn, uint8_t page[BS])
{
	for (size_t i = 0; i < BS; i++)
		page[i] = pattern(pfn, i);
}

static void put_desc(uint64_t i, const struct kdump_desc *d)
{
	kdump_encode_desc(d, dump.data + dump.l.desc_off + i * KDUMP_DESC_SIZE);
}

/* Page frames in ascending order. */
static void put_page(uint64_t pfn, enum codec codec)
{
	struct kdump_desc d = {.offset = dump.len, .size = BS};
	struct compressor *c = NULL;
	static uint8_t page[BS];
	size_t n;

	fill(pfn, page);
	assert_ok(compressor_create(codec, 0, &c, err));
	n = compressor_run(c, page, BS, dump.data + dump.len);
	if (n) {
		d.size = (uint32_t)n;
		d.flags = codec;
	} else {
		memcpy(dump.data + dump.len, page, BS);
	}
	compressor_destroy(c);
	dump.len += d.size;
	set_bit(dump.l.bitmap2_off, pfn);
	put_desc(dump.n_descs++, &d);
}

static struct memfile file;

static int open_dump(struct source **ret, struct err *err)
{
	int r;

	memfile_write(&file, dump.data, dump.len);
	r = source_open(file.path, ret, err);
	memfile_close(&file);
	return r;
}

#define assert_dump_fails(code, part)                              \
	do {                                                       \
		struct source *none = NULL;                        \
                                                                   \
		assert_fails(open_dump(&none, err), (code), part); \
		assert_null(none);                                 \
	} while (0)

static void assert_page(const struct source *src, struct view *view, uint64_t pfn)
{
	static uint8_t want[BS], buf[BS];
	const uint8_t *p = NULL;
	size_t n = 0;

	fill(pfn, want);
	assert_ok(source_read(src, pfn * BS, buf, BS, err));
	assert_memory_equal(buf, want, BS);
	assert_ok(source_map(src, view, pfn * BS + 100, &p, &n, err));
	assert_int_equal(n, BS - 100);
	assert_memory_equal(p, want + 100, n);
}

TEST(plan)
{
	struct kdump_header h = {.block_size = BS, .max_mapnr = 1, .notes_size = BS - 104};
	struct kdump_layout l;

	assert_ok(kdump_plan(&h, &l, err));
	assert_int_equal(h.sub_blocks, 1);
	assert_int_equal(h.bitmap_blocks, 2);
	assert_int_equal(h.notes_off, BS + 104);
	assert_int_equal(l.bitmap1_off, 2 * BS);
	assert_int_equal(l.bitmap2_off, 3 * BS);
	assert_int_equal(l.bitmap_size, BS);
	assert_int_equal(l.desc_off, 4 * BS);
	h.notes_size++;
	h.max_mapnr = BS * 8 + 1;
	assert_ok(kdump_plan(&h, &l, err));
	assert_int_equal(h.sub_blocks, 2);
	assert_int_equal(h.bitmap_blocks, 4);
	h.max_mapnr = UINT64_MAX;
	assert_fails(kdump_plan(&h, &l, err), ERR_UNSUPPORTED, "18446744073709551615 page frames");
	h.max_mapnr = 1;
	h.notes_size = UINT64_MAX - 100;
	assert_fails(kdump_plan(&h, &l, err), ERR_UNSUPPORTED, "notes of");
	h.block_size = 3;
	assert_fails(kdump_plan(&h, &l, err), ERR_UNSUPPORTED, "block size 3");
}

/* The offsets of filter.md section 2, written out once more. */
TEST(encoded_bytes)
{
	struct kdump_header h = {.uts = {"Linux", "node", "6.1", "#1", "x86_64", "(none)"},
				 .time_sec = 0x1122334455,
				 .status = 9,
				 .block_size = BS,
				 .sub_blocks = 3,
				 .bitmap_blocks = 4,
				 .max_mapnr = 0x100000002,
				 .nr_cpus = 5,
				 .phys_base = 6,
				 .dump_level = 7,
				 .split = true,
				 .start_pfn = 8,
				 .end_pfn = 0x100000009,
				 .vmcoreinfo_off = 10,
				 .vmcoreinfo_size = 11,
				 .notes_off = 12,
				 .notes_size = 13,
				 .erase_off = 14,
				 .erase_size = 15};
	const struct kdump_desc d = {.offset = 0x123456789, .size = 16, .flags = 2};
	static uint8_t buf[BS];
	struct bytes b = {buf, BS};
	uint64_t v64 = 0;
	uint32_t v32 = 0;

	memset(buf, 0xff, BS);
	kdump_encode_header(&h, buf);
	assert_memory_equal(buf, "KDUMP   \6\0\0\0Linux", 18);
	assert_string_equal((char *)buf + 12 + 65, "node");
	assert_string_equal((char *)buf + 12 + 5 * 65, "(none)");
	assert_true(bytes_le64(b, 408, &v64) && v64 == 0x1122334455);
	assert_true(bytes_le64(b, 416, &v64) && v64 == 0); /* tv_usec */
	assert_true(bytes_le32(b, 424, &v32) && v32 == 9);
	assert_true(bytes_le32(b, 428, &v32) && v32 == BS);
	assert_true(bytes_le32(b, 432, &v32) && v32 == 3);
	assert_true(bytes_le32(b, 436, &v32) && v32 == 4);
	assert_true(bytes_le32(b, 440, &v32) && v32 == UINT32_MAX);
	assert_true(bytes_le32(b, 460, &v32) && v32 == 5);
	for (size_t i = 464; i < BS; i++)
		assert_int_equal(buf[i], 0);
	kdump_encode_sub_header(&h, buf);
	assert_true(bytes_le64(b, 0, &v64) && v64 == 6);
	assert_true(bytes_le32(b, 8, &v32) && v32 == 7);
	assert_true(bytes_le32(b, 12, &v32) && v32 == 1);
	assert_true(bytes_le64(b, 24, &v64) && v64 == UINT32_MAX);
	assert_true(bytes_le64(b, 88, &v64) && v64 == 0x100000009);
	assert_true(bytes_le64(b, 96, &v64) && v64 == 0x100000002);
	for (uint64_t i = 0; i < 6; i++)
		assert_true(bytes_le64(b, 32 + i * 8, &v64) && v64 == 10 + i);
	kdump_encode_desc(&d, buf);
	assert_memory_equal(buf, "\x89\x67\x45\x23\1\0\0\0\x10\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0", 24);
}

/* More than two chunks of the rank index, with page frames on both sides of every border. */
TEST(reads_every_page)
{
	static const uint64_t pfns[] = {0,     1,     63,    64,    65,    100,   32767, 32768,
					32769, 32831, 32832, 65535, 65536, 70000, 70001};
	static const enum codec codecs[] = {CODEC_RAW, CODEC_ZLIB, CODEC_LZO, CODEC_SNAPPY,
					    CODEC_ZSTD};
	const struct kdump_header *h;
	struct source *src = NULL;
	struct view view;

	begin(70002);
	for (size_t i = 0; i < ARRAY_SIZE(pfns); i++)
		put_page(pfns[i], codecs[i % ARRAY_SIZE(codecs)]);
	assert_ok(open_dump(&src, err));
	assert_ptr_equal(src->ops, &kdump_source);
	assert_int_equal(src->elf_machine, EM_X86_64);
	assert_int_equal(src->ram.n, 1);
	assert_int_equal(src->ram.v[0].end, 70002 * BS);
	assert_int_equal(src->present.n, 7);
	assert_int_equal(ranges_total(&src->present), ARRAY_SIZE(pfns) * BS);
	assert_false(src->incomplete);
	view_init(&view);
	for (size_t i = 0; i < ARRAY_SIZE(pfns); i++)
		assert_page(src, &view, pfns[i]);
	for (size_t i = ARRAY_SIZE(pfns); i-- > 0;)
		assert_page(src, &view, pfns[i]);
	view_deinit(src, &view);
	h = kdump_source_header(src);
	assert_non_null(h);
	assert_string_equal(h->uts[4], "x86_64");
	assert_int_equal(h->time_sec, 1234567890);
	assert_int_equal(h->dump_level, 31);
	assert_true(h->phys_base == 0xfffffffff0000000);
	assert_int_equal(h->max_mapnr, 70002);
	assert_int_equal(h->nr_cpus, 2);
	source_destroy(src);
}

/* source_read() from several threads: no two of them share a decompressor (thread sanitizer). */
static void *read_all(void *arg)
{
	const struct source *src = arg;

	for (uint64_t i = 0; i < 400; i++) {
		uint8_t want[BS], got[BS];
		struct err err;

		fill(i % 20, want);
		if (source_read(src, i % 20 * BS, got, BS, &err) || memcmp(got, want, BS) != 0)
			return arg;
	}
	return NULL;
}

TEST(several_threads_read)
{
	struct source *src = NULL;
	pthread_t threads[4];
	void *failed = NULL;

	begin(20);
	for (uint64_t pfn = 0; pfn < 20; pfn++)
		put_page(pfn, pfn % 2 ? CODEC_ZSTD : CODEC_ZLIB);
	assert_ok(open_dump(&src, err));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, src), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	source_destroy(src);
}

TEST(reads_across_pages_and_says_what_lacks)
{
	struct source *src = NULL;
	uint8_t buf[2 * BS];

	begin(20);
	put_page(5, CODEC_ZLIB);
	put_page(6, CODEC_LZO);
	dump.data[dump.l.bitmap1_off + 1] = 0; /* 8…15 were no RAM */
	assert_ok(open_dump(&src, err));
	assert_ok(source_read(src, 5 * BS + 4000, buf, 200, err));
	assert_int_equal(buf[0], pattern(5, 4000));
	assert_int_equal(buf[199], pattern(6, 103));
	assert_fails(source_read(src, 6 * BS, buf, BS + 1, err), ERR_NOT_FOUND,
		     "page frame 0x7 is not in the dump (it was filtered out)");
	assert_fails(source_read(src, 8 * BS, buf, 1, err), ERR_NOT_FOUND,
		     "0x8 is not in the dump");
	assert_fails(source_read(src, 20 * BS, buf, 1, err), ERR_NOT_FOUND, "page frame 0x14");
	assert_fails(source_read(src, UINT64_MAX - BS, buf, 1, err), ERR_NOT_FOUND,
		     "page frame 0xffffffffffffe is not");
	assert_int_equal(src->ram.n, 2);
	source_destroy(src);
}

TEST(descriptors_may_share_data)
{
	struct kdump_desc d;
	struct source *src = NULL;
	uint8_t buf[BS];

	begin(20);
	d = (struct kdump_desc){.offset = dump.len, .size = BS};
	dump.len += BS; /* a page of zeroes */
	for (uint64_t pfn = 3; pfn < 10; pfn++) {
		set_bit(dump.l.bitmap2_off, pfn);
		put_desc(dump.n_descs++, &d);
	}
	assert_ok(open_dump(&src, err));
	for (uint64_t pfn = 3; pfn < 10; pfn++) {
		assert_ok(source_read(src, pfn * BS, buf, BS, err));
		assert_int_equal(buf[0] | buf[BS - 1], 0);
	}
	source_destroy(src);
}

static void assert_vmcoreinfo(const struct source *src)
{
	struct note n = {0};

	assert_ok(note_find(src->notes, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &n, err));
	assert_int_equal(n.desc.len, sizeof(vmcoreinfo) - 1);
	assert_memory_equal(n.desc.data, vmcoreinfo, n.desc.len);
}

/* Below version 6 the newer fields are garbage: here they are 0xff. */
TEST(older_versions)
{
	for (uint32_t version = 1; version <= 6; version++) {
		static const size_t ends[] = {0, 12, 32, 48, 64, 80, 104};
		struct source *src = NULL;
		struct view view;

		begin(20);
		put_page(7, CODEC_ZLIB);
		bytes_put_le32(dump.data + AT_VERSION, version);
		memset(dump.data + BS + ends[version], 0xff, 104 - ends[version]);
		if (version < 4)
			memset(dump.data + dump.h.notes_off, 0xff, 24);
		assert_ok(open_dump(&src, err));
		view_init(&view);
		assert_page(src, &view, 7);
		view_deinit(src, &view);
		assert_int_equal(kdump_source_header(src)->max_mapnr, 20);
		if (version >= 3)
			assert_vmcoreinfo(src);
		else
			assert_int_equal(src->notes.len, 0);
		source_destroy(src);
	}
	begin(20);
	bytes_put_le32(dump.data + AT_VERSION, 7);
	assert_dump_fails(ERR_UNSUPPORTED, "version 7 is not between 1 and 6");
	bytes_put_le32(dump.data + AT_VERSION, 0);
	assert_dump_fails(ERR_UNSUPPORTED, "version 0");
}

TEST(bad_headers)
{
	static const struct {
		size_t at;
		uint32_t value;
		int code;
		const char *part;
	} cases[] = {
		{AT_BLOCK_SIZE, 0, ERR_CORRUPT, "block_size 0"},
		{AT_BLOCK_SIZE, 4097, ERR_CORRUPT, "block_size 4097"},
		{AT_BLOCK_SIZE, 1 << 30, ERR_CORRUPT, "block_size 1073741824"},
		{AT_SUB_BLOCKS, 0, ERR_CORRUPT, "sub_hdr_size is 0"},
		{AT_SUB_BLOCKS, UINT32_MAX, ERR_CORRUPT, "sub_hdr_size is 4294967295"},
		{AT_SUB_BLOCKS, INT32_MAX, ERR_CORRUPT, "behind the end of the file"},
		{AT_BITMAP_BLOCKS, 0, ERR_CORRUPT, "bitmap_blocks 0 are not two bitmaps of 0x14"},
		{AT_BITMAP_BLOCKS, 3, ERR_CORRUPT, "bitmap_blocks 3"},
		{AT_BITMAP_BLOCKS, 0xfffffffe, ERR_CORRUPT, "behind the end of the file"},
		{AT_SPLIT, 1, ERR_UNSUPPORTED, "one file of a split dump"},
		{AT_VMCOREINFO + 4, 0xffffffff, ERR_CORRUPT, "offset_vmcoreinfo 0xffffffff"},
		{AT_VMCOREINFO + 8, 1 << 21, ERR_CORRUPT, "size_vmcoreinfo 2097152 is above"},
		{AT_NOTE, MAX, ERR_CORRUPT, "offset_note 0x80000 + size"},
		{AT_NOTE + 12, 1, ERR_CORRUPT, "size_note 4294967"},
		{AT_MAX_MAPNR_64, 0, ERR_CORRUPT, "max_mapnr 0x0"},
		{AT_MAX_MAPNR_64, 1 << 20, ERR_CORRUPT, "are not two bitmaps of 0x100000"},
		{AT_MAX_MAPNR_64 + 4, 1 << 30, ERR_CORRUPT, "max_mapnr 0x4000000000000014"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(20);
		bytes_put_le32(dump.data + cases[i].at, cases[i].value);
		assert_dump_fails(cases[i].code, cases[i].part);
	}
}

static int read_page(struct err *err)
{
	struct source *src = NULL;
	uint8_t buf[16];
	int r = open_dump(&src, err);

	if (r)
		return r;
	r = source_read(src, 3 * BS, buf, sizeof(buf), err);
	source_destroy(src);
	return r;
}

TEST(bad_descriptors)
{
	static const struct {
		struct kdump_desc d;
		int code;
		const char *part;
	} cases[] = {
		{{MAX, 100, 0},
		 ERR_CORRUPT,
		 "page_desc of pfn 0x3: offset 0x80000 + size 100 is behind"},
		{{UINT64_MAX, 100, 0},
		 ERR_CORRUPT,
		 "offset 0xffffffffffffffff + size 100 is behind"},
		{{0, 100, 0}, ERR_CORRUPT, "offset 0x0 + size 100 is no place in the file"},
		{{BS, 0, 0}, ERR_CORRUPT, "page_desc of pfn 0x3: size 0"},
		{{BS, BS + 1, 0}, ERR_CORRUPT, "size 4097 is not between"},
		{{BS, 100, 0},
		 ERR_CORRUPT,
		 "page frame 0x3 (data at 0x1000): uncompressed data of 100"},
		{{BS, 100, 1}, ERR_CORRUPT, "zlib data of 100 bytes"},
		{{BS, 100, 2}, ERR_CORRUPT, "lzo data of 100 bytes"},
		{{BS, 100, 8}, ERR_UNSUPPORTED, "compression flags 0x8"},
		{{BS, 100, 0xffffffff}, ERR_UNSUPPORTED, "0xffffffff"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(20);
		put_page(3, CODEC_RAW);
		put_desc(0, &cases[i].d);
		assert_fails(read_page(err), cases[i].code, cases[i].part);
	}
}

TEST(incomplete)
{
	static const struct kdump_desc lost[] = {{0, 0, 0}, {MAX, 100, 0}, {5000, 0, 0}};
	struct source *src = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		begin(20);
		put_page(3, CODEC_ZLIB);
		bytes_put_le32(dump.data + AT_STATUS, CODEC_ZLIB | KDUMP_STATUS_INCOMPLETE);
		put_desc(0, &lost[i]);
		assert_fails(read_page(err), ERR_NOT_FOUND, "0x3 is lost: the dump is incomplete");
	}
	dump.len = dump.l.desc_off + 10; /* the disk was full inside the descriptors */
	assert_fails(read_page(err), ERR_NOT_FOUND, "0x3 is lost: the dump is incomplete");
	dump.len = dump.l.desc_off;
	assert_fails(read_page(err), ERR_NOT_FOUND, "0x3 is lost: the dump is incomplete");
	assert_ok(open_dump(&src, err));
	assert_true(src->incomplete);
	source_destroy(src);
	bytes_put_le32(dump.data + AT_STATUS, CODEC_ZLIB);
	assert_fails(read_page(err), ERR_CORRUPT,
		     "1 page descriptors at 0x4000 reach past the end");
}

TEST(cut_at_every_64th_byte)
{
	size_t whole;

	begin(20);
	put_page(3, CODEC_RAW);
	whole = dump.len;
	for (dump.len = 0; dump.len < whole; dump.len += 64) {
		struct err err;
		int r = read_page(&err);

		assert_int_equal(r, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, file.path));
	}
	dump.len = whole;
	assert_ok(read_page(err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan),
		cmocka_unit_test(encoded_bytes),
		cmocka_unit_test(reads_every_page),
		cmocka_unit_test(several_threads_read),
		cmocka_unit_test(reads_across_pages_and_says_what_lacks),
		cmocka_unit_test(descriptors_may_share_data),
		cmocka_unit_test(older_versions),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(bad_descriptors),
		cmocka_unit_test(incomplete),
		cmocka_unit_test(cut_at_every_64th_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
