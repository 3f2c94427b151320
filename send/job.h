/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lifeboat-send: a program of its own, because it is linked with libcurl, which PID 1 is not. It puts one file to a web server
 * or an object store while that is being made, from its standard input, and answers on its standard output.
 *
 *   lifeboat-send JOB
 *
 * JOB is a file of "key = value" lines, mode 0600, as send_job_put() writes it. Then it reads frames (struct send_frame, of
 * this machine's byte order: both ends are on one machine) and their bytes:
 *
 *   SEND_DATA      the next bytes of the file
 *   SEND_COMMIT    there were all: finish it; answered when the server has it
 *   SEND_ABORT     forget it, remove what is there
 *   SEND_LEAVE     it ends here: keep what is there, labelled as incomplete
 *
 * Input that ends without one of the last three is SEND_ABORT; of a job with `state`, whoever made the file was killed (memory may
 * have run out), and nothing is removed: it ends as if it had been killed itself, for SEND_KEEP to follow. While bytes go to the server or come from it, it
 * says so about once a second; the answer is one line, at whatever time:
 *
 *   at BYTES                  it gets on
 *   ok BYTES SHA256 PARTS     of what was sent, in so many objects; 0: in one, under its name
 *   error CODE text           a code of base/err.h
 *
 * Then it exits, 0 or with that code; after an error in the middle of a file, when it has been told what is to become of what
 * is there. Of SEND_CHECK and SEND_ABORT, the answer is "ok 0 SHA256 0".
 *
 * What is there when it is done (docs/decisions/0030-web-targets.md):
 *
 *                 a file up to a part's size     a larger one
 *   https         NAME                           NAME.part-00001 … and then NAME.parts, which lists them: a plain server has no
 *                                                other way to retry a part, and `cat` makes one of them
 *         left    NAME.incomplete                the parts and NAME.parts.incomplete
 *   s3            NAME                           NAME, by multipart upload
 *         left    NAME.incomplete                NAME, and beside it NAME.incomplete, which says so and was there first: S3 cannot
 *                                                rename, and an upload's key is fixed when it begins
 *
 * A part that failed is sent again after a pause, 1 s doubling up to 30 s, until it has been failing for `retry-seconds`.
 * What the server says no to (4xx but 408 and 429) is not tried again.
 */
#ifndef SEND_JOB_H
#define SEND_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"

#define SEND_PROGRAM LIFEBOAT_LIBEXEC "/lifeboat-send"

enum send_kind { SEND_HTTPS, SEND_S3 };

enum send_what {
	SEND_PUT,
	SEND_GET_DIGEST, /* fetch it back, whole or its parts in order; no frames are read. ERR_UNSUPPORTED: we may not */
	SEND_CHECK, /* does the server answer, and does it let us write below NAME's folder? No frames are read */
	SEND_REMOVE, /* NAME, for a probe. ERR_REFUSED or ERR_UNSUPPORTED: we may not. No frames are read */
	SEND_KEEP, /* a SEND_PUT of the same job was killed: keep what arrived, as SEND_LEAVE does; goes by `state` */
};

/* Strings are "" if not said. */
struct send_job {
	enum send_kind kind;
	enum send_what what;
	char *url; /* https: of the folder, and "?query" that goes behind the name; s3: the endpoint. Of `host` and `port` */
	char *name; /* of the file, below that: "in/HOST/2026-…Z/vmcore.flat"; s3: the key. Not encoded */
	char *host,
		*address; /* name (with the bucket, if that is a part of it) and address of the server: no name is resolved */
	unsigned int port;
	char *bucket, *region;
	bool path_style;
	char *credentials; /* file: send/credentials.h */
	char *ca;          /* file of certificates; "": the library's default */
	uint64_t part;     /* bytes; 0: by itself, from 5 MiB on, growing as the parts get many */
	uint64_t
		memory; /* bytes that the two buffers may take when they grow; 0: a quarter of what is available then */
	uint64_t
		bytes; /* SEND_GET_DIGEST: how long it is, so that a server cannot send for ever; 0: not known */
	char *state; /* SEND_PUT writes here what SEND_KEEP reads; it is removed at the end */
	unsigned int retry_seconds, connect_seconds, stall_seconds; /* each from 1 to 86400 */
};

enum send_frame_kind { SEND_DATA = 1, SEND_COMMIT, SEND_ABORT, SEND_LEAVE };

struct send_frame {
	uint32_t kind;
	uint32_t len; /* of the bytes behind it; 0 but for SEND_DATA */
};

#define SEND_PROGRESS "at "

#define SEND_MAX_FRAME  (1u << 20)
#define SEND_MAX_JOB    16384
#define SEND_MAX_ANSWER 2048

struct send_answer {
	uint64_t bytes;
	uint8_t digest[32];
	uint64_t parts;
};

/* The text of a job, and back. Strings are malloc'ed. What the text cannot say is ERR_USAGE. */
int send_job_put(const struct send_job *job, FILE *to, struct err *err) _must_check_;
int send_job_parse(struct bytes text, const char *name, struct send_job *ret,
		   struct err *err) _must_check_;
int send_job_read(const char *path, struct send_job *ret, struct err *err) _must_check_;
void send_job_deinit(struct send_job *job);

/*
 * The line of an answer, without its newline. "error …" is that error, anything else ERR_CORRUPT. `program` is for the message.
 */
int send_answer_parse(const char *line, const char *program, struct send_answer *ret,
		      struct err *err) _must_check_;

#endif
