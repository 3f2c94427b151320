// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/flat.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

#include "base/io.h"
#include "base/num.h"

#define TYPE        1
#define VERSION     1
#define RECORDS_MAX (1U << 24)
#define RECORD_MAX  (1ULL << 30)   /* bytes in one that we write */
#define COPY_SIZE   (1UL << 20)    /* bytes of a stream read at once */
#define SCAN_SIZE   4096           /* bytes of a file read in search of record headers */
#define END_MARK    (~(uint64_t)0) /* in both fields */

static const char signature[16] = "makedumpfile";

/* ---- the layout */

bool flat_probe(struct bytes head)
{
	return head.len >= sizeof(signature) &&
	       memcmp(head.data, signature, sizeof(signature)) == 0;
}

static int check_header(struct bytes head, struct err *err)
{
	uint64_t type, version;

	if (!flat_probe(head))
		return err_set(err, ERR_UNSUPPORTED, "there is no header of a flattened file");
	if (!bytes_be64(head, 16, &type) || !bytes_be64(head, 24, &version))
		return err_set(err, ERR_CORRUPT, "the header of the flattened file is cut");
	if (type != TYPE || version != VERSION)
		return err_set(err, ERR_UNSUPPORTED,
			       "a flattened file of type %" PRIu64 ", version %" PRIu64
			       ": only type %d, version %d is known",
			       type, version, TYPE, VERSION);
	return 0;
}

struct record {
	uint64_t offset, size; /* of the bytes in the dump */
};

static struct record decode_record(const uint8_t buf[FLAT_RECORD_SIZE])
{
	struct record r;

	memcpy(&r.offset, buf, 8);
	memcpy(&r.size, buf + 8, 8);
	return (struct record){be64toh(r.offset), be64toh(r.size)};
}

static void encode_record(uint64_t offset, uint64_t size, uint8_t buf[FLAT_RECORD_SIZE])
{
	offset = htobe64(offset);
	size = htobe64(size);
	memcpy(buf, &offset, 8);
	memcpy(buf + 8, &size, 8);
}

static bool is_end(const struct record *r)
{
	return r->offset == END_MARK && r->size == END_MARK;
}

/* `at`: where its header lies */
static int check_record(const struct record *r, uint64_t at, struct err *err)
{
	uint64_t end;

	if (r->size && num_add(r->offset, r->size, &end) && end <= INT64_MAX)
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "flattened record at 0x%" PRIx64 ": 0x%" PRIx64
		       " bytes for offset 0x%" PRIx64 " are no part of a file",
		       at, r->size, r->offset);
}

/* ---- the index of a file */

/* The last piece of the file that was read, in search of record headers. */
struct scan {
	int fd;
	uint64_t file_size;
	uint64_t at;
	size_t len;
	uint8_t buf[SCAN_SIZE];
};

/* The record header at `at`, which lies inside the file. */
static int scan_record(struct scan *s, uint64_t at, struct record *ret, struct err *err)
{
	if (at < s->at || at + FLAT_RECORD_SIZE > s->at + s->len) {
		s->at = at;
		s->len = (size_t)NUM_MIN(sizeof(s->buf), s->file_size - at);
		if (io_pread_full(s->fd, s->buf, s->len, at, "flattened record", err))
			return err->code;
	}
	*ret = decode_record(s->buf + (at - s->at));
	return 0;
}

/* The records of a file as extents, in the order of the file: they may overlap. */
struct records {
	struct flat_extent *v;
	size_t n, cap;
};

static int append_record(struct records *recs, const struct flat_extent *e, struct err *err)
{
	if (recs->n == RECORDS_MAX)
		return err_set(err, ERR_UNSUPPORTED,
			       "more than %u records: rearrange the flattened file (-R) first",
			       RECORDS_MAX);
	if (recs->n == recs->cap) {
		size_t want = recs->cap ? recs->cap * 2 : 256;
		struct flat_extent *v = reallocarray(recs->v, want, sizeof(*v));

		if (!v)
			return err_nomem(err, want * sizeof(*v), "the flattened records");
		recs->v = v;
		recs->cap = want;
	}
	recs->v[recs->n++] = *e;
	return 0;
}

static int find_records(int fd, uint64_t file_size, struct records *recs, bool *ret_cut,
			struct err *err)
{
	struct scan s = {.fd = fd, .file_size = file_size};
	uint64_t at = FLAT_HEADER_SIZE;

