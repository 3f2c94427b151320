/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device-mapper by its ioctls (include/uapi/linux/dm-ioctl.h, interface 4.0.0 on): no library, no udev. */
#ifndef STORAGE_DM_H
#define STORAGE_DM_H

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "base/sys.h"

struct dm_device {
	bool active;        /* it has a table that is in use */
	unsigned int minor; /* its node is /dev/dm-MINOR */
	char uuid[129];
};

/* ERR_NOT_FOUND: there is no device of this name, or no device-mapper. */
int dm_find(const struct root *root, const struct sys *sys, const char *name, struct dm_device *ret,
	    struct err *err) _must_check_;

/* Make a device with these rows ("START LENGTH TYPE ARGS"), NULL-terminated. If it fails there is none. */
int dm_create(const struct root *root, const struct sys *sys, const char *name, const char *uuid,
	      char *const *rows, unsigned int *ret_minor, struct err *err) _must_check_;

/* One that is in use is left: *ret_busy. ERR_NOT_FOUND as above. */
int dm_remove(const struct root *root, const struct sys *sys, const char *name, bool *ret_busy,
	      struct err *err) _must_check_;

/* The rows of the table in use, a line each; *ret is malloc'ed. May hold a key: to be wiped. */
int dm_table(const struct root *root, const struct sys *sys, const char *name, char **ret,
	     struct err *err) _must_check_;

/* Rows as the kernel packs them behind its header, from `used` on to `end`; ERR_CORRUPT. For dm_table() and a fuzzer. */
int dm_rows(const void *data, size_t used, size_t end, unsigned int n, char **ret,
	    struct err *err) _must_check_;

#endif
