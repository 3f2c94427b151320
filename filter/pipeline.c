// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/num.h"
#include "filter/chooser.h"
#include "filter/fetch.h"
#include "filter/pool.h"
#include "filter/share.h"
#include "filter/writer.h"

#define BATCH_BYTES (1UL << 20) /* of compressed data in one write */
#define BATCH_PAGES 2048

/*
 * The order in which pages are written: if the dump is cut off, what comes first is in it. The first phases
 * are those of enum first.
 */
enum phase {
	PHASE_EARLY = FIRST_KINDS, /* the rest of what is the kernel's own */
	PHASE_REST,
	PHASES
};

struct pipeline {
	const struct image *img;
	const struct filter_options *options;
	const struct keep *keep;
	const struct firsts *first;
	struct sink *sink;
	struct filter_stats *stats;
	struct share share;
	_Atomic enum filter_cut cut;
	atomic_bool past_image; /* the phases behind it have begun: it is written, or on its way */
	atomic_bool image_cut;  /* a part of it that was on its way was not written */
	_Atomic uint64_t bytes; /* page data written */
	pthread_mutex_t lock;   /* of what follows, and of the progress callback */
	uint64_t done;          /* pages written */
};

/* A chunk's pages of one phase. */
struct part {
	const struct chunk_bits *bits;
	unsigned int phase;
	uint64_t mine[CHUNK_WORDS];    /* pages that enum first puts in this phase */
	uint64_t earlier[CHUNK_WORDS]; /* and in those before it */
};

struct batch {
	struct sink_page *pages;
	size_t n;
	size_t n_image; /* of these, pages of the phases before PHASE_EARLY, or in between */
	uint8_t *data;  /* compressed */
	size_t len;
};

struct worker {
	struct pipeline *p;
	struct keep_reader reader;
	struct chooser chooser;
	uint64_t begun_ns; /* the batch at hand */
	struct fetch fetch;
	struct part part;
	struct batch batches[2];
	struct batch *batch;  /* the one being filled */
	struct batch *on_way; /* the one being written, or NULL */
	bool past_image;      /* what it has before this batch is all that is before PHASE_EARLY */
	struct writer writer;
	uint64_t zero, shared, written, lost;
};

const char *filter_cut_name(enum filter_cut cut)
{
	static const char *const names[] = {
		[FILTER_WHOLE] = "whole",
		[FILTER_CUT_SPACE] = "no more room",
		[FILTER_CUT_LIMIT] = "the size limit",
		[FILTER_CUT_TIME] = "the time limit",
		[FILTER_CUT_STOP] = "a signal",
	};

	return names[cut];
}

/* ---- the end */

/* Of several reasons the first one counts. */
static void cut(struct pipeline *p, enum filter_cut why)
{
	enum filter_cut whole = FILTER_WHOLE;

	atomic_compare_exchange_strong(&p->cut, &whole, why);
}

/* Take pages off the end of a batch until no more than `room` bytes of data are left. */
static void trim(struct batch *b, uint64_t room)
{
	while (b->len > room) {
		const struct sink_page *last = &b->pages[--b->n];

		b->len -= last->kind == SINK_DATA ? last->size : 0;
	}
}

/* Is there room for so many bytes more? If not, *ret_room is what there is, and the dump is cut off. */
static bool take_room(struct pipeline *p, size_t len, uint64_t *ret_room)
{
	uint64_t block = NUM_MAX(p->sink->task.out->block, 1), limit = p->options->limit, used;

	len = num_align_up(len, block);
	used = p->sink->base + atomic_fetch_add(&p->bytes, len);
	if (!limit || used + len <= limit)
		return true;
	*ret_room = limit > used ? num_align_down(limit - used, block) : 0;
	cut(p, FILTER_CUT_LIMIT);
	return false;
}

/* ---- pages */

/* Put a page with its data, compressed where that pays, behind what is in the batch. */
static struct sink_page pack(struct worker *w, const uint8_t *page)
{
	size_t page_size = (size_t)w->p->img->page_size;
	uint8_t *to = w->batch->data + w->batch->len;
	enum codec codec;
	size_t n = chooser_run(&w->chooser, page, page_size, to, &codec);

