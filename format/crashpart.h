/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw partition as a store of crashes: one entry behind the other, so that a second crash does not cost the first one.
 * Ours; makedumpfile's "raw" has a bare dump at the partition's start.
 *
 * Little endian, all offsets from the partition's start and multiples of CRASHPART_BLOCK. An entry begins with a header
 * block, and behind it are its parts: log, record, manifest, dump. The next entry begins where this one ends; the first at 0.
 *
 *   0   8  magic "LIFEBOAT"
 *   8   4  version, 1
 *  12   4  state: 1 writing, 2 whole (log and dump), 3 partial (what the parts say is there), 4 collected
 *  16  16  id of the entry, random
 *  32   8  time of the crash, seconds since 1970
 *  40   8  offset of this header: a copy of a header elsewhere is none
 *  48   8  end of the entry: of the device while it is being written
 *  56   4  number of parts, at most CRASHPART_PARTS
 *  60   4  bit n: part n was broken off, its size is what there is of it
 *  64  64×parts: name (16, NUL-padded), offset (8), size (8; 0: it is not there), SHA-256 (32; zero: not computed).
 *          In ascending order of their offsets, none into the next one
 * ...  32  SHA-256 of the 480 bytes before, at 480
 * 512      zeros to the end of the block
 *
 * So what changes is one sector, which a disk writes whole or not at all. What does not match its digest is no entry:
 * there the store ends. Each change of a header is one write of one block, and the state changes last; of a sealed entry
 * the block at its end was made no header before.
 */
#ifndef FORMAT_CRASHPART_H
#define FORMAT_CRASHPART_H

#include "base/bytes.h"
#include "base/err.h"

#define CRASHPART_BLOCK       4096
#define CRASHPART_HEADER      512 /* of the block, with the digest */
#define CRASHPART_PARTS       4
#define CRASHPART_NAME        16
#define CRASHPART_MAX_ENTRIES 4096

enum crashpart_state {
	CRASHPART_WRITING = 1,
	CRASHPART_WHOLE = 2,
	CRASHPART_PARTIAL = 3,
	CRASHPART_COLLECTED = 4,
};

struct crashpart_part {
	char name
		[CRASHPART_NAME]; /* terminated; letters, digits, '.', '-', '_' and no leading dot */
	uint64_t offset, size;
	uint8_t sha256[32];
	bool digested;
	bool broken; /* not all of it: what there is was kept */
};

struct crashpart_entry {
	enum crashpart_state state;
	uint8_t id[16];
	uint64_t crash_time;
	uint64_t offset, end;
	struct crashpart_part parts[CRASHPART_PARTS];
	size_t n_parts;
};

/* The entry must be as crashpart_decode() would give it. */
void crashpart_encode(const struct crashpart_entry *entry, uint8_t ret[CRASHPART_BLOCK]);

/*
 * `at` is the block's offset on a device of `size` bytes. False if it is no entry. True: everything is within the entry and
 * the entry within the device, whatever the bytes were.
 */
bool crashpart_decode(struct bytes block, uint64_t at, uint64_t size, struct crashpart_entry *ret);

/*
 * Walk the entries of a device; `fn` (may be NULL) returns 0 to go on, else its error ends the walk. *ret_end is where
 * the next one may begin. Ends at the first block that is no entry; at most CRASHPART_MAX_ENTRIES.
 */
typedef int (*crashpart_fn)(void *ctx, const struct crashpart_entry *entry, struct err *err);
int crashpart_walk(int fd, uint64_t size, const char *name, crashpart_fn fn, void *ctx,
		   uint64_t *ret_end, struct err *err) _must_check_;

/* Read the entry whose header is at `at`: ERR_CORRUPT if there is none. */
int crashpart_read(int fd, uint64_t at, uint64_t size, const char *name,
		   struct crashpart_entry *ret, struct err *err) _must_check_;

/* Where what the entry vouches for ends, at a block; its offset if there is nothing. */
uint64_t crashpart_content_end(const struct crashpart_entry *entry);

/* Does the block begin like a header? If it is none, it is a damaged one. */
bool crashpart_has_magic(struct bytes block);

/* Make the block at `at` no header, durably. */
int crashpart_erase(int fd, uint64_t at, const char *name, struct err *err) _must_check_;

/* Write an entry's header durably (fdatasync). */
int crashpart_write(int fd, const struct crashpart_entry *entry, const char *name,
		    struct err *err) _must_check_;

#endif
