// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>

#include "filter/filter.h"
#include "filter/first.h"
#include "format/kdump_set.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_out.h"

/* Machines are slow to make and filtering does not change them: one for all tests that do not either. */
static struct machine *shared;

static int make_shared(void **state)
{
	(void)state;
	shared = machine_create(FAKE_6_12);
	shared->seed = 42;
	machine_fill(shared);
	machine_contents(shared);
	fake_open(&shared->f);
	return 0;
}

static int drop_shared(void **state)
{
	(void)state;
	machine_destroy(shared);
	return 0;
}

static struct filter_options options_of(unsigned int level, enum codec codec, unsigned int threads)
{
	return (struct filter_options){.level = level, .codec = codec, .threads = threads};
}

static bool in_memory(const struct machine *m, uint64_t at)
{
	return ranges_find(&m->f.src.present, at) != NULL;
}

/* The page frame as the dump should have it: what is not memory is zero. */
static void expected_page(const struct machine *m, uint64_t pfn, uint8_t *ret)
{
	for (uint64_t i = 0; i < FAKE_PAGE; i++) {
		uint64_t at = pfn * FAKE_PAGE + i;

		ret[i] = in_memory(m, at) ? m->f.ram[at] : 0;
	}
}

static bool all_zero(const uint8_t *page)
{
	return !page[0] && memcmp(page, page + 1, FAKE_PAGE - 1) == 0;
}

/* The machine's memory is known to a kdump file only; an ELF file has what was kept. */
static void assert_ranges(const struct machine *m, const struct source *src, unsigned int level)
{
	bool kdump = kdump_source_header(src) != NULL;

	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++) {
		bool kept = machine_keeps(m, pfn, level), ram = m->use[pfn] != USE_NOTHING;

		assert_int_equal(ranges_find(&src->present, pfn * FAKE_PAGE) != NULL, kept);
		assert_int_equal(ranges_find(&src->ram, pfn * FAKE_PAGE) != NULL,
				 kdump ? ram : kept);
	}
	if (kdump)
		assert_int_equal(src->ram.n, m->f.src.ram.n);
}

/* Compare every page with memory and with the uses. */
static void assert_source(const struct machine *m, const struct source *src, unsigned int level,
			  const struct filter_stats *stats)
{
	static uint8_t want[FAKE_PAGE], got[FAKE_PAGE];
	uint64_t n_kept = 0, n_zero = 0;

	assert_false(src->incomplete);
	assert_ranges(m, src, level);
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++) {
		bool out = m->use[pfn] != USE_NOTHING && kdump_source_header(src);

		if (!machine_keeps(m, pfn, level)) {
			assert_fails(source_read(src, pfn * FAKE_PAGE, got, FAKE_PAGE, err),
				     ERR_NOT_FOUND, out ? "filtered out" : "not in the dump");
			continue;
		}
		assert_ok(source_read(src, pfn * FAKE_PAGE, got, FAKE_PAGE, err));
		expected_page(m, pfn, want);
		if (memcmp(got, want, FAKE_PAGE) != 0)
			fail_msg("level %u: page frame %" PRIu64 " differs", level, pfn);
		n_kept++;
		n_zero += (level & LEVEL_ZERO) && all_zero(want);
	}
	assert_int_equal(src->notes.len, m->f.src.notes.len);
	assert_memory_equal(src->notes.data, m->f.src.notes.data, src->notes.len);
	assert_int_equal(stats->zero, n_zero);
	assert_int_equal(stats->written + stats->shared, n_kept - n_zero);
	assert_int_equal(stats->cut, FILTER_WHOLE);
	assert_int_equal(stats->cut_off, 0);
	assert_int_equal(stats->lost, 0);
}

static void assert_dump(const struct machine *m, const struct fake_out *o, unsigned int level,
			const struct filter_stats *stats)
{
	struct source *src = NULL;
	struct stat st;

	assert_ok(source_open(o->file.path, &src, err));
	assert_source(m, src, level, stats);
	assert_int_equal(fstat(o->file.fd, &st), 0);
	assert_true((uint64_t)st.st_size <= stats->file_bytes);
	source_destroy(src);
}

static void check(const struct machine *m, struct filter_options options)
{
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	assert_ok(filter_run(m->f.img, &options, &o->out, &stats, err));
	assert_false(o->finished);
	assert_dump(m, o, options.level, &stats);
	fake_out_destroy(o);
}

TEST(all_levels)
{
	for (unsigned int level = 0; level <= LEVEL_MAX; level++)
		check(shared, options_of(level, level % 3, level % 2 ? 8 : 2));
}

TEST(all_levels_elf)
{
	for (unsigned int level = 0; level <= LEVEL_MAX; level++) {
		struct filter_options options = options_of(level, CODEC_RAW, level % 2 ? 1 : 8);

		options.format = FILTER_ELF;
		check(shared, options);
	}
}

TEST(all_codecs_and_threads)
{
	static const unsigned int threads[] = {1, 2, 8, 1000};

	for (unsigned int codec = CODEC_RAW; codec <= CODEC_LZO; codec++)
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			check(shared, options_of(1, codec, threads[i]));
}

