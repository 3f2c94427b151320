/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A borrowed piece of foreign memory and bounded getters: the only way to read a foreign struct.
 * Each getter returns false, and leaves *ret alone, if the value does not lie wholly inside.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline bool bytes_has(struct bytes b, uint64_t off, uint64_t len)
{
	return off <= b.len && len <= b.len - off;
}

/* The piece [off, off + len) of b. */
static inline _must_check_ bool bytes_sub(struct bytes b, uint64_t off, uint64_t len,
					  struct bytes *ret)
{
	if (!bytes_has(b, off, len))
		return false;
	*ret = (struct bytes){b.data + off, len};
	return true;
}

#define BYTES_GETTER(name, type, from)                                                        \
	static inline _must_check_ bool bytes_##name(struct bytes b, uint64_t off, type *ret) \
	{                                                                                     \
		type v;                                                                       \
                                                                                              \
		if (!bytes_has(b, off, sizeof(v)))                                            \
			return false;                                                         \
		memcpy(&v, b.data + off, sizeof(v));                                          \
		*ret = from(v);                                                               \
		return true;                                                                  \
	}

BYTES_GETTER(u8, uint8_t, )
BYTES_GETTER(le16, uint16_t, le16toh)
BYTES_GETTER(le32, uint32_t, le32toh)
BYTES_GETTER(le64, uint64_t, le64toh)
BYTES_GETTER(be64, uint64_t, be64toh)
#undef BYTES_GETTER

/* Unchecked setters for buffers of our own making. */
static inline void bytes_put_le32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void bytes_put_le64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