	if (n)
		return (struct sink_page){.codec = codec, .kind = SINK_DATA, .size = (uint32_t)n};
	memcpy(to, page, page_size);
	return (struct sink_page){
		.codec = CODEC_RAW, .kind = SINK_DATA, .size = (uint32_t)page_size};
}

static int pack_uniform(struct worker *w, const uint8_t *page, uint64_t word, struct sink_page *ret,
			struct err *err)
{
	struct pipeline *p = w->p;
	uint64_t room;

	if (!word && (p->options->level & LEVEL_ZERO)) {
		*ret = (struct sink_page){.kind = SINK_ZERO};
		return 0;
	}
	if (!p->sink->ops->place) {
		*ret = pack(w, page);
		return 0;
	}
	if (share_find(&p->share, word, ret))
		return 0;
	*ret = pack(w, page);
	if (!take_room(p, ret->size, &room))
		return 0;
	return share_add(&p->share, p->sink, word, w->batch->data + w->batch->len, ret, err);
}

static int add_page(struct worker *w, uint64_t pfn, uint64_t rank, struct err *err)
{
	const uint8_t *page = fetch_page(&w->fetch, pfn);
	struct batch *b = w->batch;
	struct sink_page *to = &b->pages[b->n];
	uint64_t word;
	int r = 0;

	if (!page)
		*to = (struct sink_page){.kind = SINK_LOST};
	else if (share_is_uniform(page, (size_t)w->p->img->page_size, &word))
		r = pack_uniform(w, page, word, to, err);
	else
		*to = pack(w, page);
	if (r)
		return r;
	to->rank = rank;
	if (to->kind == SINK_DATA)
		b->len += to->size;
	b->n++;
	if (w->part.phase < PHASE_EARLY)
		b->n_image = b->n;
	return 0;
}

/* ---- batches */

/* Time to stop? */
static bool is_cut(struct pipeline *p)
{
	const struct filter_options *o = p->options;

	if (o->stop && atomic_load_explicit(o->stop, memory_order_relaxed))
		cut(p, FILTER_CUT_STOP);
	else if (o->deadline_ns && clock_ns() >= o->deadline_ns)
		cut(p, FILTER_CUT_TIME);
	return atomic_load(&p->cut) != FILTER_WHOLE;
}

static void count(struct worker *w, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		w->zero += b->pages[i].kind == SINK_ZERO;
		w->shared += b->pages[i].kind == SINK_SHARED;
		w->written += b->pages[i].kind == SINK_DATA;
		w->lost += b->pages[i].kind == SINK_LOST;
	}
}

static void tell(struct pipeline *p, size_t n)
{
	if (!p->options->progress)
		return;
	pthread_mutex_lock(&p->lock);
	p->done += n;
	p->options->progress(p->options->progress_ctx, FILTER_WRITE, p->done, p->keep->n_kept);
	pthread_mutex_unlock(&p->lock);
}

/*
 * Make a full target a reason to stop, if that is what the caller wants. EFBIG is one, too: the file system
 * (FAT: 4 GiB) or a limit of the process takes no larger file.
 */
static int tolerate(struct pipeline *p, int r, const struct err *err)
{
	if (!r || (r != ERR_NO_SPACE && err->sys != EFBIG) || !p->options->keep_cut)
		return r;
	cut(p, FILTER_CUT_SPACE);
	return 0;
}

/* Wait for the batch on its way. */
static int settle(struct worker *w, struct err *err)
{
	struct batch *b = w->on_way;
	int r;

	if (!b)
		return 0;
	r = writer_wait(&w->writer, err);
	w->on_way = NULL;
	if (r) {
		if (b->n_image)
			atomic_store(&w->p->image_cut, true);
		return tolerate(w->p, r, err);
	}
	count(w, b);
	if (w->past_image && w->p->options->image_written && !atomic_load(&w->p->image_cut))
		atomic_store(w->p->options->image_written, true);
	tell(w->p, b->n);
	return 0;
}

