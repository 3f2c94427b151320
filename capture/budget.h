/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a dump may cost: how many workers there is memory for, and what is tried where the wanted dump does not fit. Pure.
 */
#ifndef CAPTURE_BUDGET_H
#define CAPTURE_BUDGET_H

#include "capture/recipe.h"

#define BUDGET_MAX_RUNGS (RECIPE_MAX_LEVELS + 2)

/* One way to write the dump; each is leaner than the one before, as far as can be said without trying. */
struct budget_rung {
	unsigned int level;
	enum codec codec;
};

/*
 * The recipe's levels with its codec, then level 31, then level 31 with the codec that packs best; without those that
 * change nothing. An ELF dump has no codec. Returns how many.
 */
size_t budget_rungs(const struct recipe *recipe, struct budget_rung ret[BUDGET_MAX_RUNGS]);

/*
 * Workers: what the recipe says, else one for each of `cpus` as far as `available` bytes of memory go; at least one.
 */
unsigned int budget_threads(const struct recipe *recipe, unsigned int cpus, uint64_t available);

#endif
