/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What targets that are mounted have in common: file systems, shares, NFS. For targets only. */
#ifndef CAPTURE_TARGET_MOUNTED_H
#define CAPTURE_TARGET_MOUNTED_H

#include "capture/target.h"

/* Mount it at t->mountpoint, which is made; `device` as mount(2) takes it, `what` for messages. */
int target_mount(struct target *t, const char *device, const char *what, const char *fstype,
		 const char *options, struct err *err) _must_check_;
/* Unmount it; what is in use is left behind, which is an error. */
int target_unmount(struct target *t, struct err *err) _must_check_;

/* Ops of a target that is mounted: see struct target_ops. */
int target_mounted_begin(struct target *t, uint64_t crash_time, struct err *err);
int target_mounted_create(struct target *t, enum crash_file file, const char *name,
			  struct out **ret, struct err *err);
int target_mounted_open(struct target *t, enum crash_file file, int *ret_fd, uint64_t *ret_offset,
			uint64_t *ret_len, struct err *err);
int target_mounted_space(struct target *t, uint64_t *ret, struct err *err);
int target_mounted_keep_rest(struct target *t, enum crash_file file, struct err *err);
int target_mounted_seal(struct target *t, bool whole, struct err *err);

#endif
