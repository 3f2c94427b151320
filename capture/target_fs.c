// SPDX-License-Identifier: GPL-2.0-or-later
/* A target that is mounted: a file system on a block device, or a share that a hypervisor offers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "capture/record.h"
#include "capture/spool.h"
#include "capture/target_mounted.h"

#define MAX_SAME_NAME 100
#define MAX_ODD_NAMES 10
#define RESERVE_FILE  ".reserve"

#define BUSY_TRIES    10
#define BUSY_PAUSE_MS 50

/*
 * Of a file system's size, what a dump leaves free: a machine whose root is full does not come up. No more than
 * that many bytes, which is enough for any.
 */
#define LEAVE_FRACTION 100
#define LEAVE_MAX      (256ULL << 20)

/* The layer's device must hold what was there when it was recorded. */
static int check_layered(const struct target *t, struct err *err)
{
	const char *node = t->place->device, *wanted = t->recipe->device;
	_cleanup_close_ int fd = root_open(t->root, node, O_RDONLY);
	struct fsid id;
	uint64_t size;

	if (fd < 0)
		return err_sys(err, errno, "%s%s: open", t->root->path, node);
	if (device_size(fd, node, &size, err) || fsid_read(fd, size, node, &id, err))
		return err->code;
	if (strncmp(wanted, "UUID=", 5) == 0 && strcasecmp(wanted + 5, id.uuid) != 0)
		return err_set(err, ERR_NOT_FOUND, "%s (%s) holds %s with the UUID '%s', not %s",
			       node, t->recipe->needs, *id.type ? id.type : "nothing known",
			       id.uuid, wanted);
	return 0;
}

static int fs_find(struct target *t, struct err *err)
{
	char found[DEVICE_PATH_MAX];
	int r;

	if (t->recipe->kind == TARGET_SHARE) {
		/* the kernel's own drivers know whether there is such a tag: mounting tells */
		if (snprintf(t->place->device, DEVICE_PATH_MAX, "%s", t->recipe->device) >=
		    DEVICE_PATH_MAX)
			return err_sys(err, ENAMETOOLONG, "tag %.80s…", t->recipe->device);
		return 0;
	}
	if (*t->recipe->needs)
		return target_find_layer(t, err) || check_layered(t, err) ? err->code : 0;
	r = device_wait(t->recipe->device, t->root, found, err);
	if (!r)
		strcpy(t->place->device, found);
	return r;
}

/* 9p speaks to virtio and in its newest dialect only if it is told so; whatever else is said wins. */
static const char *implied_options(const struct recipe_target *t)
{
	return strcmp(t->fstype, "9p") == 0 ? "trans=virtio,version=9p2000.L" : "";
}

int target_mount(struct target *t, const char *device, const char *what, const char *fstype,
		 const char *options, struct err *err)
{
	const unsigned long flags = MS_NOATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mkdir(t->mountpoint, 0700) && errno != EEXIST)
		return err_sys(err, errno, "%s: create", t->mountpoint);
	/* should it take too long, this is what it was */
	err_set(err, ERR_TIMEOUT, "mount %s (%s) as %s", device, what, fstype);
	if (t->sys->mount(device, t->mountpoint, fstype, flags, options))
		return err_sys(err, errno, "mount %s (%s) as %s%s%s", device, what, fstype,
			       *options ? " with options " : "", options);
	return 0;
}

static int fs_attach(struct target *t, struct err *err)
{
	const char *own = t->recipe->mount_options;
	const char *implied = implied_options(t->recipe);
	const char *top = t->recipe->kind == TARGET_SHARE ? "" : t->root->path;
	char device[PATH_MAX], options[PATH_MAX];

	if (snprintf(device, sizeof(device), "%s%s", top, t->place->device) >= (int)sizeof(device))
		return err_sys(err, ENAMETOOLONG, "%.200s…%s", top, t->place->device);

	if (snprintf(options, sizeof(options), "%s%s%s", implied, *implied && *own ? "," : "",
		     own) >= (int)sizeof(options))
		return err_set(err, ERR_USAGE, "mount options of %zu bytes", strlen(own));
	return target_mount(t, device, t->recipe->device, t->recipe->fstype, options, err);
}

