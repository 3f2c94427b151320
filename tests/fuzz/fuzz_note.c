// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: walking notes ends after at most len / 12 of them; each lies wholly inside the buffer, at
 * the offset that it says, and behind the one before. note_find() agrees with the walk.
 */
#include <string.h>

#include "format/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes notes = {data, size};
	bool more = true, seen = false, broken = false;
	size_t off = 0, count = 0;
	struct note n, found;
	struct err err;

	for (;;) {
		size_t before = off;

		broken = note_next(notes, &off, &n, &more, &err) != 0;
		if (broken || !more)
			break;
		if (off <= before || off > size || ++count > size / 12 ||
		    n.desc.data != data + n.desc_off || n.name.data < data + before ||
		    n.name.data + n.name.len > n.desc.data || n.desc_off + n.desc.len > size)
			abort();
		if (n.type == 0 && n.name.len == 10 && memcmp(n.name.data, "VMCOREINFO", 10) == 0)
			seen = true;
	}
	if (broken && (err.code != ERR_CORRUPT || !err.msg[0]))
		abort();
	if ((note_find(notes, "VMCOREINFO", 0, &found, &err) == 0) != seen)
		abort();
	return 0;
}
