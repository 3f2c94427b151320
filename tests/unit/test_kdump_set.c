// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/num.h"
#include "format/codec.h"
#include "format/kdump_set.h"
#include "format/note.h"
#include "tests/unit/fake_out.h"

enum {
	BS = 4096,
	MAX_MAPNR = 70000, /* more than two chunks of the reader's index */
	FILE_MAX = 256 * 1024,
	PARTS = 4,
	/* byte offsets that the tests break */
	AT_VERSION = 8,
	AT_UTS_NODE = 12 + 65,
	AT_TIME = 408,
	AT_STATUS = 424,
	AT_SPLIT = BS + 12,
	AT_LEGACY_START = BS + 16,
	AT_LEGACY_END = BS + 24,
	AT_ERASE = BS + 64,
	AT_START = BS + 80,
	AT_END = BS + 88,
};

/* Page frames on both sides of what may go wrong; those at the even places of the list share data. */
static const uint64_t kept[] = {1,     2,     63,    64,    65,    100,   127,   128,
				32767, 32768, 32769, 40000, 40001, 65535, 65536, 69999};
/* The files' borders: inside a word, inside a chunk, an empty one in the middle of another. */
static const uint64_t border[PARTS][2] = {{0, 65}, {65, 40001}, {100, 100}, {40001, MAX_MAPNR}};

struct part {
	uint8_t data[FILE_MAX];
	size_t len;
	struct kdump_layout l;
};

static struct part parts[PARTS];
static struct memfile files[PARTS];
static const char *paths[PARTS];

static const char vmcoreinfo[] = "OSRELEASE=6.1.0\nPAGESIZE=4096\n";

static void put_notes(uint8_t *p)
{
	bytes_put_le32(p, 11);
	bytes_put_le32(p + 4, sizeof(vmcoreinfo) - 1);
	memcpy(p + 12, "VMCOREINFO", 11);
	memcpy(p + 24, vmcoreinfo, sizeof(vmcoreinfo) - 1);
}

static void fill(uint64_t pfn, size_t place, uint8_t page[BS])
{
	memset(page, place % 2 ? (int)(pfn % 251) : 0x77, BS);
}

static void put_page(struct part *p, size_t place, uint64_t index, uint64_t *shared)
{
	struct kdump_desc d = {.offset = p->len, .size = BS};

	if (place % 2 == 0 && *shared) {
		d.offset = *shared;
	} else {
		fill(kept[place], place, p->data + p->len);
		p->len += BS;
	}
	if (place % 2 == 0)
		*shared = d.offset;
	kdump_encode_desc(&d, p->data + p->l.desc_off + index * KDUMP_DESC_SIZE);
}

static void make_part(size_t i)
{
	struct part *p = &parts[i];
	struct kdump_header h = {
		.uts = {"Linux", "node", "6.1.0", "#1", "x86_64"},
		.time_sec = 1234567890,
		.status = CODEC_LZO,
		.block_size = BS,
		.max_mapnr = MAX_MAPNR,
		.nr_cpus = 2,
		.dump_level = 31,
		.split = true,
		.start_pfn = border[i][0],
		.end_pfn = border[i][1],
		.notes_size = 24 + sizeof(vmcoreinfo) - 1,
	};
	uint64_t index = 0, shared = 0;

	memset(p, 0, sizeof(*p));
	assert_ok(kdump_plan(&h, &p->l, err));
	kdump_encode_header(&h, p->data);
	kdump_encode_sub_header(&h, p->data + BS);
	put_notes(p->data + h.notes_off);
	memset(p->data + p->l.bitmap1_off, 0xff, MAX_MAPNR / 8);
	p->len = p->l.desc_off + ARRAY_SIZE(kept) * KDUMP_DESC_SIZE + 100 * i;
	for (size_t k = 0; k < ARRAY_SIZE(kept); k++) {
		p->data[p->l.bitmap2_off + kept[k] / 8] |= (uint8_t)(1 << kept[k] % 8);
		if (kept[k] >= border[i][0] && kept[k] < border[i][1])
			put_page(p, k, index++, &shared);
	}
	assert_true(p->len <= FILE_MAX);
}

static void make_set(void)
{
	for (size_t i = 0; i < PARTS; i++)
		make_part(i);
}

