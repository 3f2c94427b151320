/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is armed: the copies of kernel and initramfs that the record of the load names (loader/state.h), and what is in them. */
#ifndef PROOF_ARMED_H
#define PROOF_ARMED_H

#include "initramfs/inputs.h"
#include "service/service.h"

/* Of an image that `lifeboat initramfs` built. */
struct armed_image {
	struct recipe *recipe;
	char **modules; /* RECIPE_MODULES_PATH: paths of files, in the order of loading; NULL-terminated */
};

/*
 * Take recipe and modules out of an initramfs: a row of cpio archives (newc), the last of which may be packed by gzip, zstd or
 * xz. Without a recipe it is ERR_NOT_FOUND: nobody knows what such an image would do. Input is taken for hostile.
 */
int armed_image_read(struct bytes data, const char *name, struct armed_image *ret,
		     struct err *err) _must_check_;
void armed_image_deinit(struct armed_image *image);

/* Does the image load a module of this name? '-' and '_' are the same in it. */
bool armed_image_has(const struct armed_image *image, const char *module);

struct armed {
	struct state state;
	char kernel[256], initrd[256]; /* paths of the copies */
	char *data;                    /* the initramfs */
	size_t len;
	struct armed_image image;
	struct inputs inputs; /* what it was made of */
	uint64_t reserved;    /* bytes */
};

/*
 * Read it, and check that the copies are what was loaded. Nothing loaded, or not by us: ERR_NOT_LOADED. A copy that is not
 * there any more, or another one: ERR_NOT_FOUND, ERR_CORRUPT; then `lifeboat restart` is the remedy, which the message says.
 */
int armed_read(const struct service *s, struct armed *ret, struct err *err) _must_check_;
void armed_deinit(struct armed *a);

/* In what it differs from what would be built now for the same kernel; "" if it does not. */
int armed_compare(const struct service *s, const struct armed *a, const struct config *config,
		  char ret[INPUTS_DIFFERENCE], struct err *err) _must_check_;

#endif
