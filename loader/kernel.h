/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loader has to know of a kernel image, whatever the architecture. The one place of the
 * loader that knows which format this machine's kernel takes.
 */
#ifndef LOADER_KERNEL_H
#define LOADER_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/load.h"
#include "base/bytes.h"
#include "base/err.h"

/* kernel_image_parse() wants this much of the file's beginning, or all of a shorter file. */
#define KERNEL_IMAGE_HEAD_SIZE (128 * 1024)

/* Errors as of bzimage_parse(); they do not name the file. */
int kernel_image_parse(struct bytes head, uint64_t file_size, struct kernel_image *ret,
		       struct err *err) _must_check_;

#endif
