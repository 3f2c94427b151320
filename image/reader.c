// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/reader.h"

#include <inttypes.h>

#include "base/num.h"

#define BLOCK_SHIFT 12 /* the smallest page: a larger one is several of these */
#define BLOCK       (1U << BLOCK_SHIFT)
#define WAYS        4
#define MAX_PAGES   (1U << 20)

/* A block of the address space: its bytes, or why there are none. */
struct slot {
	uint64_t nr; /* of the block */
	uint64_t used;
	uint8_t *data; /* BLOCK bytes, or the text of the error; NULL: nobody has been here yet */
	int code;      /* of that error; 0: data are bytes */
	bool partial;  /* RAM begins or ends within it: what is asked for may be there */
};

struct reader {
	const struct image *img;
	uint64_t clock;
	size_t sets; /* a power of two */
	struct slot slots[];
};

int reader_create(const struct image *img, size_t pages, struct reader **ret, struct err *err)
{
	struct reader *rd;
	size_t sets = 1, size;

	pages = NUM_MIN(pages ? pages : READER_PAGES, MAX_PAGES);
	while (sets * WAYS < pages)
		sets *= 2;
	size = sizeof(*rd) + sets * WAYS * sizeof(rd->slots[0]);
	rd = calloc(1, size);
	if (!rd)
		return err_nomem(err, size, "the pages that are kept");
	rd->img = img;
	rd->sets = sets;
	*ret = rd;
	return 0;
}

void reader_destroy(struct reader *rd)
{
	if (!rd)
		return;
	for (size_t i = 0; i < rd->sets * WAYS; i++)
		free(rd->slots[i].data);
	free(rd);
}

const struct image *reader_image(const struct reader *rd)
{
	return rd->img;
}

/* The slot that has the block, else the one of its set that was not used for the longest time. */
static struct slot *find_slot(struct reader *rd, uint64_t nr, bool *ret_hit)
{
	/* pages of different areas that begin alike (stacks, per-CPU areas) shall not meet in a few sets */
	size_t set = (size_t)((nr * 0x9e3779b97f4a7c15ULL) >> 32) & (rd->sets - 1);
	struct slot *v = &rd->slots[set * WAYS], *oldest = v;

	for (size_t i = 0; i < WAYS; i++) {
		if (v[i].data && v[i].nr == nr) {
			*ret_hit = true;
			return &v[i];
		}
		if (v[i].used < oldest->used)
			oldest = &v[i];
	}
	*ret_hit = false;
	return oldest;
}

/* Empties the slot first: a read that fails in the middle leaves a mixture. */
static int fill(struct reader *rd, struct slot *slot, uint64_t nr, struct err *err)
{
	uint8_t *data = slot->data && !slot->code ? slot->data : malloc(BLOCK);
	struct err ignored;
	int r;

	if (!data)
		return err_nomem(err, BLOCK, "a page of the dump");
	if (data != slot->data)
		free(slot->data);
	*slot = (struct slot){.nr = nr, .used = ++rd->clock, .data = data};
	r = image_read(rd->img, nr << BLOCK_SHIFT, data, BLOCK, err);
	if (!r)
		return 0;
	slot->partial = !image_read(rd->img, nr << BLOCK_SHIFT, data, 1, &ignored) ||
			!image_read(rd->img, (nr << BLOCK_SHIFT) + BLOCK - 1, data, 1, &ignored);
	free(data);
	slot->code = r;
	slot->data = (uint8_t *)strdup(err->msg); /* NULL: it is tried again */
	return r;
}

/* Some bytes of one block. */
static int read_block(struct reader *rd, uint64_t vaddr, void *to, size_t len, struct err *err)
{
	uint64_t nr = vaddr >> BLOCK_SHIFT;
	struct slot *slot;
	bool hit;
	int r = 0;

	slot = find_slot(rd, nr, &hit);
	slot->used = ++rd->clock;
	if (!hit)
		r = fill(rd, slot, nr, err);
	else if (slot->code)
		r = err_set(err, (enum err_code)slot->code, "%s", (const char *)slot->data);
	if (!r)
		memcpy(to, slot->data + (vaddr & (BLOCK - 1)), len);
	else if (slot->partial)
		r = image_read(rd->img, vaddr, to, len, err);
	return r;
}

int reader_read(struct reader *rd, uint64_t vaddr, void *buf, size_t len, struct err *err)
{
	uint8_t *to = buf;
	uint64_t end;

	if (len && !num_add(vaddr, (uint64_t)len - 1, &end))
		return err_set(err, ERR_NOT_FOUND,
			       "%zu bytes at address 0x%" PRIx64 " reach beyond the last one", len,
			       vaddr);
	while (len) {
		size_t n = NUM_MIN(BLOCK - (size_t)(vaddr & (BLOCK - 1)), len);
		int r = read_block(rd, vaddr, to, n, err);

		if (r)
			return r;
		to += n;
		vaddr += n;
		len -= n;
	}
	return 0;
}

int reader_uint(struct reader *rd, uint64_t vaddr, size_t size, uint64_t *ret, struct err *err)
{
	uint64_t v = 0;
	int r;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return err_set(err, ERR_CORRUPT, "an integer of %zu bytes at address 0x%" PRIx64,
			       size, vaddr);
	r = reader_read(rd, vaddr, &v, size, err);
	if (!r)
		*ret = le64toh(v); /* what is behind the bytes read is zero */
	return r;
}

#define READER_GETTER(bits)                                                        \
	int reader_u##bits(struct reader *rd, uint64_t vaddr, uint##bits##_t *ret, \
			   struct err *err)                                        \
	{                                                                          \
		uint64_t v;                                                        \
		int r = reader_uint(rd, vaddr, bits / 8, &v, err);                 \
                                                                                   \
		if (!r)                                                            \
			*ret = (uint##bits##_t)v;                                  \
		return r;                                                          \
	}

READER_GETTER(8)
READER_GETTER(16)
READER_GETTER(32)
READER_GETTER(64)

int reader_string(struct reader *rd, uint64_t vaddr, char *buf, size_t size, struct err *err)
{
	size_t at = 0;

	if (!size)
		return 0;
	while (at < size - 1) {
		size_t n = BLOCK - (size_t)((vaddr + at) & (BLOCK - 1));
		int r;

		n = NUM_MIN(n, size - 1 - at);
		r = reader_read(rd, vaddr + at, buf + at, n, err);
		if (r)
			return r;
		if (memchr(buf + at, '\0', n))
			return 0;
		at += n;
	}
	buf[at] = '\0';
	return 0;
}

int reader_bulk(struct reader *rd, uint64_t vaddr, uint64_t len, uint64_t limit, const char *what,
		uint8_t **ret, struct err *err)
{
	_cleanup_free_ uint8_t *data = NULL;
	uint64_t end;
	int r;

	if (len > limit || !num_add(vaddr, len, &end))
		return err_set(err, ERR_CORRUPT,
			       "%s at 0x%" PRIx64 " is to have %" PRIu64
			       " bytes, more than the %" PRIu64 " that are believed",
			       what, vaddr, len, limit);
	data = malloc(len ? len : 1);
	if (!data)
		return err_nomem(err, len, what);
	r = image_read(rd->img, vaddr, data, len, err);
	if (r)
		return err_wrap(err, "%s", what);
	*ret = no_cleanup_ptr(data);
	return 0;
}
