/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A crash record (docs/crash-record.md) as it is read back. It lies on a disk that a dying machine wrote, in a folder that
 * others may have written to, and quotes a crashed kernel: nothing in it is trusted, and its texts are to be shown by
 * text_plain() only.
 */
#ifndef SERVICE_CRASHFILE_H
#define SERVICE_CRASHFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define CRASHFILE_MAX_SIZE ((size_t)1 << 20) /* ours has 64 KiB at most; fields may be added */
#define CRASHFILE_MAX_ROWS 1024              /* of targets and of phases */

struct crashfile_target {
	const char *target, *result, *device, *name, *error; /* NULL: null, or not there */
};

struct crashfile_phase {
	const char *name, *result, *error;
	uint64_t target; /* its number; 0: of none */
	uint64_t start_ms, took_ms;
};

/* Texts are NULL and numbers 0 where the record does not say. */
struct crashfile {
	void *json; /* holds the texts */
	const char *tool;
	const char *release, *version, *machine, *node;
	const char *uuid;
	const char *panic;
	const char *cls, *title; /* crash.class, .title: what it died of */
	const char *sig_alg, *sig_exact, *sig_func, *sig_class, *sig_title; /* signature */
	const char *log_file;
	const char *dump_file, *format, *codec, *unfiltered, *cut, *warning;
	const char *result, *device, *watchdog;
	const char *capture_release; /* of the capture kernel */
	uint64_t time;               /* of the crash, seconds since 1970 */
	uint64_t memory_bytes;
	uint64_t log_bytes, dump_bytes;
	uint64_t level, level_wanted;
	bool pages_known; /* the next ones are */
	uint64_t pages, pages_written, pages_zero, pages_left_out, pages_lost, pages_cut_off;
	uint64_t memory_available, memory_ram, memory_total,
		memory_lowest; /* of the capture kernel, bytes */
	uint64_t threads;
	bool spool;          /* it waits to be sent to */
	const char *send_to; /* this target */
	const char *sent_target,
		*sent_name; /* NULL: it was not sent; where it is, and how it is called there */
	uint64_t sent_time; /* seconds since 1970 */
	bool sent_verified; /* it was read back there */
	bool sent_dump;     /* a whole dump is there */
	struct crashfile_target *targets;
	size_t n_targets;
	struct crashfile_phase *phases;
	size_t n_phases;
	uint64_t phases_left_out;
};

/*
 * Parse a record. What is no JSON object on its own, has a field of another type than documented, a number that is negative or
 * beyond 63 bits, a text with a NUL, or too many rows is ERR_CORRUPT naming the field; another schema is ERR_UNSUPPORTED.
 * Fields that are missing or null are no error. End it with crashfile_destroy().
 */
int crashfile_create(struct bytes text, struct crashfile **ret, struct err *err) _must_check_;
void crashfile_destroy(struct crashfile *c); /* NULL is fine */

/* The record of the crash whose folder is open as `dir`; ERR_NOT_FOUND: none. A link, a FIFO, a folder is no record. */
int crashfile_read(int dir, struct crashfile **ret, struct err *err) _must_check_;

#endif
