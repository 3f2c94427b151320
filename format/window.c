// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/window.h"

#include <sys/mman.h>

#include "base/num.h"

/*
 * One mmap per this much of the file. /proc/vmcore fills in a window's page tables at once, so a window
 * costs 8 KiB of them; much larger ones gain nothing.
 */
#define WINDOW_SIZE (4ULL * 1024 * 1024)

/*
 * What is read at once: a page where a few are wanted, up to this much where all are. The buffer begins on
 * a page: the kernel copies a quarter slower to memory that is not aligned.
 */
#define READ_MIN 4096
#define READ_MAX (1024 * 1024)
#define GROWTH   16

static void drop_map(struct window *w)
{
	if (w->map)
		munmap(w->map, w->map_len);
	w->map = NULL;
}

void window_deinit(struct window *w)
{
	drop_map(w);
	free(w->buf);
	*w = (struct window){0};
}

/*
 * Map the part of the limits that lies in the aligned window around `at`. The file's pages at both ends
 * are mapped whole: /proc/vmcore rounds every segment out to pages, and where segments are not aligned they
 * hold other data, which is left out of the piece.
 */
static bool map_piece(struct window *w, const struct input *in, const struct range *limits,
		      uint64_t at, struct window_piece *ret)
{
	uint64_t window = num_align_down(at, WINDOW_SIZE);
	uint64_t from = NUM_MAX(window, limits->start);
	uint64_t to = NUM_MIN(window + WINDOW_SIZE, limits->end);
	uint64_t map_from = num_align_down(from, (uint64_t)sysconf(_SC_PAGESIZE));
	void *map;

	drop_map(w);
	map = mmap(NULL, to - map_from, PROT_READ, MAP_PRIVATE, in->fd, (off_t)map_from);
	if (map == MAP_FAILED)
		return false;
	w->map = map;
	w->map_len = to - map_from;
	*ret = (struct window_piece){from, (const uint8_t *)map + (from - map_from), to - from};
	return true;
}

/* Read `len` bytes or, if that fails, what `at`'s own page has of them: no other page is lost with it. */
static int read_piece(struct window *w, const struct input *in, uint64_t at, size_t len,
		      struct window_piece *ret, struct err *err)
{
	size_t page = READ_MIN - (size_t)(at % READ_MIN);
	struct err ignored;

	if (!w->buf)
		w->buf = aligned_alloc(READ_MIN, READ_MAX);
	if (!w->buf)
		return err_nomem(err, READ_MAX, "a read buffer");
	if (len > page && input_read(in, w->buf, len, at, "PT_LOAD", &ignored)) {
		w->doubtful = (struct range){at, at + len};
		len = page;
	}
	if (len <= page && input_read(in, w->buf, len, at, "PT_LOAD", err))
		return err->code;
	w->next = at + len;
	*ret = (struct window_piece){at, w->buf, len};
	return 0;
}

int window_move(struct window *w, const struct input *in, const struct range *limits, uint64_t at,
		struct window_piece *ret, struct err *err)
{
	/* a bad page is met once among many and once alone: a disk may take seconds to give one up */
	bool doubtful = w->doubtful.start <= at && at < w->doubtful.end;

	if (in->may_map && map_piece(w, in, limits, at, ret))
		return 0;
	w->reach = w->reach && at == w->next && !doubtful ? NUM_MIN(w->reach * GROWTH, READ_MAX)
							  : READ_MIN;
	return read_piece(w, in, at, (size_t)NUM_MIN(w->reach, limits->end - at), ret, err);
}