/* ---- split dumps */

static uint64_t count_kept(const struct machine *m, uint64_t from, uint64_t to, unsigned int level)
{
	uint64_t n = 0;

	for (uint64_t pfn = from; pfn < to; pfn++)
		n += machine_keeps(m, pfn, level);
	return n;
}

/*
 * Ranges follow each other; each but the last has its share of the pages, give or take a stretch of 64;
 * no file behind one without page frames has any.
 */
static void assert_shares(const struct machine *m, struct fake_out *const *o, size_t n,
			  unsigned int level)
{
	uint64_t total = count_kept(m, 0, MACHINE_PAGES, level), next = 0, before = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t range[2], want = total * (i + 1) / n;

		assert_int_equal(pread(o[i]->file.fd, range, 16, FAKE_PAGE + 80), 16);
		assert_int_equal(range[0], next);
		assert_true(range[1] % 64 == 0 || range[1] == MACHINE_PAGES);
		assert_true(range[1] > range[0] || next == MACHINE_PAGES);
		before += count_kept(m, range[0], range[1], level);
		if (total / n >= 64)
			assert_true(before >= want && before < want + 64);
		next = range[1];
	}
	assert_int_equal(next, MACHINE_PAGES);
}

static void check_split(const struct machine *m, struct filter_options options, size_t n)
{
	struct fake_out **o = calloc(n, sizeof(*o));
	struct out **outs = calloc(n, sizeof(*outs));
	const char **paths = calloc(n, sizeof(*paths));
	struct filter_stats stats;
	struct source *src = NULL;

	for (size_t i = 0; i < n; i++) {
		o[i] = fake_out_create(0);
		outs[i] = &o[i]->out;
		paths[i] = o[i]->file.path;
	}
	assert_ok(filter_run_split(m->f.img, &options, outs, n, &stats, err));
	assert_shares(m, o, n, options.level);
	assert_ok(kdump_set_open(paths, n, false, &src, err));
	assert_source(m, src, options.level, &stats);
	assert_int_equal(src->file_size <= stats.file_bytes, true);
	source_destroy(src);
	for (size_t i = 0; i < n; i++)
		fake_out_destroy(o[i]);
	free(o);
	free(outs);
	free(paths);
}

TEST(split_at_all_levels)
{
	for (unsigned int level = 0; level <= LEVEL_MAX; level++)
		check_split(shared, options_of(level, level % 3, level % 2 ? 8 : 2), 2 + level % 5);
}

TEST(split_into_many)
{
	check_split(shared, options_of(31, CODEC_LZO, 2), 100);
	check_split(shared, options_of(31, CODEC_LZO, 2), 900);
}

/*
 * The kernel's image is written from its end. Where a border lay in it, pages of the file before it were
 * once written into the bitmap of the one behind it (seen with Linux 7.3).
 */
TEST(split_through_the_kernel)
{
	const uint64_t stext = FAKE_KERNEL_MAP + 16 * MIB;
	struct machine *m = machine_create(FAKE_6_1);

	machine_fill(m);
	fake_map_range(&m->f, stext, 0, 8 * MIB);
	fake_set(&m->f, "SYMBOL(_stext)", "%" PRIx64, stext);
	fake_open(&m->f);
	for (size_t n = 2; n < 12; n++)
		check_split(m, options_of(0, CODEC_LZO, 2), n);
	machine_destroy(m);
}

/*
 * Some files are on a file system that takes writes past the page cache, and others are not. What is read
 * up to the end of a block lies in the batch.
 */
TEST(split_to_different_disks)
{
	struct filter_options options = options_of(0, CODEC_ZLIB, 1);
	struct machine *m = machine_create(FAKE_6_1);
	struct fake_out *o[64];
	struct out *outs[64];
	struct filter_stats stats;

	machine_fill(m);
	fake_open(&m->f);
	for (uint64_t at = 127 * MIB; at < 131 * MIB; at += FAKE_PAGE)
		for (uint64_t i = 0, n = 2000 + machine_random(m, 2096); i < n; i++)
			m->f.ram[at + i] = (uint8_t)machine_random(m, 256);
	for (size_t first = 0; first < 2; first++) {
		for (size_t i = 0; i < ARRAY_SIZE(o); i++) {
			o[i] = fake_out_create(0);
			o[i]->out.block = i % 2 == first ? FAKE_PAGE : 0;
			outs[i] = &o[i]->out;
		}
		assert_ok(filter_run_split(m->f.img, &options, outs, ARRAY_SIZE(o), &stats, err));
		for (size_t i = 0; i < ARRAY_SIZE(o); i++)
			fake_out_destroy(o[i]);
	}
	machine_destroy(m);
}

