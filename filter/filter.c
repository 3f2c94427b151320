// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/filter.h"

#include <inttypes.h>

#include "base/clock.h"
#include "filter/estimate.h"
#include "filter/first.h"
#include "filter/keep.h"
#include "filter/pipeline.h"
#include "filter/sink.h"
#include "filter/sink_split.h"

/*
 * What the input may claim. An entry of a page table has 52 bits of physical address on x86_64 and on
 * arm64; the largest machines have 64 TiB of memory. The 1st bitmap takes a bit for each page frame of
 * RAM, so a small file must not claim without limit.
 */
#define PHYS_BITS_MAX 52
#define RAM_MAX       (128ULL << 40)

#define ESTIMATE_DOUBT 16 /* by a part of so many an estimate may be wrong */

/* What filter_run() owns while it works. */
struct run {
	struct ranges ram;     /* page frames of the machine */
	struct ranges present; /* of these, the ones in the input */
	struct firsts first;   /* to be written before the others */
	struct keep *keep;
	struct sink *sink;
};

static void run_deinit(struct run *run)
{
	sink_destroy(run->sink);
	keep_destroy(run->keep);
	first_deinit(&run->first);
	ranges_deinit(&run->ram);
	ranges_deinit(&run->present);
}

/* The page frames of the machine and of the input; the bitmaps rely on the second in the first. */
static int find_frames(const struct image *img, struct run *run, struct err *err)
{
	const struct source *src = img->src;
	int r;

	if ((r = image_page_frames(img, &src->ram, &run->ram, err)) ||
	    (r = image_page_frames(img, &src->present, &run->present, err)))
		return r;
	if (!run->present.n)
		return err_set(err, ERR_CORRUPT, "%s holds no memory", src->path);
	/* the two bitmaps of a kdump file may contradict each other */
	return ranges_add_all(&run->ram, &run->present, err);
}

static int check_claims(const struct image *img, const struct run *run, struct err *err)
{
	uint64_t end = run->ram.v[run->ram.n - 1].end, total = ranges_total(&run->ram);

	if (end > 1ULL << (PHYS_BITS_MAX - img->page_shift))
		return err_set(err, ERR_CORRUPT,
			       "%s: memory up to page frame 0x%" PRIx64
			       " is more than %d bits of physical address",
			       img->src->path, end - 1, PHYS_BITS_MAX);
	if (total > RAM_MAX >> img->page_shift)
		return err_set(err, ERR_CORRUPT,
			       "%s: 0x%" PRIx64 " page frames of memory are no machine's (limit: "
			       "0x%llx)",
			       img->src->path, total, RAM_MAX >> img->page_shift);
	return 0;
}

/* All but the output. */
static int find_pages(const struct image *img, const struct filter_options *options,
		      struct run *run, struct filter_stats *stats, struct err *err)
{
	uint64_t begin = clock_ns();
	int r;

	if ((r = find_frames(img, run, err)) || (r = check_claims(img, run, err)) ||
	    (r = keep_create(img, options, &run->present, &run->keep, stats, err)))
		return r;
	stats->scan_ns = clock_ns() - begin;
	return 0;
}

static int check_limit(const struct filter_options *options, const struct sink *sink,
		       struct err *err)
{
	if (!options->limit || options->limit > sink->base)
		return 0;
	return err_set(err, ERR_NO_SPACE,
		       "a limit of %" PRIu64 " bytes has no room for any page: headers and bitmaps "
		       "alone take %" PRIu64,
		       options->limit, sink->base);
}

static int create_sink(const struct image *img, const struct filter_options *options,
		       struct out *const *outs, size_t n, struct run *run, struct err *err)
{
	const struct sink_task task = {.img = img,
				       .options = options,
				       .ram = &run->ram,
				       .keep = run->keep,
				       .out = outs[0]};

	return n == 1 ? sink_create(&task, &run->sink, err)
		      : sink_split_create(&task, outs, n, &run->sink, err);
}

/* A sink that goes nowhere, which has the true one's base. */
static int create_mock_sink(const struct image *img, const struct filter_options *options, size_t n,
			    struct out *out, struct run *run, struct err *err)
{
	struct out **outs = calloc(n, sizeof(struct out *));
	int r;

	if (!outs)
		return err_nomem(err, n * sizeof(struct out *), "the outputs");
	estimate_out_init(out);
	for (size_t i = 0; i < n; i++)
		outs[i] = out;
	r = create_sink(img, options, outs, n, run, err);
	free(outs);
	return r;
}

