// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast every codec is, and how small it makes real pages.
 *
 *   codec_bench FILE [MIB]      FILE is a dump, or anything else: then it is pages back to back
 *
 * Takes at most MIB (64) of pages that are not zero, spread over the file, and prints two tables: of
 * all of them, and of those that look like an array of struct pages. Each figure is the best of
 * ROUNDS. "zlib -1" is libz, for comparison with what we use behind the zlib flag. "fresh" is
 * decompressing with a new context for each page.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <zlib.h>

#include "base/num.h"
#include "format/codec.h"
#include "format/source.h"

enum { PAGE = 4096, ROUNDS = 5 };

struct pages {
	uint8_t *data;
	size_t n, max;
};

struct packed {
	uint8_t *data;
	uint32_t *size; /* of each page; PAGE: stored raw */
	size_t total;
};

static const struct method {
	const char *name;
	enum codec codec;
	int level;
	bool libz;
} methods[] = {
	{"libz -1", CODEC_ZLIB, 1, true},     {"zlib 1", CODEC_ZLIB, 1, false},
	{"zlib 2", CODEC_ZLIB, 2, false},     {"zlib 6", CODEC_ZLIB, 6, false},
	{"lzo", CODEC_LZO, 0, false},         {"snappy", CODEC_SNAPPY, 0, false},
	{"zstd 3", CODEC_ZSTD, 3, false},     {"zstd 2", CODEC_ZSTD, 2, false},
	{"zstd 1", CODEC_ZSTD, 1, false},     {"zstd -1", CODEC_ZSTD, -1, false},
	{"zstd -2", CODEC_ZSTD, -2, false},   {"zstd -3", CODEC_ZSTD, -3, false},
	{"zstd -5", CODEC_ZSTD, -5, false},   {"zstd -7", CODEC_ZSTD, -7, false},
	{"zstd -15", CODEC_ZSTD, -15, false},
};

static void die(const char *what)
{
	fprintf(stderr, "codec_bench: %s\n", what);
	exit(1);
}

