/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is taken from the vmcore. Each function opens it anew, because each runs in a child of its own.
 */
#ifndef CAPTURE_COLLECT_H
#define CAPTURE_COLLECT_H

#include "base/log.h"
#include "capture/record.h"
#include "capture/target.h"

/* Fill in what the record says of the crashed kernel: release, time, headline. */
int collect_examine(const char *vmcore, struct record *rec, struct err *err) _must_check_;

/*
 * The last `lines` lines of the kernel log, each at most 200 bytes, as text; malloc'ed. If the log breaks off, what
 * there was is there all the same, and the error is returned.
 */
int collect_tail(const char *vmcore, unsigned int lines, char **ret, size_t *ret_len,
		 struct err *err) _must_check_;

/*
 * Write the kernel log to the target, durably. If it cannot be read or written
 * to its end, what there is of it stays as dmesg.txt.incomplete. A log without a single readable
 * record is ERR_CORRUPT.
 */
int collect_log(const char *vmcore, struct target *t, struct record_target *rt,
		struct err *err) _must_check_;

/* Write target `i`'s record as it is now, durably. */
int collect_record(const struct recipe *recipe, const struct record *rec, size_t i,
		   struct target *t, struct err *err) _must_check_;

struct collect_limits {
	uint64_t
		until_ns; /* CLOCK_MONOTONIC: a dump that is not done by then is cut off; 0: never */
	unsigned int threads; /* of the filter */
	bool lean;            /* memory has run out once: as little of it as can be */
	bool unfiltered;      /* telling the pages apart has crashed once: keep all of them */
};

/*
 * Write the filtered dump, durably. Where it does not fit, leaner ones are tried (capture/budget.h); the last of them, and
 * one for which there is no time, is cut off and stays as vmcore.incomplete if a reader can do something with it: then,
 * and if nothing is kept, the function fails, with rt->dump_cut saying which. Where the pages cannot be told apart (a damaged
 * mem_map) every page is kept, and rt->unfiltered says why. `progress` changes as long as it gets on. If the
 * process is killed meanwhile, collect_rest() is for what it left.
 */
int collect_dump(const char *vmcore, const struct recipe *recipe,
		 const struct collect_limits *limits, struct target *t, struct record_target *rt,
		 uint64_t *progress, struct err *err) _must_check_;

/* What a dump left whose process is gone: kept if rt->image_written, with rt->dump_cut set, else removed. */
int collect_rest(struct target *t, struct record_target *rt, struct err *err) _must_check_;

/* Digests of the target's files, read back, in its manifest. rt->unreadable if they cannot be. */
int collect_manifest(struct target *t, struct record_target *rt, struct err *err) _must_check_;

#endif