/* One file's failure is the dump's; the last two calls are what takes the mark away. */
TEST(split_fails)
{
	struct filter_options options = options_of(31, CODEC_LZO, 1);
	struct filter_stats stats;
	size_t total = SIZE_MAX - 1;

	for (size_t at = 0; at <= total; at++) {
		struct fake_out *o[2] = {fake_out_create(0), fake_out_create(at)};
		struct out *outs[2] = {&o[0]->out, &o[1]->out};
		struct err err = {0};
		int r = filter_run_split(shared->f.img, &options, outs, 2, &stats, &err);

		assert_int_equal(r, at ? ERR_NO_SPACE : 0);
		assert_int_equal(err.code, r);
		total = at ? total : o[1]->n_calls;
		if (at > 1 && at < total)
			assert_true(fake_out_incomplete(o[1]));
		assert_false(o[0]->finished || o[1]->finished);
		fake_out_destroy(o[0]);
		fake_out_destroy(o[1]);
	}
	assert_true(total > 10 && total < 1000);
}

/* What a part of a dump lacks is not what a level left out: the output must not pass for whole. */
TEST(incomplete_input)
{
	struct filter_options options = options_of(31, CODEC_LZO, 1);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	shared->f.src.incomplete = true;
	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	shared->f.src.incomplete = false;
	assert_true(fake_out_incomplete(o));
	assert_int_equal(stats.lost, 0);
	fake_out_destroy(o);
}

TEST(split_usage)
{
	struct filter_options options = options_of(31, CODEC_RAW, 2);
	struct fake_out *o = fake_out_create(0);
	struct out *outs[2] = {&o->out, &o->out};
	struct filter_stats stats;

	assert_fails(filter_run_split(shared->f.img, &options, outs, 0, &stats, err), ERR_USAGE,
		     "in no file");
	options.format = FILTER_ELF;
	assert_fails(filter_run_split(shared->f.img, &options, outs, 2, &stats, err), ERR_USAGE,
		     "only a kdump-compressed dump can be split");
	assert_int_equal(o->n_calls, 0);
	fake_out_destroy(o);
}

TEST(header)
{
	struct filter_options options = options_of(31, CODEC_LZO, 1);
	struct fake_out *o = fake_out_create(0);
	const struct kdump_header *h;
	struct filter_stats stats;
	struct source *src = NULL;
	char text[3072];

	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	assert_ok(source_open(o->file.path, &src, err));
	h = kdump_source_header(src);
	assert_int_equal(h->status, 2);
	assert_int_equal(h->dump_level, 31);
	assert_int_equal(h->nr_cpus, 2);
	assert_int_equal(h->time_sec, 1700000000);
	assert_int_equal(h->max_mapnr, MACHINE_PAGES);
	assert_int_equal(h->block_size, FAKE_PAGE);
	assert_int_equal(h->phys_base, shared->f.root - 0x1000);
	assert_string_equal(h->uts[UTS_RELEASE], "6.1.0-fake");
	assert_string_equal(h->uts[UTS_MACHINE], "x86_64");
	assert_int_equal(h->vmcoreinfo_size, strlen(shared->f.info));
	assert_int_equal(pread(o->file.fd, text, h->vmcoreinfo_size, (off_t)h->vmcoreinfo_off),
			 (ssize_t)h->vmcoreinfo_size);
	assert_memory_equal(text, shared->f.info, h->vmcoreinfo_size);
	source_destroy(src);
	fake_out_destroy(o);
}

/* Every page of zeros is one place in the file, whether or not the level says that zeros are nothing. */
TEST(zeros_share_one_place)
{
	for (unsigned int level = 0; level < 2; level++) {
		struct filter_options options = options_of(level, CODEC_RAW, 2);
		struct fake_out *o = fake_out_create(0);
		uint64_t n = 0, shared_at = 0;
		struct filter_stats stats;
		struct source *src = NULL;
		uint64_t desc_off;

		assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
		assert_ok(source_open(o->file.path, &src, err));
		desc_off = FAKE_PAGE * (1 + kdump_source_header(src)->sub_blocks +
					kdump_source_header(src)->bitmap_blocks);
		for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++) {
			uint8_t page[FAKE_PAGE];
			uint64_t at;

			if (!machine_keeps(shared, pfn, level))
				continue;
			assert_int_equal(pread(o->file.fd, &at, 8, (off_t)(desc_off + 24 * n)), 8);
			n++;
			expected_page(shared, pfn, page);
			if (!all_zero(page))
				continue;
			if (shared_at)
				assert_int_equal(at, shared_at);
			shared_at = at;
		}
		assert_true((level ? stats.zero : stats.shared) > 100);
		assert_int_equal(level ? stats.shared : stats.zero, 0);
		source_destroy(src);
		fake_out_destroy(o);
	}
}

/* ---- what the header says, and when */

/*
 * Each call is failed in turn: the error comes back, nothing is committed or aborted by the filter, and
 * what lies in the file does not pass for a whole dump.
 */
