// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/num.h"
#include "filter/filter.h"
#include "format/flat.h"
#include "format/input.h"
#include "format/kdump.h"
#include "tests/unit/fake_out.h"
#include "tests/unit/ordered_out.h"
#include "tests/unit/vmcore_file.h"

/* A flattened file as it is put together, and the file that it should stand for. */
struct flat {
	uint8_t *data;
	size_t len, cap;
	uint8_t *want;
	size_t size; /* of want */
	size_t want_cap;
};

static void append(struct flat *f, const void *data, size_t len)
{
	if (f->len + len > f->cap) {
		f->cap = (f->len + len) * 2;
		f->data = realloc(f->data, f->cap);
		assert_non_null(f->data);
	}
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void append_be64(struct flat *f, uint64_t v)
{
	v = htobe64(v);
	append(f, &v, sizeof(v));
}

static void begin(struct flat *f)
{
	static const uint8_t zeros[4096 - 32];

	free(f->data);
	free(f->want);
	*f = (struct flat){0};
	append(f, "makedumpfile\0\0\0\0", 16);
	append_be64(f, 1);
	append_be64(f, 1);
	append(f, zeros, sizeof(zeros));
}

static void put_header(struct flat *f, uint64_t off, uint64_t size)
{
	append_be64(f, off);
	append_be64(f, size);
}

static void put(struct flat *f, uint64_t off, const void *data, size_t len)
{
	put_header(f, off, len);
	append(f, data, len);
	if (off + len > f->want_cap) {
		size_t cap = (off + len) * 2;

		f->want = realloc(f->want, cap);
		assert_non_null(f->want);
		memset(f->want + f->want_cap, 0, cap - f->want_cap);
		f->want_cap = cap;
	}
	memcpy(f->want + off, data, len);
	f->size = NUM_MAX(f->size, off + len);
}

static void end(struct flat *f)
{
	put_header(f, UINT64_MAX, UINT64_MAX);
}

static void release(struct flat *f)
{
	free(f->data);
	free(f->want);
	*f = (struct flat){0};
}

static int open_input(const struct flat *f, struct input **ret, struct err *err)
{
	struct memfile file;
	int r;

	memfile_write(&file, f->data, f->len);
	r = input_create(file.fd, ret, err);
	if (r)
		memfile_close(&file);
	return r;
}

/* What the input says where data is: `known[i]` for byte i. */
static void find_data(const struct input *in, uint8_t *known, size_t size)
{
	struct range data, last = {0, 0};

	memset(known, 0, size);
	for (uint64_t at = 0; input_next_data(in, at, size, &data); at = data.end) {
		assert_true(data.start >= at && data.start < data.end && data.end <= size);
		assert_true(!last.end || data.start > last.end); /* one stretch, not two */
		memset(known + data.start, 1, data.end - data.start);
		last = data;
	}
}

static void assert_content(const struct flat *f, const struct input *in)
{
	uint8_t *got = malloc(f->size + 1);
	struct input_map map;

	assert_non_null(got);
	assert_true(in->flattened);
	assert_int_equal(in->size, f->size);
	assert_ok(input_read(in, got, f->size, 0, "all", err));
	assert_memory_equal(got, f->want, f->size);
	for (size_t at = 0; at < f->size; at += 1 + at / 3) {
		size_t len = (f->size - at) / 2;

		memset(got, 0xee, f->size);
		assert_ok(input_read(in, got, len, at, "a part", err));
		assert_memory_equal(got, f->want + at, len);
		assert_int_equal(got[len], 0xee);
		assert_ok(input_map(in, at, len, "a part", &map, err));
		assert_int_equal(map.bytes.len, len);
		assert_true(!len || memcmp(map.bytes.data, f->want + at, len) == 0);
		input_unmap(&map);
	}
	assert_fails(input_read(in, got, 2, f->size - 1, "the tail", err), ERR_CORRUPT,
		     "the tail: ends at");
	assert_fails(input_read(in, got, 1, UINT64_MAX, "the tail", err), ERR_CORRUPT, "0xffff");
	free(got);
}

static void assert_flat(const struct flat *f, bool cut)
{
	struct input *in = NULL;

	assert_ok(open_input(f, &in, err));
	assert_int_equal(in->cut, cut);
	assert_content(f, in);
	input_destroy(in);
}

TEST(records_in_any_order)
{
	struct flat f = {0};

	begin(&f);
	put(&f, 100, "world", 5);
	put(&f, 0, "hello", 5);
	put(&f, 5, ", ", 2);
	end(&f);
	assert_flat(&f, false);
	append(&f, "what follows the end mark is not looked at", 42);
	assert_flat(&f, false);
	release(&f);
}

TEST(later_records_win)
{
	struct input *in = NULL;
	struct flat f = {0};

	begin(&f);
	put(&f, 10, "aaaaaaaaaa", 10);
	put(&f, 12, "bbb", 3);   /* inside */
	put(&f, 5, "cccccc", 6); /* over the beginning */
	put(&f, 19, "ddd", 3);   /* over the end */
	put(&f, 10, "e", 1);     /* the same start */
	put(&f, 13, "ff", 2);    /* the same end as b */
	put(&f, 30, "gg", 2);    /* elsewhere */
	put(&f, 40, "hh", 2);    /* … and whole under the next */
	put(&f, 39, "iiii", 4);
	end(&f);
	assert_flat(&f, false);
	assert_ok(open_input(&f, &in, err));
	assert_memory_equal(f.want + 5, "ccccceabffaaaaddd", 17);
	assert_int_equal(in->index.v[0].start, 5);
	input_destroy(in);
	release(&f);
}

/* Against bytes that were painted one record after the other. */
TEST(random_records)
{
	struct flat f = {0};

	for (unsigned int seed = 1; seed <= 200; seed++) {
		unsigned int n, reach;
		uint8_t known[4096] = {0}, seen[4096];
		struct input *in = NULL;

		srandom(seed);
		n = 1 + (unsigned int)random() % 60;
		reach = 1 + (unsigned int)random() % 2000;
		begin(&f);
		for (unsigned int i = 0; i < n; i++) {
			size_t off = (size_t)random() % reach, len = 1 + (size_t)random() % 100;
			uint8_t data[100];

			memset(data, (int)(1 + i), sizeof(data));
			put(&f, off, data, len);
			memset(known + off, 1, len);
		}
		if (seed % 4)
			end(&f);
		assert_flat(&f, !(seed % 4));
		assert_ok(open_input(&f, &in, err));
		find_data(in, seen, f.size);
		assert_memory_equal(seen, known, f.size);
		input_destroy(in);
	}
	release(&f);
}

/* Orders that make a naive index quadratic; this ends within the test's patience. */
TEST(very_many_records)
{
	enum { N = 200000 };
	struct input *in = NULL;
	uint8_t data[64], byte;
	struct flat f = {0};

	memset(data, 7, sizeof(data));
	begin(&f);
	for (size_t i = N; i-- > 0;)
		put(&f, i, data, 1 + i % sizeof(data)); /* a staircase, downwards */
	for (size_t i = 0; i < N; i++)
		put(&f, (i * 7919) % N * 2, "x", 1); /* and holes in it */
	end(&f);
	assert_ok(open_input(&f, &in, err));
	for (size_t i = 0; i < f.size; i += 1013) {
		assert_ok(input_read(in, &byte, 1, i, "a byte", err));
		assert_int_equal(byte, f.want[i]);
	}
	input_destroy(in);
	release(&f);
}

TEST(a_cut_file_has_what_is_there)
{
	struct input *in = NULL;
	struct range known;
	struct flat f = {0};
	size_t whole;

	begin(&f);
	put(&f, 0, "0123456789", 10);
	put(&f, 20, "abcdefghij", 10);
	whole = f.len;
	for (size_t cut = 0; cut < 10; cut++) {
		f.len = whole - cut;
		f.size = 30 - cut;
		assert_flat(&f, true);
	}
	for (size_t cut = 10; cut < 26; cut++) {
		f.len = whole - cut; /* in the record's header */
		f.size = 10;
		assert_flat(&f, true);
	}
	f.len = whole - 3;
	assert_ok(open_input(&f, &in, err));
	assert_true(input_next_known(in, 5, 30, &known) && known.start == 5 && known.end == 10);
	assert_true(input_next_known(in, 10, 30, &known) && known.start == 20 && known.end == 27);
	assert_false(input_next_known(in, 27, 30, &known));
	input_destroy(in);
	f.len = 4096 + 16;
	assert_fails(open_input(&f, &in, err), ERR_CORRUPT, "has no records: it was cut");
	f.len = 4000;
	assert_fails(open_input(&f, &in, err), ERR_CORRUPT, "has no records: it was cut");
	f.len = 31;
	assert_fails(open_input(&f, &in, err), ERR_CORRUPT, "the header of the flattened file is");
	release(&f);
}

/* A stream that broke off: its header would have been the last record. */
TEST(a_cut_file_without_header_is_told)
{
	struct source *src = NULL;
	struct memfile file;
	struct flat f = {0};

	begin(&f);
	put(&f, 4096, "0123456789", 10);
	memfile_write(&file, f.data, f.len);
	assert_fails(source_open_fd(file.fd, "cut", &src, err), ERR_CORRUPT,
		     "cut off before its header, which comes last");
	memfile_close(&file);
	/* one that is whole has none */
	append_be64(&f, UINT64_MAX);
	append_be64(&f, UINT64_MAX);
	memfile_write(&file, f.data, f.len);
	assert_fails(source_open_fd(file.fd, "whole", &src, err), ERR_UNSUPPORTED,
		     "neither an ELF vmcore");
	memfile_close(&file);
	release(&f);
}

/* What a power cut leaves: the file has its length, but not its last bytes. */
TEST(a_tail_of_zeros_is_a_cut)
{
	static const uint8_t zeros[100];
	struct flat f = {0};

	begin(&f);
	put(&f, 3, "abc", 3);
	append(&f, zeros, sizeof(zeros));
	assert_flat(&f, true);
	release(&f);
}

TEST(gaps_of_a_whole_file_are_known)
{
	struct input *in = NULL;
	struct range known;
	struct flat f = {0};

	begin(&f);
	put(&f, 0, "a", 1);
	put(&f, 20, "b", 1);
	end(&f);
	assert_ok(open_input(&f, &in, err));
	assert_true(input_next_known(in, 5, 15, &known) && known.start == 5 && known.end == 15);
	assert_false(input_next_data(in, 5, 15, &known));
	assert_false(input_next_data(in, 21, 25, &known));
	input_destroy(in);
	release(&f);
}

TEST(bad_records)
{
	static const struct {
		uint64_t off, size;
		const char *part;
	} cases[] = {
		{5, 0, "flattened record at 0x1011: 0x0 bytes for offset 0x5 are no part"},
		{0, UINT64_MAX, "0xffffffffffffffff bytes for offset 0x0"},
		{UINT64_MAX, 1, "0x1 bytes for offset 0xffffffffffffffff"},
		{UINT64_MAX, 0, "0x0 bytes"},
		{1ULL << 63, 1, "offset 0x8000000000000000"},
		{0, 1ULL << 63, "0x8000000000000000 bytes"},
		{INT64_MAX, 1, "0x1 bytes for offset 0x7fffffffffffffff"},
	};
	struct fake_out *o = fake_out_create(0);
	struct input *in = NULL;
	struct flat f = {0};
	uint64_t bytes = 77;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct memfile file;

		begin(&f);
		put(&f, 0, "a", 1);
		put_header(&f, cases[i].off, cases[i].size);
		end(&f);
		assert_fails(open_input(&f, &in, err), ERR_CORRUPT, cases[i].part);
		memfile_write(&file, f.data, f.len);
		lseek(file.fd, 0, SEEK_SET);
		assert_fails(flat_rearrange(file.fd, "it", &o->out, &bytes, err), ERR_CORRUPT,
			     cases[i].part);
		memfile_close(&file);
	}
	assert_null(in);
	assert_int_equal(bytes, 77);
	fake_out_destroy(o);
	release(&f);
}

