// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/device.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/keyvalue.h"
#include "base/num.h"
#include "storage/device_search.h"
#include "storage/mdraid.h"
#include "storage/partition.h"
#include "base/step.h"

#define SYS_BLOCK    "/sys/class/block"
#define SYS_SECTOR   512 /* of "size" and "start", whatever the disk's own is */
#define NAME_SIZE    64
#define LIMIT_MS     3000
#define AGAIN_MS     1000
#define PAUSE_MIN_MS 10
#define PAUSE_MAX_MS 100
#define DEVICES_MAX  4096
#define FRESH_MAX    8 /* children that are waited for, at a time: each takes some of a small memory */
#define CHILDREN_MAX 64 /* with those of disks that do not answer */
#define TOLD_SIZE    160

enum kind {
	BY_UUID,
	BY_LABEL,
	BY_PARTUUID,
	BY_PARTLABEL,
	BY_LVMPV,
	BY_LUKS,
	BY_MD,
	BY_WWID,
	BY_PATH
};

static const struct kind_name {
	const char *prefix;
	const char *of;
} kinds[] = {
	[BY_UUID] = {"UUID=", "file system"},
	[BY_LABEL] = {"LABEL=", "file system"},
	[BY_PARTUUID] = {"PARTUUID=", "partition"},
	[BY_PARTLABEL] = {"PARTLABEL=", "partition"},
	[BY_LVMPV] = {"LVMPV=", "physical volume"},
	[BY_LUKS] = {"LUKS=", "encrypted device"},
	[BY_MD] = {"MD=", "member of an array"},
	[BY_WWID] = {"WWID=", "disk"},
	[BY_PATH] = {"/dev/", "device"},
};

#define KIND_BIT(kind) (1u << (kind))
#define OF_TABLE       (KIND_BIT(BY_PARTUUID) | KIND_BIT(BY_PARTLABEL))
#define OF_FILE_SYSTEM (KIND_BIT(BY_UUID) | KIND_BIT(BY_LABEL))
#define OF_MEMBER      (KIND_BIT(BY_LVMPV) | KIND_BIT(BY_LUKS))

/* One of the names that are looked for. */
struct wanted {
	enum kind kind;
	const char *name;  /* "UUID=…" */
	const char *value; /* behind the '=' */
};

/* What a child found out; in shared memory. */
struct answer {
	size_t match;         /* the number of the name that is its, from 1; 0: none */
	char told[TOLD_SIZE]; /* for people: what it is, or why it could not be read */
};

enum state {
	WAITING, /* to be looked at */
	READING, /* by a child */
	DONE,
	SKIPPED, /* nothing to look at; `told` says why */
};

struct device {
	char name[NAME_SIZE]; /* in sysfs */
	enum state state;
	unsigned int round; /* of the last listing that had it */
	bool changed;       /* while it was read */
	size_t match;       /* as of the answer */
	uint64_t size;
	uint64_t since_ms; /* of the state */
	pid_t pid;
	struct answer *answer;
	char told[TOLD_SIZE];
};

struct search {
	const struct root *root;
	const struct device_how *how;
	struct wanted *wanted;
	size_t n_wanted;
	unsigned int kinds; /* of them, a bit each */
	struct device *devices;
	size_t n;
	unsigned int round;
	uint64_t listed_ms;
	struct answer *
		answers; /* CHILDREN_MAX of them, shared; one belongs to a child until that has ended */
	bool taken[CHILDREN_MAX];
};

/* ---- nodes */

int device_size(int fd, const char *name, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(err, errno, "%s: stat", name);
	if (S_ISREG(st.st_mode)) {
		*ret = (uint64_t)st.st_size;
		return 0;
	}
	if (!S_ISBLK(st.st_mode))
		return err_set(err, ERR_USAGE, "%s is not a block device", name);
	if (ioctl(fd, BLKGETSIZE64, ret))
		return err_sys(err, errno, "%s: size", name);
	return 0;
}

