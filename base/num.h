/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers: checked arithmetic for values from outside, strict parsing, alignment. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* True if the result fits; then it is in *ret. False leaves *ret undefined. */
#define num_add(a, b, ret) (!__builtin_add_overflow(a, b, ret))
#define num_sub(a, b, ret) (!__builtin_sub_overflow(a, b, ret))
#define num_mul(a, b, ret) (!__builtin_mul_overflow(a, b, ret))

#define NUM_MIN(a, b) ((a) < (b) ? (a) : (b))
#define NUM_MAX(a, b) ((a) > (b) ? (a) : (b))

static inline bool num_is_pow2(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* Alignment must be a power of two. num_align_up wraps at the top: check before if it can. */
static inline uint64_t num_align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

static inline uint64_t num_align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline uint64_t num_div_up(uint64_t v, uint64_t by)
{
	return v / by + (v % by != 0);
}

/*
 * Parse the whole of `text` as an unsigned number: decimal, or hexadecimal behind "0x".
 * No sign, no space, no rest: "12 ", "-1", "" and overflow are ERR_USAGE naming the text.
 */
int num_parse_u64(const char *text, uint64_t *ret, struct err *err) _must_check_;

/* The same within [min, max]. */
int num_parse_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
		    struct err *err) _must_check_;

/* A number of bytes: "123", "64K", "1M", "2G" or "1T", in powers of 1024; not 0. */
int num_parse_size(const char *text, uint64_t *ret, struct err *err) _must_check_;

/* Bytes as two hexadecimal digits each, such as a build id; "" if they do not fit into buf. Returns buf. */
const char *num_hex(const uint8_t *bytes, size_t n, char *buf, size_t size);

/* Format a byte count for people, "1.5 GB" style with powers of 1024, into buf; returns buf. */
const char *num_human(uint64_t bytes, char buf[16]);

#endif
