/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA256SUMS beside the dump: a line of 64 hexadecimal digits, two blanks and a file's name for each file of a crash, as
 * sha256sum(1) writes and checks it. Digests are made of what is read back from the target, so they also say that it can
 * be read.
 */
#ifndef CAPTURE_MANIFEST_H
#define CAPTURE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define MANIFEST_FILE     "SHA256SUMS"
#define MANIFEST_MAX_SIZE 65536

/*
 * Digest `len` bytes of `fd` from `offset` on, which are read past the page cache where that can be: what is digested is
 * what the device has. Toggles O_DIRECT of the descriptor meanwhile.
 */
int manifest_digest(int fd, uint64_t offset, uint64_t len, const char *name, uint8_t ret[32],
		    struct err *err) _must_check_;

/* The manifest's line for a file, with its newline; ret has room for the name and 70 bytes. */
void manifest_line(const uint8_t digest[32], const char *name, char *ret, size_t size);

/* One file that a manifest names. */
struct manifest_file {
	char name[256]; /* plain: no '/', no control character, not "." or ".." */
	uint8_t digest[32];
};

/*
 * Parse a manifest: a malformed line is ERR_CORRUPT naming it, as is a name that is there twice, a last line that does not
 * end, and a manifest of no file. *ret is malloc'ed, the caller's.
 */
int manifest_parse(struct bytes text, const char *name, struct manifest_file **ret, size_t *ret_n,
		   struct err *err) _must_check_;

enum manifest_verdict { MANIFEST_SAME, MANIFEST_DIFFERS, MANIFEST_MISSING, MANIFEST_UNREADABLE };

typedef void (*manifest_fn)(void *ctx, const char *file, enum manifest_verdict verdict,
			    const struct err *why);

/*
 * Check the folder's files against its manifest; `tell` (may be NULL) hears of each, with `why` where it is not the same. 0
 * if all are the same; ERR_CORRUPT if not; ERR_NOT_FOUND if there is no manifest. What is no regular file, as a symbolic
 * link, is unreadable.
 */
int manifest_check(const char *folder, manifest_fn tell, void *ctx, struct err *err) _must_check_;

#endif
