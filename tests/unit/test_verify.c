// SPDX-License-Identifier: GPL-2.0-or-later
/* `verify` on our own output, whole and with every kind of byte changed. */
#include "image/verify.h"

#include <inttypes.h>

#include "filter/filter.h"
#include "format/kdump.h"
#include "tests/unit/fake_out.h"
#include "tests/unit/vmcore_file.h"

#define PAGE  4096ULL
#define PAGES 512ULL

static char vmcore[] = "/tmp/test_verify_XXXXXX";
static struct source *whole; /* opened from vmcore */
static struct image *img;

static int make_vmcore(void **state)
{
	static const char *const lines[] = {"Linux version " VMCORE_RELEASE, "second", NULL};
	const struct vmcore_file f = {.noise = 100 * PAGE, .time = 1700000000, .lines = lines};

	(void)state;
	close(mkstemp(vmcore));
	vmcore_write(&f, vmcore);
	assert_ok(source_open(vmcore, &whole, err));
	assert_ok(image_create(whole, &img, err));
	return 0;
}

static int drop_vmcore(void **state)
{
	(void)state;
	image_destroy(img);
	source_destroy(whole);
	unlink(vmcore);
	return 0;
}

static struct fake_out *filter(enum filter_format format, unsigned int level, enum codec codec)
{
	const struct filter_options options = {
		.format = format, .level = level, .codec = codec, .threads = 1};
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	assert_ok(filter_run(img, &options, &o->out, &stats, err));
	return o;
}

/* What verify said. */
struct said {
	int error; /* of source_open() or verify_run() */
	struct verify_stats stats;
	char text[4096]; /* all problems */
};

static void hear(void *ctx, const char *text)
{
	struct said *said = ctx;
	size_t len = strlen(said->text);

	assert_null(strchr(text, '\n'));
	snprintf(said->text + len, sizeof(said->text) - len, "%s\n", text);
}

static void verify(const char *path, struct said *ret)
{
	const struct verify_options options = {.problem = hear, .ctx = ret};
	struct source *src = NULL;
	struct err err;

	*ret = (struct said){.error = source_open(path, &src, &err)};
	if (ret->error) {
		hear(ret, err.msg);
		return;
	}
	ret->error = verify_run(src, &options, &ret->stats, &err);
	source_destroy(src);
}

static bool complains(const struct said *said)
{
	return said->error || said->stats.problems || said->stats.unused;
}

static void poke(const struct fake_out *o, uint64_t off, uint8_t mask)
{
	uint8_t byte;

	assert_int_equal(pread(o->file.fd, &byte, 1, (off_t)off), 1);
	byte ^= mask;
	assert_int_equal(pwrite(o->file.fd, &byte, 1, (off_t)off), 1);
}

static void write_at(const struct fake_out *o, uint64_t off, const void *data, size_t len)
{
	assert_int_equal(pwrite(o->file.fd, data, len, (off_t)off), len);
}

/* ---- whole dumps */

TEST(whole_dumps)
{
	static const enum codec codecs[] = {CODEC_RAW, CODEC_ZLIB, CODEC_LZO, CODEC_SNAPPY,
					    CODEC_ZSTD};
	struct said said;

	verify(vmcore, &said);
	assert_string_equal(said.text, "");
	for (unsigned int i = 0; i < 4 * ARRAY_SIZE(codecs); i++) {
		static const unsigned int levels[] = {0, 1, 16, 31};
		bool elf = i % 5 == 0 && i % 2;
		struct fake_out *o =
			filter(elf ? FILTER_ELF : FILTER_KDUMP, levels[i / 5], codecs[i % 5]);

		verify(o->file.path, &said);
		assert_string_equal(said.text, "");
		assert_false(complains(&said));
		assert_int_equal(said.stats.good, PAGES);
		assert_int_equal(said.stats.pages, PAGES);
		assert_int_equal(said.stats.records, 2);
		assert_int_equal(said.stats.notes, 1);
		assert_int_equal(said.stats.data_seen, !elf);
		assert_string_equal(said.stats.release, VMCORE_RELEASE);
		fake_out_destroy(o);
	}
}

/* ---- one byte is another */

/* Zeros behind the last note, more or fewer, mean nothing. */
static bool same_notes(struct bytes a, struct bytes b)
{
	for (size_t i = 0; i < a.len || i < b.len; i++)
		if ((i < a.len ? a.data[i] : 0) != (i < b.len ? b.data[i] : 0))
			return false;
	return true;
}

/* Has the dump the memory, the notes and the mark that it should have? Then the change did no harm. */
static bool harmless(const char *path)
{
	uint8_t want[PAGE], got[PAGE];
	struct source *src = NULL;
	struct err why;
	bool same;

	if (source_open(path, &src, &why))
		return false;
	same = ranges_total(&src->present) == PAGES * PAGE && !src->incomplete &&
	       same_notes(src->notes, whole->notes);
	for (uint64_t pfn = 0; same && pfn < PAGES; pfn++) {
		assert_ok(source_read(whole, pfn * PAGE, want, PAGE, err));
		same = !source_read(src, pfn * PAGE, got, PAGE, &why) &&
		       memcmp(want, got, PAGE) == 0;
	}
	source_destroy(src);
	return same;
}

