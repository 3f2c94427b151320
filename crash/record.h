/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every crash record (crash.json, docs/crash-record.md) says in the same way, whether the capture writes it or a report:
 * who, which kernel, what it died of, where. The writer adds what only it knows (log, dump, capture).
 *
 * RFC 9562, 5.8: a UUID of version 8 has its version in the top 4 bits of octet 6, its variant (binary 10) in the top 2 of octet 8; the
 * other bits are ours.
 */
#ifndef CRASH_RECORD_H
#define CRASH_RECORD_H

#include "base/json.h"
#include "crash/crash.h"
#include "crash/signature.h"

#define CRASH_RECORD_SCHEMA   "lifeboat-crash-1"
#define CRASH_RECORD_MAX_SIZE 65536 /* of its text: a line with its end */
#define CRASH_RECORD_MODULES  256   /* that are listed; the others are counted */
#define CRASH_RECORD_GAPS     64

#define CRASH_RECORD_UUID 37 /* with the NUL */
#define CRASH_RECORD_HOST 17
#define CRASH_RECORD_PATH 128

/*
 * Of a dump: the same for whoever computes it, and for each form of the same dump, since VMCOREINFO is the same in all of them (up to
 * its first NUL) and has the time of the crash and the kernel's random place. "" if there is no VMCOREINFO.
 */
void crash_record_uuid(struct bytes vmcoreinfo, const char *node, char ret[CRASH_RECORD_UUID]);

/* Of a host, by its node name: tells hosts apart without naming them, and can stand in a path whatever the name is. "" of "". */
void crash_record_host(const char *node, char ret[CRASH_RECORD_HOST]);

/*
 * Where a record belongs in a bucket or folder: crash/v1/dt=2026-11-22/host=0123456789abcdef/UUID.json. A day or a host that is not known
 * is __HIVE_DEFAULT_PARTITION__, which engines read as null. False, and "" in `ret`: `uuid` is none.
 */
bool crash_record_path(uint64_t time, const char *node, const char *uuid,
		       char ret[CRASH_RECORD_PATH]);

struct crash_record_module {
	const char *name;
	const char *taints;   /* letters, "" none; NULL not known */
	const char *build_id; /* NULL: not known */
};

/* Texts may be NULL where they are not known, and hold any bytes. All is borrowed. */
struct crash_record {
	const char *tool; /* "lifeboat 1.0" */
	const char *uuid;
	const char *release, *version, *machine, *node;
	const char *build_id; /* of the kernel, hexadecimal */
	const char *command_line;
	uint64_t time;      /* of the crash, seconds since 1970; 0 not known */
	uint64_t uptime_ns; /* 0: not known; then that of the log's line */
	const char *panic;  /* crash.panic: the log's headline */
	bool memory_known;
	uint64_t memory_bytes;
	const struct crash *crash; /* NULL: not known what it died of */
	const struct signature *signature;
	const struct crash_record_module *modules; /* NULL: not known */
	size_t n_modules;
	const char *hardware; /* "Hardware name:" of the log; NULL: that of `crash` */
	const char *vendor, *product, *bios, *cpu_model;
	unsigned int cpus; /* 0: not known */
	const char *level; /* of the analysis: "log", or as the report has it */
	const char *const *gaps;
	size_t n_gaps;
};

/* What there is room for. */
struct crash_record_limits {
	int text;    /* bytes of a text that may be of any length */
	size_t rows; /* of a list that may be of any length */
};

/* The members that all records share, from `schema` to `analysis`: inside of an object that the caller has opened. */
void crash_record_put(struct json *j, const struct crash_record *rec,
		      const struct crash_record_limits *limits);

/* A text of any length as a value, cut to the limit at a whole character; NULL and "" become null. */
void crash_record_put_text(struct json *j, const char *key, const char *text,
			   const struct crash_record_limits *limits);

/*
 * One line of JSON with its end, of at most CRASH_RECORD_MAX_SIZE bytes: `put` writes the members of the object, and is called again
 * with stricter limits until they fit. *ret is malloc'ed, the caller frees it.
 */
typedef void (*crash_record_put_fn)(void *ctx, struct json *j,
				    const struct crash_record_limits *limits);
int crash_record_format(crash_record_put_fn put, void *ctx, char **ret, size_t *ret_len,
			struct err *err) _must_check_;

/*
 * Take "ext4 nf_tables(OE) snd [last unloaded: x]" apart, as crash_log_modules() has it. `text` is changed and must outlive what is in `ret`.
 * Returns how many.
 */
size_t crash_record_modules(char *text, struct crash_record_module *ret, size_t max);

#endif
