// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/crashpart.h"

#include <errno.h>
#include <inttypes.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"

#define MAGIC   "LIFEBOAT"
#define VERSION 1

#define AT_VERSION 8
#define AT_STATE   12
#define AT_ID      16
#define AT_TIME    32
#define AT_OFFSET  40
#define AT_END     48
#define AT_PARTS   56
#define AT_BROKEN  60
#define AT_PART    64
#define PART_SIZE  64
#define AT_DIGEST  (CRASHPART_HEADER - SHA256_SIZE)

#define PART_OFFSET 16
#define PART_BYTES  24
#define PART_DIGEST 32

_Static_assert(AT_PART + CRASHPART_PARTS * PART_SIZE <= AT_DIGEST, "the parts fit");

static void digest_of(const uint8_t *header, uint8_t ret[SHA256_SIZE])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, header, AT_DIGEST);
	sha256_final(&s, ret);
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

void crashpart_encode(const struct crashpart_entry *entry, uint8_t ret[CRASHPART_BLOCK])
{
	uint32_t broken = 0;

	memset(ret, 0, CRASHPART_BLOCK);
	memcpy(ret, MAGIC, strlen(MAGIC));
	bytes_put_le32(ret + AT_VERSION, VERSION);
	bytes_put_le32(ret + AT_STATE, entry->state);
	memcpy(ret + AT_ID, entry->id, sizeof(entry->id));
	bytes_put_le64(ret + AT_TIME, entry->crash_time);
	bytes_put_le64(ret + AT_OFFSET, entry->offset);
	bytes_put_le64(ret + AT_END, entry->end);
	bytes_put_le32(ret + AT_PARTS, (uint32_t)entry->n_parts);
	for (size_t i = 0; i < entry->n_parts && i < CRASHPART_PARTS; i++) {
		const struct crashpart_part *part = &entry->parts[i];
		uint8_t *p = ret + AT_PART + i * PART_SIZE;

		memcpy(p, part->name, strnlen(part->name, CRASHPART_NAME - 1));
		bytes_put_le64(p + PART_OFFSET, part->offset);
		bytes_put_le64(p + PART_BYTES, part->size);
		if (part->digested)
			memcpy(p + PART_DIGEST, part->sha256, SHA256_SIZE);
		if (part->broken)
			broken |= 1U << i;
	}
	bytes_put_le32(ret + AT_BROKEN, broken);
	digest_of(ret, ret + AT_DIGEST);
}

/* It becomes a file's name. */
static bool decode_name(const uint8_t *p, char ret[CRASHPART_NAME])
{
	size_t len = strnlen((const char *)p, CRASHPART_NAME);

	if (!len || len == CRASHPART_NAME || p[0] == '.' || !is_zero(p + len, CRASHPART_NAME - len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= 'A' && p[i] <= 'Z') &&
		    !(p[i] >= '0' && p[i] <= '9') && !strchr(".-_", p[i]))
			return false;
	memcpy(ret, p, CRASHPART_NAME);
	return true;
}

/* `from` is where the part may begin; afterwards, where the next one may. */
static bool decode_part(struct bytes part, uint64_t end, uint64_t *from, struct crashpart_part *ret)
{
	if (!decode_name(part.data, ret->name) || !bytes_le64(part, PART_OFFSET, &ret->offset) ||
	    !bytes_le64(part, PART_BYTES, &ret->size))
		return false;
	if (ret->offset % CRASHPART_BLOCK || ret->offset < *from || ret->offset > end ||
	    ret->size > end - ret->offset)
		return false;
	memcpy(ret->sha256, part.data + PART_DIGEST, SHA256_SIZE);
	ret->digested = !is_zero(ret->sha256, SHA256_SIZE);
	*from = ret->offset + ret->size;
	return true;
}

static bool decode_parts(struct bytes block, struct crashpart_entry *e)
{
	uint64_t from = e->offset + CRASHPART_BLOCK;
	uint32_t n, broken;

	if (!bytes_le32(block, AT_PARTS, &n) || n > CRASHPART_PARTS ||
	    !bytes_le32(block, AT_BROKEN, &broken) || broken >> n)
		return false;
	e->n_parts = n;
	for (uint32_t i = 0; i < n; i++) {
		struct bytes part;

		if (!bytes_sub(block, AT_PART + i * PART_SIZE, PART_SIZE, &part) ||
		    !decode_part(part, e->end, &from, &e->parts[i]))
			return false;
		e->parts[i].broken = broken >> i & 1;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(e->parts[i].name, e->parts[k].name) == 0)
				return false;
	}
	return true;
}

