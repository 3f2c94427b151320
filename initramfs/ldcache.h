/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads /etc/ld.so.cache, ldconfig(8)'s list of libraries (glibc 2.36, sysdeps/generic/dl-cache.h): the format "1.1", alone
 * or behind the old one that ldconfig wrote by default before glibc 2.32. The file is taken for hostile.
 */
#ifndef INITRAMFS_LDCACHE_H
#define INITRAMFS_LDCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct ldcache {
	struct bytes body; /* borrowed; of the new format, from its magic on */
	uint32_t n;        /* entries */
};

/* Another format and a table that is not inside the file are ERR_CORRUPT. `file` must outlive *ret. */
int ldcache_read(struct bytes file, struct ldcache *ret, struct err *err) _must_check_;

/*
 * The next path for the library called `name`, or NULL; begin with *pos 0. *ret_some: it is for some processors only
 * (glibc-hwcaps, or the hardware capabilities of old).
 */
const char *ldcache_next(const struct ldcache *cache, const char *name, uint32_t *pos,
			 bool *ret_some);

#endif
