/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the image that the capture kernel runs from: /init, the kernel modules that a recipe needs
 * with the order to load them in (RECIPE_MODULES_PATH) and the firmware that they name, the recipe itself
 * (RECIPE_IMAGE_PATH), and the programs that it names with what they need to run (closure.h); /bin/sh if the
 * failure action is a shell; and the files that it names, as they are, for root only. Without such programs there is no shell, no library, no configuration in it.
 */
#ifndef INITRAMFS_INITRAMFS_H
#define INITRAMFS_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"
#include "initramfs/inputs.h"
#include "initramfs/pack.h"

struct initramfs_spec {
	const struct root
		*root; /* where modules, firmware, programs and the kernel's configuration are */
	const char *kernel;  /* its version, the name of its module folder */
	const char *tool;    /* name and version of the program that builds: a part of the inputs */
	struct bytes recipe; /* its text; goes into the image as it is, if it parses */
	const char *recipe_name; /* for messages */
	const char *init; /* path of a static program, on this machine and not below the root */
	enum pack_kind pack;
};

struct initramfs_image {
	uint8_t *data; /* malloc'ed */
	size_t len;
	size_t unpacked_len;
	size_t n_modules;
	size_t n_firmware;
	size_t n_programs;      /* that the recipe names, /bin/sh among them */
	size_t n_program_files; /* that go in for them */
	size_t n_files;         /* that the recipe names */
	uint64_t memory;        /* bytes that it takes in the capture kernel, about; see below */
	uint64_t memory_peak;   /* the same while it is unpacked */
	char **missing;         /* firmware that is not there: "card.bin of driver.ko" */
	size_t n_missing;
	struct inputs inputs;
	enum pack_kind pack;         /* what was used: never PACK_AUTO */
	struct pack_support support; /* what is known of the kernel's abilities */
};

/*
 * Build the image in memory. Equal input gives equal bytes, whenever and wherever it is built with
 * the same libraries. Errors: what recipe_create, modules_resolve, firmware_add and closure_add say;
 * ERR_NOT_FOUND and ERR_USAGE for an init that is missing, dynamically linked or for another machine
 * than the modules; ERR_CORRUPT for damaged modules. *ret need not be initialised; after success deinit it.
 *
 * The memory is counted so: each file takes whole pages of 4 KiB and 576 bytes of page tree for each 64
 * of them, each file, folder and link 1 KiB (inode and directory entry). While it is unpacked, the packed
 * image is there as well, and the decompressor's own memory: 80 KiB for gzip, 512 KiB for zstd.
 */
int initramfs_build(const struct initramfs_spec *spec, struct initramfs_image *ret,
		    struct err *err) _must_check_;

/* Only what initramfs_build() would make an image of, to compare it with what one was made of (inputs_read). */
int initramfs_inputs(const struct initramfs_spec *spec, struct inputs *ret,
		     struct err *err) _must_check_;

/* Where the image in the file `path` differs from what would be built, in words; "" if it does not (inputs_difference). */
int initramfs_compare(const char *path, const struct initramfs_spec *spec,
		      char ret[INPUTS_DIFFERENCE], struct err *err) _must_check_;
void initramfs_image_deinit(struct initramfs_image *image);

#endif
