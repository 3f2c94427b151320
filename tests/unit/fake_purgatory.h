/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A purgatory and a digest that keep what they are given, for tests of what is around them. Weak: where the
 * program has the real ones, those are used, and the tests hold for them as well.
 */
#ifndef TESTS_UNIT_FAKE_PURGATORY_H
#define TESTS_UNIT_FAKE_PURGATORY_H

#include <string.h>

#include "arch/x86_64/purgatory_blob.h"

#define FAKE __attribute__((weak))

/* FNV-1a in place of SHA-256: depends on every byte and on their order. */
FAKE void sha256_init(struct sha256 *s)
{
	memset(s, 0, sizeof(*s));
	s->total = 0xcbf29ce484222325;
}

FAKE void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		s->total = (s->total ^ p[i]) * 0x100000001b3;
}

FAKE void sha256_final(struct sha256 *s, uint8_t ret[SHA256_SIZE])
{
	for (size_t i = 0; i < SHA256_SIZE; i++)
		ret[i] = (uint8_t)(s->total >> (i % 8 * 8));
}

FAKE size_t purgatory_memory(void)
{
	return 0x5000;
}

FAKE size_t purgatory_size(void)
{
	return PURGATORY_PARAMS + sizeof(struct purgatory_params) + 100;
}

FAKE void purgatory_make(const struct purgatory_params *params, uint8_t *to)
{
	struct purgatory_params p = *params;

	p.magic = PURGATORY_MAGIC;
	memset(to, 0xf4, purgatory_size());
	memcpy(to + PURGATORY_PARAMS, &p, sizeof(p));
}

#endif