/* Of `n` of the parts; bit i of `which` is part i. */
static int open_set(unsigned int which, bool partial, struct source **ret, struct err *err)
{
	size_t n = 0;
	int r;

	for (size_t i = PARTS; i-- > 0;) { /* not in their order */
		if (!(which >> i & 1))
			continue;
		memfile_write(&files[i], parts[i].data, parts[i].len);
		paths[n++] = files[i].path;
	}
	r = kdump_set_open(paths, n, partial, ret, err);
	for (size_t i = 0; i < PARTS; i++)
		if (which >> i & 1)
			memfile_close(&files[i]);
	return r;
}

#define ALL 0xf

#define assert_set_fails(which, code, part)                                     \
	do {                                                                    \
		struct source *none = NULL;                                     \
                                                                                \
		assert_fails(open_set(which, false, &none, err), (code), part); \
		assert_null(none);                                              \
	} while (0)

static void assert_pages(const struct source *src)
{
	static uint8_t want[BS], got[BS];
	const uint8_t *p = NULL;
	struct view view;
	size_t n = 0;

	view_init(&view);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		fill(kept[i], i, want);
		assert_ok(source_read(src, kept[i] * BS, got, BS, err));
		assert_memory_equal(got, want, BS);
		assert_ok(source_map(src, &view, kept[i] * BS + 5, &p, &n, err));
		assert_int_equal(n, BS - 5);
		assert_memory_equal(p, want + 5, n);
	}
	view_deinit(src, &view);
	assert_int_equal(ranges_total(&src->present), ARRAY_SIZE(kept) * BS);
	assert_int_equal(ranges_total(&src->ram), MAX_MAPNR * BS);
}

TEST(a_whole_set)
{
	static uint8_t buf[3 * BS];
	struct source *src = NULL;
	struct note note;

	make_set();
	assert_ok(open_set(ALL, false, &src, err));
	assert_pages(src);
	assert_false(src->incomplete);
	assert_int_equal(src->fd, -1);
	assert_non_null(strstr(src->path, " and 3 others"));
	assert_int_equal(kdump_source_header(src)->nr_cpus, 2);
	assert_true(kdump_source_header(src)->split);
	assert_ok(note_find(src->notes, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &note, err));
	/* across the border of two files, which is at page frame 65 */
	assert_ok(source_read(src, 63 * BS + 1, buf, 3 * BS - 1, err));
	assert_int_equal(buf[0], 0x77);
	assert_int_equal(buf[BS], 64 % 251);
	assert_int_equal(buf[2 * BS], 0x77);
	assert_fails(source_read(src, 66 * BS, buf, 1, err), ERR_NOT_FOUND,
		     "page frame 0x42 is not in the dump (it was filtered out)");
	assert_fails(source_read(src, MAX_MAPNR * BS, buf, 1, err), ERR_NOT_FOUND, "not in the");
	source_destroy(src);
}

TEST(a_file_is_missing)
{
	struct source *src = NULL;
	uint8_t byte;

	make_set();
	/* 65, 100 … 40000 */
	assert_set_fails(ALL & ~2U, ERR_NOT_FOUND,
			 "8 pages of the dump are in none of the 3 files");
	assert_set_fails(ALL & ~2U, ERR_NOT_FOUND, "from page frames 0x41-0x41 on");
	assert_set_fails(ALL & ~1U, ERR_NOT_FOUND, "from page frames 0x1-0x2 on");
	assert_set_fails(ALL & ~8U, ERR_NOT_FOUND, "from page frames 0x9c41-0x9c41 on");
	assert_set_fails(4, ERR_NOT_FOUND, "16 pages of the dump are in none of the 1 files");
	assert_ok(open_set(ALL & ~2U, true, &src, err));
	assert_true(src->incomplete);
	assert_int_equal(ranges_total(&src->present), 8 * BS);
	assert_ok(source_read(src, 40001 * BS, &byte, 1, err));
	assert_fails(source_read(src, 40000 * BS, &byte, 1, err), ERR_NOT_FOUND,
		     "page frame 0x9c40 is lost: its file of the set is missing");
	assert_fails(source_read(src, 66 * BS, &byte, 1, err), ERR_NOT_FOUND, "filtered out");
	source_destroy(src);
	src = NULL;
	/* none of them has a page */
	assert_ok(open_set(4, true, &src, err));
	assert_int_equal(src->present.n, 0);
	assert_fails(source_read(src, BS, &byte, 1, err), ERR_NOT_FOUND, "is lost");
	source_destroy(src);
	src = NULL;
	assert_fails(kdump_set_open(paths, 0, true, &src, err), ERR_USAGE, "no file");
	assert_ok(open_set(ALL & ~4U, false, &src, err)); /* nobody misses the empty one */
	source_destroy(src);
}

