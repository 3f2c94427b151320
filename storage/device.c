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

#include "base/num.h"
#include "storage/device_search.h"
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

enum kind { BY_UUID, BY_LABEL, BY_PARTUUID, BY_PARTLABEL, BY_PATH };

static const struct kind_name {
	const char *prefix;
	const char *of;
} kinds[] = {
	[BY_UUID] = {"UUID=", "file system"},
	[BY_LABEL] = {"LABEL=", "file system"},
	[BY_PARTUUID] = {"PARTUUID=", "partition"},
	[BY_PARTLABEL] = {"PARTLABEL=", "partition"},
	[BY_PATH] = {"/dev/", "device"},
};

/* What a child found out; in shared memory. */
struct answer {
	bool matches;
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
	bool matches;
	uint64_t size;
	uint64_t since_ms; /* of the state */
	pid_t pid;
	struct answer *answer;
	char told[TOLD_SIZE];
};

struct search {
	const struct root *root;
	const struct device_how *how;
	const char *name;  /* "UUID=…" */
	const char *value; /* behind the '=' */
	enum kind kind;
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

static int look_at_table(const struct search *s, const char *name, struct answer *ret,
			 struct err *err)
{
	struct partition p;

	if (read_partition(s->root, name, &p, err))
		return err->code;
	ret->matches = s->kind == BY_PARTUUID ? strcasecmp(p.uuid, s->value) == 0
					      : strcmp(p.label, s->value) == 0;
	if (s->kind == BY_PARTUUID)
		snprintf(ret->told, sizeof(ret->told), "%s", *p.uuid ? p.uuid : "no PARTUUID");
	else
		snprintf(ret->told, sizeof(ret->told), "'%s'", p.label);
	return 0;
}

static int look_at_content(const struct search *s, const char *name, struct answer *ret,
			   struct err *err)
{
	const char *own;
	struct fsid id;
	uint64_t size;
	_cleanup_close_ int fd = open_node(s->root, name, &size, err);

	if (fd < 0 || s->how->fsid(fd, size, name, &id, err))
		return err->code;
	own = s->kind == BY_UUID ? id.uuid : id.label;
	ret->matches =
		fsid_is_file_system(&id) &&
		(s->kind == BY_UUID ? strcasecmp(own, s->value) == 0 : strcmp(own, s->value) == 0);
	if (!*id.type)
		snprintf(ret->told, sizeof(ret->told), "nothing known");
	else if (id.n_devices > 1)
		snprintf(ret->told, sizeof(ret->told), "%s on %" PRIu64 " devices %.80s", id.type,
			 id.n_devices, own);
	else
		snprintf(ret->told, sizeof(ret->told), "%s%s%.80s", id.type, *own ? " " : "", own);
	return 0;
}

static void look(const struct search *s, const char *name, struct answer *ret)
{
	struct err err = {0};
	int r = s->kind == BY_UUID || s->kind == BY_LABEL ? look_at_content(s, name, ret, &err)
							  : look_at_table(s, name, ret, &err);

	if (r)
		snprintf(ret->told, sizeof(ret->told), "%.*s", TOLD_SIZE - 1, err.msg);
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

static void conclude(struct device *d, bool matches, const char *told)
{
	d->matches = matches;
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
		conclude(d, false, "not looked at: too many others do not answer");
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
		conclude(d, false, "not looked at: no process for it");
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
			conclude(d, d->answer->matches, d->answer->told);
		else
			conclude(d, false, "the process that looked at it ended early");
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
	conclude(d, false, why);
	if (d->state != SKIPPED)
		set_state(d, SKIPPED);
}

/* What sysfs says of it now: is it to be looked at (again)? */
static void update(struct search *s, struct device *d)
{
	bool by_table = s->kind == BY_PARTUUID || s->kind == BY_PARTLABEL;
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
	} else if (by_table && !sys_number(s->root, d->name, "partition", &number)) {
		skip(d, "no partition");
	} else if (!by_table && sys_holder(s->root, d->name, holder)) {
		/* a path of a multipath device shows the same file system as that */
		snprintf(why, sizeof(why), "used by %s", holder);
		skip(d, why);
	} else if (changed || d->state == SKIPPED ||
		   (d->state == DONE && s->how->again_ms && !d->matches &&
		    step_now_ms() - d->since_ms >= s->how->again_ms)) {
		d->matches = false;
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
		if (s->devices[i].state == DONE && s->devices[i].matches &&
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
		       kinds[s->kind].of, s->name, *there ? there : "none", empty);
}

static int say_ambiguous(const struct search *s, const struct device *const found[2],
			 struct err *err)
{
	return err_set(err, ERR_USAGE, "%.100s is the name of both %s (%s) and %s (%s)", s->name,
		       found[0]->name, found[0]->told, found[1]->name, found[1]->told);
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
static int look_at_path(const struct search *s, char ret[DEVICE_PATH_MAX], struct err *err)
{
	char name[NAME_SIZE];
	struct stat st;

	if (stat_node(s->root, s->name, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(err, ERR_NOT_FOUND, "there is no %.200s", s->name);
		return err_sys(err, errno, "%.200s", s->name);
	}
	if (!is_device(s->root, &st))
		return err_set(err, ERR_USAGE, "%.200s is not a block device", s->name);
	if (find_same(s->root, &st, name))
		node_of(name, ret);
	else
		strcpy(ret, s->name);
	return 0;
}

/* One round. 0: *ret is it; ERR_NOT_FOUND: not yet. *busy: the next round may know more. */
static int look_around(struct search *s, bool *busy, char ret[DEVICE_PATH_MAX], struct err *err)
{
	const struct device *found[2];
	size_t n;

	*busy = false;
	if (s->kind == BY_PATH)
		return look_at_path(s, ret, err);
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

static int search_init(struct search *s, const char *name, struct err *err)
{
	while ((size_t)s->kind < ARRAY_SIZE(kinds) &&
	       strncmp(name, kinds[s->kind].prefix, strlen(kinds[s->kind].prefix)) != 0)
		s->kind++;
	if ((size_t)s->kind == ARRAY_SIZE(kinds))
		return err_set(err, ERR_USAGE,
			       "'%.100s' is not UUID=…, LABEL=…, PARTUUID=…, PARTLABEL=… or a path "
			       "below /dev",
			       name);
	if (strlen(name) >= DEVICE_PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "device %.100s…", name);
	s->name = name;
	s->value = name + strlen(kinds[s->kind].prefix);
	if (!*s->value)
		return err_set(err, ERR_USAGE, "there is nothing behind %s", name);
	if (s->kind == BY_PATH)
		return 0;
	s->answers = step_shared_alloc(CHILDREN_MAX * sizeof(*s->answers));
	return s->answers ? 0 : err_nomem(err, CHILDREN_MAX * sizeof(*s->answers), "a search");
}

int device_search(const char *name, const struct root *root, const struct device_how *how,
		  char ret[DEVICE_PATH_MAX], struct err *err)
{
	struct search s = {.root = root, .how = how};
	int r = search_init(&s, name, err);

	if (!r)
		r = search(&s, ret, err);
	end_children(&s);
	step_shared_free(s.answers, CHILDREN_MAX * sizeof(*s.answers));
	free(s.devices);
	return r;
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
