// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/bitmap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/num.h"

int bitmap_init(struct bitmap *b, uint64_t bits, struct err *err)
{
	uint64_t n_words = num_div_up(bits, BITMAP_WORD_BITS);
	void *p = NULL;

	if (n_words) {
		p = mmap(NULL, n_words * sizeof(uint64_t), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return err_sys(err, errno, "a bitmap of %" PRIu64 " page frames", bits);
	}
	*b = (struct bitmap){p, bits, n_words};
	return 0;
}

void bitmap_deinit(struct bitmap *b)
{
	if (b->words)
		munmap(b->words, b->n_words * sizeof(uint64_t));
	*b = (struct bitmap){0};
}

/* Ones at the bit positions [from, to) of a word; to <= 64. */
static uint64_t word_mask(unsigned int from, unsigned int to)
{
	uint64_t below = to == 64 ? ~0ULL : (1ULL << to) - 1;

	return below & ~((1ULL << from) - 1);
}

static void change_range(struct bitmap *b, uint64_t start, uint64_t end, bool set)
{
	while (start < end) {
		uint64_t word = start / BITMAP_WORD_BITS;
		uint64_t stop = NUM_MIN(end, (word + 1) * BITMAP_WORD_BITS);
		uint64_t mask = word_mask((unsigned int)(start % BITMAP_WORD_BITS),
					  (unsigned int)(stop - word * BITMAP_WORD_BITS));

		if (set)
			b->words[word] |= mask;
		else
			b->words[word] &= ~mask;
		start = stop;
	}
}

void bitmap_set_range(struct bitmap *b, uint64_t start, uint64_t end)
{
	change_range(b, start, end, true);
}

void bitmap_clear_range(struct bitmap *b, uint64_t start, uint64_t end)
{
	change_range(b, start, end, false);
}

uint64_t bitmap_next(const struct bitmap *b, uint64_t from, uint64_t end, bool value)
{
	uint64_t flip = value ? 0 : ~0ULL, low = ~0ULL << (from % BITMAP_WORD_BITS);

	/* of the first word only what is not before `from` */
	for (uint64_t i = from / BITMAP_WORD_BITS; i * BITMAP_WORD_BITS < end; i++, low = ~0ULL) {
		uint64_t word = (b->words[i] ^ flip) & low;

		if (word)
			return NUM_MIN(i * BITMAP_WORD_BITS + (uint64_t)__builtin_ctzll(word), end);
	}
	return end;
}

uint64_t bitmap_count_words(const struct bitmap *b, uint64_t first, uint64_t last)
{
	uint64_t sum = 0;

	for (uint64_t i = first; i < last && i < b->n_words; i++)
		sum += (uint64_t)__builtin_popcountll(b->words[i]);
	return sum;
}