/* sysfs writes '/' in device names as '!' (cciss!c0d0). */
static void node_of(const char *name, char ret[DEVICE_PATH_MAX])
{
	snprintf(ret, DEVICE_PATH_MAX, "/dev/%.*s", NAME_SIZE, name);
	for (char *p = ret + strlen("/dev/"); *p; p++)
		if (*p == '!')
			*p = '/';
}

/* A plain file stands for a device in a recorded machine only: what someone left in /dev is not a disk. */
static bool is_device(const struct root *root, const struct stat *st)
{
	return S_ISBLK(st->st_mode) || (root->fd >= 0 && S_ISREG(st->st_mode));
}

/* Without opening the device itself. */
static int stat_node(const struct root *root, const char *node, struct stat *ret)
{
	_cleanup_close_ int fd = root_open(root, node, O_PATH);

	return fd < 0 ? -1 : fstat(fd, ret);
}

static bool is_same_device(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) || S_ISBLK(b->st_mode))
		return S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * Open without waiting for a medium, and without an empty drive closing its tray (O_NONBLOCK). It may hang
 * nevertheless.
 */
static int open_node(const struct root *root, const char *name, uint64_t *ret_size, struct err *err)
{
	char node[DEVICE_PATH_MAX];
	struct stat st;
	int fd;

	node_of(name, node);
	fd = root_open(root, node, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		err_sys(err, errno, "open");
		return -1;
	}
	if (fstat(fd, &st) || !is_device(root, &st))
		err_set(err, ERR_USAGE, "not a block device");
	else if (!device_size(fd, node, ret_size, err))
		return fd;
	close(fd);
	return -1;
}

/* ---- sysfs */

