// SPDX-License-Identifier: GPL-2.0-or-later
/* Disks that nothing makes again after a crash: what they are, for people. */
#include <stdio.h>
#include <string.h>

#include "config/chain.h"
#include "config/realpath.h"

#define VIRTUAL   "/sys/devices/virtual/block/"
#define MAX_DEPTH 8
#define MAX_TEXT  512

struct layer {
	const char *prefix; /* of the name, or of dm/uuid */
	const char *what;
};

/* A device-mapper device says in its uuid who made it: dm-uuid is "LVM-…", "CRYPT-LUKS2-…", "mpath-…". */
static const struct layer mapped[] = {
	{"LVM-", "an LVM volume"},
	{"CRYPT-VERITY-", "a dm-verity device"},
	{"CRYPT-", "an encrypted device (LUKS)"},
	{"mpath-", "a multipath device"},
	{"DMRAID-", "a firmware RAID (dmraid)"},
	{"stratis-", "a Stratis volume"},
	{"", "a device-mapper device"},
};

static const struct layer virtual_disks[] = {
	{"md", "an MD array (software RAID)"},   {"loop", "a loop device"},
	{"zram", "compressed memory (zram)"},    {"ram", "a RAM disk"},
	{"nbd", "a network block device (nbd)"}, {"drbd", "a DRBD device"},
	{"bcache", "a bcache device"},           {"zd", "a ZFS volume"},
	{"rbd", "a Ceph block device (rbd)"},    {"", "a virtual disk"},
};

static const char *find_layer(const struct layer *layers, const char *name)
{
	while (strncmp(name, layers->prefix, strlen(layers->prefix)) != 0)
		layers++;
	return layers->what;
}

/* The first line of a small file in a disk's folder; "" if there is none. What it shows is cut and made printable. */
static void read_line(const struct root *root, const char *disk, const char *file, char ret[128])
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct err ignored;
	size_t len;

	*ret = '\0';
	if (snprintf(path, sizeof(path), "/sys/class/block/%s/%s", disk, file) >= PATH_MAX ||
	    root_read(root, path, 4096, &text, &len, &ignored))
		return;
	text[strcspn(text, "\n")] = '\0';
	snprintf(ret, 128, "%s", text);
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* A partition that kpartx made has "part1-" before the uuid of what it is a partition of. */
static const char *skip_part(const char *uuid)
{
	size_t digits = strncmp(uuid, "part", 4) == 0 ? strspn(uuid + 4, "0123456789") : 0;

	return digits && uuid[4 + digits] == '-' ? uuid + 4 + digits + 1 : uuid;
}

static void describe(const struct root *root, const char *name, char *to, size_t size)
{
	char line[128];

	if (strncmp(name, "dm-", 3) == 0) {
		read_line(root, name, "dm/uuid", line);
		const char *what = find_layer(mapped, skip_part(line));

		read_line(root, name, "dm/name", line);
		snprintf(to, size, "%s%s%s%s is %s", name, *line ? " (" : "", line,
			 *line ? ")" : "", what);
	} else if (strncmp(name, "loop", 4) == 0) {
		read_line(root, name, "loop/backing_file", line);
		snprintf(to, size, "%s is a loop device%s%s", name, *line ? " of the file " : "",
			 line);
	} else {
		snprintf(to, size, "%s is %s", name, find_layer(virtual_disks, name));
	}
}

static void append_text(char text[MAX_TEXT], const char *more)
{
	size_t len = strlen(text);

	snprintf(text + len, MAX_TEXT - len, "%s", more);
}

/* "dm-1 (vg-root) is an LVM volume, on dm-0 (crypt), which …": each layer once, the first disk below each. */
static void describe_stack(const struct root *root, const char *name, char text[MAX_TEXT])
{
	char at[64];

	snprintf(at, sizeof(at), "%.63s", name);
	for (unsigned int depth = 0; depth < MAX_DEPTH; depth++) {
		char folder[PATH_MAX], one[320];
		char **slaves;

		snprintf(folder, sizeof(folder), "/sys/class/block/%s/slaves", at);
		slaves = realpath_list(root, folder);
		if (depth && (!slaves || !*slaves)) {
			append_text(text, "; on ");
			append_text(text, at);
		} else {
			describe(root, at, one, sizeof(one));
			append_text(text, depth ? "; " : "");
			append_text(text, one);
		}
		snprintf(at, sizeof(at), "%.63s", slaves && *slaves ? *slaves : "");
		realpath_list_free(slaves);
		if (!*at)
			return;
	}
}

/* A component "session7": an iSCSI disk hangs on one (drivers/scsi/scsi_transport_iscsi.c). */
static bool has_session(const char *sysfs)
{
	const char *at = sysfs;

	while ((at = strstr(at, "/session"))) {
		size_t digits = strspn(at + 8, "0123456789");

		if (digits && at[8 + digits] == '/')
			return true;
		at += 8;
	}
	return false;
}

static void read_transport(const struct root *root, const char *controller, char ret[128])
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct err ignored;
	size_t len;

	if (snprintf(path, sizeof(path), "%s/transport", controller) < PATH_MAX &&
	    !root_read(root, path, 4096, &text, &len, &ignored))
		snprintf(ret, 128, "%.*s", (int)strcspn(text, "\n"), text);
}

/*
 * How an NVMe disk is reached: "pcie", "tcp" …; "" for any other disk. What it hangs on is its controller, or a subsystem
 * with links to the controllers.
 */
static void nvme_transport(const struct root *root, const struct chain_disk *disk, char ret[128])
{
	char above[PATH_MAX], path[PATH_MAX];
	char **names;

	*ret = '\0';
	if (strncmp(disk->name, "nvme", 4) != 0)
		return;
	strcpy(above, disk->sysfs);
	for (int up = disk->partition ? 2 : 1; up; up--)
		*strrchr(above, '/') = '\0';
	read_transport(root, above, ret);
	names = realpath_list(root, above);
	for (char **n = names; n && *n && !*ret; n++)
		if (strncmp(*n, "nvme", 4) == 0 &&
		    snprintf(path, sizeof(path), "%s/%s", above, *n) < PATH_MAX)
			read_transport(root, path, ret);
	realpath_list_free(names);
}

int chain_check_layers(const struct root *root, const struct chain_disk *disk, struct err *err)
{
	char text[MAX_TEXT] = "", transport[128];

	nvme_transport(root, disk, transport);
	if (strcmp(transport, "tcp") == 0 || strcmp(transport, "rdma") == 0 ||
	    strcmp(transport, "fc") == 0)
		snprintf(text, sizeof(text), "%s is an NVMe disk behind a network (%s)", disk->name,
			 transport);
	else if (has_session(disk->sysfs))
		snprintf(text, sizeof(text), "%s is an iSCSI disk, behind a network", disk->name);
	else if (strncmp(disk->sysfs, "/sys/devices/rbd/", 17) == 0)
		snprintf(text, sizeof(text), "%s is a Ceph block device (rbd)", disk->name);
	else if (strncmp(disk->sysfs, VIRTUAL, strlen(VIRTUAL)) == 0)
		describe_stack(root, disk->name, text);
	else
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		       "%s; the capture kernel does not bring such a device up: name a file system "
		       "on a plain partition (ext4 UUID=…), a partition for `raw`, or a share",
		       text);
}
