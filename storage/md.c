// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/md.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/io.h"

#define NEW_ARRAY "/sys/module/md_mod/parameters/new_array"

static int write_text(const struct root *root, const char *path, const char *text, struct err *err)
{
	_cleanup_close_ int fd = root_open(root, path, O_WRONLY);

	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	return io_write_full(fd, text, strlen(text), path, err);
}

bool md_runs(const struct root *root, const char *name)
{
	_cleanup_free_ char *state = NULL;
	char path[PATH_MAX];
	struct err ignored;
	size_t len;

	snprintf(path, sizeof(path), "/sys/class/block/%s/md/array_state", name);
	if (root_read(root, path, 64, &state, &len, &ignored))
		return false;
	state[strcspn(state, "\n")] = '\0';
	return strcmp(state, "clear") != 0 && strcmp(state, "inactive") != 0;
}

/* A descriptor of the array, which may have to be made first; -1. */
static int open_array(const struct root *root, const char *name, struct err *err)
{
	char node[64];
	int fd;

	if (!root_exists(root, "/sys/module/md_mod")) {
		err_set(err, ERR_NOT_FOUND,
			"this kernel has no MD, or its module md_mod is not loaded");
		return -1;
	}
	snprintf(node, sizeof(node), "/dev/%.48s", name);
	fd = root_open(root, node, O_RDWR);
	if (fd >= 0)
		return fd;
	/* "md127" since Linux 4.13, "md_name" since 2.6.28: drivers/md/md.c, add_named_array() */
	if (write_text(root, NEW_ARRAY, name, err) && err->sys != EEXIST) {
		err_wrap(err, "array %s", name);
		return -1;
	}
	fd = root_open(root, node, O_RDWR);
	if (fd < 0)
		err_sys(err, errno, "%s", node);
	return fd;
}

/* How many of them it takes; what it does not take is told by *err. */
static size_t add_members(const struct root *root, const struct sys *sys, int fd,
			  const char *const *nodes, size_t n, struct err *err)
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++) {
		mdu_disk_info_t disk = {0};
		unsigned int major, minor;

		if (device_number(nodes[i], root, &major, &minor, err))
			continue;
		disk.major = (int)major;
		disk.minor = (int)minor;
		if (sys->ioctl(fd, ADD_NEW_DISK, &disk))
			err_sys(err, errno, "%s: the array does not take it", nodes[i]);
		else
			taken++;
	}
	return taken;
}

/* A crash leaves arrays dirty. To rebuild them now would take the disks from the dump, and would not be ended. */
static void freeze(const struct root *root, const char *name)
{
	char path[PATH_MAX];
	struct err ignored;

	snprintf(path, sizeof(path), "/sys/class/block/%s/md/sync_action", name);
	(void)!write_text(root, path, "frozen", &ignored);
}

int md_start(const struct root *root, const struct sys *sys, const char *name,
	     const struct mdraid *first, const char *const *nodes, size_t n, struct err *err)
{
	/* without a number of disks only the superblock's version is set; the rest is read from the members */
	mdu_array_info_t info = {.major_version = first->major, .minor_version = first->minor};
	_cleanup_close_ int fd = open_array(root, name, err);
	size_t taken;
	int r;

	if (fd < 0)
		return err->code;
	if (sys->ioctl(fd, SET_ARRAY_INFO, &info))
		return err_sys(err, errno, "array %s: version %d.%d", name, first->major,
			       first->minor);
	taken = add_members(root, sys, fd, nodes, n, err);
	if (!taken)
		r = err_wrap(err, "array %s", name);
	else if (sys->ioctl(fd, RUN_ARRAY, NULL))
		r = err_sys(err, errno,
			    "array %s: it does not start with %zu of its members (its log on the "
			    "console "
			    "says why)",
			    name, taken);
	else
		r = 0;
	if (r)
		(void)sys->ioctl(fd, STOP_ARRAY, NULL);
	else
		freeze(root, name);
	return r;
}

int md_stop(const struct root *root, const struct sys *sys, const char *name, bool *ret_busy,
	    struct err *err)
{
	char node[64];

	snprintf(node, sizeof(node), "/dev/%.48s", name);

	_cleanup_close_ int fd = root_open(root, node, O_RDWR);

	if (fd < 0)
		return err_sys(err, errno, "%s", node);
	*ret_busy = false;
	if (!sys->ioctl(fd, STOP_ARRAY, NULL))
		return 0;
	if (errno != EBUSY)
		return err_sys(err, errno, "array %s: stop", name);
	*ret_busy = true;
	return 0;
}
