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

/* One look at all block devices. *err says where it is, and at its end what was seen. */
static bool find_by_uuid(const char *uuid, const char *sys_block, const char *dev,
			 char ret[DEVICE_PATH_MAX], struct err *err)
{
	DIR *dir = opendir(sys_block);
	char seen[512] = "";
	struct dirent *e;
	bool found = false;

	if (!dir) {
		err_sys(err, errno, "%s: open", sys_block);
		return false;
	}
	while (!found && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    snprintf(ret, DEVICE_PATH_MAX, "%s/%s", dev, e->d_name) >= DEVICE_PATH_MAX)
			continue;
		/* sysfs writes '/' in device names as '!' (cciss!c0d0) */
		for (char *p = ret + strlen(dev) + 1; *p; p++)
			if (*p == '!')
				*p = '/';
		err_set(err, ERR_NOT_FOUND, "looking for UUID=%s on %s", uuid, ret);
		found = has_uuid(ret, uuid);
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), " %s", e->d_name);
	}
	closedir(dir);
	err_set(err, ERR_NOT_FOUND, "no file system with UUID=%s; block devices:%s", uuid,
		*seen ? seen : " none");
	return found;
}

int device_wait(const char *name, const char *sys_block, const char *dev, char ret[DEVICE_PATH_MAX],
		struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	bool by_uuid = strncmp(name, UUID_PREFIX, strlen(UUID_PREFIX)) == 0;

	if (!by_uuid && snprintf(ret, DEVICE_PATH_MAX, "%s", name) >= DEVICE_PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "device %s", name);
	if (!by_uuid)
		err_set(err, ERR_NOT_FOUND, "there is no %s", name);
	while (by_uuid ? !find_by_uuid(name + strlen(UUID_PREFIX), sys_block, dev, ret, err)
		       : access(ret, F_OK) != 0)
		nanosleep(&pause, NULL);
	return 0;
}