static void check_failures(enum filter_format format, bool once, unsigned int threads)
{
	struct filter_options options = options_of(31, CODEC_RAW, threads);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;
	size_t calls;

	options.format = format;
	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	calls = o->n_calls;
	assert_false(fake_out_incomplete(o));
	fake_out_destroy(o);
	assert_true(calls > 10);
	for (size_t n = 1; n <= calls; n++) {
		bool header_there = n > 1;
		struct err e = {0};
		int r;

		o = fake_out_create(n);
		o->fail_once = once;
		o->error = n % 2 ? ENOSPC : EIO;
		stats.pages = 4711;
		r = filter_run(shared->f.img, &options, &o->out, &stats, &e);
		if (threads > 1 && o->n_calls < n) { /* chance gave the threads fewer batches */
			assert_int_equal(r, 0);
			fake_out_destroy(o);
			break;
		}
		assert_int_equal(r, n % 2 ? ERR_NO_SPACE : ERR_SYSTEM);
		assert_non_null(strstr(e.msg, "fake out"));
		assert_int_equal(stats.pages, 4711);
		assert_false(o->finished);
		/* the very last sync comes behind the mark's removal: nothing works any more then */
		if (once || n < calls)
			assert_int_equal(fake_out_incomplete(o), header_there);
		fake_out_destroy(o);
	}
}

TEST(every_failure_of_a_full_disk)
{
	check_failures(FILTER_KDUMP, false, 1);
	check_failures(FILTER_ELF, false, 1);
}

TEST(every_single_failure)
{
	check_failures(FILTER_KDUMP, true, 1);
	check_failures(FILTER_KDUMP, true, 4);
	check_failures(FILTER_ELF, true, 4);
}

/* The mark goes when all else is synced, with one write, and that is synced too. */
static void check_order(enum filter_format format)
{
	struct filter_options options = options_of(31, CODEC_RAW, 3);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;
	size_t n;

	options.format = format;
	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	n = o->n_calls;
	assert_int_equal(o->calls[n - 3].kind, 's');
	assert_int_equal(o->calls[n - 2].kind, 'w');
	assert_int_equal(o->calls[n - 2].off, 0);
	assert_int_equal(o->calls[n - 1].kind, 's');
	assert_false(o->calls[n - 1].incomplete);
	for (size_t i = 0; i < n - 1; i++) {
		if (i < n - 3)
			assert_int_equal(o->calls[i].kind, 'w');
		assert_int_equal(o->calls[i].incomplete, i > 0);
	}
	assert_int_equal(o->calls[0].off, 0); /* and it is the first thing there is */
	fake_out_destroy(o);
}

TEST(order_of_the_last_calls)
{
	check_order(FILTER_KDUMP);
	check_order(FILTER_ELF);
}

/* None of the first n calls writes where another one does. */
static void assert_once(const struct fake_out *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct fake_call *a = &o->calls[i], *b = &o->calls[k];

			assert_true(a->off >= b->off + b->len || b->off >= a->off + a->len);
		}
}

/* Nothing is written twice but the header, and a raw dump is as long as its pages ask for. */
TEST(no_waste)
{
	struct filter_options options = options_of(0, CODEC_RAW, 3);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;
	struct source *src = NULL;
	uint64_t desc_off;

	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	assert_once(o, o->n_calls - 2);
	assert_ok(source_open(o->file.path, &src, err));
	desc_off = FAKE_PAGE * (1 + kdump_source_header(src)->sub_blocks +
				kdump_source_header(src)->bitmap_blocks);
	assert_int_equal(stats.file_bytes,
			 (desc_off + 24 * (stats.written + stats.shared) + FAKE_PAGE - 1) /
					 FAKE_PAGE * FAKE_PAGE +
				 (stats.written + 1) * FAKE_PAGE); /* one for all zeros */
	source_destroy(src);
	fake_out_destroy(o);
}

/* An output that takes no byte twice gets the same file. */
static void check_once(enum filter_format format, unsigned int level)
{
	struct filter_options options = options_of(level, CODEC_RAW, 1);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	options.format = format;
	o->out.write_once = true;
	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	assert_once(o, o->n_calls);
	assert_int_equal(o->calls[o->n_calls - 2].off, 0);
	assert_dump(shared, o, level, &stats);
	fake_out_destroy(o);
}

TEST(no_byte_twice)
{
	for (unsigned int level = 0; level <= LEVEL_MAX; level++) {
		check_once(FILTER_KDUMP, level);
		check_once(FILTER_ELF, level);
	}
}

static void check_lost(enum filter_format format)
{
	const uint64_t lost = 6 * MIB / FAKE_PAGE;
	struct machine *m = machine_create(FAKE_6_1);
	struct filter_options options = options_of(1, CODEC_RAW, 2);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;
	struct source *src = NULL;
	uint8_t page[FAKE_PAGE];

	options.format = format;
	fake_open(&m->f);
	fake_bad(&m->f, lost * FAKE_PAGE + 100, (lost + 2) * FAKE_PAGE + 1);
	assert_ok(filter_run(m->f.img, &options, &o->out, &stats, err));
	assert_int_equal(stats.lost, 3);
	assert_true(fake_out_incomplete(o));
	assert_int_equal(o->calls[o->n_calls - 1].kind, 's');
	assert_ok(source_open(o->file.path, &src, err));
	assert_true(src->incomplete);
	for (uint64_t pfn = lost - 2; pfn < lost + 5; pfn++) {
		if (pfn >= lost && pfn < lost + 3)
			assert_fails(source_read(src, pfn * FAKE_PAGE, page, FAKE_PAGE, err),
				     ERR_NOT_FOUND,
				     format == FILTER_ELF ? "not in the dump" : "is lost");
		else
			assert_ok(source_read(src, pfn * FAKE_PAGE, page, FAKE_PAGE, err));
	}
	source_destroy(src);
	fake_out_destroy(o);
	machine_destroy(m);
}

