/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a spooled crash here: what is to be sent of it, and what becomes of them when it was.
 *
 * Log and dump go as they are, byte by byte. One that was cut off, or is not what its manifest says, goes as NAME.incomplete. The
 * record is written anew (it does not wait any more, and names its files as they are called there), and so is the manifest.
 */
#ifndef SERVICE_SENDFILES_H
#define SERVICE_SENDFILES_H

#include "base/sha256.h"
#include "capture/target.h"
#include "service/service.h"

struct sendfile {
	bool there;
	char name[64];   /* here */
	char to[32];     /* there */
	bool incomplete; /* it is not whole, or not known to be */
	bool encrypted;  /* already */
	uint64_t bytes;
	uint8_t digest[SHA256_SIZE];
	char *text; /* record and manifest: what is sent; log and dump: NULL */
};

struct sendfiles {
	int dir; /* the crash's folder, locked */
	char folder[PATH_MAX];
	struct sendfile v[CRASH_FILES];
	uint64_t time; /* of the crash, seconds since 1970; 0 not known */
};

/*
 * Open and lock the crash's folder, and see which files there are. ERR_REFUSED: somebody else is sending it; ERR_CORRUPT: the folder is
 * of a user who is none of ours (dumps_is_foreign()), so its bytes are nobody's crash. End it with sendfiles_deinit(), also after
 * a failure.
 */
int sendfiles_init(struct sendfiles *f, const struct service *s, const char *folder,
		   struct err *err) _must_check_;
void sendfiles_deinit(struct sendfiles *f);

/* Open a file of it that is read: a plain one, and no link. -1 with an error. */
int sendfiles_open(const struct sendfiles *f, const char *name, struct err *err) _must_check_;

/*
 * Digest log and dump, compare them with the manifest, and decide what all are called at the far end. `encrypt`: log and dump
 * will be encrypted on their way if they are not yet. Reads all of them.
 */
int sendfiles_look(struct sendfiles *f, bool encrypt, struct err *err) _must_check_;

/* Make the record, then, when all others are there under place->files, the manifest. */
int sendfiles_make_record(struct sendfiles *f, struct err *err) _must_check_;
int sendfiles_make_manifest(struct sendfiles *f, const char *const names[CRASH_FILES],
			    uint8_t (*digests)[SHA256_SIZE], struct err *err) _must_check_;

/* What the record here says afterwards. */
struct sendfiles_sent {
	const char *target, *name; /* printable */
	uint64_t time;
	bool verified;
	bool dump; /* a whole one is there */
};

/*
 * All is at the far end: write that into the record here and, if it was read back there, remove what is not to be kept; a
 * crash that is pinned keeps everything. It can be killed at any point and called again.
 */
int sendfiles_finish(struct sendfiles *f, const struct service *s,
		     const struct sendfiles_sent *sent, enum config_keep keep,
		     struct err *err) _must_check_;

#endif
