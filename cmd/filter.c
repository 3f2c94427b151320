// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "filter/filter.h"

struct args {
	int codec;
	uint64_t level;
	uint64_t threads;
	bool force;
	bool quiet;
};

static void print_stats(const struct filter_stats *s, const struct image *img, const char *path)
{
	char a[16], b[16];
	double seconds = (double)(s->scan_ns + s->write_ns) / 1e9;

	printf("%-26s %12s %12s\n", "pages", "in memory", "left out");
	for (int c = 0; c < PAGE_CLASSES; c++)
		if (s->class_pages[c])
			printf("  %-24s %12" PRIu64 " %12" PRIu64 "\n", page_class_name(c),
			       s->class_pages[c], s->dropped[c]);
	printf("  %-24s %12" PRIu64 "\n", "all", s->pages);
	printf("kept: %" PRIu64 " with data, %" PRIu64 " pages of zeros sharing one copy\n",
	       s->written, s->zero);
	if (s->unknown)
		printf("kept unseen: %" PRIu64 " pages without a readable struct page\n",
		       s->unknown);
	if (s->doubtful)
		printf("doubtful: %" PRIu64 " struct pages with an impossible order, kept singly\n",
		       s->doubtful);
	if (s->lost)
		printf("LOST: %" PRIu64 " pages could not be read; the dump is marked incomplete\n",
		       s->lost);
	printf("%s: %s of %s memory in %.2f s (scan %.2f s, write %.2f s)\n", path,
	       num_human(s->file_bytes, a), num_human(s->pages * img->page_size, b), seconds,
	       (double)s->scan_ns / 1e9, (double)s->write_ns / 1e9);
}

static int run_filter(const struct image *img, const struct args *args, const char *path,
		      struct filter_stats *stats, struct err *err)
{
	struct progress progress;
	struct filter_options options = {
		.level = (unsigned int)args->level,
		.codec = (enum codec)args->codec,
		.threads = (unsigned int)args->threads,
		.progress = progress_update,
		.progress_ctx = &progress,
	};
	struct out *out;
	int r = out_file_create(path, args->force, &out, err);

	if (r)
		return r;
	progress_init(&progress);
	r = filter_run(img, &options, out, stats, err);
	progress_end(&progress);
	if (r) {
		out->ops->abort(out);
		return r;
	}
	return out->ops->commit(out, err);
}

static int filter_dump(const struct args *args, const char *in, const char *path, struct err *err)
{
	struct filter_stats stats;
	struct source *src;
	struct image *img;
	int r = source_open(in, &src, err);

	if (r)
		return r;
	r = image_create(src, &img, err);
	if (!r) {
		r = run_filter(img, args, path, &stats, err);
		if (!r && !args->quiet)
			print_stats(&stats, img, path);
		image_destroy(img);
	}
	source_destroy(src);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct args args = {
		.codec = CODEC_RAW,
		.threads = cpus > 0 ? NUM_MIN((uint64_t)cpus, FILTER_MAX_THREADS) : 1,
	};
	const struct opt opts[] = {
		OPT_CHOICE('c', NULL, &args.codec, CODEC_ZLIB, "compress pages with zlib"),
		OPT_CHOICE('l', NULL, &args.codec, CODEC_LZO, "compress pages with lzo"),
		OPT_NUMBER('d', "dump-level", "LEVEL", &args.level, 0, LEVEL_MAX,
			   "leave out: 1 zero, 2 cache, 4 all cache, 8 user, 16 free; a sum (0)"),
		OPT_FLAG('f', NULL, &args.force, "replace OUT if it exists"),
		OPT_NUMBER(0, "num-threads", "N", &args.threads, 1, FILTER_MAX_THREADS,
			   "workers that compress and write (online CPUs)"),
		OPT_FLAG('q', "quiet", &args.quiet, "print no statistics"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 2, 2, err);

	if (r)
		return r;
	return filter_dump(&args, argv[1], argv[2], err);
}

const struct cmd cmd_filter = {
	.name = "filter",
	.operands = "VMCORE OUT",
	.summary = "write a dump without the pages that nobody needs",
	.details =
		"Read VMCORE (an ELF vmcore, /proc/vmcore, or a kdump-compressed file) and write\n"
		"OUT in the kdump-compressed format. Hardware-poisoned and offline pages are left\n"
		"out at every level. OUT appears under its name only when it is whole and durable.",
	.run = run,
};