static void *need(size_t len)
{
	void *p = malloc(len);

	if (!p)
		die("no memory");
	memset(p, 1, len); /* its page faults are not the codecs' */
	return p;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the pages */

static void take(struct pages *p, const uint8_t *page)
{
	static const uint8_t zero[PAGE];

	if (p->n < p->max && memcmp(page, zero, PAGE) != 0)
		memcpy(p->data + p->n++ * PAGE, page, PAGE);
}

/* Runs of 16 pages, as many as there is room for, evenly from the beginning to the end. */
static bool wanted(uint64_t index, uint64_t of, const struct pages *p)
{
	uint64_t runs = of / 16 + 1, room = p->max / 16 + 1;

	return runs <= room || index / 16 * room / runs != (index / 16 + 1) * room / runs;
}

static void take_source(struct pages *p, const struct source *src)
{
	uint64_t all = ranges_total(&src->present) / PAGE, index = 0;
	struct view view;
	struct err err;

	view_init(&view);
	for (size_t i = 0; i < src->present.n; i++) {
		uint64_t at = num_align_up(src->present.v[i].start, (uint64_t)PAGE);

		for (; at + PAGE <= src->present.v[i].end; at += PAGE) {
			const uint8_t *data;
			size_t len;

			if (!wanted(index++, all, p))
				continue;
			if (source_map(src, &view, at, &data, &len, &err) == 0 && len >= PAGE)
				take(p, data);
		}
	}
	view_deinit(src, &view);
}

static void take_file(struct pages *p, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t page[PAGE];
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(strerror(errno));
	for (uint64_t i = 0, all = (uint64_t)st.st_size / PAGE; i < all; i++)
		if (wanted(i, all, p) && pread(fd, page, PAGE, (off_t)(i * PAGE)) == PAGE)
			take(p, page);
	close(fd);
}

/*
 * struct page of 64 bytes as in 4.16 and later: nearly all have _mapcount -1 (at 48) and a small
 * _refcount (at 52).
 */
static bool looks_like_struct_pages(const uint8_t *page)
{
	struct bytes b = {page, PAGE};
	unsigned int hits = 0;

	for (size_t i = 0; i < PAGE; i += 64) {
		uint32_t mapcount = 0, refcount = 0;

		if (bytes_le32(b, i + 48, &mapcount) && bytes_le32(b, i + 52, &refcount))
			hits += mapcount == UINT32_MAX && refcount < 1024;
	}
	return hits >= 48;
}

/* ---- measuring */

static size_t libz_run(z_stream *z, const uint8_t *src, uint8_t *dst)
{
	deflateReset(z);
	z->next_in = (Bytef *)src;
	z->avail_in = PAGE;
	z->next_out = dst;
	z->avail_out = PAGE - 1;
	return deflate(z, Z_FINISH) == Z_STREAM_END ? PAGE - 1 - z->avail_out : 0;
}

static double pack(const struct method *m, const struct pages *p, struct packed *out)
{
	struct compressor *c = NULL;
	z_stream z = {0};
	struct err err;
	double start;

	if (compressor_create(m->codec, m->level, &c, &err) || deflateInit(&z, 1) != Z_OK)
		die(err.msg);
	out->total = 0;
	start = now();
	for (size_t i = 0; i < p->n; i++) {
		uint8_t *to = out->data + i * 2 * PAGE;
		size_t n = m->libz ? libz_run(&z, p->data + i * PAGE, to)
				   : compressor_run(c, p->data + i * PAGE, PAGE, to);

		out->size[i] = n ? (uint32_t)n : PAGE;
		out->total += out->size[i];
	}
	start = now() - start;
	deflateEnd(&z);
	compressor_destroy(c);
	return start;
}

static double unpack(const struct method *m, const struct pages *p, const struct packed *in,
		     bool fresh)
{
	struct decompressor *d = NULL;
	struct err err;
	uint8_t page[PAGE];
	double start;

	if (decompressor_create(&d, &err))
		die(err.msg);
	start = now();
	for (size_t i = 0; i < p->n; i++) {
		struct bytes b = {in->data + i * 2 * PAGE, in->size[i]};

		if (b.len == PAGE)
			continue;
		if (fresh ? codec_decompress(m->codec, b, page, PAGE, &err)
			  : decompressor_run(d, m->codec, b, page, PAGE, &err))
			die(err.msg);
		if (memcmp(page, p->data + i * PAGE, PAGE) != 0)
			die("another page came back");
	}
	start = now() - start;
	decompressor_destroy(d);
	return start;
}

static void measure(const struct method *m, const struct pages *p, struct packed *room)
{
	double best[3] = {1e9, 1e9, 1e9}, mb = (double)p->n * PAGE / 1e6;

	for (int i = 0; i < ROUNDS; i++) {
		double t[3] = {pack(m, p, room), unpack(m, p, room, false),
			       unpack(m, p, room, true)};

		for (int k = 0; k < 3; k++)
			best[k] = NUM_MIN(best[k], t[k]);
	}
	printf("%-9s %8.2f %10.0f %12.0f %8.0f\n", m->name, mb * 1e6 / (double)room->total,
	       mb / best[0], mb / best[1], mb / best[2]);
	fflush(stdout);
}

static void table(const char *title, const struct pages *p, struct packed *room)
{
	printf("%s: %zu pages\n", title, p->n);
	if (!p->n)
		return;
	printf("%-9s %8s %10s %12s %8s\n", "", "ratio", "MB/s", "unpack MB/s", "fresh");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		measure(&methods[i], p, room);
}

int main(int argc, char **argv)
{
	struct pages all = {.max = 64 * 256}, structs = {0};
	struct source *src = NULL;
	struct packed room;
	struct err err;

	if (argc < 2 || argc > 3 || (argc == 3 && atoi(argv[2]) < 1))
		die("usage: codec_bench FILE [MIB]");
	if (argc == 3)
		all.max = (size_t)atoi(argv[2]) * 256;
	structs.max = all.max;
	all.data = need(all.max * PAGE);
	structs.data = need(all.max * PAGE);
	room = (struct packed){need(all.max * PAGE * 2), need(all.max * sizeof(uint32_t)), 0};
	if (source_open(argv[1], &src, &err) == 0)
		take_source(&all, src);
	else
		take_file(&all, argv[1]);
	source_destroy(src);
	for (size_t i = 0; i < all.n; i++)
		if (looks_like_struct_pages(all.data + i * PAGE))
			take(&structs, all.data + i * PAGE);
	table("all pages", &all, &room);
	table("pages of struct pages", &structs, &room);
	free(all.data);
	free(structs.data);
	free(room.data);
	free(room.size);
	return 0;
}
