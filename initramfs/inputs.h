/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image was made of, so that a stale one is told by content and not by the times of files. It stands in the
 * image itself, as /lifeboat/inputs of a small archive that is not packed and lies in front of the packed one: the kernel
 * unpacks such a row of archives (init/initramfs.c, unpack_to_rootfs; distributions put microcode there), and a
 * program finds it without unpacking anything. The first archive is padded with zeros to 512 bytes.
 *
 *   schema = lifeboat-inputs-2
 *   digest = SHA-256             of all that follows but the two sizes
 *   tool = lifeboat 0.1.0
 *   kernel = 6.1.0-56-cloud-amd64
 *   pack = gzip
 *   packed = 379274              bytes of the packed archive
 *   unpacked = 968980            the same unpacked
 *   recipe = SHA-256             of each kind of input: paths, sizes and contents
 *   init = SHA-256
 *   modules = SHA-256
 *   firmware = SHA-256
 *   programs = SHA-256
 *   files = SHA-256              those of the recipe: keys, certificates
 */
#ifndef INITRAMFS_INPUTS_H
#define INITRAMFS_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sha256.h"

#define INPUTS_PATH     "/lifeboat/inputs"
#define INPUTS_SCHEMA   "lifeboat-inputs-2"
#define INPUTS_MAX_SIZE 4096
#define INPUTS_ALIGN \
	512 /* of the archive's size: the block of cpio(1), which can then go on behind it */

enum inputs_part {
	INPUTS_RECIPE,
	INPUTS_INIT,
	INPUTS_MODULES,
	INPUTS_FIRMWARE,
	INPUTS_PROGRAMS,
	INPUTS_FILES,
	INPUTS_N_PARTS,
};

struct inputs {
	char tool[64], kernel[256], pack[16];
	uint64_t packed, unpacked; /* bytes */
	uint8_t part[INPUTS_N_PARTS][SHA256_SIZE];
	uint8_t digest[SHA256_SIZE];
};

/* Compute `digest` of the rest. */
void inputs_seal(struct inputs *in);

/* The text; always fits. Returns its length. */
size_t inputs_format(const struct inputs *in, char ret[INPUTS_MAX_SIZE]);

/*
 * Read them of an image (its first INPUTS_MAX_SIZE * 2 bytes are enough). An image without them is ERR_NOT_FOUND; one with
 * a damaged or unknown text, or a digest that is not that of the rest, is ERR_CORRUPT.
 */
int inputs_read(struct bytes image, struct inputs *ret, struct err *err) _must_check_;

/*
 * The same of the file `path`: an error if it cannot be read, while *ret_why->code says what is wrong with its inputs (0:
 * nothing, and only then *ret is set).
 */
int inputs_read_file(const char *path, struct inputs *ret, struct err *ret_why,
		     struct err *err) _must_check_;

/* Where two differ, in words: "recipe, modules, kernel (6.1.0-1, now 6.1.0-2)"; "" if they do not. Returns buf. */
#define INPUTS_DIFFERENCE 1024
const char *inputs_difference(const struct inputs *was, const struct inputs *now,
			      char buf[INPUTS_DIFFERENCE]);

#endif
