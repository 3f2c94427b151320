// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/estimate.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "filter/fetch.h"
#include "filter/pool.h"
#include "filter/share.h"

/* ---- nowhere */

static int nowhere_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			  struct err *err)
{
	(void)out;
	(void)buf;
	(void)len;
	(void)off;
	(void)err;
	return 0;
}

static int nowhere_sync(struct out *out, struct err *err)
{
	(void)out;
	(void)err;
	return 0;
}

static const struct out_ops nowhere_ops = {.pwrite = nowhere_pwrite, .sync = nowhere_sync};

void estimate_out_init(struct out *out)
{
	*out = (struct out){.ops = &nowhere_ops, .name = "nowhere"};
}

/* ---- which pages */

/* The sum of all threads, or what one of them has found. */
struct sums {
	uint64_t pages; /* looked at */
	uint64_t zero, shared, written;
	uint64_t bytes; /* of the written ones */
	uint64_t cpu_ns;
};

struct estimate {
	const struct image *img;
	const struct keep *keep;
	struct sink *sink;
	struct share share;
	uint64_t n; /* pages in the sample */
	struct sums sums;
};

/* SplitMix64's last step: every bit of the result depends on every bit of `v`. */
static uint64_t scatter(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

/*
 * The rank of page `k` of the sample, ascending: somewhere in the k-th of n equal stretches, because
 * memory has patterns of its own that a fixed step could fall in with.
 */
static uint64_t rank_of(const struct estimate *e, uint64_t k)
{
	uint64_t kept = e->keep->n_kept; /* RAM_MAX has 35 bits of pages, the sample 14 */
	uint64_t from = k * kept / e->n, to = (k + 1) * kept / e->n;

	return from + scatter(k) % (to - from);
}

/* The first page of the sample whose rank is `rank` or more. */
static uint64_t first_from(const struct estimate *e, uint64_t rank)
{
	uint64_t lo = 0, hi = e->n;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (rank_of(e, mid) >= rank)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* ---- one page */

struct taster {
	struct estimate *e;
	struct keep_reader reader;
	struct compressor *compressor;
	struct fetch fetch;
	uint8_t *packed;
	struct sums sums;
};

/* As the pipeline does: what is `packed` is what would be written. */
static struct sink_page pack(struct taster *t, const uint8_t *page)
{
	size_t size = (size_t)t->e->img->page_size;
	size_t n = compressor_run(t->compressor, page, size, t->packed);

	return (struct sink_page){.kind = SINK_DATA, .size = (uint32_t)(n ? n : size)};
}

static int pack_uniform(struct taster *t, const uint8_t *page, uint64_t word, struct sink_page *ret,
			struct err *err)
{
	struct estimate *e = t->e;

	if (!word && (e->keep->options->level & LEVEL_ZERO)) {
		*ret = (struct sink_page){.kind = SINK_ZERO};
		return 0;
	}
	if (e->sink->ops->place && share_find(&e->share, word, ret))
		return 0;
	*ret = pack(t, page);
	return e->sink->ops->place ? share_add(&e->share, e->sink, word, t->packed, ret, err) : 0;
}

static int taste(struct taster *t, uint64_t pfn, struct err *err)
{
	const uint8_t *page = fetch_page(&t->fetch, pfn);
	struct sink_page got;
	uint64_t word;

	if (!page)
		return 0;
	if (!share_is_uniform(page, (size_t)t->e->img->page_size, &word))
		got = pack(t, page);
	else if (pack_uniform(t, page, word, &got, err))
		return err->code;
	t->sums.pages++;
	t->sums.zero += got.kind == SINK_ZERO;
	t->sums.shared += got.kind == SINK_SHARED;
	t->sums.written += got.kind == SINK_DATA;
	t->sums.bytes += got.kind == SINK_DATA ? got.size : 0;
	return 0;
}

/* ---- a chunk */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The bit number of the n-th one of `word`, counted from 0. */
static unsigned int nth_bit(uint64_t word, uint64_t n)
{
	while (n--)
		word &= word - 1;
	return (unsigned int)__builtin_ctzll(word);
}

static int taste_chunk(void *worker, uint64_t i, struct err *err)
{
	struct taster *t = worker;
	const struct estimate *e = t->e;
	const struct chunk *chunk = &e->keep->chunks[i];
	uint64_t k = first_from(e, chunk->rank), end = first_from(e, chunk->rank + chunk->kept);
	uint64_t below = chunk->rank, begin; /* kept pages before word `w` */
	const struct chunk_bits *bits;
	int r = 0;

	if (k == end)
		return 0;
	bits = keep_read(&t->reader, i, err);
	if (!bits)
		return err->code;
	begin = cpu_ns(); /* the bits are not the pages' cost */
	for (uint64_t w = 0; w < CHUNK_WORDS && k < end && !r; w++) {
		uint64_t word = bits->keep[w];
		uint64_t n = (uint64_t)__builtin_popcountll(word), rank;

		for (; !r && k < end && (rank = rank_of(e, k)) < below + n; k++)
			r = taste(t,
				  chunk->pfn + w * BITMAP_WORD_BITS + nth_bit(word, rank - below),
				  err);
		below += n;
	}
	t->sums.cpu_ns += cpu_ns() - begin;
	return r;
}

static int taster_begin(void *ctx, void **ret, struct err *err)
{
	struct estimate *e = ctx;
	size_t size = (size_t)e->img->page_size;
	struct taster *t = calloc(1, sizeof(*t));
	enum codec codec = e->keep->options->codec;
	int r;

	*ret = t;
	if (!t)
		return err_nomem(err, sizeof(*t), "a worker");
	/* as if the output were fast: what comes is smaller, if anything */
	if (codec == CODEC_AUTO)
		codec = CODEC_LZO;
	t->e = e;
	if ((r = fetch_init(&t->fetch, e->img, err)) ||
	    (r = keep_reader_init(&t->reader, e->keep, err)) ||
	    (r = compressor_create(codec, 0, &t->compressor, err)))
		return r;
	t->packed = malloc(NUM_MAX(compressor_bound(t->compressor, size), size));
	return t->packed ? 0 : err_nomem(err, size, "a worker's buffers");
}

static void taster_end(void *worker)
{
	struct taster *t = worker;
	struct sums *sum;

	if (!t)
		return;
	sum = &t->e->sums;
	sum->pages += t->sums.pages;
	sum->zero += t->sums.zero;
	sum->shared += t->sums.shared;
	sum->written += t->sums.written;
	sum->bytes += t->sums.bytes;
	sum->cpu_ns += t->sums.cpu_ns;
	keep_reader_deinit(&t->reader);
	fetch_deinit(&t->fetch);
	compressor_destroy(t->compressor);
	free(t->packed);
	free(t);
}

/* ---- from the sample to all */

static uint64_t scale(uint64_t found, uint64_t sample, uint64_t all)
{
	return (uint64_t)((long double)found / (long double)sample * (long double)all + 0.5L);
}

static void conclude(const struct estimate *e, struct filter_stats *stats)
{
	const struct filter_options *o = e->keep->options;
	const struct sums *s = &e->sums;
	uint64_t kept = e->keep->n_kept, sample = NUM_MAX(s->pages, 1), data = 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	stats->zero = scale(s->zero, sample, kept);
	stats->shared = NUM_MIN(scale(s->shared, sample, kept), kept - stats->zero);
	stats->written = kept - stats->zero - stats->shared;
	for (size_t i = 0; i < e->share.n; i++)
		data += num_align_up(e->share.entries[i].size, ESTIMATE_BLOCK);
	/* an ELF file has a place for every page, if only a hole */
	data += o->format == FILTER_ELF ? kept << e->img->page_shift
					: scale(s->bytes, sample, kept);
	stats->file_bytes = e->sink->base + data;
	stats->write_ns = scale(s->cpu_ns, sample, kept) /
			  NUM_MIN(o->threads, cpus > 0 ? (unsigned int)cpus : 1);
}

int estimate_run(const struct image *img, const struct keep *keep, struct sink *sink,
		 struct filter_stats *stats, struct err *err)
{
	struct estimate e = {
		.img = img,
		.keep = keep,
		.sink = sink,
		.n = NUM_MIN(keep->n_kept, ESTIMATE_SAMPLE),
	};
	const struct pool pool = {
		.n_tasks = keep->n_chunks,
		.threads = keep->options->threads,
		.ctx = &e,
		.begin = taster_begin,
		.task = taste_chunk,
		.end = taster_end,
	};
	int r;

	share_init(&e.share);
	r = pool_run(&pool, err);
	if (!r)
		conclude(&e, stats);
	share_deinit(&e.share);
	return r;
}
