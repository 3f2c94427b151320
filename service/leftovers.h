/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Panics that persistent storage kept: records of /sys/fs/pstore, and of /var/lib/systemd/pstore, where systemd-pstore(8) moves
 * them. Some backends know no time of a record, and it stays until somebody removes it: which ones were seen before is known by
 * their digests, in /var/lib/lifeboat/pstore-seen.
 */
#ifndef SERVICE_LEFTOVERS_H
#define SERVICE_LEFTOVERS_H

#include <limits.h>

#include "service/service.h"

#define LEFTOVERS_SEEN  "pstore-seen"
#define LEFTOVERS_FILES 256              /* that are looked at */
#define LEFTOVERS_SIZE  ((size_t)131072) /* of each, from its beginning */

struct leftovers {
	bool found;           /* a panic that was not seen before */
	char where[PATH_MAX]; /* one such file, below the root */
	char panic[256];      /* its headline; "" if that is not in it */
	uint64_t time;        /* seconds since 1970, of the file */
	uint8_t digest[32];
};

/* Look, and note as seen what there is. Records of before `since` count as seen. */
int leftovers_find(const struct service *s, uint64_t since, struct leftovers *ret,
		   struct err *err) _must_check_;

#endif
