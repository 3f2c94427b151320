/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the purgatory decides, without the machine: compiled into it and, for the tests, into a program.
 */
#ifndef ARCH_X86_64_PURGATORY_VERIFY_H
#define ARCH_X86_64_PURGATORY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "arch/x86_64/purgatory/purgatory.h"

enum purgatory_verdict {
	PURGATORY_GOOD,
	PURGATORY_BAD_PARAMS,  /* nothing in them can be believed */
	PURGATORY_BAD_REGIONS, /* the digest of what was staged is another one */
};

static inline bool purgatory_same_digest(const uint8_t *a, const uint8_t *b)
{
	uint8_t difference = 0;

	for (int i = 0; i < SHA256_SIZE; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

static inline bool purgatory_params_good(const struct purgatory_params *p)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 s;

	if (p->magic != PURGATORY_MAGIC || !p->n_regions || p->n_regions > PURGATORY_SEGMENTS)
		return false;
	sha256_init(&s);
	sha256_update(&s, p, offsetof(struct purgatory_params, self));
	sha256_final(&s, digest);
	return purgatory_same_digest(digest, p->self);
}

static inline enum purgatory_verdict purgatory_verify(const struct purgatory_params *p)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 s;

	if (!purgatory_params_good(p))
		return PURGATORY_BAD_PARAMS;
	sha256_init(&s);
	for (uint32_t i = 0; i < p->n_regions; i++) {
		const struct purgatory_region *region = &p->regions[i];

		if (region->start + region->size < region->start)
			return PURGATORY_BAD_PARAMS;
		sha256_update(&s, (const void *)(uintptr_t)region->start, region->size);
	}
	sha256_final(&s, digest);
	return purgatory_same_digest(digest, p->digest) ? PURGATORY_GOOD : PURGATORY_BAD_REGIONS;
}

/*
 * The port to complain on, 0: none. Writing to just any port may do anything to the machine, so of damaged
 * parameters only COM1 to COM4 are believed.
 */
static inline uint16_t purgatory_port(const struct purgatory_params *p,
				      enum purgatory_verdict verdict)
{
	uint16_t port = p->serial_port;

	if (verdict != PURGATORY_BAD_PARAMS)
		return port;
	return port == 0x3f8 || port == 0x2f8 || port == 0x3e8 || port == 0x2e8 ? port : 0;
}

#endif
