/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab guest's further disks: see guest.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/guest.h"

#define PRECIOUS "/precious"
#define COPIES   "/lab-after"
#define MAX_DEEP 16

struct disk {
	const char *name;
	const char *fstype;
	bool stays;
	char device[64];
	char mountpoint[64];
};

static bool has_serial(const char *letters, const char *name)
{
	char path[300];
	char serial[64] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/serial", letters);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, serial, sizeof(serial) - 1);
	close(fd);
	return n > 0 && strcmp(serial, name) == 0;
}

static void find_device(struct disk *disk)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	if (!dir)
		die("open /sys/block: %m");
	while ((entry = readdir(dir))) {
		if (!has_serial(entry->d_name, disk->name))
			continue;
		snprintf(disk->device, sizeof(disk->device), "/dev/%.32s", entry->d_name);
		closedir(dir);
		return;
	}
	die("no disk has the serial number %s", disk->name);
}

/* The next word of the list becomes a disk; false at its end. */
static bool next_disk(char **list, struct disk *ret)
{
	char *word = strsep(list, " ");
	char *stays;

	if (!word || !*word)
		return false;
	*ret = (struct disk){.name = strsep(&word, ":")};
	ret->fstype = strsep(&word, ":");
	stays = strsep(&word, ":");
	if (!ret->fstype || !stays)
		die("/lab.conf: disk %s is not NAME:FSTYPE:STAYS", ret->name);
	ret->stays = *stays == '1';
	find_device(ret);
	snprintf(ret->mountpoint, sizeof(ret->mountpoint), "/mnt-%.40s", ret->name);
	return true;
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
	static char chunk[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ssize_t n;

	if (in < 0 || out < 0)
		die("copy %s to %s: %m", from, to);
	while ((n = read(in, chunk, sizeof(chunk))) > 0)
		if (write(out, chunk, (size_t)n) != n)
			die("write %s: %m", to);
	if (n < 0)
		die("read %s: %m", from);
	if (fchmod(out, mode) && errno != EPERM) /* vfat has one mode for all */
		die("chmod %s: %m", to);
	close(in);
	close(out);
}

static void copy_tree(const char *from, const char *to, int deep)
{
	DIR *dir = opendir(from);
	struct dirent *entry;

	if (!dir || (mkdir(to, 0700) && errno != EEXIST) || deep > MAX_DEEP)
		die("copy the folder %s to %s: %m", from, to);
	while ((entry = readdir(dir))) {
		char inner_from[PATH_MAX], inner_to[PATH_MAX];
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(inner_from, sizeof(inner_from), "%s/%s", from, entry->d_name);
		snprintf(inner_to, sizeof(inner_to), "%s/%s", to, entry->d_name);
		if (lstat(inner_from, &st))
			die("stat %s: %m", inner_from);
		if (S_ISDIR(st.st_mode))
			copy_tree(inner_from, inner_to, deep + 1);
		else if (S_ISREG(st.st_mode))
			copy_file(inner_from, inner_to, st.st_mode & 07777);
		else
			die("%s is neither a file nor a folder", inner_from);
		if (chmod(inner_to, st.st_mode & 07777) && errno != EPERM)
			die("chmod %s: %m", inner_to);
	}
	closedir(dir);
}

/* Synced and not synced: what a crash leaves of a file system that is in use. */
static void leave_dirty(const char *mountpoint)
{
	char path[128];

	for (int i = 0; i < 64; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/busy-%d", mountpoint, i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, path, strlen(path)) < 0 || (i < 32 && fsync(fd)))
			die("write %s: %m", path);
		if (i % 4 == 3)
			unlink(path);
		close(fd);
	}
}

void guest_disks_write(char *list)
{
	struct disk disk;
	char path[128];

	while (next_disk(&list, &disk)) {
		must_mount(disk.device, disk.mountpoint, disk.fstype, 0);
		snprintf(path, sizeof(path), "%s" PRECIOUS, disk.mountpoint);
		if (access(path,
			   F_OK)) /* else it was made with it, or this is not the first boot */
			copy_tree(PRECIOUS, path, 0);
		sync();
		if (disk.stays)
			leave_dirty(disk.mountpoint);
		else if (umount(disk.mountpoint))
			die("unmount %s: %m", disk.mountpoint);
	}
}

void guest_disks_copy(char *list)
{
	struct disk disk;
	char path[128];

	if (mkdir(COPIES, 0700))
		die("mkdir %s: %m", COPIES);
	while (next_disk(&list, &disk)) {
		must_mount(disk.device, disk.mountpoint, disk.fstype, MS_RDONLY);
		snprintf(path, sizeof(path), COPIES "/%s", disk.name);
		copy_tree(disk.mountpoint, path, 0);
		if (umount(disk.mountpoint))
			die("unmount %s: %m", disk.mountpoint);
		say("after: copied %s", disk.name);
	}
}

void guest_pstore_copy(void)
{
	if (access("/sys/module/efi_pstore", F_OK))
		return;
	must_mount("pstore", "/sys/fs/pstore", "pstore", MS_RDONLY);
	copy_tree("/sys/fs/pstore", COPIES "/pstore", 0);
	say("after: copied pstore");
}
