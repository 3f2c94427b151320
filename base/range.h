/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of half-open ranges [start, end), sorted, disjoint and merged at all times.
 * The unit (bytes, page frames) is the caller's. A range with start >= end is empty and ignored.
 */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct range {
	uint64_t start;
	uint64_t end; /* first value that is not inside */
};

struct ranges {
	struct range *v;
	size_t n;
	size_t cap;
};

void ranges_init(struct ranges *r);
void ranges_deinit(struct ranges *r);

/* Add [start, end), merging with what it overlaps or touches. */
int ranges_add(struct ranges *r, uint64_t start, uint64_t end, struct err *err) _must_check_;

/* Add all of `other`: in time for both, where one by one would take their product. */
int ranges_add_all(struct ranges *r, const struct ranges *other, struct err *err) _must_check_;

/* Take [start, end) out. */
int ranges_sub(struct ranges *r, uint64_t start, uint64_t end, struct err *err) _must_check_;

/* Keep only what lies in [start, end). Cannot fail. */
void ranges_clip(struct ranges *r, uint64_t start, uint64_t end);

/* The range that holds `at`, or NULL. */
const struct range *ranges_find(const struct ranges *r, uint64_t at);

/* The first range that ends behind `at` (the one holding it, or the next), or NULL. */
const struct range *ranges_from(const struct ranges *r, uint64_t at);

/* Sum of the lengths. */
uint64_t ranges_total(const struct ranges *r);

#endif
