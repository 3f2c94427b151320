/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF notes: Elf64_Nhdr, name and descriptor padded to 4 bytes (elf(5)). */
#ifndef FORMAT_NOTE_H
#define FORMAT_NOTE_H

#include "base/bytes.h"
#include "base/err.h"

#define NOTE_TYPE_PRSTATUS   1 /* name "CORE" */
#define NOTE_TYPE_VMCOREINFO 0 /* name "VMCOREINFO" */

struct note {
	struct bytes name; /* without the NUL */
	uint32_t type;
	struct bytes desc;
	size_t desc_off; /* of desc within the whole notes buffer */
};

/*
 * Take the next note at *off and move *off behind it. *ret_more is false at the end. A note that
 * does not fit in the rest is ERR_CORRUPT naming its offset and sizes. An all-zero header (an unused
 * per-CPU note of kdump) ends the list.
 */
int note_next(struct bytes notes, size_t *off, struct note *ret, bool *ret_more,
	      struct err *err) _must_check_;

/* The first note of that name and type; ERR_NOT_FOUND if there is none. */
int note_find(struct bytes notes, const char *name, uint32_t type, struct note *ret,
	      struct err *err) _must_check_;

#endif