static DIR *open_folder(const struct root *root, const char *path)
{
	int fd = root_open(root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool sys_number(const struct root *root, const char *name, const char *file, uint64_t *ret)
{
	char path[PATH_MAX];
	struct err ignored;

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/%s", name, file);
	return root_read_u64(root, path, ret, &ignored) == 0;
}

/* The device that is made of this one (device mapper, MD), if any: then it cannot be used itself. */
static bool sys_holder(const struct root *root, const char *name, char ret[NAME_SIZE])
{
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/holders", name);
	dir = open_folder(root, path);
	while (dir && !found && (e = readdir(dir))) {
		found = e->d_name[0] != '.';
		if (found)
			snprintf(ret, NAME_SIZE, "%.*s", NAME_SIZE - 1, e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The disk of a partition: /sys/class/block/vda1 is a link to …/block/vda/vda1. */
static bool sys_disk(const struct root *root, const char *name, char ret[NAME_SIZE])
{
	char path[PATH_MAX], to[PATH_MAX];
	char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), SYS_BLOCK "/%s", name);

	_cleanup_close_ int fd = root_open(root, path, O_PATH | O_NOFOLLOW);

	n = fd < 0 ? -1 : readlinkat(fd, "", to, sizeof(to) - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	slash = strrchr(to, '/');
	if (!slash)
		return false;
	*slash = '\0';
	slash = strrchr(to, '/');
	return snprintf(ret, NAME_SIZE, "%s", slash ? slash + 1 : to) < NAME_SIZE;
}

int device_number(const char *node, const struct root *root, unsigned int *ret_major,
		  unsigned int *ret_minor, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char name[NAME_SIZE], path[PATH_MAX];
	unsigned int major, minor;
	size_t len;
	char end;

	snprintf(name, sizeof(name), "%s", strncmp(node, "/dev/", 5) == 0 ? node + 5 : node);
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '!';
	snprintf(path, sizeof(path), SYS_BLOCK "/%s/dev", name);
	if (root_read(root, path, 64, &text, &len, err))
		return err->code;
	if (sscanf(text, "%u:%u%c", &major, &minor, &end) < 2 || major > 4095 || minor > 0xfffff)
		return err_set(err, ERR_CORRUPT, "%s holds no device's number", path);
	*ret_major = major;
	*ret_minor = minor;
	return 0;
}

int device_wwid(const char *name, const struct root *root, char ret[DEVICE_WWID_SIZE],
		struct err *err)
{
	static const char *const files[] = {"wwid", "device/wwid", "serial"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = NULL;
		char path[PATH_MAX];
		struct err ignored;
		char *line;
		size_t len;

		snprintf(path, sizeof(path), SYS_BLOCK "/%.*s/%s", NAME_SIZE, name, files[i]);
		if (root_read(root, path, 4096, &text, &len, &ignored))
			continue;
		text[strcspn(text, "\n")] = '\0';
		line = keyvalue_trim(text);
		if (!*line || strlen(line) >= DEVICE_WWID_SIZE)
			continue;
		for (const char *p = line; *p; p++)
			if (!isprint((unsigned char)*p))
				return err_set(err, ERR_UNSUPPORTED, "%s: its %s is no text", name,
					       files[i]);
		strcpy(ret, line);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "%s has no WWID", name);
}

/* ---- looking at one device: in a child */

static int read_partition(const struct root *root, const char *name, struct partition *ret,
			  struct err *err)
{
	uint64_t number, start, size, sector = SYS_SECTOR;
	char disk[NAME_SIZE];

	if (!sys_number(root, name, "partition", &number) ||
	    !sys_number(root, name, "start", &start) || !number || number > UINT16_MAX ||
	    start > UINT64_MAX / SYS_SECTOR)
		return err_set(err, ERR_NOT_FOUND, "no partition");
	if (!sys_disk(root, name, disk))
		return err_set(err, ERR_NOT_FOUND, "its disk is not known");
	(void)sys_number(root, disk, "queue/logical_block_size", &sector);
	if (sector > UINT32_MAX)
		return err_set(err, ERR_CORRUPT, "sectors of %" PRIu64 " bytes", sector);

	_cleanup_close_ int fd = open_node(root, disk, &size, err);

	if (fd < 0)
		return err_wrap(err, "%s", disk);
	*ret = (struct partition){.number = (unsigned int)number, .start = start * SYS_SECTOR};
	return partition_read(fd, size, (uint32_t)sector, disk, ret, err);
}

/* What one device is, as far as some name asks for it. */
struct looked {
	bool has_partition, has_content, has_md, has_wwid;
	struct partition partition;
	struct fsid id;
	char md[MDRAID_NAME];
	char wwid[DEVICE_WWID_SIZE];
};

static void look_at_table(const struct search *s, const char *name, struct looked *l,
			  struct answer *ret)
{
	struct err err = {0};

	l->has_partition = !read_partition(s->root, name, &l->partition, &err);
	if (!l->has_partition)
		snprintf(ret->told, sizeof(ret->told), "%.*s", TOLD_SIZE - 1, err.msg);
	else if (s->kinds & KIND_BIT(BY_PARTUUID))
		snprintf(ret->told, sizeof(ret->told), "%s",
			 *l->partition.uuid ? l->partition.uuid : "no PARTUUID");
	else
		snprintf(ret->told, sizeof(ret->told), "'%s'", l->partition.label);
}

static void look_at_content(const struct search *s, const char *name, struct looked *l,
			    struct answer *ret)
{
	const struct fsid *id = &l->id;
	struct err err = {0};
	struct mdraid md;
	const char *own;
	uint64_t size;
	_cleanup_close_ int fd = open_node(s->root, name, &size, &err);

	l->has_content = fd >= 0 && !s->how->fsid(fd, size, name, &l->id, &err);
	if (!l->has_content) {
		snprintf(ret->told, sizeof(ret->told), "%.*s", TOLD_SIZE - 1, err.msg);
		return;
	}
	own = s->kinds & KIND_BIT(BY_LABEL) ? id->label : id->uuid;
	if (!*id->type)
		snprintf(ret->told, sizeof(ret->told), "nothing known");
	else if (id->n_devices > 1)
		snprintf(ret->told, sizeof(ret->told), "%s on %" PRIu64 " devices %.80s", id->type,
			 id->n_devices, own);
	else
		snprintf(ret->told, sizeof(ret->told), "%s%s%.80s", id->type, *own ? " " : "", own);
	if (!(s->kinds & KIND_BIT(BY_MD)) || strcmp(id->type, "linux_raid_member") != 0)
		return;
	l->has_md = !mdraid_read(fd, size, name, &md, &err);
	if (l->has_md) {
		mdraid_name(&md, l->md);
		snprintf(ret->told, sizeof(ret->told), "%s", l->md);
	}
}

static bool is_it(const struct wanted *w, const struct looked *l)
{
	switch (w->kind) {
	case BY_UUID:
		return l->has_content && fsid_is_file_system(&l->id) &&
		       strcasecmp(l->id.uuid, w->value) == 0;
	case BY_LABEL:
		return l->has_content && fsid_is_file_system(&l->id) &&
		       strcmp(l->id.label, w->value) == 0;
	case BY_PARTUUID:
		return l->has_partition && strcasecmp(l->partition.uuid, w->value) == 0;
	case BY_PARTLABEL:
		return l->has_partition && strcmp(l->partition.label, w->value) == 0;
	case BY_LVMPV:
		return l->has_content && strcmp(l->id.type, "LVM2_member") == 0 &&
		       strcmp(l->id.uuid, w->value) == 0;
	case BY_LUKS:
		return l->has_content && strcmp(l->id.type, "crypto_LUKS") == 0 &&
		       strcasecmp(l->id.uuid, w->value) == 0;
	case BY_MD:
		return l->has_md && strcasecmp(l->md, w->value) == 0;
	case BY_WWID:
		return l->has_wwid && strcmp(l->wwid, w->value) == 0;
	case BY_PATH:
	default:
		return false;
	}
}

static void look(const struct search *s, const char *name, struct answer *ret)
{
	_cleanup_free_ struct looked *l = calloc(1, sizeof(*l));
	struct err ignored;

	if (!l) {
		snprintf(ret->told, sizeof(ret->told), "no memory");
		return;
	}
	if (s->kinds & KIND_BIT(BY_WWID)) {
		l->has_wwid = !device_wwid(name, s->root, l->wwid, &ignored);
		snprintf(ret->told, sizeof(ret->told), "%.120s", l->has_wwid ? l->wwid : "no WWID");
	}
	if (s->kinds & OF_TABLE)
		look_at_table(s, name, l, ret);
	if (s->kinds & (OF_FILE_SYSTEM | OF_MEMBER | KIND_BIT(BY_MD)))
		look_at_content(s, name, l, ret);
	for (size_t i = 0; i < s->n_wanted && !ret->match; i++)
		if (is_it(&s->wanted[i], l))
			ret->match = i + 1;
	/* labels are whatever someone wrote there, and this goes to a console */
	for (char *p = ret->told; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
}

/* ---- children */

static bool is_present(const struct search *s, const struct device *d)
{
	return d->round == s->round;
}

static void set_state(struct device *d, enum state state)
{
	d->state = state;
	d->since_ms = step_now_ms();
}

static void conclude(struct device *d, size_t match, const char *told)
{
	d->match = match;
	snprintf(d->told, sizeof(d->told), "%s", told);
	set_state(d, DONE);
}

static bool is_fresh(const struct search *s, const struct device *d)
{
	return d->state == READING && step_now_ms() - d->since_ms < s->how->limit_ms;
}

static void start_child(struct search *s, struct device *d)
{
	size_t slot = 0;

	while (slot < CHILDREN_MAX && s->taken[slot])
		slot++;
	if (slot == CHILDREN_MAX) {
		conclude(d, 0, "not looked at: too many others do not answer");
		return;
	}
	d->answer = &s->answers[slot];
	memset(d->answer, 0, sizeof(*d->answer));
	d->pid = fork();
	if (d->pid == 0) {
		/* whoever looks may be given up itself */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		look(s, d->name, d->answer);
		_exit(0);
	}
	if (d->pid < 0) {
		conclude(d, 0, "not looked at: no process for it");
		return;
	}
	s->taken[slot] = true;
	d->changed = false;
	set_state(d, READING);
}

static void start_children(struct search *s)
{
	size_t fresh = 0;

	for (size_t i = 0; i < s->n; i++)
		fresh += is_fresh(s, &s->devices[i]);
	for (size_t i = 0; i < s->n && fresh < FRESH_MAX; i++)
		if (s->devices[i].state == WAITING && is_present(s, &s->devices[i])) {
			start_child(s, &s->devices[i]);
			fresh++;
		}
}

static void collect(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct device *d = &s->devices[i];
		int status = 0;

		if (d->state != READING || waitpid(d->pid, &status, WNOHANG) == 0)
			continue;
		s->taken[d->answer - s->answers] = false;
		if (WIFEXITED(status) && *d->answer->told)
			conclude(d, d->answer->match, d->answer->told);
		else
			conclude(d, 0, "the process that looked at it ended early");
		if (d->changed)
			set_state(d, WAITING);
	}
}

/* Is there something that is not known yet and will be soon? */
static bool is_busy(const struct search *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_present(s, &s->devices[i]) &&
		    (s->devices[i].state == WAITING || is_fresh(s, &s->devices[i])))
			return true;
	return false;
}

/* Those that can be killed are gone soon; the others are left behind. */
static void end_children(struct search *s)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (size_t i = 0; i < s->n; i++)
		if (s->devices[i].state == READING)
			kill(s->devices[i].pid, SIGKILL);
	for (int tries = 0; tries < 20; tries++) {
		size_t left = 0;

		for (size_t i = 0; i < s->n; i++) {
			struct device *d = &s->devices[i];

			if (d->state == READING && waitpid(d->pid, NULL, WNOHANG) != 0)
				d->state = DONE;
			left += d->state == READING;
		}
		if (!left)
			return;
		nanosleep(&pause, NULL);
	}
}

/* ---- which devices there are */

static struct device *device_get(struct search *s, const char *name, struct err *err)
{
	struct device *grown;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->devices[i].name, name) == 0)
			return &s->devices[i];
	if (s->n == DEVICES_MAX) {
		err_set(err, ERR_UNSUPPORTED, "more than %d block devices", DEVICES_MAX);
		return NULL;
	}
	grown = reallocarray(s->devices, s->n + 1, sizeof(*grown));
	if (!grown) {
		err_nomem(err, (s->n + 1) * sizeof(*grown), "the block devices");
		return NULL;
	}
	s->devices = grown;
	grown += s->n++;
	memset(grown, 0, sizeof(*grown));
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	set_state(grown, WAITING);
	return grown;
}

