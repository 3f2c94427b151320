/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At the next boot: what a capture left on a raw partition becomes folders like any other. */
#ifndef CAPTURE_SALVAGE_H
#define CAPTURE_SALVAGE_H

#include "base/err.h"
#include "format/crashpart.h"

/*
 * Copy one entry of the device to a new folder below `into` (which is made, mode 0755, if only it is missing), as a
 * capture to a file system would have made it (names, modes, `.incomplete` for parts that were broken off or whose digest
 * is missing or does not match, a manifest of the others), all durable; digests are checked while it is copied. What
 * of a part cannot be read becomes zeros, and if it is much, the part ends there. *ret_folder is malloc'ed, the caller's;
 * *ret_dump: the dump is there, and whole. The device is only read. After a failure nothing is left of the folder; one for
 * which there is no room (a part of the file system stays free) is not begun.
 */
int salvage_copy(int fd, const struct crashpart_entry *entry, const char *name, const char *into,
		 char **ret_folder, bool *ret_dump, struct err *err) _must_check_;

/* Mark it as collected. ERR_CORRUPT if another entry is there by now. */
int salvage_mark(int fd, const struct crashpart_entry *entry, const char *name,
		 struct err *err) _must_check_;

/*
 * Make the whole store empty, if all its entries are collected or `force`; else ERR_USAGE. A damaged one wants force,
 * and what never was a store is left alone.
 */
int salvage_clear(int fd, uint64_t size, bool force, const char *name,
		  struct err *err) _must_check_;

#endif