/* ---- the crash's folder */

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
	struct statx dir, top;
	bool same;

	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &dir))
		return err_sys(err, errno, "%s", path);
	if (statx(AT_FDCWD, mountpoint, 0, STATX_BASIC_STATS | STATX_MNT_ID, &top))
		return err_sys(err, errno, "%s", mountpoint);
	/* a subvolume of btrfs has a device number of its own; kernels before 5.8 have no better one */
	if (dir.stx_mask & top.stx_mask & STATX_MNT_ID)
		same = dir.stx_mnt_id == top.stx_mnt_id;
	else
		same = dir.stx_dev_major == top.stx_dev_major &&
		       dir.stx_dev_minor == top.stx_dev_minor;
	if (!same)
		return err_set(err, ERR_USAGE,
			       "%s is not on the target: a symbolic link leads elsewhere", path);
	return 0;
}

/* Where everybody may write (mode 1777), somebody may have taken the names of the seconds to come: nobody knows these. */
static unsigned int odd_number(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned int)(now.tv_nsec % 900000000 + 2);
}

int target_mounted_begin(struct target *t, uint64_t crash_time, struct err *err)
{
	struct target_place *place = t->place;
	char base[PATH_MAX], stamp[32];
	int r;

	if (snprintf(base, sizeof(base), "%s%s", t->mountpoint, t->recipe->path) >=
	    (int)sizeof(base))
		return err_sys(err, ENAMETOOLONG, "%s%.200s…", t->mountpoint, t->recipe->path);
	if ((r = make_parents(base, strlen(t->mountpoint), err)) ||
	    (r = check_inside(base, t->mountpoint, err)))
		return r;
	target_folder_name(crash_time ? crash_time : (uint64_t)time(NULL), stamp);
	for (int i = 1; i <= MAX_SAME_NAME + MAX_ODD_NAMES; i++) {
		char path[PATH_MAX], name[48], suffix[16] = "";

		if (i > 1)
			snprintf(suffix, sizeof(suffix), "-%u",
				 i <= MAX_SAME_NAME ? (unsigned int)i : odd_number());
		snprintf(name, sizeof(name), "%s%s", stamp, suffix);
		if (snprintf(path, sizeof(path), "%s/%s", base, name) >= (int)sizeof(path))
			return err_sys(err, ENAMETOOLONG, "%.200s…/%s", base, name);
		if (mkdir(path, 0700) == 0) {
			strcpy(place->folder, path);
			strcpy(place->name, name);
			return io_sync_parent(path, err);
		}
		if (errno != EEXIST)
			return err_sys(err, errno, "%s: create", path);
	}
	return err_set(err, ERR_NO_SPACE,
		       "%s/%s: more than %d crashes of this second are there already", base, stamp,
		       MAX_SAME_NAME);
}

/* ---- its files */

static int path_of(const struct target *t, const char *name, char ret[PATH_MAX], struct err *err)
{
	if (snprintf(ret, PATH_MAX, "%s/%s", t->place->folder, name) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.200s…/%s", t->place->folder, name);
	return 0;
}

int target_mounted_create(struct target *t, enum crash_file file, const char *name,
			  struct out **ret, struct err *err)
{
	char path[PATH_MAX];
	int r = path_of(t, name, path, err);

	(void)file;
	/* that it was inside may be long ago: what is sent after the boot goes on in a folder of an earlier attempt */
	if (!r && t->healthy)
		r = check_inside(t->place->folder, t->mountpoint, err);
	return r ? r : out_file_create(path, true, ret, err);
}

int target_mounted_open(struct target *t, enum crash_file file, int *ret_fd, uint64_t *ret_offset,
			uint64_t *ret_len, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	const char *known = t->place->files[file];
	int r = path_of(t, *known ? known : target_file_name(t, file), path, err);
	_cleanup_close_ int fd = r ? -1 : open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (r)
		return r;
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s", path);
	*ret_offset = 0;
	*ret_len = (uint64_t)st.st_size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int target_mounted_space(struct target *t, uint64_t *ret, struct err *err)
{
	struct statvfs st;
	uint64_t unit, leave, there;

	if (statvfs(t->place->folder, &st))
		return err_sys(err, errno, "%s: free space", t->place->folder);
	unit = st.f_frsize;
	/* a file system that does not know (some shares) has no limit but the one that it finds */
	if (!st.f_blocks || __builtin_mul_overflow((uint64_t)st.f_bavail, unit, &there)) {
		*ret = UINT64_MAX;
		return 0;
	}
	leave = NUM_MIN((uint64_t)st.f_blocks / LEAVE_FRACTION * unit, LEAVE_MAX);
	*ret = there > leave ? there - leave : 0;
	return 0;
}

/* The files are whole under their names, or not there: there is nothing to mark. */
int target_mounted_seal(struct target *t, bool whole, struct err *err)
{
	(void)t;
	(void)whole;
	(void)err;
	return 0;
}

/* All that is ours is synced, but a program that runs before or after may have written there, too. */
static void sync_all(const char *mountpoint)
{
	_cleanup_close_ int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd))
		return;
}

