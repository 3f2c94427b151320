// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/sink_split.h"

#include "base/num.h"
#include "filter/sink_kdump.h"

struct split_file {
	struct sink_part part;
	struct sink *sink;
};

struct sink_split {
	struct sink sink;
	struct split_file *files;
	size_t n;
};

/* ---- borders */

/* The first multiple of 64 page frames that has at least `rank` kept pages before it; *ret_rank of them. */
static int find_border(struct keep_reader *reader, uint64_t rank, uint64_t *ret_pfn,
		       uint64_t *ret_rank, struct err *err)
{
	const struct keep *keep = reader->keep;
	const struct chunk_bits *bits;
	uint64_t lo = 0, hi = keep->n_chunks, at, i = 0;

	/* the last chunk that begins below that rank */
	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (keep->chunks[mid].rank < rank)
			lo = mid;
		else
			hi = mid;
	}
	bits = keep_read(reader, lo, err);
	if (!bits)
		return err->code;
	at = keep->chunks[lo].rank;
	for (; i < CHUNK_WORDS && at < rank; i++)
		at += (uint64_t)__builtin_popcountll(bits->keep[i]);
	*ret_rank = at;
	*ret_pfn = keep->chunks[lo].pfn + i * BITMAP_WORD_BITS;
	return 0;
}

/*
 * The last files may have no page frames, because makedumpfile --reassemble takes no other empty ones;
 * hence at least one kept page for each as long as there are any.
 */
static int find_parts(struct sink_split *s, struct keep_reader *reader, struct err *err)
{
	const struct ranges *ram = s->sink.task.ram;
	uint64_t kept = reader->keep->n_kept, pfn = 0, rank = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct sink_part *part = &s->files[i].part;

		*part = (struct sink_part){.start = pfn, .rank = rank};
		if (rank < kept &&
		    find_border(reader, NUM_MAX(kept * (i + 1) / s->n, rank + 1), &pfn, &rank, err))
			return err->code;
		if (rank == kept)
			pfn = ram->v[ram->n - 1].end;
		part->end = pfn;
		part->n_kept = rank - part->rank;
	}
	return 0;
}

/* ---- writing */

/* The file that has the page of this rank. */
static size_t file_of(const struct sink_split *s, uint64_t rank)
{
	size_t i = 0;

	while (i + 1 < s->n && rank >= s->files[i].part.rank + s->files[i].part.n_kept)
		i++;
	return i;
}

/* A batch has pages on both sides of a border but seldom. Its data is not aligned behind one. */
static int split_write(struct sink *sink, const struct sink_batch *b, struct err *err)
{
	struct sink_split *s = (struct sink_split *)sink;
	const uint8_t *data = b->data;
	int r = 0;

	for (size_t done = 0; done < b->n && !r;) {
		size_t i = file_of(s, b->pages[done].rank);
		struct sink_batch mine = {
			.base = s->files[i].part.rank, .pages = b->pages + done, .data = data};

		for (; done < b->n && file_of(s, b->pages[done].rank) == i; done++, mine.n++)
			if (b->pages[done].kind == SINK_DATA)
				mine.len += b->pages[done].size;
		data += mine.len;
		r = sink_write(s->files[i].sink, &mine, err);
	}
	return r;
}

static int split_finish(struct sink *sink, bool keep_incomplete, uint64_t *ret_size,
			struct err *err)
{
	struct sink_split *s = (struct sink_split *)sink;
	uint64_t size, sum = 0;

	for (size_t i = 0; i < s->n; i++, sum += size)
		if (sink_finish(s->files[i].sink, keep_incomplete, &size, err))
			return err->code;
	*ret_size = sum;
	return 0;
}

static void split_destroy(struct sink *sink)
{
	struct sink_split *s = (struct sink_split *)sink;

	for (size_t i = 0; i < s->n; i++)
		sink_destroy(s->files[i].sink);
	free(s->files);
	free(s);
}

/* No place: data that pages of several files share would have to be in each of them. */
static const struct sink_ops split_ops = {
	.write = split_write,
	.finish = split_finish,
	.destroy = split_destroy,
};

/* The pipeline leaves room behind its batches for the blocks of one output: that must do for all. */
static struct out *largest_block(struct out *const *outs, size_t n)
{
	struct out *out = outs[0];

	for (size_t i = 1; i < n; i++)
		if (outs[i]->block > out->block)
			out = outs[i];
	return out;
}

static int create_files(struct sink_split *s, struct out *const *outs, struct err *err)
{
	struct keep_reader reader;
	int r = keep_reader_init(&reader, s->sink.task.keep, err);

	if (!r)
		r = find_parts(s, &reader, err);
	keep_reader_deinit(&reader);
	for (size_t i = 0; i < s->n && !r; i++) {
		struct sink_task task = s->sink.task;

		task.out = outs[i];
		task.part = &s->files[i].part;
		r = sink_kdump_create(&task, &s->files[i].sink, err);
		s->sink.base += r ? 0 : s->files[i].sink->base;
	}
	return r;
}

int sink_split_create(const struct sink_task *task, struct out *const *outs, size_t n,
		      struct sink **ret, struct err *err)
{
	struct sink_split *s;
	int r;

	if (task->options->format != FILTER_KDUMP)
		return err_set(err, ERR_USAGE, "only a kdump-compressed dump can be split");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem(err, sizeof(*s), "the output");
	s->sink = (struct sink){.ops = &split_ops, .task = *task};
	s->sink.task.out = largest_block(outs, n);
	s->files = calloc(n, sizeof(*s->files));
	if (s->files)
		s->n = n;
	r = s->files ? create_files(s, outs, err)
		     : err_nomem(err, n * sizeof(*s->files), "the output files");
	if (r) {
		split_destroy(&s->sink);
		return r;
	}
	*ret = &s->sink;
	return 0;
}