/* Is the descriptor at `at` now the same as another one? Sharing is legal: nothing tells this from it. */
static bool is_shared(const struct fake_out *o, uint64_t descs, uint64_t at)
{
	static uint8_t table[PAGES * 24];
	size_t own;

	if (!descs || at < descs)
		return false;
	assert_int_equal(pread(o->file.fd, table, sizeof(table), (off_t)descs), sizeof(table));
	own = (at - descs) / 24;
	for (size_t i = 0; i < PAGES; i++)
		if (i != own && memcmp(table + i * 24, table + own * 24, 16) == 0)
			return true;
	return false;
}

/* Change each byte of [from, to) in turn. `descs`: where the descriptors are; 0 in an ELF file. */
static void check_bytes(struct fake_out *o, uint64_t descs, uint64_t from, uint64_t to)
{
	static const uint8_t masks[] = {0x01, 0x90, 0xff};
	struct said said;

	for (uint64_t off = from; off < to; off++)
		for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
			poke(o, off, masks[i]);
			verify(o->file.path, &said);
			if (!complains(&said) && !harmless(o->file.path) &&
			    !is_shared(o, descs, off))
				fail_msg("byte 0x%" PRIx64 " ^ 0x%02x goes unseen", off, masks[i]);
			poke(o, off, masks[i]);
		}
}

static void check_kdump(unsigned int level, enum codec codec, bool headers)
{
	struct fake_out *o = filter(FILTER_KDUMP, level, codec);
	const struct kdump_header *h;
	struct source *src = NULL;
	uint64_t bitmaps, descs;

	assert_ok(source_open(o->file.path, &src, err));
	h = kdump_source_header(src);
	bitmaps = PAGE * (1 + h->sub_blocks);
	descs = bitmaps + PAGE * h->bitmap_blocks;
	source_destroy(src);
	for (uint64_t i = 0; i < PAGES; i += 37)
		check_bytes(o, descs, descs + i * 24, descs + (i + 1) * 24);
	if (!headers) {
		fake_out_destroy(o);
		return;
	}
	check_bytes(o, 0, 0, 464);
	check_bytes(o, 0, PAGE, PAGE + 104);
	check_bytes(o, 0, bitmaps, bitmaps + PAGES / 8);
	check_bytes(o, 0, bitmaps + (descs - bitmaps) / 2,
		    bitmaps + (descs - bitmaps) / 2 + PAGES / 8);
	fake_out_destroy(o);
}

TEST(every_byte_of_kdump_headers)
{
	check_kdump(1, CODEC_LZO, true);
	check_kdump(1, CODEC_ZSTD, false);
	check_kdump(0, CODEC_RAW, false);
}

/* No flag, checksum or second copy says what an ELF header said, so only what cannot be is seen. */
TEST(every_byte_of_elf_headers)
{
	struct fake_out *o = filter(FILTER_ELF, 1, CODEC_RAW);
	struct said said;

	for (uint64_t off = 0; off < 64 + 2 * 56; off++) {
		poke(o, off, 0xff);
		verify(o->file.path, &said);
		if (!complains(&said) && !harmless(o->file.path))
			fail_msg("byte 0x%" PRIx64 " goes unseen", off);
		poke(o, off, 0xff);
	}
	fake_out_destroy(o);
}

/* Compressed data: zlib has a checksum; the others see what cannot be unpacked to one page. */
TEST(every_byte_of_zlib_data)
{
	struct fake_out *o = filter(FILTER_KDUMP, 1, CODEC_ZLIB);
	struct source *src = NULL;
	uint64_t data;

	assert_ok(source_open(o->file.path, &src, err));
	data = PAGE *
	       (1 + kdump_source_header(src)->sub_blocks + kdump_source_header(src)->bitmap_blocks);
	source_destroy(src);
	data = (data + PAGES * 24 + PAGE - 1) / PAGE * PAGE + PAGE; /* behind the page of zeros */
	check_bytes(o, 0, data, data + 200);
	fake_out_destroy(o);
}

/* ---- what is said */

static void expect(const struct fake_out *o, const char *part)
{
	struct said said;

	verify(o->file.path, &said);
	assert_true(said.stats.problems > 0);
	if (!strstr(said.text, part))
		fail_msg("said \"%s\", expected \"%s\"", said.text, part);
}

