/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of assemble.c: one layer, whose members are there. */
#ifndef STORAGE_ASSEMBLE_LAYER_H
#define STORAGE_ASSEMBLE_LAYER_H

#include "storage/assemble.h"

#define PATHS_MAX 512 /* members that a search finds of a layer, and paths of a disk */

#define LAYER_GRACE_MS 3000 /* for members that could be done without */

enum layer_state {
	LAYER_UNUSED,
	LAYER_NEEDED,
	LAYER_MADE,
	LAYER_DEAD, /* it cannot be: `why` */
};

struct one;

struct member {
	char node[DEVICE_PATH_MAX]; /* "": not there */
	bool waits, dead;           /* as of the layer `below` that it is, or is a partition of */
	const struct one *below;
};

struct one {
	const struct layer *layer;
	enum layer_state state;
	char node[DEVICE_PATH_MAX];
	struct err why; /* of the last attempt */
	size_t n_members;
	struct member *members;
	char (*paths)[DEVICE_PATH_MAX]; /* multipath: beyond the first one of each name */
	size_t n_paths;
	struct device_watch *watch;
	size_t *of_name; /* which member a name of the watch is */
	uint64_t since_ms, tried_ms;
};

struct work {
	const struct root *root;
	const struct sys *sys;
	struct one *one;
	size_t n;
};

/* Make it, and its node to one->node. */
int layer_make(const struct work *w, struct one *one, struct err *err) _must_check_;

#endif
