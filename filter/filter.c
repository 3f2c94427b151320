// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/filter.h"

#include <inttypes.h>
#include <time.h>

#include "filter/bitmap.h"
#include "filter/pipeline.h"
#include "filter/scan.h"
#include "filter/sink.h"

/* What filter_run() owns while it works. */
struct run {
	struct ranges ram;     /* page frames of the machine */
	struct ranges present; /* of these, the ones in the input */
	struct bitmap keep;
	struct sink *sink;
};

static void run_deinit(struct run *run)
{
	sink_destroy(run->sink);
	bitmap_deinit(&run->keep);
	ranges_deinit(&run->ram);
	ranges_deinit(&run->present);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int find_pages(const struct image *img, struct run *run, struct filter_stats *stats,
		      struct err *err)
{
	uint64_t max_pfn;
	int r;

	if ((r = image_page_frames(img, &img->src->ram, &run->ram, err)) ||
	    (r = image_page_frames(img, &img->src->present, &run->present, err)))
		return r;
	if (!run->present.n)
		return err_set(err, ERR_CORRUPT, "%s holds no memory", img->src->path);
	max_pfn = run->ram.v[run->ram.n - 1].end;
	r = bitmap_init(&run->keep, max_pfn, err);
	if (r)
		return r;
	for (size_t i = 0; i < run->present.n; i++)
		bitmap_set_range(&run->keep, run->present.v[i].start, run->present.v[i].end);
	stats->pages = ranges_total(&run->present);
	return 0;
}

static int scan_and_write(const struct image *img, const struct filter_options *options,
			  struct out *out, struct run *run, struct filter_stats *stats,
			  struct err *err)
{
	uint64_t begin = now_ns(), scanned;
	int r;

	if ((r = find_pages(img, run, stats, err)) ||
	    (r = scan_run(img, options, &run->present, &run->keep, stats, err)))
		return r;
	scanned = now_ns();
	stats->scan_ns = scanned - begin;
	if ((r = sink_create(img, options, &run->ram, &run->keep, out, &run->sink, err)) ||
	    (r = pipeline_run(img, options, &run->keep, run->sink, stats, err)) ||
	    (r = sink_finish(run->sink, stats->lost > 0, &stats->file_bytes, err)))
		return r;
	stats->write_ns = now_ns() - scanned;
	return 0;
}

int filter_run(const struct image *img, const struct filter_options *options, struct out *out,
	       struct filter_stats *ret, struct err *err)
{
	struct filter_stats stats = {0};
	struct run run = {0};
	int r;

	if (options->level > LEVEL_MAX || !options->threads)
		return err_set(err, ERR_USAGE, "dump level %u with %u threads", options->level,
			       options->threads);
	r = scan_and_write(img, options, out, &run, &stats, err);
	run_deinit(&run);
	if (!r)
		*ret = stats;
	return r;
}