TEST(other_types_and_versions)
{
	struct input *in = NULL;
	struct flat f = {0};

	begin(&f);
	end(&f);
	assert_fails(open_input(&f, &in, err), ERR_CORRUPT, "has no records");
	f.data[31] = 2;
	assert_fails(open_input(&f, &in, err), ERR_UNSUPPORTED, "type 1, version 2: only type 1");
	f.data[23] = 0;
	assert_fails(open_input(&f, &in, err), ERR_UNSUPPORTED, "type 0, version 2");
	f.data[12] = 'x'; /* "makedumpfilex" is another file */
	assert_ok(open_input(&f, &in, err));
	assert_false(in->flattened);
	input_destroy(in);
	release(&f);
}

/* Far more of it would have to be in memory than there is in the file. */
TEST(scattered_bytes_are_not_copied)
{
	enum { N = (1 << 18) + 1 };
	struct input *in = NULL;
	struct input_map map;
	struct flat f = {0};

	begin(&f);
	for (uint64_t i = 0; i < N; i++) {
		put_header(&f, i * 4096, 1);
		append(&f, "x", 1);
	}
	put_header(&f, 1ULL << 40, 1);
	append(&f, "x", 1);
	end(&f);
	assert_ok(open_input(&f, &in, err));
	assert_fails(input_map(in, 0, N * 4096ULL, "bits", &map, err), ERR_UNSUPPORTED,
		     "bits of a flattened file: more than 0x40000000 bytes (0x40001000)");
	assert_fails(input_map(in, 0, 1ULL << 40, "bits", &map, err), ERR_UNSUPPORTED,
		     "more than 0x800000000 bytes");
	assert_ok(input_map(in, 1ULL << 31, 1ULL << 31, "bits", &map, err));
	assert_int_equal(map.bytes.data[12345678], 0);
	input_unmap(&map);
	input_destroy(in);
	release(&f);
}