/* Send the batch off, and fill the other one. */
static int flush(struct worker *w, struct err *err)
{
	struct pipeline *p = w->p;
	struct batch *b = w->batch;
	size_t block = p->sink->task.out->block;
	uint64_t room, full_ns = clock_ns(), settled_ns;
	int r = settle(w, err);

	settled_ns = clock_ns();
	chooser_learn(&w->chooser, settled_ns - full_ns, settled_ns - w->begun_ns);
	w->begun_ns = settled_ns;
	if (r)
		return r;
	if (!take_room(p, b->len, &room))
		trim(b, room);
	if (b->n < b->n_image)
		atomic_store(&p->image_cut, true);
	if (!b->n)
		return 0;
	if (block)
		memset(b->data + b->len, 0, num_align_up(b->len, block) - b->len);
	writer_put(
		&w->writer,
		&(struct sink_batch){.pages = b->pages, .n = b->n, .data = b->data, .len = b->len});
	w->on_way = b;
	w->past_image = atomic_load(&p->past_image);
	w->batch = b == w->batches ? w->batches + 1 : w->batches;
	w->batch->n = w->batch->n_image = w->batch->len = 0;
	return 0;
}

/* ---- chunks */

static bool mark_first(const struct ranges *first, uint64_t pfn, uint64_t *words)
{
	const struct range *r = ranges_from(first, pfn);
	struct bitmap bits = {words, CHUNK_PAGES, CHUNK_WORDS};
	bool any = r && r->start < pfn + CHUNK_PAGES;

	for (; r && r < first->v + first->n && r->start < pfn + CHUNK_PAGES; r++)
		bitmap_set_range(&bits, NUM_MAX(r->start, pfn) - pfn,
				 NUM_MIN(r->end - pfn, CHUNK_PAGES));
	return any;
}

/* Has the chunk pages of this phase? */
static bool part_begin(struct part *part, const struct firsts *first, const struct chunk *chunk,
		       unsigned int phase)
{
	part->phase = phase;
	memset(part->mine, 0, sizeof(part->mine));
	memset(part->earlier, 0, sizeof(part->earlier));
	if (phase < FIRST_KINDS && !mark_first(&first->of[phase], chunk->pfn, part->mine))
		return false;
	for (unsigned int i = 0; i < NUM_MIN(phase, (unsigned int)FIRST_KINDS); i++)
		mark_first(&first->of[i], chunk->pfn, part->earlier);
	return phase < FIRST_KINDS || (phase == PHASE_EARLY && chunk->early) ||
	       (phase == PHASE_REST && chunk->early < chunk->kept);
}

static uint64_t part_word(const struct part *part, uint64_t i)
{
	uint64_t keep = part->bits->keep[i] & ~part->earlier[i], early = part->bits->early[i];

	if (part->phase < FIRST_KINDS)
		return keep & part->mine[i];
	return keep & (part->phase == PHASE_EARLY ? early : ~early);
}

static int do_word(struct worker *w, uint64_t pfn, uint64_t keep, uint64_t bits, uint64_t rank,
		   struct err *err)
{
	int r = 0;

	for (; bits && !r; bits &= bits - 1) {
		uint64_t below = (bits & -bits) - 1;

		r = add_page(w, pfn + (uint64_t)__builtin_ctzll(bits),
			     rank + (uint64_t)__builtin_popcountll(keep & below), err);
		if (!r && (w->batch->n == BATCH_PAGES || w->batch->len >= BATCH_BYTES))
			r = flush(w, err);
	}
	return r;
}

/*
 * A chunk's part. The kernel's image from its end: what is read-only lies between static data, which is
 * written already, and text, which vmlinux has, too.
 */
static int do_chunk(struct worker *w, const struct chunk *chunk, struct err *err)
{
	const uint64_t *keep = w->part.bits->keep;
	bool down = w->part.phase == FIRST_IMAGE;
	uint64_t below = down ? chunk->kept : 0; /* kept pages before the word at hand */
	int r = 0;

	for (uint64_t n = 0; n < CHUNK_WORDS && !r; n++) {
		uint64_t i = down ? CHUNK_WORDS - 1 - n : n, bits = part_word(&w->part, i);
		uint64_t in_word = (uint64_t)__builtin_popcountll(keep[i]);

		below -= down ? in_word : 0;
		/* without the first data the dump says nothing: there is always time for that */
		if (bits && w->part.phase != FIRST_DATA && is_cut(w->p))
			break;
		r = do_word(w, chunk->pfn + i * BITMAP_WORD_BITS, keep[i], bits,
			    chunk->rank + below, err);
		below += down ? 0 : in_word;
	}
	return tolerate(w->p, r, err);
}

