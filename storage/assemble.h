/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After the crash: make the recorded layers, by the kernel's own interfaces (uapi linux/dm-ioctl.h, linux/raid/md_u.h). */
#ifndef STORAGE_ASSEMBLE_H
#define STORAGE_ASSEMBLE_H

#include "base/root.h"
#include "base/sys.h"
#include "storage/device.h"
#include "storage/layer.h"

/*
 * Make `layer` and all that it stands on, waiting for the disks; *ret is the path of its node below the root. What is there
 * already stays, and nothing below it is looked at.
 * Layers behind a network need it to be up. A volume that was changed since, or whose disks tell of another one:
 * ERR_CORRUPT, nothing of it is made. Of an array or a multipath device not all members are needed; they get a moment to come. Has no
 * time limit of its own: runs inside a step, and *err says all the time what is missing.
 *
 * Where the target is a partition of the layer (of an MD array), its node is to be looked for by its name afterwards.
 */
int storage_assemble(const struct layers *layers, const char *layer, const struct root *root,
		     const struct sys *sys, char ret[DEVICE_PATH_MAX],
		     struct err *err) _must_check_;

/* On a healthy machine: the node of a layer that is there. Makes nothing; ERR_NOT_FOUND. */
int storage_find(const struct layers *layers, const char *layer, const struct root *root,
		 char ret[DEVICE_PATH_MAX], struct err *err) _must_check_;

/*
 * Take a target's layers away again, as far as nobody else uses them: after the unmounting, that all is on the disks. In a capture
 * kernel only: whose they are is not asked.
 */
int storage_release(const struct layers *layers, const char *layer, const struct root *root,
		    const struct sys *sys, struct err *err) _must_check_;

/*
 * While the machine is healthy, before the capture kernel is loaded: name the keys of `key = kernel` to this kernel, which
 * hands them over with kexec_file_load (Documentation/admin-guide/kdump/kdump.rst, "Write the dump file to encrypted disk volume",
 * since Linux 6.16). Nothing to do without such a layer. ERR_NOT_FOUND: a key that would keep the kernel from loading anything.
 */
int storage_hand_over(const struct layers *layers, const struct root *root,
		      struct err *err) _must_check_;

#endif