static void skip(struct device *d, const char *why)
{
	conclude(d, 0, why);
	if (d->state != SKIPPED)
		set_state(d, SKIPPED);
}

/* What sysfs says of it now: is it to be looked at (again)? */
static void update(struct search *s, struct device *d)
{
	bool only_tables = !(s->kinds & ~OF_TABLE), only_disks = s->kinds == KIND_BIT(BY_WWID);
	char holder[NAME_SIZE], why[NAME_SIZE + 16];
	bool sized, changed = d->round != s->round - 1; /* it is new, or was away */
	uint64_t size = 0, number;

	sized = sys_number(s->root, d->name, "size", &size);
	changed |= size != d->size;
	d->round = s->round;
	d->size = size;
	if (d->state == READING) {
		d->changed |= changed;
	} else if (sized && !size) {
		skip(d, "empty");
	} else if (sys_number(s->root, d->name, "hidden", &number) && number) {
		skip(d, "a path of another, without a node"); /* NVMe's native multipath */
	} else if (only_tables && !sys_number(s->root, d->name, "partition", &number)) {
		skip(d, "no partition");
	} else if (only_disks && sys_number(s->root, d->name, "partition", &number)) {
		skip(d, "a partition");
	} else if (s->kinds & OF_FILE_SYSTEM && sys_holder(s->root, d->name, holder)) {
		/* a path of a multipath device shows the same file system as that */
		snprintf(why, sizeof(why), "used by %s", holder);
		skip(d, why);
	} else if (changed || d->state == SKIPPED ||
		   (d->state == DONE && s->how->again_ms && !d->match &&
		    step_now_ms() - d->since_ms >= s->how->again_ms)) {
		d->match = 0;
		set_state(d, WAITING);
	}
}

