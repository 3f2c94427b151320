/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening fuzz input as a dump file, and what has to hold for every dump that opens. */
#ifndef TESTS_FUZZ_SOURCE_FUZZ_H
#define TESTS_FUZZ_SOURCE_FUZZ_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/num.h"
#include "format/note.h"
#include "format/source.h"

/* NULL if it does not open; then the error must say something about the file. */
static inline struct source *fuzz_open(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct source *src = NULL;
	struct err err = {0};
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (source_open(path, &src, &err) && (src || !err.code || !strstr(err.msg, path)))
		abort();
	close(fd);
	return src;
}

/* ranges are sorted and disjoint; all that is present was RAM */
static inline void fuzz_check_ranges(const struct source *src)
{
	const struct ranges *sets[] = {&src->ram, &src->present};

	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sets[s]->n; i++)
			if (sets[s]->v[i].start >= sets[s]->v[i].end ||
			    (i && sets[s]->v[i - 1].end >= sets[s]->v[i].start))
				abort();
}

static inline void fuzz_walk_notes(const struct source *src)
{
	size_t off = 0;
	struct err err;
	struct note n;
	bool more = true;

	while (more && note_next(src->notes, &off, &n, &more, &err) == 0)
		;
}

/*
 * What map lends at `phys` is what read gives; both may fail, then for a reason. Returns how many
 * bytes were lent, 0 if none.
 */
static inline size_t fuzz_compare(const struct source *src, struct view *view, uint64_t phys)
{
	static uint8_t buf[4096];
	const uint8_t *p = NULL;
	struct err err = {0};
	size_t n = 0, part;

	if (source_map(src, view, phys, &p, &n, &err)) {
		if (!err.code || !err.msg[0])
			abort();
		return 0;
	}
	if (!n)
		abort();
	part = NUM_MIN(n, sizeof(buf));
	if (source_read(src, phys, buf, part, &err) || memcmp(buf, p, part) != 0)
		abort();
	if (source_read(src, phys + n - part, buf, part, &err) ||
	    memcmp(buf, p + n - part, part) != 0)
		abort();
	return n;
}

#endif
