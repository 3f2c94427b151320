/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that have been seen: whoever follows a dump's pointers goes nowhere twice. */
#ifndef IMAGE_ADDR_SET_H
#define IMAGE_ADDR_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct addr_set {
	uint64_t *v; /* a hash; 0 is free */
	size_t n, size;
};

/* Start with all zeros. *ret_new: it was not in the set. Address 0 never is new. Errors: no memory. */
int addr_set_add(struct addr_set *set, uint64_t addr, bool *ret_new, struct err *err) _must_check_;
void addr_set_clear(struct addr_set *set); /* keeps its memory */
void addr_set_deinit(struct addr_set *set);

#endif
