/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a crash: what captures have left on raw partitions becomes folders like any other, with retention where they come to.
 * What costs nobody a dump, and a failure that is not the first, is told as a warning.
 */
#ifndef SERVICE_FETCH_H
#define SERVICE_FETCH_H

#include "format/crashpart.h"
#include "service/service.h"

/* What was found on a partition. */
struct fetched {
	const char *node;   /* "/dev/vda3" */
	const char *folder; /* of the crash; NULL: there was nothing to collect */
	enum crashpart_state state;
	bool dump; /* the dump is whole as a file, too */
};

typedef void (*fetch_fn)(void *ctx, const struct fetched *f);

struct fetch {
	const struct service *s;
	const struct config *config; /* NULL: none is known, and nothing old is removed */
	const char *into;            /* NULL: where the configuration says, below the root */
	bool keep;                   /* leave the partition as it is */
	bool retain_later;           /* nothing old is removed yet */
	uint64_t now;                /* seconds since 1970 */
	fetch_fn found;
	void *ctx;
};

/*
 * Copy each crash on this partition that was not collected yet, mark it as collected, and empty the partition. One that is in
 * use is an error; one whose first header is damaged is ERR_CORRUPT.
 */
int fetch_device(const struct fetch *f, const char *device, struct err *err) _must_check_;

/*
 * The same of each raw target of the configuration, of which *ret_n gets the number (also after a failure): what fails on one
 * does not keep the others. There must be a configuration.
 */
int fetch_configured(const struct fetch *f, size_t *ret_n, struct err *err) _must_check_;

/*
 * What is done once at each boot: fetch what is configured, tell of each crash that was not told of yet (service/aftermath.h), put on
 * record what waits to be sent (service/send.h),
 * and only then apply retention to all places: nothing goes that was not told. Whatever fails, the rest is done. Without a configuration only the telling is done, of what lies
 * in the default place.
 */
int fetch_at_boot(const struct fetch *f, struct err *err) _must_check_;

/* Collect nothing, empty the partition, damaged or not; *ret_node: which one it was found to be. */
int fetch_clear(const struct service *s, const char *device, char ret_node[PATH_MAX],
		struct err *err) _must_check_;

#endif
