// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"

#define MAX_SAME_NAME 100
#define RESERVE_BYTES 65536
#define RESERVE_FILE  ".reserve"

int target_mount(const struct recipe *recipe, const struct record *rec, const struct sys *sys,
		 const char *mountpoint, struct err *err)
{
	const unsigned long flags = MS_NOATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mkdir(mountpoint, 0700) && errno != EEXIST)
		return err_sys(err, errno, "%s: create", mountpoint);
	/* should it take too long, this is what it was */
	err_set(err, ERR_TIMEOUT, "mount %s (%s) as %s", rec->device, recipe->device,
		recipe->fstype);
	if (sys->mount(rec->device, mountpoint, recipe->fstype, flags, recipe->mount_options))
		return err_sys(err, errno, "mount %s (%s) as %s%s%s", rec->device, recipe->device,
			       recipe->fstype, *recipe->mount_options ? " with options " : "",
			       recipe->mount_options);
	return 0;
}

/* mkdir of one component; its parent is synced if it was new. */
static int make_dir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) == 0)
		return io_sync_parent(path, err);
	if (errno != EEXIST)
		return err_sys(err, errno, "%s: create", path);
	return 0;
}

static int make_parents(char *path, size_t from, struct err *err)
{
	int r = 0;

	for (char *p = path + from; *p && !r; p++) {
		if (*p != '/' || p == path + from)
			continue;
		*p = '\0';
		r = make_dir(path, 0755, err);
		*p = '/';
	}
	return r ? r : make_dir(path, 0755, err);
}

/*
 * A symbolic link on the target that means another file system of the crashed machine leads into our
 * initramfs here: what is written there is lost.
 */
static int check_inside(const char *path, const char *mountpoint, struct err *err)
{
	struct stat dir, top;

	if (stat(path, &dir))
		return err_sys(err, errno, "%s", path);
	if (stat(mountpoint, &top))
		return err_sys(err, errno, "%s", mountpoint);
	if (dir.st_dev != top.st_dev)
		return err_set(err, ERR_USAGE,
			       "%s is not on the target: a symbolic link leads elsewhere", path);
	return 0;
}

int target_make_folder(const struct recipe *recipe, struct record *rec, const char *mountpoint,
		       struct err *err)
{
	char base[PATH_MAX], stamp[32];
	int r;

	if (snprintf(base, sizeof(base), "%s%s", mountpoint, recipe->path) >= (int)sizeof(base))
		return err_sys(err, ENAMETOOLONG, "%s%s", mountpoint, recipe->path);
	if ((r = make_parents(base, strlen(mountpoint), err)) ||
	    (r = check_inside(base, mountpoint, err)))
		return r;
	record_folder_name(rec->crash_time ? rec->crash_time : (uint64_t)time(NULL), stamp);
	for (int i = 1; i <= MAX_SAME_NAME; i++) {
		char path[PATH_MAX], suffix[16] = "";

		if (i > 1)
			snprintf(suffix, sizeof(suffix), "-%d", i);
		if (snprintf(path, sizeof(path), "%s/%s%s", base, stamp, suffix) >=
		    (int)sizeof(path))
			return err_sys(err, ENAMETOOLONG, "%s/%s", base, stamp);
		if (mkdir(path, 0700) == 0) {
			strcpy(rec->folder, path);
			return io_sync_parent(path, err);
		}
		if (errno != EEXIST)
			return err_sys(err, errno, "%s: create", path);
	}
	return err_set(err, ERR_NO_SPACE, "%s/%s: %d crashes of this second are there already",
		       base, stamp, MAX_SAME_NAME);
}

static int path_in_folder(const struct record *rec, const char *name, char ret[PATH_MAX],
			  struct err *err)
{
	if (snprintf(ret, PATH_MAX, "%s/%s", rec->folder, name) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s/%s", rec->folder, name);
	return 0;
}

int target_write_record(const struct recipe *recipe, const struct record *rec, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	if ((r = path_in_folder(rec, RECORD_FILE, path, err)) ||
	    (r = record_format(rec, recipe, &text, &len, err)))
		return r;
	return io_write_file(path, text, len, err);
}

void target_reserve(const struct record *rec)
{
	char path[PATH_MAX];
	struct err ignored;

	if (path_in_folder(rec, RESERVE_FILE, path, &ignored))
		return;
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, RESERVE_BYTES) || fsync(fd))
		return;
}

void target_release_reserve(const struct record *rec)
{
	char path[PATH_MAX];
	struct err ignored;

	if (!path_in_folder(rec, RESERVE_FILE, path, &ignored))
		unlink(path);
}

int target_unmount(const struct sys *sys, const char *mountpoint, struct err *err)
{
	if (sys->umount(mountpoint, 0))
		return err_sys(err, errno, "unmount %s", mountpoint);
	return 0;
}
