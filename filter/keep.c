// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/keep.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>

#include "base/num.h"
#include "filter/pool.h"
#include "filter/vmemmap.h"

static void *map_zeros(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- the list of chunks */

/*
 * Walk the chunks that have pages of the input, each once and in order; with `chunks` NULL only count
 * them.
 */
static uint64_t list_chunks(const struct ranges *pages, struct chunk *chunks)
{
	uint64_t n = 0, next = 0;

	for (size_t i = 0; i < pages->n; i++) {
		uint64_t first = NUM_MAX(pages->v[i].start / CHUNK_PAGES, next);

		next = NUM_MAX((pages->v[i].end - 1) / CHUNK_PAGES + 1, next);
		for (uint64_t c = first; c < next; c++, n++)
			if (chunks)
				chunks[n].pfn = c * CHUNK_PAGES;
	}
	return n;
}

static int make_chunks(struct keep *k, struct err *err)
{
	size_t cache;

	k->n_chunks = list_chunks(k->pages, NULL);
	k->chunks = calloc(NUM_MAX(k->n_chunks, 1), sizeof(*k->chunks));
	if (!k->chunks)
		return err_nomem(err, k->n_chunks * sizeof(*k->chunks), "the list of chunks");
	list_chunks(k->pages, k->chunks);
	k->n_cached = NUM_MIN(k->n_chunks, KEEP_CACHED_CHUNKS);
	cache = k->n_cached * sizeof(*k->cache);
	k->cache = map_zeros(cache);
	return k->cache ? 0 : err_nomem(err, cache, "the bits of kept pages");
}

/* ---- the bits of one chunk */

/* Returns how many there are. */
static uint64_t set_present(const struct keep *k, uint64_t first, uint64_t *words)
{
	uint64_t n = 0;
	const struct ranges *pages = k->pages;
	const struct range *r = ranges_from(pages, first);
	struct bitmap bits = {words, CHUNK_PAGES, CHUNK_WORDS};

	for (; r && r < pages->v + pages->n && r->start < first + CHUNK_PAGES; r++) {
		uint64_t start = NUM_MAX(r->start, first) - first;
		uint64_t end = NUM_MIN(r->end - first, CHUNK_PAGES);

		bitmap_set_range(&bits, start, end);
		n += end - start;
	}
	return n;
}

/* `bits` come in empty. Returns the page frames of the input. */
static uint64_t find_bits(const struct keep *k, struct scanner *scanner, uint64_t i,
			  struct chunk_bits *bits)
{
	uint64_t first = k->chunks[i].pfn, n = set_present(k, first, bits->keep);

	if (!k->options->keep_all)
		scan_chunk(scanner, first, bits);
	if (k->vmemmap)
		vmemmap_apply(k->vmemmap, first, bits);
	return n;
}

/* Equal bits give equal numbers, and others hardly ever: multipliers are odd, so that no bit gets lost. */
static uint64_t fingerprint(const struct chunk_bits *bits)
{
	uint64_t print = 0;

	for (size_t i = 0; i < CHUNK_WORDS; i++) {
		print = (print ^ bits->keep[i]) * 0x9e3779b97f4a7c15;
		print = (print ^ print >> 32 ^ bits->early[i]) * 0xc2b2ae3d27d4eb4f;
	}
	return print;
}

static void count(struct chunk *chunk, const struct chunk_bits *bits)
{
	uint32_t kept = 0, early = 0;

	for (size_t i = 0; i < CHUNK_WORDS; i++) {
		kept += (uint32_t)__builtin_popcountll(bits->keep[i]);
		early += (uint32_t)__builtin_popcountll(bits->early[i]);
	}
	chunk->kept = kept;
	chunk->early = early;
	chunk->print = fingerprint(bits);
}

int keep_reader_init(struct keep_reader *r, const struct keep *keep, struct err *err)
{
	*r = (struct keep_reader){.keep = keep};
	if (!keep->options->keep_all && scan_begin(&r->scanner, &keep->scan, err))
		return err->code;
	r->bits = malloc(sizeof(*r->bits));
	return r->bits ? 0 : err_nomem(err, sizeof(*r->bits), "the bits of a chunk");
}

void keep_reader_deinit(struct keep_reader *r)
{
	scan_end(&r->scanner);
	free(r->bits);
}

/* As they are now. */
static const struct chunk_bits *find_again(struct keep_reader *r, uint64_t i)
{
	if (i < r->keep->n_cached)
		return &r->keep->cache[i];
	memset(r->bits, 0, sizeof(*r->bits));
	if (r->keep->chunks[i].kept)
		find_bits(r->keep, &r->scanner, i, r->bits);
	return r->bits;
}

const struct chunk_bits *keep_read(struct keep_reader *r, uint64_t i, struct err *err)
{
	const struct chunk *chunk = &r->keep->chunks[i];
	const struct chunk_bits *bits = find_again(r, i);

	if (i < r->keep->n_cached || !chunk->kept || fingerprint(bits) == chunk->print)
		return bits;
	err_set(err, ERR_CORRUPT,
		"%s: the struct pages of page frames 0x%" PRIx64 "-0x%llx have changed or cannot "
		"be read any more",
		r->keep->path, chunk->pfn, chunk->pfn + CHUNK_PAGES - 1);
	return NULL;
}

/* ---- the first look at all of them */

struct look {
	struct keep *keep;
	struct filter_stats *stats;
	struct page_check check;
	pthread_mutex_t lock; /* of the progress */
	uint64_t done;        /* page frames */
};

struct looker {
	struct look *look;
	struct keep_reader reader;
};

static int looker_begin(void *ctx, void **ret, struct err *err)
{
	struct looker *l = calloc(1, sizeof(*l));

	*ret = l;
	if (!l)
		return err_nomem(err, sizeof(*l), "a scanner");
	l->look = ctx;
	return keep_reader_init(&l->reader, l->look->keep, err);
}

static void looker_end(void *worker)
{
	struct looker *l = worker;
	struct filter_stats *sum;

	if (!l)
		return;
	sum = l->look->stats;
	for (size_t c = 0; c < PAGE_CLASSES; c++) {
		sum->class_pages[c] += l->reader.scanner.stats.class_pages[c];
		sum->dropped[c] += l->reader.scanner.stats.dropped[c];
	}
	sum->unknown += l->reader.scanner.stats.unknown;
	sum->doubtful += l->reader.scanner.stats.doubtful;
	page_check_add(&l->look->check, &l->reader.scanner.check);
	keep_reader_deinit(&l->reader);
	free(l);
}

static void tell(struct look *look, uint64_t pages)
{
	const struct filter_options *o = look->keep->options;

	if (!o->progress)
		return;
	pthread_mutex_lock(&look->lock);
	look->done += pages;
	o->progress(o->progress_ctx, FILTER_SCAN, look->done, look->stats->pages);
	pthread_mutex_unlock(&look->lock);
}

static int look_at(void *worker, uint64_t i, struct err *err)
{
	struct looker *l = worker;
	struct keep *k = l->look->keep;
	struct chunk_bits *bits = i < k->n_cached ? &k->cache[i] : l->reader.bits;
	uint64_t pages;

	(void)err;
	if (bits == l->reader.bits)
		memset(bits, 0, sizeof(*bits));
	pages = find_bits(k, &l->reader.scanner, i, bits);
	count(&k->chunks[i], bits);
	tell(l->look, pages);
	return 0;
}

static int look_at_all(struct keep *k, struct filter_stats *stats, struct page_check *ret,
		       struct err *err)
{
	struct look look = {.keep = k, .stats = stats, .lock = PTHREAD_MUTEX_INITIALIZER};
	const struct pool pool = {
		.n_tasks = k->n_chunks,
		.threads = k->options->threads,
		.ctx = &look,
		.begin = looker_begin,
		.task = look_at,
		.end = looker_end,
	};
	int r = pool_run(&pool, err);

	*ret = look.check;
	return r;
}

/* Is what was seen plausible? If not, the rules that are distrusted are switched off: true. */
static bool is_misread(struct keep *k, const struct page_check *check, struct filter_stats *stats)
{
	const struct source *src = k->scan.img->src;
	bool complete = ranges_total(&src->present) == ranges_total(&src->ram);
	struct page_verdict verdict;
	struct free_blocks counted;
	struct err ignored;
	/* of a running machine the counters have moved on since the struct pages were read */
	bool known = !src->live && !free_blocks_read(k->scan.img, &counted, &ignored);

	page_check_verdict(check, known ? &counted : NULL, complete, &verdict);
	strcpy(stats->warning, verdict.text);
	return page_check_restrict(&verdict, &k->scan.layout);
}

/* Look at all, and once more with fewer rules if that shows that struct page is misread. */
static int look(struct keep *k, struct filter_stats *stats, struct err *err)
{
	const struct filter_stats before = *stats;
	struct page_check check;
	int r = look_at_all(k, stats, &check, err);

	if (r || k->options->keep_all || !is_misread(k, &check, stats))
		return r;
	memcpy(stats->class_pages, before.class_pages, sizeof(before.class_pages));
	memcpy(stats->dropped, before.dropped, sizeof(before.dropped));
	stats->unknown = before.unknown;
	stats->doubtful = before.doubtful;
	memset(k->cache, 0, k->n_cached * sizeof(*k->cache));
	return look_at_all(k, stats, &check, err);
}

/* ---- struct pages of excluded pages */

/* Reads chunks in the order that the mem_map asks for, which is ascending. */
struct kept_reader {
	struct keep_reader reader;
	const struct chunk_bits *bits; /* of chunk `at` */
	uint64_t at;
};

static const struct chunk *chunk_of(const struct keep *k, uint64_t pfn)
{
	size_t lo = 0, hi = k->n_chunks;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->chunks[mid].pfn + CHUNK_PAGES > pfn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < k->n_chunks && k->chunks[lo].pfn <= pfn ? &k->chunks[lo] : NULL;
}

static int is_kept(void *ctx, uint64_t first, uint64_t end, bool *ret, struct err *err)
{
	struct kept_reader *r = ctx;
	const struct keep *k = r->reader.keep;

	*ret = true; /* outside of the input nothing is known */
	for (uint64_t pfn = first; pfn < end;) {
		const struct chunk *chunk = chunk_of(k, pfn);
		const struct range *here = ranges_find(k->pages, pfn);
		uint64_t stop = NUM_MIN(end, num_align_down(pfn, CHUNK_PAGES) + CHUNK_PAGES), i;
		struct bitmap bits;

		if (!chunk || !here || here->end < stop)
			return 0;
		i = (uint64_t)(chunk - k->chunks);
		if (!r->bits || r->at != i) {
			r->bits = keep_read(&r->reader, i, err);
			r->at = i;
		}
		if (!r->bits)
			return err->code;
		bits = (struct bitmap){(uint64_t *)r->bits->keep, CHUNK_PAGES, CHUNK_WORDS};
		if (bitmap_next(&bits, pfn - chunk->pfn, stop - chunk->pfn, true) <
		    stop - chunk->pfn)
			return 0;
		pfn = stop;
	}
	*ret = false;
	return 0;
}

/* Count again what has struct pages in it. */
static int drop_vmemmap(struct keep *k, const struct image *img, struct filter_stats *stats,
			struct err *err)
{
	struct kept_reader r = {0};
	uint64_t before = 0, after = 0;
	int failed = keep_reader_init(&r.reader, k, err);

	if (!failed)
		failed = vmemmap_find_needed(k->vmemmap, img, k->scan.map, is_kept, &r, err);
	k->vmemmap->drop = !failed;
	for (uint64_t i = 0; i < k->n_chunks && !failed; i++) {
		struct chunk *chunk = &k->chunks[i];

		if (!vmemmap_has(k->vmemmap, chunk->pfn))
			continue;
		before += chunk->kept;
		if (i < k->n_cached)
			vmemmap_apply(k->vmemmap, chunk->pfn, &k->cache[i]);
		count(chunk, find_again(&r.reader, i));
		after += chunk->kept;
	}
	stats->vmemmap = before - after;
	keep_reader_deinit(&r.reader);
	return failed;
}

/* ---- all of it */

static void rank_chunks(struct keep *k)
{
	k->n_kept = 0;
	for (uint64_t i = 0; i < k->n_chunks; i++) {
		k->chunks[i].rank = k->n_kept;
		k->n_kept += k->chunks[i].kept;
	}
}

/* Nothing is known of any page. */
static void say_unknown(struct filter_stats *stats)
{
	stats->unknown = stats->pages;
	stats->class_pages[PAGE_OTHER] = stats->pages;
}

static int find_all(struct keep *k, const struct image *img, struct filter_stats *stats,
		    struct err *err)
{
	const struct filter_options *o = k->options;
	int r = make_chunks(k, err);

	if (!r && !o->keep_all && !(r = scan_init(&k->scan, img, k->pages, o->level, err)))
		r = vmemmap_create(img, k->scan.map, &k->vmemmap, err);
	if (!r)
		r = look(k, stats, err);
	if (!r && k->vmemmap && o->exclude_vmemmap)
		r = drop_vmemmap(k, img, stats, err);
	if (!r && o->keep_all)
		say_unknown(stats);
	return r;
}

int keep_create(const struct image *img, const struct filter_options *options,
		const struct ranges *pages, struct keep **ret, struct filter_stats *stats,
		struct err *err)
{
	struct keep *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_nomem(err, sizeof(*k), "the kept pages");
	k->options = options;
	k->pages = pages;
	k->path = img->src->path;
	stats->pages = ranges_total(pages);
	r = find_all(k, img, stats, err);
	if (r) {
		keep_destroy(k);
		return r;
	}
	rank_chunks(k);
	*ret = k;
	return 0;
}

void keep_destroy(struct keep *k)
{
	if (!k)
		return;
	vmemmap_destroy(k->vmemmap);
	scan_deinit(&k->scan);
	if (k->cache)
		munmap(k->cache, k->n_cached * sizeof(*k->cache));
	free(k->chunks);
	free(k);
}

/* The bits of the chunk that the walk has come to. */
static int walk_bits(struct keep_walk *w, struct bitmap *ret, struct err *err)
{
	if (!w->bits || w->at != w->chunk)
		w->bits = keep_read(w->reader, w->chunk, err);
	if (!w->bits)
		return err->code;
	w->at = w->chunk;
	*ret = (struct bitmap){(uint64_t *)w->bits->keep, CHUNK_PAGES, CHUNK_WORDS};
	return 0;
}

int keep_walk_next(struct keep_walk *w, struct keep_run *ret, struct err *err)
{
	const struct keep *k = w->reader->keep;
	struct keep_run run = {0};

	for (; w->chunk < k->n_chunks; w->chunk++, w->bit = 0) {
		const struct chunk *chunk = &k->chunks[w->chunk];
		struct bitmap bits;
		uint64_t end;

		if (run.count && run.pfn + run.count != chunk->pfn)
			break;
		if (!chunk->kept)
			continue;
		if (walk_bits(w, &bits, err))
			return err->code;
		if (!run.count) {
			w->bit = bitmap_next(&bits, w->bit, CHUNK_PAGES, true);
			run.pfn = chunk->pfn + w->bit;
		}
		end = bitmap_next(&bits, w->bit, CHUNK_PAGES, false);
		run.count += end - w->bit;
		w->bit = end;
		if (end < CHUNK_PAGES)
			break;
	}
	*ret = run;
	return 0;
}