/* What cannot be estimated is taken to fit. */
static int weigh(const struct image *img, const struct filter_options *options, size_t n,
		 struct run *run, struct err *err)
{
	struct filter_stats stats = {0};
	struct err ignored;
	struct out out;
	uint64_t bytes;
	int r = create_mock_sink(img, options, n, &out, run, err);

	/* RAM_MAX bounds the product */
	bytes = r ? 0 : run->sink->base + (run->keep->n_kept << img->page_shift);
	if (!r && bytes > options->limit)
		bytes = estimate_run(img, run->keep, run->sink, &stats, &ignored)
				? 0
				: stats.file_bytes - stats.file_bytes / ESTIMATE_DOUBT;
	sink_destroy(run->sink);
	run->sink = NULL;
	if (!r && bytes > options->limit)
		r = err_set(err, ERR_NO_SPACE, "about %" PRIu64 " bytes would not go into %" PRIu64,
			    stats.file_bytes, options->limit);
	return r;
}

static int write_dump(const struct image *img, const struct filter_options *options,
		      struct out *const *outs, size_t n, struct run *run,
		      struct filter_stats *stats, struct err *err)
{
	uint64_t begin = clock_ns();
	bool whole;
	int r;

	if ((r = create_sink(img, options, outs, n, run, err)) ||
	    (r = check_limit(options, run->sink, err)) || (r = first_find(img, &run->first, err)) ||
	    (r = pipeline_run(img, run->keep, &run->first, run->sink, stats, err)))
		return r;
	whole = !stats->lost && stats->cut == FILTER_WHOLE && !img->src->incomplete;
	if ((r = sink_finish(run->sink, !whole, &stats->file_bytes, err)))
		return r;
	stats->write_ns = clock_ns() - begin;
	return 0;
}

static int check_options(const struct filter_options *options, struct err *err)
{
	if (options->level > LEVEL_MAX || !options->threads)
		return err_set(err, ERR_USAGE, "dump level %u with %u threads", options->level,
			       options->threads);
	if (options->format == FILTER_ELF && options->codec != CODEC_RAW)
		return err_set(err, ERR_USAGE, "an ELF file's pages are not compressed (%s)",
			       codec_name(options->codec));
	return 0;
}

int filter_run(const struct image *img, const struct filter_options *options, struct out *out,
	       struct filter_stats *ret, struct err *err)
{
	return filter_run_split(img, options, &out, 1, ret, err);
}

int filter_run_split(const struct image *img, const struct filter_options *options,
		     struct out *const *outs, size_t n, struct filter_stats *ret, struct err *err)
{
	struct filter_stats stats = {0};
	struct run run = {0};
	int r = check_options(options, err);

	if (!r && !n)
		r = err_set(err, ERR_USAGE, "a dump in no file");
	if (!r)
		r = find_pages(img, options, &run, &stats, err);
	if (!r && options->weigh && options->limit)
		r = weigh(img, options, n, &run, err);
	if (!r)
		r = write_dump(img, options, outs, n, &run, &stats, err);
	run_deinit(&run);
	if (!r)
		*ret = stats;
	return r;
}

int filter_count(const struct image *img, const struct filter_options *options,
		 struct filter_stats *ret, struct err *err)
{
	struct filter_options own = *options;
	struct filter_stats stats = {0};
	struct run run = {0};
	int r = check_options(options, err);

	if (img->src->live)
		own.threads = 1; /* format/source.h says why */
	if (!r)
		r = find_pages(img, &own, &run, &stats, err);
	run_deinit(&run);
	if (!r)
		*ret = stats;
	return r;
}

static int estimate(const struct image *img, const struct filter_options *options, size_t n,
		    struct run *run, struct filter_stats *stats, struct err *err)
{
	uint64_t begin = clock_ns();
	struct out out;
	int r = create_mock_sink(img, options, n, &out, run, err);

	begin = clock_ns() - begin; /* what comes before the pages takes as long as in earnest */
	if (!r && !(r = estimate_run(img, run->keep, run->sink, stats, err)))
		stats->write_ns += begin;
	return r;
}

int filter_estimate(const struct image *img, const struct filter_options *options, size_t n,
		    struct filter_stats *ret, struct err *err)
{
	struct filter_stats stats = {0};
	struct run run = {0};
	int r = check_options(options, err);

	if (!r && (!n || options->limit || options->deadline_ns))
		r = err_set(err, ERR_USAGE, "only a whole dump can be estimated");
	if (!r)
		r = find_pages(img, options, &run, &stats, err);
	if (!r)
		r = estimate(img, options, n, &run, &stats, err);
	run_deinit(&run);
	if (!r)
		*ret = stats;
	return r;
}
