/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folders of the running system in which dumps lie: those of the configuration's targets that are mounted now. */
#ifndef SERVICE_PLACES_H
#define SERVICE_PLACES_H

#include <limits.h>

#include "config/chain.h"
#include "config/mounts.h"
#include "service/service.h"

#define PLACES_DEFAULT \
	"/var/crash" /* without a target, and where raw partitions are collected to */

struct places {
	char **v; /* absolute, below the root; each is there, and none is another one by another name */
	size_t n;
	size_t hidden;  /* targets that cannot be looked at now */
	size_t waiting; /* crashes on raw partitions that are not collected yet */
};

/*
 * Find them: each file system and share of the configuration that is mounted, the configuration's path and PLACES_DEFAULT. A
 * target that is not mounted or not there is told as a note that says how to see it, and so is a raw partition with crashes
 * that are not collected yet. End it with places_deinit().
 */
int places_find(const struct service *s, const struct config *config, struct places *ret,
		struct err *err) _must_check_;
void places_deinit(struct places *p);

/* Is `m` a mount of that disk's file system? */
bool places_is_of_disk(const struct root *root, const struct mount *m,
		       const struct chain_disk *disk);

/* Where collecting puts the crashes of raw partitions. */
const char *places_collected(const struct config *config);

#endif
