/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is taken from the vmcore. Each function opens it anew, because each runs in a child of its own.
 */
#ifndef CAPTURE_COLLECT_H
#define CAPTURE_COLLECT_H

#include "base/log.h"
#include "capture/record.h"

/* Fill in what the record says of the crashed kernel: release, time, headline. */
int collect_examine(const char *vmcore, struct record *rec, struct err *err) _must_check_;

/*
 * Write the kernel log to dmesg.txt in the record's folder, durably. If it cannot be read or written
 * to its end, what there is of it stays as dmesg.txt.incomplete. A log without a single readable
 * record is ERR_CORRUPT.
 */
int collect_log(const char *vmcore, struct record *rec, struct err *err) _must_check_;

/*
 * Write the filtered dump to vmcore in the record's folder, durably. A dump that fails for want of space
 * is removed, so that log and record fit and the machine does not come up with a full disk; after
 * another failure it stays as vmcore.incomplete. Where the pages cannot be told apart (a damaged mem_map)
 * every page is kept, and rec->unfiltered says why.
 */
int collect_dump(const char *vmcore, const struct recipe *recipe, struct record *rec,
		 struct err *err) _must_check_;

/* Show the last lines of the kernel log on the console: where nothing can be written, this is all. */
int collect_show_log(const char *vmcore, const struct log *log, struct err *err) _must_check_;

#endif
