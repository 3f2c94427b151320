// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/page_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/*
 * Damage and CPUs stopped in the middle of things account for a few odd struct pages; a misread layout
 * for nearly all of them.
 */
#define ODD_FEW   16
#define ODD_SHARE 8 /* one in so many */
/* A stopped CPU holds the lock of one zone and has one block half in, half out of its free lists. */
#define BLOCKS_PER_ZONE 2
#define BLOCKS_SHARE    256 /* and one in so many may be damage */

void page_check_add(struct page_check *total, const struct page_check *part)
{
	for (unsigned int i = 0; i < PAGE_ORDERS; i++)
		total->blocks[i] += part->blocks[i];
	total->doubtful_blocks += part->doubtful_blocks;
	total->heads += part->heads;
	total->doubtful_heads += part->doubtful_heads;
}

static void _printf_(2, 3) say(struct page_verdict *v, const char *fmt, ...)
{
	size_t len = strlen(v->text);
	va_list ap;

	if (len && len < sizeof(v->text) - 3) {
		strcpy(v->text + len, "; ");
		len += 2;
	}
	va_start(ap, fmt);
	vsnprintf(v->text + len, sizeof(v->text) - len, fmt, ap);
	va_end(ap);
}

static bool too_many(uint64_t odd, uint64_t all)
{
	return odd > ODD_FEW && odd > all / ODD_SHARE;
}

static uint64_t sum_pages(const uint64_t *blocks)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < PAGE_ORDERS; i++)
		sum += blocks[i] << i;
	return sum;
}

static uint64_t sum_blocks(const uint64_t *blocks)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < PAGE_ORDERS; i++)
		sum += blocks[i];
	return sum;
}

/* How many blocks `a` has that `b` has not, order by order. */
static uint64_t surplus(const uint64_t *a, const uint64_t *b)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < PAGE_ORDERS; i++)
		sum += a[i] > b[i] ? a[i] - b[i] : 0;
	return sum;
}

static void compare_free(const struct page_check *check, const struct free_blocks *counted,
			 bool complete, struct page_verdict *v)
{
	uint64_t tolerance =
		counted->zones * BLOCKS_PER_ZONE + sum_blocks(counted->blocks) / BLOCKS_SHARE;

	v->free_counted = sum_pages(counted->blocks);
	if (surplus(check->blocks, counted->blocks) > tolerance) {
		v->distrust_free = true;
		say(v,
		    "free pages by struct page: %" PRIu64 ", by the kernel's own counters: %" PRIu64
		    ": they are kept",
		    v->free_seen, v->free_counted);
	} else if (complete && surplus(counted->blocks, check->blocks) > tolerance) {
		say(v,
		    "free pages by struct page: %" PRIu64 ", by the kernel's own counters: %" PRIu64
		    ": those that are not recognised are kept",
		    v->free_seen, v->free_counted);
	}
}

void page_check_verdict(const struct page_check *check, const struct free_blocks *counted,
			bool complete, struct page_verdict *ret)
{
	struct page_verdict v = {.free_seen = sum_pages(check->blocks)};
	uint64_t blocks = sum_blocks(check->blocks) + check->doubtful_blocks;

	if (too_many(check->doubtful_blocks, blocks)) {
		v.distrust_free = true;
		say(&v,
		    "of %" PRIu64 " free blocks %" PRIu64
		    " have an order that cannot be: free pages are kept",
		    blocks, check->doubtful_blocks);
	} else if (counted) {
		compare_free(check, counted, complete, &v);
	}
	if (too_many(check->doubtful_heads, check->heads)) {
		v.distrust_compound = true;
		say(&v,
		    "of %" PRIu64 " compound pages %" PRIu64
		    " have an order that cannot be: they are kept",
		    check->heads, check->doubtful_heads);
	}
	*ret = v;
}

bool page_check_restrict(const struct page_verdict *verdict, struct page_layout *layout)
{
	bool free = verdict->distrust_free && (layout->has_buddy || layout->has_unaccepted);
	bool compound = verdict->distrust_compound && layout->compound != COMPOUND_UNKNOWN;

	if (free)
		layout->has_buddy = layout->has_unaccepted = false;
	if (compound)
		layout->compound = COMPOUND_UNKNOWN;
	return free || compound;
}
