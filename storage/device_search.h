/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of device.c; a header of its own for the tests, which have disks that hang. */
#ifndef STORAGE_DEVICE_SEARCH_H
#define STORAGE_DEVICE_SEARCH_H

#include <stdbool.h>

#include "storage/device.h"

struct device_how {
	int (*fsid)(int fd, uint64_t size, const char *name, struct fsid *ret, struct err *err);
	uint64_t limit_ms; /* so long others wait for a device that does not answer */
	uint64_t
		again_ms; /* what has been looked at is looked at again; 0: never, the search ends */
};

int device_search(const char *name, const struct root *root, const struct device_how *how,
		  char ret[DEVICE_PATH_MAX], struct err *err) _must_check_;

#endif