/* ---- rearranging */

/* Feed a pipe from a thread, a few bytes at a time. */
struct feeder {
	int fd;
	const uint8_t *data;
	size_t len, step;
};

static void *feed(void *arg)
{
	const struct feeder *f = arg;

	for (size_t at = 0; at < f->len;) {
		ssize_t n = write(f->fd, f->data + at, NUM_MIN(f->step, f->len - at));

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(f->fd);
	return NULL;
}

static int rearrange(const struct flat *f, size_t step, struct fake_out *o, uint64_t *ret,
		     struct err *err)
{
	struct feeder feeder = {.data = f->data, .len = f->len, .step = step};
	pthread_t thread;
	int fds[2], r;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	feeder.fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
	r = flat_rearrange(fds[0], "standard input", &o->out, ret, err);
	close(fds[0]); /* what is not read is not written: the feeder's EPIPE */
	pthread_join(thread, NULL);
	return r;
}

static void assert_written(const struct fake_out *o, const uint8_t *want, size_t size)
{
	uint8_t *got = malloc(size + 2);

	assert_non_null(got);
	assert_int_equal(pread(o->file.fd, got, size + 1, 0), size);
	assert_memory_equal(got, want, size);
	free(got);
}

static void large_flat(struct flat *f)
{
	uint8_t *data = malloc(3 << 20);

	assert_non_null(data);
	vm_noise(data, 3 << 20);
	begin(f);
	put(f, 5 << 20, data, 3 << 20); /* larger than the buffer */
	put(f, 1, data + 99, 1 << 20);
	put(f, 6 << 20, "later", 5);
	free(data);
}

TEST(rearranges_a_pipe)
{
	struct flat f = {0};

	large_flat(&f);
	end(&f);
	for (size_t step = 4097; step < 1 << 20; step *= 5) {
		struct fake_out *o = fake_out_create(0);
		uint64_t bytes = 0;

		assert_ok(rearrange(&f, step, o, &bytes, err));
		assert_int_equal(bytes, f.size);
		assert_written(o, f.want, f.size);
		assert_false(o->finished); /* to commit is the caller's business */
		fake_out_destroy(o);
	}
	release(&f);
}

TEST(a_cut_stream_is_an_error)
{
	static const size_t cuts[] = {0, 1, 5, 16, 20, 1 << 19, 2 << 20};
	struct flat f = {0};
	size_t whole;

	large_flat(&f);
	whole = f.len;
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct fake_out *o = fake_out_create(0);
		struct input *in = NULL;
		uint64_t bytes = 77;
		char text[64];

		f.len = whole - cuts[i];
		snprintf(text, sizeof(text), "standard input: the stream was cut at 0x%zx", f.len);
		assert_fails(rearrange(&f, 65536, o, &bytes, err), ERR_CORRUPT, text);
		assert_int_equal(bytes, 77);
		/* all that came was written: as much as the index finds */
		assert_ok(open_input(&f, &in, err));
		memset(f.want, 0, f.want_cap);
		assert_ok(input_read(in, f.want, in->size, 0, "all", err));
		assert_written(o, f.want, in->size);
		input_destroy(in);
		fake_out_destroy(o);
	}
	release(&f);
}