/* What was killed a moment ago may take another one to let go. */
static int unmount(const struct target *t)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000};
	int r = t->sys->umount(t->mountpoint, 0);

	for (int i = 0; r && errno == EBUSY && i < BUSY_TRIES; i++) {
		nanosleep(&pause, NULL);
		r = t->sys->umount(t->mountpoint, 0);
	}
	return r;
}

int target_unmount(struct target *t, struct err *err)
{
	if (unmount(t) == 0)
		return 0;
	if (errno != EBUSY)
		return err_sys(err, errno, "unmount %s", t->mountpoint);
	/* a step that was given up still holds it, or a program's child */
	sync_all(t->mountpoint);
	if (t->sys->umount(t->mountpoint, MNT_DETACH))
		return err_sys(err, errno, "unmount %s", t->mountpoint);
	return err_set(err, ERR_SYSTEM, "unmount %s: still in use, left behind", t->mountpoint);
}

/* As much as there is room for; of a spool no more than its limit leaves. */
static int fs_space(struct target *t, uint64_t *ret, struct err *err)
{
	uint64_t limit = t->recipe->limit, there, used;
	char base[PATH_MAX];

	if (target_mounted_space(t, &there, err))
		return err->code;
	if (limit) {
		if (snprintf(base, sizeof(base), "%s%s", t->mountpoint, t->recipe->path) >=
		    (int)sizeof(base))
			return err_sys(err, ENAMETOOLONG, "%s%.200s…", t->mountpoint,
				       t->recipe->path);
		if (spool_used(base, t->place->folder, &used, err))
			return err->code;
		there = NUM_MIN(there, limit > used ? limit - used : 0);
	}
	*ret = there;
	return 0;
}

static int fs_detach(struct target *t, struct err *err)
{
	int r = target_unmount(t, err);

	return r ? r : target_release_layer(t, err);
}

int target_mounted_keep_rest(struct target *t, enum crash_file file, struct err *err)
{
	char name[64], path[PATH_MAX];
	int r;

	snprintf(name, sizeof(name), "%s.incomplete", target_file_name(t, file));
	r = path_of(t, name, path, err);
	if (r)
		return r;

	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (fsync(fd))
		return err_sys(err, errno, "%s: fsync", path);
	return io_sync_parent(path, err);
}

const struct target_ops target_fs_ops = {
	.network = target_network_of_layer,
	.find = fs_find,
	.attach = fs_attach,
	.begin = target_mounted_begin,
	.create = target_mounted_create,
	.digest = target_digest_open,
	.open = target_mounted_open,
	.space = fs_space,
	.keep_rest = target_mounted_keep_rest,
	.seal = target_mounted_seal,
	.detach = fs_detach,
};

/* ---- room for the last record */

void target_reserve(struct target *t)
{
	char path[PATH_MAX];
	struct err ignored;

	if (!*t->place->folder || path_of(t, RESERVE_FILE, path, &ignored))
		return;
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, RECORD_MAX_SIZE) || fsync(fd))
		return;
}

void target_release_reserve(struct target *t)
{
	char path[PATH_MAX];
	struct err ignored;

	if (*t->place->folder && !path_of(t, RESERVE_FILE, path, &ignored))
		unlink(path);
}
