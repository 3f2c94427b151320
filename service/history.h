/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has been seen of this machine's captures: tests and crashes, a JSON object a line in
 * /var/lib/lifeboat/history.ndjson, the oldest first. `status` tells of the last test, `estimate` of the memory that captures
 * took, `test --crash-now` is judged by it at the next boot. lifeboat-history(5) has the fields.
 */
#ifndef SERVICE_HISTORY_H
#define SERVICE_HISTORY_H

#include "service/service.h"

#define HISTORY_FILE    "history.ndjson"
#define HISTORY_SCHEMA  "lifeboat-history-1"
#define HISTORY_KEEP    200  /* entries; the oldest go when one is added */
#define HISTORY_MAX_LEN 8192 /* of a line; whatever an entry holds, ours are shorter */

enum history_kind {
	HISTORY_PREFLIGHT,  /* targets written to in the running system */
	HISTORY_PROOF,      /* the armed kernel and image, in a virtual machine */
	HISTORY_CRASH_TEST, /* a crash on purpose */
	HISTORY_CRASH,      /* one that was not */
};

struct history_entry {
	enum history_kind kind;
	uint64_t time; /* seconds since 1970 */
	bool pending;  /* a crash test was begun; a later entry of the same id tells how it went */
	bool good;     /* a whole dump was (or would be) safe */
	char id[64]; /* of a test, or the crash's folder name; pairs a pending entry with its outcome */
	char result[32];  /* a crash record's capture.result, or "" */
	char text[256];   /* headline of a crash, or why it is not good */
	char kernel[128]; /* version of the capture kernel; "" not known */
	char where[512];  /* folder of the crash, or the target's description; "" */
	bool image_known; /* the next one is */
	uint8_t image
		[32]; /* SHA-256 of the capture kernel's initramfs: tests hold for that one only */
	uint64_t reserved; /* bytes of the reservation at the time; 0 not known */
	uint64_t peak;     /* bytes of it in use at the worst moment of the capture; 0 not known */
};

/* Add one, durably. The file is rewritten beside and renamed; two writers wait for each other. */
int history_add(const struct service *s, const struct history_entry *entry,
		struct err *err) _must_check_;

/*
 * All entries, the oldest first; *ret is malloc'ed. No file: none. Lines that cannot be read are left out and counted in
 * *ret_damaged (may be NULL); such a file is still added to.
 */
int history_read(const struct service *s, struct history_entry **ret, size_t *ret_n,
		 size_t *ret_damaged, struct err *err) _must_check_;

/* The last one of a kind that is no crash, with its outcome if it is there; NULL: none. Borrowed from `v`. */
const struct history_entry *history_last_test(const struct history_entry *v, size_t n);

const char *
history_kind_name(enum history_kind kind); /* "preflight", "proof", "crash-test", "crash" */

#endif