TEST(files_of_different_dumps)
{
	make_set();
	parts[1].data[AT_UTS_NODE]++;
	assert_set_fails(ALL, ERR_CORRUPT, "differ in the system's name and version");
	make_set();
	parts[1].data[AT_TIME]++;
	assert_set_fails(ALL, ERR_CORRUPT, "differ in the time of the crash");
	make_set();
	parts[1].data[parts[1].l.bitmap1_off]--;
	assert_set_fails(ALL, ERR_CORRUPT, "differ in the 1st bitmap");
	make_set();
	parts[1].data[parts[1].l.bitmap2_off]++;
	assert_set_fails(ALL, ERR_CORRUPT, "differ in the 2nd bitmap");
	make_set();
	bytes_put_le64(parts[1].data + BS + 96, MAX_MAPNR - 1);
	bytes_put_le64(parts[3].data + BS + 96, MAX_MAPNR - 1);
	bytes_put_le64(parts[3].data + AT_END, MAX_MAPNR - 1);
	assert_set_fails(ALL, ERR_CORRUPT, "differ in max_mapnr");
}

TEST(ranges_that_cannot_be)
{
	make_set();
	bytes_put_le64(parts[1].data + AT_START, 64);
	assert_set_fails(ALL, ERR_CORRUPT, "both have page frame 0x40");
	make_set();
	bytes_put_le64(parts[1].data + AT_START, 40002);
	assert_set_fails(ALL, ERR_CORRUPT, "page frames 0x9c42 to 0x9c41 are no part of");
	make_set();
	bytes_put_le64(parts[3].data + AT_END, MAX_MAPNR + 1);
	assert_set_fails(ALL, ERR_CORRUPT, "are no part of 0x11170");
	make_set();
	parts[1].data[AT_SPLIT] = 0;
	assert_set_fails(ALL, ERR_UNSUPPORTED, "is not one file of a split dump");
	memcpy(parts[1].data, "\177ELF", 4);
	assert_set_fails(ALL, ERR_UNSUPPORTED, "begins with 7f 45 4c 46");
}

TEST(one_file_alone_is_refused_as_a_dump)
{
	struct source *src = NULL;

	make_set();
	memfile_write(&files[1], parts[1].data, parts[1].len);
	assert_fails(source_open(files[1].path, &src, err), ERR_UNSUPPORTED,
		     "one file of a split dump (page frames 0x41 to 0x9c41): all files of the set");
	memfile_close(&files[1]);
}

/* Versions before 6 have the range in other fields. */
TEST(an_older_set)
{
	struct source *src = NULL;

	make_set();
	for (size_t i = 0; i < PARTS; i++) {
		parts[i].data[AT_VERSION] = 5;
		bytes_put_le64(parts[i].data + AT_LEGACY_START, border[i][0]);
		bytes_put_le64(parts[i].data + AT_LEGACY_END, border[i][1]);
		memset(parts[i].data + AT_START, 0xff, 24);
	}
	assert_ok(open_set(ALL, false, &src, err));
	assert_pages(src);
	source_destroy(src);
}

/* ---- joining */

static void assert_joined(struct fake_out *o, const struct source *set, bool incomplete)
{
	struct source *src = NULL;
	uint64_t bytes = 0;

	assert_ok(kdump_set_join(set, &o->out, &bytes, err));
	assert_false(o->finished);
	assert_int_equal(lseek(o->file.fd, 0, SEEK_END), bytes);
	assert_ok(source_open(o->file.path, &src, err));
	assert_int_equal(src->incomplete, incomplete);
	if (!incomplete)
		assert_pages(src);
	assert_false(kdump_source_header(src)->split);
	assert_int_equal(kdump_source_header(src)->end_pfn, 0);
	assert_int_equal(kdump_source_header(src)->dump_level, 31);
	assert_int_equal(src->notes.len, set->notes.len);
	assert_memory_equal(src->notes.data, set->notes.data, set->notes.len);
	source_destroy(src);
}

