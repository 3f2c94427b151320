/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of QEMU's devices takes the place of a real disk in a virtual machine, so that the same driver of the image is put to
 * the test. A table of the drivers that QEMU has a device for.
 */
#ifndef PROOF_BUS_H
#define PROOF_BUS_H

#include <stdbool.h>

#include "base/root.h"
#include "proof/armed.h"

struct bus_model {
	const char *driver; /* as sysfs names it: "virtio_blk" */
	const char
		*modules[3]; /* that the image must have, unless they are built in; NULL: no more */
	const char *controllers
		[2];      /* -device; '#' stands for a number of its own; NULL: none, or no more */
	const char *disk; /* -device without its drive=; likewise */
};

/*
 * By the drivers of all that is between the disk `node` ("/dev/vda1") and the CPU. NULL if QEMU has none like it; `ret_real`, of
 * 128 bytes, then names what there is.
 */
const struct bus_model *bus_of_disk(const struct root *root, const char *node, char ret_real[128]);

/* The first that the image of kernel `version` can do, by what it loads and by what is built into the kernel; NULL: none. */
const struct bus_model *bus_of_image(const struct root *root, const char *version,
				     const struct armed_image *image);

#endif