TEST(lost_pages_keep_the_mark)
{
	check_lost(FILTER_KDUMP);
	check_lost(FILTER_ELF);
}

/* ---- dumps that are cut off */

/*
 * What was written can be read and is right, the rest is said to be lost; the file says incomplete, is no
 * longer than it may be, and the statistics add up.
 */
static void assert_cut(const struct fake_out *o, enum filter_format format, unsigned int level,
		       const struct filter_stats *stats)
{
	static uint8_t want[FAKE_PAGE], got[FAKE_PAGE];
	uint64_t kept = 0, readable = 0;
	struct source *src = NULL;

	assert_true(fake_out_incomplete(o));
	assert_ok(source_open(o->file.path, &src, err));
	assert_true(src->incomplete);
	for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++) {
		struct err ignored;

		if (!machine_keeps(shared, pfn, level))
			continue;
		kept++;
		if (source_read(src, pfn * FAKE_PAGE, got, FAKE_PAGE, &ignored))
			continue;
		readable++;
		expected_page(shared, pfn, want);
		assert_memory_equal(got, want, FAKE_PAGE);
	}
	assert_int_equal(stats->written + stats->shared + stats->zero + stats->cut_off, kept);
	if (format == FILTER_KDUMP) /* a batch may be there in part */
		assert_true(readable >= kept - stats->cut_off);
	assert_true(stats->cut_off > 0);
	source_destroy(src);
}

TEST(a_limit_of_size)
{
	for (unsigned int i = 0; i < 12; i++) {
		struct filter_options options =
			options_of(i % 2, i % 4 ? CODEC_LZO : CODEC_RAW, 1 + i % 3);
		struct fake_out *o = fake_out_create(0);
		struct filter_stats stats;
		struct stat st;

		options.limit = 300 * KIB + i * 350 * KIB;
		assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
		assert_int_equal(stats.cut, FILTER_CUT_LIMIT);
		assert_cut(o, FILTER_KDUMP, options.level, &stats);
		assert_int_equal(fstat(o->file.fd, &st), 0);
		assert_true((uint64_t)st.st_size <= options.limit);
		fake_out_destroy(o);
	}
}

/* What does not fit is known before anything is written; what fits only when it is compressed is written. */
TEST(a_limit_weighed)
{
	struct filter_options options = options_of(0, CODEC_LZO, 2);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats whole, stats;
	struct stat st;

	assert_ok(filter_run(shared->f.img, &options, &o->out, &whole, err));
	fake_out_destroy(o);

	o = fake_out_create(0);
	options.weigh = true;
	options.limit = whole.file_bytes - whole.file_bytes / 4;
	assert_fails(filter_run(shared->f.img, &options, &o->out, &stats, err), ERR_NO_SPACE,
		     "would not go into");
	assert_int_equal(fstat(o->file.fd, &st), 0);
	assert_int_equal(st.st_size, 0);

	options.limit = whole.file_bytes + 1;
	assert_true(options.limit < (whole.written << shared->f.img->page_shift));
	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	assert_int_equal(stats.cut, FILTER_WHOLE);
	fake_out_destroy(o);
}

/* Pages of the log, static data, page tables and the kernel's image that the dump does not have. */
static uint64_t count_missing(const struct fake_out *o, const struct firsts *first)
{
	static uint8_t got[FAKE_PAGE];
	struct source *src = NULL;
	uint64_t missing = 0;
	struct err ignored;

	assert_ok(source_open(o->file.path, &src, err));
	for (size_t kind = 0; kind < FIRST_KINDS; kind++)
		for (size_t i = 0; i < first->of[kind].n; i++) {
			const struct range *r = &first->of[kind].v[i];

			for (uint64_t pfn = r->start; pfn < r->end; pfn++)
				missing +=
					pfn < MACHINE_PAGES && machine_keeps(shared, pfn, 0) &&
					source_read(src, pfn * FAKE_PAGE, got, FAKE_PAGE, &ignored);
		}
	source_destroy(src);
	return missing;
}

/*
 * Who keeps a dump that was cut off because the kernel is in it must not be told so if what was on its way was
 * trimmed, or did not get to the disk.
 */
TEST(the_kernel_is_in_a_cut_dump_if_it_says_so)
{
	unsigned int with = 0, without = 0;
	struct firsts first = {0};

	assert_ok(first_find(shared->f.img, &first, err));
	for (unsigned int i = 0; i < 90; i++) {
		struct filter_options options = options_of(0, CODEC_RAW, 1 + i % 3);
		struct fake_out *o = fake_out_create(i % 3 == 2 ? 4 + i / 3 : 0);
		atomic_bool written = false;
		struct filter_stats stats;

		o->error = ENOSPC;
		o->fail_once = true;
		options.keep_cut = true;
		options.image_written = &written;
		if (i % 3 != 2)
			options.limit = 148 * KIB + i * KIB / 2;
		if (filter_run(shared->f.img, &options, &o->out, &stats, &(struct err){0})) {
			assert_false(written);
			fake_out_destroy(o);
			continue;
		}
		with += stats.image_written;
		without += !stats.image_written;
		if (stats.image_written)
			assert_int_equal(count_missing(o, &first), 0);
		/* of several threads the others may still be at it */
		if (written && options.threads == 1)
			assert_true(stats.image_written);
		fake_out_destroy(o);
	}
	assert_true(with > 5 && without > 5);
	first_deinit(&first);
}

