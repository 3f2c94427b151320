/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An empty copy of a target, for a virtual machine: a sparse file as a disk with a file system of the same type and the same
 * UUID, or with a partition of the same PARTUUID and size; a folder for a share. The capture cannot tell it from the real one
 * by what the recipe says of it.
 */
#ifndef PROOF_SCRATCH_H
#define PROOF_SCRATCH_H

#include <limits.h>
#include <stdatomic.h>

#include "proof/bus.h"

struct scratch_env {
	const struct root *root;
	const struct armed *armed;
	const char *folder; /* where the files go; absolute */
	const atomic_bool *stop;
};

struct scratch {
	const struct recipe_target *target;
	bool made;
	char why_not[512];             /* not made: why it cannot be */
	char path[PATH_MAX];           /* the disk's image, or the share's folder */
	uint64_t offset, size;         /* of the target in it; not of a share */
	const struct bus_model *model; /* NULL for a share */
	char gap[512]; /* what of the real one it does not stand for: its driver, its size; "" nothing */
};

/* Make that of the target with this number. Never fails: ret->made tells, and why_not. */
void scratch_make(const struct scratch_env *env, size_t number, struct scratch *ret);

/* A sparse copy of the target's bytes alone, as the file `to`. */
int scratch_cut_out(const struct scratch *s, const char *to, struct err *err) _must_check_;

#endif