	*ret_cut = false;
	while (file_size >= FLAT_RECORD_SIZE && at <= file_size - FLAT_RECORD_SIZE) {
		struct record r = {0};
		struct flat_extent e;

		if (scan_record(&s, at, &r, err))
			return err->code;
		if (is_end(&r))
			return 0;
		if (!r.offset && !r.size)
			break;
		if (check_record(&r, at, err))
			return err->code;
		at += FLAT_RECORD_SIZE;
		e = (struct flat_extent){r.offset, r.offset + NUM_MIN(r.size, file_size - at), at};
		if (e.end > e.start && append_record(recs, &e, err))
			return err->code;
		at += r.size; /* both below 2^63 */
	}
	*ret_cut = true;
	return 0;
}

/*
 * The places where a record begins or ends cut the dump into pieces; each piece belongs to the last
 * record that has it.
 */
struct pieces {
	uint64_t *edges; /* piece i is [edges[i], edges[i + 1]) */
	size_t n_edges;
	uint32_t *owner; /* record + 1, 0: none has it */
	uint32_t *next;  /* leads to the first piece from here on that has no owner yet */
};

static void pieces_deinit(struct pieces *p)
{
	free(p->edges);
	free(p->owner);
	free(p->next);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int pieces_init(struct pieces *p, const struct records *recs, struct err *err)
{
	size_t n = 0, max = recs->n * 2;

	*p = (struct pieces){
		.edges = calloc(max, sizeof(*p->edges)),
		.owner = calloc(max, sizeof(*p->owner)),
		.next = calloc(max, sizeof(*p->next)),
	};
	if (!p->edges || !p->owner || !p->next)
		return err_nomem(err, max * 16, "the order of the flattened records");
	for (size_t i = 0; i < recs->n; i++) {
		p->edges[i * 2] = recs->v[i].start;
		p->edges[i * 2 + 1] = recs->v[i].end;
	}
	qsort(p->edges, max, sizeof(*p->edges), compare_u64);
	for (size_t i = 0; i < max; i++)
		if (!i || p->edges[i] != p->edges[n - 1])
			p->edges[n++] = p->edges[i];
	p->n_edges = n;
	for (size_t i = 0; i < n; i++)
		p->next[i] = (uint32_t)i;
	return 0;
}

static size_t first_free(const struct pieces *p, size_t i)
{
	while (p->next[i] != i) {
		p->next[i] = p->next[p->next[i]];
		i = p->next[i];
	}
	return i;
}

/* From the last record to the first: each gets the pieces that are left of it. */
static void give_pieces(const struct pieces *p, const struct records *recs)
{
	for (size_t i = recs->n; i-- > 0;) {
		const struct flat_extent *e = &recs->v[i];
		const uint64_t *edge =
			bsearch(&e->start, p->edges, p->n_edges, sizeof(*p->edges), compare_u64);
		size_t at = first_free(p, (size_t)(edge - p->edges));

		/* the last edge is an end, and never given away */
		for (; p->edges[at] < e->end; at = first_free(p, at + 1)) {
			p->owner[at] = (uint32_t)i + 1;
			p->next[at] = (uint32_t)at + 1;
		}
	}
}

static int collect_extents(const struct pieces *p, const struct records *recs,
			   struct flat_index *index, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_edges; i++)
		n += p->owner[i] && (!i || p->owner[i] != p->owner[i - 1]);
	index->v = calloc(n, sizeof(*index->v));
	if (!index->v)
		return err_nomem(err, n * sizeof(*index->v), "the index of the flattened file");
	for (size_t i = 0; i < p->n_edges; i++) {
		const struct flat_extent *rec;

		if (!p->owner[i])
			continue;
		rec = &recs->v[p->owner[i] - 1];
		if (!i || p->owner[i] != p->owner[i - 1])
			index->v[index->n++] = (struct flat_extent){
				.start = p->edges[i], .off = rec->off + (p->edges[i] - rec->start)};
		index->v[index->n - 1].end = p->edges[i + 1];
	}
	index->size = p->edges[p->n_edges - 1];
	return 0;
}

static int check_file_header(int fd, uint64_t file_size, struct err *err)
{
	uint8_t buf[32];
	struct bytes head = {buf, (size_t)NUM_MIN(sizeof(buf), file_size)};

	if (io_pread_full(fd, buf, head.len, 0, "the header of a flattened file", err))
		return err->code;
	return check_header(head, err);
}

