// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/num.h"

/*
 * A chunk is what a worker takes at a time: 512 words of the bitmap, 128 MiB of 4 KiB pages. The rank of
 * each chunk's first page is known beforehand, so workers need no order among themselves.
 */
#define CHUNK_WORDS 512
#define BATCH_BYTES (1UL << 20) /* of compressed data in one write */
#define BATCH_PAGES 2048

/*
 * Only chunks with pages of the input are in the table: memory may lie at the far end of 52 bits of
 * physical address, and the bitmap before it is not even looked at.
 */
struct chunk {
	uint64_t word; /* first one of the bitmap */
	uint64_t rank; /* of the first kept page */
};

struct pipeline {
	const struct image *img;
	const struct filter_options *options;
	const struct bitmap *keep;
	struct sink *sink;
	struct chunk *chunks;
	uint64_t n_chunks;
	uint64_t n_kept;
	_Atomic uint64_t next_chunk;
	_Atomic bool failed;
	pthread_mutex_t lock; /* of what follows, and of the progress callback */
	uint64_t done;        /* pages written */
	struct err *err;
	struct filter_stats *stats;
};

struct worker {
	struct pipeline *p;
	struct compressor *compressor;
	struct view view;
	uint8_t *page; /* one page put together from pieces */
	uint8_t *data; /* compressed pages of the batch */
	size_t len, cap;
	struct sink_page *pages;
	size_t n;
	uint64_t rank; /* of pages[0] */
	uint64_t zero, written, lost;
};

static bool is_zero(const uint8_t *page, size_t size)
{
	/* 64 bytes at a time let the compiler use vectors and still stop early */
	for (size_t i = 0; i < size; i += 64) {
		uint64_t v[8], any = 0;

		memcpy(v, page + i, sizeof(v));
		for (size_t k = 0; k < 8; k++)
			any |= v[k];
		if (any)
			return false;
	}
	return true;
}

/*
 * A page that the source has only in pieces: what is not there (the input's memory may end inside a
 * page) is zero. False if none of it can be read.
 */
static bool gather_page(struct worker *w, uint64_t phys)
{
	const struct source *src = w->p->img->src;
	uint64_t end = phys + w->p->img->page_size;
	const struct range *r = ranges_from(&src->present, phys);
	const struct range *stop = src->present.v + src->present.n;
	struct err ignored;
	bool any = false;

	memset(w->page, 0, w->p->img->page_size);
	for (; r && r < stop && r->start < end; r++) {
		uint64_t from = NUM_MAX(r->start, phys), to = NUM_MIN(r->end, end);

		any |= !source_read(src, from, w->page + (from - phys), (size_t)(to - from),
				    &ignored);
	}
	return any;
}

/* The bytes of a page frame, borrowed until the next call; NULL if they cannot be read. */
static const uint8_t *fetch_page(struct worker *w, uint64_t pfn)
{
	uint64_t phys = pfn << w->p->img->page_shift;
	const uint8_t *data;
	struct err ignored;
	size_t len;

	if (!source_map(w->p->img->src, &w->view, phys, &data, &len, &ignored) &&
	    len >= w->p->img->page_size)
		return data;
	return gather_page(w, phys) ? w->page : NULL;
}

static int flush(struct worker *w, struct err *err)
{
	struct pipeline *p = w->p;
	struct sink_batch batch = {
		.rank = w->rank, .pages = w->pages, .n = w->n, .data = w->data, .len = w->len};
	int r;

	if (!w->n)
		return 0;
	r = sink_write(p->sink, &batch, err);
	if (r)
		return r;
	if (p->options->progress) {
		pthread_mutex_lock(&p->lock);
		p->done += w->n;
		p->options->progress(p->options->progress_ctx, FILTER_WRITE, p->done, p->n_kept);
		pthread_mutex_unlock(&p->lock);
	}
	w->rank += w->n;
	w->n = 0;
	w->len = 0;
	return 0;
}

static void add_page(struct worker *w, uint64_t pfn)
{
	struct pipeline *p = w->p;
	size_t page_size = (size_t)p->img->page_size;
	const uint8_t *page = fetch_page(w, pfn);
	struct sink_page *to = &w->pages[w->n++];
	size_t n;

	if (!page) {
		*to = (struct sink_page){.kind = SINK_LOST};
		w->lost++;
		return;
	}
	if ((p->options->level & LEVEL_ZERO) && is_zero(page, page_size)) {
		*to = (struct sink_page){.kind = SINK_ZERO};
		w->zero++;
		return;
	}
	n = compressor_run(w->compressor, page, page_size, w->data + w->len);
	*to = (struct sink_page){SINK_DATA, p->options->codec, (uint32_t)n};
	if (!n) {
		memcpy(w->data + w->len, page, page_size);
		*to = (struct sink_page){SINK_DATA, CODEC_RAW, (uint32_t)page_size};
	}
	w->len += to->size;
	w->written++;
}