TEST(a_limit_without_room)
{
	struct filter_options options = options_of(1, CODEC_LZO, 1);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	options.limit = 1000;
	assert_fails(filter_run(shared->f.img, &options, &o->out, &stats, err), ERR_NO_SPACE,
		     "headers and bitmaps alone take");
	fake_out_destroy(o);
}

/* The disk is full at the n-th write, for many n: no dump, or one that is right as far as it goes. */
TEST(a_full_disk_cuts)
{
	for (unsigned int i = 0; i < 2; i++)
		for (size_t n = 1;; n += 1 + n / 4) {
			struct filter_options options = options_of(1, CODEC_RAW, 1);
			struct fake_out *o = fake_out_create(n);
			struct filter_stats stats;
			struct err e = {0};
			int r;

			options.format = i ? FILTER_ELF : FILTER_KDUMP;
			options.keep_cut = true;
			o->fail_once = true;
			o->error = n % 2 ? ENOSPC : EFBIG;
			r = filter_run(shared->f.img, &options, &o->out, &stats, &e);
			if (o->n_calls < n) {
				assert_int_equal(stats.cut, FILTER_WHOLE);
				fake_out_destroy(o);
				break;
			}
			if (r)
				assert_int_equal(e.sys, o->error);
			else
				assert_cut(o, options.format, 1, &stats);
			fake_out_destroy(o);
		}
}

TEST(no_time_and_a_signal)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct filter_options options = options_of(1, CODEC_RAW, 2);
		struct fake_out *o = fake_out_create(0);
		const atomic_bool stop = true;
		struct filter_stats stats;

		options.format = i % 2 ? FILTER_ELF : FILTER_KDUMP;
		if (i < 2)
			options.deadline_ns = 1;
		else
			options.stop = &stop;
		assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
		assert_int_equal(stats.cut, i < 2 ? FILTER_CUT_TIME : FILTER_CUT_STOP);
		/* for the log, static data and page tables there is always time */
		assert_in_range(stats.written + stats.zero + stats.shared, 1, 200);
		assert_cut(o, options.format, 1, &stats);
		fake_out_destroy(o);
	}
}

/* ---- odd inputs */

/* Not a page is kept: once the file ended before its own bitmaps did and could not be opened. */
TEST(nothing_kept)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct filter_options options = options_of(16 + i % 2, CODEC_RAW, 2);
		struct machine *m = machine_create(FAKE_6_1);
		struct fake_out *o = fake_out_create(0);
		struct filter_stats stats;
		struct source *src = NULL;

		options.format = i % 4 < 2 ? FILTER_KDUMP : FILTER_ELF;
		o->out.write_once = i >= 4;
		for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++)
			if (m->use[pfn] != USE_NOTHING)
				machine_block(m, pfn, 0, USE_FREE);
		fake_open(&m->f);
		assert_ok(filter_run(m->f.img, &options, &o->out, &stats, err));
		assert_int_equal(stats.written + stats.zero, 0);
		assert_ok(source_open(o->file.path, &src, err));
		assert_int_equal(src->present.n, 0);
		assert_false(src->incomplete);
		if (o->out.write_once)
			assert_once(o, o->n_calls);
		source_destroy(src);
		fake_out_destroy(o);
		machine_destroy(m);
	}
}

/*
 * A kdump file whose 2nd bitmap names pages that its 1st one lacks: once a write behind the end of the
 * bitmap, and with an empty 1st one in front of it.
 */
TEST(present_outside_of_ram)
{
	for (int empty = 0; empty < 2; empty++) {
		struct filter_options options = options_of(0, CODEC_RAW, 1);
		struct machine *m = machine_create(FAKE_6_1);
		struct fake_out *o = fake_out_create(0);
		struct filter_stats stats;

		fake_open(&m->f);
		assert_ok(ranges_sub(&m->f.src.ram, empty ? 0 : 100 * MIB, m->f.size, err));
		assert_ok(filter_run(m->f.img, &options, &o->out, &stats, err));
		assert_ok(ranges_add(&m->f.src.ram, 0, 9 * MIB, err));
		for (size_t i = 1; i < ARRAY_SIZE(machine_banks); i++)
			assert_ok(ranges_add(&m->f.src.ram, machine_banks[i].start,
					     machine_banks[i].end, err));
		assert_dump(m, o, 0, &stats);
		fake_out_destroy(o);
		machine_destroy(m);
	}
}

