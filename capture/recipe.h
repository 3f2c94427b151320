/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recipe: what to capture and where to, decided while the system is healthy and packed into the
 * initramfs as /lifeboat/recipe. After the crash nothing else is consulted.
 *
 * Text, one "key = value" per line, '#' starts a comment line:
 *
 *   schema = lifeboat-recipe-1       must be the first key
 *   target = fs                      the only kind so far, and the default
 *   device = UUID=0f2a…              required; UUID=… or a /dev path
 *   fstype = ext4                    required
 *   mount-options = data=ordered     optional; file system options for mount(2)
 *   path = /var/crash                folder on the target, default /var/crash; "/" is its root
 *   level = 31                       dump level 0…31, default 31
 *   compress = lzo                   raw, zlib, lzo, snappy or zstd, default lzo
 *   final-action = reboot            reboot, poweroff or halt, default reboot
 *   module = virtio_blk              repeated; a kernel module by name or alias
 *   deadline-device = 30             seconds, 1…86400, each with a default
 *   deadline-mount = 60
 *   deadline-log = 60
 *   deadline-dump = 3600
 *   deadline-total = 4000            whole capture; then the final action comes whatever happened
 *
 * An unknown or repeated key (except module), a missing required key, a bad value and a control
 * character are ERR_USAGE naming line and value. Values cannot contain newlines; a value is taken
 * to the end of its line with blanks around it removed. Only mount-options may be empty. Whatever
 * the text says, the strings of a recipe are shorter than 1025 bytes, mount-options excepted.
 */
#ifndef CAPTURE_RECIPE_H
#define CAPTURE_RECIPE_H

#include "base/err.h"
#include "base/bytes.h"
#include "format/codec.h"

#define RECIPE_SCHEMA     "lifeboat-recipe-1"
#define RECIPE_IMAGE_PATH "/lifeboat/recipe" /* of the recipe in the initramfs */
#define RECIPE_MODULES_PATH \
	"/lifeboat/modules" /* module files, one absolute path a line, in load order */
#define RECIPE_MAX_SIZE 65536

enum final_action {
	FINAL_REBOOT,
	FINAL_POWEROFF,
	FINAL_HALT,
};

struct recipe {
	char *device; /* "UUID=" and hexadecimal digits with dashes, or "/dev/…" */
	char *fstype;
	char *mount_options; /* "" if none */
	char *path; /* absolute, no trailing slash, no "." or ".." component; "" for the root */
	unsigned int level;
	enum codec codec;
	enum final_action final;
	char **modules;               /* NULL-terminated */
	unsigned int deadline_device; /* all in seconds */
	unsigned int deadline_mount;
	unsigned int deadline_log;
	unsigned int deadline_dump;
	unsigned int deadline_total;
};

/* Parse a recipe's text of at most RECIPE_MAX_SIZE bytes; `name` is for messages. */
int recipe_create(struct bytes text, const char *name, struct recipe **ret,
		  struct err *err) _must_check_;
void recipe_destroy(struct recipe *r); /* NULL is fine */

#endif
