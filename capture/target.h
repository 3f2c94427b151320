/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the files of a crash go: a file system on a local block device. Each function is the body of a
 * step: it may block and runs in a child.
 */
#ifndef CAPTURE_TARGET_H
#define CAPTURE_TARGET_H

#include "base/sys.h"
#include "capture/record.h"

/* Mount rec->device at `mountpoint` read-write. The error says what the file system was. */
int target_mount(const struct recipe *recipe, const struct record *rec, const struct sys *sys,
		 const char *mountpoint, struct err *err) _must_check_;

/*
 * Make the crash's folder <mountpoint><recipe.path>/YYYY-MM-DDTHH-MM-SSZ, mode 0700, and set rec->folder.
 * Missing parents are made with mode 0755. If the name is taken, "-2", "-3" … is appended: two crashes
 * in one second must not meet. The new names are durable when it returns.
 */
int target_make_folder(const struct recipe *recipe, struct record *rec, const char *mountpoint,
		       struct err *err) _must_check_;

/* Write the record as it is now to the folder, durably. */
int target_write_record(const struct recipe *recipe, const struct record *rec,
			struct err *err) _must_check_;

/*
 * Blocks for the last record, taken before the dump fills the disk and given back after it. Taking
 * them may fail quietly: then the record fights for space like anything else.
 */
void target_reserve(const struct record *rec);
void target_release_reserve(const struct record *rec);

/* Flush and unmount. */
int target_unmount(const struct sys *sys, const char *mountpoint, struct err *err) _must_check_;

#endif
