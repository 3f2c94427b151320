// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/ldcache.h"

#include <string.h>

#include "base/num.h"

#define OLD_MAGIC   "ld.so-1.7.0"
#define OLD_HEADER  16 /* the magic padded to 12 bytes, the number of entries */
#define OLD_ENTRY   12
#define NEW_MAGIC   "glibc-ld.so.cache1.1"
#define NEW_ALIGN   8
#define NEW_N       20 /* offset of the number of entries */
#define NEW_HEADER  48
#define NEW_ENTRY   24
#define ENTRY_KEY   4
#define ENTRY_VALUE 8
#define ENTRY_HWCAP 16

static bool begins_with(struct bytes b, const char *magic)
{
	size_t len = strlen(magic);

	return b.len >= len && memcmp(b.data, magic, len) == 0;
}

int ldcache_read(struct bytes file, struct ldcache *ret, struct err *err)
{
	struct bytes body = file;
	uint32_t n = 0;
	uint64_t skip;

	if (begins_with(file, OLD_MAGIC)) {
		if (!bytes_le32(file, OLD_HEADER - 4, &n))
			return err_set(err, ERR_CORRUPT, "the header is cut off");
		skip = num_align_up(OLD_HEADER + (uint64_t)n * OLD_ENTRY, NEW_ALIGN);
		if (!bytes_sub(file, skip, file.len - NUM_MIN(skip, (uint64_t)file.len), &body))
			return err_set(err, ERR_CORRUPT, "%u entries are not inside the file", n);
	}
	if (!begins_with(body, NEW_MAGIC))
		return err_set(err, ERR_CORRUPT,
			       "is no cache of libraries in the format " NEW_MAGIC
			       "; `ldconfig` writes it anew");
	if (!bytes_le32(body, NEW_N, &n) ||
	    !bytes_has(body, 0, NEW_HEADER + (uint64_t)n * NEW_ENTRY))
		return err_set(err, ERR_CORRUPT, "%u entries are not inside the file", n);
	*ret = (struct ldcache){body, n};
	return 0;
}

static const char *text_at(struct bytes body, uint32_t off)
{
	return off < body.len && memchr(body.data + off, 0, body.len - off)
		       ? (const char *)body.data + off
		       : NULL;
}

const char *ldcache_next(const struct ldcache *cache, const char *name, uint32_t *pos,
			 bool *ret_some)
{
	size_t len = strlen(name) + 1;

	while (*pos < cache->n) {
		uint64_t at = NEW_HEADER + (uint64_t)(*pos)++ * NEW_ENTRY, hwcap;
		uint32_t key, value;
		const char *path;

		if (!bytes_le32(cache->body, at + ENTRY_KEY, &key) ||
		    !bytes_le32(cache->body, at + ENTRY_VALUE, &value) ||
		    !bytes_le64(cache->body, at + ENTRY_HWCAP, &hwcap))
			return NULL;
		if (!bytes_has(cache->body, key, len) ||
		    memcmp(cache->body.data + key, name, len) != 0)
			continue;
		path = text_at(cache->body, value);
		if (!path)
			continue;
		*ret_some = hwcap != 0;
		return path;
	}
	return NULL;
}