static int list(struct search *s, struct err *err)
{
	struct dirent *e;
	DIR *dir;
	int r = 0;

	dir = open_folder(s->root, SYS_BLOCK);
	if (!dir)
		return err_sys(err, errno, "%s" SYS_BLOCK ": open", s->root->path);
	s->round++;
	s->listed_ms = step_now_ms();
	while (!r && (e = readdir(dir))) {
		struct device *d;

		if (e->d_name[0] == '.' || strlen(e->d_name) >= NAME_SIZE)
			continue;
		d = device_get(s, e->d_name, err);
		if (!d)
			r = err->code;
		else
			update(s, d);
	}
	closedir(dir);
	return r;
}

/* ---- searching */

static size_t count_matches(const struct search *s, const struct device *ret[2])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->devices[i].state == DONE && s->devices[i].match &&
		    is_present(s, &s->devices[i])) {
			if (n < 2)
				ret[n] = &s->devices[i];
			n++;
		}
	return n;
}

/* "there is no partition with PARTUUID=…; there are: vda (no partition), vda1 (1234abcd-01)" */
static int say_missing(const struct search *s, struct err *err)
{
	char there[ERR_MSG_SIZE - 200] = "", empty[32] = "";
	size_t at = 0, n_empty = 0;

	for (size_t i = 0; i < s->n && at < sizeof(there); i++) {
		const struct device *d = &s->devices[i];

		/* there may be dozens, of drivers for loop and network devices */
		if (d->state == SKIPPED && !d->size)
			n_empty += is_present(s, d);
		else if (is_present(s, d))
			at += (size_t)snprintf(there + at, sizeof(there) - at, "%s%s (%s)",
					       at ? ", " : "", d->name,
					       d->state == WAITING   ? "not looked at yet"
					       : d->state == READING ? "does not answer"
								     : d->told);
	}
	if (n_empty)
		snprintf(empty, sizeof(empty), "; %zu empty", n_empty);
	return err_set(err, ERR_NOT_FOUND, "there is no %s with %.100s; block devices: %s%s",
		       kinds[s->wanted->kind].of, s->wanted->name, *there ? there : "none", empty);
}