static void check_claim(uint64_t start, uint64_t end, const char *part)
{
	struct filter_options options = options_of(0, CODEC_RAW, 1);
	struct machine *m = machine_create(FAKE_6_1);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	fake_open(&m->f);
	assert_ok(ranges_add(&m->f.src.ram, start, end, err));
	assert_fails(filter_run(m->f.img, &options, &o->out, &stats, err), ERR_CORRUPT, part);
	assert_int_equal(o->n_calls, 0);
	fake_out_destroy(o);
	machine_destroy(m);
}

/* PT_LOADs of exabytes without a byte in the file: once as much memory and disk for the bitmaps. */
TEST(absurd_claims)
{
	check_claim(GIB, UINT64_MAX, "0xfffffffffffff is more than 52 bits");
	check_claim((1ULL << 52) + 4096, (1ULL << 52) + 8192, "0x10000000001 is more than");
	check_claim(GIB, 1ULL << 52, "are no machine's");
	check_claim(GIB, GIB + (128ULL << 40), "are no machine's");
}

/*
 * Memory at the far end of the address space costs what there is of it, not the bitmap before it: 2 GiB
 * at 64 TiB, of which next to nothing is written, and little looked at.
 */
TEST(far_memory)
{
	for (unsigned int bits = 40; bits <= 46; bits += 6) {
		const uint64_t far = (1ULL << bits) - 4096;
		struct filter_options options = options_of(0, CODEC_LZO, 2);
		struct machine *m = machine_create(FAKE_6_1);
		struct fake_out *o = fake_out_create(0);
		struct filter_stats stats;
		struct source *src = NULL;
		uint8_t page[FAKE_PAGE];
		uint64_t sum = 0;

		fake_open(&m->f);
		assert_ok(ranges_add(&m->f.src.ram, far, far + 4096, err));
		assert_ok(filter_run(m->f.img, &options, &o->out, &stats, err));
		for (size_t i = 0; i < o->n_calls; i++)
			sum += o->calls[i].len;
		assert_true(sum < 24 * MIB);
		if (bits == 40) { /* a memfd's holes cost memory to read */
			assert_ok(source_open(o->file.path, &src, err));
			assert_int_equal(kdump_source_header(src)->max_mapnr, 1ULL << 28);
			assert_non_null(ranges_find(&src->ram, far));
			assert_ok(source_read(src, 385 * MIB, page, FAKE_PAGE, err));
			source_destroy(src);
		}
		fake_out_destroy(o);
		machine_destroy(m);
	}
}

/* The bitmaps are written in pieces of 2 GiB of memory: banks in one, over two, over several. */
TEST(bitmaps_in_pieces)
{
	static const struct range banks[] = {
		{2 * GIB - 64 * KIB, 2 * GIB + 64 * KIB},
		{2 * GIB + MIB, 2 * GIB + 2 * MIB},
		{5 * GIB, 9 * GIB + FAKE_PAGE},
		{10 * GIB, 10 * GIB + FAKE_PAGE},
	};
	struct filter_options options = options_of(0, CODEC_LZO, 1);
	struct machine *m = machine_create(FAKE_6_1);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;
	struct source *src = NULL;
	struct ranges frames;

	fake_open(&m->f);
	for (size_t i = 0; i < ARRAY_SIZE(banks); i++)
		assert_ok(ranges_add(&m->f.src.ram, banks[i].start, banks[i].end, err));
	assert_ok(filter_run(m->f.img, &options, &o->out, &stats, err));
	assert_ok(source_open(o->file.path, &src, err));
	assert_ok(image_page_frames(m->f.img, &m->f.src.ram, &frames, err));
	assert_int_equal(src->ram.n, frames.n);
	for (size_t i = 0; i < frames.n; i++) {
		assert_int_equal(src->ram.v[i].start, frames.v[i].start * FAKE_PAGE);
		assert_int_equal(src->ram.v[i].end, frames.v[i].end * FAKE_PAGE);
	}
	ranges_deinit(&frames);
	source_destroy(src);
	fake_out_destroy(o);
	machine_destroy(m);
}

TEST(usage)
{
	struct fake_out *o = fake_out_create(0);
	struct filter_options options = options_of(32, CODEC_RAW, 1);
	struct filter_stats stats;

	assert_fails(filter_run(shared->f.img, &options, &o->out, &stats, err), ERR_USAGE, "32");
	options = options_of(31, CODEC_RAW, 0);
	assert_fails(filter_run(shared->f.img, &options, &o->out, &stats, err), ERR_USAGE, "0 thr");
	options = options_of(31, CODEC_LZO, 1);
	options.format = FILTER_ELF;
	assert_fails(filter_run(shared->f.img, &options, &o->out, &stats, err), ERR_USAGE, "(lzo)");
	options.format = (enum filter_format)7;
	assert_fails(filter_run(shared->f.img, &options, &o->out, &stats, err), ERR_USAGE, "7");
	options = options_of(31, (enum codec)77, 2);
	assert_true(filter_run(shared->f.img, &options, &o->out, &stats, &(struct err){0}) != 0);
	fake_out_destroy(o);
}

