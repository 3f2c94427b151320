// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/purgatory_blob.h"

#include <string.h>

#include "base/bytes.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "purgatory_make() writes the parameters as this machine has them in memory");

/* In blob.S. Weak: NULL where it is not linked. */
extern const uint8_t purgatory_blob_start[] __attribute__((weak));
extern const uint8_t purgatory_blob_end[] __attribute__((weak));

static struct bytes blob(void)
{
	uintptr_t start = (uintptr_t)purgatory_blob_start, end = (uintptr_t)purgatory_blob_end;

	return (struct bytes){purgatory_blob_start, end - start};
}

size_t purgatory_memory(void)
{
	uint32_t memory = 0;

	return bytes_le32(blob(), PURGATORY_MEMORY, &memory) ? memory : 0;
}

size_t purgatory_size(void)
{
	return blob().len;
}

void purgatory_make(const struct purgatory_params *params, uint8_t *to)
{
	struct purgatory_params p = *params;
	struct bytes b = blob();
	struct sha256 s;

	p.magic = PURGATORY_MAGIC;
	p.reserved = 0;
	sha256_init(&s);
	sha256_update(&s, &p, offsetof(struct purgatory_params, self));
	sha256_final(&s, p.self);
	memcpy(to, b.data, b.len);
	memcpy(to + PURGATORY_PARAMS, &p, sizeof(p));
}
