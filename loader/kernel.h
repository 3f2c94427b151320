/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loader has to know of a kernel image, whatever the architecture. The one place of the
 * loader that knows which format this machine's kernel takes.
 */
#ifndef LOADER_KERNEL_H
#define LOADER_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* kernel_image_parse() wants this much of the file's beginning, or all of a shorter file. */
#define KERNEL_IMAGE_HEAD_SIZE (128 * 1024)

struct kernel_image {
	const char *format;   /* "bzImage"; static */
	char release[65];     /* "" if the file does not say */
	uint64_t mem_size;    /* bytes of the reservation that it takes, whole pages */
	uint64_t align;       /* of its load address */
	uint64_t min_addr;    /* lowest load address */
	uint64_t cmdline_max; /* longest command line that it takes, without the NUL */
	uint64_t
		cmdline_prepend; /* of that, kept free for what the kernel adds for a crash image */
	bool five_level;         /* may be started under 5-level paging */
};

/* Errors as of bzimage_parse(); they do not name the file. */
int kernel_image_parse(struct bytes head, uint64_t file_size, struct kernel_image *ret,
		       struct err *err) _must_check_;

#endif