uint64_t crashpart_content_end(const struct crashpart_entry *entry)
{
	uint64_t end = entry->offset;

	for (size_t i = 0; i < entry->n_parts; i++)
		if (entry->parts[i].size)
			end = num_align_up(entry->parts[i].offset + entry->parts[i].size,
					   CRASHPART_BLOCK);
	return end;
}

bool crashpart_has_magic(struct bytes block)
{
	return bytes_has(block, 0, strlen(MAGIC)) && memcmp(block.data, MAGIC, strlen(MAGIC)) == 0;
}

bool crashpart_decode(struct bytes block, uint64_t at, uint64_t size, struct crashpart_entry *ret)
{
	struct crashpart_entry e = {0};
	uint8_t digest[SHA256_SIZE];
	uint32_t version, state;

	if (block.len < CRASHPART_BLOCK || !crashpart_has_magic(block))
		return false;
	digest_of(block.data, digest);
	if (memcmp(digest, block.data + AT_DIGEST, SHA256_SIZE) != 0 ||
	    !is_zero(block.data + CRASHPART_HEADER, CRASHPART_BLOCK - CRASHPART_HEADER))
		return false;
	if (!bytes_le32(block, AT_VERSION, &version) || version != VERSION ||
	    !bytes_le32(block, AT_STATE, &state) || state < CRASHPART_WRITING ||
	    state > CRASHPART_COLLECTED || !bytes_le64(block, AT_TIME, &e.crash_time) ||
	    !bytes_le64(block, AT_OFFSET, &e.offset) || !bytes_le64(block, AT_END, &e.end))
		return false;
	if (e.offset != at || at % CRASHPART_BLOCK || e.end % CRASHPART_BLOCK || e.end > size ||
	    e.end < at || e.end - at < CRASHPART_BLOCK)
		return false;
	e.state = (enum crashpart_state)state;
	memcpy(e.id, block.data + AT_ID, sizeof(e.id));
	if (!decode_parts(block, &e))
		return false;
	*ret = e;
	return true;
}

/* False if there is none; an error if that cannot be known. */
static int look_at(int fd, uint64_t at, uint64_t size, const char *name, bool *ret_found,
		   struct crashpart_entry *ret, struct err *err)
{
	uint8_t block[CRASHPART_BLOCK];
	int r;

	*ret_found = false;
	if (at > size || size - at < CRASHPART_BLOCK)
		return 0;
	r = io_pread_full(fd, block, sizeof(block), at, name, err);
	if (!r)
		*ret_found = crashpart_decode((struct bytes){block, sizeof(block)}, at, size, ret);
	return r;
}

int crashpart_walk(int fd, uint64_t size, const char *name, crashpart_fn fn, void *ctx,
		   uint64_t *ret_end, struct err *err)
{
	struct crashpart_entry entry;
	uint64_t at = 0;

	for (int i = 0; i < CRASHPART_MAX_ENTRIES; i++) {
		bool found;
		int r = look_at(fd, at, size, name, &found, &entry, err);

		if (!r && !found)
			break;
		if (!r && fn)
			r = fn(ctx, &entry, err);
		if (r)
			return r;
		at = entry.end;
	}
	*ret_end = at;
	return 0;
}

int crashpart_read(int fd, uint64_t at, uint64_t size, const char *name,
		   struct crashpart_entry *ret, struct err *err)
{
	bool found;
	int r = look_at(fd, at, size, name, &found, ret, err);

	if (!r && !found)
		return err_set(err, ERR_CORRUPT, "%s: there is no entry at 0x%" PRIx64, name, at);
	return r;
}

static int write_block(int fd, const uint8_t *block, uint64_t at, const char *name, struct err *err)
{
	int r = io_pwrite_full(fd, block, CRASHPART_BLOCK, at, name, err);

	if (!r && fdatasync(fd))
		r = err_sys(err, errno, "%s: fdatasync", name);
	return r;
}

int crashpart_erase(int fd, uint64_t at, const char *name, struct err *err)
{
	const uint8_t zeros[CRASHPART_BLOCK] = {0};

	return write_block(fd, zeros, at, name, err);
}

int crashpart_write(int fd, const struct crashpart_entry *entry, const char *name, struct err *err)
{
	uint8_t block[CRASHPART_BLOCK];
	int r;

	crashpart_encode(entry, block);
	r = write_block(fd, block, entry->offset, name, err);
	return r ? err_wrap(err, "header at 0x%" PRIx64, entry->offset) : 0;
}
