/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kernel modules a device needs in the capture kernel: sysfs shows each device below the ones that it hangs on
 * (Documentation/filesystems/sysfs.rst, Documentation/driver-api/driver-model), so all drivers from the bus to the disk are
 * on one path. Everything is read below a root.
 */
#ifndef CONFIG_CHAIN_H
#define CONFIG_CHAIN_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "config/kmods.h"

struct chain {
	const struct root *root;
	const struct kmods *kmods; /* of the capture kernel */
	bool same_kernel;          /* the capture kernel is the one that runs now */
	char ***modules; /* what is found is appended here (recipe_add_string), each name once */
};

/* A block device, by its place in sysfs. */
struct chain_disk {
	char sysfs[PATH_MAX]; /* "/sys/devices/…/block/vda/vda1" */
	char name[64];        /* "vda1" */
	bool partition;
	bool removable; /* it, or the disk that it is a partition of; this and the next ones */
	bool usb;
	bool read_only;
};

/* Find a device of this number, or of a node below /dev (below a root: by the node's name). ERR_NOT_FOUND. */
int chain_disk_by_number(const struct root *root, unsigned int major, unsigned int minor,
			 struct chain_disk *ret, struct err *err) _must_check_;
int chain_disk_by_node(const struct root *root, const char *node, struct chain_disk *ret,
		       struct err *err) _must_check_;

/*
 * For a disk of which storage_probe() knows no layers: ERR_UNSUPPORTED if it is one of those that the capture cannot bring up
 * (loop, zram, bcache, rbd, a disk behind another network than TCP). The message names what can be done.
 */
int chain_check_layers(const struct root *root, const struct chain_disk *disk,
		       struct err *err) _must_check_;

/* The modules of a disk, of any other device by its folder in sysfs (which may be a link). From the bus on. */
int chain_add_disk(const struct chain *c, const struct chain_disk *disk,
		   struct err *err) _must_check_;
int chain_add_disk_at(const struct chain *c, const char *sysfs, struct err *err) _must_check_;
int chain_add_device(const struct chain *c, const char *sysfs, struct err *err) _must_check_;

/* Append a module by its name if the capture kernel has it as a file; what it does not have is left out. */
int chain_add_module(const struct chain *c, const char *name, struct err *err) _must_check_;

/*
 * The modules of a file system type. ERR_NOT_FOUND if the capture kernel is known to have none. For vfat also those of its
 * character sets, by the mount options and by the kernel's configuration.
 */
int chain_add_fs(const struct chain *c, const char *kernel, const char *type, const char *options,
		 struct err *err) _must_check_;

/*
 * The modules of the device that offers the share `tag`, "virtiofs" or "9p". ERR_NOT_FOUND naming the tags that there are;
 * *ret_sure is false where the kernel does not tell the tags.
 */
int chain_add_share(const struct chain *c, const char *fstype, const char *tag, bool *ret_sure,
		    struct err *err) _must_check_;

/* The modules of the hardware watchdogs. Those of which nothing is found out are no error; ret_unknown names one, or "". */
int chain_add_watchdogs(const struct chain *c, char ret_unknown[64], struct err *err) _must_check_;

#endif
