// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "filter/filter.h"

/*
 * Of the memory that is free, what a worker may take: two batches of 1 MiB, a window on the vmcore with its page tables,
 * the codec's own; and what stays for the kernel to write with.
 */
#define WORKER_BYTES (4ULL << 20)
#define SPARE_BYTES  (4ULL << 20)

static size_t add_rung(struct budget_rung *rungs, size_t n, unsigned int level, enum codec codec)
{
	for (size_t i = 0; i < n; i++)
		if (rungs[i].level == level && rungs[i].codec == codec)
			return n;
	rungs[n] = (struct budget_rung){level, codec};
	return n + 1;
}

size_t budget_rungs(const struct recipe *recipe, struct budget_rung ret[BUDGET_MAX_RUNGS])
{
	enum codec codec = recipe->elf ? CODEC_RAW : recipe->codec;
	size_t n = 0;

	for (size_t i = 0; i < recipe->n_levels; i++)
		n = add_rung(ret, n, recipe->levels[i], codec);
	n = add_rung(ret, n, LEVEL_MAX, codec);
	if (!recipe->elf)
		n = add_rung(ret, n, LEVEL_MAX, CODEC_ZSTD);
	return n;
}

unsigned int budget_threads(const struct recipe *recipe, unsigned int cpus, uint64_t available)
{
	uint64_t n = available > SPARE_BYTES ? (available - SPARE_BYTES) / WORKER_BYTES : 0;

	if (recipe->threads)
		return recipe->threads;
	n = NUM_MIN(n, (uint64_t)NUM_MIN(cpus, (unsigned int)FILTER_MAX_THREADS));
	return n ? (unsigned int)n : 1;
}
