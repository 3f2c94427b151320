// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crashpart_decode, and crashpart_walk over a device whose blocks are the input. The digest is made right first: a hostile
 * writer can do that as well. Property: what is taken for an entry keeps the promise of format/crashpart.h, and is
 * the same when it is written and read again; the walk ends within the device.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sha256.h"
#include "format/crashpart.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define MAX_BLOCKS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct crashpart_entry *e, uint64_t at, uint64_t size)
{
	struct crashpart_entry again = {0};
	uint8_t block[CRASHPART_BLOCK];

	REQUIRE(e->offset == at && e->end >= at + CRASHPART_BLOCK && e->end <= size);
	REQUIRE(e->n_parts <= CRASHPART_PARTS);
	for (size_t i = 0; i < e->n_parts; i++) {
		const struct crashpart_part *p = &e->parts[i];

		REQUIRE(memchr(p->name, 0, sizeof(p->name)) && *p->name && *p->name != '.');
		REQUIRE(!strchr(p->name, '/'));
		REQUIRE(p->offset > at && p->offset <= e->end && p->size <= e->end - p->offset);
	}
	crashpart_encode(e, block);
	REQUIRE(crashpart_decode((struct bytes){block, sizeof(block)}, at, size, &again));
	REQUIRE(memcmp(e, &again, sizeof(again)) == 0);
}

struct walk {
	uint64_t size, at;
};

static int one(void *ctx, const struct crashpart_entry *e, struct err *err)
{
	struct walk *w = ctx;

	(void)err;
	check_entry(e, w->at, w->size);
	w->at = e->end;
	return 0;
}

/* Each 512 bytes of the input are the header of one block. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t device[MAX_BLOCKS * CRASHPART_BLOCK];
	size_t blocks = size / CRASHPART_HEADER + 1;
	struct walk w = {0};
	struct err err = {0};
	uint64_t end;
	int fd;

	if (blocks > MAX_BLOCKS)
		blocks = MAX_BLOCKS;
	memset(device, 0, sizeof(device));
	for (size_t i = 0; i < blocks; i++) {
		uint8_t *block = device + i * CRASHPART_BLOCK;
		size_t at = i * CRASHPART_HEADER, len = size - at;
		struct sha256 s;

		if (at < size)
			memcpy(block, data + at,
			       len < CRASHPART_HEADER ? len : (size_t)CRASHPART_HEADER);
		sha256_init(&s);
		sha256_update(&s, block, CRASHPART_HEADER - SHA256_SIZE);
		sha256_final(&s, block + CRASHPART_HEADER - SHA256_SIZE);
	}
	w.size = blocks * CRASHPART_BLOCK;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && write(fd, device, w.size) == (ssize_t)w.size);
	REQUIRE(!crashpart_walk(fd, w.size, "fuzz", one, &w, &end, &err));
	REQUIRE(end == w.at && end <= w.size);
	close(fd);
	return 0;
}
