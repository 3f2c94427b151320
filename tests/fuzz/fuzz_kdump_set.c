// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: any two files either are no set, with a message, or each page that the set says is present
 * gives the same by map and by read, or an error; joined to one file, which opens, it is the same page
 * there.
 *
 * The input is the length of the first file, a le32, then both files.
 */
#include "format/kdump_set.h"
#include "tests/fuzz/source_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A struct out over a file in memory. */
struct memory {
	struct out out;
	int fd;
};

static int memory_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			 struct err *err)
{
	(void)err;
	if (!len || pwrite(((struct memory *)out)->fd, buf, len, (off_t)off) != (ssize_t)len)
		abort();
	return 0;
}

static int memory_sync(struct out *out, struct err *err)
{
	(void)out;
	(void)err;
	return 0;
}

static const struct out_ops memory_ops = {.pwrite = memory_pwrite, .sync = memory_sync};

static struct source *open_set(const uint8_t *data, size_t size, bool partial)
{
	char path[2][32];
	const char *paths[2] = {path[0], path[1]};
	struct source *set = NULL;
	struct err err = {0};
	int fd[2];
	uint32_t first;

	memcpy(&first, data, 4);
	first = (uint32_t)NUM_MIN(first, size - 4);
	for (size_t i = 0; i < 2; i++) {
		size_t len = i ? size - 4 - first : first;

		fd[i] = memfd_create("fuzz", MFD_CLOEXEC);
		if (fd[i] < 0 || write(fd[i], data + 4 + i * first, len) != (ssize_t)len)
			abort();
		snprintf(path[i], sizeof(path[i]), "/proc/self/fd/%d", fd[i]);
	}
	if (kdump_set_open(paths, 2, partial, &set, &err) &&
	    (set || !err.code || !strstr(err.msg, "/proc/self/fd/")))
		abort();
	close(fd[0]);
	close(fd[1]);
	return set;
}

/* A page of the set and of what it was joined to. */
static void compare_page(const struct source *set, const struct source *joined, uint64_t at)
{
	static uint8_t a[65536], b[65536];
	size_t bs = kdump_set_header(set)->block_size;
	struct err err;
	int r = source_read(set, at, a, bs, &err);

	if ((source_read(joined, at, b, bs, &err) != 0) != (r != 0) ||
	    (!r && memcmp(a, b, bs) != 0))
		abort();
}

static void check_joined(const struct source *set)
{
	struct memory m = {.out = {.ops = &memory_ops, .name = "memory"}};
	struct source *joined = NULL;
	struct err err = {0};
	uint64_t bytes;
	char path[32];

	m.fd = memfd_create("joined", MFD_CLOEXEC);
	if (m.fd < 0)
		abort();
	if (!kdump_set_join(set, &m.out, &bytes, &err)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", m.fd);
		if (source_open(path, &joined, &err) || joined->incomplete != set->incomplete)
			abort();
		for (size_t i = 0; i < set->present.n && i < 16; i++)
			compare_page(set, joined, set->present.v[i].start);
		source_destroy(joined);
	} else if (!err.code || !err.msg[0]) {
		abort();
	}
	close(m.fd);
}

static void check_set(struct source *set)
{
	uint64_t bs = kdump_set_header(set)->block_size;
	size_t pages = 0;
	struct view view;

	fuzz_check_ranges(set);
	fuzz_walk_notes(set);
	view_init(&view);
	for (size_t i = 0; i < set->present.n; i++)
		for (uint64_t at = set->present.v[i].start;
		     at < set->present.v[i].end && pages < 64; at += bs, pages++)
			fuzz_compare(set, &view, at);
	for (uint64_t back = 1; back < 16 && back <= kdump_set_header(set)->max_mapnr; back++)
		fuzz_compare(set, &view, (kdump_set_header(set)->max_mapnr - back) * bs);
	view_deinit(set, &view);
	check_joined(set);
	source_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source *set;

	if (size < 4)
		return 0;
	set = open_set(data, size, false);
	if (set)
		check_set(set);
	set = open_set(data, size, true);
	if (set)
		check_set(set);
	return 0;
}
