/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a dump what it says it is? Looks at all of it:
 *
 *   notes     they parse
 *   image     VMCOREINFO is there, symbols of it can be read; utsname, mem_map and log make sense
 *   header    of a kdump file: agrees with notes, VMCOREINFO and the memory it describes
 *   pages     each is read and unpacked
 *   data      of a kdump file: pages share their data or have their own, nothing in between
 *
 * What remains undetected: other bytes in a page that is not compressed (no format has checksums but
 * zlib's Adler-32); a descriptor that has become exactly another page's; a bit of the 1st bitmap for
 * memory that is not in the dump; and what no reader of dumps relies on.
 */
#ifndef IMAGE_VERIFY_H
#define IMAGE_VERIFY_H

#include "format/source.h"

struct verify_options {
	/* Called for each problem, with one line of printable text. May be NULL. */
	void (*problem)(void *ctx, const char *text);
	/* Called now and then with the number of pages that were read. May be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct verify_stats {
	uint64_t problems;
	uint64_t pages; /* page frames in the dump, of which */
	uint64_t good;  /* could be read */
	uint64_t lost;  /* are missing from a dump that says that it is incomplete: no problems */
	uint64_t notes, cpus;      /* cpus: that left registers */
	char release[65];          /* of the kernel; "" if no image could be made of the dump */
	uint64_t records, damaged; /* of the log; damaged ones are normal in a crash */
	bool data_seen;            /* the place of all data in the file was looked at */
	uint64_t unused;           /* bytes of the file between or behind the pages' data */
};

/*
 * Problems are reported and counted, they are no errors. That a dump says that it is incomplete is one
 * problem. An architecture that we do not know and a log of before 5.10 are none. Errors: memory.
 */
int verify_run(const struct source *src, const struct verify_options *options,
	       struct verify_stats *ret, struct err *err) _must_check_;

#endif
