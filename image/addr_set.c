// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/addr_set.h"

#include <string.h>

/* Where it is, or belongs. Objects are aligned: their low bits say nothing. At most half of the places are taken. */
static uint64_t *place(const struct addr_set *set, uint64_t addr)
{
	size_t at = (size_t)((addr >> 3) * 0x9e3779b97f4a7c15ULL >> 24) & (set->size - 1);

	while (set->v[at] && set->v[at] != addr)
		at = (at + 1) & (set->size - 1);
	return &set->v[at];
}

static int grow(struct addr_set *set, struct err *err)
{
	struct addr_set bigger = {.n = set->n, .size = set->size ? 2 * set->size : 256};

	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (!bigger.v)
		return err_nomem(err, bigger.size * sizeof(*bigger.v), "a set of addresses");
	for (size_t i = 0; i < set->size; i++)
		if (set->v[i])
			*place(&bigger, set->v[i]) = set->v[i];
	free(set->v);
	*set = bigger;
	return 0;
}

int addr_set_add(struct addr_set *set, uint64_t addr, bool *ret_new, struct err *err)
{
	uint64_t *at;

	if ((set->n + 1) * 2 > set->size && grow(set, err))
		return err->code;
	at = place(set, addr);
	*ret_new = addr && !*at;
	if (*ret_new) {
		*at = addr;
		set->n++;
	}
	return 0;
}

void addr_set_clear(struct addr_set *set)
{
	if (set->n)
		memset(set->v, 0, set->size * sizeof(*set->v));
	set->n = 0;
}

void addr_set_deinit(struct addr_set *set)
{
	free(set->v);
	*set = (struct addr_set){0};
}