/* No byte twice, and the header says INCOMPLETE until all else is on the disk. */
static void assert_order(const struct fake_out *o)
{
	assert_true(o->n_calls <= ARRAY_SIZE(o->calls));
	assert_int_equal(o->calls[o->n_calls - 1].kind, 's');
	assert_int_equal(o->calls[o->n_calls - 2].off, 0);
	for (size_t i = 0; i < o->n_calls; i++) {
		const struct fake_call *a = &o->calls[i];

		if (!o->out.write_once)
			assert_true(i == 0 || i == o->n_calls - 1 || a->incomplete);
		for (size_t k = 0; k < i && a->len; k++) {
			const struct fake_call *b = &o->calls[k];

			if (o->out.write_once || (a->off && b->off))
				assert_true(a->off >= b->off + b->len || b->off >= a->off + a->len);
		}
	}
	if (!o->out.write_once)
		assert_int_equal(o->calls[o->n_calls - 3].kind, 's');
}

TEST(joined)
{
	struct source *set = NULL;

	make_set();
	assert_ok(open_set(ALL, false, &set, err));
	for (int once = 0; once < 2; once++) {
		struct fake_out *o = fake_out_create(0);

		o->out.write_once = once;
		assert_joined(o, set, false);
		assert_order(o);
		fake_out_destroy(o);
	}
	source_destroy(set);
}

/* Shared data stays shared: 16 pages, of which each file with pages has one copy for all even ones. */
TEST(joined_is_no_larger)
{
	struct fake_out *o = fake_out_create(0);
	struct source *set = NULL;
	uint64_t bytes = 0;

	make_set();
	assert_ok(open_set(ALL, false, &set, err));
	assert_ok(kdump_set_join(set, &o->out, &bytes, err));
	assert_int_equal(bytes, parts[0].l.desc_off + 16 * KDUMP_DESC_SIZE + (8 + 3) * BS);
	fake_out_destroy(o);
	source_destroy(set);
}

TEST(joined_with_a_file_missing)
{
	struct fake_out *o = fake_out_create(0);
	struct source *set = NULL, *src = NULL;
	uint8_t byte;

	make_set();
	assert_ok(open_set(ALL & ~2U, true, &set, err));
	assert_joined(o, set, true);
	source_destroy(set);
	assert_ok(source_open(o->file.path, &src, err));
	assert_ok(source_read(src, 40001 * BS, &byte, 1, err));
	assert_fails(source_read(src, 40000 * BS, &byte, 1, err), ERR_NOT_FOUND, "is lost");
	source_destroy(src);
	fake_out_destroy(o);
}

/* A page without data in a dump that says so of itself. */
TEST(joined_with_lost_pages)
{
	struct fake_out *o = fake_out_create(0);
	struct source *set = NULL, *src = NULL;
	uint8_t byte;

	make_set();
	memset(parts[3].data + parts[3].l.desc_off, 0, KDUMP_DESC_SIZE);
	assert_ok(open_set(ALL, false, &set, err));
	assert_fails(source_read(set, 40001 * BS, &byte, 1, err), ERR_CORRUPT, "pfn 0x9c41");
	assert_fails(kdump_set_join(set, &o->out, &(uint64_t){0}, err), ERR_CORRUPT, "pfn 0x9c41");
	source_destroy(set);
	fake_out_destroy(o);
	o = fake_out_create(0);
	parts[0].data[AT_STATUS] |= KDUMP_STATUS_INCOMPLETE;
	parts[3].data[AT_STATUS] |= KDUMP_STATUS_INCOMPLETE;
	assert_ok(open_set(ALL, false, &set, err));
	assert_joined(o, set, true);
	source_destroy(set);
	assert_ok(source_open(o->file.path, &src, err));
	assert_ok(source_read(src, 40000 * BS, &byte, 1, err));
	assert_fails(source_read(src, 40001 * BS, &byte, 1, err), ERR_NOT_FOUND, "is lost");
	source_destroy(src);
	fake_out_destroy(o);
}

