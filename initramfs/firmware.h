/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware that the modules of an image name (`firmware=` in .modinfo, MODULE_FIRMWARE of the kernel), found where the
 * kernel searches it: in updates/KERNEL, updates, KERNEL and the folder itself, below /lib/firmware (then
 * /usr/lib/firmware), plain before .zst before .xz (drivers/base/firmware_loader/main.c of 6.1, fw_path and
 * _request_firmware). It goes into the image unpacked: not every kernel knows packed firmware.
 */
#ifndef INITRAMFS_FIRMWARE_H
#define INITRAMFS_FIRMWARE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"

#define FIRMWARE_MAX_SIZE ((size_t)64 << 20) /* of all files together, unpacked */

struct firmware_file {
	char *name; /* as the modules call it: "vendor/card.bin" */
	uint8_t *data;
	size_t len;
};

struct firmware_list {
	struct firmware_file *v;
	size_t n;
	char **missing; /* "vendor/card.bin of module …", each name once */
	size_t n_missing;
	size_t size;
};

/*
 * Add what the module file `path` names; `content` is the module, unpacked. A driver names what all of its devices may
 * want, so a file that is not there is no error but an entry of `missing`; so is a name that cannot be a file of the
 * folder. Damaged modules or firmware: ERR_CORRUPT. Beyond FIRMWARE_MAX_SIZE: ERR_UNSUPPORTED.
 */
int firmware_add(struct firmware_list *list, const struct root *root, const char *kernel,
		 const char *path, struct bytes content, struct err *err) _must_check_;
void firmware_deinit(struct firmware_list *list);

#endif