TEST(what_cannot_be_rearranged)
{
	static char text[] = "no flattened stream";
	struct fake_out *o = fake_out_create(2);
	struct flat f = {0};
	uint64_t bytes;

	assert_fails(rearrange(&f, 1, o, &bytes, err), ERR_CORRUPT, "the stream was cut at 0x0");
	/* a text was not cut, it was never flattened */
	f = (struct flat){.data = (uint8_t *)text, .len = strlen(text)};
	assert_fails(rearrange(&f, 1, o, &bytes, err), ERR_UNSUPPORTED, "there is no header");
	f = (struct flat){0};
	large_flat(&f);
	assert_fails(rearrange(&f, 65536, o, &bytes, err), ERR_NO_SPACE, "fake out: call 2");
	memcpy(f.data, "\177ELF", 4);
	assert_fails(rearrange(&f, 65536, o, &bytes, err), ERR_UNSUPPORTED,
		     "standard input: there is no header of a flattened file");
	begin(&f);
	end(&f);
	assert_fails(rearrange(&f, 65536, o, &bytes, err), ERR_CORRUPT, "has no records");
	fake_out_destroy(o);
	release(&f);
}

/* ---- writing */

static size_t file_length(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);

	assert_true(len >= 0);
	return (size_t)len;
}

static struct input *reopen(int fd)
{
	struct input *in = NULL;

	assert_ok(input_create(dup(fd), &in, err));
	return in;
}