TEST(problems_have_names)
{
	struct fake_out *o = filter(FILTER_KDUMP, 1, CODEC_LZO);
	const struct kdump_header *h;
	struct source *src = NULL;
	uint64_t bitmap, descs, far = 1ULL << 40;

	assert_ok(source_open(o->file.path, &src, err));
	h = kdump_source_header(src);
	bitmap = PAGE * (1 + h->sub_blocks);
	descs = bitmap + PAGE * h->bitmap_blocks;
	source_destroy(src);
	poke(o, 460, 7);
	expect(o, "nr_cpus is 7, there are notes of 0");
	poke(o, 460, 7);
	poke(o, 12 + 2 * 65, 1);
	expect(o, "header: release is '7.1.0-unit', in memory it is '6.1.0-unit'");
	poke(o, 12 + 2 * 65, 1);
	poke(o, PAGE, 0x10);
	expect(o, "phys_base 0x10 is not VMCOREINFO's 0x0");
	poke(o, PAGE, 0x10);
	poke(o, PAGE + 32, 4);
	expect(o, "no VMCOREINFO note's text at");
	poke(o, PAGE + 32, 4);
	poke(o, PAGE + 48, 1); /* the reader makes a note of VMCOREINFO instead */
	expect(o, "notes at 0x1069: note");
	poke(o, PAGE + 48, 1);
	poke(o, 424, 8);
	expect(o, "says that it is incomplete");
	poke(o, 424, 8);
	poke(o, descs + 24 * (PAGES - 9), 1); /* stored raw, as its neighbours */
	expect(o, "data of page frame 0x1f6 at 0x");
	expect(o, " and of 0x1f7 at 0x");
	poke(o, descs + 24 * (PAGES - 9), 1);
	poke(o, descs + 24 * 0x107 + 12, 3);
	expect(o, "physical address 0x107000: ");
	poke(o, descs + 24 * 0x107 + 12, 3);
	poke(o, bitmap, 2);
	expect(o, "memory that the 1st has not");
	poke(o, bitmap, 2);
	write_at(o, descs + 24 * 5, &far, 8);
	expect(o, "page_desc of pfn 0x5: offset 0x10000000000");
	fake_out_destroy(o);
}

/* Lost pages are counted; that the dump is incomplete is the one problem. */
TEST(incomplete_dump)
{
	struct fake_out *o = filter(FILTER_KDUMP, 0, CODEC_RAW);
	struct said said;
	off_t size = lseek(o->file.fd, 0, SEEK_END);

	poke(o, 424, 8);
	assert_int_equal(ftruncate(o->file.fd, size - 10 * (off_t)PAGE), 0);
	verify(o->file.path, &said);
	assert_string_equal(said.text, "the dump says that it is incomplete\n");
	assert_int_equal(said.stats.lost, 10);
	assert_int_equal(said.stats.good, PAGES - 10);
	fake_out_destroy(o);
	o = filter(FILTER_ELF, 0, CODEC_RAW);
	write_at(o, 9, "PARTIAL", 7);
	verify(o->file.path, &said);
	assert_string_equal(said.text, "the dump says that it is incomplete\n");
	fake_out_destroy(o);
}

static void check_vmcore(const struct vmcore_file *f, const char *part)
{
	char path[] = "/tmp/test_verify_XXXXXX";
	struct said said;

	close(mkstemp(path));
	vmcore_write(f, path);
	verify(path, &said);
	unlink(path);
	if (*part)
		assert_non_null(strstr(said.text, part));
	else
		assert_string_equal(said.text, "");
}

TEST(no_image)
{
	check_vmcore(&(struct vmcore_file){0}, "");
	check_vmcore(&(struct vmcore_file){.no_vmcoreinfo = true}, "has no VMCOREINFO note");
	check_vmcore(&(struct vmcore_file){.bad_mem_section = true}, "mem_map: ");
	check_vmcore(&(struct vmcore_file){.unreadable_log = true}, "log: ");
	check_vmcore(&(struct vmcore_file){.no_log_ring = true}, ""); /* a kernel before 5.10 */
}

static void count_calls(void *ctx, uint64_t done, uint64_t total)
{
	assert_true(done <= total);
	++*(unsigned int *)ctx;
}

TEST(progress)
{
	const struct vmcore_file f = {.ram = 16 << 20};
	char path[] = "/tmp/test_verify_XXXXXX";
	struct verify_options options = {.progress = count_calls};
	struct source *src = NULL;
	struct verify_stats stats;
	unsigned int calls = 0;

	close(mkstemp(path));
	vmcore_write(&f, path);
	assert_ok(source_open(path, &src, err));
	unlink(path);
	options.ctx = &calls;
	assert_ok(verify_run(src, &options, &stats, err));
	assert_int_equal(calls, 4);
	source_destroy(src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_dumps),
		cmocka_unit_test(every_byte_of_kdump_headers),
		cmocka_unit_test(every_byte_of_elf_headers),
		cmocka_unit_test(every_byte_of_zlib_data),
		cmocka_unit_test(problems_have_names),
		cmocka_unit_test(incomplete_dump),
		cmocka_unit_test(no_image),
		cmocka_unit_test(progress),
	};

	return cmocka_run_group_tests(tests, make_vmcore, drop_vmcore);
}