static int do_chunk(struct worker *w, const struct chunk *chunk, struct err *err)
{
	struct pipeline *p = w->p;
	uint64_t word = chunk->word;
	uint64_t end = NUM_MIN(word + CHUNK_WORDS, p->keep->n_words);

	w->rank = chunk->rank;
	for (; word < end; word++) {
		for (uint64_t bits = p->keep->words[word]; bits; bits &= bits - 1) {
			uint64_t bit = (uint64_t)__builtin_ctzll(bits);
			int r = 0;

			add_page(w, word * BITMAP_WORD_BITS + bit);
			if (w->n == BATCH_PAGES || w->len >= BATCH_BYTES)
				r = flush(w, err);
			if (r)
				return r;
		}
	}
	return flush(w, err);
}

static int worker_init(struct worker *w, struct pipeline *p, struct err *err)
{
	size_t page_size = (size_t)p->img->page_size;
	int r;

	*w = (struct worker){.p = p};
	view_init(&w->view);
	r = compressor_create(p->options->codec, 0, &w->compressor, err);
	if (r)
		return r;
	w->cap = BATCH_BYTES + NUM_MAX(compressor_bound(w->compressor, page_size), page_size);
	w->page = malloc(page_size);
	w->data = malloc(w->cap);
	w->pages = calloc(BATCH_PAGES, sizeof(*w->pages));
	if (!w->page || !w->data || !w->pages)
		return err_nomem(err, w->cap, "a worker's buffers");
	return 0;
}

static void worker_deinit(struct worker *w)
{
	view_deinit(w->p->img->src, &w->view);
	compressor_destroy(w->compressor);
	free(w->page);
	free(w->data);
	free(w->pages);
}

static void *worker_main(void *arg)
{
	struct pipeline *p = arg;
	struct worker w;
	struct err err = {0};
	int r = worker_init(&w, p, &err);

	while (!r && !atomic_load(&p->failed)) {
		uint64_t chunk = atomic_fetch_add(&p->next_chunk, 1);

		if (chunk >= p->n_chunks)
			break;
		r = do_chunk(&w, &p->chunks[chunk], &err);
	}
	pthread_mutex_lock(&p->lock);
	if (r && !atomic_exchange(&p->failed, true))
		*p->err = err;
	p->stats->zero += w.zero;
	p->stats->written += w.written;
	p->stats->lost += w.lost;
	pthread_mutex_unlock(&p->lock);
	worker_deinit(&w);
	return NULL;
}

/*
 * Walk the chunks that have pages of the input, each once and in order; with `chunks` NULL only count
 * them.
 */
static uint64_t list_chunks(const struct ranges *pages, struct chunk *chunks)
{
	const uint64_t chunk_pages = (uint64_t)CHUNK_WORDS * BITMAP_WORD_BITS;
	uint64_t n = 0, next = 0;

	for (size_t i = 0; i < pages->n; i++) {
		uint64_t first = NUM_MAX(pages->v[i].start / chunk_pages, next);

		next = NUM_MAX((pages->v[i].end - 1) / chunk_pages + 1, next);
		for (uint64_t c = first; c < next; c++, n++)
			if (chunks)
				chunks[n].word = c * CHUNK_WORDS;
	}
	return n;
}

static int rank_chunks(struct pipeline *p, const struct ranges *pages, struct err *err)
{
	uint64_t sum = 0;

	p->n_chunks = list_chunks(pages, NULL);
	p->chunks = calloc(NUM_MAX(p->n_chunks, 1), sizeof(*p->chunks));
	if (!p->chunks)
		return err_nomem(err, p->n_chunks * sizeof(*p->chunks), "the rank table");
	list_chunks(pages, p->chunks);
	for (uint64_t i = 0; i < p->n_chunks; i++) {
		struct chunk *c = &p->chunks[i];

		c->rank = sum;
		sum += bitmap_count_words(p->keep, c->word, c->word + CHUNK_WORDS);
	}
	p->n_kept = sum;
	return 0;
}

/* The calling thread is the first worker; threads that cannot be started are done without. */
static void run_workers(struct pipeline *p)
{
	unsigned int extra = NUM_MIN(p->options->threads, FILTER_MAX_THREADS) - 1, started = 0;
	pthread_t threads[FILTER_MAX_THREADS];

	while (started < extra && started + 1 < p->n_chunks &&
	       pthread_create(&threads[started], NULL, worker_main, p) == 0)
		started++;
	worker_main(p);
	while (started)
		pthread_join(threads[--started], NULL);
}

int pipeline_run(const struct image *img, const struct filter_options *options,
		 const struct ranges *pages, const struct bitmap *keep, struct sink *sink,
		 struct filter_stats *stats, struct err *err)
{
	struct pipeline p = {
		.img = img,
		.options = options,
		.keep = keep,
		.sink = sink,
		.err = err,
		.stats = stats,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int r = rank_chunks(&p, pages, err);

	if (r)
		return r;
	run_workers(&p);
	free(p.chunks);
	return atomic_load(&p.failed) ? err->code : 0;
}
