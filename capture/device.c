// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/io.h"

#define POLL_NS       20000000
#define EXT_SUPER     1024
#define EXT_MAGIC_OFF (EXT_SUPER + 0x38)
#define EXT_MAGIC     0xef53
#define EXT_UUID_OFF  (EXT_SUPER + 0x68)
#define UUID_SIZE     16
#define UUID_PREFIX   "UUID="

bool device_fs_uuid(struct bytes start, char ret[37])
{
	struct bytes uuid;
	uint16_t magic;
	char *p = ret;

	if (!bytes_le16(start, EXT_MAGIC_OFF, &magic) || magic != EXT_MAGIC ||
	    !bytes_sub(start, EXT_UUID_OFF, UUID_SIZE, &uuid))
		return false;
	for (size_t i = 0; i < UUID_SIZE; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     uuid.data[i]);
	return true;
}

static bool has_uuid(const char *path, const char *uuid)
{
	uint8_t start[DEVICE_PROBE_SIZE];
	char found[37];
	struct err ignored;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !io_pread_full(fd, start, sizeof(start), 0, path, &ignored) &&
	       device_fs_uuid((struct bytes){start, sizeof(start)}, found) &&
	       strcasecmp(found, uuid) == 0;
}

/* One look at all block devices. */
static bool find_by_uuid(const char *uuid, const char *sys_block, const char *dev,
			 char ret[DEVICE_PATH_MAX])
{
	DIR *dir = opendir(sys_block);
	struct dirent *e;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    snprintf(ret, DEVICE_PATH_MAX, "%s/%s", dev, e->d_name) >= DEVICE_PATH_MAX)
			continue;
		/* sysfs writes '/' in device names as '!' (cciss!c0d0) */
		for (char *p = ret + strlen(dev) + 1; *p; p++)
			if (*p == '!')
				*p = '/';
		found = has_uuid(ret, uuid);
	}
	closedir(dir);
	return found;
}

int device_wait(const char *name, const char *sys_block, const char *dev, char ret[DEVICE_PATH_MAX],
		struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	bool by_uuid = strncmp(name, UUID_PREFIX, strlen(UUID_PREFIX)) == 0;

	if (!by_uuid && snprintf(ret, DEVICE_PATH_MAX, "%s", name) >= DEVICE_PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "device %s", name);
	for (;;) {
		if (by_uuid ? find_by_uuid(name + strlen(UUID_PREFIX), sys_block, dev, ret)
			    : access(ret, F_OK) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
}
