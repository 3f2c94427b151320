/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the sending of spooled crashes, one file for each that waits: /var/lib/lifeboat/send/NAME-ID.json, of a name
 * that a crash's folder has and a digest of its path. It is what makes an attempt that was killed at any point go on: which
 * folder was begun at the far end, and which files are whole there.
 *
 * A file is rewritten beside and renamed, so it is the one before or the one after. That there is one also says to systemd that
 * there is something to do (lifeboat-send.path). Of a crash that is gone, perhaps only because its disk is not mounted, the
 * file becomes NAME-ID.gone, which is forgotten after SENDING_FORGET seconds.
 */
#ifndef SERVICE_SENDING_H
#define SERVICE_SENDING_H

#include "base/sha256.h"
#include "capture/target.h"
#include "service/service.h"

#define SENDING_FOLDER     "send" /* below /var/lib/lifeboat */
#define SENDING_SCHEMA     "lifeboat-sending-1"
#define SENDING_FIRST      60    /* seconds to the second attempt */
#define SENDING_LAST       21600 /* at most between two; both less or more by a quarter */
#define SENDING_FORGET     (30 * 86400)
#define SENDING_LATE       86400 /* what waits longer is not well */
#define SENDING_MAX        1024  /* crashes that wait */
#define SENDING_MAX_PLACES RECIPE_MAX_TARGETS

/* A file at the far end. */
struct sending_file {
	bool done; /* committed there */
	char name[32];
	uint64_t bytes;
	uint8_t digest[SHA256_SIZE];
};

/* What one target has of it so far. */
struct sending_place {
	char target[512]; /* as target_describe() has it */
	char name[64];    /* of the crash there, "": nothing was begun */
	char folder[1024];
	uint64_t entry;
	struct sending_file files[CRASH_FILES];
};

struct sending {
	char folder[PATH_MAX]; /* of the crash here, below the root */
	uint64_t since; /* it is known that it waits; this and the others in seconds since 1970 */
	uint64_t attempts;
	uint64_t last, next; /* attempt; 0: none yet */
	char error[256];     /* why the last one failed; "" it did not */
	bool sent;           /* all of it is at the far end; what is left is to tidy up here */
	bool verified;       /* and was read back there: the copy here may go */
	size_t at;           /* in `places`, if it was sent */
	struct sending_place places[SENDING_MAX_PLACES];
	size_t n_places;
	bool gone; /* it is no more where it was */
};

/*
 * Of the crash in this folder. ERR_NOT_FOUND: nothing is known of it. What cannot be read is ERR_CORRUPT; nothing of it
 * counts, and it is written over.
 */
int sending_read(const struct service *s, const char *folder, struct sending *ret,
		 struct err *err) _must_check_;

/* All that wait or are being tidied up, those that are gone not among them; *ret is malloc'ed. Damaged ones are left out. */
int sending_list(const struct service *s, struct sending **ret, size_t *ret_n,
		 struct err *err) _must_check_;

/* What nobody can read is put aside as NAME-ID.damaged: as long as it is there, systemd takes it for something to do. */
void sending_drop_damaged(const struct service *s);

/* Durably. */
int sending_write(const struct service *s, const struct sending *sending,
		  struct err *err) _must_check_;

/* It was sent, or is nobody's to send any more; no error if there is none. */
int sending_remove(const struct service *s, const char *folder, struct err *err) _must_check_;

/* It is not there now: keep what is known aside; what has been aside for too long goes. */
void sending_put_aside(const struct service *s, const struct sending *sending, uint64_t now);

/* Seconds to the next attempt after so many; `random` is any number. */
uint64_t sending_pause(uint64_t attempts, uint32_t random);

/* Is it time? A clock that was put back must not make it wait for years. */
bool sending_is_due(const struct sending *sending, uint64_t now);

/* The place of that target, a new one if there is none; NULL: there are too many. */
struct sending_place *sending_place_of(struct sending *sending, const char *target);

/* "3 attempts, next in 12 min: REASON", for people; the reason is plain text. Returns buf. */
const char *sending_describe(const struct sending *sending, uint64_t now, char *buf, size_t size);

#endif
