/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at a recipe's targets while the machine is healthy, with the code that the capture will use: each is found, mounted
 * and written to. What is there stays as it is. Of the host's program only.
 */
#ifndef CAPTURE_PREFLIGHT_H
#define CAPTURE_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/root.h"
#include "base/sys.h"
#include "storage/device.h"
#include "capture/recipe.h"

struct preflight_env {
	const struct root *root;
	const struct sys *sys;
	const char *folder; /* a mount point is made in it for a while: "/run" */
	/*
	 * Where each target is mounted now as a whole, or NULL; may itself be NULL. 9p needs it: a share of that kind can be
	 * mounted only once.
	 */
	const char *const *mounted_at;
};

struct preflight_result {
	const char *step; /* the last one that was begun: "find", "attach", "write" …; static */
	char device
		[DEVICE_PATH_MAX]; /* or the address of the server that answered; "" if it was not found */
	uint64_t took_ms;
	bool free_known;
	uint64_t free;  /* bytes for a dump */
	bool unread;    /* it was written, but the far end cannot be asked what it has */
	struct err err; /* code 0: all steps went well */
};

/*
 * Probe all targets, in a mount namespace of its own and each step under the recipe's deadline for it. On a file system a
 * crash's folder is made with a small file, which is read back; both are removed again, and so are the folders on the
 * way that were not there before. Remote ones are connected to as the network is now, which nobody touches: that a
 * server answers is seen, not that the recorded links would come up. On a raw partition the block behind the last entry is read, written as it was, and
 * read again. ret has recipe->n_targets elements. An error of its own means that none could be probed.
 */
int preflight_run(const struct recipe *recipe, const struct preflight_env *env,
		  struct preflight_result *ret, struct err *err) _must_check_;

#endif