TEST(writes_what_it_reads)
{
	static const char text[] = "one two three";
	uint8_t head[4096], got[64] = {0}, tail[16];
	struct out *out = NULL;
	struct memfile file;
	struct input *in;

	memfile_write(&file, "", 0);
	assert_ok(flat_out_create(file.fd, "a stream", &out, err));
	assert_string_equal(out->name, "a stream");
	assert_true(out->write_once);
	assert_ok(out->ops->pwrite(out, text + 4, 3, 34, err));
	assert_ok(out->ops->pwrite(out, text, 0, 1000, err)); /* no record of no bytes */
	assert_ok(out->ops->pwrite(out, text, 4, 0, err));
	assert_ok(out->ops->sync(out, err));
	assert_fails(out->ops->pwrite(out, text, 2, INT64_MAX, err), ERR_SYSTEM, "too large");
	assert_fails(out->ops->pwrite(out, text, 2, UINT64_MAX, err), ERR_SYSTEM, "too large");
	assert_int_equal(file_length(file.fd), 4096 + 16 + 3 + 16 + 4);
	assert_ok(out->ops->commit(out, err));
	assert_int_equal(file_length(file.fd), 4096 + 16 + 3 + 16 + 4 + 16);
	assert_int_equal(pread(file.fd, head, 4096, 0), 4096);
	assert_memory_equal(head, "makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 32);
	assert_memory_equal(head + 32, head + 33, 4096 - 33);
	assert_int_equal(pread(file.fd, tail, 16, 4096), 16);
	assert_memory_equal(tail, "\0\0\0\0\0\0\0\42\0\0\0\0\0\0\0\3", 16);
	assert_int_equal(pread(file.fd, tail, 16, (off_t)file_length(file.fd) - 16), 16);
	assert_int_equal(tail[0] & tail[15], 0xff);
	in = reopen(file.fd);
	assert_false(in->cut);
	assert_int_equal(in->size, 37);
	assert_ok(input_read(in, got, 37, 0, "all", err));
	assert_memory_equal(got, "one \0\0\0\0", 8);
	assert_memory_equal(got + 33, "\0two", 4);
	input_destroy(in);
	memfile_close(&file);
}

/* Nobody takes for whole what was not committed. */
TEST(abort_and_leave_end_without_a_mark)
{
	for (int leave = 0; leave < 2; leave++) {
		struct out *out = NULL;
		struct memfile file;
		struct input *in;

		memfile_write(&file, "", 0);
		assert_ok(flat_out_create(file.fd, "a stream", &out, err));
		assert_ok(out->ops->pwrite(out, "abc", 3, 0, err));
		if (leave)
			out->ops->leave(out);
		else
			out->ops->abort(out);
		in = reopen(file.fd);
		assert_true(in->cut);
		input_destroy(in);
		memfile_close(&file);
	}
}

enum { THREADS = 4, PIECES = 500 };

struct writer {
	struct out *out;
	unsigned int number;
};

/* Piece i of thread t lies at (i * THREADS + t) * 100 and is i % 100 + 1 bytes long. */
static void *write_pieces(void *arg)
{
	const struct writer *w = arg;

	for (unsigned int i = 0; i < PIECES; i++) {
		uint8_t data[100];
		struct err err;

		memset(data, (int)(w->number * 50 + i % 50 + 1), sizeof(data));
		if (w->out->ops->pwrite(w->out, data, i % 100 + 1,
					(i * THREADS + w->number) * 100ULL, &err))
			return arg;
	}
	return NULL;
}

static void write_by_threads(struct out *out)
{
	struct writer writers[THREADS];
	pthread_t threads[THREADS];
	void *failed;

	for (unsigned int t = 0; t < THREADS; t++) {
		writers[t] = (struct writer){out, t};
		assert_int_equal(pthread_create(&threads[t], NULL, write_pieces, &writers[t]), 0);
	}
	for (unsigned int t = 0; t < THREADS; t++) {
		assert_int_equal(pthread_join(threads[t], &failed), 0);
		assert_null(failed);
	}
}

static void assert_pieces(int fd)
{
	struct input *in = reopen(fd);

	assert_false(in->cut);
	for (unsigned int at = 0; at < PIECES * THREADS; at++) {
		unsigned int i = at / THREADS, t = at % THREADS;
		uint8_t got[100] = {0};
		size_t len = NUM_MIN(100, in->size - at * 100ULL);

		assert_ok(input_read(in, got, len, at * 100ULL, "a piece", err));
		for (size_t k = 0; k < len; k++)
			assert_int_equal(got[k], k <= i % 100 ? t * 50 + i % 50 + 1 : 0);
	}
	input_destroy(in);
}

TEST(several_threads_write)
{
	struct out *out = NULL;
	struct memfile file;

	memfile_write(&file, "", 0);
	assert_ok(flat_out_create(file.fd, "a stream", &out, err));
	write_by_threads(out);
	assert_ok(out->ops->commit(out, err));
	assert_pieces(file.fd);
	memfile_close(&file);
}

/* Take a pipe's bytes, slowly at first, to a file. */
static void *drain(void *arg)
{
	const int *fds = arg;
	static char buf[65536];
	ssize_t n;

	usleep(20000);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		if (write(fds[1], buf, (size_t)n) != n)
			break;
	return NULL;
}

/* ssh hands its pipe over non-blocking: it fills up, and that is no error. */
TEST(a_pipe_that_does_not_block)
{
	struct out *out = NULL;
	struct memfile file;
	pthread_t thread;
	int fds[2], ends[2];

	memfile_write(&file, "", 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, 0), 0);
	ends[0] = fds[0];
	ends[1] = file.fd;
	assert_int_equal(pthread_create(&thread, NULL, drain, ends), 0);
	assert_ok(flat_out_create(fds[1], "a pipe", &out, err));
	write_by_threads(out);
	assert_ok(out->ops->sync(out, err)); /* nothing to sync */
	assert_ok(out->ops->commit(out, err));
	close(fds[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	assert_pieces(file.fd);
	memfile_close(&file);
}

/* After half a record nothing must follow, not even the end mark. */
TEST(after_a_failure_nothing_is_written)
{
	static char data[100000];
	struct out *out = NULL;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_ok(flat_out_create(fds[1], "a pipe", &out, err));
	close(fds[0]);
	assert_fails(out->ops->pwrite(out, data, sizeof(data), 0, err), ERR_SYSTEM, "Broken pipe");
	assert_int_equal(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), fds[1]), fds[1]);
	assert_fails(out->ops->pwrite(out, data, 1, 0, err), ERR_SYSTEM, "Broken pipe");
	assert_fails(out->ops->commit(out, err), ERR_SYSTEM, "a pipe: write: Broken pipe");
	close(fds[1]);
}