int flat_index_init(struct flat_index *index, int fd, uint64_t file_size, struct err *err)
{
	struct records recs = {0};
	struct pieces pieces = {0};
	int r;

	*index = (struct flat_index){0};
	r = check_file_header(fd, file_size, err);
	if (!r)
		r = find_records(fd, file_size, &recs, &index->cut, err);
	if (!r && !recs.n)
		r = err_set(err, ERR_CORRUPT, "the flattened file has no records%s",
			    index->cut ? ": it was cut" : "");
	if (!r)
		r = pieces_init(&pieces, &recs, err);
	if (!r) {
		give_pieces(&pieces, &recs);
		r = collect_extents(&pieces, &recs, index, err);
	}
	pieces_deinit(&pieces);
	free(recs.v);
	return r;
}

void flat_index_deinit(struct flat_index *index)
{
	free(index->v);
	*index = (struct flat_index){0};
}

const struct flat_extent *flat_index_from(const struct flat_index *index, uint64_t at)
{
	size_t lo = 0, hi = index->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (index->v[mid].end > at)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < index->n ? &index->v[lo] : NULL;
}

/* ---- from a stream to a file */

struct stream {
	struct bytes begun; /* of it, what somebody has read of fd already */
	int fd;
	uint64_t at; /* bytes read so far */
};

static int stream_read(struct stream *s, void *buf, size_t len, struct err *err)
{
	size_t done = (size_t)NUM_MIN(len, s->begun.len);

	if (done)
		memcpy(buf, s->begun.data, done);
	s->begun.data += done;
	s->begun.len -= done;
	s->at += done;
	while (done < len) {
		ssize_t n = read(s->fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read of the flattened stream at 0x%" PRIx64,
				       s->at);
		if (n == 0)
			return err_set(err, ERR_CORRUPT, "the stream was cut at 0x%" PRIx64, s->at);
		done += (size_t)n;
		s->at += (size_t)n;
	}
	return 0;
}

/* The part of a record that came before a cut is written, too. */
static int copy_record(struct stream *s, struct record r, uint8_t *buf, struct out *out,
		       struct err *err)
{
	while (r.size) {
		uint64_t before = s->at;
		size_t want = (size_t)NUM_MIN(COPY_SIZE, r.size), got;
		int failed = stream_read(s, buf, want, err);
		struct err ignored;

		got = (size_t)(s->at - before);
		if (failed && got)
			(void)out->ops->pwrite(out, buf, got, r.offset, &ignored);
		if (failed || out->ops->pwrite(out, buf, got, r.offset, err))
			return err->code;
		r.offset += got;
		r.size -= got;
	}
	return 0;
}

/* Something short that was never flattened was not cut, either. */
static int read_stream_header(struct stream *s, uint8_t *buf, struct err *err)
{
	int r = stream_read(s, buf, FLAT_HEADER_SIZE, err);

	if (r == ERR_CORRUPT && s->at && !flat_probe((struct bytes){buf, (size_t)s->at}))
		return check_header((struct bytes){buf, (size_t)s->at}, err);
	return r ? r : check_header((struct bytes){buf, FLAT_HEADER_SIZE}, err);
}

static int copy_stream(struct stream *s, uint8_t *buf, struct out *out, uint64_t *ret_bytes,
		       struct err *err)
{
	uint64_t size = 0;

	if (read_stream_header(s, buf, err))
		return err->code;
	for (;;) {
		uint64_t at = s->at;
		struct record r;

		if (stream_read(s, buf, FLAT_RECORD_SIZE, err))
			return err->code;
		r = decode_record(buf);
		if (is_end(&r))
			break;
		if (check_record(&r, at, err) || copy_record(s, r, buf, out, err))
			return err->code;
		size = NUM_MAX(size, r.offset + r.size);
	}
	if (!size)
		return err_set(err, ERR_CORRUPT, "the flattened stream has no records");
	*ret_bytes = size;
	return 0;
}

int flat_rearrange(int fd, const char *name, struct out *out, uint64_t *ret_bytes, struct err *err)
{
	return flat_rearrange_rest((struct bytes){(const uint8_t *)"", 0}, fd, name, out, ret_bytes,
				   err);
}