static int say_ambiguous(const struct search *s, const struct device *const found[2],
			 struct err *err)
{
	return err_set(err, ERR_USAGE, "%.100s is the name of both %s (%s) and %s (%s)",
		       s->wanted->name, found[0]->name, found[0]->told, found[1]->name,
		       found[1]->told);
}

/* A node's name in sysfs; false if it has none there. */
static bool find_same(const struct root *root, const struct stat *st, char ret[NAME_SIZE])
{
	DIR *dir = open_folder(root, SYS_BLOCK);
	char node[DEVICE_PATH_MAX];
	struct dirent *e;
	bool found = false;
	struct stat other;

	while (dir && !found && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || strlen(e->d_name) >= NAME_SIZE)
			continue;
		node_of(e->d_name, node);
		found = !stat_node(root, node, &other) && is_same_device(st, &other);
		if (found)
			strcpy(ret, e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* By its path: 0, ERR_NOT_FOUND or another error. */
static int look_at_path(const struct search *s, const char *path, char ret[DEVICE_PATH_MAX],
			struct err *err)
{
	char name[NAME_SIZE];
	struct stat st;

	if (stat_node(s->root, path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(err, ERR_NOT_FOUND, "there is no %.200s", path);
		return err_sys(err, errno, "%.200s", path);
	}
	if (!is_device(s->root, &st))
		return err_set(err, ERR_USAGE, "%.200s is not a block device", path);
	if (find_same(s->root, &st, name))
		node_of(name, ret);
	else
		strcpy(ret, path);
	return 0;
}

/* One round. 0: *ret is it; ERR_NOT_FOUND: not yet. *busy: the next round may know more. */
static int look_around(struct search *s, bool *busy, char ret[DEVICE_PATH_MAX], struct err *err)
{
	const struct device *found[2];
	size_t n;

	*busy = false;
	if (s->wanted->kind == BY_PATH)
		return look_at_path(s, s->wanted->name, ret, err);
	/* not each time that a child is looked after */
	if (step_now_ms() - s->listed_ms >= PAUSE_MIN_MS && list(s, err))
		return err->code;
	start_children(s);
	collect(s);
	*busy = is_busy(s);
	n = *busy ? 0 : count_matches(s, found);
	if (!n)
		return say_missing(s, err);
	if (n > 1)
		return say_ambiguous(s, found, err);
	node_of(found[0]->name, ret);
	return 0;
}

static int search(struct search *s, char ret[DEVICE_PATH_MAX], struct err *err)
{
	uint64_t start = step_now_ms();
	char found[DEVICE_PATH_MAX];

	for (;;) {
		struct err now = {0};
		struct timespec pause = {0};
		uint64_t ms;
		bool busy;
		int r = look_around(s, &busy, found, &now);

		if (!r) {
			strcpy(ret, found);
			return 0;
		}
		*err = now; /* also while this goes on: it becomes part of the step's timeout */
		if (r == ERR_USAGE || (!busy && !s->how->again_ms))
			return r;
		ms = (step_now_ms() - start) / 16;
		ms = busy ? 1 : NUM_MIN(NUM_MAX(ms, PAUSE_MIN_MS), PAUSE_MAX_MS);
		pause.tv_nsec = (long)ms * 1000000;
		nanosleep(&pause, NULL);
	}
}

static int read_wanted(const char *name, struct wanted *ret, struct err *err)
{
	struct wanted w = {.name = name};

	while ((size_t)w.kind < ARRAY_SIZE(kinds) &&
	       strncmp(name, kinds[w.kind].prefix, strlen(kinds[w.kind].prefix)) != 0)
		w.kind++;
	if ((size_t)w.kind == ARRAY_SIZE(kinds))
		return err_set(err, ERR_USAGE,
			       "'%.100s' is not UUID=…, LABEL=…, PARTUUID=…, PARTLABEL=… or a path "
			       "below /dev",
			       name);
	if (strlen(name) >= DEVICE_PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "device %.100s…", name);
	w.value = name + strlen(kinds[w.kind].prefix);
	if (!*w.value)
		return err_set(err, ERR_USAGE, "there is nothing behind %s", name);
	*ret = w;
	return 0;
}

static void search_deinit(struct search *s)
{
	end_children(s);
	step_shared_free(s->answers, CHILDREN_MAX * sizeof(*s->answers));
	free(s->devices);
	free(s->wanted);
}

static int search_init(struct search *s, const char *const *names, size_t n, struct err *err)
{
	s->wanted = calloc(n ? n : 1, sizeof(*s->wanted));
	if (!s->wanted)
		return err_nomem(err, n * sizeof(*s->wanted), "a search");
	for (size_t i = 0; i < n; i++) {
		if (read_wanted(names[i], &s->wanted[i], err))
			return err->code;
		s->kinds |= KIND_BIT(s->wanted[i].kind);
		s->n_wanted++;
	}
	s->answers = step_shared_alloc(CHILDREN_MAX * sizeof(*s->answers));
	return s->answers ? 0 : err_nomem(err, CHILDREN_MAX * sizeof(*s->answers), "a search");
}

int device_search(const char *name, const struct root *root, const struct device_how *how,
		  char ret[DEVICE_PATH_MAX], struct err *err)
{
	struct search s = {.root = root, .how = how};
	int r = search_init(&s, &name, 1, err);

	if (!r)
		r = search(&s, ret, err);
	search_deinit(&s);
	return r;
}

/* ---- several at a time */

struct device_watch {
	struct search s;
};

int device_watch_create(const char *const *names, size_t n, const struct root *root,
			struct device_watch **ret, struct err *err)
{
	static const struct device_how how = {fsid_read, LIMIT_MS, AGAIN_MS};
	struct device_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem(err, sizeof(*w), "a search");
	w->s.root = root;
	w->s.how = &how;
	if (search_init(&w->s, names, n, err)) {
		device_watch_destroy(w);
		return err->code;
	}
	*ret = w;
	return 0;
}

void device_watch_destroy(struct device_watch *w)
{
	if (!w)
		return;
	search_deinit(&w->s);
	free(w);
}

static size_t watch_paths(const struct search *s, struct device_match *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_wanted && n < max; i++) {
		struct err ignored;

		if (s->wanted[i].kind == BY_PATH &&
		    !look_at_path(s, s->wanted[i].name, ret[n].node, &ignored))
			ret[n++].name = i;
	}
	return n;
}

int device_watch_look(struct device_watch *w, struct device_match *ret, size_t max, size_t *ret_n,
		      bool *ret_busy, struct err *err)
{
	struct search *s = &w->s;
	size_t n = watch_paths(s, ret, max);

	*ret_busy = false;
	if (s->kinds & ~KIND_BIT(BY_PATH)) {
		if (step_now_ms() - s->listed_ms >= PAUSE_MIN_MS && list(s, err))
			return err->code;
		start_children(s);
		collect(s);
		*ret_busy = is_busy(s);
	}
	for (size_t i = 0; i < s->n && n < max; i++)
		if (s->devices[i].state == DONE && s->devices[i].match &&
		    is_present(s, &s->devices[i])) {
			ret[n].name = s->devices[i].match - 1;
			node_of(s->devices[i].name, ret[n++].node);
		}
	*ret_n = n;
	return 0;
}

int device_find(const char *name, const struct root *root, char ret[DEVICE_PATH_MAX],
		struct err *err)
{
	static const struct device_how how = {.fsid = fsid_read, .limit_ms = LIMIT_MS};

	return device_search(name, root, &how, ret, err);
}

int device_wait(const char *name, const struct root *root, char ret[DEVICE_PATH_MAX],
		struct err *err)
{
	static const struct device_how how = {fsid_read, LIMIT_MS, AGAIN_MS};

	return device_search(name, root, &how, ret, err);
}

/* ---- the other way round */

struct table_look {
	const struct root *root;
	char name[NAME_SIZE];
	struct partition partition;
};

static int step_table(void *ctx, struct err *err)
{
	struct table_look *l = ctx;
	struct partition p;
	int r;

	err_set(err, ERR_TIMEOUT, "its disk does not answer");
	r = read_partition(l->root, l->name, &p, err);
	if (!r)
		l->partition = p;
	return r;
}

int device_partuuid(const char *node, const struct root *root, char ret[FSID_UUID_SIZE],
		    struct err *err)
{
	struct table_look *l = step_shared_alloc(sizeof(*l));
	struct step_outcome o = {0};
	struct stat st;
	int r = 0;

	if (!l)
		return err_nomem(err, sizeof(*l), node);
	l->root = root;
	if (stat_node(root, node, &st))
		r = err_sys(err, errno, "%s", node);
	else if (!is_device(root, &st) || !find_same(root, &st, l->name))
		r = err_set(err, ERR_NOT_FOUND, "%s: the kernel has no such block device", node);
	if (!r)
		step_run(step_table, l, &(const struct step_limits){.ms = LIMIT_MS}, &o);
	if (o.err.code) {
		*err = o.err;
		r = err_wrap(err, "%s", node);
	}
	if (!r && !*l->partition.uuid)
		r = err_set(err, ERR_NOT_FOUND, "%s: its disk has no identifier", node);
	if (!r)
		strcpy(ret, l->partition.uuid);
	step_shared_free(l, sizeof(*l));
	return r;
}
