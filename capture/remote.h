/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What targets behind an ssh server have in common: how the stock client is started so that nothing but the recipe decides
 * what it does, how a word is told to a shell at the far end, and what its failures mean. For targets only.
 */
#ifndef CAPTURE_REMOTE_H
#define CAPTURE_REMOTE_H

#include "base/sha256.h"
#include "capture/peer.h"
#include "capture/target.h"

#define REMOTE_PATH_MAX 2048 /* of a file at the far end */

/*
 * Append `word` to the text in `to`, quoted so that any shell (POSIX, csh, fish) makes exactly this one word of it. False: there
 * is no room for it, or it has a newline, which not all of them can be told.
 */
bool remote_quote(const char *word, char *to, size_t size) _must_check_;

/*
 * Connect to the server of t (the one that answered, else the first) and run `command` there by the user's shell; NULL: the
 * SFTP subsystem. Returns as soon as the client runs. `line` as in peer.h.
 */
int remote_dial(const struct target *t, const char *command, peer_line_fn line, void *ctx,
		struct peer **ret, struct err *err) _must_check_;

/*
 * Wait for the end of it. 0 if it ended well; else an error with what went wrong and what to do. *ret_again, if not NULL: another
 * try might do better (no connection, or one that was cut).
 */
int remote_finish(const struct target *t, struct peer *p, bool *ret_again,
		  struct err *err) _must_check_;

/* What a client that ended with `status` and said `said` means. */
int remote_judge(const struct target *t, int status, const char *said, bool *ret_again,
		 struct err *err);

/* "USER@HOST (192.0.2.7 port 22)" */
void remote_name(const struct target *t, char *buf, size_t size);

/* What our script at the far end has answered so far; foreign, all of it. Of zeros to begin with. */
struct remote_answer {
	bool here, done, file, none;
	bool sftp_only; /* it said that there is no shell: to people, not to us */
	char name[64];
	char sha256[SHA256_TEXT];
	uint64_t made;
	uint64_t at;
	uint64_t total, available; /* bytes */
	bool room_known;
	uint64_t *progress; /* as of struct target */
};

/* A line of its output: `ctx` is a struct remote_answer. */
void remote_hear(void *ctx, const char *line);

/* Wait a moment before another try. */
void remote_pause(void);

/* The path of a file of this crash at the far end, "" for its folder. */
int remote_path(const struct target *t, const char *file, char ret[REMOTE_PATH_MAX],
		struct err *err) _must_check_;

/* Is it `stamp`, perhaps with "-" and a number behind it? What the far end says was made is believed no further. */
bool remote_is_name_of(const char *name, const char *stamp);

/* Bytes that a dump may take of `available`: like any file system, theirs should not be full to the last block. */
uint64_t remote_room(uint64_t total, uint64_t available);

/* Ops that have nothing to do. */
int remote_find(struct target *t, struct err *err);
int remote_seal(struct target *t, bool whole, struct err *err);
int remote_detach(struct target *t, struct err *err);

#endif