/*
 * Every chunk in every phase. What is the kernel's own from the top down: there the boot allocator (memblock) put
 * per-CPU areas, node and section tables and page tables.
 */
static int worker_task(void *worker, uint64_t task, struct err *err)
{
	struct worker *w = worker;
	struct pipeline *p = w->p;
	uint64_t n = p->keep->n_chunks, i = task % n;
	unsigned int phase = (unsigned int)(task / n);
	const struct chunk *chunk;

	if (phase >= PHASE_EARLY && atomic_load(&p->cut) == FILTER_WHOLE)
		atomic_store(&p->past_image, true);
	if (phase == PHASE_EARLY || phase == FIRST_IMAGE)
		i = n - 1 - i;
	chunk = &p->keep->chunks[i];
	if (atomic_load(&p->cut) != FILTER_WHOLE || !chunk->kept ||
	    !part_begin(&w->part, p->first, chunk, phase))
		return 0;
	w->part.bits = keep_read(&w->reader, i, err);
	return w->part.bits ? do_chunk(w, chunk, err) : err->code;
}

/* ---- workers */

static int batch_init(struct batch *b, size_t cap, size_t align, struct err *err)
{
	b->pages = calloc(BATCH_PAGES, sizeof(*b->pages));
	b->data = aligned_alloc(align, num_align_up(cap, align));
	return b->pages && b->data ? 0 : err_nomem(err, cap, "a worker's buffers");
}

static int worker_begin(void *ctx, void **ret, struct err *err)
{
	struct pipeline *p = ctx;
	size_t page_size = (size_t)p->img->page_size, cap;
	size_t align = NUM_MAX(p->sink->task.out->block, (size_t)BITMAP_WORD_BITS);
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	*ret = w;
	if (!w)
		return err_nomem(err, sizeof(*w), "a worker");
	w->p = p;
	if ((r = fetch_init(&w->fetch, p->img, err)) ||
	    (r = keep_reader_init(&w->reader, p->keep, err)) ||
	    (r = chooser_init(&w->chooser, p->options->codec, page_size, err)))
		return r;
	cap = BATCH_BYTES + chooser_bound(&w->chooser, page_size);
	cap += align; /* for the zeros behind the last page */
	if ((r = batch_init(&w->batches[0], cap, align, err)) ||
	    (r = batch_init(&w->batches[1], cap, align, err)))
		return r;
	w->batch = w->batches;
	writer_init(&w->writer, p->sink);
	w->begun_ns = clock_ns();
	return 0;
}

/* What is left in the buffers. */
static int worker_finish(void *worker, struct err *err)
{
	struct worker *w = worker;
	int r = flush(w, err);

	return r ? r : settle(w, err);
}

static void worker_end(void *worker)
{
	struct worker *w = worker;
	struct filter_stats *sum;

	if (!w)
		return;
	writer_deinit(&w->writer);
	sum = w->p->stats;
	sum->zero += w->zero;
	sum->shared += w->shared;
	sum->written += w->written;
	sum->lost += w->lost;
	keep_reader_deinit(&w->reader);
	fetch_deinit(&w->fetch);
	chooser_deinit(&w->chooser);
	for (size_t i = 0; i < ARRAY_SIZE(w->batches); i++) {
		free(w->batches[i].pages);
		free(w->batches[i].data);
	}
	free(w);
}

int pipeline_run(const struct image *img, const struct keep *keep, const struct firsts *first,
		 struct sink *sink, struct filter_stats *stats, struct err *err)
{
	struct pipeline p = {
		.img = img,
		.options = keep->options,
		.keep = keep,
		.first = first,
		.sink = sink,
		.stats = stats,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	const struct pool pool = {
		.n_tasks = PHASES * keep->n_chunks,
		.threads = keep->options->threads,
		.ctx = &p,
		.begin = worker_begin,
		.task = worker_task,
		.finish = worker_finish,
		.end = worker_end,
	};
	int r;

	share_init(&p.share);
	r = pool_run(&pool, err);
	share_deinit(&p.share);
	stats->cut = atomic_load(&p.cut);
	stats->image_written = atomic_load(&p.past_image) && !atomic_load(&p.image_cut);
	stats->cut_off =
		keep->n_kept - (stats->zero + stats->shared + stats->written + stats->lost);
	return r;
}
