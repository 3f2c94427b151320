/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up machine (fake_image.h) with types (tests/fake_types.h): objects are made by their addresses in the kernel, symbols are
 * VMCOREINFO's.
 *
 *   world_init → world_new, put … → world_open → w.k → world_deinit
 */
#ifndef TESTS_UNIT_KERNEL_FIXTURE_H
#define TESTS_UNIT_KERNEL_FIXTURE_H

#include "image/kernel.h"
#include "tests/fake_types.h"
#include "tests/unit/fake_image.h"

#define WORLD_CPUS   3
#define WORLD_PERCPU (64 * KIB) /* of each CPU */

struct world {
	struct fake f;
	struct kernel *k;
	uint64_t next, end; /* of the objects, addresses in the kernel */
	uint64_t percpu;    /* of CPU 0 */
	uint64_t percpu_next;
};

static inline uint64_t world_phys(uint64_t vaddr)
{
	return vaddr - FAKE_DIRECT_MAP;
}

/* An object of zeros. */
static inline uint64_t world_new(struct world *w, uint64_t size)
{
	uint64_t at = w->next;

	w->next = (at + size + 63) & ~63ULL;
	assert_true(w->next <= w->end);
	return at;
}

static inline void put64(struct world *w, uint64_t vaddr, uint64_t v)
{
	fake_put64(&w->f, world_phys(vaddr), v);
}

static inline void put32(struct world *w, uint64_t vaddr, uint32_t v)
{
	fake_put32(&w->f, world_phys(vaddr), v);
}

static inline void put8(struct world *w, uint64_t vaddr, uint8_t v)
{
	w->f.ram[world_phys(vaddr)] = v;
}

static inline uint64_t get64(const struct world *w, uint64_t vaddr)
{
	return fake_get64(&w->f, world_phys(vaddr));
}

static inline void put_text(struct world *w, uint64_t vaddr, const char *text)
{
	memcpy(w->f.ram + world_phys(vaddr), text, strlen(text) + 1);
}

static inline uint64_t new_text(struct world *w, const char *text)
{
	uint64_t at = world_new(w, strlen(text) + 1);

	put_text(w, at, text);
	return at;
}

static inline void world_symbol(struct world *w, const char *name, uint64_t vaddr)
{
	char key[64];

	snprintf(key, sizeof(key), "SYMBOL(%s)", name);
	fake_set(&w->f, key, "%" PRIx64, vaddr);
}

/* A variable of a symbol; returns where it is. */
static inline uint64_t world_variable(struct world *w, const char *name, uint64_t size)
{
	uint64_t at = world_new(w, size);

	world_symbol(w, name, at);
	return at;
}

static inline void world_value(struct world *w, const char *name, uint64_t v)
{
	put64(w, world_variable(w, name, 8), v);
}

/* ---- per-CPU variables: an address from 0x1000 on, plus the CPU's offset */

static inline uint64_t world_percpu(struct world *w, uint64_t size)
{
	uint64_t at = w->percpu_next;

	w->percpu_next = (at + size + 63) & ~63ULL;
	assert_true(w->percpu_next <= WORLD_PERCPU);
	return at;
}

static inline uint64_t world_of_cpu(const struct world *w, uint64_t variable, unsigned int cpu)
{
	return w->percpu + cpu * WORLD_PERCPU + variable;
}

/* ---- lists */

static inline void list_init(struct world *w, uint64_t head)
{
	put64(w, head, head);
	put64(w, head + 8, head);
}

static inline void list_add(struct world *w, uint64_t head, uint64_t node)
{
	uint64_t last = get64(w, head + 8);

	put64(w, node, head);
	put64(w, node + 8, last);
	put64(w, last, node);
	put64(w, head + 8, node);
}

/* ---- life */

static inline void world_init(struct world *w)
{
	uint64_t at, len = 4 * MIB;

	*w = (struct world){.percpu_next = 0x1000};
	fake_init(&w->f, 16 * MIB, 4);
	fake_ram(&w->f, 0, w->f.size);
	at = fake_alloc(&w->f, len);
	w->next = fake_va(&w->f, at, len);
	w->end = w->next + len;
	w->percpu = world_new(w, WORLD_CPUS * WORLD_PERCPU);
	put32(w, world_variable(w, "nr_cpu_ids", 4), WORLD_CPUS);
	at = world_variable(w, "__per_cpu_offset", WORLD_CPUS * 8);
	for (unsigned int cpu = 0; cpu < WORLD_CPUS; cpu++)
		put64(w, at + cpu * 8, w->percpu + cpu * WORLD_PERCPU);
	world_value(w, "__cpu_possible_mask", 7);
	world_value(w, "__cpu_online_mask", 3); /* CPU 2 is not */
}

static inline void world_close(struct world *w)
{
	kernel_destroy(w->k);
	w->k = NULL;
}

/* The kernel as it is now, with these types. */
static inline void world_open(struct world *w, const char *types)
{
	uint8_t *data;
	size_t len;

	world_close(w);
	fake_open(&w->f);
	assert_ok(kernel_create(w->f.img, &w->k, err));
	assert_null(w->k->btf);
	if (types) {
		len = fake_types_make(types, &data);
		assert_ok(btf_create(data, len, NULL, &w->k->btf, err));
	}
	gaps_deinit(&w->k->gaps);
	w->k->gaps = (struct gaps){0};
}

static inline void world_deinit(struct world *w)
{
	world_close(w);
	fake_deinit(&w->f);
}

static inline bool has_gap(const struct world *w, const char *part)
{
	for (size_t i = 0; i < w->k->gaps.n; i++)
		if (strstr(w->k->gaps.v[i], part))
			return true;
	return false;
}

static inline void assert_gap(const struct world *w, const char *part)
{
	if (has_gap(w, part))
		return;
	for (size_t i = 0; i < w->k->gaps.n; i++)
		print_message("gap: %s\n", w->k->gaps.v[i]);
	fail_msg("no gap has \"%s\" in it", part);
}

#endif
