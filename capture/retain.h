/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Retention: which old crashes go once a new one is safe. A crash is a folder of a name as target_folder_name() gives
 * it (perhaps with "-2" …) that has a crash.json of ours and the owner of the newest one (without that, of this process);
 * nothing else is touched, ever, and no symbolic link is followed.
 *
 * Crashes that wait to be sent (capture/spool.h) go after all others, and of them the newest first: within the bounds of a spool
 * the oldest stays longest.
 *
 * Never removed: the folder named as the newest one, the one whose name is the latest of those with a whole dump, and
 * whatever has a file "pinned" in it, or one that is immutable or append-only (chattr). The rest goes, oldest first, as long as a limit is exceeded. Ages are by the names and
 * relative to `now`; where `now` is before the newest name (a clock at 1970) the limit of age is left alone. Incomplete ones
 * count like others. One of an unknown time counts as the oldest, but has no age.
 *
 * What cannot be removed whole is not begun with: a folder with a mount point in it, of too many files, nested too deep. And
 * where a removal leaves no more free space than before (a snapshot holds the blocks), the limit of it is given up: it
 * would cost all of them and gain nothing.
 */
#ifndef CAPTURE_RETAIN_H
#define CAPTURE_RETAIN_H

#include "capture/recipe.h"

#define RETAIN_PINNED "pinned"

/*
 * Is it the name of a crash's folder? *ret_time: seconds since 1970, 0 if it says that it is unknown; *ret_number: 1, or what
 * "-2" … says.
 */
bool retain_parse_name(const char *name, uint64_t *ret_time, uint64_t *ret_number);

struct retain_stats {
	uint64_t crashes; /* that there were */
	uint64_t removed;
	uint64_t removed_bytes;
	uint64_t failed; /* that should have gone, but could not be removed */
	char first_failure[256];
};

/* One crash, for a plan or a list: `why` is "count", "age", "bytes", "free", or NULL if it stays. */
typedef void (*retain_fn)(void *ctx, const char *name, uint64_t bytes, bool pinned,
			  const char *why);

/*
 * Apply the rules in `folder`. `newest`: name of the crash that has just been made, or NULL. `dry`: remove nothing. `tell`
 * may be NULL; it hears of them in the order in which they would go. A folder is first renamed to a name of no crash, so that one that is half removed is none; leftovers of
 * such names are removed as well.
 */
int retain_apply(const char *folder, const char *newest, const struct recipe_retention *rules,
		 uint64_t now, bool dry, retain_fn tell, void *ctx, struct retain_stats *ret,
		 struct err *err) _must_check_;

#endif
