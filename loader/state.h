/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we loaded last: a record, and copies of the files, so that unchanged input is not loaded again and a
 * failed load can put the last good panic kernel back.
 *
 * The record is in /run, which does not outlive the boot as the image does not. It is lines of key=value; its reader
 * trusts none of them. The copies are in /var/lib, each durable before the record names it.
 */
#ifndef LOADER_STATE_H
#define LOADER_STATE_H

#include "loader/plan.h"

#define STATE_RUN_DIR "/run/lifeboat"
#define STATE_LIB_DIR "/var/lib/lifeboat"

struct state_dirs {
	const char *run; /* STATE_RUN_DIR */
	const char *lib; /* STATE_LIB_DIR */
};

struct state {
	bool known; /* there is a record */
	enum load_method method;
	uint8_t kernel_digest[32], initrd_digest[32];
	char *kernel;  /* as it was named */
	char *release; /* of the kernel; "" if it did not say */
	char *cmdline;
	uint64_t time;      /* seconds since 1970 */
	bool memory_known;  /* the next one is */
	uint8_t memory[32]; /* state_memory() at the time */
};

/*
 * Wait until no other process has this lock, which is held until the descriptor is closed: of two loads at once the
 * later record may be of the earlier image, and one would put back what the other is just replacing. -1: it cannot
 * be had, which is no reason not to load.
 */
int state_lock(const struct state_dirs *dirs) _must_check_;

/* No record is no error: known is false then. A damaged one is ERR_CORRUPT naming the line. */
int state_read(const struct state_dirs *dirs, struct state *ret, struct err *err) _must_check_;
void state_deinit(struct state *s);

/*
 * Record that this plan was loaded by that method, with copies of its files. The record there was, and copies of
 * other files, go first: a failure leaves none, not one that is wrong.
 */
int state_write(const struct state_dirs *dirs, const struct plan *plan, enum load_method method,
		struct err *err) _must_check_;

/* The image was taken out. */
int state_forget(const struct state_dirs *dirs, struct err *err) _must_check_;

/*
 * Digest of the memory map that an image's core header shows: RAM, reservation, CPUs. When it has changed since the
 * load and the kernel does not update headers by itself, a dump would lack memory.
 */
void state_memory(const struct machine *m, uint8_t ret[32]);

/* Would loading this plan give what is recorded? */
bool state_matches(const struct state *s, const struct plan *plan, enum load_method method);

/* The request that loads what is recorded from the copies; strings live as long as *s and `paths`. */
struct state_paths {
	char kernel[256], initrd[256];
	const char *initrds[1];
};
struct load_request state_request(const struct state_dirs *dirs, const struct state *s,
				  struct state_paths *paths);

#endif
