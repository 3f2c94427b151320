// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: what the index of a flattened file says about any byte is what comes out when its records
 * are written one after the other (flat_rearrange, which knows no index); where one of them refuses the
 * file the other does, too. A dump inside is as good as one in a plain file (source_fuzz.h).
 *
 * The input is everything behind the file's header.
 */
#include "base/num.h"
#include "format/flat.h"
#include "format/input.h"
#include "tests/fuzz/source_fuzz.h"

#define MEMORY_SIZE 65536 /* of the dump that is compared */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A struct out in memory. */
struct memory {
	struct out out;
	uint64_t size;
	bool exceeded; /* something lies behind MEMORY_SIZE */
	uint8_t bytes[MEMORY_SIZE];
};

static int memory_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			 struct err *err)
{
	struct memory *m = (struct memory *)out;

	(void)err;
	if (!len)
		abort();
	if (off + len > MEMORY_SIZE) {
		m->exceeded = true;
		return 0;
	}
	memcpy(m->bytes + off, buf, len);
	m->size = NUM_MAX(m->size, off + len);
	return 0;
}

static const struct out_ops memory_ops = {.pwrite = memory_pwrite};

static int make_file(const uint8_t *data, size_t size)
{
	static const uint8_t header[FLAT_HEADER_SIZE] =
		"makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1";
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, header, sizeof(header)) != sizeof(header) ||
	    write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

static void check_extents(const struct input *in)
{
	const struct flat_extent *v = in->index.v;

	for (size_t i = 0; i < in->index.n; i++)
		if (v[i].start >= v[i].end || (i && v[i - 1].end > v[i].start))
			abort();
	if (!in->index.n || v[in->index.n - 1].end != in->size)
		abort();
}

static void compare(const struct input *in, const struct memory *m)
{
	static uint8_t got[MEMORY_SIZE];
	struct input_map map = {0};
	struct err err = {0};
	size_t half = m->size / 2;

	if (in->size != m->size || input_read(in, got, m->size, 0, "all", &err) ||
	    memcmp(got, m->bytes, m->size) != 0)
		abort();
	if (input_map(in, half, m->size - half, "half", &map, &err) ||
	    memcmp(map.bytes.data, m->bytes + half, map.bytes.len) != 0)
		abort();
	input_unmap(&map);
	if (input_read(in, got, 1, m->size, "the tail", &err) != ERR_CORRUPT)
		abort();
}

static void check_input(const uint8_t *data, size_t size)
{
	static struct memory m;
	struct input *in = NULL;
	struct err err = {0};
	uint64_t bytes = 0;
	bool indexed, rearranged;
	int fd = make_file(data, size);

	m = (struct memory){.out = {.ops = &memory_ops, .name = "memory"}};
	rearranged = !flat_rearrange(fd, "fuzz", &m.out, &bytes, &err);
	indexed = !input_create(fd, &in, &err);
	if (rearranged && (!indexed || in->cut || in->size != bytes))
		abort();
	if (indexed) {
		if (!in->flattened || (!in->cut && !rearranged))
			abort();
		check_extents(in);
		if (!m.exceeded)
			compare(in, &m);
		input_destroy(in);
	} else {
		close(fd);
	}
}

static void check_source(const uint8_t *data, size_t size)
{
	struct source *src = NULL;
	struct view view;
	struct err err = {0};
	char path[32];
	int fd = make_file(data, size);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (source_open(path, &src, &err) && !strstr(err.msg, path))
		abort();
	close(fd);
	if (!src)
		return;
	fuzz_check_ranges(src);
	fuzz_walk_notes(src);
	view_init(&view);
	for (size_t i = 0; i < src->present.n && i < 64; i++) {
		fuzz_compare(src, &view, src->present.v[i].start);
		fuzz_compare(src, &view, src->present.v[i].end - 1);
	}
	view_deinit(src, &view);
	source_destroy(src);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_input(data, size);
	check_source(data, size);
	return 0;
}
