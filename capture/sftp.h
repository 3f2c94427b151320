/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of the SSH file transfer protocol, version 3 (draft-ietf-secsh-filexfer-02), with OpenSSH's extensions where the
 * server offers them (PROTOCOL of OpenSSH, section 4). Whatever the server says is checked: it may end a connection, or lie about what is in a file,
 * and nothing worse.
 *
 * Writes are sent ahead: so many requests may be without an answer, and an error of one is told by a later call. Not
 * thread-safe: its user locks.
 */
#ifndef CAPTURE_SFTP_H
#define CAPTURE_SFTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SFTP_CHUNK  32768               /* of data in one request: every server takes so much */
#define SFTP_WINDOW 64                  /* requests without an answer: 2 MiB under way */
#define SFTP_READS  16                  /* of reading: each has its chunk in memory */
#define SFTP_PACKET (SFTP_CHUNK + 1024) /* largest that is taken */
#define SFTP_PATH   4096
#define SFTP_HANDLE 256

enum sftp_extension {
	SFTP_FSYNC = 1,        /* fsync@openssh.com */
	SFTP_POSIX_RENAME = 2, /* posix-rename@openssh.com */
	SFTP_STATVFS = 4,      /* statvfs@openssh.com */
};

/* What carries it: all of it or an error, as peer_write() and peer_read(). */
struct sftp_wire {
	int (*send)(void *ctx, const void *buf, size_t len, struct err *err);
	int (*recv)(void *ctx, void *buf, size_t len, struct err *err);
	void *ctx;
};

struct sftp;

struct sftp_file {
	uint8_t handle[SFTP_HANDLE];
	uint32_t len; /* of it */
};

struct sftp_attrs {
	bool has_size, has_mode;
	uint64_t size;
	uint32_t mode; /* as of stat(2) */
};

/* Say hello. ERR_CORRUPT: what answers is no SFTP server; the message has the first of what it said. */
int sftp_create(const struct sftp_wire *wire, struct sftp **ret, struct err *err) _must_check_;
void sftp_destroy(struct sftp *s); /* NULL is fine; tells the server nothing */

bool sftp_has(const struct sftp *s, enum sftp_extension extension);

/*
 * Requests. The server's refusal is ERR_NOT_FOUND (no such file), ERR_REFUSED (permission), ERR_UNSUPPORTED or ERR_SYSTEM (it does not
 * say why); what contradicts the protocol is ERR_CORRUPT. Before each of these all writes are answered.
 */
int sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *err) _must_check_;
int sftp_rmdir(struct sftp *s, const char *path, struct err *err) _must_check_;
int sftp_remove(struct sftp *s, const char *path, struct err *err) _must_check_;
int sftp_lstat(struct sftp *s, const char *path, struct sftp_attrs *ret,
	       struct err *err) _must_check_;
int sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret,
	      struct err *err) _must_check_;
/* Over what has that name: in one step where the server can do that. */
int sftp_rename(struct sftp *s, const char *from, const char *to, struct err *err) _must_check_;
/* ERR_UNSUPPORTED: it cannot tell. */
int sftp_space(struct sftp *s, const char *path, uint64_t *ret_total, uint64_t *ret_available,
	       struct err *err) _must_check_;

/* A new file, mode 0600, to be written; it must not be there. */
int sftp_create_file(struct sftp *s, const char *path, struct sftp_file *ret,
		     struct err *err) _must_check_;
int sftp_open(struct sftp *s, const char *path, bool write, struct sftp_file *ret,
	      struct err *err) _must_check_;
int sftp_close(struct sftp *s, const struct sftp_file *f, struct err *err) _must_check_;
int sftp_fstat(struct sftp *s, const struct sftp_file *f, struct sftp_attrs *ret,
	       struct err *err) _must_check_;
/* Nothing where the server has no fsync. */
int sftp_fsync(struct sftp *s, const struct sftp_file *f, struct err *err) _must_check_;

/* Send it; returns when no more than SFTP_WINDOW requests have no answer. */
int sftp_pwrite(struct sftp *s, const struct sftp_file *f, const void *buf, size_t len,
		uint64_t off, struct err *err) _must_check_;
/* Wait until all writes are answered. The first that failed is told by this and all that follows. */
int sftp_drain(struct sftp *s, struct err *err) _must_check_;

/* SHA-256 of the first `len` bytes of a file, read back; ERR_CORRUPT if there are fewer. *progress (may be NULL) counts. */
int sftp_digest(struct sftp *s, const struct sftp_file *f, uint64_t len, uint64_t *progress,
		uint8_t ret[32], struct err *err) _must_check_;

#endif
