/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crash record: everything that crash.json says. It lives in memory that all steps share, each
 * step adds what it learnt, and PID 1 adds the outcome of each step.
 * docs/crash-record.md describes the file's fields.
 */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include <limits.h>

#include "capture/recipe.h"
#include "capture/step.h"
#include "filter/filter.h"
#include "image/image.h"
#include "image/printk.h"

#define RECORD_SCHEMA     "lifeboat-crash-1"
#define RECORD_FILE       "crash.json"
#define RECORD_MAX_PHASES 16

struct record_phase {
	const char *name;
	struct step_outcome outcome;
};

struct record {
	bool examined; /* the following describe the crashed kernel */
	char uts[6][IMAGE_UTS_FIELD];
	uint64_t crash_time; /* seconds since 1970; 0 unknown */
	uint64_t memory_bytes;
	struct printk_headline headline;

	char device[256];      /* found device, "" before */
	char folder[PATH_MAX]; /* on the target as mounted here, "" before it exists */
	bool log_written;
	uint64_t log_bytes;
	char unfiltered
		[256];     /* why the dump holds every page whatever the level; "" if it does not */
	bool dump_written; /* durable under its final name; then stats are valid */
	struct filter_stats stats;
	bool finished; /* the record is the last one: nothing more will be tried */

	struct record_phase phases[RECORD_MAX_PHASES];
	size_t n_phases;
};

/* "complete", "partial", "log-only", "failed"; "in-progress" while it is not finished. */
const char *record_result(const struct record *rec);

/* The record as one line of JSON with a newline; *ret is malloc'ed, the caller frees it. */
int record_format(const struct record *rec, const struct recipe *recipe, char **ret,
		  size_t *ret_len, struct err *err) _must_check_;

/*
 * "YYYY-MM-DDTHH-MM-SSZ", the name of a crash's folder; ':' is not allowed on every file system.
 * "unknown-time" beyond the year 9999.
 */
void record_folder_name(uint64_t seconds, char ret[32]);

#endif