int flat_rearrange_rest(struct bytes begun, int fd, const char *name, struct out *out,
			uint64_t *ret_bytes, struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(COPY_SIZE);
	struct stream s = {.begun = begun, .fd = fd};

	if (!buf)
		return err_nomem(err, COPY_SIZE, name);
	if (copy_stream(&s, buf, out, ret_bytes, err))
		return err_wrap(err, "%s", name);
	return 0;
}

/* ---- to a stream */

struct flat_out {
	struct out out;
	struct out *to;
	pthread_mutex_t lock; /* around all below, and whatever is done to `to` */
	uint64_t at;          /* bytes that `to` has */
	bool broken;
	struct err why;
};

static struct flat_out *flat_of(struct out *out)
{
	return (struct flat_out *)out;
}

/* Locked. */
static int put_part(struct flat_out *f, const void *buf, size_t len, struct err *err)
{
	if (f->to->ops->pwrite(f->to, buf, len, f->at, err)) {
		f->broken = true;
		f->why = *err;
		return err->code;
	}
	f->at += len;
	return 0;
}

/* `head` and `body`, which may be empty, with nothing in between. */
static int put(struct flat_out *f, const void *head, size_t head_len, const void *body, size_t len,
	       struct err *err)
{
	int r;

	pthread_mutex_lock(&f->lock);
	if (f->broken) {
		*err = f->why;
		r = err->code;
	} else {
		r = put_part(f, head, head_len, err);
		if (!r && len)
			r = put_part(f, body, len, err);
	}
	pthread_mutex_unlock(&f->lock);
	return r;
}

static int flat_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	uint64_t end;

	if (!num_add(off, (uint64_t)len, &end) || end > INT64_MAX)
		return err_sys(err, EFBIG, "%s: write of %zu bytes at 0x%" PRIx64, out->name, len,
			       off);
	for (size_t done = 0, part; done < len; done += part) {
		uint8_t head[FLAT_RECORD_SIZE];

		part = NUM_MIN(len - done, RECORD_MAX);
		encode_record(off + done, part, head);
		if (put(flat_of(out), head, sizeof(head), (const char *)buf + done, part, err))
			return err->code;
	}
	return 0;
}

static int flat_sync(struct out *out, struct err *err)
{
	struct flat_out *f = flat_of(out);
	int r;

	pthread_mutex_lock(&f->lock);
	r = f->to->ops->sync(f->to, err);
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* What it wrote to is the caller's again. */
static struct out *flat_free(struct flat_out *f)
{
	struct out *to = f->to;

	pthread_mutex_destroy(&f->lock);
	free(f);
	return to;
}

static void flat_leave(struct out *out)
{
	struct out *to = flat_free(flat_of(out));

	to->ops->leave(to);
}

static void flat_abort(struct out *out)
{
	struct out *to = flat_free(flat_of(out));

	to->ops->abort(to);
}

static int flat_commit(struct out *out, struct err *err)
{
	uint8_t end[FLAT_RECORD_SIZE];
	struct out *to;
	int r;

	encode_record(END_MARK, END_MARK, end);
	r = put(flat_of(out), end, sizeof(end), NULL, 0, err);
	to = flat_free(flat_of(out));
	if (!r)
		return to->ops->commit(to, err);
	to->ops->abort(to);
	return r;
}

static const struct out_ops flat_ops = {
	.pwrite = flat_pwrite,
	.sync = flat_sync,
	.commit = flat_commit,
	.abort = flat_abort,
	.leave = flat_leave,
};

static int write_header(struct flat_out *f, struct err *err)
{
	uint8_t head[FLAT_HEADER_SIZE] = {0};

	memcpy(head, signature, sizeof(signature));
	encode_record(TYPE, VERSION, head + sizeof(signature)); /* two be64 as well */
	return put(f, head, sizeof(head), NULL, 0, err);
}

int flat_out_create_over(struct out *to, struct out **ret, struct err *err)
{
	struct flat_out *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_nomem(err, sizeof(*f), to->name);
	pthread_mutex_init(&f->lock, NULL);
	f->out = (struct out){.ops = &flat_ops, .name = to->name, .write_once = true};
	f->to = to;
	r = write_header(f, err);
	if (r) {
		flat_free(f);
		return r;
	}
	*ret = &f->out;
	return 0;
}

int flat_out_create(int fd, const char *name, struct out **ret, struct err *err)
{
	struct out *stream;
	int r = out_stream_create(fd, name, &stream, err);

	if (r)
		return r;
	r = flat_out_create_over(stream, ret, err);
	if (r)
		stream->ops->abort(stream);
	return r;
}