TEST(no_memory_in_the_input)
{
	struct filter_options options = options_of(0, CODEC_RAW, 1);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;
	struct fake f;

	fake_init(&f, 4 * MIB, 4);
	fake_ram(&f, 0, f.size);
	fake_open(&f);
	fake_absent(&f, 0, f.size);
	assert_fails(filter_run(f.img, &options, &o->out, &stats, err), ERR_CORRUPT, "no memory");
	assert_int_equal(o->n_calls, 0);
	fake_deinit(&f);
	fake_out_destroy(o);
}

/* ---- progress: never backwards, from one thread at a time, to the end */

struct seen {
	uint64_t done, total;
	int inside;
};

static void see_progress(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct seen *seen = (struct seen *)ctx + phase;

	assert_int_equal(__atomic_fetch_add(&seen->inside, 1, __ATOMIC_SEQ_CST), 0);
	assert_true(done >= seen->done && done <= total);
	seen->done = done;
	seen->total = total;
	__atomic_fetch_sub(&seen->inside, 1, __ATOMIC_SEQ_CST);
}

TEST(progress)
{
	struct seen seen[2] = {0};
	struct filter_options options = options_of(1, CODEC_LZO, 8);
	struct fake_out *o = fake_out_create(0);
	struct filter_stats stats;

	options.progress = see_progress;
	options.progress_ctx = seen;
	assert_ok(filter_run(shared->f.img, &options, &o->out, &stats, err));
	assert_int_equal(seen[FILTER_SCAN].done, stats.pages);
	assert_int_equal(seen[FILTER_WRITE].done, stats.written + stats.zero);
	assert_int_equal(seen[FILTER_WRITE].total, stats.written + stats.zero);
	fake_out_destroy(o);
}

/* What we wrote is an input like any other: filtered again it keeps what both levels keep. */
static void check_again(enum filter_format from, enum filter_format to)
{
	struct filter_options first = options_of(16, CODEC_RAW, 2),
			      second = options_of(9, CODEC_RAW, 2);
	struct fake_out *o = fake_out_create(0), *again = fake_out_create(0);
	struct filter_stats stats;
	struct source *src = NULL;
	struct image *img = NULL;

	first.format = from;
	second.format = to;
	assert_ok(filter_run(shared->f.img, &first, &o->out, &stats, err));
	assert_ok(source_open(o->file.path, &src, err));
	assert_ok(image_create(src, &img, err));
	assert_ok(filter_run(img, &second, &again->out, &stats, err));
	if (from == FILTER_KDUMP || to == FILTER_ELF)
		assert_dump(shared, again, 16 | 9, &stats);
	image_destroy(img);
	source_destroy(src);
	if (from == FILTER_ELF && to == FILTER_KDUMP) { /* the input did not know all of RAM */
		assert_ok(source_open(again->file.path, &src, err));
		for (uint64_t pfn = 0; pfn < MACHINE_PAGES; pfn++)
			assert_int_equal(ranges_find(&src->present, pfn * FAKE_PAGE) != NULL,
					 machine_keeps(shared, pfn, 16 | 9));
		source_destroy(src);
	}
	fake_out_destroy(o);
	fake_out_destroy(again);
}

TEST(filtered_again)
{
	check_again(FILTER_KDUMP, FILTER_KDUMP);
	check_again(FILTER_KDUMP, FILTER_ELF);
	check_again(FILTER_ELF, FILTER_ELF);
	check_again(FILTER_ELF, FILTER_KDUMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_levels),
		cmocka_unit_test(all_levels_elf),
		cmocka_unit_test(all_codecs_and_threads),
		cmocka_unit_test(split_at_all_levels),
		cmocka_unit_test(split_into_many),
		cmocka_unit_test(split_through_the_kernel),
		cmocka_unit_test(split_to_different_disks),
		cmocka_unit_test(split_fails),
		cmocka_unit_test(split_usage),
		cmocka_unit_test(incomplete_input),
		cmocka_unit_test(header),
		cmocka_unit_test(zeros_share_one_place),
		cmocka_unit_test(every_failure_of_a_full_disk),
		cmocka_unit_test(every_single_failure),
		cmocka_unit_test(order_of_the_last_calls),
		cmocka_unit_test(no_waste),
		cmocka_unit_test(no_byte_twice),
		cmocka_unit_test(lost_pages_keep_the_mark),
		cmocka_unit_test(a_limit_of_size),
		cmocka_unit_test(a_limit_weighed),
		cmocka_unit_test(the_kernel_is_in_a_cut_dump_if_it_says_so),
		cmocka_unit_test(a_limit_without_room),
		cmocka_unit_test(a_full_disk_cuts),
		cmocka_unit_test(no_time_and_a_signal),
		cmocka_unit_test(nothing_kept),
		cmocka_unit_test(present_outside_of_ram),
		cmocka_unit_test(absurd_claims),
		cmocka_unit_test(far_memory),
		cmocka_unit_test(bitmaps_in_pieces),
		cmocka_unit_test(usage),
		cmocka_unit_test(no_memory_in_the_input),
		cmocka_unit_test(progress),
		cmocka_unit_test(filtered_again),
	};

	return cmocka_run_group_tests(tests, make_shared, drop_shared);
}
