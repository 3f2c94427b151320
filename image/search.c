// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/search.h"

#include "base/num.h"

#define PIECE   (256U << 10)
#define PAGE    4096U
#define DEFAULT (64ULL << 20) /* if only _stext is known */

int search_span(const struct image *img, struct range *ret, struct err *err)
{
	/* all of the kernel's data; each kernel has some of them */
	static const char *const behind[] = {"init_uts_ns",     "swapper_pg_dir",  "init_top_pgt",
					     "node_online_map", "vmap_area_list",  "prb",
					     "clear_seq",       "printk_rb_static"};
	struct range span;
	uint64_t last = 0;
	int r = image_need_symbol(img, "_stext", &span.start, err);

	if (r)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		struct err ignored;
		uint64_t at;

		if (!image_need_symbol(img, behind[i], &at, &ignored) && at > span.start &&
		    at - span.start < SEARCH_MAX)
			last = NUM_MAX(last, at);
	}
	span.start = num_align_down(span.start, PAGE);
	if (last)
		span.end = num_align_down(last, PAGE) + PAGE;
	else if (!num_add(span.start, DEFAULT, &span.end))
		span.end = num_align_down(UINT64_MAX, PAGE);
	*ret = span;
	return 0;
}

/* As much of [vaddr, end) as can be read in one piece, at most `room` bytes; 0: not even the page at vaddr. */
static size_t read_piece(const struct image *img, uint64_t vaddr, uint64_t end, uint8_t *to,
			 size_t room)
{
	size_t len = (size_t)NUM_MIN(end - vaddr, (uint64_t)room), done = 0;
	struct err ignored;

	if (!image_read(img, vaddr, to, len, &ignored))
		return len;
	while (done < len) {
		size_t n = NUM_MIN(PAGE - (size_t)((vaddr + done) % PAGE), len - done);

		if (image_read(img, vaddr + done, to + done, n, &ignored))
			break;
		done += n;
	}
	return done;
}

bool search_bytes(const struct image *img, struct range span, struct bytes pattern, search_fn fn,
		  void *ctx, struct err *err)
{
	_cleanup_free_ uint8_t *piece = malloc(PIECE);
	uint64_t at = span.start;

	err->code = 0;
	if (!piece) {
		err_nomem(err, PIECE, "a piece of the kernel's image");
		return false;
	}
	while (at < span.end) {
		size_t len = read_piece(img, at, span.end, piece, PIECE), off = 0;

		while (off < len) {
			const uint8_t *hit =
				memmem(piece + off, len - off, pattern.data, pattern.len);

			if (!hit)
				break;
			off = (size_t)(hit - piece);
			if (fn(ctx, at + off, (struct bytes){hit, len - off}))
				return true;
			off++;
		}
		if (len == PIECE) {
			at += len - (pattern.len - 1); /* it may lie across two pieces */
			continue;
		}
		at = num_align_down(at + len, PAGE);
		if (!num_add(at, PAGE, &at))
			break;
	}
	return false;
}
