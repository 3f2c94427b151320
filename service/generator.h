/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders the service behind what the configuration's targets need, in drop-ins that a systemd generator writes
 * (systemd.generator(7)): the devices by the units that systemd has for them, and the mounts whose options and folders go
 * into the recipe. Early in the boot there are no devices yet, so nothing is looked up; only the configuration and
 * /etc/fstab are read.
 */
#ifndef SERVICE_GENERATOR_H
#define SERVICE_GENERATOR_H

#include <limits.h>

#include "config/config.h"

#define GENERATOR_NAME_SIZE 256 /* UNIT_NAME_MAX of systemd, with its NUL */
#define GENERATOR_MAX_FSTAB (1 << 20)

struct generator {
	char *targets; /* text of the drop-in for our units; "" if nothing has to be waited for */
	/*
	 * Devices that nobody else waits for (they are not in fstab), NULL-terminated: if one is not there it is waited
	 * for only so long, and the service says what is missing.
	 */
	char **bounded;
	char *bound; /* text of the drop-in of each of these */
};

int generator_create(const struct config *config, struct bytes fstab, struct generator *ret,
		     struct err *err) _must_check_;
void generator_deinit(struct generator *g);

/* Write the drop-ins below `folder`, the generator's first argument. */
int generator_write(const struct generator *g, const char *folder, struct err *err) _must_check_;

/*
 * The node that udev makes for a device's name: "UUID=…" is /dev/disk/by-uuid/…, with the bytes escaped that udev escapes
 * (rules/60-persistent-storage.rules and devnode-acl of systemd: all but letters, digits, "#+-.:=@_" and UTF-8); a path is
 * itself. False: it has none, or it is too long.
 */
bool generator_node(const char *device, char ret[PATH_MAX]);

/* The unit of a path, as systemd-escape(1) --path; false: its name would be too long. */
bool generator_unit(const char *path, const char *suffix, char ret[GENERATOR_NAME_SIZE]);

#endif
