/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crash record: everything that crash.json says. It lives in memory that all steps share, each
 * step adds what it learnt, and PID 1 adds the outcome of each step. Each target gets a record of its own: what is
 * there of log and dump, and how it went with all targets so far.
 * docs/crash-record.md describes the file's fields.
 */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include <limits.h>
#include <stdatomic.h>

#include "capture/meter.h"
#include "capture/recipe.h"
#include "capture/retain.h"
#include "base/step.h"
#include "capture/target.h"
#include "crash/record.h"
#include "filter/filter.h"
#include "image/image.h"
#include "image/printk.h"

#define RECORD_SCHEMA     CRASH_RECORD_SCHEMA
#define RECORD_MAX_PHASES 160
#define RECORD_OF_NONE    48 /* of these, for steps of no target: programs can be many */
#define RECORD_TEXT       256
#define RECORD_MODULES    4096
#define RECORD_MAX_SIZE   CRASH_RECORD_MAX_SIZE /* so much is kept free for it, where that can be */

struct record_phase {
	const char *name;
	int target; /* number in the recipe from 0 on; -1: of none */
	struct step_outcome outcome;
};

/* What one target has. */
struct record_target {
	struct target_place place;
	bool tried;
	bool begun;   /* there is a place for this crash on it */
	bool closing; /* nothing more comes: its record is the last one */
	bool log_written;
	uint64_t log_bytes;
	bool dump_written;            /* durable under its final name */
	bool dump_cut;                /* it is not whole, but useful: vmcore.incomplete */
	bool dump_failed;             /* and it was no end that the filter made: no statistics */
	atomic_bool image_written;    /* filter_options.image_written, of the dump at hand */
	bool unreadable;              /* what was written could not be read back */
	unsigned int level;           /* of the dump, or of the last that was tried */
	enum codec codec;             /* likewise */
	struct filter_stats stats;    /* if written, or cut by the filter */
	char unfiltered[RECORD_TEXT]; /* why the dump holds every page; "" if it does not */
	char failure[RECORD_TEXT];    /* the first that went wrong, "" if nothing */
	struct retain_stats retained;
};

struct record {
	bool examined; /* the following describe the crashed kernel */
	char uts[6][IMAGE_UTS_FIELD];
	uint64_t crash_time; /* seconds since 1970; 0 unknown */
	uint64_t memory_bytes;
	struct printk_headline headline;
	char uuid[CRASH_RECORD_UUID]; /* "": VMCOREINFO is not known */
	char build_id[65];            /* of the kernel that crashed; "" not known */
	bool crash_known;             /* the next three are: its log tells of a crash */
	struct crash crash;
	struct signature signature;
	char modules[RECORD_MODULES]; /* as the log lists them; "" not known */
	bool log_read;                /* to its end */
	char log_gap[RECORD_TEXT];    /* why it was not; "" */

	bool pstore;          /* the log's end is in persistent storage */
	char watchdog[64];    /* name of what guards the capture; "" if nothing does */
	uint64_t progress;    /* of the dump: changes as long as it gets on */
	uint64_t available;   /* bytes of memory free for the dump when it began */
	unsigned int threads; /* of the filter */
	struct meter meter;
	char kernel[128]; /* version of the capture kernel; "" not known */
	struct record_target targets[RECIPE_MAX_TARGETS];
	struct record_phase phases[RECORD_MAX_PHASES];
	size_t n_phases;
	size_t phases_left_out; /* for want of room */
};

enum record_result {
	RECORD_NOT_TRIED,
	RECORD_IN_PROGRESS,
	RECORD_FAILED,
	RECORD_LOG_ONLY,
	RECORD_PARTIAL,
	RECORD_COMPLETE,
};

enum record_result record_result(const struct record_target *t);
const char *record_result_name(enum record_result result);

/* The best of all targets. */
enum record_result record_best(const struct record *rec);

/* Add a step; of target `i` of the recipe, -1: of none. */
void record_add_phase(struct record *rec, const char *name, int i,
		      const struct step_outcome *outcome);

/*
 * Target `i`'s record as one line of JSON with a newline; *ret is malloc'ed, the caller frees it. At most
 * RECORD_MAX_SIZE bytes: if there is more to be said, every text in it is cut to what leaves it that size.
 */
int record_format(const struct record *rec, const struct recipe *recipe, size_t i, char **ret,
		  size_t *ret_len, struct err *err) _must_check_;

#endif
