// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/note.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"

#define NHDR_SIZE 12 /* n_namesz, n_descsz, n_type: 32 bits each, also in ELFCLASS64 */

int note_next(struct bytes notes, size_t *off, struct note *ret, bool *ret_more, struct err *err)
{
	uint64_t at = *off, desc_at, end;
	uint32_t namesz, descsz, type;
	struct note n = {0};

	if (at >= notes.len) {
		*ret_more = false;
		return 0;
	}
	if (!bytes_le32(notes, at, &namesz) || !bytes_le32(notes, at + 4, &descsz) ||
	    !bytes_le32(notes, at + 8, &type))
		return err_set(err, ERR_CORRUPT,
			       "note at offset %" PRIu64 ": its header of %d bytes is cut at %zu",
			       at, NHDR_SIZE, notes.len);
	if (!namesz && !descsz && !type) {
		*ret_more = false;
		return 0;
	}
	/* 64-bit sums of 32-bit sizes and an offset in memory: they cannot wrap */
	desc_at = at + NHDR_SIZE + num_align_up(namesz, 4);
	end = desc_at + descsz;
	if (!bytes_sub(notes, at + NHDR_SIZE, namesz, &n.name) ||
	    !bytes_sub(notes, desc_at, descsz, &n.desc))
		return err_set(err, ERR_CORRUPT,
			       "note at offset %" PRIu64 ": name of %" PRIu32
			       " and descriptor of %" PRIu32 " bytes end at %" PRIu64
			       ", behind the %zu bytes of notes",
			       at, namesz, descsz, end, notes.len);
	n.name.len = strnlen((const char *)n.name.data, n.name.len);
	n.type = type;
	n.desc_off = desc_at;
	*ret = n;
	*ret_more = true;
	/* the padding of the very last descriptor may be missing */
	*off = NUM_MIN(num_align_up(end, 4), notes.len);
	return 0;
}

int note_find(struct bytes notes, const char *name, uint32_t type, struct note *ret,
	      struct err *err)
{
	size_t off = 0, len = strlen(name);

	for (;;) {
		struct note n;
		bool more;
		int r = note_next(notes, &off, &n, &more, err);

		if (r)
			return r;
		if (!more)
			return err_set(err, ERR_NOT_FOUND, "no note %s of type %" PRIu32, name,
				       type);
		if (n.type == type && n.name.len == len && memcmp(n.name.data, name, len) == 0) {
			*ret = n;
			return 0;
		}
	}
}