TEST(a_full_device)
{
	struct out *out = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_fails(flat_out_create(fd, "full", &out, err), ERR_NO_SPACE, "full: write: ");
	assert_null(out);
	close(fd);
}

/* Whoever takes bytes in order only gets them so, from all threads. */
TEST(over_an_out_that_takes_bytes_in_order)
{
	struct ordered_out o;
	struct out *out = NULL;

	ordered_out_init(&o);
	assert_ok(flat_out_create_over(&o.out, &out, err));
	assert_string_equal(out->name, "ordered");
	assert_true(out->write_once);
	assert_false(out->sequential);
	write_by_threads(out);
	assert_ok(out->ops->sync(out, err));
	assert_int_equal(o.n_syncs, 1);
	assert_ok(out->ops->commit(out, err));
	assert_int_equal(o.end, 'c');
	assert_pieces(o.file.fd);
	ordered_out_deinit(&o);
}

/* What it is over ends as it does, and never as a whole one if the end mark did not get there. */
TEST(over_an_out_that_ends_otherwise)
{
	static const char how[] = "alf";

	for (size_t i = 0; how[i]; i++) {
		struct ordered_out o;
		struct out *out = NULL;

		ordered_out_init(&o);
		assert_ok(flat_out_create_over(&o.out, &out, err));
		assert_ok(out->ops->pwrite(out, "abc", 3, 7, err));
		o.room = o.at + 15;
		if (how[i] == 'a')
			out->ops->abort(out);
		else if (how[i] == 'l')
			out->ops->leave(out);
		else
			assert_fails(out->ops->commit(out, err), ERR_NO_SPACE, "ordered: write");
		assert_int_equal(o.end, how[i] == 'f' ? 'a' : how[i]);
		assert_int_equal(o.at, FLAT_HEADER_SIZE + 16 + 3);
		ordered_out_deinit(&o);
	}
}

/* A record of which only the header fitted is followed by nothing; a failed create leaves `to` to its maker. */
TEST(over_an_out_that_is_full)
{
	struct ordered_out o;
	struct out *out = NULL;

	ordered_out_init(&o);
	o.room = 100;
	assert_fails(flat_out_create_over(&o.out, &out, err), ERR_NO_SPACE, "ordered: write");
	assert_int_equal(o.end, 0);
	assert_null(out);
	o.room = FLAT_HEADER_SIZE + 20;
	assert_ok(flat_out_create_over(&o.out, &out, err));
	assert_fails(out->ops->pwrite(out, "abcdefgh", 8, 0, err), ERR_NO_SPACE, "ordered: write");
	o.room = UINT64_MAX;
	assert_fails(out->ops->pwrite(out, "a", 1, 0, err), ERR_NO_SPACE, "ordered: write");
	assert_fails(out->ops->commit(out, err), ERR_NO_SPACE, "ordered: write");
	assert_int_equal(o.end, 'a');
	assert_int_equal(o.at, FLAT_HEADER_SIZE + 16);
	ordered_out_deinit(&o);
}

/* ---- whole dumps */