static void put_erase(struct part *p, const char *text)
{
	bytes_put_le64(p->data + AT_ERASE, p->len);
	bytes_put_le64(p->data + AT_ERASE + 8, strlen(text));
	memcpy(p->data + p->len, text, strlen(text));
	p->len += strlen(text);
}

TEST(joined_with_eraseinfo)
{
	struct fake_out *o = fake_out_create(0);
	struct source *set = NULL, *src = NULL;
	const struct kdump_header *h;
	char text[17] = "";

	make_set();
	put_erase(&parts[0], "erase a\n");
	put_erase(&parts[3], "erase b\n");
	assert_ok(open_set(ALL, false, &set, err));
	assert_joined(o, set, false);
	source_destroy(set);
	assert_ok(source_open(o->file.path, &src, err));
	h = kdump_source_header(src);
	assert_int_equal(h->erase_size, 16);
	assert_int_equal(pread(o->file.fd, text, 16, (off_t)h->erase_off), 16);
	assert_string_equal(text, "erase a\nerase b\n");
	source_destroy(src);
	fake_out_destroy(o);
}

TEST(joining_fails)
{
	struct source *set = NULL;
	struct fake_out *o;
	uint64_t bytes = 0;
	bool failed = true;

	make_set();
	assert_ok(open_set(ALL, false, &set, err));
	for (size_t at = 1; failed; at++) {
		struct err err = {0};

		o = fake_out_create(at);
		failed = kdump_set_join(set, &o->out, &bytes, &err) != 0;
		assert_int_equal(o->n_calls, failed ? at : at - 1);
		assert_int_equal(err.code, failed ? ERR_NO_SPACE : 0);
		assert_int_equal(bytes != 0, !failed);
		fake_out_destroy(o);
	}
	source_destroy(set);
}

/* One page at the far end of a sparse file must not make us write it all. */
TEST(scattered_data)
{
	struct kdump_desc d = {.offset = 1ULL << 40, .size = BS};
	struct fake_out *o = fake_out_create(0);
	struct source *set = NULL;

	make_set();
	kdump_encode_desc(&d, parts[3].data + parts[3].l.desc_off);
	for (size_t i = 0; i < PARTS; i++) {
		memfile_write(&files[i], parts[i].data, parts[i].len);
		paths[i] = files[i].path;
	}
	assert_int_equal(ftruncate(files[3].fd, (1LL << 40) + BS), 0);
	assert_ok(kdump_set_open(paths, PARTS, false, &set, err));
	assert_fails(kdump_set_join(set, &o->out, &(uint64_t){0}, err), ERR_UNSUPPORTED,
		     "the data of 4 pages is scattered over 0x");
	source_destroy(set);
	for (size_t i = 0; i < PARTS; i++)
		memfile_close(&files[i]);
	fake_out_destroy(o);
}

TEST(only_a_set_is_joined)
{
	struct fake_out *o = fake_out_create(0);
	struct source *src = NULL;

	make_set();
	parts[0].data[AT_SPLIT] = 0;
	memfile_write(&files[0], parts[0].data, parts[0].len);
	assert_ok(source_open(files[0].path, &src, err));
	assert_fails(kdump_set_join(src, &o->out, &(uint64_t){0}, err), ERR_UNSUPPORTED,
		     "is no split dump");
	assert_int_equal(o->n_calls, 0);
	source_destroy(src);
	memfile_close(&files[0]);
	fake_out_destroy(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_set),
		cmocka_unit_test(a_file_is_missing),
		cmocka_unit_test(files_of_different_dumps),
		cmocka_unit_test(ranges_that_cannot_be),
		cmocka_unit_test(one_file_alone_is_refused_as_a_dump),
		cmocka_unit_test(an_older_set),
		cmocka_unit_test(joined),
		cmocka_unit_test(joined_is_no_larger),
		cmocka_unit_test(joined_with_a_file_missing),
		cmocka_unit_test(joined_with_lost_pages),
		cmocka_unit_test(joined_with_eraseinfo),
		cmocka_unit_test(joining_fails),
		cmocka_unit_test(scattered_data),
		cmocka_unit_test(only_a_set_is_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
