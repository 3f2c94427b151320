/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the image that the capture kernel runs from: /init, the kernel modules that a recipe needs
 * with the order to load them in (RECIPE_MODULES_PATH), and the recipe itself (RECIPE_IMAGE_PATH).
 * No shell, no library, no configuration.
 */
#ifndef INITRAMFS_INITRAMFS_H
#define INITRAMFS_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"
#include "initramfs/pack.h"

struct initramfs_spec {
	const struct root *root; /* where the kernel's modules and configuration are */
	const char *kernel;      /* its version, the name of its module folder */
	struct bytes recipe;     /* its text; goes into the image as it is, if it parses */
	const char *recipe_name; /* for messages */
	const char *init; /* path of a static program, on this machine and not below the root */
	enum pack_kind pack;
};

struct initramfs_image {
	uint8_t *data; /* malloc'ed */
	size_t len;
	size_t unpacked_len;
	size_t n_modules;
	enum pack_kind pack;         /* what was used: never PACK_AUTO */
	struct pack_support support; /* what is known of the kernel's abilities */
};

/*
 * Build the image in memory. Equal input gives equal bytes, whenever and wherever it is built with
 * the same libraries. Errors: what recipe_create and modules_resolve say; ERR_NOT_FOUND and
 * ERR_USAGE for an init that is missing, dynamically linked or for another machine than the
 * modules; ERR_CORRUPT for damaged modules. *ret need not be initialised; after success deinit it.
 */
int initramfs_build(const struct initramfs_spec *spec, struct initramfs_image *ret,
		    struct err *err) _must_check_;
void initramfs_image_deinit(struct initramfs_image *image);

#endif
