// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/estimate.h"

#include <inttypes.h>

#include "base/num.h"
#include "tests/unit/fake_out.h"
#include "tests/unit/vmcore_file.h"

enum {
	PAGE = 4096,
	FIRST = 1024 /* page frame behind the kernel's own */,
	MAX_OUTS = 3,
	WORDS = 5
};

struct vmcore {
	struct memfile file;
	struct source *src;
	struct image *img;
};

static uint64_t random64(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Zeros, one of some words over and over, and noise for a part of the page, how large a part differs. */
static void fill_page(uint64_t pfn, uint64_t *words)
{
	uint64_t x = pfn * 0x9e3779b97f4a7c15 + 1, kind = random64(&x) % 8;
	uint64_t n = kind < 4 ? 0 : random64(&x) % (PAGE / 8 + 1);

	for (uint64_t i = 0; i < PAGE / 8; i++)
		words[i] = i < n ? random64(&x) : kind == 1 ? 0x6b6b6b6b6b6b6b00 + pfn % WORDS : 0;
}

static void open_vmcore(struct vmcore *v, uint64_t ram)
{
	const struct vmcore_file machine = {.ram = ram};
	static uint64_t words[PAGE / 8];

	memfile_write(&v->file, "", 0);
	vmcore_write(&machine, v->file.path);
	for (uint64_t pfn = FIRST; pfn < ram / PAGE; pfn++) {
		fill_page(pfn, words);
		assert_int_equal(pwrite(v->file.fd, words, PAGE, (off_t)(VMCORE_DATA + pfn * PAGE)),
				 PAGE);
	}
	assert_ok(source_open(v->file.path, &v->src, err));
	assert_ok(image_create(v->src, &v->img, err));
}

static void close_vmcore(struct vmcore *v)
{
	image_destroy(v->img);
	source_destroy(v->src);
	memfile_close(&v->file);
}

static void filter(const struct vmcore *v, const struct filter_options *options, size_t n,
		   struct filter_stats *ret)
{
	struct fake_out *files[MAX_OUTS];
	struct out *outs[MAX_OUTS];

	for (size_t i = 0; i < n; i++) {
		files[i] = fake_out_create(0);
		outs[i] = &files[i]->out;
	}
	assert_ok(filter_run_split(v->img, options, outs, n, ret, err));
	for (size_t i = 0; i < n; i++)
		fake_out_destroy(files[i]);
}

static bool is_near(uint64_t got, uint64_t want, double share)
{
	double odd = (double)got - (double)want;

	return (odd < 0 ? -odd : odd) <= share * (double)want;
}

/* `share`: by how much sizes and numbers may differ; 0: not at all. */
static void compare(const struct vmcore *v, const struct filter_options *options, size_t n,
		    double share)
{
	struct filter_stats real, stats;
	uint64_t words;

	filter(v, options, n, &real);
	assert_ok(filter_estimate(v->img, options, n, &stats, err));
	assert_int_equal(stats.pages, real.pages);
	assert_memory_equal(stats.class_pages, real.class_pages, sizeof(real.class_pages));
	assert_memory_equal(stats.dropped, real.dropped, sizeof(real.dropped));
	assert_int_equal(stats.zero + stats.shared + stats.written,
			 real.zero + real.shared + real.written);
	/* of a fake file what pages share is not aligned */
	words = n == 1 && options->format == FILTER_KDUMP ? ESTIMATE_BLOCK * (WORDS + 1) : 0;
	if (!is_near(stats.zero, real.zero, 4 * share) ||
	    !is_near(stats.shared, real.shared, 4 * share) ||
	    (!is_near(stats.file_bytes, real.file_bytes, share) &&
	     (stats.file_bytes < real.file_bytes || stats.file_bytes > real.file_bytes + words)))
		fail_msg("level %u codec %d to %zu: %" PRIu64 " of %" PRIu64 " bytes, %" PRIu64
			 " of %" PRIu64 " zero, %" PRIu64 " of %" PRIu64 " shared",
			 options->level, (int)options->codec, n, stats.file_bytes, real.file_bytes,
			 stats.zero, real.zero, stats.shared, real.shared);
	assert_true(stats.write_ns > 0);
	assert_int_equal(stats.lost + stats.cut_off + stats.cut, 0);
}

/* The sample has every page: then it is no estimate. */
TEST(few_pages_are_all_looked_at)
{
	static const enum codec codecs[] = {CODEC_RAW, CODEC_ZLIB, CODEC_LZO, CODEC_SNAPPY,
					    CODEC_ZSTD};
	struct filter_options options = {.threads = 3};
	struct vmcore v;

	open_vmcore(&v, 16 << 20);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(codecs); i++) {
		options.codec = codecs[i / 2];
		options.level = i % 2;
		compare(&v, &options, 1, 0);
		compare(&v, &options, MAX_OUTS, 0);
	}
	options = (struct filter_options){.format = FILTER_ELF, .level = 1, .threads = 1};
	compare(&v, &options, 1, 0);
	close_vmcore(&v);
}

TEST(of_many_pages_a_sample_is_looked_at)
{
	struct filter_options options = {.level = 31, .codec = CODEC_LZO, .threads = 2};
	struct vmcore v;

	open_vmcore(&v, 128 << 20);
	compare(&v, &options, 1, 0.01);
	options.level = 0;
	compare(&v, &options, 1, 0.01);
	options = (struct filter_options){.format = FILTER_ELF, .level = 1, .threads = 1};
	compare(&v, &options, 1, 0.01);
	close_vmcore(&v);
}

TEST(what_cannot_be_read_is_like_the_rest)
{
	const struct filter_options options = {.level = 1, .codec = CODEC_LZO, .threads = 1};
	struct filter_stats whole, cut;
	struct vmcore v;

	open_vmcore(&v, 16 << 20);
	assert_ok(filter_estimate(v.img, &options, 1, &whole, err));
	assert_int_equal(ftruncate(v.file.fd, VMCORE_DATA + (14 << 20)), 0);
	assert_ok(filter_estimate(v.img, &options, 1, &cut, err));
	assert_int_equal(cut.zero + cut.shared + cut.written, 4096);
	assert_true(is_near(cut.file_bytes, whole.file_bytes, 0.1));
	close_vmcore(&v);
}

TEST(what_cannot_be_estimated)
{
	struct filter_options options = {.level = 1, .threads = 1, .limit = 1 << 20};
	struct filter_stats stats;
	struct vmcore v;

	open_vmcore(&v, 8 << 20);
	assert_fails(filter_estimate(v.img, &options, 1, &stats, err), ERR_USAGE, "whole dump");
	options = (struct filter_options){.level = 1, .threads = 1, .deadline_ns = 1};
	assert_fails(filter_estimate(v.img, &options, 1, &stats, err), ERR_USAGE, "whole dump");
	options = (struct filter_options){.level = 32, .threads = 1};
	assert_fails(filter_estimate(v.img, &options, 1, &stats, err), ERR_USAGE, "level 32");
	options = (struct filter_options){.format = FILTER_ELF, .threads = 1};
	assert_fails(filter_estimate(v.img, &options, 2, &stats, err), ERR_USAGE, "be split");
	assert_fails(filter_estimate(v.img, &options, 0, &stats, err), ERR_USAGE, "whole dump");
	close_vmcore(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_pages_are_all_looked_at),
		cmocka_unit_test(of_many_pages_a_sample_is_looked_at),
		cmocka_unit_test(what_cannot_be_read_is_like_the_rest),
		cmocka_unit_test(what_cannot_be_estimated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
