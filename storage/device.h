/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Find the block device that a name stands for; the same code before the crash and after it. */
#ifndef STORAGE_DEVICE_H
#define STORAGE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/root.h"
#include "storage/fsid.h"

#define DEVICE_PATH_MAX 256

/*
 * Look once at the block devices in /sys/class/block whose nodes are in /dev, both below the root. `name` is
 *   UUID=…, LABEL=…           of the file system (storage/fsid.h)
 *   PARTUUID=…, PARTLABEL=…   of the partition, by the partition table of its disk: GPT (UEFI 2.10, 5.3) or DOS (the
 *                             disk's signature and the number: "1234abcd-02")
 *   LVMPV=…                   of a physical volume of LVM, as LVM shows it
 *   LUKS=…                    of the header of an encrypted device
 *   MD=…                      of a member of an MD array (mdraid_name(), storage/mdraid.h)
 *   WWID=…                    of the disk, as device_wwid() has it
 *   /dev/…                    a path, which may be a link
 * Returns the path of its node below the root. A member of an MD array is never taken for the file system that it
 * holds. Two devices with the name: ERR_USAGE naming both; none: ERR_NOT_FOUND saying what there is.
 * Each device that has to be read is read by a child that is given up after seconds: a dying disk must not hide others.
 */
int device_find(const char *name, const struct root *root, char ret[DEVICE_PATH_MAX],
		struct err *err) _must_check_;

/*
 * The same until it is there. Has no time limit of its own: it runs inside a step, and *err says all the time
 * what is missing.
 */
int device_wait(const char *name, const struct root *root, char ret[DEVICE_PATH_MAX],
		struct err *err) _must_check_;

/*
 * The same for several names at a time, of which some may be there and some have more than one device (paths of a disk). One
 * search, looked at again and again: it remembers what does not answer.
 */
struct device_watch;

struct device_match {
	size_t name; /* its number among the names */
	char node[DEVICE_PATH_MAX];
};

int device_watch_create(const char *const *names, size_t n, const struct root *root,
			struct device_watch **ret, struct err *err) _must_check_;
void device_watch_destroy(struct device_watch *w); /* NULL is fine */

/* Those that are known by now, at most `max`. *ret_busy: there may be more very soon. */
int device_watch_look(struct device_watch *w, struct device_match *ret, size_t max, size_t *ret_n,
		      bool *ret_busy, struct err *err) _must_check_;

#define DEVICE_WWID_SIZE 200

/*
 * What a disk calls itself, by its name in sysfs: "wwid" of it (NVMe) or its device (SCSI: drivers/scsi/scsi_sysfs.c, since Linux 3.15), or
 * a virtio disk's serial number. ERR_NOT_FOUND if it does not.
 */
int device_wwid(const char *name, const struct root *root, char ret[DEVICE_WWID_SIZE],
		struct err *err) _must_check_;

/* The number of a block device ("/dev/sda1"), as sysfs has it. */
int device_number(const char *node, const struct root *root, unsigned int *ret_major,
		  unsigned int *ret_minor, struct err *err) _must_check_;

/* The PARTUUID of a partition's node ("/dev/vda1"), as in PARTUUID=…; ERR_NOT_FOUND if it is no partition. */
int device_partuuid(const char *node, const struct root *root, char ret[FSID_UUID_SIZE],
		    struct err *err) _must_check_;

/* Bytes of the opened block device, or of a plain file that stands for one. */
int device_size(int fd, const char *name, uint64_t *ret, struct err *err) _must_check_;

#endif