/* Cut `data` into pieces of about `piece` bytes, without those of zeros only, and shuffle them. */
static void flatten(struct flat *f, const uint8_t *data, size_t len, size_t piece)
{
	size_t n = num_div_up(len, piece), *order = calloc(n, sizeof(*order));

	assert_non_null(order);
	for (size_t i = 0; i < n; i++) {
		size_t k = (size_t)random() % (i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	begin(f);
	for (size_t i = 0; i < n; i++) {
		size_t at = order[i] * piece, size = NUM_MIN(piece, len - at);
		bool zero =
			!data[at] && (size == 1 || memcmp(data + at, data + at + 1, size - 1) == 0);

		if (!zero || at + size == len)
			put(f, at, data + at, size);
	}
	free(order);
}

static int open_source(const struct flat *f, struct source **ret, struct err *err)
{
	struct memfile file;
	int r;

	memfile_write(&file, f->data, f->len);
	r = source_open(file.path, ret, err);
	memfile_close(&file);
	return r;
}

/* Each byte that is present, by read and by map, is that of `memory`. */
static void assert_memory(const struct source *src, const uint8_t *memory)
{
	uint8_t *got = malloc(1 << 20);
	struct view view;

	assert_non_null(got);
	view_init(&view);
	for (size_t i = 0; i < src->present.n; i++) {
		const struct range *r = &src->present.v[i];
		size_t n = 0;

		for (uint64_t at = r->start; at < r->end; at += n) {
			const uint8_t *p = NULL;
			size_t part;

			assert_ok(source_map(src, &view, at, &p, &n, err));
			assert_memory_equal(p, memory + at, n);
			part = NUM_MIN(n, 1 << 20);
			assert_ok(source_read(src, at, got, part, err));
			assert_memory_equal(got, memory + at, part);
		}
	}
	view_deinit(src, &view);
	free(got);
}

/* A vmcore in memory: the file's bytes. */
static uint8_t *make_vmcore(size_t *ret_len)
{
	const struct vmcore_file description = {.noise = 1 << 20};
	struct memfile file;
	uint8_t *data;

	memfile_write(&file, "", 0);
	vmcore_write(&description, file.path);
	*ret_len = file_length(file.fd);
	data = malloc(*ret_len);
	assert_non_null(data);
	assert_int_equal(pread(file.fd, data, *ret_len, 0), *ret_len);
	memfile_close(&file);
	return data;
}

TEST(an_elf_file)
{
	struct source *src = NULL;
	struct flat f = {0};
	size_t len;
	uint8_t *elf = make_vmcore(&len);

	flatten(&f, elf, len, 10001);
	end(&f);
	assert_ok(open_source(&f, &src, err));
	assert_string_equal(src->ops->name, "ELF vmcore");
	assert_int_equal(src->file_size, len);
	assert_false(src->incomplete);
	assert_int_equal(ranges_total(&src->present), 2 << 20);
	assert_memory(src, elf + VMCORE_DATA);
	source_destroy(src);
	release(&f);
	free(elf);
}

/* Memory that was in no record is not in the dump; zeros must not be made up. */
TEST(a_cut_elf_file)
{
	struct source *src = NULL;
	struct flat f = {0};
	size_t len;
	uint8_t *elf = make_vmcore(&len), byte;

	begin(&f);
	put(&f, 0, elf, VMCORE_DATA);
	put(&f, VMCORE_DATA + 0x180000, elf + VMCORE_DATA + 0x180000, 0x1000);
	put(&f, VMCORE_DATA + 0x100000, elf + VMCORE_DATA + 0x100000, 0x10000);
	put(&f, VMCORE_DATA + 0x110000, elf + VMCORE_DATA + 0x110000, 0x1000);
	assert_ok(open_source(&f, &src, err));
	assert_true(src->incomplete);
	assert_int_equal(src->ram.n, 1);
	assert_int_equal(src->ram.v[0].end, 2 << 20);
	assert_int_equal(src->present.n, 2);
	assert_int_equal(src->present.v[0].start, 0x100000);
	assert_int_equal(src->present.v[0].end, 0x111000);
	assert_int_equal(src->present.v[1].end, 0x181000);
	assert_memory(src, elf + VMCORE_DATA);
	assert_fails(source_read(src, 0x120000, &byte, 1, err), ERR_NOT_FOUND, "(but was RAM)");
	source_destroy(src);
	release(&f);
	free(elf);
}

static void filter_to(const char *in, struct out *out)
{
	const struct filter_options options = {.codec = CODEC_LZO, .level = 1, .threads = 2};
	struct filter_stats stats;
	struct source *src = NULL;
	struct image *img = NULL;

	assert_ok(source_open(in, &src, err));
	assert_ok(image_create(src, &img, err));
	assert_ok(filter_run(img, &options, out, &stats, err));
	image_destroy(img);
	source_destroy(src);
}

/* The filter writes to a stream, and it is read in place. */
TEST(a_filtered_dump)
{
	struct memfile vmcore, stream;
	struct source *src = NULL;
	struct out *out = NULL;
	size_t len;
	uint8_t *elf = make_vmcore(&len);

	memfile_write(&vmcore, elf, len);
	memfile_write(&stream, "", 0);
	assert_ok(flat_out_create(stream.fd, "a stream", &out, err));
	filter_to(vmcore.path, out);
	assert_ok(out->ops->commit(out, err));
	assert_ok(source_open(stream.path, &src, err));
	assert_non_null(kdump_source_header(src));
	assert_false(src->incomplete);
	assert_int_equal(ranges_total(&src->present), 2 << 20);
	assert_memory(src, elf + VMCORE_DATA);
	source_destroy(src);
	memfile_close(&stream);
	memfile_close(&vmcore);
	free(elf);
}

/* Pages are lost, but no page is wrong. */
TEST(a_cut_kdump_file)
{
	struct fake_out *o = fake_out_create(0);
	struct source *src = NULL;
	struct memfile vmcore;
	struct flat f = {0};
	size_t len, size, lost = 0;
	uint8_t *elf = make_vmcore(&len), *dump;

	memfile_write(&vmcore, elf, len);
	filter_to(vmcore.path, &o->out);
	size = file_length(o->file.fd);
	dump = malloc(size);
	assert_non_null(dump);
	assert_int_equal(pread(o->file.fd, dump, size, 0), size);
	begin(&f);
	/* what comes then is in no record, the tail is; both borders are inside a page */
	put(&f, 0, dump, size - (1 << 20) + 1000);
	put(&f, size - (1 << 19) + 1000, dump + size - (1 << 19) + 1000, (1 << 19) - 1000);
	assert_ok(open_source(&f, &src, err));
	assert_true(src->incomplete);
	for (uint64_t at = 0; at < 2 << 20; at += 4096) {
		uint8_t got[4096];
		struct err err = {0};
		int r = source_read(src, at, got, sizeof(got), &err);

		lost += r != 0;
		assert_true(r == 0 || r == ERR_NOT_FOUND);
		assert_true(r || memcmp(got, elf + VMCORE_DATA + at, sizeof(got)) == 0);
	}
	assert_int_equal(lost, (1 << 19) / 4096 + 1);
	source_destroy(src);
	memfile_close(&vmcore);
	fake_out_destroy(o);
	release(&f);
	free(dump);
	free(elf);
}

/* Bitmaps of 8 GiB in a file of 20 KiB: only what is there is looked at. */
TEST(memory_at_the_far_end)
{
	enum { BS = 4096 };
	const uint64_t max = 1ULL << 36, last = max - 1;
	struct kdump_header h = {.block_size = BS, .max_mapnr = max, .status = CODEC_RAW};
	uint8_t block[BS], bit = 0x80, got;
	struct kdump_desc d = {.size = BS};
	struct source *src = NULL;
	struct kdump_layout l;
	struct flat f = {0};

	begin(&f);
	assert_ok(kdump_plan(&h, &l, err));
	kdump_encode_header(&h, block);
	put_header(&f, 0, BS);
	append(&f, block, BS);
	kdump_encode_sub_header(&h, block);
	put_header(&f, BS, KDUMP_SUB_HEADER_SIZE);
	append(&f, block, KDUMP_SUB_HEADER_SIZE);
	put_header(&f, l.bitmap1_off + last / 8, 1);
	append(&f, &bit, 1);
	put_header(&f, l.bitmap2_off + last / 8, 1);
	append(&f, &bit, 1);
	d.offset = l.desc_off + BS;
	kdump_encode_desc(&d, block);
	put_header(&f, l.desc_off, KDUMP_DESC_SIZE);
	append(&f, block, KDUMP_DESC_SIZE);
	memset(block, 0x42, BS);
	put_header(&f, d.offset, BS);
	append(&f, block, BS);
	end(&f);
	assert_ok(open_source(&f, &src, err));
	assert_int_equal(src->present.n, 1);
	assert_int_equal(src->present.v[0].start, last * BS);
	assert_ok(source_read(src, max * BS - 1, &got, 1, err));
	assert_int_equal(got, 0x42);
	source_destroy(src);
	release(&f);
}

TEST(what_is_inside_is_no_dump)
{
	struct source *src = NULL;
	uint8_t header[4096];
	struct flat f = {0};

	begin(&f);
	put(&f, 0, "hello", 5);
	end(&f);
	assert_fails(open_source(&f, &src, err), ERR_UNSUPPORTED, "begins with 68 65 6c 6c 6f");
	begin(&f);
	memcpy(header, f.data, sizeof(header));
	put(&f, 0, header, sizeof(header)); /* flattened twice */
	end(&f);
	assert_fails(open_source(&f, &src, err), ERR_UNSUPPORTED, "|makedumpfile....|");
	assert_null(src);
	release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_in_any_order),
		cmocka_unit_test(later_records_win),
		cmocka_unit_test(random_records),
		cmocka_unit_test(very_many_records),
		cmocka_unit_test(a_cut_file_has_what_is_there),
		cmocka_unit_test(a_cut_file_without_header_is_told),
		cmocka_unit_test(a_tail_of_zeros_is_a_cut),
		cmocka_unit_test(gaps_of_a_whole_file_are_known),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(other_types_and_versions),
		cmocka_unit_test(scattered_bytes_are_not_copied),
		cmocka_unit_test(rearranges_a_pipe),
		cmocka_unit_test(a_cut_stream_is_an_error),
		cmocka_unit_test(what_cannot_be_rearranged),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(abort_and_leave_end_without_a_mark),
		cmocka_unit_test(several_threads_write),
		cmocka_unit_test(a_pipe_that_does_not_block),
		cmocka_unit_test(after_a_failure_nothing_is_written),
		cmocka_unit_test(a_full_device),
		cmocka_unit_test(over_an_out_that_takes_bytes_in_order),
		cmocka_unit_test(over_an_out_that_ends_otherwise),
		cmocka_unit_test(over_an_out_that_is_full),
		cmocka_unit_test(an_elf_file),
		cmocka_unit_test(a_cut_elf_file),
		cmocka_unit_test(a_filtered_dump),
		cmocka_unit_test(a_cut_kdump_file),
		cmocka_unit_test(memory_at_the_far_end),
		cmocka_unit_test(what_is_inside_is_no_dump),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
